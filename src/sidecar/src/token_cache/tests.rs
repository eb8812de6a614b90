use std::time::Duration;

use rstest::rstest;
use tokio::time::{Instant, advance, sleep};

use super::cache::MAX_TOKENS;
use super::*;
use crate::error::{Error, ErrorKind, Service};
use crate::google::fake::{Call, FakeGoogle, clock, publish_subject_token, shared_state};
use crate::scopes::Scopes;
use crate::shared_state::{SharedState, Writer};
use crate::token_kind::TokenKind;

const HOUR: Duration = Duration::from_hours(1);

struct Fixture {
    tokens: TokenCache<FakeGoogle>,
    calls: Arc<Mutex<Vec<(Call, Duration, String)>>>,
    metrics: Arc<Metrics>,
    /// Keeps the channel open.
    state: Writer,
    start: Instant,
}

fn fixture(google: FakeGoogle, impersonates: bool) -> Fixture {
    let (writer, reader) = shared_state();
    let (calls, metrics) = (Arc::clone(&google.calls), Arc::new(Metrics::default()));
    let tokens = TokenCache::new(google, impersonates, reader, clock(), Arc::clone(&metrics));
    Fixture { tokens, calls, metrics, state: writer, start: Instant::now() }
}

impl Fixture {
    fn count(&self, call: Call) -> usize {
        self.calls.lock().unwrap().iter().filter(|(made, ..)| *made == call).count()
    }
}

fn access(scopes: &str) -> TokenKind {
    TokenKind::Access(Scopes::parse(scopes).unwrap())
}

fn id(audience: &str) -> TokenKind {
    TokenKind::Id { audience: audience.to_owned() }
}

fn transient() -> Error {
    Error::new(ErrorKind::ServerError, "sts returned 503").from_service(Service::GoogleSts)
}

fn permanent() -> Error {
    Error::new(ErrorKind::ConditionRejected, "sts returned 400").from_service(Service::GoogleSts)
}

#[rstest]
#[case::federated(false, 1, 0)]
#[case::impersonated(true, 1, 1)]
#[tokio::test(start_paused = true)]
async fn a_thousand_concurrent_requests_share_one_exchange(
    #[case] impersonates: bool,
    #[case] exchanges: usize,
    #[case] impersonations: usize,
) {
    let fixture = fixture(FakeGoogle::healthy(), impersonates);
    let requests: Vec<_> = (0..1000)
        .map(|_| {
            let tokens = fixture.tokens.clone();
            tokio::spawn(async move { tokens.get(&access("")).await })
        })
        .collect();
    let mut secrets = Vec::new();
    for request in requests {
        secrets.push(request.await.unwrap().unwrap().secret);
    }
    secrets.dedup();
    assert_eq!(secrets.len(), 1);
    assert_eq!((fixture.count(Call::Exchange), fixture.count(Call::Access)), (exchanges, impersonations));
}

