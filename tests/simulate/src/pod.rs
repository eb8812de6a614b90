//! A pod: the sidecar's renewals by its own schedule, and the app's reads.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rolebridge_sidecar::backoff::FailedAttempt;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::schedule::{Lifetime, Schedule, ScheduledAction};
use rolebridge_sidecar::shared_state::{Reader, SharedState, SignedToken, Writer};
use rolebridge_sidecar::subject_token::SubjectToken;
use rolebridge_sidecar::token_cache::TokenCache;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::clouds::{Clouds, LIFETIME};
use crate::scenario::Scenario;

/// The parts that all pods share.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) clouds: Clouds,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
}

/// Runs a pod that starts after `delay`. `lifetime` is that of an impersonated token in its library's configuration.
pub(crate) async fn run(cluster: Cluster, scenario: Arc<Scenario>, lifetime: Duration, delay: Duration) {
    sleep(delay).await;
    let (writer, state) = SharedState::channel();
    let sidecar = refresh(&cluster, writer);
    let apps = run_apps(&cluster, &scenario, lifetime, state);
    tokio::select! {
        biased; // a seed determines the run
        never = sidecar => match never {},
        () = apps => {}
    }
}

/// Renews the session as the sidecar's refresher does. Signing is local, so it is left out.
async fn refresh(cluster: &Cluster, writer: Writer) -> Infallible {
    let mut schedule = Schedule::default();
    loop {
        match schedule.next_action(cluster.clock.now()) {
            ScheduledAction::Renew => match cluster.clouds.assume_role().await {
                Ok(()) => {
                    let now = cluster.clock.now();
                    schedule.record_renewal(lifetime(now), false, fastrand::f64());
                    writer.send_modify(|state| state.token = Some(signed(now)));
                }
                Err(error) => {
                    let now = cluster.clock.now();
                    schedule.record_renewal_failure(now, FailedAttempt::from(&error), fastrand::f64());
                    writer.send_modify(|state| state.error = Some(error));
                }
            },
            ScheduledAction::Sign => schedule.record_publication(cluster.clock.now()),
            ScheduledAction::Sleep(wait) => sleep(wait).await,
        }
    }
}

fn lifetime(now: SystemTime) -> Lifetime {
    Lifetime { obtained: now, expires: now + LIFETIME }
}

fn signed(now: SystemTime) -> SignedToken {
    SignedToken { token: SubjectToken::new("simulated"), signed_at: now, valid_until: now + LIFETIME }
}

/// Starts the apps when the first subject token is there, as the kubelet does, and runs them until the end.
async fn run_apps(cluster: &Cluster, scenario: &Scenario, lifetime: Duration, mut state: Reader) {
    let started = Instant::now();
    if state.wait_for(|state| state.token.is_some()).await.is_err() {
        return;
    }
    let (clouds, clock, metrics) =
        (cluster.clouds.clone(), cluster.clock.clone(), Arc::clone(&cluster.metrics));
    let tokens = TokenCache::new(clouds, scenario.impersonates, state, clock, metrics);
    for _ in 0..scenario.processes {
        let (clouds, tokens) = (cluster.clouds.clone(), tokens.clone());
        let (source, impersonates) = (scenario.source, scenario.impersonates);
        tokio::spawn(App { clouds, tokens, source, impersonates, lifetime, started }.run());
    }
    std::future::pending::<()>().await;
}
