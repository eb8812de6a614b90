//! Runs a scenario in paused time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::spread;
use rolebridge_tests::error::{Context, Result};
use tokio::time::{Instant, sleep};

use crate::clouds::Clouds;
use crate::pod::{self, Cluster};
use crate::record::Record;
use crate::scenario::Scenario;

/// The seed of the tables: each run of a scenario is the same.
const SEED: u64 = 1;

/// Runs a scenario to its end, and returns what the clouds and the apps saw.
pub(crate) fn run(scenario: &Scenario) -> Result<Record> {
    run_with_seed(scenario, SEED)
}

/// Runs a scenario with another seed.
pub(crate) fn run_with_seed(scenario: &Scenario, seed: u64) -> Result<Record> {
    fastrand::seed(seed);
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
        let name = format!("app-{number}");
        let cluster = Cluster { clouds: cluster.clouds.of_pod(&name), ..cluster.clone() };
        tokio::spawn(pod::run(cluster, Arc::clone(&shared), spread::token_lifetime(&name), delay));
    }
    sleep(scenario.duration()).await;
    cluster.clouds.record()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Call;

    /// The number by which pods and quotas are divided.
    const DIVISOR: u32 = 50;

    fn scenario(name: &str) -> Scenario {
        let scenario = Scenario::read_all().unwrap().into_iter().find(|scenario| scenario.name == name);
        scenario.unwrap().divided(DIVISOR)
    }

    fn record(name: &str) -> Record {
        run(&scenario(name)).unwrap()
    }

    #[test]
    fn pods_that_start_within_twenty_minutes_meet_no_quota() {
        let names = [
            "metadata, started within 20 minutes",
            "metadata, started within 5 minutes, 4 endpoints",
            "loopback or file, started within 20 minutes",
        ];
        for name in names {
            // In fewer pods, chance has a larger part.
            let divisor = DIVISOR / 5;
            let scenario = Scenario::read_all().unwrap().into_iter().find(|scenario| scenario.name == name);
            let record = run(&scenario.unwrap().divided(divisor)).unwrap();
            assert_eq!(Call::ALL.map(|call| record.rejected(call)), [0, 0, 0], "{name}");
            assert_eq!(record.first_tokens.len(), 100_000 / divisor as usize, "{name}");
            assert!(record.first_token(1.0) < Duration::from_secs(2), "{name}");
        }
    }

    #[test]
    fn pods_over_the_quota_wait_for_it_and_retry_rarely() {
        let record = record("metadata, started within 5 minutes");
        let rejected = record.rejected(Call::Exchange);
        assert!(rejected > 0, "the quota was exceeded");
        // Six pods in each minute of the quota: 17 minutes, and the longest wait.
        assert!(record.first_token(1.0) < Duration::from_mins(22), "{:?}", record.first_token(1.0));
        // With waits of half a second to a minute, there were 12 rejections for each pod.
        assert!(rejected < 5 * 100_000 / u64::from(DIVISOR), "{rejected}");
    }

    #[test]
    fn pods_with_valid_tokens_retry_rarely_in_an_outage_of_google() {
        let record = record("metadata, Google fails for 10 minutes");
        let per_minute = record.per_minute(Call::Exchange);
        let (before, during) = (&per_minute[110..120], &per_minute[120..135]);
        let usual: u32 = before.iter().sum::<u32>() / 10;
        let most = during.iter().max().copied().unwrap();
        assert!(most < 5 * usual, "{most} calls in a minute, usually {usual}: {during:?}");
        assert!(record.rejected(Call::Exchange) < u64::from(100_000 / DIVISOR) / 2);
        assert_eq!(record.interrupted, 0, "no app is without a token");
    }

    #[test]
    fn waves_of_libraries_become_flatter_with_each_hour() {
        let mut scenario = scenario("loopback or file, started within 20 minutes");
        scenario.hours = 8;
        let per_minute = run(&scenario).unwrap().per_minute(Call::Exchange);
        let most = |minutes: std::ops::Range<usize>| per_minute[minutes].iter().max().copied().unwrap();
        let (rollout, last) = (most(5..20), most(420..480));
        assert!(
            3 * last < 2 * rollout,
            "{rollout} calls in a minute of the rollout, {last} in the last hour"
        );
    }

    #[test]
    fn run_is_reproducible() {
        let record = || record("metadata, Google fails for 10 minutes").per_minute(Call::Exchange);
        assert_eq!(record(), record());
    }
}