#[tokio::test(start_paused = true)]
async fn each_scope_set_and_audience_is_cached_with_one_federated_token() {
    let fixture = fixture(FakeGoogle::healthy(), true);
    for kind in [access("a,b"), access("b,a"), access("a"), id("x"), id("y"), id("x")] {
        fixture.tokens.get(&kind).await.unwrap();
    }
    let calls = fixture.calls.lock().unwrap();
    let arguments: Vec<_> = calls.iter().map(|(_, _, arguments)| arguments.as_str()).collect();
    assert_eq!(
        arguments,
        [
            "https://www.googleapis.com/auth/cloud-platform",
            "Exchange-1 a b",
            "Exchange-1 a",
            "Exchange-1 x",
            "Exchange-1 y",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn direct_access_requests_the_scopes_in_the_exchange() {
    let fixture = fixture(FakeGoogle::healthy(), false);
    fixture.tokens.get(&access("a")).await.unwrap();
    assert_eq!(fixture.calls.lock().unwrap()[0].2, "a");
}

/// A library requests a token when five minutes remain of its current one, and gets a renewed one.
#[tokio::test(start_paused = true)]
async fn requested_access_token_is_renewed_ahead_of_need() {
    let fixture = fixture(FakeGoogle::healthy(), true);
    for _ in 0..24 {
        let token = fixture.tokens.get(&access("")).await.unwrap();
        assert!(token.expires_in >= Duration::from_mins(17), "{:?}", token.expires_in);
        let before = Instant::now();
        advance(token.expires_in.saturating_sub(Duration::from_mins(5))).await;
        sleep(Duration::ZERO).await;
        assert!(before.elapsed() < HOUR);
    }
    let renewals = fixture.count(Call::Access);
    assert!((20..=40).contains(&renewals), "{renewals}");
}

#[tokio::test(start_paused = true)]
async fn unrequested_access_token_is_renewed_once() {
    let fixture = fixture(FakeGoogle::healthy(), false);
    fixture.tokens.get(&access("")).await.unwrap();
    sleep(24 * HOUR).await;
    assert_eq!(fixture.count(Call::Exchange), 2);
    let token = fixture.tokens.get(&access("")).await.unwrap();
    assert!(token.expires_in > Duration::from_mins(59), "requested again: {:?}", token.expires_in);
}

/// Go's library assumes a lifetime of an hour from the response.
#[tokio::test(start_paused = true)]
async fn id_token_is_fresh_and_issued_on_demand_only() {
    let fixture = fixture(FakeGoogle::healthy(), true);
    for _ in 0..50 {
        let token = fixture.tokens.get(&id("x")).await.unwrap();
        assert!(token.expires_in >= Duration::from_secs(3_590), "{:?}", token.expires_in);
        sleep(Duration::from_secs(3)).await;
    }
    let issued = fixture.count(Call::Id);
    assert!((10..=15).contains(&issued), "{issued}");
    sleep(24 * HOUR).await;
    assert_eq!(fixture.count(Call::Id), issued);
}

#[tokio::test(start_paused = true)]
async fn first_request_waits_through_short_errors() {
    let google = FakeGoogle::new(|_, elapsed| match elapsed.as_millis() {
        ..900 => Err(transient()),
        _ => Ok(HOUR),
    });
    let fixture = fixture(google, true);
    let start = Instant::now();
    fixture.tokens.get(&access("")).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn first_request_waits_for_the_subject_token_or_its_error() {
    let (writer, reader) = SharedState::channel();
    let google = FakeGoogle::healthy();
    let tokens = TokenCache::new(google, false, reader, clock(), Arc::new(Metrics::default()));
    assert_eq!(tokens.get(&access("")).await, Err(Unavailable::Pending));
    let request = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.get(&access("")).await }
    });
    sleep(Duration::from_secs(1)).await;
    publish_subject_token(&writer);
    assert!(request.await.unwrap().is_ok());

    let error = Error::new(ErrorKind::AccessDenied, "role");
    writer.send_modify(|state| *state = SharedState { error: Some(error.clone()), ..SharedState::default() });
    assert_eq!(tokens.get(&access("other")).await, Err(Unavailable::Error(error)));
}

/// Fails for `minutes`, as a role does that does not trust the pod, while apps request tokens.
async fn deny_session(fixture: &Fixture, minutes: u64, kinds: &[TokenKind]) {
    for attempt in 0..minutes * 12 {
        // The refresher reports each of its attempts, and the reason may change.
        let error = session_error(attempt);
        fixture.state.send_modify(|state| (state.token, state.error) = (None, Some(error)));
        // The tasks run before paused time advances.
        sleep(Duration::from_millis(1)).await;
        for kind in kinds {
            let result = fixture.tokens.get(kind).await;
            assert_eq!(result, Err(Unavailable::Error(session_error(attempt))), "{kind:?}");
        }
        sleep(Duration::from_secs(5)).await;
    }
}

fn session_error(attempt: u64) -> Error {
    Error::new(ErrorKind::AccessDenied, format!("role, attempt {attempt}"))
}

/// The refresher logs, counts and retries the errors of AWS.
#[rstest]
#[case::direct(false, vec![access("")], 1)]
#[case::impersonated(true, vec![access(""), access("a")], 3)]
#[case::id(true, vec![id("x")], 2)]
#[tokio::test(start_paused = true)]
async fn missing_session_delays_google_no_longer_than_itself_and_is_not_counted(
    #[case] impersonates: bool,
    #[case] kinds: Vec<TokenKind>,
    #[case] calls: usize,
) {
    let fixture = fixture(FakeGoogle::healthy(), impersonates);
    deny_session(&fixture, 20, &kinds).await;
    assert_eq!(fixture.calls.lock().unwrap().len(), 0, "Google is not called");
    let text = fixture.metrics.render(&SharedState::default(), &clock());
    assert!(!text.contains("google_tokens_total{token=\"access\",outcome=\"error\""), "{text}");
    assert!(!fixture.reports_failure(), "Google issues each token that it is asked for");
    publish_subject_token(&fixture.state);
    let recovered = fixture.start.elapsed();
    sleep(Duration::from_millis(1)).await;
    for kind in &kinds {
        fixture.tokens.get(kind).await.unwrap();
    }
    let made = fixture.calls.lock().unwrap();
    assert_eq!(made.len(), calls);
    for (call, elapsed, _) in made.iter() {
        assert!(*elapsed < recovered + Duration::from_secs(1), "{call:?}: {elapsed:?}, {recovered:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn renewal_that_a_missing_session_prevents_follows_the_session() {
    let fixture = fixture(FakeGoogle::healthy(), false);
    let first = fixture.tokens.get(&access("")).await.unwrap();
    fixture.state.send_modify(|state| (state.token, state.error) = (None, Some(session_error(0))));
    for _ in 0..50 {
        sleep(Duration::from_mins(1)).await;
        assert_eq!(fixture.tokens.get(&access("")).await.unwrap().secret, first.secret);
    }
    publish_subject_token(&fixture.state);
    sleep(Duration::from_secs(1)).await;
    let renewed = fixture.tokens.get(&access("")).await.unwrap();
    assert_ne!(renewed.secret, first.secret);
    assert!(renewed.expires_in > Duration::from_mins(59), "{:?}", renewed.expires_in);
}

/// Google counts calls by the minute: a retry within seconds is rejected too, and counts against other pods.
#[tokio::test(start_paused = true)]
async fn exchange_over_quota_is_retried_in_the_next_minute() {
    let quota = Error::new(ErrorKind::Throttled, "quota").from_service(Service::GoogleSts);
    let script = move |_, at: Duration| if at.as_secs() < 30 { Err(quota.clone()) } else { Ok(HOUR) };
    let fixture = fixture(FakeGoogle::new(script), false);
    while fixture.tokens.get(&access("")).await.is_err() {
        sleep(Duration::from_secs(1)).await;
    }
    let times: Vec<_> = fixture.calls.lock().unwrap().iter().map(|(_, at, _)| at.as_secs()).collect();
    assert!(matches!(times[..], [0, 30..=60]), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn renewal_is_retried_rarely_while_the_token_is_valid() {
    let outage = 10 * 60..50 * 60;
    let script =
        move |_, at: Duration| if outage.contains(&at.as_secs()) { Err(transient()) } else { Ok(HOUR) };
    let fixture = fixture(FakeGoogle::new(script), false);
    // An app that needs a token each second, until a minute after the outage.
    while fixture.start.elapsed() < Duration::from_mins(51) {
        fixture.tokens.get(&access("")).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    // The renewal is due after 18 to 42 minutes. Then: at once, 15 seconds, and up to five minutes.
    let calls = fixture.count(Call::Exchange);
    assert!((4..=16).contains(&calls), "{calls}");
}

#[tokio::test(start_paused = true)]
async fn permanent_error_is_returned_at_once_and_retried_slowly() {
    let fixture = fixture(FakeGoogle::new(|_, _| Err(permanent())), true);
    let start = Instant::now();
    for _ in 0..3600 {
        let start = Instant::now();
        assert_eq!(fixture.tokens.get(&access("")).await, Err(Unavailable::Error(permanent())));
        assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
    let exchanges = fixture.count(Call::Exchange);
    assert!((8..30).contains(&exchanges), "in {:?}: {exchanges}", start.elapsed());
    let text = fixture.metrics.render(&SharedState::default(), &clock());
    assert!(
        text.contains(
            r#"google_tokens_total{token="federated",outcome="error",reason="condition-rejected"}"#
        )
    );
}

#[tokio::test(start_paused = true)]
async fn failed_token_is_not_retried_without_requests() {
    let fixture = fixture(FakeGoogle::new(|_, _| Err(transient())), false);
    assert!(fixture.tokens.get(&access("")).await.is_err());
    let exchanges = fixture.count(Call::Exchange);
    sleep(24 * HOUR).await;
    assert!(fixture.count(Call::Exchange) <= exchanges + 1);
}

/// No call to Google returns.
#[tokio::test(start_paused = true)]
async fn app_gets_a_response_before_its_own_timeout() {
    let google = FakeGoogle::healthy().with_latency(Duration::from_secs(15));
    let fixture = fixture(google, false);
    let start = Instant::now();
    assert_eq!(fixture.tokens.get(&access("")).await, Err(Unavailable::Pending));
    assert_eq!(start.elapsed(), Duration::from_millis(2500));
    sleep(Duration::from_secs(15)).await;
    let token = fixture.tokens.get(&access("")).await.unwrap();
    assert!(token.expires_in > Duration::from_mins(59), "the call continued: {:?}", token.expires_in);
}

/// A script of six hours that repeats: short and long outages of both services, transient and permanent, up to the
/// remaining lifetime of a token at its renewal.
fn outages(call: Call, elapsed: Duration) -> Result<Duration, Error> {
    let minutes = elapsed.as_secs() / 60;
    let is_exchange = call == Call::Exchange;
    match minutes % (6 * 60) {
        40..55 if is_exchange => Err(transient()),
        100..115 if is_exchange => Err(permanent()),
        150..165 if !is_exchange => {
            Err(Error::new(ErrorKind::ImpersonationDenied, "").from_service(Service::IamCredentials))
        }
        200..215 => Err(Error::new(ErrorKind::Dns, "sts.googleapis.com").from_service(Service::GoogleSts)),
        260..262 => Err(Error::new(ErrorKind::Timeout, "").from_service(Service::IamCredentials)),
        300..303 => Err(Error::new(ErrorKind::Throttled, "quota").from_service(Service::IamCredentials)),
        // Not in the first second, in which a request may fail because no token is cached.
        _ if elapsed.as_secs() % 11 == 7 => Err(transient()),
        _ => Ok(HOUR),
    }
}

/// The apps request tokens often, as a library does, and seldom.
#[rstest]
#[case::direct(false)]
#[case::impersonated(true)]
#[tokio::test(start_paused = true)]
async fn no_request_fails_in_a_week_of_outages_shorter_than_a_token(#[case] impersonates: bool) {
    let fixture = fixture(FakeGoogle::new(outages), impersonates);
    let apps = [(access(""), 7_919), (access("a"), 600_011), (access("b"), 1_500_007)];
    let end = Instant::now() + 7 * 24 * HOUR;
    let mut running = Vec::new();
    for (kind, pause) in apps {
        let tokens = fixture.tokens.clone();
        running.push(tokio::spawn(async move {
            let mut requests = 0_u32;
            while Instant::now() < end {
                let start = Instant::now();
                let token = tokens.get(&kind).await;
                assert!(token.is_ok(), "{kind:?} at {start:?}, after {requests}: {token:?}");
                assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
                assert!(token.unwrap().expires_in > Duration::from_secs(10));
                requests += 1;
                sleep(Duration::from_millis(pause)).await;
            }
            requests
        }));
    }
    let mut requests = 0;
    for app in running {
        requests += app.await.unwrap();
    }
    assert!(requests > 70_000, "{requests}");
    let calls = fixture.calls.lock().unwrap();
    let errors = calls.iter().filter(|(call, elapsed, _)| outages(*call, *elapsed).is_err()).count();
    assert!(errors > 100, "the outages were met: {errors}");
    assert!(calls.len() < 4_000, "{}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn last_valid_token_is_returned_until_it_expires_and_then_the_error() {
    let google = FakeGoogle::new(|_, elapsed| if elapsed.is_zero() { Ok(HOUR) } else { Err(permanent()) });
    let fixture = fixture(google, false);
    let first = fixture.tokens.get(&access("")).await.unwrap();
    sleep(Duration::from_secs(3_580)).await;
    let last = fixture.tokens.get(&access("")).await.unwrap();
    assert_eq!(last.secret, first.secret);
    assert!(last.expires_in < Duration::from_secs(21), "{:?}", last.expires_in);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(fixture.tokens.get(&access("")).await, Err(Unavailable::Error(permanent())));
}

#[tokio::test(start_paused = true)]
async fn rejected_federated_token_is_replaced() {
    let google = FakeGoogle::new(|call, elapsed| match (call, elapsed.as_secs()) {
        (Call::Access, ..1) => {
            Err(Error::new(ErrorKind::FederatedRejected, "").from_service(Service::IamCredentials))
        }
        _ => Ok(HOUR),
    });
    let fixture = fixture(google, true);
    fixture.tokens.get(&access("")).await.unwrap();
    let calls = fixture.calls.lock().unwrap();
    let (call, _, arguments) = calls.last().unwrap();
    assert_eq!(*call, Call::Access);
    assert!(!arguments.starts_with("Exchange-1 "), "{arguments}");
}

/// All requests that wait for the federated token get its replacement, whenever it was rejected.
#[tokio::test(start_paused = true)]
async fn every_request_gets_the_replacement_of_a_rejected_federated_token() {
    let rejected_at = 36 * 60..42 * 60;
    let google = FakeGoogle::new(move |call, elapsed| match call {
        Call::Access if rejected_at.contains(&elapsed.as_secs()) => {
            Err(Error::new(ErrorKind::FederatedRejected, "").from_service(Service::IamCredentials))
        }
        _ => Ok(HOUR),
    });
    let fixture = fixture(google.with_latency(Duration::from_secs(2)), true);
    let apps: Vec<_> = (0..20_u64)
        .map(|number| {
            let tokens = fixture.tokens.clone();
            tokio::spawn(async move {
                for _ in 0..200 {
                    let _ = tokens.get(&access(&number.to_string())).await;
                    sleep(Duration::from_secs(17 + number)).await;
                }
                tokens.get(&access(&number.to_string())).await.is_ok()
            })
        })
        .collect();
    for app in apps {
        assert!(app.await.unwrap());
    }
    let exchanges = fixture.count(Call::Exchange);
    assert!((3..400).contains(&exchanges), "{exchanges}");
}

#[tokio::test(start_paused = true)]
async fn token_with_a_waiter_is_not_evicted() {
    let fixture = fixture(FakeGoogle::healthy(), true);
    let kind = access("");
    let first = fixture.tokens.get(&kind).await.unwrap();
    let waiting = {
        let (tokens, kind) = (fixture.tokens.clone(), kind.clone());
        tokio::spawn(
            async move { tokens.wait_for_new(&kind, |secret| *secret != first.secret, |_| {}).await },
        )
    };
    for audience in 0..500 {
        fixture.tokens.get(&id(&audience.to_string())).await.unwrap();
    }
    sleep(Duration::from_mins(43)).await;
    assert!(waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn cache_is_limited_to_its_maximum() {
    let fixture = fixture(FakeGoogle::healthy(), true);
    fixture.tokens.get(&access("")).await.unwrap();
    for audience in 0..500 {
        fixture.tokens.get(&id(&audience.to_string())).await.unwrap();
        fixture.tokens.get(&access("")).await.unwrap();
    }
    assert_eq!(fixture.tokens.0.entries.lock().unwrap().len(), MAX_TOKENS);
    assert_eq!(fixture.count(Call::Access), 1, "a token in use is not evicted");
    assert!(fixture.count(Call::Exchange) < 12, "{}", fixture.count(Call::Exchange));
}

#[tokio::test(start_paused = true)]
async fn wait_for_new_returns_the_renewed_token() {
    let fixture = fixture(FakeGoogle::healthy(), false);
    let kind = access("");
    let first = fixture.tokens.get(&kind).await.unwrap();
    let start = Instant::now();
    let next = fixture.tokens.wait_for_new(&kind, |secret| *secret != first.secret, |_| {}).await;
    assert_ne!(next.secret, first.secret);
    let minutes = start.elapsed().as_secs() / 60;
    assert!((17..43).contains(&minutes), "{minutes}");
    drop(fixture.state);
}

/// Another STS than Google's may return any lifetime.
#[tokio::test(start_paused = true)]
async fn unlimited_lifetime_is_limited_to_a_day() {
    let fixture = fixture(FakeGoogle::new(|_, _| Ok(Duration::from_secs(u64::MAX))), true);
    for kind in [access(""), id("x")] {
        let token = fixture.tokens.get(&kind).await.unwrap();
        assert!(token.expires_in <= 24 * HOUR, "{:?}", token.expires_in);
    }
}

impl Fixture {
    fn reports_failure(&self) -> bool {
        let text = self.metrics.render(&SharedState::default(), &clock());
        text.contains("\nrolebridge_sidecar_refresh_failing 1\n")
    }
}

#[tokio::test(start_paused = true)]
async fn failing_token_is_reported_until_it_is_issued_or_no_longer_requested() {
    let google = FakeGoogle::new(|_, elapsed| match elapsed.as_secs() / 60 {
        ..28 => Err(permanent()),
        _ => Ok(HOUR),
    });
    let fixture = fixture(google, false);
    for (minutes, requests, failing) in [
        (0, true, true),
        (5, false, true),
        (16, false, false),
        (16, true, true),
        (26, true, true),
        (40, true, false),
        (90, false, false),
    ] {
        sleep(Duration::from_mins(minutes).saturating_sub(fixture.start.elapsed())).await;
        if requests {
            assert_eq!(fixture.tokens.get(&access("")).await.is_err(), failing, "after {minutes} minutes");
        }
        assert_eq!(fixture.reports_failure(), failing, "after {minutes} minutes");
    }
}
