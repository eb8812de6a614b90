//! Counters, and the page that Prometheus reads. No label ever carries a user's value.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use rolebridge_inject::Reason;

use crate::lookup::Kind;
use crate::page::{Page, Type};

macro_rules! labels {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $label:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant,)+ }

        impl $name {
            pub(crate) const LABELS: &[&str] = &[$($label),+];
        }
    };
}
pub(crate) use labels;

labels! {
    /// How a live read ended.
    LiveOutcome {
        /// The object exists.
        Found = "found",
        /// It does not.
        Absent = "absent",
        /// The API server did not say.
        Failed = "failed",
        /// Another reading of the same moment answered.
        Shared = "shared",
    }
}

labels! {
    /// A file that is read again when it changes.
    Reloaded {
        /// The certificate and its key.
        Certificate = "certificate",
        /// The platform team's defaults.
        Defaults = "defaults",
    }
}

labels! {
    /// What became of an event.
    EventOutcome {
        /// It was said.
        Created = "created",
        /// It was said before, here or by another replica.
        Repeated = "repeated",
        /// There was too much to say.
        Limited = "limited",
        /// The API server did not take it.
        Failed = "failed",
    }
}

/// What became of a pod's review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got a patch.
    Injected,
    /// It stayed as it was.
    Unchanged(Reason),
    /// It was denied.
    Refused(Reason),
    /// It was not a creation.
    NotCreation,
    /// Nobody could say what its surroundings are.
    Failed,
}

/// The statuses of requests that got no review's answer.
const STATUSES: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Upper bounds in microseconds. A review takes tens of them, and one that reads live some thousands.
const BUCKETS: &[u64] = &[
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000,
];

const REASONS: usize = Reason::ALL.len();

pub(crate) type Counts<const N: usize> = [AtomicU64; N];

pub(crate) const fn zeros<const N: usize>() -> Counts<N> {
    [const { AtomicU64::new(0) }; N]
}

pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

pub(crate) fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    injected: AtomicU64,
    unchanged: Counts<REASONS>,
    refused: Counts<REASONS>,
    not_creation: AtomicU64,
    failed: AtomicU64,
    workloads: Counts<2>,
    durations: Counts<{ BUCKETS.len() + 1 }>,
    duration_sum: AtomicU64,
    rejected: Counts<{ STATUSES.len() }>,
    live_reads: Counts<4>,
    watch_faults: Counts<2>,
    reloads: [Counts<2>; 2],
    /// One where the newest content is not what holds.
    reload_refused: Counts<2>,
    handshake_faults: AtomicU64,
    events: Counts<4>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            injected: AtomicU64::default(),
            unchanged: zeros(),
            refused: zeros(),
            not_creation: AtomicU64::default(),
            failed: AtomicU64::default(),
            workloads: zeros(),
            durations: zeros(),
            duration_sum: AtomicU64::default(),
            rejected: zeros(),
            live_reads: zeros(),
            watch_faults: zeros(),
            reloads: [zeros(), zeros()],
            reload_refused: zeros(),
            handshake_faults: AtomicU64::default(),
            events: zeros(),
        }
    }
}

