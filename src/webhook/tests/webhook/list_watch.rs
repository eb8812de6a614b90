//! Lists and watches against an API server that is silent, quiet, overloaded, or has large objects.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures::StreamExt;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use rolebridge_webhook::list_watch::object::WatchedObject;
use rolebridge_webhook::list_watch::progress::{WatchProgress, WatchedKind, Watches};
use rolebridge_webhook::list_watch::{ListWatch, MAX_SILENCE, Sink};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::service_fn;

/// A sink that remembers the names.
#[derive(Debug, Default)]
struct Names {
    listed: BTreeSet<String>,
    completed: usize,
    changed: Vec<String>,
}

impl Sink for Names {
    fn list_started(&mut self) {
        self.listed.clear();
    }

    fn page_listed(&mut self, objects: Vec<WatchedObject>) {
        self.listed.extend(objects.into_iter().map(|object| object.metadata.name));
    }

    fn list_completed(&mut self) {
        self.completed += 1;
    }

    fn changed(&mut self, object: WatchedObject) {
        self.changed.push(object.metadata.name);
    }

    fn deleted(&mut self, _: WatchedObject) {}
}

/// One request: its time, its query, and the size of the response to a list.
#[derive(Debug, Clone)]
struct Logged {
    time: Duration,
    query: String,
    bytes: usize,
}

impl Logged {
    fn is_watch(&self) -> bool {
        self.query.contains("watch=")
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|pair| pair.0 == name)
            .map(|pair| pair.1)
    }
}

type Log = Arc<Mutex<Vec<Logged>>>;

/// Returns a client of an API server that answers with `respond`, which gets the requests so far, the current one last.
fn client(respond: impl Fn(&[Logged]) -> Response<Body> + Send + Clone + 'static) -> (Client, Log) {
    let (log, started) = (Log::default(), Instant::now());
    let requests = Arc::clone(&log);
    let service = service_fn(move |request: Request<kube::client::Body>| {
        let mut log = log.lock().unwrap();
        let query = request.uri().query().unwrap_or_default().to_owned();
        log.push(Logged { time: started.elapsed(), query, bytes: 0 });
        let response = respond(&log);
        let size = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or_default();
        log.last_mut().unwrap().bytes = usize::try_from(size).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    });
    (Client::new(service, "default"), requests)
}

fn page(items: &[Value], next: Option<&str>) -> Response<Body> {
    let page = json!({"metadata": {"resourceVersion": "10", "continue": next}, "items": items});
    Response::new(Body::from(page.to_string()))
}

fn object(name: &str, annotation: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "resourceVersion": "1",
        "annotations": {"large": annotation}, "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:metadata": {}}}]}})
}

fn status(code: u16, message: &str) -> Response<Body> {
    let status =
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
    Response::builder().status(code).body(Body::from(status.to_string())).unwrap()
}

/// A watch that sends nothing and stays open.
fn silent_watch() -> Response<Body> {
    Response::new(Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>()))
}

/// A watch that sends a bookmark shortly before it ends at its timeout, as API servers do.
fn quiet_watch(request: &Logged, version: usize) -> Response<Body> {
    let timeout = Duration::from_secs(request.parameter("timeoutSeconds").unwrap().parse().unwrap());
    let bookmark = json!({"type": "BOOKMARK", "object": {"kind": "ServiceAccount", "apiVersion": "v1",
        "metadata": {"resourceVersion": version.to_string()}}});
    let line = futures::stream::once(async move {
        sleep(timeout.saturating_sub(Duration::from_secs(2))).await;
        Ok::<_, Infallible>(Bytes::from(format!("{bookmark}\n")))
    });
    let end = futures::stream::once(sleep(Duration::from_secs(2))).filter_map(|()| async { None });
    Response::new(Body::from_stream(line.chain(end)))
}

/// Runs the watch for this long.
async fn run(client: Client, duration: Duration) -> (Names, Arc<WatchProgress>) {
    let (mut names, progress) = (Names::default(), Watches::default().register(WatchedKind::ServiceAccount));
    tokio::select! {
        () = async { ListWatch::all::<ServiceAccount>(client).run(&mut names, &progress).await } => unreachable!(),
        () = sleep(duration) => {}
    }
    (names, progress)
}

