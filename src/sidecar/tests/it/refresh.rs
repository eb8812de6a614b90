//! The refresher for a week of paused time, and with a concurrent reader.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::credential::{Credential, FetchCredential, Target};
use rolebridge_sidecar::error::{Error, ErrorKind};
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::publish::Publisher;
use rolebridge_sidecar::refresh::Refresher;
use rolebridge_sidecar::schedule::{Lifetime, SESSION_MIN_REMAINING};
use rolebridge_sidecar::shared_state::{Reader, SharedState};
use rolebridge_sidecar::status_file::Status;
use rolebridge_sidecar::subject_token::SubjectToken;
use tokio::time::{Instant, sleep};

use crate::support::{AUDIENCE, session, signed_at, volume};

const HOUR: Duration = Duration::from_hours(1);
const WEEK: Duration = Duration::from_hours(7 * 24);
/// Monday, 2 March 2026, at midnight.
const MONDAY: Duration = Duration::from_hours(492_336);

/// Returns a clock that paused time drives.
fn clock() -> Clock {
    let start = Instant::now();
    Clock::from_fn(move || SystemTime::UNIX_EPOCH + MONDAY + start.elapsed())
}

type CallResult = Result<Duration, Error>;

/// A source of credentials that responds as a script says and records the calls.
#[derive(Clone)]
struct Scripted {
    clock: Clock,
    script: Rc<dyn Fn(Duration) -> CallResult>,
    latency: Duration,
    calls: Rc<RefCell<Vec<Duration>>>,
    /// True for sessions, false for JSON web tokens.
    signs: bool,
}

impl Scripted {
    fn new(clock: &Clock, script: impl Fn(Duration) -> CallResult + 'static) -> Self {
        let latency = Duration::from_millis(80);
        Self { clock: clock.clone(), script: Rc::new(script), latency, calls: Rc::default(), signs: true }
    }

    fn with_tokens(clock: &Clock, script: impl Fn(Duration) -> CallResult + 'static) -> Self {
        Self { signs: false, ..Self::new(clock, script) }
    }
}

impl FetchCredential for Scripted {
    async fn provide(&self) -> Result<Credential, Error> {
        let elapsed = self.clock.now().duration_since(SystemTime::UNIX_EPOCH + MONDAY).unwrap();
        self.calls.borrow_mut().push(elapsed);
        sleep(self.latency).await;
        let expires_in = (self.script)(elapsed)?;
        let obtained = self.clock.now();
        let lifetime = Lifetime { obtained, expires: obtained + expires_in };
        if self.signs {
            return Ok(Credential::Session(session(lifetime)));
        }
        let expires = lifetime.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Ok(Credential::Token(SubjectToken::new(format!("token until {expires}")), lifetime))
    }
}

fn refresher<P: FetchCredential>(source: P, clock: &Clock, file: PathBuf) -> (Refresher<P>, Reader) {
    let (writer, state) = SharedState::channel();
    let target = Target { audience: AUDIENCE.to_owned(), region: "eu-west-1".to_owned() };
    let metrics = Arc::new(Metrics::default());
    (Refresher::new(source, target, clock.clone(), Publisher::new(file), writer, metrics), state)
}

/// Reads the token as an app does, and returns a problem if there is one.
fn problem(file: &Path, now: SystemTime, session_expires: SystemTime) -> Option<String> {
    let Ok(text) = fs::read_to_string(file) else { return Some("no file".to_owned()) };
    let Some(signed) = signed_at(&text) else { return Some(format!("torn: {} bytes", text.len())) };
    let age = now.duration_since(signed).unwrap_or_default();
    if age > Duration::from_mins(5) {
        return Some(format!("signed {age:?} ago"));
    }
    (now >= session_expires).then(|| "its session has expired".to_owned())
}

/// A script of outages that a session survives: transient and permanent ones, and an empty projected token. The longest are
/// just shorter than the remaining lifetime of a session at its latest renewal.
fn outages(elapsed: Duration) -> CallResult {
    let minutes = elapsed.as_secs() / 60;
    match minutes % (6 * 60) {
        40..45 => Err(Error::new(ErrorKind::Throttled, "Rate exceeded")),
        100..112 => Err(Error::new(ErrorKind::AccessDenied, "an operator's slip")),
        170..172 => Err(Error::new(ErrorKind::TokenEmpty, "/token")),
        200..212 => Err(Error::new(ErrorKind::Dns, "sts.eu-west-1.amazonaws.com")),
        280..285 => Err(Error::new(ErrorKind::ServerError, "InternalFailure")),
        _ if elapsed.as_secs().is_multiple_of(97) => Err(Error::new(ErrorKind::Connect, "reset")),
        _ => Ok(HOUR),
    }
}

