//! Responses of Google STS and the IAM Credentials API, as the sidecar reads them.
#![no_main]

mod answer;

use std::ffi::OsString;
use std::sync::LazyLock;
use std::time::SystemTime;

use answer::Answer;
use aws_credential_types::Credentials;
use libfuzzer_sys::fuzz_target;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_sidecar::error::Error;
use rolebridge_sidecar::google::{GoogleClient, Token, TokenProvider};
use rolebridge_sidecar::jwt;
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::settings::{Env, Settings};
use rolebridge_sidecar::sign::sign;
use rolebridge_sidecar::subject_token::SubjectToken;
use tokio::runtime::{Builder, Runtime};

const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws-pool/providers/prod";
const FEDERATED: &str = "ya29.d.b0Aaekm1LbG3sent/federated+Qm1";
const WEB_TOKEN: &str = "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.sent-signature-of-a-token";
const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLXdlc3QtMiJHMEUCIQDqfT+9yZ1G8f3k/B2w==";

/// The runtime. Paused time advances when nothing else is to do, so that no input waits.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("the runtime starts")
});
static GOOGLE: LazyLock<GoogleClient> = LazyLock::new(|| {
    let settings = Settings::read(&Env::new(&variable)).expect("the settings are valid");
    GoogleClient::new(&settings, AccountNumber::DEFAULT)
});
/// A signed request, and its signature.
static SIGNED: LazyLock<(SubjectToken, String)> = LazyLock::new(|| {
    let credentials = Credentials::new("ASIA", "key", Some(SESSION_TOKEN.into()), None, "test");
    let token = sign(&credentials, AUDIENCE, "eu-west-1", SystemTime::UNIX_EPOCH).expect("it can be signed");
    let (_, rest) = token.expose().split_once("Signature%3D").expect("it has a signature");
    let signature = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    (token, signature)
});

fuzz_target!(|data: &[u8]| {
    let Some((operation, answer)) = Answer::parse(data) else { return };
    answer.install();
    let result = RUNTIME.block_on(call(operation));
    if let Err(error) = result {
        let text = error.to_string();
        answer.assert_hidden(&text, &[FEDERATED, WEB_TOKEN, SESSION_TOKEN, &SIGNED.1]);
        assert!(!text.contains(char::is_control), "{text}");
        assert!(answer.is_error() || !text.contains("marker-se"), "{text}");
    }
});

fn variable(name: &str) -> Option<OsString> {
    let value = match name {
        names::AWS_ROLE_ARN => "arn:aws:iam::123456789012:role/batch",
        names::AWS_ROLE_SESSION_NAME => "shop.nightly",
        names::AWS_WEB_IDENTITY_TOKEN_FILE | names::TOKEN_FILE => "/nonexistent/token",
        names::AWS_REGION => "eu-west-1",
        names::AUDIENCE => AUDIENCE,
        names::SERVICE_ACCOUNT => "nightly-batch@shop.iam.gserviceaccount.com",
        _ => return None,
    };
    Some(value.into())
}

async fn call(operation: &str) -> Result<(), Error> {
    let (google, federated, scopes) = (&*GOOGLE, Secret::new(FEDERATED), Scopes::cloud_platform());
    match operation {
        "exchange" => {
            let token = google.exchange(&SIGNED.0, &scopes).await?;
            check(&token);
            // The token is sent as a header, whatever it contains.
            check(&google.access_token(&token.secret, &scopes).await?);
        }
        "exchange-jwt" => check(&google.exchange(&SubjectToken::new(WEB_TOKEN), &scopes).await?),
        "access-token" => check(&google.access_token(&federated, &scopes).await?),
        "id-token" => {
            let token = google.id_token(&federated, "https://a.example").await?;
            check(&token);
            assert!(jwt::claims(token.secret.expose()).is_some());
        }
        _ => {}
    }
    Ok(())
}

/// Checks that a token is valid now, and that it is not displayed: all secrets are displayed alike.
fn check(token: &Token) {
    assert!(!token.expires_in.is_zero());
    let another = Token { secret: Secret::new("another"), expires_in: token.expires_in };
    assert_eq!(format!("{token:?}"), format!("{another:?}"));
}
