//! The record of a run: calls by the second, rejected calls, and the waits for first tokens.

use std::time::Duration;

/// A call of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// AWS STS.
    AssumeRole,
    /// Google STS.
    Exchange,
    /// The IAM Credentials API.
    Impersonate,
}

impl Call {
    pub(crate) const ALL: [Self; 3] = [Self::AssumeRole, Self::Exchange, Self::Impersonate];
}

/// The record of a run.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// For each call, the number in each second.
    calls: [Vec<u32>; 3],
    /// For each call, the number that exceeded a quota, in each minute.
    rejected: [Vec<u32>; 3],
    /// The wait of each app for its first token, from the start of its sidecar.
    pub(crate) first_tokens: Vec<Duration>,
    /// The number of apps that got an error after their first token.
    pub(crate) interrupted: u32,
}

impl Record {
    pub(crate) fn new(duration: Duration) -> Self {
        let zeros = |length: u64| vec![0; usize::try_from(length).unwrap_or_default() + 1];
        let seconds = duration.as_secs();
        Self {
            calls: std::array::from_fn(|_| zeros(seconds)),
            rejected: std::array::from_fn(|_| zeros(seconds / 60)),
            first_tokens: Vec::new(),
            interrupted: 0,
        }
    }

    /// Counts a call at that time since the start.
    pub(crate) fn count(&mut self, call: Call, at: Duration, is_rejected: bool) {
        let second = usize::try_from(at.as_secs()).unwrap_or_default();
        if let Some(number) = self.calls[call as usize].get_mut(second) {
            *number += 1;
        }
        if let Some(number) = self.rejected[call as usize].get_mut(second / 60) {
            *number += u32::from(is_rejected);
        }
    }

    /// Returns the calls of each minute.
    pub(crate) fn per_minute(&self, call: Call) -> Vec<u32> {
        self.calls[call as usize].chunks(60).map(|seconds| seconds.iter().sum()).collect()
    }

    /// Returns the calls of each minute that exceeded the quota.
    pub(crate) fn rejected_per_minute(&self, call: Call) -> Vec<u32> {
        self.rejected[call as usize].clone()
    }

    /// Returns the number in the busiest second.
    pub(crate) fn peak_second(&self, call: Call) -> u32 {
        self.calls[call as usize].iter().copied().max().unwrap_or_default()
    }

    /// Returns the number in the busiest minute.
    pub(crate) fn peak_minute(&self, call: Call) -> u32 {
        self.per_minute(call).into_iter().max().unwrap_or_default()
    }

    /// Returns the number of calls that exceeded the quota.
    pub(crate) fn rejected(&self, call: Call) -> u64 {
        self.rejected[call as usize].iter().copied().map(u64::from).sum()
    }

    /// Returns the wait for the first token of the app at that fraction of all, sorted by their waits.
    pub(crate) fn first_token(&self, fraction: f64) -> Duration {
        let mut waits = self.first_tokens.clone();
        waits.sort_unstable();
        let last = waits.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let index = (last as f64 * fraction).round() as usize;
        waits.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_counts_by_second_and_minute() {
        let mut record = Record::new(Duration::from_mins(2));
        for (at, is_rejected) in [(0, false), (1, false), (1, true), (61, false), (999, false)] {
            record.count(Call::Exchange, Duration::from_secs(at), is_rejected);
        }
        assert_eq!(record.per_minute(Call::Exchange), [3, 1, 0]);
        assert_eq!((record.peak_second(Call::Exchange), record.peak_minute(Call::Exchange)), (2, 3));
        assert_eq!(record.rejected(Call::Exchange), 1);
        assert_eq!(record.peak_minute(Call::AssumeRole), 0);
    }

    #[test]
    fn first_token_is_a_quantile() {
        let mut record = Record::new(Duration::ZERO);
        assert_eq!(record.first_token(1.0), Duration::ZERO);
        record.first_tokens = [3, 1, 2].map(Duration::from_secs).into();
        assert_eq!([0.0, 0.5, 1.0].map(|fraction| record.first_token(fraction).as_secs()), [1, 2, 3]);
    }
}