#[tokio::test(start_paused = true)]
async fn reader_always_finds_a_valid_signed_token_in_a_week_of_outages() {
    fastrand::seed(7); // the same waits in each run
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let aws = Scripted::new(&clock, outages);
    let calls = Rc::clone(&aws.calls);
    let (refresher, mut state) = refresher(aws, &clock, file.clone());
    let (reads, min_remaining) = (Cell::new(0_u32), Cell::new(HOUR));
    let reader = async {
        state.wait_for(|state| state.token.is_some()).await.unwrap();
        tokio::task::yield_now().await;
        let end = Instant::now() + WEEK;
        while Instant::now() < end {
            let expires = state.borrow().session.as_ref().unwrap().lifetime.expires;
            let now = clock.now();
            assert_eq!(problem(&file, now, expires), None, "at {now:?}");
            min_remaining.set(min_remaining.get().min(expires.duration_since(now).unwrap()));
            reads.set(reads.get() + 1);
            // A prime number of milliseconds, to meet each phase of the loop.
            sleep(Duration::from_millis(7_919)).await;
        }
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = reader => {}
    }
    assert!(reads.get() > 70_000, "{}", reads.get());
    let errors = calls.borrow().iter().filter(|elapsed| outages(**elapsed).is_err()).count();
    assert!(errors > 100, "the outages were met: {errors}");
    assert!(
        calls.borrow().len() < 700,
        "a call to AWS STS each 40 minutes, and the retries: {}",
        calls.borrow().len()
    );
    // Of 18 minutes at the latest renewal, an outage takes 12 and a wait that begins in it up to 5.
    assert!(min_remaining.get() > Duration::from_mins(1), "{:?}", min_remaining.get());
}

/// A JSON web token is written once per renewal, and never used after it has expired.
#[tokio::test(start_paused = true)]
async fn reader_always_finds_a_valid_web_token_in_a_week_of_outages() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let source = Scripted::with_tokens(&clock, outages);
    let calls = Rc::clone(&source.calls);
    let (refresher, mut state) = refresher(source, &clock, file.clone());
    let (read, written) = (Cell::new(0_u32), RefCell::new(Vec::new()));
    let reader = async {
        state.wait_for(|state| state.token.is_some()).await.unwrap();
        tokio::task::yield_now().await;
        let end = Instant::now() + WEEK;
        while Instant::now() < end {
            let text = fs::read_to_string(&file).unwrap();
            let until: u64 = text.strip_prefix("token until ").unwrap().parse().unwrap();
            assert!(clock.now() < SystemTime::UNIX_EPOCH + Duration::from_secs(until));
            assert!(Publisher::new(file.clone()).status().unwrap().is_valid_at(clock.now()));
            assert!(state.borrow().session.is_none(), "there is no session for the IMDS server");
            read.set(read.get() + 1);
            if written.borrow().last() != Some(&until) {
                written.borrow_mut().push(until);
            }
            sleep(Duration::from_millis(7_919)).await;
        }
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = reader => {}
    }
    assert!(read.get() > 70_000, "{}", read.get());
    let renewals = calls.borrow().iter().filter(|elapsed| outages(**elapsed).is_ok()).count();
    assert_eq!(written.borrow().len(), renewals, "each was written");
}

/// The interval at which the kubelet replaces a projected token that is valid for an hour.
const ROTATION: Duration = Duration::from_mins(48);

/// A projected token, which is read again before the kubelet replaces it.
struct ProjectedToken(Clock, Rc<Cell<usize>>);

impl FetchCredential for ProjectedToken {
    async fn provide(&self) -> Result<Credential, Error> {
        let Self(clock, reads) = self;
        reads.set(reads.get() + 1);
        let obtained = clock.now();
        let elapsed = obtained.duration_since(SystemTime::UNIX_EPOCH + MONDAY).unwrap();
        let written = ROTATION * u32::try_from(elapsed.as_secs() / ROTATION.as_secs()).unwrap();
        let token = SubjectToken::new(format!("token of minute {}", written.as_secs() / 60));
        let expires = SystemTime::UNIX_EPOCH + MONDAY + written + HOUR;
        Ok(Credential::Token(token, Lifetime { obtained, expires }))
    }
}

