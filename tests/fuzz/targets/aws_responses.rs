//! Responses of AWS STS and the EKS Pod Identity agent, as the sidecar reads them.
#![no_main]

mod answer;

use std::ffi::OsString;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use answer::Answer;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use libfuzzer_sys::fuzz_target;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::aws::sts::{Session, StsClient};
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::credential::{CredentialProvider, FetchCredential, Target};
use rolebridge_sidecar::doctor::{self, DoctorOptions, OutputFormat};
use rolebridge_sidecar::error::Error;
use rolebridge_sidecar::fuzzing::replace_network;
use rolebridge_sidecar::schedule::Lifetime;
use rolebridge_sidecar::settings::{Connection, Env, IdentitySettings, IdentitySource};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

const TOKEN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fake-clouds/testdata/oidc/rs256/token.jwt");
const PROJECTED_TOKEN: &str = include_str!("../../fake-clouds/testdata/oidc/rs256/token.jwt");
/// The response with a session.
const SESSION: &str = include_str!("../../../src/sidecar/tests/it/assume-role.xml");
const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/providers/prod";
/// A secret of a response. No error may contain it, because no error quotes a successful response.
const RECEIVED: &str = "marker-se";

/// The runtime. Paused time advances when nothing else is to do, so that no input waits.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("the runtime starts")
});

fuzz_target!(|data: &[u8]| {
    let Some((operation, answer)) = Answer::parse(data) else { return };
    answer.install();
    match operation {
        "web-token" => check(&answer, RUNTIME.block_on(web_token())),
        "caller-identity" => diagnose(answer),
        "assume-role" | "aws-jwt" | "pod-identity" => check(&answer, RUNTIME.block_on(provide(operation))),
        _ => {}
    }
});

/// Returns 2026-03-02T00:00:00Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(492_336)
}

fn variable(operation: &str, name: &str) -> Option<OsString> {
    let value = match name {
        names::IDENTITY if operation == "aws-jwt" => "aws-jwt",
        names::AWS_CREDENTIALS if operation == "pod-identity" => "pod-identity",
        names::AWS_CONTAINER_CREDENTIALS_FULL_URI => "http://169.254.170.23/v1/credentials",
        names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE | names::AWS_WEB_IDENTITY_TOKEN_FILE => TOKEN_FILE,
        names::AWS_ROLE_ARN => "arn:aws:iam::123456789012:role/batch",
        names::AWS_ROLE_SESSION_NAME => "shop.nightly",
        names::AWS_REGION => "eu-west-1",
        names::AUDIENCE => AUDIENCE,
        names::TOKEN_FILE => "/nonexistent/token",
        _ => return None,
    };
    Some(value.into())
}

fn identity(operation: &str) -> IdentitySettings {
    IdentitySettings::read(&Env::new(&|name: &str| variable(operation, name)))
        .expect("the settings are valid")
}

/// Requests a credential and makes a subject token of it.
async fn provide(operation: &str) -> Result<(), Error> {
    let (identity, clock) = (identity(operation), Clock::from_fn(now));
    let target = Target::new(&identity);
    let credential = CredentialProvider::new(identity, clock.clone()).provide().await?;
    let lifetime = credential.lifetime();
    assert!(lifetime.obtained < lifetime.expires);
    assert!(lifetime.renew_at(0.3, 0.5) <= lifetime.expires);
    if let Ok(token) = credential.subject_token(&target, clock.now()) {
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_graphic()), "{}", token.expose());
    }
    Ok(())
}

async fn web_token() -> Result<(), Error> {
    let IdentitySource::Aws(aws) = identity("web-token").source else {
        unreachable!("the identity is AWS's")
    };
    let lifetime = Lifetime { obtained: now(), expires: now() + Duration::from_hours(1) };
    let credentials = Credentials::new("ASIA", "key", Some("sent-session-token-of-aws".into()), None, "test");
    let client = StsClient::new(&aws, Connection::default(), Clock::from_fn(now));
    let session = Session { credentials, lifetime };
    let (token, lifetime) = client.get_web_identity_token(&session, "https://a.example").await?;
    assert_eq!(token.expose().split('.').count(), 3);
    assert!(lifetime.obtained < lifetime.expires);
    Ok(())
}

fn check(answer: &Answer, result: Result<(), Error>) {
    let Err(error) = result else { return };
    let text = error.to_string();
    answer.assert_hidden(&text, &[PROJECTED_TOKEN.trim()]);
    assert!(!text.contains(char::is_control), "{text}");
    assert!(answer.is_error() || !text.contains(RECEIVED), "{text}");
}

/// Responses to a diagnosis. Only the response to `GetCallerIdentity` is the input.
#[derive(Debug)]
struct Cloud {
    caller: Answer,
    session: Answer,
}

impl HttpConnector for Cloud {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_caller = request.uri().contains("Action=GetCallerIdentity");
        HttpConnectorFuture::ready(Ok(if is_caller { &self.caller } else { &self.session }.respond(&request)))
    }
}

fn diagnose(answer: Answer) {
    // A diagnosis uses the system's clock.
    let session = Answer::new(200, String::new(), &SESSION.replace("{expiration}", "2126-03-02T00:00:00Z"));
    replace_network(SharedHttpConnector::new(Cloud { caller: answer.clone(), session }));
    let mut out = Vec::new();
    let env = |name: &str| variable("caller-identity", name);
    let options = DoctorOptions { format: OutputFormat::Json, sign: true };
    let _ = doctor::run(&Env::new(&env), options, &mut out);
    let text = String::from_utf8(out).expect("the output is UTF-8");
    answer.assert_hidden(&text, &[PROJECTED_TOKEN.trim()]);
    for line in text.lines() {
        let _: Value = serde_json::from_str(line).expect("each line is JSON");
    }
}
