//! Memory of all reviews in progress: their bodies, their pods while they are decoded or wait for a read, and their responses
//! until the last byte is sent.
//!
//! When the memory is short, the bodies that began to arrive first give way, as idle connections do. A body takes
//! milliseconds in a cluster, so that a flood of slow bodies only displaces itself. The part of such a body that has
//! arrived is freed at once, before its task notices it, so a new review does not wait for memory.
//!
//! Work that waits for nothing needs no charge, such as a patch that is being built: there is at most one for each thread.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::admission::partial_body::PartialBody;

/// Memory of a request without its body: its task and its stream. It is charged too, so that requests without
/// their bodies are bounded: 990 connections with 32 each took 200 MiB.
pub const REQUEST_BYTES: usize = 8 << 10;
/// Maximum number of requests that have given way while their tasks have not ended. Only the memory of the task is left,
/// which is not charged any more: 4 MiB.
pub(crate) const MAX_LEAVING: usize = 512;
/// Size up to which a review is small. Most pods have 4 to 30 KiB.
pub(crate) const SMALL_BYTES: usize = 64 << 10;
/// Share of the budget that only small reviews may use, so that a few large reviews do not reject all others.
const SMALL_SHARE: usize = 4;
/// Share of the budget that reviews may use while they wait for a read of another object. Those that wait for nothing have
/// the rest.
const WAITING_SHARE: usize = 2;

/// Memory that all reviews may use together.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Mutex<Ledger>>);

/// The budget is exhausted.
#[derive(Debug)]
pub struct Exhausted;

/// A request body that is arriving, with its charge. Dropping it returns the charge.
#[derive(Debug)]
pub(super) struct ArrivingBody {
    budget: Budget,
    id: u64,
    evicted: Arc<Notify>,
    is_finished: bool,
}

/// Bytes charged to a budget, returned on drop.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    bytes: usize,
}

/// Charge of a review that waits for a read, in addition to its body's. Dropping it returns the charge.
#[derive(Debug)]
pub struct WaitingCharge {
    charge: Charge,
    waiting: usize,
}

#[derive(Debug)]
struct Ledger {
    total: usize,
    available: usize,
    /// Bytes of the reviews that wait for a read.
    waiting: usize,
    next_id: u64,
    /// The bodies that are arriving, the oldest first.
    arriving: BTreeMap<u64, Arrival>,
    /// Sum of their charges.
    arriving_bytes: usize,
    /// Number of requests that have given way and have not ended.
    leaving: usize,
}

#[derive(Debug)]
struct Arrival {
    body: PartialBody,
    evicted: Arc<Notify>,
}

impl Arrival {
    const fn charged(&self) -> usize {
        REQUEST_BYTES + self.body.len()
    }
}

impl Budget {
    /// Creates a budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Ledger {
            total: bytes,
            available: bytes,
            waiting: 0,
            next_id: 0,
            arriving: BTreeMap::new(),
            arriving_bytes: 0,
            leaving: 0,
        })))
    }

    /// Returns the unused bytes.
    #[must_use]
    pub fn available(&self) -> usize {
        self.lock().available
    }

    /// Charges a request of which only the head has arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted.
    pub(super) fn begin(&self) -> Result<ArrivingBody, Exhausted> {
        let evicted = Arc::new(Notify::new());
        let mut freed = Vec::new();
        let mut ledger = self.lock();
        ledger.take(REQUEST_BYTES, REQUEST_BYTES, None, &mut freed)?;
        ledger.next_id += 1;
        let id = ledger.next_id;
        ledger.arriving.insert(id, Arrival { body: PartialBody::default(), evicted: Arc::clone(&evicted) });
        ledger.arriving_bytes += REQUEST_BYTES;
        drop(ledger);
        Ok(ArrivingBody { budget: self.clone(), id, evicted, is_finished: false })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Takes `more` bytes for a review that then has `total`. Arriving bodies give way to it, except `own`, and are added to
    /// `freed`.
    fn take(
        &mut self,
        more: usize,
        total: usize,
        own: Option<u64>,
        freed: &mut Vec<PartialBody>,
    ) -> Result<(), Exhausted> {
        let reserve = if total > SMALL_BYTES { self.total / SMALL_SHARE } else { 0 };
        let wanted = more + reserve;
        if more > 0 && self.available < wanted {
            self.evict(wanted, own, freed)?;
        }
        self.available -= more;
        Ok(())
    }

    /// Evicts the oldest arriving bodies until `wanted` bytes are available.
    fn evict(
        &mut self,
        wanted: usize,
        own: Option<u64>,
        freed: &mut Vec<PartialBody>,
    ) -> Result<(), Exhausted> {
        let kept = own.and_then(|id| self.arriving.get(&id)).map_or(0, Arrival::charged);
        if self.available + self.arriving_bytes - kept < wanted {
            return Err(Exhausted);
        }
        while self.available < wanted {
            let oldest = self.arriving.keys().find(|id| Some(**id) != own).copied();
            let Some(id) = oldest.filter(|_| self.leaving < MAX_LEAVING) else { return Err(Exhausted) };
            let Some(arrival) = self.remove(id) else { return Err(Exhausted) };
            self.available += arrival.charged();
            self.leaving += 1;
            arrival.evicted.notify_one();
            freed.push(arrival.body);
        }
        Ok(())
    }

    /// Removes an arriving body. The caller keeps its charge, or returns it.
    fn remove(&mut self, id: u64) -> Option<Arrival> {
        let arrival = self.arriving.remove(&id)?;
        self.arriving_bytes -= arrival.charged();
        Some(arrival)
    }
}

