//! A limit on the number of calls in a window of time.

use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

/// A limit, or none.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: Option<u64>,
    /// The length of a window in seconds.
    window: i64,
    /// The number of the window of the last call, and its calls.
    calls: Mutex<(i64, u64)>,
}

impl RateLimit {
    /// Creates a limit of calls in each window. `None` allows any number.
    pub(crate) const fn new(limit: Option<u64>, window: i64) -> Self {
        Self { limit, window, calls: Mutex::new((0, 0)) }
    }

    /// Counts a call. Returns false if it exceeds the limit.
    pub(crate) fn allows(&self, now: Timestamp) -> bool {
        let Some(limit) = self.limit else { return true };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let window = now.0.div_euclid(self.window);
        if calls.0 != window {
            *calls = (window, 0);
        }
        calls.1 += 1;
        calls.1 <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_applies_to_each_window() {
        let limit = RateLimit::new(Some(2), 60);
        let allowed: Vec<_> = [0, 30, 59, 60, 61, 62].map(|now| limit.allows(Timestamp(now))).into();
        assert_eq!(allowed, [true, true, false, true, true, false]);
        assert!(RateLimit::new(None, 60).allows(Timestamp(0)));
    }
}
