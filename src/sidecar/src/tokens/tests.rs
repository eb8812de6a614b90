use std::sync::atomic::{AtomicU32, Ordering};

use rstest::rstest;
use tokio::time::{advance, sleep};

use super::*;
use crate::board::{Board, Writer};
use crate::fault::{Peer, Reason};
use crate::google::script::{Call, Script, board, clock, prove_on};

const HOUR: Duration = Duration::from_hours(1);

struct Fixture {
    tokens: Tokens<Script>,
    calls: Arc<Mutex<Vec<(Call, Duration, String)>>>,
    metrics: Arc<Metrics>,
    board: Writer,
    start: Instant,
}

fn fixture(script: Script, impersonates: bool) -> Fixture {
    let (writer, reader) = board();
    let (calls, metrics) = (Arc::clone(&script.calls), Arc::new(Metrics::default()));
    let tokens = Tokens::new(script, impersonates, reader, clock(), Arc::clone(&metrics));
    Fixture { tokens, calls, metrics, board: writer, start: Instant::now() }
}

impl Fixture {
    fn count(&self, call: Call) -> usize {
        self.calls.lock().unwrap().iter().filter(|(one, ..)| *one == call).count()
    }
}

fn access(scopes: &str) -> Kind {
    Kind::Access(Scopes::parse(scopes).unwrap())
}

fn id(audience: &str) -> Kind {
    Kind::Id { audience: audience.to_owned(), with_email: true }
}

fn passing() -> Fault {
    Fault::new(Reason::ServerError, "sts said 503").at(Peer::GoogleSts)
}

fn lasting() -> Fault {
    Fault::new(Reason::ConditionRejected, "sts said 400").at(Peer::GoogleSts)
}

#[rstest]
#[case::federated(false, 1, 0)]
#[case::impersonated(true, 1, 1)]
#[tokio::test(start_paused = true)]
async fn a_thousand_at_once_are_one_exchange(
    #[case] impersonates: bool,
    #[case] exchanges: usize,
    #[case] impersonations: usize,
) {
    let fixture = fixture(Script::good(), impersonates);
    let asked: Vec<_> = (0..1000)
        .map(|_| {
            let tokens = fixture.tokens.clone();
            tokio::spawn(async move { tokens.token(&access("")).await })
        })
        .collect();
    let mut secrets = Vec::new();
    for one in asked {
        secrets.push(one.await.unwrap().unwrap().secret);
    }
    secrets.dedup();
    assert_eq!(secrets.len(), 1);
    assert_eq!((fixture.count(Call::Exchange), fixture.count(Call::Access)), (exchanges, impersonations));
}