fn snapshot(log: &Log) -> Vec<Logged> {
    log.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn silent_watch_is_resumed_within_a_minute_without_a_list() {
    let (client, log) = client(|requests| match requests {
        [_] => page(&[object("a", "")], None),
        _ => silent_watch(),
    });
    let (names, progress) = run(client, Duration::from_mins(10)).await;
    let requests = snapshot(&log);
    let watches: Vec<_> = requests.iter().filter(|request| request.is_watch()).collect();
    assert_eq!(watches.len(), requests.len() - 1, "one list: {requests:?}");
    assert!(watches.len() >= 8, "{watches:?}");
    for pair in watches.windows(2) {
        let gap = pair[1].time.saturating_sub(pair[0].time);
        assert!(gap <= MAX_SILENCE + Duration::from_secs(11), "{gap:?}");
        assert_eq!(pair[1].parameter("resourceVersion"), Some("10"));
    }
    let first_gap = watches[1].time.saturating_sub(watches[0].time);
    assert!(first_gap <= Duration::from_secs(67), "{first_gap:?}");
    assert!(progress.silence() > Duration::from_secs(599), "{:?}", progress.silence());
    assert_eq!(names.completed, 1);
}

#[tokio::test(start_paused = true)]
async fn watches_have_different_timeouts_from_45_to_60_seconds() {
    let (client, log) = client(|requests| match requests {
        [_] => page(&[], None),
        [.., last] => quiet_watch(last, 20),
        [] => unreachable!(),
    });
    run(client, Duration::from_mins(30)).await;
    let timeouts: Vec<u32> = snapshot(&log)
        .iter()
        .filter_map(|request| request.parameter("timeoutSeconds"))
        .map(|seconds| seconds.parse().unwrap())
        .collect();
    assert!(timeouts.iter().all(|seconds| (45..=60).contains(seconds)), "{timeouts:?}");
    assert!(timeouts.iter().any(|seconds| *seconds != timeouts[0]), "{timeouts:?}");
}

#[tokio::test(start_paused = true)]
async fn quiet_watch_of_many_accounts_is_resumed_from_bookmarks_without_a_list() {
    const ACCOUNTS: usize = 100_000;
    const PAGE: usize = 250;
    let (client, log) = client(|requests| match requests {
        [.., last] if last.is_watch() => quiet_watch(last, 1000 + requests.len()),
        [.., last] => {
            let from = last.parameter("continue").map_or(0, |token| token.parse().unwrap());
            let items: Vec<_> = (from..from + PAGE).map(|number| object(&number.to_string(), "")).collect();
            let next = (from + PAGE < ACCOUNTS).then(|| (from + PAGE).to_string());
            page(&items, next.as_deref())
        }
        [] => unreachable!(),
    });
    let (names, progress) = run(client, Duration::from_mins(10)).await;
    let requests = snapshot(&log);
    let lists = requests.iter().filter(|request| !request.is_watch()).count();
    assert_eq!((lists, names.listed.len(), names.completed), (ACCOUNTS / PAGE, ACCOUNTS, 1));
    let versions: Vec<_> = requests[lists..]
        .iter()
        .map(|request| request.parameter("resourceVersion").unwrap().to_owned())
        .collect();
    let bookmarks = (lists + 1..requests.len()).map(|count| (1000 + count).to_string());
    let expected: Vec<_> = std::iter::once("10".to_owned()).chain(bookmarks).collect();
    assert_eq!(versions, expected);
    assert!(progress.silence() <= MAX_SILENCE, "{:?}", progress.silence());
}

#[tokio::test(start_paused = true)]
async fn failed_page_is_requested_again_and_the_list_goes_on() {
    let (client, log) = client(|requests| match requests.len() {
        1 => page(&[object("a", "")], Some("second")),
        2 | 3 => status(429, "too many requests"),
        4 => page(&[object("b", "")], None),
        _ => silent_watch(),
    });
    let (names, _) = run(client, Duration::from_secs(30)).await;
    let tokens: Vec<_> =
        snapshot(&log).iter().map(|request| request.parameter("continue").map(str::to_owned)).collect();
    let second = || Some("second".to_owned());
    assert_eq!(tokens[..4], [None, second(), second(), second()]);
    assert_eq!(names.listed, BTreeSet::from(["a", "b"].map(str::to_owned)));
}

#[tokio::test(start_paused = true)]
async fn expired_page_starts_the_list_over() {
    let (client, log) = client(|requests| match requests.len() {
        1 => page(&[object("gone", "")], Some("second")),
        2 => status(410, "the provided continue parameter is too old"),
        3 => page(&[object("b", "")], None),
        _ => silent_watch(),
    });
    let (names, _) = run(client, Duration::from_secs(30)).await;
    assert!(snapshot(&log)[2].parameter("continue").is_none());
    assert_eq!(names.listed, BTreeSet::from(["b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn recovered_api_server_is_noticed_within_ten_seconds() {
    let outage = Duration::from_mins(5);
    let (client, log) = client(move |requests| match requests {
        [.., last] if last.time < outage => status(503, "unavailable"),
        [.., last] if last.is_watch() => silent_watch(),
        _ => page(&[], None),
    });
    run(client, outage + Duration::from_secs(10)).await;
    let requests = snapshot(&log);
    let during = requests.iter().filter(|request| request.time < outage).count();
    assert!((30..=64).contains(&during), "{during} requests during the outage");
    assert!(requests.len() > during, "a request after the outage");
}

#[tokio::test(start_paused = true)]
async fn watch_that_ends_at_once_is_repeated_with_backoff() {
    let (client, log) = client(|requests| match requests {
        [_] => page(&[], None),
        _ => Response::new(Body::empty()),
    });
    run(client, Duration::from_mins(1)).await;
    let watches = snapshot(&log).len() - 1;
    assert!(watches <= 16, "{watches} watches in a minute");
}

#[tokio::test(start_paused = true)]
async fn pages_of_large_objects_stay_within_their_bytes() {
    const LARGE: usize = 100;
    const MAX_PAGE_BYTES: usize = 4 << 20;
    let annotation = "x".repeat(256 << 10);
    let (client, log) = client(move |requests| match requests {
        [.., last] if last.is_watch() => silent_watch(),
        [.., last] => {
            let limit: usize = last.parameter("limit").unwrap().parse().unwrap();
            let from = last.parameter("continue").map_or(0, |token| token.parse().unwrap());
            let to = (from + limit).min(2 * LARGE);
            let text = |number: usize| if number < LARGE { annotation.as_str() } else { "" };
            let items: Vec<_> = (from..to).map(|number| object(&number.to_string(), text(number))).collect();
            page(&items, (to < 2 * LARGE).then(|| to.to_string()).as_deref())
        }
        [] => unreachable!(),
    });
    let (names, _) = run(client, Duration::from_secs(30)).await;
    let requests = snapshot(&log);
    let lists: Vec<_> = requests.iter().filter(|request| !request.is_watch()).collect();
    let rejected = lists.iter().filter(|request| request.bytes > MAX_PAGE_BYTES).count();
    assert_eq!((names.listed.len(), names.completed), (2 * LARGE, 1));
    assert!(rejected <= 3, "{rejected} pages were too large");
    assert!(lists.len() <= 20, "{} pages", lists.len());
}

#[rstest]
#[case::null(r#"{"metadata":{"resourceVersion":"10"},"items":null}"#)]
#[case::absent(r#"{"metadata":{"resourceVersion":"10"}}"#)]
#[tokio::test(start_paused = true)]
async fn empty_list_without_an_array_is_complete(#[case] page: &'static str) {
    let (client, log) = client(move |requests| match requests {
        [_] => Response::new(Body::from(page)),
        _ => silent_watch(),
    });
    let (names, _) = run(client, Duration::from_secs(30)).await;
    assert_eq!((names.completed, names.listed.len()), (1, 0));
    assert!(snapshot(&log).iter().skip(1).all(Logged::is_watch));
}

#[tokio::test(start_paused = true)]
async fn list_and_watch_of_one_object_select_its_name() {
    let (client, log) = client(|requests| match requests {
        [_] => page(&[], None),
        _ => silent_watch(),
    });
    let (mut names, progress) =
        (Names::default(), Watches::default().register(WatchedKind::WebhookConfiguration));
    let watch = ListWatch::named::<MutatingWebhookConfiguration>(client, "rolebridge");
    tokio::select! {
        () = watch.run(&mut names, &progress) => unreachable!(),
        () = sleep(Duration::from_secs(1)) => {}
    }
    let selectors: Vec<_> =
        snapshot(&log).iter().map(|request| request.parameter("fieldSelector").map(str::to_owned)).collect();
    assert_eq!(selectors, vec![Some("metadata.name%3Drolebridge".to_owned()); 2]);
}
