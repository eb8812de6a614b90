//! Memory of all reviews in progress: their bodies, and their responses until the last byte is sent.
//!
//! Work between the two, such as a patch that is being built, needs no charge. It waits for nothing, so that there is at
//! most one for each thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Size up to which a review is small. Most pods have 4 to 30 KiB.
const SMALL_BYTES: usize = 64 << 10;
/// Share of the budget that only small reviews may use, so that a few large bodies that are slow do not reject all others.
const SMALL_SHARE: usize = 4;

/// Memory that all reviews may use together.
#[derive(Debug, Clone)]
pub struct Budget {
    available: Arc<AtomicUsize>,
    /// Bytes that only small reviews may use.
    reserve: usize,
}

/// The budget is exhausted.
#[derive(Debug)]
pub struct Exhausted;

/// Bytes charged to a budget, returned on drop.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Creates a budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { available: Arc::new(AtomicUsize::new(bytes)), reserve: bytes / SMALL_SHARE }
    }

    /// Returns the unused bytes.
    #[must_use]
    pub fn available(&self) -> usize {
        self.available.load(Ordering::Relaxed)
    }

    /// Returns a charge of no bytes.
    #[must_use]
    pub fn charge(&self) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }
}

impl Charge {
    /// Charges this many bytes in total.
    ///
    /// # Errors
    ///
    /// Returns an error if the budget is exhausted. The charge is then unchanged.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let available = &self.budget.available;
        if let Some(more) = bytes.checked_sub(self.bytes) {
            let reserve = if bytes > SMALL_BYTES { self.budget.reserve } else { 0 };
            let take =
                |available: usize| available.checked_sub(more).filter(|rest| more == 0 || *rest >= reserve);
            available.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map_err(|_| Exhausted)?;
        } else {
            available.fetch_add(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Attaches the charge to a text. It ends when the last byte is sent, because a connection keeps the bytes until then.
    #[must_use]
    pub fn attach(self, text: String) -> Bytes {
        Bytes::from_owner(Charged { text, _charge: self })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.available.fetch_add(self.bytes, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charge_grows_shrinks_and_is_returned() {
        let budget = Budget::new(100);
        let mut charge = budget.charge();
        charge.resize(60).unwrap();
        charge.resize(70).unwrap();
        assert_eq!(budget.available(), 30);
        assert!(budget.charge().resize(31).is_err());
        assert!(charge.resize(101).is_err());
        assert_eq!(budget.available(), 30, "unchanged");
        charge.resize(10).unwrap();
        assert_eq!(budget.available(), 90);
        drop(charge);
        assert_eq!(budget.available(), 100);
    }

    #[test]
    fn large_reviews_leave_a_share_for_small_ones() {
        let budget = Budget::new(16 * SMALL_BYTES);
        let mut large = budget.charge();
        large.resize(12 * SMALL_BYTES).unwrap();
        assert!(budget.charge().resize(SMALL_BYTES + 1).is_err());
        assert!(large.resize(12 * SMALL_BYTES + 1).is_err());
        let mut small: Vec<_> = (0..4).map(|_| budget.charge()).collect();
        for charge in &mut small {
            charge.resize(SMALL_BYTES).unwrap();
        }
        large.resize(12 * SMALL_BYTES).unwrap();
        assert!(budget.charge().resize(1).is_err());
    }

    #[test]
    fn attached_charge_lasts_until_the_last_byte() {
        let budget = Budget::new(100);
        let mut charge = budget.charge();
        charge.resize(5).unwrap();
        let mut bytes = charge.attach("hello".to_owned());
        let first = bytes.split_to(2);
        drop(bytes);
        assert_eq!((&*first, budget.available()), (&b"he"[..], 95));
        drop(first);
        assert_eq!(budget.available(), 100);
    }
}