impl ArrivingBody {
    /// Appends a frame. `expected` is the length that the client has declared.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted, or if the body has given way to another one.
    pub(super) fn push(&self, data: Bytes, expected: usize) -> Result<(), Exhausted> {
        let mut freed = Vec::new();
        let mut ledger = self.budget.lock();
        let charged = ledger.arriving.get(&self.id).ok_or(Exhausted)?.charged();
        ledger.take(data.len(), charged + data.len(), Some(self.id), &mut freed)?;
        ledger.arriving_bytes += data.len();
        if let Some(arrival) = ledger.arriving.get_mut(&self.id) {
            arrival.body.push(data, expected);
        }
        Ok(())
    }

    /// Frees the part of the body that has arrived.
    pub(super) fn clear(&self) {
        let mut ledger = self.budget.lock();
        let Some(arrival) = ledger.arriving.get_mut(&self.id) else { return };
        let body = std::mem::take(&mut arrival.body);
        ledger.arriving_bytes -= body.len();
        ledger.available += body.len();
    }

    /// Completes when the body has given way to another one.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Ends the arrival. Returns the body with its charge.
    ///
    /// # Errors
    ///
    /// Returns an error if the body has given way to another one.
    pub(super) fn finish(mut self) -> Result<(Bytes, Charge), Exhausted> {
        let arrival = self.budget.lock().remove(self.id).ok_or(Exhausted)?;
        self.is_finished = true;
        let charge = Charge { budget: self.budget.clone(), bytes: arrival.charged() };
        Ok((arrival.body.into_bytes(), charge))
    }
}

impl Drop for ArrivingBody {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let mut ledger = self.budget.lock();
        match ledger.remove(self.id) {
            Some(arrival) => ledger.available += arrival.charged(),
            None => ledger.leaving -= 1,
        }
    }
}

impl Charge {
    /// Charges this many bytes in total.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted. The charge is then unchanged.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let mut freed = Vec::new();
        let mut ledger = self.budget.lock();
        match bytes.checked_sub(self.bytes) {
            Some(more) => ledger.take(more, bytes, None, &mut freed)?,
            None => ledger.available += self.bytes - bytes,
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Charges `bytes` in addition to this charge. Whether the review is small depends on this charge alone, so that a small
    /// review uses the share of small ones for its decoding too.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted.
    pub fn add(&self, bytes: usize) -> Result<Self, Exhausted> {
        let mut freed = Vec::new();
        self.budget.lock().take(bytes, self.bytes, None, &mut freed)?;
        Ok(Self { budget: self.budget.clone(), bytes })
    }

    /// Charges a review that begins to wait for a read: `bytes` in addition to this charge.
    ///
    /// # Errors
    ///
    /// Returns an error if the share of waiting reviews is exhausted.
    pub fn wait(&self, bytes: usize) -> Result<WaitingCharge, Exhausted> {
        let waiting = self.bytes + bytes;
        let mut freed = Vec::new();
        let mut ledger = self.budget.lock();
        if ledger.waiting + waiting > ledger.total / WAITING_SHARE {
            return Err(Exhausted);
        }
        ledger.take(bytes, waiting, None, &mut freed)?;
        ledger.waiting += waiting;
        drop(ledger);
        Ok(WaitingCharge { charge: Self { budget: self.budget.clone(), bytes }, waiting })
    }

    /// Attaches the charge to a text. It ends when the last byte is sent, because a connection keeps the bytes until then.
    #[must_use]
    pub fn attach(self, text: String) -> Bytes {
        Bytes::from_owner(Charged { text, _charge: self })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.lock().available += self.bytes;
    }
}

impl Drop for WaitingCharge {
    fn drop(&mut self) {
        self.charge.budget.lock().waiting -= self.waiting;
    }
}

struct Charged {
    text: String,
    _charge: Charge,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}
