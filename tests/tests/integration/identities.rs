//! Every identity, from the pod's files to Google's tokens. The real sidecar serves the source `metadata`, so it performs
//! every exchange itself, through a chain of service accounts.

use std::path::Path;

use reqwest::Client;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::{audience, token_audience};
use rolebridge_fake_clouds::{Clouds, Detail, Operation};
use rolebridge_tests::ports::free_address;
use rolebridge_tests::process::Process;
use rolebridge_tests::world::{GOOGLE_ACCOUNT, ROLE};
use rstest::rstest;
use tokio::process::Command;

use crate::support::{TIMEOUT, issue_token, programs, write_file};

const POOL: &str = "projects/987654321098/locations/global/workloadIdentityPools/shop";
const ID_TOKEN_AUDIENCE: &str = "https://orders-abc123-ew.a.run.app";

/// Source of the AWS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AwsCredentials {
    Irsa,
    PodIdentity,
}

#[rstest]
#[case::aws_role("aws-role", Some(AwsCredentials::Irsa), "nightly-report")]
#[case::aws_role_by_pod_identity("aws-role", Some(AwsCredentials::PodIdentity), "associated")]
#[case::aws_jwt("aws-jwt", Some(AwsCredentials::Irsa), ROLE)]
#[case::aws_jwt_by_pod_identity(
    "aws-jwt",
    Some(AwsCredentials::PodIdentity),
    "arn:aws:iam::123456789012:role/associated"
)]
#[case::kubernetes("kubernetes", None, "system:serviceaccount:shop:nightly-report")]
#[tokio::test(flavor = "multi_thread")]
async fn identity_is_exchanged_for_google_tokens(
    #[case] identity: &str,
    #[case] aws: Option<AwsCredentials>,
    #[case] subject: &str,
) {
    let programs = programs().await;
    let config = serde_saphyr::from_str(include_str!("identities.yaml")).unwrap();
    let clouds = Clouds::start(config).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = free_address().unwrap().port();
    let mut command = Command::new(&programs.sidecar);
    command.env_clear().arg("run");
    set_common_env(&mut command, &clouds, folder.path(), identity, port);
    match aws {
        Some(AwsCredentials::Irsa) => set_irsa_env(&mut command, &clouds, folder.path()),
        Some(AwsCredentials::PodIdentity) => set_pod_identity_env(&mut command, &clouds, folder.path()),
        None => {
            let token = token(&clouds, &token_audience(&provider(identity)));
            command.env(names::IDENTITY_TOKEN_FILE, write_file(folder.path(), "token", &token));
        }
    }
    let sidecar = Process::start("rolebridge-sidecar", command).unwrap();
    sidecar.log().wait_for_line(0, TIMEOUT, |line| line.contains("subject token published")).await.unwrap();
    let (status, token) =
        get_metadata(port, "token?scopes=https://www.googleapis.com/auth/cloud-platform").await;
    assert_eq!(status, 200, "{token}\n{}", sidecar.log().text());
    let (status, id_token) =
        get_metadata(port, &format!("identity?audience={ID_TOKEN_AUDIENCE}&format=full")).await;
    assert_eq!(status, 200, "{id_token}\n{}", sidecar.log().text());
    let google = clouds.issuer("https://accounts.google.com").unwrap();
    let claims = google.claims(&id_token).unwrap();
    assert_eq!(
        (claims["aud"].as_str(), claims["email"].as_str()),
        (Some(ID_TOKEN_AUDIENCE), Some(GOOGLE_ACCOUNT))
    );

    let events = clouds.events();
    assert!(events.iter().all(|event| event.error.is_none()), "{events:#?}");
    let principal = format!("principal:{}/subject/{subject}", audience(POOL));
    let exchanged = |detail: &Detail| match detail {
        Detail::TokenExchanged(exchanged) => Some(exchanged.principal.clone()),
        _ => None,
    };
    let exchanged: Vec<_> = events.iter().filter_map(|event| exchanged(&event.detail)).collect();
    assert!(!exchanged.is_empty() && exchanged.iter().all(|found| *found == principal), "{exchanged:?}");
    let called = |operation| clouds.calls(operation) > 0;
    assert_eq!(called(Operation::AssumeRoleWithWebIdentity), aws == Some(AwsCredentials::Irsa));
    assert_eq!(called(Operation::PodCredentials), aws == Some(AwsCredentials::PodIdentity));
    assert_eq!(called(Operation::GetWebIdentityToken), identity == "aws-jwt");
    assert_eq!(called(Operation::GetCallerIdentity), identity == "aws-role");
}

/// Sets the variables that are the same for every identity.
fn set_common_env(command: &mut Command, clouds: &Clouds, folder: &Path, identity: &str, port: u16) {
    command
        .env(names::IDENTITY, identity)
        .env(names::AUDIENCE, audience(&provider(identity)))
        .env(names::TOKEN_FILE, folder.join("published"))
        .env(names::LOOPBACK_PORT, port.to_string())
        .env(names::SERVE, "metadata")
        .env(names::SERVICE_ACCOUNT, GOOGLE_ACCOUNT)
        .env(names::DELEGATES, "door@shop-analytics.iam.gserviceaccount.com")
        .env(names::STS_ENDPOINT, clouds.google_sts())
        .env(names::IAM_CREDENTIALS_ENDPOINT, clouds.iam_credentials())
        .env(names::SSL_CERT_FILE, write_file(folder, "ca.crt", clouds.ca_pem()));
}

fn set_irsa_env(command: &mut Command, clouds: &Clouds, folder: &Path) {
    command
        .env(names::AWS_REGION, "eu-west-1")
        .env(names::AWS_ENDPOINT_URL_STS, clouds.aws_sts())
        .env(names::AWS_ROLE_ARN, ROLE)
        .env(names::AWS_ROLE_SESSION_NAME, "shop.nightly-report")
        .env(
            names::AWS_WEB_IDENTITY_TOKEN_FILE,
            write_file(folder, "token", &token(clouds, "sts.amazonaws.com")),
        );
}

fn set_pod_identity_env(command: &mut Command, clouds: &Clouds, folder: &Path) {
    let file = write_file(folder, "token", &token(clouds, "pods.eks.amazonaws.com"));
    command
        .env(names::AWS_REGION, "eu-west-1")
        .env(names::AWS_ENDPOINT_URL_STS, clouds.aws_sts())
        .env(names::AWS_CREDENTIALS, "pod-identity")
        .env(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, format!("{}/v1/credentials", clouds.pod_identity()))
        .env(names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, file);
}

fn provider(identity: &str) -> String {
    format!("{POOL}/providers/{identity}")
}

/// Issues the pod's projected token, valid for one hour.
fn token(clouds: &Clouds, audience: &str) -> String {
    issue_token(clouds, audience, clouds.aws_clock().now(), 3_600)
}

/// Requests a path of the default service account from the metadata server.
async fn get_metadata(port: u16, path: &str) -> (u16, String) {
    let url = format!("http://127.0.0.1:{port}/computeMetadata/v1/instance/service-accounts/default/{path}");
    let client = Client::builder().no_proxy().build().unwrap();
    let response = client.get(&url).header("Metadata-Flavor", "Google").send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
