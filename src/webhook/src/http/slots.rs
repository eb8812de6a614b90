//! Accounting of a listener's connections: decides which one is closed when a new one finds no free slot.
//!
//! All API servers may share one address with a flood, because of NAT or a konnectivity proxy. So there is no limit per
//! address. The longest-idle connection of the address with the most connections is closed. A connection that is in use
//! is not idle for long, and a client that finds an idle one closed opens another. A TLS handshake or a request head
//! that has not finished counts as idle. A request in progress does not, but a slow one gives way if nothing is idle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Time after which a request no longer protects its connection while only the client delays it: its body has not
/// arrived or its response is not read. Both take milliseconds in a cluster. Without this limit, a flood of slow bodies
/// keeps every slot.
pub const STALL_GRACE: Duration = Duration::from_secs(1);

/// Time after which a review no longer protects its connection if every connection has one in progress. A review takes
/// milliseconds, unless it waits for a read from the API server. Without this limit, reviews that are made to wait for reads
/// keep every slot.
pub const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// Open connections of a listener. `T` is what closes a connection.
#[derive(Debug)]
pub struct Slots<T> {
    limit: usize,
    next: u64,
    connections: HashMap<ConnectionId, Connection<T>>,
}

/// Identifies a connection. An ID is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// Identifies a request of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(u64);

/// Result of opening a connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<T> {
    /// The new connection.
    pub id: ConnectionId,
    /// The connection that lost its slot to the new one, and must be closed.
    pub evicted: Option<T>,
}

#[derive(Debug)]
struct Connection<T> {
    address: IpAddr,
    closer: T,
    idle_since: Instant,
    requests: BTreeMap<RequestId, Request>,
}

#[derive(Debug)]
struct Request {
    since: Instant,
    progress: Progress,
}

/// Progress of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The client sends the body or reads the response.
    AwaitsClient,
    /// The webhook has the body and works on the response.
    Answering,
}

/// Order in which connections are closed: idle ones, then stalled ones, then those with slow reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Idle,
    Stalled,
    Slow,
}

impl<T> Slots<T> {
    /// Creates `limit` slots.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, next: 0, connections: HashMap::new() }
    }

    /// Opens a connection. If no slot is free, another connection loses its slot. Returns `None` if every connection has
    /// had a request in progress for a short time.
    pub fn open(&mut self, address: IpAddr, closer: T, now: Instant) -> Option<Opened<T>> {
        let mut evicted = None;
        if self.connections.len() >= self.limit {
            evicted = self.connections.remove(&self.victim(now)?).map(|connection| connection.closer);
        }
        let id = ConnectionId(self.next_id());
        let connection = Connection { address, closer, idle_since: now, requests: BTreeMap::new() };
        self.connections.insert(id, connection);
        Some(Opened { id, evicted })
    }

    /// Frees the slot of a connection, unless it has already lost it.
    pub fn close(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Records that a TLS handshake has finished: a request is about to follow.
    pub fn touch(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.idle_since = now;
        }
    }

    /// Begins a request: its head has arrived. Returns `None` if the connection has lost its slot.
    pub fn begin_request(&mut self, id: ConnectionId, now: Instant) -> Option<RequestId> {
        let request = RequestId(self.next_id());
        let connection = self.connections.get_mut(&id)?;
        connection.requests.insert(request, Request { since: now, progress: Progress::AwaitsClient });
        Some(request)
    }

    /// Records the progress of a request. The time in which the client delays it begins again.
    pub fn set_progress(&mut self, id: ConnectionId, request: RequestId, progress: Progress, now: Instant) {
        let connection = self.connections.get_mut(&id);
        if let Some(known) = connection.and_then(|connection| connection.requests.get_mut(&request)) {
            *known = Request { since: now, progress };
        }
    }

    /// Ends a request: its response is sent, or its connection or stream is closed.
    pub fn end_request(&mut self, id: ConnectionId, request: RequestId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.requests.remove(&request);
            connection.idle_since = now;
        }
    }

    /// Returns true if the client has delayed a request of the connection for longer than `limit`.
    #[must_use]
    pub fn is_stalled(&self, id: ConnectionId, limit: Duration, now: Instant) -> bool {
        let oldest = self.connections.get(&id).and_then(Connection::oldest_delay);
        oldest.is_some_and(|since| now.duration_since(since) > limit)
    }

    fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns the connection to close. This is a scan: for a thousand connections it takes microseconds, far less than
    /// a TLS handshake.
    fn victim(&self, now: Instant) -> Option<ConnectionId> {
        let mut per_address = HashMap::<IpAddr, u32>::new();
        for connection in self.connections.values() {
            *per_address.entry(connection.address).or_default() += 1;
        }
        let candidates = self.connections.iter().filter_map(|(id, connection)| {
            let (rank, since) = connection.evictable(now)?;
            Some((rank, Reverse(per_address.get(&connection.address)), since, *id))
        });
        candidates.min().map(|(.., id)| id)
    }
}

