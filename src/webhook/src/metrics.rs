//! Counters of the webhook. Label values never come from users.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use k8s_openapi::jiff::Timestamp;
use rolebridge_inject::Reason;
use rolebridge_telemetry::exposition::{Exposition, MetricType};

use crate::list_watch::progress::Watches;

/// Prefix of every metric name.
pub const METRICS_PREFIX: &str = "rolebridge_webhook_";

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
    /// Outcome of a live read.
    LiveReadOutcome {
        /// The object exists.
        Found = "found",
        /// The object does not exist.
        Absent = "absent",
        /// The read failed.
        Failed = "failed",
        /// No turn was free, so the pod was denied.
        Limited = "limited",
        /// No turn was free, so the cached object was used, or a workload got no advice.
        Omitted = "omitted",
        /// Another read in progress, or a recent one, was reused.
        Shared = "shared",
    }
}

labels! {
    /// A file that is reloaded when it changes.
    ReloadedFile {
        /// The certificate and its key.
        Certificate = "certificate",
        /// The platform team's defaults.
        Defaults = "defaults",
    }
}

labels! {
    /// Outcome of an event.
    EventOutcome {
        /// The event was created.
        Created = "created",
        /// The event exists, created by this replica or another one.
        Repeated = "repeated",
        /// The event was dropped by the rate limit.
        Limited = "limited",
        /// The API server rejected the event or did not respond.
        Failed = "failed",
    }
}

labels! {
    /// A port of the webhook.
    Port {
        /// Admission reviews.
        Reviews = "reviews",
        /// Health and metrics.
        Health = "health",
    }
}

/// Outcome of a pod's review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// The pod was injected.
    Injected,
    /// The pod passed unchanged.
    Skipped(Reason),
    /// The pod was denied.
    Denied(Reason),
    /// The request was not a creation.
    NotCreation,
    /// The pod was denied because its service account or namespace could not be read.
    Failed,
    /// The pod was denied because too many others needed a live read.
    Limited,
    /// The pod was denied because its patch is larger than any object may be.
    TooLarge,
}

/// Statuses of requests that are rejected before admission.
const STATUSES: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Upper bounds of the histogram in microseconds. A review takes tens of microseconds, one with a live read thousands.
const BUCKETS: &[u64] = &[
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000,
];

const REASONS: usize = Reason::ALL.len();

pub(crate) type Counters<const N: usize> = [AtomicU64; N];

pub(crate) const fn zeros<const N: usize>() -> Counters<N> {
    [const { AtomicU64::new(0) }; N]
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

pub(crate) fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Counters of the webhook.
#[derive(Debug)]
pub struct Metrics {
    injected: AtomicU64,
    skipped: Counters<REASONS>,
    denied: Counters<REASONS>,
    remembered: AtomicU64,
    not_creation: AtomicU64,
    failed: AtomicU64,
    limited: AtomicU64,
    too_large: AtomicU64,
    workloads: Counters<2>,
    durations: Counters<{ BUCKETS.len() + 1 }>,
    duration_sum: AtomicU64,
    rejected: Counters<{ STATUSES.len() }>,
    live_reads: Counters<{ LiveReadOutcome::LABELS.len() }>,
    watches: Watches,
    /// Failed and successful reloads of each file.
    reloads: [Counters<2>; 2],
    /// One for each file if its latest content is not in use.
    config_stale: Counters<2>,
    handshake_errors: AtomicU64,
    evicted_connections: Counters<2>,
    events: Counters<4>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            injected: AtomicU64::default(),
            skipped: zeros(),
            denied: zeros(),
            remembered: AtomicU64::default(),
            not_creation: AtomicU64::default(),
            failed: AtomicU64::default(),
            limited: AtomicU64::default(),
            too_large: AtomicU64::default(),
            workloads: zeros(),
            durations: zeros(),
            duration_sum: AtomicU64::default(),
            rejected: zeros(),
            live_reads: zeros(),
            watches: Watches::default(),
            reloads: [zeros(), zeros()],
            config_stale: zeros(),
            handshake_errors: AtomicU64::default(),
            evicted_connections: zeros(),
            events: zeros(),
        }
    }
}

impl Metrics {
    /// Counts the review of a pod.
    pub fn record_pod_review(&self, outcome: ReviewOutcome, duration: Duration) {
        let counter = match outcome {
            ReviewOutcome::Injected => &self.injected,
            ReviewOutcome::Skipped(reason) => &self.skipped[reason as usize],
            ReviewOutcome::Denied(reason) => &self.denied[reason as usize],
            ReviewOutcome::NotCreation => &self.not_creation,
            ReviewOutcome::Failed => &self.failed,
            ReviewOutcome::Limited => &self.limited,
            ReviewOutcome::TooLarge => &self.too_large,
        };
        add(counter, 1);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        add(&self.durations[BUCKETS.partition_point(|bound| *bound < micros)], 1);
        add(&self.duration_sum, micros);
    }

    /// Counts the review of a pod that was answered from memory.
    pub fn record_remembered(&self) {
        add(&self.remembered, 1);
    }

    /// Counts the review of a workload, with or without warnings.
    pub fn record_workload_review(&self, warned: bool) {
        add(&self.workloads[usize::from(warned)], 1);
    }

    /// Counts a request that was rejected before admission.
    pub fn record_rejected_request(&self, status: StatusCode) {
        if let Some(index) = STATUSES.iter().position(|known| *known == status) {
            add(&self.rejected[index], 1);
        }
    }

    /// Counts a live read.
    pub fn record_live_read(&self, outcome: LiveReadOutcome) {
        add(&self.live_reads[outcome as usize], 1);
    }

