//! Requests to the server on 127.0.0.1: a line of `METHOD TARGET`, lines of `NAME: VALUE`, an empty line and a body.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use rolebridge_core::aws::RoleArn;
use rolebridge_core::imds::{
    MARKER_HEADER, MARKER_VALUE, SESSION_TOKEN_HEADER, SESSION_TOKEN_PATH, SESSION_TTL_HEADER,
};
use rolebridge_sidecar::aws::sts::Session;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::error::Error;
use rolebridge_sidecar::google::{Token, TokenProvider};
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::schedule::Lifetime;
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::server::gce_metadata::{GceMetadataServer, Instance};
use rolebridge_sidecar::server::imds::ImdsServer;
use rolebridge_sidecar::server::router;
use rolebridge_sidecar::shared_state::{SharedState, SignedToken, Writer};
use rolebridge_sidecar::subject_token::SubjectToken;
use rolebridge_sidecar::token_cache::TokenCache;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tower::ServiceExt;

const HOSTS: [&str; 2] = ["127.0.0.1:15080", "localhost:15080"];
const SECRET_KEY: &str = "secret-access-key-of-aws";
const SESSION_TOKEN: &str = "session-token-of-aws";
const SUBJECT_TOKEN: &str = "subject-token-for-google";
const ACCESS_TOKEN: &str = "access-token-of-google";
const ID_TOKEN: &str = "id-token-of-google";
/// The place of a valid session token in a request.
const SESSION: &str = "{session}";
/// The time limit of a request that waits for a change.
const LIMIT: Duration = Duration::from_mins(10);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Paused time advances when nothing else is to do, so that no input waits.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("the runtime starts").block_on(async {
        let (router, _state) = server();
        let session = session_token(&router).await;
        if let Some(request) = parse(&text.replace(SESSION, &session)) {
            check(router, request, &session).await;
        }
    });
});

/// Returns 2026-03-02T00:00:00Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(492_336)
}

/// Issues a token at once.
struct Google;

impl Google {
    fn token(text: &str) -> Result<Token, Error> {
        Ok(Token { secret: Secret::new(text), expires_in: Duration::from_hours(1) })
    }
}

impl TokenProvider for Google {
    async fn exchange(&self, _: &SubjectToken, _: &Scopes) -> Result<Token, Error> {
        Self::token("federated-token-of-google")
    }

    async fn access_token(&self, _: &Secret, _: &Scopes) -> Result<Token, Error> {
        Self::token(ACCESS_TOKEN)
    }

    async fn id_token(&self, _: &Secret, _: &str) -> Result<Token, Error> {
        Self::token(ID_TOKEN)
    }
}

/// Returns a server of both protocols, with a session and a token.
fn server() -> (Router, Writer) {
    let expires = now() + Duration::from_hours(1);
    let credentials = Credentials::new("ASIA", SECRET_KEY, Some(SESSION_TOKEN.into()), Some(expires), "test");
    let session = Session { credentials, lifetime: Lifetime { obtained: now(), expires } };
    let token =
        SignedToken { token: SubjectToken::new(SUBJECT_TOKEN), signed_at: now(), valid_until: expires };
    let (writer, reader) = SharedState::channel();
    writer.send_replace(SharedState { session: Some(session), token: Some(token), error: None });
    let instance = Instance {
        service_account: Some("nightly-batch@shop.iam.gserviceaccount.com".to_owned()),
        project_number: "123456789".to_owned(),
        project: Some("shop".to_owned()),
        universe: "googleapis.com".to_owned(),
        region: Some("eu-west-1".to_owned()),
        name: Some("nightly-7d9f".to_owned()),
    };
    let (clock, metrics) = (Clock::from_fn(now), Arc::new(Metrics::default()));
    let role =
        RoleArn::parse("arn:aws:iam::123456789012:role/batch").expect("the role is valid").into_owned();
    let imds = ImdsServer::new("eu-west-1", &role, reader.clone(), clock.clone()).expect("random bytes");
    let tokens = TokenCache::new(Google, true, reader.clone(), clock, Arc::clone(&metrics));
    let routes = imds.routes().merge(GceMetadataServer::new(&instance, tokens, reader).routes());
    (router(routes, 15080, metrics), writer)
}

