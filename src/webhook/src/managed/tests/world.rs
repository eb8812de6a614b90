//! A cluster: API servers that hear late, replicas that stop anywhere, people who spoil things.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::verify;
use tokio::time::Instant;

use super::{at, configuration};
use crate::certificates::Pair;
use crate::configurations::Configuration;
use crate::managed::document::{self, Data};
use crate::managed::plan::{Change, Publication, plan};
use crate::managed::policy::Policy;
use crate::managed::published::{Moment, Published};
use crate::managed::serve;
use crate::managed::state::State;
use crate::trust::Trust;

/// How often a replica looks.
const EVERY: Duration = Duration::from_secs(10);

/// Chance, the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Less than `bound`.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A configuration as it was for a while.
struct Version {
    configuration: Configuration,
    /// When it was replaced.
    until: Option<Duration>,
    /// Whether it is not the webhook's doing: an API server that trusts what somebody else wrote is lost.
    foreign: bool,
}

/// Where a replica is in its round.
enum Step {
    Resting { until: Duration },
    HasConfigurations(Vec<Configuration>),
    Acting { publications: VecDeque<Publication>, change: Option<Box<Pending>>, moment: Moment },
}

/// A change of a Secret that was read.
struct Pending {
    change: Change,
    state: State,
    version: u64,
}

struct Replica {
    leads: bool,
    published: Published,
    served: Option<Arc<Pair>>,
    trust: Trust,
    /// How many of the configurations it knows of.
    knows: usize,
    /// Whether it has said so when it looked last; a certificate that ends meanwhile is found out all the same.
    ready: bool,
    step: Step,
}

impl Replica {
    fn wakes(&self) -> Duration {
        match self.step {
            Step::Resting { until } => until,
            _ => Duration::ZERO,
        }
    }
}

/// What happened in all.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Happened {
    pub(super) authorities: u32,
    pub(super) certificates: u32,
    pub(super) conflicts: u32,
    /// The longest row of CAs that was ever published.
    pub(super) longest: usize,
}

pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) chance: Chance,
    pub(super) happened: Happened,
    pub(super) elapsed: Duration,
    begun: Instant,
    secret: (u64, Data),
    versions: [Vec<Version>; 2],
    replicas: Vec<Option<Replica>>,
    /// When anything was written last.
    written: Duration,
    /// Certificates and bundles that were found to fit.
    fitting: HashSet<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl World {
    /// As the chart makes it: everything empty. The replicas do not run yet.
    pub(super) fn new(policy: Policy, replicas: usize, seed: u64) -> Self {
        let version =
            |name| vec![Version { configuration: configuration(name, &[]), until: None, foreign: true }];
        Self {
            policy,
            chance: Chance::new(seed),
            happened: Happened::default(),
            elapsed: Duration::ZERO,
            begun: Instant::now(),
            secret: (1, Data::new()),
            versions: [version("a"), version("b")],
            replicas: (0..replicas).map(|_| None).collect(),
            written: Duration::ZERO,
            fitting: HashSet::new(),
        }
    }

    fn moment(&self) -> Moment {
        let seconds = i64::try_from(self.elapsed.as_secs()).unwrap();
        Moment { time: at(seconds), instant: self.begun + self.elapsed }
    }

    /// A replica starts, or what is left of it stops wherever it is and starts anew.
    pub(super) fn restart(&mut self, replica: usize, leads: bool) {
        self.start(replica, leads, self.versions.len());
    }

    /// A replica starts that has heard of so many configurations.
    pub(super) fn start(&mut self, replica: usize, leads: bool, knows: usize) {
        self.replicas[replica] = Some(Replica {
            leads,
            published: Published::default(),
            served: None,
            trust: Trust::by(["a", "b"][..knows].iter().map(ToString::to_string).collect()),
            knows,
            ready: false,
            step: Step::Resting { until: self.elapsed },
        });
    }

    pub(super) fn stop(&mut self, replica: usize) {
        self.replicas[replica] = None;
    }

    /// It leads from now on, or not. Nobody sees to it that one leads alone.
    pub(super) fn lead(&mut self, replica: usize, leads: bool) {
        if let Some(replica) = &mut self.replicas[replica] {
            replica.leads = leads;
        }
    }

    /// How many would get calls.
    pub(super) fn ready(&self) -> usize {
        self.replicas.iter().flatten().filter(|replica| replica.ready).count()
    }

    /// Somebody spoils a key of the Secret.
    pub(super) fn spoil(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.secret.1.insert(key.to_owned(), ByteString(value.into()))),
            None => drop(self.secret.1.remove(key)),
        }
        self.secret.0 += 1;
        self.written = self.elapsed;
    }

    /// Somebody empties the `caBundle` of an entry.
    pub(super) fn empty(&mut self, which: usize) {
        let mut configuration = self.current(which).clone();
        configuration.entries[0].bundle = CaBundle::default();
        self.write(which, configuration, true);
    }

    fn current(&self, which: usize) -> &Configuration {
        &self.versions[which].last().unwrap().configuration
    }

    fn write(&mut self, which: usize, mut configuration: Configuration, foreign: bool) {
        let version: u64 = configuration.version.parse().unwrap();
        configuration.version = (version + 1).to_string();
        let versions = &mut self.versions[which];
        versions.last_mut().unwrap().until = Some(self.elapsed);
        versions.push(Version { configuration, until: None, foreign });
        self.written = self.elapsed;
    }

    /// Lets time pass: so little that nobody gets far, or, when everybody rests, until somebody looks again. Gives back
    /// any one who has something to do then.
    pub(super) fn pass(&mut self) -> Option<usize> {
        self.elapsed = (self.elapsed + Duration::from_millis(self.chance.below(300))).max(self.next());
        let due = |which: &usize| {
            self.replicas[*which].as_ref().is_some_and(|replica| replica.wakes() <= self.elapsed)
        };
        let due: Vec<_> = (0..self.replicas.len()).filter(due).collect();
        let chance = self.chance.below(due.len().max(1) as u64);
        due.get(usize::try_from(chance).unwrap()).copied()
    }

    /// When the first replica does something next.
    fn next(&self) -> Duration {
        self.replicas.iter().flatten().map(Replica::wakes).min().unwrap_or_default()
    }

    /// Where nothing has happened for long, and everybody has seen that, nothing will until something is due: goes
    /// there, almost, or to the end.
    pub(super) fn skip(&mut self, end: Duration) {
        let quiet = self.elapsed.saturating_sub(self.written) > 3 * self.policy.publish_delay;
        if !quiet || self.next() <= self.elapsed {
            return;
        }
        self.written = self.elapsed;
        let moment = self.moment();
        let (state, _) = document::read(&self.secret.1, &self.policy.server_name(), moment.time);
        let (Some(authority), Some(leaf), Some(old)) = (state.authority, state.leaf, state.old) else {
            return;
        };
        let ends = old.iter().map(|old| old.until);
        let due = ends.chain([authority.renewed_at(), leaf.keyed.renewed_at()]).min().unwrap();
        let ahead = u64::try_from(due.as_second() - moment.time.as_second()).unwrap_or_default();
        if ahead > 60 {
            self.elapsed = (self.elapsed + Duration::from_secs(ahead - 30)).min(end);
        }
    }

    /// A replica does its next step, if it is time. What it reads may be refused to it.
    pub(super) fn step(&mut self, which: usize, unreachable: bool) {
        let Some(mut replica) = self.replicas[which].take() else { return };
        let rest = Step::Resting { until: self.elapsed + EVERY };
        replica.step = match std::mem::replace(&mut replica.step, rest) {
            Step::Resting { until } if self.elapsed < until => Step::Resting { until },
            _ if unreachable => Step::Resting { until: self.elapsed + EVERY },
            Step::Resting { .. } => {
                Step::HasConfigurations((0..replica.knows).map(|which| self.current(which).clone()).collect())
            }
            Step::HasConfigurations(configurations) => self.look(&mut replica, configurations),
            Step::Acting { publications, change, moment } => {
                self.act(&replica.published, publications, change, moment)
            }
        };
        self.replicas[which] = Some(replica);
    }

    /// Reads the Secret, serves, and plans.
    fn look(&mut self, replica: &mut Replica, configurations: Vec<Configuration>) -> Step {
        let moment = self.moment();
        replica.published.observe(&configurations, moment.instant);
        replica.trust.see(configurations);
        let (state, _) = document::read(&self.secret.1, &self.policy.server_name(), moment.time);
        if let Some(pair) = state.leaf.as_ref().and_then(|leaf| leaf.keyed.pair())
            && serve::is_better(&pair, replica.served.as_deref(), &replica.published, moment, &self.policy)
        {
            replica.served = Some(Arc::new(pair));
        }
        let served = replica.served.as_ref();
        replica.ready = served.is_some_and(|served| replica.trust.missing(served, moment.time).is_none());
        let rest = Step::Resting { until: self.elapsed + EVERY };
        let mut plan = plan(&state, moment, &replica.published, &self.policy);
        plan.change = plan.change.filter(|_| replica.leads);
        if plan.change.is_none() && plan.publications.is_empty() {
            return rest;
        }
        let change = plan.change.map(|change| Box::new(Pending { change, state, version: self.secret.0 }));
        Step::Acting { publications: plan.publications.into(), change, moment }
    }

    /// Publishes one, or changes the Secret, or has nothing to do.
    fn act(
        &mut self,
        published: &Published,
        mut publications: VecDeque<Publication>,
        change: Option<Box<Pending>>,
        moment: Moment,
    ) -> Step {
        let again = Step::Resting { until: self.elapsed };
        if let Some(publication) = publications.pop_front() {
            let which = usize::from(publication.configuration == "b");
            self.publish(which, &publication);
            return Step::Acting { publications, change, moment };
        }
        let Some(pending) = change else { return again };
        let Pending { change, state, version } = *pending;
        if version != self.secret.0 {
            self.happened.conflicts += 1;
            return again;
        }
        let begins = change == Change::Begin;
        let next = change.apply(state, moment, published, &self.policy).unwrap();
        self.happened.authorities += u32::from(begins || change == Change::Rotate);
        self.happened.certificates += u32::from(change == Change::Sign);
        document::write(&next, &mut self.secret.1).unwrap();
        self.secret.0 += 1;
        self.written = self.elapsed;
        again
    }

    fn publish(&mut self, which: usize, publication: &Publication) {
        let mut configuration = self.current(which).clone();
        if configuration.version != publication.version {
            self.happened.conflicts += 1;
            return;
        }
        for entry in &mut configuration.entries {
            if publication.entries.contains(&(entry.index, entry.name.clone())) {
                entry.bundle = CaBundle { certificates: publication.authorities.clone(), broken: false };
            }
        }
        self.happened.longest = self.happened.longest.max(publication.authorities.len());
        self.write(which, configuration, false);
    }

    /// Every API server, whatever of the last moments it knows, takes what every ready replica serves.
    pub(super) fn check(&mut self) {
        let now = self.moment().time;
        let known = self.elapsed.saturating_sub(self.policy.publish_delay);
        let mut fitting = std::mem::take(&mut self.fitting);
        for replica in self.replicas.iter().flatten().filter(|replica| replica.ready) {
            let served = replica.served.as_ref().unwrap();
            assert!(now < served.not_after(), "a certificate that has ended is served at {:?}", self.elapsed);
            let versions = self.versions.iter().flatten().filter(|version| !version.foreign);
            for version in versions.filter(|version| version.until.is_none_or(|until| until > known)) {
                for entry in &version.configuration.entries {
                    let bundle = &entry.bundle.certificates;
                    let key = (served.chain()[0].to_vec(), bundle.iter().map(|der| der.to_vec()).collect());
                    if !fitting.contains(&key) {
                        let verdict = verify::verify_server_cert(
                            served.chain(),
                            &self.policy.server_name(),
                            bundle,
                            now,
                        );
                        assert_eq!(verdict, Ok(()), "at {:?}: {:?}", self.elapsed, self.happened);
                        fitting.insert(key);
                    }
                }
            }
        }
        self.fitting = fitting;
        for versions in &mut self.versions {
            versions.retain(|version| version.until.is_none_or(|until| until > known));
        }
    }
}
