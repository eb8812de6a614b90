//! Turns of live reads: who may read an object from the API server, and when.
//!
//! Each purpose of a read has a rate of its own, so reads that only improve an answer never take the turn of a read that
//! a pod needs. Within a purpose, the namespaces that wait take turns: a tenant with thousands of new service accounts
//! delays its own pods only.
//!
//! The number of reads in flight is limited too. A read of a large object takes memory, and a slow API server must not get
//! more and more of them.
//!
//! The current time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::rate_limit::TokenBucket;

/// Maximum number of reads in flight. At 5 ms each, that is 6,400 reads a second. The module `bounded_body` limits
/// their memory: 2 MiB for ordinary objects, and 8 MiB for two large ones.
pub const MAX_IN_FLIGHT: usize = 32;

/// Maximum number of reads in flight at which a read may start that no pod needs.
const MAX_IN_FLIGHT_WHEN_OPTIONAL: usize = MAX_IN_FLIGHT / 2;

/// Maximum number of reads of one purpose that wait for a turn. Each is a few hundred bytes.
pub const MAX_WAITING: usize = 4096;

/// Number of times that the rate of optional reads is smaller: together they add a fifth to the API server's load.
const OPTIONAL_FRACTION: u32 = 10;

/// Purpose of a read, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A pod needs an object that the watch has not delivered. Without a turn, the pod is denied.
    Unseen,
    /// A denial or skip of a pod is based on a cached object. Without a turn, the cached object is used.
    Confirmation,
    /// A workload gets advice about its pods. Without a turn, the advice is based on cached objects, or left out.
    Advice,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Unseen, Self::Confirmation, Self::Advice];

    /// Returns the longest wait for a turn. A pod that has a decision already waits only briefly for a better one, and a
    /// user's command does not wait for advice.
    #[must_use]
    pub fn max_wait(self, read_timeout: Duration) -> Duration {
        match self {
            Self::Unseen => read_timeout / 2,
            Self::Confirmation => read_timeout / 8,
            Self::Advice => Duration::ZERO,
        }
    }

    /// Returns the share of a rate or a burst that this purpose has.
    fn share(self, amount: u32) -> u32 {
        match self {
            Self::Unseen => amount,
            Self::Confirmation | Self::Advice => (amount / OPTIONAL_FRACTION).max(1),
        }
    }
}

/// Rate limit of the reads that pods need. Optional reads have a tenth of it in addition, for each of their two purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Sustained rate of reads a second.
    pub rate: u32,
    /// Number of reads in a burst.
    pub burst: u32,
}

impl ReadLimits {
    /// Default limits.
    ///
    /// A pod needs at most one read for its service account, and only in the second in which the account is new. The API
    /// server has just written that pod to etcd, which costs it more than a read by key. Its priority and fairness protects
    /// it from many clients; a client-side limit that is lower than the cluster's rate of new pods only denies good pods.
    /// So this is the rate of pod creations that a large cluster sustains, with as much again for a burst.
    pub const DEFAULT: Self = Self { rate: 500, burst: 1000 };
}

/// Answer to a request for a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<T> {
    /// The read may start now.
    Granted(T),
    /// The read waits.
    Waiting,
    /// Too many reads wait.
    Refused,
}

/// Next step of the caller that starts waiting reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// This read may start now.
    Granted(T),
    /// A read may start at this time, unless another request comes first.
    At(Instant),
    /// A read may start after another one has finished.
    AfterRelease,
    /// No read waits.
    Idle,
}

/// Turns of all purposes. `T` is a waiting read.
#[derive(Debug)]
pub struct Turns<T> {
    queues: [FairQueue<T>; 3],
    in_flight: usize,
}

