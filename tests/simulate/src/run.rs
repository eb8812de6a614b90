//! Runs a scenario in paused time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_tests::error::{Context, Result};
use tokio::time::{Instant, sleep};

use crate::clouds::Clouds;
use crate::pod::{self, Cluster};
use crate::record::Record;
use crate::scenario::Scenario;

/// The seed of the tables: each run of a scenario is the same.
pub(crate) const SEED: u64 = 1;

/// Runs a scenario to its end, and returns what the clouds and the apps saw.
pub(crate) fn run(scenario: &Scenario) -> Result<Record> {
    fastrand::seed(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    Ok(runtime.context("failed to start the runtime")?.block_on(simulate(scenario)))
}

async fn simulate(scenario: &Scenario) -> Record {
    let start = Instant::now();
    let cluster = Cluster {
        clouds: Clouds::new(scenario.clone()),
        clock: Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_hours(24) + start.elapsed()),
        metrics: Arc::new(Metrics::default()),
    };
    let shared = Arc::new(scenario.clone());
    for number in 0..scenario.pods {
        let delay = scenario.rollout().mul_f64(f64::from(number) / f64::from(scenario.pods.max(1)));
        tokio::spawn(pod::run(cluster.clone(), Arc::clone(&shared), delay));
    }
    sleep(scenario.duration()).await;
    cluster.clouds.record()
}
