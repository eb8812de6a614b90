//! Changes of the webhook's own configurations, noticed at once: a tool may wipe a `caBundle`.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Client;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

use crate::background;
use crate::list_watch::object::WatchedObject;
use crate::list_watch::progress::WatchedKind;
use crate::list_watch::{ListWatch, Sink};
use crate::metrics::Metrics;

/// Minimum time between two reactions. It limits a fight with another writer, such as a GitOps tool that renders `caBundle`.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Changes of the configurations.
#[derive(Debug, Default)]
pub struct ConfigChanges {
    notify: Notify,
    /// Earliest time of the next reaction.
    next: Mutex<Option<Instant>>,
}

impl ConfigChanges {
    /// Watches the configurations with these names for as long as the program runs.
    #[must_use]
    pub fn watch(client: &Client, names: &[String], metrics: &Metrics) -> Arc<Self> {
        let changes = Arc::new(Self::default());
        for name in names {
            let watch = ListWatch::named::<MutatingWebhookConfiguration>(client.clone(), name);
            let progress = metrics.watches().register(WatchedKind::WebhookConfiguration);
            let mut sink = ChangeSink(Arc::clone(&changes));
            background::spawn("configuration watch", async move { watch.run(&mut sink, &progress).await });
        }
        changes
    }

    /// Waits for a change since the last call, and at least a second after the last one.
    pub async fn changed(&self) {
        self.notify.notified().await;
        let mut next = self.next.lock().await;
        if let Some(time) = *next {
            sleep_until(time).await;
        }
        *next = Some(Instant::now() + MIN_INTERVAL);
    }
}

/// Reports changes. The reader then reads the whole configurations, because a watch has their metadata only.
struct ChangeSink(Arc<ConfigChanges>);

impl Sink for ChangeSink {
    fn list_started(&mut self) {}

    fn page_listed(&mut self, _: Vec<WatchedObject>) {}

    fn list_completed(&mut self) {
        self.0.notify.notify_one();
    }

    fn changed(&mut self, _: WatchedObject) {
        self.0.notify.notify_one();
    }

    fn deleted(&mut self, _: WatchedObject) {
        self.0.notify.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changed_returns_at_once_and_then_at_most_once_a_second() {
        let changes = ConfigChanges::default();
        let started = Instant::now();
        let mut times = Vec::new();
        for _ in 0..3 {
            changes.notify.notify_one();
            changes.notify.notify_one();
            changes.changed().await;
            times.push(started.elapsed().as_secs());
        }
        assert_eq!(times, [0, 1, 2]);
        let without_change = tokio::time::timeout(Duration::from_mins(1), async {
            loop {
                changes.changed().await;
            }
        });
        assert!(without_change.await.is_err());
    }
}
