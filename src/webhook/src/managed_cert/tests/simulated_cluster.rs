//! Simulated cluster: API servers that see changes late, replicas that stop at any step, users who corrupt objects.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::verify;
use tokio::time::Instant;

use super::{at, config};
use crate::cert_trust::CertTrust;
use crate::http::cert_resolver::ServingCert;
use crate::managed_cert::plan::{Change, Publication, plan};
use crate::managed_cert::policy::Policy;
use crate::managed_cert::propagation::{ClockReading, Propagation};
use crate::managed_cert::secret::{self, SecretData};
use crate::managed_cert::select;
use crate::managed_cert::state::CertState;
use crate::webhook_config::WebhookConfig;

/// Time between two reconciliations of a replica.
const INTERVAL: Duration = Duration::from_secs(10);

/// Pseudo-random numbers, reproducible from a seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number less than `bound`.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// One version of a configuration.
struct Version {
    config: WebhookConfig,
    /// Time at which it was replaced.
    until: Option<Duration>,
    /// True if another client wrote it. The invariant does not hold for API servers that see such a version.
    foreign: bool,
}

/// Progress of a replica's reconciliation.
enum Progress {
    Idle { until: Duration },
    ReadConfigs(Vec<WebhookConfig>),
    Acting { publications: VecDeque<Publication>, change: Option<Box<PendingChange>>, clock: ClockReading },
}

/// A planned change of a Secret that was read.
struct PendingChange {
    change: Change,
    state: CertState,
    version: u64,
}

struct Replica {
    leads: bool,
    propagation: Propagation,
    serving: Option<Arc<ServingCert>>,
    trust: CertTrust,
    /// Number of configurations that the replica knows.
    known_configs: usize,
    /// Readiness at the last reconciliation. The check also detects a certificate that expires afterwards.
    ready: bool,
    progress: Progress,
}

impl Replica {
    fn wakes_at(&self) -> Duration {
        match self.progress {
            Progress::Idle { until } => until,
            _ => Duration::ZERO,
        }
    }
}

/// Counters of a simulation.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) cas: u32,
    pub(super) certificates: u32,
    pub(super) conflicts: u32,
    /// Maximum number of CAs published at a time.
    pub(super) max_published: usize,
}