#[tokio::test(start_paused = true)]
async fn each_scope_set_and_audience_is_a_token_of_one_federated_token() {
    let fixture = fixture(Script::good(), true);
    for kind in [access("a,b"), access("b,a"), access("a"), id("x"), id("y"), id("x")] {
        fixture.tokens.token(&kind).await.unwrap();
    }
    let calls = fixture.calls.lock().unwrap();
    let asked: Vec<_> = calls.iter().map(|(_, _, what)| what.as_str()).collect();
    assert_eq!(
        asked,
        [
            "https://www.googleapis.com/auth/cloud-platform",
            "Exchange-1 a b",
            "Exchange-1 a",
            "Exchange-1 x true",
            "Exchange-1 y true",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_scopes_of_direct_access_are_the_federated_token_s() {
    let fixture = fixture(Script::good(), false);
    fixture.tokens.token(&access("a")).await.unwrap();
    assert_eq!(fixture.calls.lock().unwrap()[0].2, "a");
}

/// A library asks when its token has five minutes left, and finds one that was renewed before.
#[tokio::test(start_paused = true)]
async fn a_token_in_use_is_renewed_ahead_of_need() {
    let fixture = fixture(Script::good(), true);
    for _ in 0..24 {
        let served = fixture.tokens.token(&access("")).await.unwrap();
        assert!(served.lives >= Duration::from_mins(17), "{:?}", served.lives);
        let before = Instant::now();
        advance(served.lives.saturating_sub(Duration::from_mins(5))).await;
        sleep(Duration::ZERO).await;
        assert!(before.elapsed() < HOUR);
    }
    let renewals = fixture.count(Call::Access);
    assert!((20..=40).contains(&renewals), "{renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nobody_asks_for_any_more_is_renewed_once_and_then_let_go() {
    let fixture = fixture(Script::good(), false);
    fixture.tokens.token(&access("")).await.unwrap();
    sleep(24 * HOUR).await;
    assert_eq!(fixture.count(Call::Exchange), 2);
    let served = fixture.tokens.token(&access("")).await.unwrap();
    assert!(served.lives > Duration::from_mins(59), "and made again: {:?}", served.lives);
}

/// Go's library counts an hour from the answer.
#[tokio::test(start_paused = true)]
async fn an_id_token_is_young_and_made_on_demand_only() {
    let fixture = fixture(Script::good(), true);
    for _ in 0..50 {
        let served = fixture.tokens.token(&id("x")).await.unwrap();
        assert!(served.lives >= Duration::from_secs(3_590), "{:?}", served.lives);
        sleep(Duration::from_secs(3)).await;
    }
    let made = fixture.count(Call::Id);
    assert!((10..=15).contains(&made), "{made}");
    sleep(24 * HOUR).await;
    assert_eq!(fixture.count(Call::Id), made);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_waits_for_the_first_token() {
    let script = Script::new(|_, since| match since.as_millis() {
        ..900 => Err(passing()),
        _ => Ok(HOUR),
    });
    let fixture = fixture(script, true);
    let asked = Instant::now();
    fixture.tokens.token(&access("")).await.unwrap();
    assert!(asked.elapsed() < Duration::from_millis(2500), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_call_waits_for_the_subject_token_and_hears_why_there_is_none() {
    let (writer, reader) = Board::channel();
    let script = Script::good();
    let tokens = Tokens::new(script, false, reader, clock(), Arc::new(Metrics::default()));
    assert_eq!(tokens.token(&access("")).await, Err(Unavailable::NotYet));
    let asked = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.token(&access("")).await }
    });
    sleep(Duration::from_secs(1)).await;
    prove_on(&writer);
    assert!(asked.await.unwrap().is_ok());

    let fault = Fault::new(Reason::AccessDenied, "role");
    writer.send_modify(|board| *board = Board { fault: Some(fault.clone()), ..Board::default() });
    assert_eq!(tokens.token(&access("other")).await, Err(Unavailable::Fault(fault)));
}

#[tokio::test(start_paused = true)]
async fn a_lasting_fault_is_said_at_once_and_asked_about_slowly() {
    let fixture = fixture(Script::new(|_, _| Err(lasting())), true);
    let start = Instant::now();
    for _ in 0..3600 {
        let asked = Instant::now();
        assert_eq!(fixture.tokens.token(&access("")).await, Err(Unavailable::Fault(lasting())));
        assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
    let exchanges = fixture.count(Call::Exchange);
    assert!((8..30).contains(&exchanges), "in {:?}: {exchanges}", start.elapsed());
    let text = fixture.metrics.render(&Board::default(), &clock());
    assert!(
        text.contains(
            r#"google_tokens_total{token="federated",outcome="fault",reason="condition-rejected"}"#
        )
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_so_nothing_is_asked() {
    let fixture = fixture(Script::new(|_, _| Err(passing())), false);
    assert!(fixture.tokens.token(&access("")).await.is_err());
    let asked = fixture.count(Call::Exchange);
    sleep(24 * HOUR).await;
    assert!(fixture.count(Call::Exchange) <= asked + 1);
}

/// Google hangs: no call is answered.
#[tokio::test(start_paused = true)]
async fn an_app_is_answered_before_it_gives_up() {
    let hangs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&hangs);
    let script = Script::new(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(HOUR)
    });
    let script = script.taking(Duration::from_secs(15));
    let fixture = fixture(script, false);
    let asked = Instant::now();
    assert_eq!(fixture.tokens.token(&access("")).await, Err(Unavailable::NotYet));
    assert_eq!(asked.elapsed(), Duration::from_millis(2500));
    sleep(Duration::from_secs(15)).await;
    let served = fixture.tokens.token(&access("")).await.unwrap();
    assert!(served.lives > Duration::from_mins(59), "the call went on: {:?}", served.lives);
}

/// What Google is like for six hours, again and again: outages of both hops, short and long, passing and lasting, up to
/// what is left of a token when it is renewed.
fn a_hard_day(call: Call, since: Duration) -> Result<Duration, Fault> {
    let minutes = since.as_secs() / 60;
    let google_sts = call == Call::Exchange;
    match minutes % (6 * 60) {
        40..55 if google_sts => Err(passing()),
        100..115 if google_sts => Err(lasting()),
        150..165 if !google_sts => Err(Fault::new(Reason::ImpersonationDenied, "").at(Peer::IamCredentials)),
        200..215 => Err(Fault::new(Reason::Dns, "sts.googleapis.com").at(Peer::GoogleSts)),
        260..262 => Err(Fault::new(Reason::Timeout, "").at(Peer::IamCredentials)),
        300..303 => Err(Fault::new(Reason::Throttled, "quota").at(Peer::IamCredentials)),
        // Not in the first second: where there is no good token yet, a request may fail.
        _ if since.as_secs() % 11 == 7 => Err(passing()),
        _ => Ok(HOUR),
    }
}

/// Apps that ask all the time, as a library does, and seldom.
#[rstest]
#[case::direct(false)]
#[case::impersonated(true)]
#[tokio::test(start_paused = true)]
async fn in_a_week_of_faults_no_request_fails_while_there_is_a_good_token(#[case] impersonates: bool) {
    let fixture = fixture(Script::new(a_hard_day), impersonates);
    let apps = [(access(""), 7_919), (access("a"), 600_011), (access("b"), 1_500_007)];
    let end = Instant::now() + 7 * 24 * HOUR;
    let mut running = Vec::new();
    for (kind, pause) in apps {
        let tokens = fixture.tokens.clone();
        running.push(tokio::spawn(async move {
            let mut asked = 0_u32;
            while Instant::now() < end {
                let start = Instant::now();
                let served = tokens.token(&kind).await;
                assert!(served.is_ok(), "{kind:?} at {start:?}, after {asked}: {served:?}");
                assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
                assert!(served.unwrap().lives > Duration::from_secs(10));
                asked += 1;
                sleep(Duration::from_millis(pause)).await;
            }
            asked
        }));
    }
    let mut asked = 0;
    for app in running {
        asked += app.await.unwrap();
    }
    assert!(asked > 70_000, "{asked}");
    let calls = fixture.calls.lock().unwrap();
    let faults = calls.iter().filter(|(call, since, _)| a_hard_day(*call, *since).is_err()).count();
    assert!(faults > 100, "the script was met: {faults}");
    assert!(calls.len() < 4_000, "{}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn the_last_good_token_serves_to_its_end_and_then_the_fault_is_said() {
    let script = Script::new(|_, since| if since.is_zero() { Ok(HOUR) } else { Err(lasting()) });
    let fixture = fixture(script, false);
    let first = fixture.tokens.token(&access("")).await.unwrap();
    sleep(Duration::from_secs(3_580)).await;
    let last = fixture.tokens.token(&access("")).await.unwrap();
    assert_eq!(last.secret, first.secret);
    assert!(last.lives < Duration::from_secs(21), "{:?}", last.lives);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(fixture.tokens.token(&access("")).await, Err(Unavailable::Fault(lasting())));
}

#[tokio::test(start_paused = true)]
async fn a_federated_token_that_is_not_taken_is_replaced() {
    let script = Script::new(|call, since| match (call, since.as_secs()) {
        (Call::Access, ..1) => Err(Fault::new(Reason::FederatedRejected, "").at(Peer::IamCredentials)),
        _ => Ok(HOUR),
    });
    let fixture = fixture(script, true);
    fixture.tokens.token(&access("")).await.unwrap();
    let calls = fixture.calls.lock().unwrap();
    let (call, _, what) = calls.last().unwrap();
    assert_eq!(*call, Call::Access);
    assert!(!what.starts_with("Exchange-1 "), "{what}");
}

/// All that wait for the federated token get the one that replaces it, whenever it was refused.
#[tokio::test(start_paused = true)]
async fn nobody_waits_in_vain_for_a_federated_token_that_was_replaced() {
    let refused_at = 36 * 60..42 * 60;
    let script = Script::new(move |call, since| match call {
        Call::Access if refused_at.contains(&since.as_secs()) => {
            Err(Fault::new(Reason::FederatedRejected, "").at(Peer::IamCredentials))
        }
        _ => Ok(HOUR),
    });
    let fixture = fixture(script.taking(Duration::from_secs(2)), true);
    let apps: Vec<_> = (0..20_u64)
        .map(|number| {
            let tokens = fixture.tokens.clone();
            tokio::spawn(async move {
                for _ in 0..200 {
                    let _ = tokens.token(&access(&number.to_string())).await;
                    sleep(Duration::from_secs(17 + number)).await;
                }
                tokens.token(&access(&number.to_string())).await.is_ok()
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
async fn whoever_waits_is_not_forgotten_for_those_who_ask_for_more_and_more() {
    let fixture = fixture(Script::good(), true);
    let kind = access("");
    let first = fixture.tokens.token(&kind).await.unwrap();
    let waiting = {
        let (tokens, kind) = (fixture.tokens.clone(), kind.clone());
        tokio::spawn(async move { tokens.another(&kind, |secret| *secret != first.secret, |_| {}).await })
    };
    for audience in 0..500 {
        fixture.tokens.token(&id(&audience.to_string())).await.unwrap();
    }
    sleep(Duration::from_mins(43)).await;
    assert!(waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn an_app_that_asks_for_more_and_more_costs_no_more_memory() {
    let fixture = fixture(Script::good(), true);
    fixture.tokens.token(&access("")).await.unwrap();
    for audience in 0..500 {
        fixture.tokens.token(&id(&audience.to_string())).await.unwrap();
        fixture.tokens.token(&access("")).await.unwrap();
    }
    assert_eq!(fixture.tokens.0.kept.lock().unwrap().len(), MOST);
    assert_eq!(fixture.count(Call::Access), 1, "what is in use stays");
    assert!(fixture.count(Call::Exchange) < 12, "{}", fixture.count(Call::Exchange));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_noticed() {
    let fixture = fixture(Script::good(), false);
    let kind = access("");
    let first = fixture.tokens.token(&kind).await.unwrap();
    let start = Instant::now();
    let next = fixture.tokens.another(&kind, |secret| *secret != first.secret, |_| {}).await;
    assert_ne!(next.secret, first.secret);
    let minutes = start.elapsed().as_secs() / 60;
    assert!((17..43).contains(&minutes), "{minutes}");
    drop(fixture.board);
}

/// An STS that is not Google's may say anything.
#[tokio::test(start_paused = true)]
async fn a_life_without_end_is_a_day() {
    let fixture = fixture(Script::new(|_, _| Ok(Duration::from_secs(u64::MAX))), true);
    for kind in [access(""), id("x")] {
        let served = fixture.tokens.token(&kind).await.unwrap();
        assert!(served.lives <= 24 * HOUR, "{:?}", served.lives);
    }
}

impl Fixture {
    fn says_faulty(&self) -> bool {
        let text = self.metrics.render(&Board::default(), &clock());
        text.contains("\nrolebridge_sidecar_faulty 1\n")
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_had_is_a_fault_until_it_can_or_nobody_wants_it() {
    let script = Script::new(|_, since| match since.as_secs() / 60 {
        ..28 => Err(lasting()),
        _ => Ok(HOUR),
    });
    let fixture = fixture(script, false);
    for (minutes, asks, faulty) in [
        (0, true, true),
        (5, false, true),
        (16, false, false),
        (16, true, true),
        (26, true, true),
        (40, true, false),
        (90, false, false),
    ] {
        sleep(Duration::from_mins(minutes).saturating_sub(fixture.start.elapsed())).await;
        if asks {
            assert_eq!(fixture.tokens.token(&access("")).await.is_err(), faulty, "after {minutes} minutes");
        }
        assert_eq!(fixture.says_faulty(), faulty, "after {minutes} minutes");
    }
}
