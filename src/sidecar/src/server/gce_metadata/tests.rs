use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use super::state::MAX_WATCHERS;
use super::*;
use crate::error::{Error, ErrorKind, Service};
use crate::google::fake::{FakeGoogle, clock, shared_state};
use crate::metrics::Metrics;
use crate::server;
use crate::shared_state::{SharedState, Writer};
use crate::token_cache::TokenCache;

const EMAIL: &str = "nightly-batch@shop.iam.gserviceaccount.com";
const V1: &str = "/computeMetadata/v1";
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

fn instance() -> Instance {
    Instance {
        service_account: Some(EMAIL.to_owned()),
        project_number: "123456789".to_owned(),
        project: Some("shop".to_owned()),
        universe: "googleapis.com".to_owned(),
        region: Some("eu-west-1".to_owned()),
        name: Some("nightly-7d9f".to_owned()),
    }
}

struct Fixture {
    router: Router,
    metrics: Arc<Metrics>,
    state: Writer,
}

fn start(instance: &Instance, google: FakeGoogle) -> Fixture {
    let (writer, reader) = shared_state();
    let metrics = Arc::new(Metrics::default());
    let impersonates = instance.impersonates();
    let tokens = TokenCache::new(google, impersonates, reader.clone(), clock(), Arc::clone(&metrics));
    let routes = GceMetadataServer::new(instance, tokens, reader).routes();
    Fixture { router: server::router(routes, 15080, Arc::clone(&metrics)), metrics, state: writer }
}

fn healthy() -> Fixture {
    start(&instance(), FakeGoogle::healthy())
}

struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl TestResponse {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Fixture {
    async fn send(&self, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        let mut request = Request::get(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "127.0.0.1:15080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        TestResponse { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.send(path, &[FLAVOR]).await
    }
}

#[rstest]
#[case("/", "computeMetadata/\n")]
#[case("/computeMetadata", "v1/\n")]
#[case("/computeMetadata/", "v1/\n")]
#[case("/computeMetadata/v1/", "instance/\nproject/\nuniverse/\n")]
#[case("/computeMetadata/v1/instance", "attributes/\nhostname\nid\nname\nservice-accounts/\nzone\n")]
#[case("/computeMetadata/v1/instance/attributes/", "")]
#[case("/computeMetadata/v1/instance/id", "8975100521833118")]
#[case("/computeMetadata/v1/instance/name", "nightly-7d9f")]
#[case("/computeMetadata/v1/instance/zone", "projects/123456789/zones/eu-west-1-a")]
#[case(
    "/computeMetadata/v1/instance/service-accounts",
    "default/\nnightly-batch@shop.iam.gserviceaccount.com/\n"
)]
#[case(
    "/computeMetadata/v1/instance/service-accounts/",
    "default/\nnightly-batch@shop.iam.gserviceaccount.com/\n"
)]
#[case("/computeMetadata/v1/instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n")]
#[case("/computeMetadata/v1/instance/service-accounts/default/email", EMAIL)]
#[case(
    "/computeMetadata/v1/instance/service-accounts/nightly-batch@shop.iam.gserviceaccount.com/email",
    EMAIL
)]
#[case("/computeMetadata/v1/instance/service-accounts/default/aliases", "default\n")]
#[case(
    "/computeMetadata/v1/instance/service-accounts/default/scopes",
    "https://www.googleapis.com/auth/cloud-platform\n"
)]
#[case("/computeMetadata/v1/project/project-id", "shop")]
#[case("/computeMetadata/v1/project/numeric-project-id", "123456789")]
#[case("/computeMetadata/v1/universe/universe-domain", "googleapis.com")]
#[tokio::test]
async fn each_path_returns_its_value(#[case] path: &str, #[case] expected: &str) {
    let response = healthy().get(path).await;
    assert_eq!((response.status, response.body.as_str()), (StatusCode::OK, expected));
    assert_eq!(response.header("content-type"), "application/text");
    assert_eq!(response.header("metadata-flavor"), "Google");
    assert_eq!(response.header("server"), "Metadata Server for VM");
    assert_eq!(response.header("etag").len(), 16);
}