pub(super) struct SimulatedCluster {
    pub(super) policy: Policy,
    pub(super) random: Random,
    pub(super) counts: Counts,
    pub(super) elapsed: Duration,
    started: Instant,
    secret: (u64, SecretData),
    versions: [Vec<Version>; 2],
    replicas: Vec<Option<Replica>>,
    /// Time of the last write.
    last_write: Duration,
    /// Certificates and bundles that were verified.
    verified: HashSet<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl SimulatedCluster {
    /// Creates the chart's empty objects. No replica runs yet.
    pub(super) fn new(policy: Policy, replicas: usize, seed: u64) -> Self {
        let version = |name| vec![Version { config: config(name, &[]), until: None, foreign: true }];
        Self {
            policy,
            random: Random::new(seed),
            counts: Counts::default(),
            elapsed: Duration::ZERO,
            started: Instant::now(),
            secret: (1, SecretData::new()),
            versions: [version("a"), version("b")],
            replicas: (0..replicas).map(|_| None).collect(),
            last_write: Duration::ZERO,
            verified: HashSet::new(),
        }
    }

    fn clock(&self) -> ClockReading {
        let seconds = i64::try_from(self.elapsed.as_secs()).unwrap();
        ClockReading { time: at(seconds), instant: self.started + self.elapsed }
    }

    /// Starts a replica; a running one is stopped first, at any step.
    pub(super) fn restart(&mut self, replica: usize, leads: bool) {
        self.start(replica, leads, self.versions.len());
    }

    /// Starts a replica that knows the first `known_configs` configurations.
    pub(super) fn start(&mut self, replica: usize, leads: bool, known_configs: usize) {
        self.replicas[replica] = Some(Replica {
            leads,
            propagation: Propagation::default(),
            serving: None,
            trust: CertTrust::new(["a", "b"][..known_configs].iter().map(ToString::to_string).collect()),
            known_configs,
            ready: false,
            progress: Progress::Idle { until: self.elapsed },
        });
    }

    pub(super) fn stop(&mut self, replica: usize) {
        self.replicas[replica] = None;
    }

    /// Sets whether a replica leads. Several replicas may lead at a time.
    pub(super) fn set_leader(&mut self, replica: usize, leads: bool) {
        if let Some(replica) = &mut self.replicas[replica] {
            replica.leads = leads;
        }
    }

    /// Returns the number of ready replicas.
    pub(super) fn ready(&self) -> usize {
        self.replicas.iter().flatten().filter(|replica| replica.ready).count()
    }

    /// Replaces or deletes a key of the Secret, as a user.
    pub(super) fn corrupt(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.secret.1.insert(key.to_owned(), ByteString(value.into()))),
            None => drop(self.secret.1.remove(key)),
        }
        self.secret.0 += 1;
        self.last_write = self.elapsed;
    }

    /// Empties the `caBundle` of an entry, as a user.
    pub(super) fn empty_bundle(&mut self, index: usize) {
        let mut config = self.current(index).clone();
        config.entries[0].bundle = CaBundle::default();
        self.write(index, config, true);
    }

    fn current(&self, index: usize) -> &WebhookConfig {
        &self.versions[index].last().unwrap().config
    }

    fn write(&mut self, index: usize, mut config: WebhookConfig, foreign: bool) {
        let version: u64 = config.version.parse().unwrap();
        config.version = (version + 1).to_string();
        let versions = &mut self.versions[index];
        versions.last_mut().unwrap().until = Some(self.elapsed);
        versions.push(Version { config, until: None, foreign });
        self.last_write = self.elapsed;
    }

    /// Advances the time a little, or to the next reconciliation if all replicas are idle. Returns a random replica with
    /// a step to do.
    pub(super) fn advance(&mut self) -> Option<usize> {
        self.elapsed = (self.elapsed + Duration::from_millis(self.random.below(300))).max(self.next_wake());
        let is_due = |index: &usize| {
            self.replicas[*index].as_ref().is_some_and(|replica| replica.wakes_at() <= self.elapsed)
        };
        let due: Vec<_> = (0..self.replicas.len()).filter(is_due).collect();
        let choice = self.random.below(due.len().max(1) as u64);
        due.get(usize::try_from(choice).unwrap()).copied()
    }

    /// Returns the time of the next step of any replica.
    fn next_wake(&self) -> Duration {
        self.replicas.iter().flatten().map(Replica::wakes_at).min().unwrap_or_default()
    }

    /// Skips to shortly before the next renewal, or to `end`, if nothing was written for so long that every replica has
    /// seen the current state.
    pub(super) fn skip_idle_time(&mut self, end: Duration) {
        let quiet = self.elapsed.saturating_sub(self.last_write) > 3 * self.policy.publish_delay;
        if !quiet || self.next_wake() <= self.elapsed {
            return;
        }
        self.last_write = self.elapsed;
        let clock = self.clock();
        let (state, _) = secret::read(&self.secret.1, &self.policy.server_name(), clock.time);
        let (Some(ca), Some(leaf), Some(retired)) = (state.ca, state.leaf, state.retired) else {
            return;
        };
        let expiries = retired.iter().map(|retired| retired.needed_until);
        let due = expiries.chain([ca.renewal_time(), leaf.cert_and_key.renewal_time()]).min().unwrap();
        let ahead = u64::try_from(due.as_second() - clock.time.as_second()).unwrap_or_default();
        if ahead > 60 {
            self.elapsed = (self.elapsed + Duration::from_secs(ahead - 30)).min(end);
        }
    }

    /// Runs the next step of a replica, if it is due. If `unreachable`, its calls to the API server fail.
    pub(super) fn step(&mut self, index: usize, unreachable: bool) {
        let Some(mut replica) = self.replicas[index].take() else { return };
        let idle = Progress::Idle { until: self.elapsed + INTERVAL };
        replica.progress = match std::mem::replace(&mut replica.progress, idle) {
            Progress::Idle { until } if self.elapsed < until => Progress::Idle { until },
            _ if unreachable => Progress::Idle { until: self.elapsed + INTERVAL },
            Progress::Idle { .. } => {
                let configs = (0..replica.known_configs).map(|index| self.current(index).clone());
                Progress::ReadConfigs(configs.collect())
            }
            Progress::ReadConfigs(configs) => self.reconcile(&mut replica, configs),
            Progress::Acting { publications, change, clock } => {
                self.act(&replica.propagation, publications, change, clock)
            }
        };
        self.replicas[index] = Some(replica);
    }

    /// Reads the Secret, selects the certificate, and plans.
    fn reconcile(&mut self, replica: &mut Replica, configs: Vec<WebhookConfig>) -> Progress {
        let clock = self.clock();
        replica.propagation.observe(&configs, clock.instant);
        replica.trust.observe(configs);
        let (state, _) = secret::read(&self.secret.1, &self.policy.server_name(), clock.time);
        let current = replica.serving.as_deref();
        if let Some(next) = state.leaf.as_ref().and_then(|leaf| leaf.cert_and_key.to_serving_cert())
            && select::should_replace(&next, current, &replica.propagation, clock, &self.policy)
        {
            replica.serving = Some(Arc::new(next));
        }
        let serving = replica.serving.as_ref();
        replica.ready = serving.is_some_and(|serving| replica.trust.problem(serving, clock.time).is_none());
        let mut plan = plan(&state, clock, &replica.propagation, &self.policy);
        plan.change = plan.change.filter(|_| replica.leads);
        if plan.change.is_none() && plan.publications.is_empty() {
            return Progress::Idle { until: self.elapsed + INTERVAL };
        }
        let change =
            plan.change.map(|change| Box::new(PendingChange { change, state, version: self.secret.0 }));
        Progress::Acting { publications: plan.publications.into(), change, clock }
    }

    /// Carries out one publication or the change of the Secret.
    fn act(
        &mut self,
        propagation: &Propagation,
        mut publications: VecDeque<Publication>,
        change: Option<Box<PendingChange>>,
        clock: ClockReading,
    ) -> Progress {
        let requeue = Progress::Idle { until: self.elapsed };
        if let Some(publication) = publications.pop_front() {
            let index = usize::from(publication.config == "b");
            self.publish(index, &publication);
            return Progress::Acting { publications, change, clock };
        }
        let Some(pending) = change else { return requeue };
        let PendingChange { change, state, version } = *pending;
        if version != self.secret.0 {
            self.counts.conflicts += 1;
            return requeue;
        }
        let next = change.apply(state, clock, propagation, &self.policy).unwrap();
        self.counts.cas += u32::from(matches!(change, Change::Bootstrap | Change::RotateCa));
        self.counts.certificates += u32::from(change == Change::IssueLeaf);
        secret::write(&next, &mut self.secret.1).unwrap();
        self.secret.0 += 1;
        self.last_write = self.elapsed;
        requeue
    }

    fn publish(&mut self, index: usize, publication: &Publication) {
        let mut config = self.current(index).clone();
        if config.version != publication.version {
            self.counts.conflicts += 1;
            return;
        }
        for entry in &mut config.entries {
            if publication.entries.contains(&(entry.index, entry.name.clone())) {
                entry.bundle = CaBundle { certificates: publication.cas.clone(), broken: false };
            }
        }
        self.counts.max_published = self.counts.max_published.max(publication.cas.len());
        self.write(index, config, false);
    }

    /// Asserts that every API server, whatever recent version it knows, accepts the certificate of every ready replica.
    pub(super) fn check(&mut self) {
        let now = self.clock().time;
        let known_since = self.elapsed.saturating_sub(self.policy.publish_delay);
        let mut verified = std::mem::take(&mut self.verified);
        for replica in self.replicas.iter().flatten().filter(|replica| replica.ready) {
            let serving = replica.serving.as_ref().unwrap();
            assert!(now < serving.not_after(), "an expired certificate is served at {:?}", self.elapsed);
            let versions = self.versions.iter().flatten().filter(|version| !version.foreign);
            for version in versions.filter(|version| version.until.is_none_or(|until| until > known_since)) {
                for entry in &version.config.entries {
                    let bundle = &entry.bundle.certificates;
                    let key = (serving.chain()[0].to_vec(), bundle.iter().map(|der| der.to_vec()).collect());
                    if !verified.contains(&key) {
                        let result = verify::verify_server_cert(
                            serving.chain(),
                            &self.policy.server_name(),
                            bundle,
                            now,
                        );
                        assert_eq!(result, Ok(()), "at {:?}: {:?}", self.elapsed, self.counts);
                        verified.insert(key);
                    }
                }
            }
        }
        self.verified = verified;
        for versions in &mut self.versions {
            versions.retain(|version| version.until.is_none_or(|until| until > known_since));
        }
    }
}
