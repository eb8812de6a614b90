//! A day of faults: the whole sidecar, in paused time, against clouds that deny, throttle, answer 500, tear connections and
//! slow down. The node's clock is set meanwhile.
//!
//! A seed determines the day. `ROLEBRIDGE_SIMULATION_SEEDS` selects other seeds: `7` or `0..500`.

mod calls;
mod clouds;
mod readers;
mod scenario;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rolebridge_core::aws::RoleArn;
use rolebridge_core::service_accounts::AccountNumber;
use tokio::time::{Instant, timeout};

use self::calls::Calls;
use self::clouds::{AUDIENCE, SimulatedAws, SimulatedGoogle};
use self::readers::Readers;
use self::scenario::{DAY, Scenario};
use crate::clock::Clock;
use crate::credential::Target;
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::refresh::Refresher;
use crate::server::gce_metadata::{GceMetadataServer, Instance};
use crate::server::imds::ImdsServer;
use crate::settings::TokenFile;
use crate::shared_state::SharedState;
use crate::token_cache::TokenCache;
use crate::token_kind::TokenKind;
use crate::{server, token_files};

/// The seeds of CI. One takes a second of CPU time for each combination.
const SEEDS: std::ops::Range<u64> = 0..1;
/// Monday, 2 March 2026, at midnight: the start of the day.
const MONDAY: Duration = Duration::from_hours(492_336);

/// The identity that the pod proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    AwsRole,
    AwsJwt,
    Kubernetes,
}

/// One day of one sidecar.
#[derive(Debug, Clone, Copy)]
struct Day {
    seed: u64,
    kind: Kind,
    impersonates: bool,
}

/// The world outside the sidecar: the faults, and the time that is correct.
#[derive(Debug, Clone)]
struct World {
    day: Day,
    scenario: Arc<Scenario>,
    start: Instant,
    /// The sidecar's clock.
    clock: Clock,
    calls: Arc<Calls>,
}

impl World {
    fn new(day: Day) -> Self {
        let scenario = Arc::new(Scenario::new(day.seed, day.kind));
        let (start, steps) = (Instant::now(), Arc::clone(&scenario));
        let clock = Clock::from_fn(move || {
            let elapsed = start.elapsed();
            let (correct, error) = (SystemTime::UNIX_EPOCH + MONDAY + elapsed, steps.clock_error(elapsed));
            let distance = Duration::from_secs(error.unsigned_abs());
            if error < 0 { correct - distance } else { correct + distance }
        });
        Self { day, scenario, start, clock, calls: Arc::default() }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Returns the correct time.
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + MONDAY + self.elapsed()
    }
}

/// Runs the sidecar and its readers for a day.
async fn run(day: Day) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let file = folder.path().join("token");
    let world = World::new(day);
    let (writer, state) = SharedState::channel();
    let metrics = Arc::new(Metrics::default());
    let google = SimulatedGoogle(world.clone());
    let tokens =
        TokenCache::new(google, day.impersonates, state.clone(), world.clock.clone(), Arc::clone(&metrics));
    let instance = instance(day.impersonates);
    let mut routes = GceMetadataServer::new(&instance, tokens.clone(), state.clone()).routes();
    if day.kind == Kind::AwsRole {
        let role = RoleArn::parse("arn:aws:iam::123456789012:role/batch").unwrap().into_owned();
        let imds = ImdsServer::new("eu-west-1", &role, state.clone(), world.clock.clone()).unwrap();
        routes = routes.merge(imds.routes());
    }
    let routes = server::router(routes, 15080, Arc::clone(&metrics));
    let publisher = Publisher::new(file.clone());
    let _statuses =
        token_files::spawn(outputs(&file, day.impersonates), std::slice::from_ref(&tokens), &publisher);
    let target = Target { audience: AUDIENCE.to_owned(), region: "eu-west-1".to_owned() };
    let aws = SimulatedAws(world.clone());
    let refresher = Refresher::new(aws, target, world.clock.clone(), publisher, writer, metrics);
    let readers = Readers { world: world.clone(), file, routes, tokens };
    tokio::select! {
        never = refresher.run() => match never {},
        () = readers.run() => {}
    }
    world.calls.check(&world.scenario);
}

fn instance(impersonates: bool) -> Instance {
    Instance {
        service_account: impersonates.then(|| "nightly-batch@shop.iam.gserviceaccount.com".to_owned()),
        project_number: "1".to_owned(),
        project: None,
        universe: "googleapis.com".to_owned(),
        region: None,
        name: None,
    }
}

/// Returns the token files: an access token, and an ID token if a service account can have one.
fn outputs(file: &std::path::Path, impersonates: bool) -> Vec<TokenFile> {
    let access = TokenFile::token(
        AccountNumber::DEFAULT,
        TokenKind::default_access(),
        file.with_file_name("access-token"),
    );
    let kind = TokenKind::Id { audience: "https://output.example".to_owned() };
    let id = TokenFile::token(AccountNumber::DEFAULT, kind, file.with_file_name("id-token"));
    [Some(access), impersonates.then_some(id)].into_iter().flatten().collect()
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("ROLEBRIDGE_SIMULATION_SEEDS") else { return SEEDS };
    match text.split_once("..") {
        Some((first, end)) => first.parse().unwrap()..end.parse().unwrap(),
        None => text.parse().map(|seed| seed..seed + 1).unwrap(),
    }
}

#[rstest::rstest]
fn readers_have_tokens_and_calls_keep_to_the_schedule_in_a_day_of_faults(
    #[values(Kind::AwsRole, Kind::AwsJwt, Kind::Kubernetes)] kind: Kind,
    #[values(false, true)] impersonates: bool,
) {
    for seed in seeds() {
        fastrand::seed(seed); // the same waits in each run
        let day = Day { seed, kind, impersonates };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            // Two days of paused time: the day ends by itself, unless a reader hangs.
            timeout(2 * DAY, run(day)).await.expect("a reader hangs");
        });
    }
}