impl Metrics {
    /// A pod's review was answered.
    pub fn pod(&self, outcome: Outcome, took: Duration) {
        let counter = match outcome {
            Outcome::Injected => &self.injected,
            Outcome::Unchanged(reason) => &self.unchanged[reason as usize],
            Outcome::Refused(reason) => &self.refused[reason as usize],
            Outcome::NotCreation => &self.not_creation,
            Outcome::Failed => &self.failed,
        };
        add(counter, 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(&self.durations[BUCKETS.partition_point(|bound| *bound < micros)], 1);
        add(&self.duration_sum, micros);
    }

    /// A workload's review was answered, with warnings or without.
    pub fn workload(&self, warned: bool) {
        add(&self.workloads[usize::from(warned)], 1);
    }

    /// A request got no review's answer.
    pub fn rejected(&self, status: StatusCode) {
        if let Some(index) = STATUSES.iter().position(|known| *known == status) {
            add(&self.rejected[index], 1);
        }
    }

    /// A live read ended.
    pub fn live_read(&self, outcome: LiveOutcome) {
        add(&self.live_reads[outcome as usize], 1);
    }

    /// A list or a watch failed.
    pub fn watch_fault(&self, kind: Kind) {
        add(&self.watch_faults[kind as usize], 1);
    }

    /// A changed file was read, and taken or not.
    pub fn reload(&self, what: Reloaded, taken: bool) {
        add(&self.reloads[what as usize][usize::from(taken)], 1);
        self.reload_refused[what as usize].store(u64::from(!taken), Ordering::Relaxed);
    }

    /// A client did not complete a TLS handshake.
    pub fn handshake_fault(&self) {
        add(&self.handshake_faults, 1);
    }

    /// There was an event to say.
    pub fn event(&self, outcome: EventOutcome) {
        add(&self.events[outcome as usize], 1);
    }

    /// Writes everything that is counted.
    pub fn write(&self, page: &mut Page) {
        self.write_pods(page);
        self.write_durations(page);
        let mut family = page.family(
            "workload_reviews_total",
            Type::Counter,
            "Reviews of workloads answered, with warnings or without.",
        );
        for (count, warned) in self.workloads.iter().zip(["false", "true"]) {
            family.sample(&[("warned", warned)], value(count));
        }
        let mut family =
            page.family("rejected_requests_total", Type::Counter, "Requests that were no answerable review.");
        for (count, status) in self.rejected.iter().zip(STATUSES) {
            family.sample(&[("status", status.as_str())], value(count));
        }
        let mut family = page.family("live_reads_total", Type::Counter, "Live reads of the Kubernetes API.");
        for (count, outcome) in self.live_reads.iter().zip(LiveOutcome::LABELS) {
            family.sample(&[("outcome", outcome)], value(count));
        }
        let mut family = page.family("watch_faults_total", Type::Counter, "Lists and watches that failed.");
        for (count, kind) in self.watch_faults.iter().zip(Kind::ALL) {
            family.sample(&[("kind", kind.name())], value(count));
        }
        let mut family = page.family("reloads_total", Type::Counter, "Changed files that were read again.");
        for (counts, file) in self.reloads.iter().zip(Reloaded::LABELS) {
            for (count, taken) in counts.iter().zip(["false", "true"]) {
                family.sample(&[("file", file), ("taken", taken)], value(count));
            }
        }
        let mut family = page.family(
            "reload_refused",
            Type::Gauge,
            "1 while a file's newest content is unusable and the old one holds.",
        );
        for (refused, file) in self.reload_refused.iter().zip(Reloaded::LABELS) {
            family.sample(&[("file", file)], value(refused));
        }
        page.family("handshake_faults_total", Type::Counter, "TLS handshakes that were not completed.")
            .sample(&[], value(&self.handshake_faults));
        let mut family =
            page.family("events_total", Type::Counter, "Events about pods, if they are asked for.");
        for (count, outcome) in self.events.iter().zip(EventOutcome::LABELS) {
            family.sample(&[("outcome", outcome)], value(count));
        }
    }

    fn write_pods(&self, page: &mut Page) {
        let mut family =
            page.family("reviews_total", Type::Counter, "Reviews of pods answered, by outcome and reason.");
        let mut sample = |outcome, reason, count| {
            family.sample(&[("outcome", outcome), ("reason", reason)], value(count));
        };
        sample("injected", "", &self.injected);
        for (outcome, counts) in [("unchanged", &self.unchanged), ("refused", &self.refused)] {
            for (count, reason) in counts.iter().zip(Reason::ALL) {
                sample(outcome, reason.code(), count);
            }
        }
        sample("unchanged", NOT_CREATION, &self.not_creation);
        sample("failed", API_UNAVAILABLE, &self.failed);
    }

    fn write_durations(&self, page: &mut Page) {
        let mut family = page.family(
            "review_duration_seconds",
            Type::Histogram,
            "Time to answer a pod's review, body included.",
        );
        let mut total = 0;
        for (count, bound) in self.durations.iter().zip(BUCKETS.iter().map(Some).chain([None])) {
            total += value(count);
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| seconds(*bound));
            family.suffixed("_bucket", &[("le", &bound)], total);
        }
        family.suffixed("_sum", &[], seconds(value(&self.duration_sum)));
        family.suffixed("_count", &[], total);
    }
}

/// The reason of a review that was not about a creation.
pub const NOT_CREATION: &str = "not-creation";
/// The reason of a review that failed for want of the Kubernetes API.
pub const API_UNAVAILABLE: &str = "api-unavailable";

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