impl<T> Turns<T> {
    /// Creates turns with these limits. `read_timeout` is the deadline of a read, including the wait for its turn.
    #[must_use]
    pub fn new(limits: ReadLimits, read_timeout: Duration, now: Instant) -> Self {
        let queue = |purpose: Purpose| {
            FairQueue::new(
                purpose.share(limits.rate),
                purpose.share(limits.burst),
                purpose.max_wait(read_timeout),
                now,
            )
        };
        Self { queues: Purpose::ALL.map(queue), in_flight: 0 }
    }

    /// Requests a turn for a namespace. `is_abandoned` returns true for a read that no review waits for any more.
    pub fn request(
        &mut self,
        purpose: Purpose,
        namespace: &str,
        read: T,
        now: Instant,
        is_abandoned: impl Fn(&T) -> bool,
    ) -> Request<T> {
        let may_start = self.may_start(purpose);
        let queue = &mut self.queues[purpose as usize];
        if may_start && queue.try_take(now) {
            self.in_flight += 1;
            return Request::Granted(read);
        }
        if queue.push(namespace, read, is_abandoned) { Request::Waiting } else { Request::Refused }
    }

    /// Returns the waiting read that has the next turn, or the time to ask again.
    pub fn next(&mut self, now: Instant, is_abandoned: impl Fn(&T) -> bool) -> Next<T> {
        let mut due: Option<Instant> = None;
        let mut waits = false;
        for purpose in Purpose::ALL {
            let may_start = self.may_start(purpose);
            let queue = &mut self.queues[purpose as usize];
            if !queue.has_next(&is_abandoned) {
                continue;
            }
            waits = true;
            if may_start {
                if queue.bucket.try_acquire(now, Duration::ZERO).is_some()
                    && let Some(read) = queue.pop()
                {
                    self.in_flight += 1;
                    return Next::Granted(read);
                }
                let queue_due = now + queue.bucket.wait(now);
                due = Some(due.map_or(queue_due, |due| due.min(queue_due)));
            }
        }
        match (due, waits) {
            (Some(due), _) => Next::At(due),
            (None, true) => Next::AfterRelease,
            (None, false) => Next::Idle,
        }
    }

    /// Ends a read that was granted.
    pub fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn may_start(&self, purpose: Purpose) -> bool {
        let max = if purpose == Purpose::Unseen { MAX_IN_FLIGHT } else { MAX_IN_FLIGHT_WHEN_OPTIONAL };
        self.in_flight < max
    }
}

/// Queue in which the namespaces take turns, with a rate limit.
#[derive(Debug)]
struct FairQueue<T> {
    bucket: TokenBucket,
    /// Waiting reads of each namespace, the oldest first.
    waiting: HashMap<Box<str>, VecDeque<T>>,
    /// The namespaces with waiting reads, in the order of their turns.
    order: VecDeque<Box<str>>,
    len: usize,
    /// Maximum number of waiting reads of one namespace. The last of more would not get its turn in time, even if no other
    /// namespace waited.
    max_per_namespace: usize,
}

impl<T> FairQueue<T> {
    fn new(rate: u32, burst: u32, max_wait: Duration, now: Instant) -> Self {
        let max_per_namespace = u128::from(rate) * max_wait.as_millis() / 1000;
        Self {
            bucket: TokenBucket::new(rate, burst, now),
            waiting: HashMap::new(),
            order: VecDeque::new(),
            len: 0,
            max_per_namespace: usize::try_from(max_per_namespace).unwrap_or(MAX_WAITING).min(MAX_WAITING),
        }
    }

    const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a turn without waiting.
    fn try_take(&mut self, now: Instant) -> bool {
        self.is_empty() && self.bucket.try_acquire(now, Duration::ZERO).is_some()
    }