#[tokio::test(start_paused = true)]
async fn projected_token_that_is_read_again_is_not_counted_as_new() {
    let folder = volume();
    let (clock, reads) = (clock(), Rc::new(Cell::new(0)));
    let (writer, state) = SharedState::channel();
    let metrics = Arc::new(Metrics::default());
    let target = Target { audience: AUDIENCE.to_owned(), region: String::new() };
    let source = ProjectedToken(clock.clone(), Rc::clone(&reads));
    let publisher = Publisher::new(folder.path().join("token"));
    let refresher =
        Refresher::new(source, target, clock.clone(), publisher.clone(), writer, Arc::clone(&metrics));
    let mut tokens = Vec::new();
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        for _ in 0..24 * 60 {
            assert!(publisher.status().unwrap().is_valid_at(clock.now()));
            tokens.push(fs::read_to_string(publisher.token_file()).unwrap());
            sleep(Duration::from_mins(1)).await;
        }
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
    tokens.dedup();
    assert!(tokens.len() >= 29, "each token of the kubelet is published: {}", tokens.len());
    assert!(reads.get() > tokens.len() + 10, "a token is read more than once: {}", reads.get());
    let text = metrics.render(&state.borrow(), &clock);
    for step in ["renew", "sign"] {
        let counted = format!(r#"refreshes_total{{step="{step}",outcome="ok",reason=""}} {}"#, tokens.len());
        assert!(text.contains(&counted), "{counted}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_is_signed_shortly_before_expiry_without_errors() {
    let folder = volume();
    let clock = clock();
    let aws = Scripted::new(&clock, |_| Ok(HOUR));
    let (refresher, mut state) = refresher(aws, &clock, folder.path().join("token"));
    let watch = async {
        let end = Instant::now() + WEEK;
        let mut signatures = 0;
        while Instant::now() < end {
            state.changed().await.unwrap();
            let state = state.borrow_and_update();
            let (Some(session), Some(signed)) = (&state.session, &state.token) else { continue };
            if signed.signed_at == clock.now() {
                signatures += 1;
                assert!(
                    session.lifetime.expires.duration_since(signed.signed_at).unwrap()
                        >= SESSION_MIN_REMAINING
                );
            }
        }
        assert!(signatures > 5_000, "{signatures}");
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
}

#[tokio::test(start_paused = true)]
async fn outage_longer_than_the_session_is_reported_and_recovered_from() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let outage = Duration::from_mins(5)..Duration::from_mins(90);
    let within = outage.clone();
    let aws = Scripted::new(&clock, move |elapsed| {
        if within.contains(&elapsed) {
            Err(Error::new(ErrorKind::AccessDenied, "trust policy"))
        } else {
            Ok(HOUR)
        }
    });
    let calls = Rc::clone(&aws.calls);
    let (refresher, state) = refresher(aws, &clock, file.clone());
    let publisher = Publisher::new(file.clone());
    let watch = async {
        sleep(Duration::from_mins(58)).await;
        assert!(
            publisher.status().unwrap().is_valid_at(clock.now()),
            "the current session signs until it expires"
        );
        sleep(Duration::from_mins(10)).await;
        let before = fs::read(&file).unwrap();
        let status = publisher.status().unwrap();
        assert!(!status.is_valid_at(clock.now()));
        assert_eq!(status.error.unwrap().code, "access-denied");
        assert!(state.borrow().session_at(clock.now()).is_none());
        assert_eq!(state.borrow().unavailable_reason().message.split(':').next(), Some("AWS STS"));
        sleep(Duration::from_mins(10)).await;
        assert_eq!(fs::read(&file).unwrap(), before, "the last token remains");
        sleep(Duration::from_mins(20)).await;
        let status = publisher.status().unwrap();
        assert!(status.is_valid_at(clock.now()));
        assert_eq!(status.error, None);
        assert!(state.borrow().error.is_none());
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
    let slow = calls.borrow().iter().filter(|elapsed| outage.contains(*elapsed)).count();
    assert!((10..40).contains(&slow), "a permanent error is retried slowly: {slow}");
}

#[tokio::test(start_paused = true)]
async fn missing_volume_is_reported_and_the_old_token_remains() {
    let folder = volume();
    let file = folder.path().join("gone/token");
    fs::create_dir(folder.path().join("gone")).unwrap();
    let clock = clock();
    let (refresher, state) = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file.clone());
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        fs::rename(folder.path().join("gone"), folder.path().join("kept")).unwrap();
        sleep(Duration::from_mins(3)).await;
        assert_eq!(state.borrow().error.as_ref().map(Error::kind), Some(ErrorKind::WriteFailed));
        assert!(state.borrow().token_at(clock.now()).is_some(), "the IMDS server still serves");
        fs::rename(folder.path().join("kept"), folder.path().join("gone")).unwrap();
        sleep(Duration::from_mins(2)).await;
        assert!(state.borrow().error.is_none());
        assert_eq!(problem(&file, clock.now(), clock.now() + HOUR), None);
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
}

/// The volume must not be reported any more once it is writable again.
#[tokio::test(start_paused = true)]
async fn renewal_error_remains_after_a_missing_volume() {
    let folder = volume();
    let file = folder.path().join("gone/token");
    fs::create_dir(folder.path().join("gone")).unwrap();
    let clock = clock();
    let aws = Scripted::new(&clock, |elapsed| match elapsed.as_secs() {
        0 => Ok(HOUR),
        _ => Err(Error::new(ErrorKind::AccessDenied, "trust policy")),
    });
    let (refresher, state) = refresher(aws, &clock, file.clone());
    let current_error = || state.borrow().error.as_ref().map(Error::kind);
    let watch = async {
        sleep(Duration::from_mins(43)).await;
        assert_eq!(current_error(), Some(ErrorKind::AccessDenied));
        fs::rename(folder.path().join("gone"), folder.path().join("kept")).unwrap();
        while current_error() != Some(ErrorKind::WriteFailed) {
            sleep(Duration::from_secs(1)).await;
        }
        fs::rename(folder.path().join("kept"), folder.path().join("gone")).unwrap();
        let before = fs::read(&file).unwrap();
        while fs::read(&file).unwrap() == before {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(current_error(), Some(ErrorKind::AccessDenied));
        let status = Publisher::new(file.clone()).status().unwrap();
        assert_eq!(status.error.unwrap().code, "access-denied");
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
}

#[tokio::test(start_paused = true)]
async fn valid_token_of_an_earlier_process_remains_until_there_is_a_new_one() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let first = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file.clone()).0;
    assert!(!first.has_earlier_token());
    let _ = tokio::time::timeout(Duration::from_secs(10), first.run()).await;
    let before = fs::read(&file).unwrap();
    let aws = Scripted::new(&clock, |elapsed| match elapsed.as_secs() {
        ..60 => Err(Error::new(ErrorKind::Timeout, "")),
        _ => Ok(HOUR),
    });
    let (second, state) = refresher(aws, &clock, file.clone());
    assert!(second.has_earlier_token());
    let watch = async {
        sleep(Duration::from_secs(20)).await;
        let status = Publisher::new(file.clone()).status().unwrap();
        assert!(status.is_valid_at(clock.now()), "ready at once");
        assert!(status.error.is_some(), "and the error is reported");
        assert_eq!(fs::read(&file).unwrap(), before);
        assert!(state.borrow().session.is_none(), "but the IMDS server has no credentials yet");
        sleep(Duration::from_mins(3)).await;
        assert_ne!(fs::read(&file).unwrap(), before);
    };
    tokio::select! {
        never = second.run() => match never {},
        () = watch => {}
    }
}

#[tokio::test(start_paused = true)]
async fn expired_token_of_an_earlier_process_is_not_valid() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    fs::write(&file, "old").unwrap();
    let valid_until = Some(MONDAY.as_secs());
    Publisher::new(file.clone()).publish_status(&Status { valid_until, error: None }).unwrap();
    let (refresher, _) = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file);
    assert!(!refresher.has_earlier_token());
}

/// Reads while the writer writes, until both have done enough.
#[test]
fn concurrent_reader_never_finds_a_torn_token() {
    let folder = volume();
    let file = folder.path().join("token");
    let publisher = Publisher::new(file.clone());
    let now = SystemTime::UNIX_EPOCH + MONDAY;
    let credentials = session(Lifetime { obtained: now, expires: now + HOUR }).credentials;
    let token = |seconds| {
        rolebridge_sidecar::sign::sign(
            &credentials,
            AUDIENCE,
            "eu-west-1",
            now + Duration::from_secs(seconds),
        )
    };
    let tokens: Vec<_> = (0..50).map(|seconds| token(seconds).unwrap()).collect();
    publisher.publish_token(&tokens[0]).unwrap();
    let writes = AtomicUsize::new(0);
    let read_repeatedly = || {
        for reads in 0_u64.. {
            let found = fs::read_to_string(&file).unwrap();
            assert!(tokens.iter().any(|token| token.expose() == found), "torn: {} bytes", found.len());
            if reads >= 100_000 && writes.load(Ordering::Relaxed) >= 1_000 {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(read_repeatedly);
        while !reader.is_finished() {
            let token = &tokens[writes.fetch_add(1, Ordering::Relaxed) % tokens.len()];
            publisher.publish_token(token).unwrap();
        }
    });
}