#[tokio::test]
async fn recursive_directory_is_returned_as_json_without_tokens() {
    let fixture = healthy();
    let account = json!({
        "aliases": ["default"],
        "email": EMAIL,
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    });
    let path = "/computeMetadata/v1/instance/service-accounts/default/?recursive=true";
    assert_eq!(fixture.get(path).await.json(), account, "as Python's and C++'s libraries read it");
    assert_eq!(
        fixture.get(&format!("{V1}?recursive=true&alt=json")).await.json(),
        json!({
            "instance": {
                "attributes": {},
                "hostname": "nightly-7d9f",
                "id": 8_975_100_521_833_118_u64,
                "name": "nightly-7d9f",
                "serviceAccounts": {"default": account, EMAIL: account},
                "zone": "projects/123456789/zones/eu-west-1-a",
            },
            "project": {"attributes": {}, "numericProjectId": 123_456_789, "projectId": "shop"},
            "universe": {"universeDomain": "googleapis.com"},
        }),
        "no token in it"
    );
    let email = fixture.get(&format!("{V1}/instance/service-accounts/default/email?alt=json")).await;
    assert_eq!(email.json(), json!(EMAIL));
    let email = fixture.get(&format!("{V1}/instance/service-accounts/default/email?recursive=true")).await;
    assert_eq!(email.body, EMAIL);
}

const NO_ACCOUNT: &str = "direct_access_has_no_service_account";

/// Go's, Java's and Node's libraries read the email to sign, and report by themselves that there is none; older ones of Java read
/// the list of all accounts. Python's and C++'s need a name to read a token.
#[tokio::test]
async fn pod_without_a_service_account_states_no_email_to_sign_with() {
    let direct = Instance { service_account: None, project: None, region: None, name: None, ..instance() };
    let fixture = start(&direct, FakeGoogle::healthy());
    let accounts = format!("{V1}/instance/service-accounts");
    for account in ["default", NO_ACCOUNT] {
        let email = fixture.get(&format!("{accounts}/{account}/email")).await;
        assert_eq!(email.status, StatusCode::NOT_FOUND, "{account}: the status that gcloud accepts");
        assert!(email.body.starts_with("This pod has direct access: "), "{}", email.body);
        let values = fixture.get(&format!("{accounts}/{account}/?recursive=true")).await.json();
        assert_eq!(values["email"], NO_ACCOUNT, "{account}");
        assert_eq!(
            fixture.get(&format!("{accounts}/{account}/token")).await.status,
            StatusCode::OK,
            "{account}"
        );
    }
    let list = fixture.get(&format!("{accounts}/")).await;
    assert_eq!(list.body, format!("default/\n{NO_ACCOUNT}/\n"), "gcloud looks its account up here");
    for (path, pointer) in [(&*accounts, ""), (V1, "/instance/serviceAccounts")] {
        let all = fixture.get(&format!("{path}/?recursive=true")).await.json();
        let account =
            json!({"aliases": ["default"], "scopes": ["https://www.googleapis.com/auth/cloud-platform"]});
        assert_eq!(all.pointer(pointer), Some(&json!({"default": account, NO_ACCOUNT: account})), "{path}");
    }
}

