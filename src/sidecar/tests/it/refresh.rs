//! The refresher over a week of paused time, and beside a reader that never stops.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rolebridge_sidecar::board::{Board, Reader};
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::fault::{Fault, Reason};
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::proof::{Proof, Prove, Target};
use rolebridge_sidecar::publish::Publisher;
use rolebridge_sidecar::refresh::Refresher;
use rolebridge_sidecar::schedule::{LEAST_LEFT, Life};
use rolebridge_sidecar::state::State;
use rolebridge_sidecar::subject_token::SubjectToken;
use tokio::time::{Instant, sleep};

use crate::support::{AUDIENCE, session, signed_at, volume};

const HOUR: Duration = Duration::from_hours(1);
const WEEK: Duration = Duration::from_hours(7 * 24);
/// Monday, 2 March 2026, at midnight.
const MONDAY: Duration = Duration::from_hours(492_336);

/// A clock that paused time drives.
fn clock() -> Clock {
    let start = Instant::now();
    Clock::from_fn(move || SystemTime::UNIX_EPOCH + MONDAY + start.elapsed())
}

type Answer = Result<Duration, Fault>;

/// AWS STS by a script: what it says at a time, and when it was asked.
#[derive(Clone)]
struct Scripted {
    clock: Clock,
    answer: Rc<dyn Fn(Duration) -> Answer>,
    takes: Duration,
    asked: Rc<RefCell<Vec<Duration>>>,
    /// Whether it gives sessions, or else JSON web tokens.
    signs: bool,
}

impl Scripted {
    fn new(clock: &Clock, answer: impl Fn(Duration) -> Answer + 'static) -> Self {
        let takes = Duration::from_millis(80);
        Self { clock: clock.clone(), answer: Rc::new(answer), takes, asked: Rc::default(), signs: true }
    }

    fn of_tokens(clock: &Clock, answer: impl Fn(Duration) -> Answer + 'static) -> Self {
        Self { signs: false, ..Self::new(clock, answer) }
    }
}

impl Prove for Scripted {
    async fn prove(&self) -> Result<Proof, Fault> {
        let since = self.clock.now().duration_since(SystemTime::UNIX_EPOCH + MONDAY).unwrap();
        self.asked.borrow_mut().push(since);
        sleep(self.takes).await;
        let lives = (self.answer)(since)?;
        let obtained = self.clock.now();
        let life = Life { obtained, expires: obtained + lives };
        if self.signs {
            return Ok(Proof::Session(session(life)));
        }
        let expires = life.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Ok(Proof::Token(SubjectToken::new(format!("token until {expires}")), life))
    }
}

fn refresher<P: Prove>(prover: P, clock: &Clock, file: PathBuf) -> (Refresher<P>, Reader) {
    let (writer, board) = Board::channel();
    let target = Target { audience: AUDIENCE.to_owned(), region: "eu-west-1".to_owned() };
    let metrics = Arc::new(Metrics::default());
    (Refresher::new(prover, target, clock.clone(), Publisher::new(file), writer, metrics), board)
}

/// Reads as an app does and says what is wrong with what it finds.
fn complaint(file: &Path, now: SystemTime, session_expires: SystemTime) -> Option<String> {
    let Ok(text) = fs::read_to_string(file) else { return Some("no file".to_owned()) };
    let Some(signed) = signed_at(&text) else { return Some(format!("torn: {} bytes", text.len())) };
    let age = now.duration_since(signed).unwrap_or_default();
    if age > Duration::from_mins(5) {
        return Some(format!("signed {age:?} ago"));
    }
    (now >= session_expires).then(|| "its session has ended".to_owned())
}

