//! Slots of a listener, shared by its connections.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::http::slots::{ConnectionId, Progress, RequestId, Slots};

/// Interval of the checks for a connection with a slow request, while every connection has one in progress.
const SLOW_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Slots of a listener, with the notifications that the accounting itself does not have.
#[derive(Debug)]
pub struct SlotPool {
    slots: Mutex<Slots<Arc<Notify>>>,
    /// Notified when a slot is freed or a connection becomes idle.
    freed: Notify,
}

/// Slot of one connection, freed on drop.
#[derive(Debug)]
pub struct Slot {
    pool: Arc<SlotPool>,
    id: ConnectionId,
    evicted: Arc<Notify>,
    served: AtomicBool,
    /// Holds one more reference for each request in progress, also after the slot is lost.
    requests: Arc<()>,
}

/// Request in progress. It ends on drop.
#[derive(Debug)]
pub(super) struct RequestInProgress {
    pool: Arc<SlotPool>,
    connection: ConnectionId,
    /// `None` if the connection had lost its slot when the request arrived.
    id: Option<RequestId>,
    _request: Arc<()>,
}

impl SlotPool {
    /// Creates a pool of `limit` slots.
    #[must_use]
    pub fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { slots: Mutex::new(Slots::new(limit as usize)), freed: Notify::new() })
    }

    /// Returns a slot for a connection of this address, and true if another connection lost it. Waits only while every
    /// connection has a request in progress, and at most until the first of them is slow.
    pub async fn open(self: &Arc<Self>, address: IpAddr) -> (Slot, bool) {
        let evicted = Arc::new(Notify::new());
        loop {
            let freed = self.freed.notified();
            let opened = self.lock().open(address, Arc::clone(&evicted), Instant::now());
            if let Some(opened) = opened {
                if let Some(other) = &opened.evicted {
                    other.notify_one();
                }
                let (id, served, requests) = (opened.id, AtomicBool::new(false), Arc::new(()));
                let slot = Slot { pool: Arc::clone(self), id, evicted, served, requests };
                return (slot, opened.evicted.is_some());
            }
            // No notification follows when a request becomes slow.
            let _ = timeout(SLOW_CHECK_INTERVAL, freed).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots<Arc<Notify>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Completes when the slot is given to another connection, so that this one must be closed.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Returns true if the connection has had a request.
    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// Returns true if a request is in progress.
    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.requests) > 1
    }

    /// Returns true if the client has delayed a request for longer than `limit`.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        self.pool.lock().is_stalled(self.id, limit, Instant::now())
    }

    /// Records that the TLS handshake has finished.
    pub(super) fn touch(&self) {
        self.pool.lock().touch(self.id, Instant::now());
    }

    /// Begins a request: its head has arrived.
    pub(super) fn begin_request(&self) -> RequestInProgress {
        self.served.store(true, Ordering::Relaxed);
        let id = self.pool.lock().begin_request(self.id, Instant::now());
        RequestInProgress {
            pool: Arc::clone(&self.pool),
            connection: self.id,
            id,
            _request: Arc::clone(&self.requests),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pool.lock().close(self.id);
        self.pool.freed.notify_one();
    }
}

impl RequestInProgress {
    pub(super) fn set_progress(&self, progress: Progress) {
        if let Some(id) = self.id {
            self.pool.lock().set_progress(self.connection, id, progress, Instant::now());
        }
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.pool.lock().end_request(self.connection, id, Instant::now());
            self.pool.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::http::slots::ANSWER_GRACE;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn open_waits_for_a_request_in_progress_until_it_is_slow() {
        let pool = SlotPool::new(1);
        let (busy, _) = pool.open(ADDRESS).await;
        let request = busy.begin_request();
        request.set_progress(Progress::Answering);
        let mut waiting = std::pin::pin!(pool.open(ADDRESS));
        assert!(timeout(ANSWER_GRACE / 2, &mut waiting).await.is_err());
        let (_slot, evicts) = timeout(ANSWER_GRACE, waiting).await.unwrap();
        assert!(evicts);
        busy.evicted().await;
        assert!(busy.is_busy());
        drop(request);
        assert!(!busy.is_busy());
    }

    #[tokio::test(start_paused = true)]
    async fn open_waits_for_a_connection_to_close_or_stall() {
        let pool = SlotPool::new(1);
        let (first, _) = pool.open(ADDRESS).await;
        let request = first.begin_request();
        request.set_progress(Progress::Answering);
        let mut waiting = std::pin::pin!(pool.open(ADDRESS));
        assert!(timeout(ANSWER_GRACE / 2, &mut waiting).await.is_err());
        drop(first);
        let (second, evicts) = waiting.await;
        assert!(!evicts);
        let _request = second.begin_request();
        let (_third, evicts) = pool.open(ADDRESS).await;
        assert!(evicts, "its body has not arrived");
        drop(request);
    }
}
