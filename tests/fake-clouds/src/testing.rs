//! Test helpers: the clouds of `testdata/clouds.yaml` at a fixed time, tokens, and requests signed by AWS's signer.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::xml::element;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::events::EventLog;
use crate::faults::FaultInjector;
use crate::google::Google;
use crate::oidc::{Issuer, Issuers, ProjectedToken};
use crate::recorder::Recorder;
use crate::service::Service;
use crate::state::State;
use crate::wire::{Request, Response};

/// The time of the tests: 24 November 2026, 08:00.
pub(crate) const NOW: Timestamp = Timestamp(1_795_507_200);
pub(crate) const ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
pub(crate) const OTHER_ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/batch";
pub(crate) const PROVIDER: &str =
    "projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod";
pub(crate) const HOST: &str = "sts.eu-west-1.amazonaws.com";
pub(crate) const ACCOUNT: &str = "nightly@shop.iam.gserviceaccount.com";

pub(crate) fn config() -> Config {
    serde_saphyr::from_str(include_str!("../testdata/clouds.yaml")).unwrap()
}

/// The clouds without their sockets.
pub(crate) struct Fixture {
    pub(crate) state: State,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) clock: Clock,
}

/// Credentials that STS issued.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &Config) -> Self {
        let issuers = Arc::new(Issuers::new(config).unwrap());
        let clock = Clock::manual(NOW);
        let state = State {
            aws: Aws::new(&config.aws, Arc::clone(&issuers)).unwrap(),
            google: Google::new(&config.google, Arc::clone(&issuers)).unwrap(),
            faults: FaultInjector::default(),
            events: EventLog::default(),
            recorder: Recorder::from_env().unwrap(),
            aws_clock: clock.follower(),
            google_clock: clock.follower(),
        };
        Self { state, issuers, clock }
    }

    pub(crate) fn issuer(&self, url: &str) -> &Issuer {
        self.issuers.find(url).unwrap()
    }

    /// Mints a token of `shop/nightly`.
    pub(crate) fn web_identity(&self) -> String {
        self.web_identity_at(NOW)
    }

    /// Mints a token of `shop/nightly` at another time.
    pub(crate) fn web_identity_at(&self, now: Timestamp) -> String {
        let token = ProjectedToken {
            namespace: "shop",
            service_account: "nightly",
            audiences: &["sts.amazonaws.com"],
            lifetime: 86_400,
            pod: Some("nightly-abcde"),
        };
        self.issuer(ISSUER).mint(&token, now).unwrap()
    }

    pub(crate) async fn call(&self, service: Service, request: Request) -> Response {
        self.state.call(service, request).await.response
    }

    pub(crate) async fn aws(&self, request: Request) -> Response {
        self.call(Service::AwsSts, request).await
    }

    /// Assumes a role with the sidecar's parameters, changed by `changes`.
    pub(crate) async fn assume(&self, changes: &[(&str, Option<&str>)]) -> Response {
        let token = self.web_identity();
        let mut fields = vec![
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "shop.nightly"),
            ("WebIdentityToken", &token),
        ];
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.extend(value.map(|value| (*name, value)));
        }
        self.aws(form("/", &fields)).await
    }

    pub(crate) async fn session(&self, changes: &[(&str, Option<&str>)]) -> Session {
        let response = self.assume(changes).await;
        let body = body_text(&response);
        let part = |name| element(&body, name).unwrap_or_else(|| panic!("{body}")).to_owned();
        Session {
            access_key: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            token: part("SessionToken"),
        }
    }

    /// Exchanges a signed request of a role for a federated token.
    pub(crate) async fn exchange(&self, changes: &[(&str, Option<&str>)]) -> Response {
        let session = self.session(&[]).await;
        let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
        self.call(Service::GoogleSts, exchange_request(&token, changes)).await
    }

    /// Requests an access token of a service account with a federated token.
    pub(crate) async fn impersonate(&self, email: &str, federated: &str, body: &Value) -> Response {
        let path = format!("/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
        let mut request = http::Request::post(path).body(Bytes::from(body.to_string())).unwrap();
        set_bearer_token(&mut request, federated);
        self.call(Service::IamCredentials, request).await
    }
}

pub(crate) fn body_text(response: &Response) -> String {
    String::from_utf8(response.body.to_vec()).unwrap()
}

pub(crate) fn json_body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", body_text(response)))
}

/// Returns the error of a response, as in the event log.
pub(crate) fn error_message(response: &Response) -> &str {
    response.error.as_deref().unwrap_or_else(|| panic!("{}", body_text(response)))
}

pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
    http::Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "127.0.0.1:8443")
        .body(fields.join("&").into())
        .unwrap()
}

pub(crate) fn set_bearer_token(request: &mut Request, token: &str) {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
}

pub(crate) fn audience(provider: &str) -> String {
    format!("//iam.googleapis.com/{provider}")
}

/// Signs a request with AWS's signer: all of its headers and those that the signer adds.
pub(crate) fn sign_with(session: &Session, region: &str, now: Timestamp, mut request: Request) -> Request {
    let identity =
        Credentials::new(&session.access_key, &session.secret, Some(session.token.clone()), None, "test")
            .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(UNIX_EPOCH + Duration::from_secs(now.0.try_into().unwrap()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let host = request.headers()["host"].to_str().unwrap().to_owned();
    let url = format!("https://{host}{}", request.uri());
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), url, headers, body).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

/// Returns a signed `GetCallerIdentity` request, as the sidecar makes it.
pub(crate) fn signed_caller_identity(session: &Session, now: Timestamp, audience: &str) -> Request {
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/?Action=GetCallerIdentity&Version=2011-06-15")
        .header("host", HOST)
        .header("x-goog-cloud-target-resource", audience)
        .body(Bytes::new())
        .unwrap();
    sign_with(session, "eu-west-1", now, request)
}

/// Returns a signed request as the JSON in a subject token.
pub(crate) fn signed_request_json(request: &Request) -> Value {
    let headers = request.headers().iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| json!({"key": name.as_str(), "value": value.to_str().unwrap()}))
        .collect();
    let url = format!("https://{HOST}{}", request.uri());
    json!({"headers": headers, "method": request.method().as_str(), "url": url})
}

pub(crate) fn subject_token(request: &Request) -> String {
    percent_encode(&signed_request_json(request).to_string())
}

/// Returns the form of an exchange as Google's libraries send it, changed by `changes`.
pub(crate) fn exchange_request(token: &str, changes: &[(&str, Option<&str>)]) -> Request {
    let audience = audience(PROVIDER);
    let mut fields = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", audience.as_str()),
        ("scope", "https://www.googleapis.com/auth/cloud-platform"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    form("/v1/token", &fields)
}