impl<T> Connection<T> {
    /// Returns the rank of the connection and the time since when it has it. Returns `None` if it must not be closed.
    fn evictable(&self, now: Instant) -> Option<(Rank, Instant)> {
        if self.requests.is_empty() {
            return Some((Rank::Idle, self.idle_since));
        }
        let (rank, since, grace) = match self.oldest(Progress::Answering) {
            Some(since) => (Rank::Slow, since, ANSWER_GRACE),
            None => (Rank::Stalled, self.oldest_delay()?, STALL_GRACE),
        };
        (now.duration_since(since) >= grace).then_some((rank, since))
    }

    fn oldest_delay(&self) -> Option<Instant> {
        self.oldest(Progress::AwaitsClient)
    }

    /// Returns the time since when the oldest request has this progress.
    fn oldest(&self, progress: Progress) -> Option<Instant> {
        let requests = self.requests.values().filter(|request| request.progress == progress);
        requests.map(|request| request.since).min()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rstest::rstest;

    use super::Progress::{Answering, AwaitsClient};
    use super::*;

    /// A step of a scenario, for the connection with this name.
    enum Step {
        Open(&'static str),
        Touch(&'static str),
        Begin(&'static str),
        Progress(&'static str, Progress),
        End(&'static str),
        Close(&'static str),
    }
    use Step::{Begin, Close, End, Open, Progress as Advance, Touch};

    /// Runs the steps with four slots, one step every 400 ms. The first letter of a name is the connection's address.
    /// Returns the evicted connections, and `-` for each connection that found no slot.
    fn run(steps: &[Step]) -> String {
        let mut slots = Slots::new(4);
        let (mut ids, mut requests) = (HashMap::new(), HashMap::new());
        let mut now = Instant::now();
        let mut evicted = Vec::new();
        for step in steps {
            now += Duration::from_millis(400);
            match *step {
                Open(name) => {
                    let address = Ipv4Addr::new(10, 0, 0, name.as_bytes()[0]).into();
                    match slots.open(address, name, now) {
                        Some(opened) => {
                            ids.insert(name, opened.id);
                            evicted.extend(opened.evicted);
                        }
                        None => evicted.push("-"),
                    }
                }
                Touch(name) => slots.touch(ids[name], now),
                Begin(name) => {
                    requests.insert(name, slots.begin_request(ids[name], now).unwrap());
                }
                Advance(name, progress) => slots.set_progress(ids[name], requests[name], progress, now),
                End(name) => slots.end_request(ids[name], requests[name], now),
                Close(name) => slots.close(ids[name]),
            }
        }
        evicted.join(" ")
    }

    #[rstest]
    #[case::free_slots(&[Open("a1"), Open("a2"), Open("a3"), Open("a4")], "")]
    #[case::freed_slot(&[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Close("a3"), Open("a5")], "")]
    #[case::longest_idle(&[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Open("a5"), Open("a6")], "a1 a2")]
    #[case::handshake_finished(&[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Touch("a1"), Open("a5")], "a2")]
    #[case::used_recently(
        &[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a1"), End("a1"), Open("a5"), Open("a6"), Open("a7")],
        "a2 a3 a4"
    )]
    #[case::address_with_most(&[Open("a1"), Open("b1"), Open("b2"), Open("c1"), Open("d1"), Open("d2")], "b1 a1")]
    #[case::new_connection_of_the_address_with_most(
        &[Open("a1"), Open("b1"), Open("b2"), Open("b3"), Open("b4"), Open("b5"), Open("b6")],
        "b1 b2 b3"
    )]
    #[case::request_in_progress(
        &[Open("a1"), Begin("a1"), Advance("a1", Answering), Open("a2"), Open("a3"), Open("a4"), Open("a5")],
        "a2"
    )]
    #[case::request_in_progress_of_the_address_with_most(
        &[Open("a1"), Open("a2"), Begin("a1"), Begin("a2"), Advance("a1", Answering), Advance("a2", Answering),
            Open("b1"), Open("c1"), Open("d1")],
        "b1"
    )]
    #[case::slow_reviews_keep_no_slot_for_long(
        &[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a1"), Begin("a2"), Begin("a3"), Begin("a4"),
            Advance("a2", Answering), Advance("a1", Answering), Advance("a3", Answering), Advance("a4", Answering),
            Open("a5")],
        "a2"
    )]
    #[case::body_on_its_way(
        &[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a4"), Open("a5"), Open("a6")],
        "a1 a2"
    )]
    #[case::slow_body_after_idle_ones(
        &[Open("a1"), Begin("a1"), Open("a2"), Open("a3"), Open("a4"), Open("a5")],
        "a2"
    )]
    #[case::slow_bodies_keep_no_slot_for_long(
        &[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a4"), Begin("a3"), Begin("a2"), Begin("a1"),
            Open("a5")],
        "a4"
    )]
    #[case::slow_body_and_another_request_in_progress(
        &[Open("a1"), Begin("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a1"), Advance("a1", Answering),
            Begin("a2"), Begin("a3"), Begin("a4"), Open("a5")],
        "a2"
    )]
    #[case::response_that_is_not_read(
        &[Open("a1"), Open("a2"), Open("a3"), Open("a4"), Begin("a1"), Advance("a1", Answering),
            Advance("a1", AwaitsClient), Begin("a2"), Begin("a3"), Begin("a4"), Open("a5")],
        "a1"
    )]
    fn full_slots_evict(#[case] steps: &[Step], #[case] expected: &str) {
        assert_eq!(run(steps), expected);
    }

    #[test]
    fn review_in_progress_loses_its_connection_only_if_it_is_slow() {
        let start = Instant::now();
        let address = Ipv4Addr::LOCALHOST.into();
        let mut slots = Slots::new(2);
        for name in ["first", "second"] {
            let id = slots.open(address, name, start).unwrap().id;
            let request = slots.begin_request(id, start).unwrap();
            slots.set_progress(id, request, Answering, start);
        }
        let almost = start + ANSWER_GRACE - Duration::from_millis(1);
        assert_eq!(slots.open(address, "third", almost), None);
        assert_eq!(slots.open(address, "third", start + ANSWER_GRACE).unwrap().evicted, Some("first"));
    }

    #[test]
    fn evicted_connection_is_ignored_afterwards() {
        let now = Instant::now();
        let address = Ipv4Addr::LOCALHOST.into();
        let mut slots = Slots::new(1);
        let first = slots.open(address, 1, now).unwrap().id;
        let second = slots.open(address, 2, now).unwrap();
        assert_eq!(second.evicted, Some(1));
        assert_eq!(slots.begin_request(first, now), None);
        slots.close(first);
        assert_eq!(slots.open(address, 3, now).unwrap().evicted, Some(2));
    }

    #[test]
    fn is_stalled_measures_only_what_the_client_delays() {
        let (start, limit) = (Instant::now(), Duration::from_secs(30));
        let late = start + limit + Duration::from_secs(1);
        let mut slots = Slots::new(1);
        let id = slots.open(Ipv4Addr::LOCALHOST.into(), (), start).unwrap().id;
        assert!(!slots.is_stalled(id, limit, late), "idle");
        let request = slots.begin_request(id, start).unwrap();
        assert!(!slots.is_stalled(id, limit, start + limit));
        assert!(slots.is_stalled(id, limit, late), "the body");
        slots.set_progress(id, request, Answering, start);
        assert!(!slots.is_stalled(id, limit, late), "the webhook's own work");
        slots.set_progress(id, request, AwaitsClient, start);
        assert!(slots.is_stalled(id, limit, late), "the response");
        slots.end_request(id, request, late);
        assert!(!slots.is_stalled(id, limit, late));
    }
}
