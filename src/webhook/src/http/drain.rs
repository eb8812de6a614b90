//! Graceful shutdown: become unready, keep serving until clients stop connecting, then finish open requests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// Phase of the shutdown. Phases only advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Normal operation.
    Serving,
    /// Not ready, still serving. HTTP/1.1 connections are closed after a response, so that none is closed later while a
    /// request arrives on it: clients do not retry a POST.
    Draining,
    /// No new connections; open ones finish.
    Closing,
}

/// Broadcasts the phase of the shutdown.
#[derive(Debug)]
pub struct Drain(watch::Sender<Phase>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Drain {
    /// Returns the current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns a future that completes when the shutdown begins.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Phase::Draining)
    }

    /// Returns a future that completes when no new connections are accepted.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Phase::Closing)
    }

    fn reached(&self, wanted: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.0.subscribe();
        async move {
            // Fails if the sender is gone, and then there is nothing left to serve for.
            let _ = phase.wait_for(|phase| *phase >= wanted).await;
        }
    }

    /// Begins the shutdown, and closes after `delay`, the time in which clients notice that the replica is not ready.
    pub async fn run(&self, delay: Duration) {
        self.0.send_replace(Phase::Draining);
        sleep(delay).await;
        self.0.send_replace(Phase::Closing);
    }
}
