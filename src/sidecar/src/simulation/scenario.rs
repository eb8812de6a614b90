//! The faults of a day, and the errors of the node's clock, from a seed.

use std::time::Duration;

use fastrand::Rng;

use super::Kind;

/// The length of the simulation.
pub(super) const DAY: Duration = Duration::from_hours(24);

/// A fault of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Deny,
    Throttle,
    ServerError,
    Tear,
    Slow,
}

const FAULTS: [Fault; 5] = [Fault::Deny, Fault::Throttle, Fault::ServerError, Fault::Tear, Fault::Slow];

/// A time in which a service has a fault.
#[derive(Debug, Clone, Copy)]
struct Phase {
    from: Duration,
    to: Duration,
    fault: Fault,
}

/// The faults of a service.
#[derive(Debug)]
pub(super) struct Faults(Vec<Phase>);

impl Faults {
    fn new(rng: &mut Rng) -> Self {
        let (mut phases, mut at) = (Vec::new(), Duration::ZERO);
        while at < DAY {
            // Many short faults, and some that outlive a token.
            let longest = rng.choice([60, 600, 6000]).unwrap_or_default();
            let from = at + Duration::from_secs(rng.u64(0..7200));
            let to = from + Duration::from_secs(rng.u64(1..=longest));
            phases.push(Phase { from, to, fault: rng.choice(FAULTS).unwrap_or(Fault::Deny) });
            at = to;
        }
        Self(phases)
    }

    /// Returns the fault at that time, if there is one.
    pub(super) fn at(&self, at: Duration) -> Option<Fault> {
        self.0.iter().find(|phase| (phase.from..phase.to).contains(&at)).map(|phase| phase.fault)
    }

    /// Returns true if there was no fault within `window` before `at`.
    pub(super) fn none_within(&self, window: Duration, at: Duration) -> bool {
        self.0.iter().all(|phase| phase.from > at || phase.to < at.saturating_sub(window))
    }
}

/// A day.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) aws: Faults,
    pub(super) google: Faults,
    /// The times at which the node's clock is set, and the seconds by which it is ahead from then on.
    steps: Vec<(Duration, i64)>,
}

impl Scenario {
    pub(super) fn new(seed: u64, kind: Kind) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (aws, google) = (Faults::new(&mut rng), Faults::new(&mut rng));
        // A kubelet without a correct clock does not replace the token in time.
        let errors: &[i64] = match kind {
            Kind::Kubernetes => &[0, 30, -30, 240, -240],
            _ => &[0, 0, 0, 30, -50, 240, -240, 1800, -1800, 7200, -7200, 86_400, -86_400],
        };
        let mut steps: Vec<_> = (0..8)
            .map(|_| {
                let error = rng.choice(errors.iter().copied()).unwrap_or_default();
                (Duration::from_secs(rng.u64(0..DAY.as_secs())), error)
            })
            .collect();
        steps.sort_unstable();
        Self { aws, google, steps }
    }

    /// Returns the seconds by which the node's clock is ahead.
    pub(super) fn clock_error(&self, at: Duration) -> i64 {
        self.steps.iter().rev().find(|(from, _)| *from <= at).map_or(0, |(_, error)| *error)
    }

    /// Returns true if the clock was not set within `window` before `at`.
    pub(super) fn no_step_within(&self, window: Duration, at: Duration) -> bool {
        self.steps.iter().all(|(step, _)| *step > at || *step < at.saturating_sub(window))
    }
}
