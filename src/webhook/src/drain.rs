//! The end: not ready, go on serving until nobody sends new connections, then finish what is open.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// How far the end has come. Only ever forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not begun.
    Serving,
    /// Not ready any more; still serving. HTTP/1.1 connections are closed after an answer, so that none is closed
    /// later just when a request arrives on it: a POST would not be tried again.
    Leaving,
    /// No new connections; open ones finish.
    Closing,
}

/// Tells everyone how far the end has come.
#[derive(Debug)]
pub struct Drain(watch::Sender<Phase>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }
}

impl Drain {
    /// How far the end has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until the program begins to leave.
    pub fn leaving(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Phase::Leaving)
    }

    /// Waits until no new connections are taken.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reached(Phase::Closing)
    }

    fn reached(&self, wanted: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.0.subscribe();
        async move {
            // It fails where the sender is gone, and then there is nothing to serve for either.
            let _ = phase.wait_for(|phase| *phase >= wanted).await;
        }
    }

    /// Leaves, and closes after `delay`: the time that the news of not being ready takes to get around.
    pub async fn run(&self, delay: Duration) {
        self.0.send_replace(Phase::Leaving);
        sleep(delay).await;
        self.0.send_replace(Phase::Closing);
    }
}
