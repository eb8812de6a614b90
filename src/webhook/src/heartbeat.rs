//! Heartbeat of the runtime that answers reviews. The health port has a thread of its own, and so can report that this
//! runtime is blocked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// Interval of the beats.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Age of the last beat at which the replica is not ready: others answer in time.
const UNREADY_AFTER: Duration = Duration::from_secs(5);
/// Age of the last beat at which the replica is restarted. Longer than kube-apiserver waits for any response, so that a
/// replica that is only slow is not restarted.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Time of the last beat.
#[derive(Debug)]
pub struct Heartbeat {
    start: Instant,
    /// Milliseconds from `start` to the last beat.
    last: AtomicU64,
}

/// Health of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// The runtime runs.
    Alive,
    /// The runtime has not run for so long that reviews time out.
    Late,
    /// The runtime has not run for so long that only a restart helps.
    Dead,
}

impl Heartbeat {
    /// Creates a heartbeat with its first beat.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self { start: now, last: AtomicU64::new(0) }
    }

    /// Records a beat.
    pub fn beat(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start).as_millis();
        self.last.fetch_max(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the time since the last beat.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        now.saturating_duration_since(self.start).saturating_sub(last)
    }

    /// Returns the health of the runtime.
    #[must_use]
    pub fn pulse(&self, now: Instant) -> Pulse {
        match self.age(now) {
            age if age >= DEAD_AFTER => Pulse::Dead,
            age if age >= UNREADY_AFTER => Pulse::Late,
            _ => Pulse::Alive,
        }
    }
}

/// Beats for as long as the runtime runs this task.
pub async fn beat(heartbeat: Arc<Heartbeat>, interval: Duration) {
    loop {
        heartbeat.beat(Instant::now());
        sleep(interval).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rstest::rstest;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    #[rstest]
    #[case(0, Pulse::Alive)]
    #[case(4_999, Pulse::Alive)]
    #[case(5_000, Pulse::Late)]
    #[case(29_999, Pulse::Late)]
    #[case(30_000, Pulse::Dead)]
    fn pulse_depends_on_the_age_of_the_last_beat(#[case] millis: u64, #[case] expected: Pulse) {
        let start = Instant::now();
        let heartbeat = Heartbeat::new(start);
        heartbeat.beat(start + Duration::from_secs(7));
        heartbeat.beat(start + Duration::from_secs(6));
        let now = start + Duration::from_secs(7) + Duration::from_millis(millis);
        assert_eq!(heartbeat.pulse(now), expected);
    }

    #[rstest]
    #[case::single_thread(Builder::new_current_thread(), 1)]
    #[case::every_thread(Builder::new_multi_thread(), 2)]
    fn beats_stop_while_the_runtime_is_blocked(#[case] mut builder: Builder, #[case] threads: usize) {
        let interval = Duration::from_millis(1);
        let runtime: Runtime = builder.worker_threads(threads).enable_all().build().unwrap();
        let heartbeat = Arc::new(Heartbeat::new(Instant::now()));
        let (blocked, all_blocked) = mpsc::channel();
        let mut releases = Vec::new();
        runtime.spawn(beat(Arc::clone(&heartbeat), interval));
        for _ in 0..threads {
            let (release, released) = mpsc::channel::<()>();
            let blocked = blocked.clone();
            // The thread is blocked, as by a quadratic parser.
            runtime.spawn(async move { blocked.send(()).is_ok() && released.recv().is_ok() });
            releases.push(release);
        }
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let driver = std::thread::spawn(move || runtime.block_on(stopped));
        (0..threads).for_each(|_| all_blocked.recv().unwrap());
        let since = Instant::now() + interval;
        std::thread::sleep(interval * 50);
        assert!(heartbeat.age(since) > Duration::ZERO, "no beat since the threads are blocked");
        drop(releases);
        while heartbeat.age(since) > Duration::ZERO {
            std::thread::yield_now();
        }
        drop(stop);
        assert!(driver.join().unwrap().is_err(), "the sender is gone");
    }
}
