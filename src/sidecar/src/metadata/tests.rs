use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use super::*;
use crate::board::{Board, Writer};
use crate::fault::{Fault, Peer, Reason};
use crate::google::script::{Script, board, clock};
use crate::local;
use crate::metrics::Metrics;

const EMAIL: &str = "batch@shop.iam.gserviceaccount.com";
const V1: &str = "/computeMetadata/v1";
const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

fn instance() -> Instance {
    Instance {
        service_account: Some(EMAIL.to_owned()),
        pool: "aws".to_owned(),
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
    board: Writer,
}

fn serving(instance: &Instance, script: Script) -> Fixture {
    let (writer, reader) = board();
    let metrics = Arc::new(Metrics::default());
    let impersonates = instance.impersonates();
    let tokens = Tokens::new(script, impersonates, reader.clone(), clock(), Arc::clone(&metrics));
    let routes = Metadata::new(instance, tokens, reader).routes();
    Fixture { router: local::router(routes, 15080, Arc::clone(&metrics)), metrics, board: writer }
}

fn good() -> Fixture {
    serving(&instance(), Script::good())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Fixture {
    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
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
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(path, &[FLAVOR]).await
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
#[case("/computeMetadata/v1/instance/service-accounts", "default/\nbatch@shop.iam.gserviceaccount.com/\n")]
#[case("/computeMetadata/v1/instance/service-accounts/", "default/\nbatch@shop.iam.gserviceaccount.com/\n")]
#[case("/computeMetadata/v1/instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n")]
#[case("/computeMetadata/v1/instance/service-accounts/default/email", EMAIL)]
#[case("/computeMetadata/v1/instance/service-accounts/batch@shop.iam.gserviceaccount.com/email", EMAIL)]
#[case("/computeMetadata/v1/instance/service-accounts/default/aliases", "default\n")]
#[case(
    "/computeMetadata/v1/instance/service-accounts/default/scopes",
    "https://www.googleapis.com/auth/cloud-platform\n"
)]
#[case("/computeMetadata/v1/project/project-id", "shop")]
#[case("/computeMetadata/v1/project/numeric-project-id", "123456789")]
#[case("/computeMetadata/v1/universe/universe-domain", "googleapis.com")]
#[tokio::test]
async fn what_is_told(#[case] path: &str, #[case] wanted: &str) {
    let answer = good().get(path).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, wanted));
    assert_eq!(answer.header("content-type"), "application/text");
    assert_eq!(answer.header("metadata-flavor"), "Google");
    assert_eq!(answer.header("server"), "Metadata Server for VM");
    assert_eq!(answer.header("etag").len(), 16);
}