    /// Returns the watches, each with metrics of its own.
    #[must_use]
    pub const fn watches(&self) -> &Watches {
        &self.watches
    }

    /// Counts the reload of a changed file.
    pub fn record_reload(&self, file: ReloadedFile, succeeded: bool) {
        add(&self.reloads[file as usize][usize::from(succeeded)], 1);
        self.config_stale[file as usize].store(u64::from(!succeeded), Ordering::Relaxed);
    }

    /// Counts a failed TLS handshake.
    pub fn record_handshake_error(&self) {
        add(&self.handshake_errors, 1);
    }

    /// Counts a connection that was closed because another one needed its slot.
    pub fn record_evicted_connection(&self, port: Port) {
        add(&self.evicted_connections[port as usize], 1);
    }

    /// Counts an event.
    pub fn record_event(&self, outcome: EventOutcome) {
        add(&self.events[outcome as usize], 1);
    }

    /// Writes all counters.
    pub fn write(&self, exposition: &mut Exposition) {
        self.write_pod_reviews(exposition);
        self.write_durations(exposition);
        self.write_requests(exposition);
        self.write_reloads(exposition);
        exposition
            .family("handshake_errors_total", MetricType::Counter, "Failed TLS handshakes.")
            .sample(&[], value(&self.handshake_errors));
        let mut family = exposition.family(
            "evicted_connections_total",
            MetricType::Counter,
            "Idle connections closed because a new one found no free slot; more than a few mean a flood.",
        );
        for (count, port) in self.evicted_connections.iter().zip(Port::LABELS) {
            family.sample(&[("port", port)], value(count));
        }
        let mut family = exposition.family(
            "events_total",
            MetricType::Counter,
            "Kubernetes events about pods, by outcome; only if events are enabled.",
        );
        for (count, outcome) in self.events.iter().zip(EventOutcome::LABELS) {
            family.sample(&[("outcome", outcome)], value(count));
        }
    }

    fn write_pod_reviews(&self, exposition: &mut Exposition) {
        let mut family = exposition.family(
            "reviews_total",
            MetricType::Counter,
            "Admission reviews of pods, by outcome and reason.",
        );
        let mut sample = |outcome, reason, count| {
            family.sample(&[("outcome", outcome), ("reason", reason)], value(count));
        };
        sample("injected", "", &self.injected);
        for (outcome, counts) in [("skipped", &self.skipped), ("denied", &self.denied)] {
            for (count, reason) in counts.iter().zip(Reason::ALL) {
                sample(outcome, reason.code(), count);
            }
        }
        sample("skipped", NOT_CREATION, &self.not_creation);
        sample("denied", TOO_LARGE, &self.too_large);
        sample("failed", API_UNAVAILABLE, &self.failed);
        sample("limited", READ_LIMITED, &self.limited);
    }

    fn write_durations(&self, exposition: &mut Exposition) {
        let mut family = exposition.family(
            "review_duration_seconds",
            MetricType::Histogram,
            "Latency of admission reviews of pods, including reading the request body.",
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

    fn write_requests(&self, exposition: &mut Exposition) {
        exposition
            .family(
                "remembered_reviews_total",
                MetricType::Counter,
                "Admission reviews of pods that got the patch of an equal pod from memory.",
            )
            .sample(&[], value(&self.remembered));
        let mut family = exposition.family(
            "workload_reviews_total",
            MetricType::Counter,
            "Admission reviews of workloads, with or without warnings.",
        );
        for (count, warned) in self.workloads.iter().zip(["false", "true"]) {
            family.sample(&[("warned", warned)], value(count));
        }
        let mut family = exposition.family(
            "rejected_requests_total",
            MetricType::Counter,
            "HTTP requests rejected before they reached admission (malformed, too large, timed out); 500 is a panic.",
        );
        for (count, status) in self.rejected.iter().zip(STATUSES) {
            family.sample(&[("status", status.as_str())], value(count));
        }
        let mut family = exposition.family(
            "live_reads_total",
            MetricType::Counter,
            "Live reads of service accounts and namespaces from the Kubernetes API.",
        );
        for (count, outcome) in self.live_reads.iter().zip(LiveReadOutcome::LABELS) {
            family.sample(&[("outcome", outcome)], value(count));
        }
        self.watches.write(exposition, Timestamp::now());
    }

    fn write_reloads(&self, exposition: &mut Exposition) {
        let mut family = exposition.family("reloads_total", MetricType::Counter, "Reloads of changed files.");
        for (counts, file) in self.reloads.iter().zip(ReloadedFile::LABELS) {
            for (count, result) in counts.iter().zip(["error", "ok"]) {
                family.sample(&[("file", file), ("result", result)], value(count));
            }
        }
        let mut family = exposition.family(
            "config_stale",
            MetricType::Gauge,
            "1 while a file's latest content is invalid and the previous content is in use.",
        );
        for (stale, file) in self.config_stale.iter().zip(ReloadedFile::LABELS) {
            family.sample(&[("file", file)], value(stale));
        }
    }
}

/// Reason code of a review that is not about a creation.
pub const NOT_CREATION: &str = "not-creation";
/// Reason code of a pod with a patch that is larger than any object may be.
pub const TOO_LARGE: &str = "patch-too-large";
/// Reason code of a review that failed because the Kubernetes API did not respond.
pub const API_UNAVAILABLE: &str = "api-unavailable";
/// Reason code of a review that was denied because too many others needed a live read.
pub const READ_LIMITED: &str = "read-limited";

/// Formats microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