    /// Adds a read at the end of its namespace's queue. Returns false if there are too many. If all namespaces together
    /// have too many, the one with the most loses its youngest.
    fn push(&mut self, namespace: &str, read: T, is_abandoned: impl Fn(&T) -> bool) -> bool {
        let Some(queue) = self.waiting.get_mut(namespace) else {
            if self.max_per_namespace == 0 || self.len >= MAX_WAITING && !self.drop_youngest_of_longest(0) {
                return false;
            }
            self.order.push_back(namespace.into());
            self.waiting.insert(namespace.into(), VecDeque::from([read]));
            self.len += 1;
            return true;
        };
        self.len -= drop_abandoned(queue, is_abandoned);
        let own = queue.len();
        if own >= self.max_per_namespace || self.len >= MAX_WAITING && !self.drop_youngest_of_longest(own) {
            return false;
        }
        self.waiting.entry(namespace.into()).or_default().push_back(read);
        self.len += 1;
        true
    }

    /// Drops abandoned reads until the next one is not. Returns false if no read is left.
    fn has_next(&mut self, is_abandoned: impl Fn(&T) -> bool) -> bool {
        while let Some(namespace) = self.order.front() {
            if let Some(queue) = self.waiting.get_mut(namespace) {
                self.len -= drop_abandoned(queue, &is_abandoned);
                if !queue.is_empty() {
                    return true;
                }
                self.waiting.remove(namespace);
            }
            self.order.pop_front();
        }
        false
    }

    /// Removes the oldest read of the namespace that has the next turn.
    fn pop(&mut self) -> Option<T> {
        let namespace = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&namespace)?;
        let read = queue.pop_front()?;
        self.len -= 1;
        if queue.is_empty() {
            self.waiting.remove(&namespace);
        } else {
            self.order.push_back(namespace);
        }
        Some(read)
    }

    /// Drops the youngest read of the namespace with the most, unless that has no more than one with `own` reads would get.
    fn drop_youngest_of_longest(&mut self, own: usize) -> bool {
        let longest = self.waiting.values_mut().max_by_key(|queue| queue.len());
        let Some(queue) = longest.filter(|queue| queue.len() > own + 1) else { return false };
        queue.pop_back();
        self.len -= 1;
        true
    }
}