#[tokio::test]
async fn pod_without_optional_settings_lacks_their_paths() {
    let direct = Instance { service_account: None, project: None, region: None, name: None, ..instance() };
    let fixture = start(&direct, FakeGoogle::healthy());
    let all = fixture.get(&format!("{V1}/?recursive=true")).await.json();
    assert_eq!(all["project"], json!({"attributes": {}, "numericProjectId": 123_456_789}));
    assert_eq!(all["instance"]["name"], Value::Null);
    for unknown in ["project/project-id", "instance/id", "instance/name", "instance/zone"] {
        assert_eq!(fixture.get(&format!("{V1}/{unknown}")).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn access_token_is_returned_with_its_remaining_lifetime() {
    let fixture = healthy();
    let response = fixture.get(TOKEN).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    assert_eq!(
        response.json(),
        json!({"access_token": "Access-2", "expires_in": 3600, "token_type": "Bearer"})
    );
    sleep(Duration::from_mins(10)).await;
    let path = TOKEN.replace("default", EMAIL);
    let same = fixture.get(&format!("{path}?scopes=https://www.googleapis.com/auth/cloud-platform")).await;
    assert_eq!(same.json()["access_token"], "Access-2");
    assert_eq!(same.json()["expires_in"], 3000);
    assert_eq!(same.header("etag"), response.header("etag"));
    let other = fixture.get(&format!("{TOKEN}?scopes=a%2Cb")).await;
    assert_eq!(other.json()["access_token"], "Access-3");
    let rejected = fixture.get(&format!("{TOKEN}?scopes=%22")).await;
    assert_eq!(
        (rejected.status, rejected.body.as_str()),
        (StatusCode::BAD_REQUEST, "scopes: expected OAuth scopes, separated by commas")
    );
}

#[tokio::test(start_paused = true)]
async fn id_token_requires_a_valid_audience() {
    let fixture = healthy();
    let response = fixture.get(&format!("{IDENTITY}?audience=https%3A%2F%2Fa.example&format=full")).await;
    assert_eq!((response.status, response.body.as_str()), (StatusCode::OK, "Id-2"));
    assert_eq!(response.header("content-type"), "application/text");
    // IAP requires the email in each format, as Cloud Run's metadata server returns it.
    for format in ["", "&format=standard", "&format=full&licenses=TRUE"] {
        let same = fixture.get(&format!("{IDENTITY}?audience=https%3A%2F%2Fa.example{format}")).await;
        assert_eq!(same.body, "Id-2", "{format}");
    }
    for (query, reason) in [
        ("", "non-empty audience parameter required"),
        ("?audience=", "non-empty audience parameter required"),
        ("?audience=a%0Ab", "audience: expected text of at most 2048 bytes"),
        (
            "?audience=a&wait_for_change=true",
            "wait_for_change is not available for ID tokens, which are issued on demand",
        ),
    ] {
        let rejected = fixture.get(&format!("{IDENTITY}{query}")).await;
        assert_eq!((rejected.status, rejected.body.as_str()), (StatusCode::BAD_REQUEST, reason), "{query}");
    }
}

#[tokio::test]
async fn id_token_requires_a_service_account() {
    let fixture = start(&Instance { service_account: None, ..instance() }, FakeGoogle::healthy());
    let rejected = fixture.get(&format!("{IDENTITY}?audience=a")).await;
    assert_eq!(rejected.status, StatusCode::NOT_FOUND, "the status that gcloud and bq accept");
    assert!(
        rejected.body.ends_with("with the annotation rolebridge.io/service-account."),
        "{}",
        rejected.body
    );
    assert_eq!(fixture.get(IDENTITY).await.status, StatusCode::BAD_REQUEST, "no audience");
}

/// A permanent error gets a status that libraries do not retry, a transient one a status that they retry.
#[rstest]
#[case::permanent(ErrorKind::ImpersonationDenied, StatusCode::BAD_REQUEST)]
#[case::transient(ErrorKind::ServerError, StatusCode::SERVICE_UNAVAILABLE)]
#[tokio::test(start_paused = true)]
async fn error_of_google_is_returned_to_the_app(#[case] kind: ErrorKind, #[case] status: StatusCode) {
    let error =
        Error::new(kind, "iamcredentials.googleapis.com returned 403 PERMISSION_DENIED: Permission denied")
            .from_service(Service::IamCredentials);
    let returned = error.clone();
    let fixture = start(&instance(), FakeGoogle::new(move |_, _| Err(returned.clone())));
    let response = fixture.get(TOKEN).await;
    assert_eq!((response.status, response.body), (status, error.to_string()));
}

#[tokio::test(start_paused = true)]
async fn missing_token_is_returned_with_the_reason() {
    let fixture = healthy();
    fixture.state.send_replace(SharedState::default());
    let response = fixture.get(TOKEN).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.body, "no token yet: waiting for the first response");
    let slow = start(&instance(), FakeGoogle::healthy().with_latency(Duration::from_secs(5)));
    assert_eq!(slow.get(TOKEN).await.body, "no token yet: waiting for Google's response");
}

#[rstest]
#[case("/computeMetadata/v1/instance/attributes/cluster-name")]
#[case("/computeMetadata/v1/instance/service-accounts/other@shop.iam.gserviceaccount.com/token")]
#[case("/computeMetadata/v1/instance/service-accounts/default/token/")]
#[case("/computeMetadata/v1/project/project-id/")]
#[case("/computeMetadata/v1//instance")]
#[case("/computeMetadata/v1beta1/instance/id")]
#[tokio::test]
async fn unknown_path_is_rejected_with_google_s_text(#[case] path: &str) {
    let response = healthy().get(path).await;
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(response.body, format!("The requested URL {path} was not found on this server."));
    assert_eq!(response.header("metadata-flavor"), "Google", "Node's library requires it");
}

#[rstest]
#[case::none(&[])]
#[case::another(&[("metadata-flavor", "Amazon")])]
#[tokio::test]
async fn request_without_the_header_is_rejected(#[case] headers: &[(&str, &str)]) {
    let fixture = healthy();
    for path in [TOKEN, IDENTITY, V1, "/computeMetadata/", "/computeMetadata/v1/instance/id"] {
        let response = fixture.send(path, headers).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{path}");
        assert!(response.body.ends_with("Missing Metadata-Flavor:Google header."), "{}", response.body);
    }
    let ping = fixture.send("/", headers).await;
    assert_eq!((ping.status, ping.header("metadata-flavor")), (StatusCode::OK, "Google"));
}

/// The requests have the required header, so that only the guard rejects them.
#[rstest]
#[case("x-forwarded-for", "10.0.0.1")]
#[case("forwarded", "for=10.0.0.1")]
#[case("via", "1.1 proxy.example")]
#[case("host", "metadata.google.internal")]
#[case("host", "evil.example:15080")]
#[case("host", "127.0.0.1")]
#[case("origin", "https://evil.example")]
#[case("sec-fetch-site", "cross-site")]
#[tokio::test]
async fn request_from_a_browser_or_a_proxy_is_rejected(#[case] name: &str, #[case] value: &str) {
    let fixture = healthy();
    for path in ["/", V1, TOKEN] {
        let response = fixture.send(path, &[FLAVOR, (name, value)]).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!response.body.contains("Access-"), "{}", response.body);
    }
}

/// The headers of Node's own `fetch`.
#[tokio::test]
async fn node_fetch_is_accepted() {
    let fixture = healthy();
    let fetch = [("accept-language", "*"), ("sec-fetch-mode", "cors"), ("user-agent", "node")];
    for path in [V1, TOKEN] {
        assert_eq!(
            fixture.send(path, &[&fetch[..], &[FLAVOR]].concat()).await.status,
            StatusCode::OK,
            "{path}"
        );
        assert_eq!(fixture.send(path, &fetch).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_rejected() {
    let fixture = healthy();
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/", V1, TOKEN] {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("host", "localhost:15080").header(FLAVOR.0, FLAVOR.1);
            let response =
                fixture.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn imds_paths_are_not_served() {
    assert_eq!(
        healthy().get("/latest/meta-data/iam/security-credentials").await.status,
        StatusCode::NOT_FOUND
    );
}

/// Returns the duration of a request, or `None` if it takes more than a day.
async fn duration(fixture: &Fixture, path: &str) -> Option<Duration> {
    let start = Instant::now();
    let response = timeout(Duration::from_hours(24), fixture.get(path)).await.ok()?;
    assert_eq!(response.status, StatusCode::OK, "{path}: {}", response.body);
    Some(start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn wait_for_a_value_ends_at_its_timeout() {
    let fixture = healthy();
    let path = format!("{V1}/project/project-id");
    let etag = fixture.get(&path).await.header("etag").to_owned();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (query, expected) in [
        ("?wait_for_change=true&timeout_sec=7".to_owned(), seconds(7)),
        (format!("?wait_for_change=true&timeout_sec=7&last_etag={etag}"), seconds(7)),
        ("?wait_for_change=true&timeout_sec=7&last_etag=0".to_owned(), seconds(0)),
        ("?timeout_sec=7".to_owned(), seconds(0)),
        (format!("?wait_for_change=true&last_etag={etag}"), None),
    ] {
        assert_eq!(duration(&fixture, &format!("{path}{query}")).await, expected, "{query}");
    }
    let directory = fixture.get(&format!("{V1}/instance/?wait_for_change=true")).await;
    assert_eq!(directory.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        duration(&fixture, &format!("{V1}/?wait_for_change=1&recursive=1&timeout_sec=1")).await,
        seconds(1)
    );
}

#[tokio::test(start_paused = true)]
async fn wait_for_a_token_ends_when_it_is_renewed() {
    let fixture = healthy();
    let first = fixture.get(TOKEN).await;
    let minutes = |duration: Option<Duration>| duration.unwrap().as_secs() / 60;
    let etag = first.header("etag");
    let waited = duration(&fixture, &format!("{TOKEN}?wait_for_change=true&last_etag={etag}")).await;
    assert!((17..43).contains(&minutes(waited)), "{waited:?}");
    let waited = duration(&fixture, &format!("{TOKEN}?wait_for_change=true&last_etag={etag}")).await;
    assert_eq!(waited, Some(Duration::ZERO), "the token has changed");
    let waited = duration(&fixture, &format!("{TOKEN}?wait_for_change=true")).await;
    assert!((35..43).contains(&minutes(waited)), "{waited:?}");
    let waited = duration(&fixture, &format!("{TOKEN}?wait_for_change=true&timeout_sec=9")).await;
    assert_eq!(waited, Some(Duration::from_secs(9)));
}

#[tokio::test(start_paused = true)]
async fn waiting_requests_leave_connections_for_others() {
    let fixture = healthy();
    let path = format!("{V1}/project/project-id?wait_for_change=true&timeout_sec=60");
    let waiting: Vec<_> = (0..MAX_WATCHERS)
        .map(|_| {
            let (router, path) = (fixture.router.clone(), path.clone());
            tokio::spawn(async move {
                let request = Request::get(path).header("host", "127.0.0.1:15080").header(FLAVOR.0, FLAVOR.1);
                router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
            })
        })
        .collect();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.get(&path).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.get(TOKEN).await.status, StatusCode::OK);
    for request in waiting {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.get(&path).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn each_request_is_counted_by_endpoint_and_result() {
    let fixture = healthy();
    fixture.get(TOKEN).await;
    fixture.get(&format!("{IDENTITY}?audience=a")).await;
    fixture.get(V1).await;
    fixture.send(TOKEN, &[]).await;
    let text = fixture.metrics.render(&SharedState::default(), &clock());
    let counted: Vec<_> =
        text.lines().filter(|line| line.contains("_total{") && !line.ends_with(" 0")).collect();
    assert_eq!(
        counted,
        [
            r#"rolebridge_sidecar_google_tokens_total{token="access",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_google_tokens_total{token="federated",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_google_tokens_total{token="id",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="access-token",result="ok"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="access-token",result="rejected"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="id-token",result="ok"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="metadata",result="ok"} 1"#,
        ]
    );
}