/// Faults of every length that a session outlives: a second, minutes, and outages just short of what is left of a
/// session at its latest renewal, passing and lasting ones, and a token that is empty for a while.
fn a_hard_week(since: Duration) -> Answer {
    let minutes = since.as_secs() / 60;
    match minutes % (6 * 60) {
        40..45 => Err(Fault::new(Reason::Throttled, "Rate exceeded")),
        100..112 => Err(Fault::new(Reason::AccessDenied, "an operator's slip")),
        170..172 => Err(Fault::new(Reason::TokenEmpty, "/token")),
        200..212 => Err(Fault::new(Reason::Dns, "sts.eu-west-1.amazonaws.com")),
        280..285 => Err(Fault::new(Reason::ServerError, "InternalFailure")),
        _ if since.as_secs().is_multiple_of(97) => Err(Fault::new(Reason::Connect, "reset")),
        _ => Ok(HOUR),
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_week_with_faults_a_reader_always_finds_a_good_token() {
    fastrand::seed(7); // the same waits in each run
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let aws = Scripted::new(&clock, a_hard_week);
    let asked = Rc::clone(&aws.asked);
    let (refresher, mut board) = refresher(aws, &clock, file.clone());
    let (reads, least_left) = (Cell::new(0_u32), Cell::new(HOUR));
    let reader = async {
        board.wait_for(|board| board.token.is_some()).await.unwrap();
        tokio::task::yield_now().await;
        let end = Instant::now() + WEEK;
        while Instant::now() < end {
            let expires = board.borrow().session.as_ref().unwrap().life.expires;
            let now = clock.now();
            assert_eq!(complaint(&file, now, expires), None, "at {now:?}");
            least_left.set(least_left.get().min(expires.duration_since(now).unwrap()));
            reads.set(reads.get() + 1);
            // A prime number of milliseconds, so that it meets every phase of the loop.
            sleep(Duration::from_millis(7_919)).await;
        }
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = reader => {}
    }
    assert!(reads.get() > 70_000, "{}", reads.get());
    let faults = asked.borrow().iter().filter(|since| a_hard_week(**since).is_err()).count();
    assert!(faults > 100, "the script was met: {faults}");
    assert!(
        asked.borrow().len() < 700,
        "a call to AWS STS each 40 minutes, and the retries: {}",
        asked.borrow().len()
    );
    // Of 18 minutes at the latest renewal an outage takes 12, and a wait that began in it up to 5.
    assert!(least_left.get() > Duration::from_mins(1), "{:?}", least_left.get());
}

/// A JSON web token is written once each time that it is renewed, and never outlived.
#[tokio::test(start_paused = true)]
async fn in_a_week_with_faults_a_reader_always_finds_a_web_token_that_lives() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let prover = Scripted::of_tokens(&clock, a_hard_week);
    let asked = Rc::clone(&prover.asked);
    let (refresher, mut board) = refresher(prover, &clock, file.clone());
    let (read, written) = (Cell::new(0_u32), RefCell::new(Vec::new()));
    let reader = async {
        board.wait_for(|board| board.token.is_some()).await.unwrap();
        tokio::task::yield_now().await;
        let end = Instant::now() + WEEK;
        while Instant::now() < end {
            let text = fs::read_to_string(&file).unwrap();
            let until: u64 = text.strip_prefix("token until ").unwrap().parse().unwrap();
            assert!(clock.now() < SystemTime::UNIX_EPOCH + Duration::from_secs(until));
            assert!(Publisher::new(file.clone()).state().unwrap().is_good_at(clock.now()));
            assert!(board.borrow().session.is_none(), "there is nothing for the loopback server");
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
    let good = asked.borrow().iter().filter(|since| a_hard_week(**since).is_ok()).count();
    assert_eq!(written.borrow().len(), good, "each was written");
}

#[tokio::test(start_paused = true)]
async fn while_aws_answers_no_token_is_signed_with_little_left() {
    let folder = volume();
    let clock = clock();
    let aws = Scripted::new(&clock, |_| Ok(HOUR));
    let (refresher, mut board) = refresher(aws, &clock, folder.path().join("token"));
    let watch = async {
        let end = Instant::now() + WEEK;
        let mut signatures = 0;
        while Instant::now() < end {
            board.changed().await.unwrap();
            let board = board.borrow_and_update();
            let (Some(session), Some(signed)) = (&board.session, &board.token) else { continue };
            if signed.at == clock.now() {
                signatures += 1;
                assert!(session.life.expires.duration_since(signed.at).unwrap() >= LEAST_LEFT);
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
async fn an_outage_longer_than_the_session_is_said_and_mended() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let outage = Duration::from_mins(5)..Duration::from_mins(90);
    let within = outage.clone();
    let aws = Scripted::new(&clock, move |since| {
        if within.contains(&since) { Err(Fault::new(Reason::AccessDenied, "trust policy")) } else { Ok(HOUR) }
    });
    let asked = Rc::clone(&aws.asked);
    let (refresher, board) = refresher(aws, &clock, file.clone());
    let publisher = Publisher::new(file.clone());
    let watch = async {
        sleep(Duration::from_mins(58)).await;
        assert!(publisher.state().unwrap().is_good_at(clock.now()), "the session at hand serves to its end");
        sleep(Duration::from_mins(10)).await;
        let before = fs::read(&file).unwrap();
        let state = publisher.state().unwrap();
        assert!(!state.is_good_at(clock.now()));
        assert_eq!(state.fault.unwrap().code, "access-denied");
        assert!(board.borrow().session_at(clock.now()).is_none());
        assert_eq!(board.borrow().reason().split(':').next(), Some("AWS STS"));
        sleep(Duration::from_mins(10)).await;
        assert_eq!(fs::read(&file).unwrap(), before, "the last token stays");
        sleep(Duration::from_mins(20)).await;
        let state = publisher.state().unwrap();
        assert!(state.is_good_at(clock.now()));
        assert_eq!(state.fault, None);
        assert!(board.borrow().fault.is_none());
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
    let slow = asked.borrow().iter().filter(|since| outage.contains(*since)).count();
    assert!((10..40).contains(&slow), "a lasting fault is retried slowly: {slow}");
}

#[tokio::test(start_paused = true)]
async fn a_full_volume_is_said_and_the_old_token_stays() {
    let folder = volume();
    let file = folder.path().join("gone/token");
    fs::create_dir(folder.path().join("gone")).unwrap();
    let clock = clock();
    let (refresher, board) = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file.clone());
    let watch = async {
        sleep(Duration::from_secs(1)).await;
        fs::rename(folder.path().join("gone"), folder.path().join("kept")).unwrap();
        sleep(Duration::from_mins(3)).await;
        assert_eq!(board.borrow().fault.as_ref().map(Fault::reason), Some(Reason::Unwritten));
        assert!(board.borrow().token_at(clock.now()).is_some(), "the loopback server still serves");
        fs::rename(folder.path().join("kept"), folder.path().join("gone")).unwrap();
        sleep(Duration::from_mins(2)).await;
        assert!(board.borrow().fault.is_none());
        assert_eq!(complaint(&file, clock.now(), clock.now() + HOUR), None);
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
}

/// Who reads what is wrong must not be sent to the volume once that is well again.
#[tokio::test(start_paused = true)]
async fn a_full_volume_leaves_what_stands_in_the_way_of_renewing() {
    let folder = volume();
    let file = folder.path().join("gone/token");
    fs::create_dir(folder.path().join("gone")).unwrap();
    let clock = clock();
    let aws = Scripted::new(&clock, |since| match since.as_secs() {
        0 => Ok(HOUR),
        _ => Err(Fault::new(Reason::AccessDenied, "trust policy")),
    });
    let (refresher, board) = refresher(aws, &clock, file.clone());
    let wrong = || board.borrow().fault.as_ref().map(Fault::reason);
    let watch = async {
        sleep(Duration::from_mins(43)).await;
        assert_eq!(wrong(), Some(Reason::AccessDenied));
        fs::rename(folder.path().join("gone"), folder.path().join("kept")).unwrap();
        while wrong() != Some(Reason::Unwritten) {
            sleep(Duration::from_secs(1)).await;
        }
        fs::rename(folder.path().join("kept"), folder.path().join("gone")).unwrap();
        let before = fs::read(&file).unwrap();
        while fs::read(&file).unwrap() == before {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(wrong(), Some(Reason::AccessDenied));
        let state = Publisher::new(file.clone()).state().unwrap();
        assert_eq!(state.fault.unwrap().code, "access-denied");
    };
    tokio::select! {
        never = refresher.run() => match never {},
        () = watch => {}
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_token_that_is_still_good_stays_until_there_is_a_new_one() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    let first = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file.clone()).0;
    assert!(!first.has_earlier_token());
    let _ = tokio::time::timeout(Duration::from_secs(10), first.run()).await;
    let before = fs::read(&file).unwrap();
    let aws = Scripted::new(&clock, |since| match since.as_secs() {
        ..60 => Err(Fault::new(Reason::Timeout, "")),
        _ => Ok(HOUR),
    });
    let (second, board) = refresher(aws, &clock, file.clone());
    assert!(second.has_earlier_token());
    let watch = async {
        sleep(Duration::from_secs(20)).await;
        let state = Publisher::new(file.clone()).state().unwrap();
        assert!(state.is_good_at(clock.now()), "ready at once");
        assert!(state.fault.is_some(), "and the fault is said");
        assert_eq!(fs::read(&file).unwrap(), before);
        assert!(board.borrow().session.is_none(), "while loopback waits for credentials");
        sleep(Duration::from_mins(3)).await;
        assert_ne!(fs::read(&file).unwrap(), before);
    };
    tokio::select! {
        never = second.run() => match never {},
        () = watch => {}
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_long_stop_the_old_token_is_not_called_good() {
    let folder = volume();
    let file = folder.path().join("token");
    let clock = clock();
    fs::write(&file, "old").unwrap();
    let good_until = Some(MONDAY.as_secs());
    Publisher::new(file.clone()).publish_state(&State { good_until, fault: None }).unwrap();
    let (refresher, _) = refresher(Scripted::new(&clock, |_| Ok(HOUR)), &clock, file);
    assert!(!refresher.has_earlier_token());
}

/// The reader reads on while the writer writes, until both have done enough.
#[test]
fn a_reader_beside_the_writer_never_finds_a_torn_token() {
    let folder = volume();
    let file = folder.path().join("token");
    let publisher = Publisher::new(file.clone());
    let now = SystemTime::UNIX_EPOCH + MONDAY;
    let credentials = session(Life { obtained: now, expires: now + HOUR }).credentials;
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
    let read_on = || {
        for reads in 0_u64.. {
            let found = fs::read_to_string(&file).unwrap();
            assert!(tokens.iter().any(|token| token.expose() == found), "torn: {} bytes", found.len());
            if reads >= 100_000 && writes.load(Ordering::Relaxed) >= 1_000 {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(read_on);
        while !reader.is_finished() {
            let token = &tokens[writes.fetch_add(1, Ordering::Relaxed) % tokens.len()];
            publisher.publish_token(token).unwrap();
        }
    });
}