async fn session_token(router: &Router) -> String {
    let request =
        Request::put(SESSION_TOKEN_PATH).header("host", HOSTS[0]).header(SESSION_TTL_HEADER, "21600");
    let request = request.body(Body::empty()).expect("the request is valid");
    let response = router.clone().oneshot(request).await.expect("a router does not fail");
    let body = response.into_body().collect().await.expect("the body is in memory").to_bytes();
    String::from_utf8(body.to_vec()).expect("the token is text")
}

fn parse(text: &str) -> Option<Request<Body>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let mut lines = head.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_owned())).ok()
}

/// The properties of a request that decide about its response.
struct Properties {
    method: Method,
    allowed: bool,
    session: bool,
    marker: bool,
    flavor: bool,
    is_root: bool,
    path: String,
    target: String,
}

impl Properties {
    fn new(request: &Request<Body>, session: &str) -> Self {
        let (headers, uri) = (request.headers(), request.uri());
        let (_, code) = session.split_once('-').expect("a session token has a code");
        let has = |name: &str, test: &dyn Fn(&str) -> bool| {
            headers.get(name).is_some_and(|value| test(&String::from_utf8_lossy(value.as_bytes())))
        };
        Self {
            method: request.method().clone(),
            allowed: is_allowed(headers) && uri.authority().is_none_or(|host| HOSTS.contains(&host.as_str())),
            session: has(SESSION_TOKEN_HEADER, &|token| token.to_ascii_lowercase().ends_with(code)),
            marker: has(MARKER_HEADER, &|marker| marker == MARKER_VALUE),
            flavor: has("metadata-flavor", &|flavor| flavor.eq_ignore_ascii_case("google")),
            is_root: uri.path() == "/",
            path: uri.path().to_owned(),
            target: uri.to_string(),
        }
    }
}

/// Returns true if the headers are those of a client in the pod.
fn is_allowed(headers: &HeaderMap) -> bool {
    let hosts: Vec<_> = headers.get_all("host").iter().collect();
    let forwarded = ["x-forwarded-for", "forwarded", "via"].iter().any(|name| headers.contains_key(*name));
    let browser = ["origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-dest"]
        .iter()
        .any(|name| headers.contains_key(*name))
        || headers.get_all("sec-fetch-mode").iter().any(|mode| mode != "cors");
    hosts.len() == 1 && HOSTS.iter().any(|host| hosts[0] == host) && !forwarded && !browser
}

async fn check(router: Router, request: Request<Body>, session: &str) {
    let request_properties = Properties::new(&request, session);
    let response = timeout(LIMIT, router.oneshot(request)).await;
    let Ok(response) = response.map(|response| response.expect("a router does not fail")) else {
        assert!(request_properties.allowed && request_properties.flavor, "only a watcher waits");
        return;
    };
    let (status, headers) = (response.status(), format!("{:?}", response.headers()));
    let body = response.into_body().collect().await.expect("the body is in memory").to_bytes();
    let shown = format!("{headers}\n{}", String::from_utf8_lossy(&body));
    assert!(!status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE, "{status}: {shown}");
    check_status(&request_properties, status);
    check_secrets(&request_properties, status, &shown);
}

/// Checks that only a request that may succeed does.
fn check_status(request: &Properties, status: StatusCode) {
    let Properties { method, allowed, session, marker, flavor, is_root, path, .. } = request;
    if !status.is_success() {
        return;
    }
    assert!(*allowed, "{method} {path}: a request of another host, a proxy or a browser succeeded");
    assert!(*method == Method::GET || *method == Method::PUT, "{method} {path} succeeded");
    let issues_session = *method == Method::PUT && path == SESSION_TOKEN_PATH;
    assert!(*is_root || issues_session || *session || *marker || *flavor, "{path}: no proof of a library");
    assert!(*method == Method::GET || issues_session, "{path} was written");
}

/// Checks that a secret is in a response only if its header is in the request.
fn check_secrets(request: &Properties, status: StatusCode, shown: &str) {
    let Properties { session, marker, flavor, path, target, .. } = request;
    for (secret, allowed) in [
        (SECRET_KEY, *session),
        (SESSION_TOKEN, *session),
        (SUBJECT_TOKEN, *marker),
        (ACCESS_TOKEN, *flavor && path.ends_with("/token")),
        (ID_TOKEN, *flavor && path.ends_with("/identity")),
        ("federated-token", false),
    ] {
        // An error response may quote the target.
        let is_shown = shown.contains(secret) && !target.contains(secret);
        assert!(!is_shown || (allowed && status == StatusCode::OK), "{path}: {secret} is shown: {shown}");
    }
}
