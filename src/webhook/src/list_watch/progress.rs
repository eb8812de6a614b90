//! Progress of each watch: when the API server was last heard from, and errors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rolebridge_telemetry::exposition::{Exposition, MetricType};
use tokio::time::Instant;

/// A kind of watched objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchedKind {
    /// Service accounts.
    ServiceAccount,
    /// Namespaces.
    Namespace,
    /// The webhook's own configurations.
    WebhookConfiguration,
}

impl WatchedKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ServiceAccount, Self::Namespace, Self::WebhookConfiguration];

    /// Returns the name used in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::Namespace => "namespace",
            Self::WebhookConfiguration => "webhook-configuration",
        }
    }
}

/// Progress of one watch.
#[derive(Debug)]
pub struct WatchProgress {
    kind: WatchedKind,
    last_heard: Mutex<Instant>,
    errors: AtomicU64,
}

impl WatchProgress {
    /// Returns the kind of the watched objects.
    #[must_use]
    pub const fn kind(&self) -> WatchedKind {
        self.kind
    }

    /// Records that the API server sent a page, an event or a bookmark, or ended the watch as requested.
    pub(super) fn record_heard(&self) {
        *self.last_heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Counts a failed list or watch.
    pub fn record_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the time since the API server was last heard from, or since the watch was registered.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.last_heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// All watches of the program.
#[derive(Debug, Default)]
pub struct Watches(Mutex<Vec<Arc<WatchProgress>>>);

impl Watches {
    /// Adds a watch.
    pub fn register(&self, kind: WatchedKind) -> Arc<WatchProgress> {
        let (last_heard, errors) = (Mutex::new(Instant::now()), AtomicU64::default());
        let progress = Arc::new(WatchProgress { kind, last_heard, errors });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&progress));
        progress
    }

    /// Returns the longest silence of the kind's watches; `None` without watches.
    #[must_use]
    pub fn longest_silence(&self, kind: WatchedKind) -> Option<Duration> {
        let watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().filter(|watch| watch.kind == kind).map(|watch| watch.silence()).max()
    }

    /// Writes the metrics of each kind.
    pub(crate) fn write(&self, exposition: &mut Exposition, now: Timestamp) {
        let mut family =
            exposition.family("watch_errors_total", MetricType::Counter, "Failed lists and watches.");
        for kind in WatchedKind::ALL {
            family.sample(&[("kind", kind.name())], self.errors(kind));
        }
        let mut family = exposition.family(
            "watch_last_event_timestamp_seconds",
            MetricType::Gauge,
            "Time at which the API server was last heard from in a list or watch, Unix time; the oldest of each kind.",
        );
        for kind in WatchedKind::ALL {
            if let Some(silence) = self.longest_silence(kind) {
                let silence = SignedDuration::try_from(silence).unwrap_or(SignedDuration::MAX);
                let heard = now.saturating_sub(silence).map_or(0, Timestamp::as_second);
                family.sample(&[("kind", kind.name())], heard);
            }
        }
    }

    fn errors(&self, kind: WatchedKind) -> u64 {
        let watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches
            .iter()
            .filter(|watch| watch.kind == kind)
            .map(|watch| watch.errors.load(Ordering::Relaxed))
            .sum()
    }
}