#[tokio::test]
async fn a_directory_is_told_whole() {
    let fixture = good();
    let account = json!({
        "aliases": ["default"],
        "email": EMAIL,
        "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    });
    let path = "/computeMetadata/v1/instance/service-accounts/default/?recursive=true";
    assert_eq!(fixture.get(path).await.json(), account, "what Python's library and C++'s read");
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

#[tokio::test]
async fn a_pod_without_a_service_account_has_its_pool_s_name() {
    let direct = Instance { service_account: None, project: None, region: None, name: None, ..instance() };
    let fixture = serving(&direct, Script::good());
    let email = fixture.get(&format!("{V1}/instance/service-accounts/default/email")).await;
    assert_eq!(email.body, "aws.global.123456789.workload.id.goog");
    let all = fixture.get(&format!("{V1}/?recursive=true")).await.json();
    assert_eq!(all["project"], json!({"attributes": {}, "numericProjectId": 123_456_789}));
    assert_eq!(all["instance"]["name"], Value::Null);
    for unknown in ["project/project-id", "instance/id", "instance/name", "instance/zone"] {
        assert_eq!(fixture.get(&format!("{V1}/{unknown}")).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_access_token() {
    let fixture = good();
    let answer = fixture.get(TOKEN).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({"access_token": "Access-2", "expires_in": 3600, "token_type": "Bearer"})
    );
    sleep(Duration::from_mins(10)).await;
    let path = TOKEN.replace("default", EMAIL);
    let same = fixture.get(&format!("{path}?scopes=https://www.googleapis.com/auth/cloud-platform")).await;
    assert_eq!(same.json()["access_token"], "Access-2");
    assert_eq!(same.json()["expires_in"], 3000);
    assert_eq!(same.header("etag"), answer.header("etag"));
    let other = fixture.get(&format!("{TOKEN}?scopes=a%2Cb")).await;
    assert_eq!(other.json()["access_token"], "Access-3");
    let refused = fixture.get(&format!("{TOKEN}?scopes=%22")).await;
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (StatusCode::BAD_REQUEST, "scopes must be OAuth scopes, separated by commas")
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_token() {
    let fixture = good();
    let answer = fixture.get(&format!("{IDENTITY}?audience=https%3A%2F%2Fa.example&format=full")).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "Id-2"));
    assert_eq!(answer.header("content-type"), "application/text");
    let other = fixture.get(&format!("{IDENTITY}?audience=https%3A%2F%2Fa.example&format=standard")).await;
    assert_eq!(other.body, "Id-3", "it says less");
    for (query, why) in [
        ("", "non-empty audience parameter required"),
        ("?audience=", "non-empty audience parameter required"),
        ("?audience=a%0Ab", "the audience must be text of at most 2048 bytes"),
        (
            "?audience=a&wait_for_change=true",
            "an ID token cannot be waited for: it is made when it is asked for",
        ),
    ] {
        let refused = fixture.get(&format!("{IDENTITY}{query}")).await;
        assert_eq!((refused.status, refused.body.as_str()), (StatusCode::BAD_REQUEST, why), "{query}");
    }
}

#[tokio::test]
async fn id_tokens_are_for_service_accounts() {
    let fixture = serving(&Instance { service_account: None, ..instance() }, Script::good());
    let refused = fixture.get(&format!("{IDENTITY}?audience=a")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.ends_with("with the annotation rolebridge.io/service-account"), "{}", refused.body);
}

/// A status that libraries do not retry for what lasts, one that they do retry for what passes; and the words in both.
#[rstest]
#[case::lasting(Reason::ImpersonationDenied, StatusCode::BAD_REQUEST)]
#[case::passing(Reason::ServerError, StatusCode::SERVICE_UNAVAILABLE)]
#[tokio::test(start_paused = true)]
async fn google_s_refusal_reaches_the_app(#[case] reason: Reason, #[case] status: StatusCode) {
    let fault =
        Fault::new(reason, "iamcredentials.googleapis.com said 403 PERMISSION_DENIED: Permission denied")
            .at(Peer::IamCredentials);
    let said = fault.clone();
    let fixture = serving(&instance(), Script::new(move |_, _| Err(said.clone())));
    let answer = fixture.get(TOKEN).await;
    assert_eq!((answer.status, answer.body), (status, fault.to_string()));
}

#[tokio::test(start_paused = true)]
async fn until_there_is_a_token_it_says_why() {
    let fixture = good();
    fixture.board.send_replace(Board::default());
    let answer = fixture.get(TOKEN).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "no token yet: there has been no answer so far");
    let slow = serving(&instance(), Script::good().taking(Duration::from_secs(5)));
    assert_eq!(slow.get(TOKEN).await.body, "no token yet: Google has not answered so far");
}

#[rstest]
#[case("/computeMetadata/v1/instance/attributes/cluster-name")]
#[case("/computeMetadata/v1/instance/service-accounts/other@shop.iam.gserviceaccount.com/token")]
#[case("/computeMetadata/v1/instance/service-accounts/default/token/")]
#[case("/computeMetadata/v1/project/project-id/")]
#[case("/computeMetadata/v1//instance")]
#[case("/computeMetadata/v1beta1/instance/id")]
#[tokio::test]
async fn what_is_not_there_is_said_in_google_s_words(#[case] path: &str) {
    let answer = good().get(path).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body, format!("The requested URL {path} was not found on this server."));
    assert_eq!(answer.header("metadata-flavor"), "Google", "Node's library takes no other answer for one");
}

#[rstest]
#[case::none(&[])]
#[case::another(&[("metadata-flavor", "Amazon")])]
#[tokio::test]
async fn without_the_header_there_is_nothing(#[case] headers: &[(&str, &str)]) {
    let fixture = good();
    for path in [TOKEN, IDENTITY, V1, "/computeMetadata/", "/computeMetadata/v1/instance/id"] {
        let answer = fixture.ask(path, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.body.ends_with("Missing Metadata-Flavor:Google header."), "{}", answer.body);
    }
    let ping = fixture.ask("/", headers).await;
    assert_eq!((ping.status, ping.header("metadata-flavor")), (StatusCode::OK, "Google"));
}

/// With the header, so that nothing else can be why.
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
async fn what_looks_like_a_browser_or_a_proxy_is_refused(#[case] name: &str, #[case] value: &str) {
    let fixture = good();
    for path in ["/", V1, TOKEN] {
        let answer = fixture.ask(path, &[FLAVOR, (name, value)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.body.contains("Access-"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_path_has_one_method() {
    let fixture = good();
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/", V1, TOKEN] {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("host", "localhost:15080").header(FLAVOR.0, FLAVOR.1);
            let answer = fixture.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nothing_of_ec2_is_served_beside_it() {
    assert_eq!(good().get("/latest/meta-data/iam/security-credentials").await.status, StatusCode::NOT_FOUND);
}

/// How long an answer took, if it came within a day.
async fn took(fixture: &Fixture, path: &str) -> Option<Duration> {
    let start = Instant::now();
    let answer = timeout(Duration::from_hours(24), fixture.get(path)).await.ok()?;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    Some(start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_value_that_never_changes_is_waited_for_as_long_as_was_asked() {
    let fixture = good();
    let path = format!("{V1}/project/project-id");
    let etag = fixture.get(&path).await.header("etag").to_owned();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (query, wanted) in [
        ("?wait_for_change=true&timeout_sec=7".to_owned(), seconds(7)),
        (format!("?wait_for_change=true&timeout_sec=7&last_etag={etag}"), seconds(7)),
        ("?wait_for_change=true&timeout_sec=7&last_etag=0".to_owned(), seconds(0)),
        ("?timeout_sec=7".to_owned(), seconds(0)),
        (format!("?wait_for_change=true&last_etag={etag}"), None),
    ] {
        assert_eq!(took(&fixture, &format!("{path}{query}")).await, wanted, "{query}");
    }
    let directory = fixture.get(&format!("{V1}/instance/?wait_for_change=true")).await;
    assert_eq!(directory.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        took(&fixture, &format!("{V1}/?wait_for_change=1&recursive=1&timeout_sec=1")).await,
        seconds(1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_waited_for_until_it_is_renewed() {
    let fixture = good();
    let first = fixture.get(TOKEN).await;
    let minutes = |took: Option<Duration>| took.unwrap().as_secs() / 60;
    let etag = first.header("etag");
    let waited = took(&fixture, &format!("{TOKEN}?wait_for_change=true&last_etag={etag}")).await;
    assert!((17..43).contains(&minutes(waited)), "{waited:?}");
    let waited = took(&fixture, &format!("{TOKEN}?wait_for_change=true&last_etag={etag}")).await;
    assert_eq!(waited, Some(Duration::ZERO), "it is another one now");
    let waited = took(&fixture, &format!("{TOKEN}?wait_for_change=true")).await;
    assert!((35..43).contains(&minutes(waited)), "{waited:?}");
    let waited = took(&fixture, &format!("{TOKEN}?wait_for_change=true&timeout_sec=9")).await;
    assert_eq!(waited, Some(Duration::from_secs(9)));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_leave_room_for_those_who_ask() {
    let fixture = good();
    let path = format!("{V1}/project/project-id?wait_for_change=true&timeout_sec=60");
    let waiting: Vec<_> = (0..MOST_WATCHERS)
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
    for one in waiting {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.get(&path).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn every_request_is_counted() {
    let fixture = good();
    fixture.get(TOKEN).await;
    fixture.get(&format!("{IDENTITY}?audience=a")).await;
    fixture.get(V1).await;
    fixture.ask(TOKEN, &[]).await;
    let text = fixture.metrics.render(&Board::default(), &clock());
    let counted: Vec<_> =
        text.lines().filter(|line| line.contains("_total{") && !line.ends_with(" 0")).collect();
    assert_eq!(
        counted,
        [
            r#"rolebridge_sidecar_google_tokens_total{token="access",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_google_tokens_total{token="federated",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_google_tokens_total{token="id",outcome="ok",reason=""} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="access-token",answer="answered"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="access-token",answer="refused"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="id-token",answer="answered"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="metadata",answer="answered"} 1"#,
        ]
    );
}
