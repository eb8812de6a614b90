//! The judge of the simulation: real sidecars against the fakes, with a quota that is too small for them, in real time.

use std::fmt;
use std::time::{Duration, Instant};

use rolebridge_core::annotations::{OUTPUTS, PORT, SOURCE};
use rolebridge_core::pod_names::CONTAINER;
use rolebridge_core::token_source::TokenSource;
use rolebridge_fake_clouds::{Event, Operation};
use rolebridge_tests::error::{Context, Error, Result};
use rolebridge_tests::fake_kubelet::Pod;
use rolebridge_tests::ports::free_address;
use rolebridge_tests::programs::Programs;
use rolebridge_tests::world::{Variant, World, clouds_config};
use tokio::time::sleep;

use crate::quota::Quota;
use crate::record::Call;
use crate::run;
use crate::scenario::{Scenario, Source};

const PODS: u32 = 30;
const EXCHANGES_PER_MINUTE: u32 = 10;
/// The seeds of the simulations, which show how far chance alone goes: one for each second of a minute.
const SEEDS: std::ops::Range<u64> = 0..60;
/// The time limit of the real run. The simulations take two to eight minutes.
const LIMIT: Duration = Duration::from_mins(15);

/// The result of a run, until each pod had a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Outcome {
    /// The time of the last first token, in seconds.
    seconds: u64,
    /// The exchanges over the quota.
    rejected: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s, {} exchanges over the quota", self.seconds, self.rejected)
    }
}

/// Runs both, and returns the comparison as text.
///
/// # Errors
/// Returns an error if the real run is more than a quarter outside the range of the simulations.
pub(crate) fn compare() -> Result<String> {
    let mut simulated = SEEDS.map(simulate).collect::<Result<Vec<_>>>()?;
    simulated.sort_unstable();
    let rejections = || simulated.iter().map(|outcome| outcome.rejected);
    let (first, last) = (simulated.first(), simulated.last());
    let (Some(first), Some(last)) = (first, last) else { return Err(Error::new("no simulation ran")) };
    let rejected = [rejections().min(), rejections().max()].map(Option::unwrap_or_default);
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    let found = runtime.block_on(real())?;
    let text = format!(
        "{PODS} pods at once, {EXCHANGES_PER_MINUTE} exchanges per minute, until each pod has a token:\n\
         - real sidecars: {found}\n\
         - {} simulations: {} to {} s, {} to {} exchanges over the quota\n",
        simulated.len(),
        first.seconds,
        last.seconds,
        rejected[0],
        rejected[1]
    );
    let is_within = is_near(found.seconds, first.seconds, last.seconds)
        && is_near(found.rejected, rejected[0], rejected[1]);
    if is_within { Ok(text) } else { Err(Error::new(format!("the real run is out of range:\n{text}"))) }
}

/// Returns true if a value is in a range that is extended by a quarter: programs need time to start, and chance has more to offer.
fn is_near(value: u64, least: u64, most: u64) -> bool {
    4 * value >= 3 * least && 4 * value <= 5 * most
}

fn simulate(seed: u64) -> Result<Outcome> {
    let scenario = Scenario {
        name: String::new(),
        pods: PODS,
        rollout_minutes: 0,
        hours: 1,
        source: Source::Metadata,
        impersonates: true,
        processes: 1,
        endpoints: 1,
        // Pods start at any second of a minute.
        phase: Duration::from_secs(seed % 60),
        outages: Vec::new(),
        aws_quota: Quota::PerSecond(600),
        exchange_quota: Quota::PerMinute(EXCHANGES_PER_MINUTE),
        impersonation_quota: Quota::PerMinute(60_000),
    };
    let record = run::run_with_seed(&scenario, seed)?;
    let last = record.first_token(1.0);
    let minutes = usize::try_from(last.as_secs() / 60).unwrap_or_default();
    // Later ones are renewals.
    let rejected =
        record.rejected_per_minute(Call::Exchange).into_iter().take(minutes + 1).map(u64::from).sum();
    Ok(Outcome { seconds: last.as_secs(), rejected })
}

async fn real() -> Result<Outcome> {
    let programs =
        tokio::task::spawn_blocking(Programs::build).await.context("failed to build the programs")??;
    let mut config = clouds_config()?;
    config.google.exchanges_per_minute = Some(EXCHANGES_PER_MINUTE.into());
    let world = World::start(&programs, Vec::new(), config).await?;
    let mut pods = Vec::new();
    for _ in 0..PODS {
        let annotations = vec![
            (SOURCE, TokenSource::Metadata.as_str().to_owned()),
            (OUTPUTS, "access-token".to_owned()),
            (PORT, free_address()?.port().to_string()),
        ];
        pods.push(world.create_pod(&Variant { annotations, ..Variant::default() }).await?);
    }
    let start = Instant::now();
    let sidecars = pods.iter().map(|pod: &Pod| pod.start_container(CONTAINER));
    let sidecars = sidecars.collect::<Result<Vec<_>>>()?;
    loop {
        let events = world.clouds.events();
        let count = |matches: fn(&Event) -> bool| events.iter().filter(|event| matches(event)).count();
        let issued =
            count(|event| event.operation == Operation::GenerateAccessToken && event.error.is_none());
        if issued >= PODS as usize {
            let is_rejected =
                |event: &Event| event.operation == Operation::ExchangeToken && event.status == 429;
            drop(sidecars);
            return Ok(Outcome { seconds: start.elapsed().as_secs(), rejected: count(is_rejected) as u64 });
        }
        if start.elapsed() > LIMIT {
            return Err(Error::new(format!("{issued} of {PODS} pods have a token after {LIMIT:?}")));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_is_extended_by_a_quarter() {
        assert_eq!([74, 75, 250, 251].map(|value| is_near(value, 100, 200)), [false, true, true, false]);
    }
}