/// Drops the oldest reads that no review waits for, and returns their number. Most reviews wait equally long, so the oldest
/// are abandoned first.
fn drop_abandoned<T>(queue: &mut VecDeque<T>, is_abandoned: impl Fn(&T) -> bool) -> usize {
    let abandoned = queue.iter().take_while(|read| is_abandoned(read)).count();
    queue.drain(..abandoned);
    abandoned
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn turns(rate: u32, burst: u32, now: Instant) -> Turns<u32> {
        Turns::new(ReadLimits { rate, burst }, TIMEOUT, now)
    }

    fn request(
        turns: &mut Turns<u32>,
        purpose: Purpose,
        namespace: &str,
        read: u32,
        now: Instant,
    ) -> Request<u32> {
        turns.request(purpose, namespace, read, now, |_| false)
    }

    /// Grants and finishes all reads that are due until `end`.
    fn drain(turns: &mut Turns<u32>, mut now: Instant, end: Instant) -> Vec<u32> {
        let mut granted = Vec::new();
        loop {
            match turns.next(now, |_| false) {
                Next::Granted(read) => {
                    granted.push(read);
                    turns.release();
                }
                Next::At(due) if due <= end => now = due,
                _ => return granted,
            }
        }
    }

    #[test]
    fn burst_starts_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut turns = turns(10, 3, start);
        let requests: Vec<_> =
            (0..15).map(|n| request(&mut turns, Purpose::Unseen, "shop", n, start)).collect();
        assert_eq!(requests[..3], [0, 1, 2].map(Request::Granted));
        assert!(requests[3..13].iter().all(|request| *request == Request::Waiting), "{requests:?}");
        // Ten more have a turn within the second that a pod waits.
        assert_eq!(requests[13..], [Request::Refused, Request::Refused]);
        (0..3).for_each(|_| turns.release());
        assert_eq!(drain(&mut turns, start, start + Duration::from_millis(500)), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn waiting_namespaces_take_turns() {
        let start = Instant::now();
        let mut turns = turns(100, 1, start);
        for read in 0..50 {
            request(&mut turns, Purpose::Unseen, "flood", read, start);
        }
        for (read, namespace) in [(100, "shop"), (101, "bank"), (102, "shop")] {
            assert_eq!(request(&mut turns, Purpose::Unseen, namespace, read, start), Request::Waiting);
        }
        turns.release();
        let granted = drain(&mut turns, start, start + Duration::from_millis(70));
        assert_eq!(granted, [1, 100, 101, 2, 102, 3, 4]);
    }

    #[rstest]
    #[case::confirmation(Purpose::Confirmation)]
    #[case::advice(Purpose::Advice)]
    fn optional_reads_have_a_tenth_and_take_no_turn_of_a_pod(#[case] optional: Purpose) {
        let start = Instant::now();
        let mut turns = turns(100, 50, start);
        let granted = |turns: &mut Turns<u32>, purpose, read| {
            let request = request(turns, purpose, "shop", read, start);
            if matches!(request, Request::Granted(_)) {
                turns.release();
            }
            matches!(request, Request::Granted(_))
        };
        assert_eq!((0..100).filter(|read| granted(&mut turns, optional, *read)).count(), 5);
        assert_eq!((0..50).filter(|read| granted(&mut turns, Purpose::Unseen, *read)).count(), 50);
    }

    #[test]
    fn reads_in_flight_are_limited_and_leave_room_for_pods() {
        let start = Instant::now();
        let mut turns = turns(10_000, 10_000, start);
        let mut granted = |purpose: Purpose| {
            let requests = (0..100).map(|n| request(&mut turns, purpose, "shop", n, start));
            requests.filter(|request| matches!(request, Request::Granted(_))).count()
        };
        assert_eq!(granted(Purpose::Advice), MAX_IN_FLIGHT / 2);
        assert_eq!(granted(Purpose::Unseen), MAX_IN_FLIGHT / 2);
        assert_eq!(turns.next(start, |_| false), Next::AfterRelease);
        turns.release();
        assert_eq!(turns.next(start, |_| false), Next::Granted(u32::try_from(MAX_IN_FLIGHT / 2).unwrap()));
    }

    #[test]
    fn waiting_reads_are_bounded_and_the_longest_queue_gives_way() {
        let start = Instant::now();
        let mut turns = turns(u32::try_from(MAX_WAITING).unwrap() * 2, 1, start);
        let waits = |turns: &mut Turns<u32>, namespace: &str| {
            request(turns, Purpose::Unseen, namespace, 0, start) == Request::Waiting
        };
        let flood = (0..2 * MAX_WAITING).filter(|_| waits(&mut turns, "flood")).count();
        assert_eq!(flood, MAX_WAITING);
        assert!(waits(&mut turns, "shop"));
        assert!(!waits(&mut turns, "flood"));
        let others = (0..2 * MAX_WAITING).filter(|n| waits(&mut turns, &format!("team-{n}"))).count();
        assert_eq!(others, MAX_WAITING - 2, "the flood has one left, and the shop its own");
        assert_eq!(turns.queues[0].len, MAX_WAITING);
        assert_eq!(turns.queues[0].waiting.values().map(VecDeque::len).sum::<usize>(), MAX_WAITING);
        assert_eq!(turns.queues[0].order.len(), turns.queues[0].waiting.len());
    }

    #[test]
    fn abandoned_reads_get_no_turn_and_make_room() {
        let start = Instant::now();
        let mut turns = turns(10, 1, start);
        let is_abandoned = |read: &u32| *read < 11;
        for read in 0..20 {
            turns.request(Purpose::Unseen, "shop", read, start, |_| false);
        }
        assert_eq!(turns.request(Purpose::Unseen, "shop", 20, start, is_abandoned), Request::Waiting);
        let later = start + Duration::from_secs(1);
        assert_eq!(turns.next(later, is_abandoned), Next::Granted(20));
        assert_eq!(turns.next(later, is_abandoned), Next::Idle);
        assert_eq!(turns.queues[0].len, 0);
    }
}
