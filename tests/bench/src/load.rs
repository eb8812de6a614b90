//! Load of admission reviews over TLS, as the API server sends them: HTTP/1.1 on kept connections, one request in
//! flight on each.
//!
//! *Closed* loop: each connection sends its next request after the previous response, which measures the maximum
//! throughput. *Open* loop: request `i` is due at `i / rate`, and its latency counts from that time, so that a stall
//! shows in every delayed request.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

use crate::error::Error;

/// The server under load.
pub(crate) struct Target {
    /// The address.
    pub(crate) address: SocketAddr,
    /// The name in the server's certificate.
    pub(crate) name: &'static str,
    /// A configuration that trusts the certificate.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    /// The bodies, sent in rotation.
    pub(crate) reviews: Vec<Bytes>,
}

/// The pace of the requests.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each request follows the previous response.
    Closed,
    /// A fixed number of requests per second.
    Open(f64),
}

/// The result of a run.
pub(crate) struct Measurement {
    /// The number of responses.
    pub(crate) responses: usize,
    /// Responses per second.
    pub(crate) throughput: f64,
    /// The median latency, in microseconds.
    pub(crate) p50: f64,
    /// The 99th percentile of the latency, in microseconds.
    pub(crate) p99: f64,
    /// The number of denied pods.
    pub(crate) denied: usize,
    /// The response to the first denied pod.
    pub(crate) denial: Option<String>,
}

/// The observations of all connections.
#[derive(Default)]
struct Observations {
    latencies: Vec<Duration>,
    denied: usize,
    denial: Option<String>,
}

impl Target {
    /// Sends reviews for `time` over `connections`.
    ///
    /// # Errors
    /// Returns the first error, such as a response other than a 200.
    pub(crate) fn run(self, pace: Pace, connections: usize, time: Duration) -> Result<Measurement, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let observations: Rc<RefCell<Observations>> = Rc::default();
        let elapsed = LocalSet::new().block_on(&runtime, async {
            let target = Rc::new(self);
            let mut open = Vec::new();
            for _ in 0..connections {
                open.push(Connection::open(&target).await?);
            }
            let start = Instant::now() + Duration::from_millis(20);
            let due = Rc::new(Mutex::new(schedule(pace, start, time)));
            let tasks: Vec<_> = open
                .into_iter()
                .map(|connection| {
                    let worker = worker(target.clone(), connection, due.clone(), observations.clone());
                    tokio::task::spawn_local(worker)
                })
                .collect();
            for task in tasks {
                task.await??;
            }
            Ok::<_, Error>(start.elapsed())
        })?;
        let Observations { mut latencies, denied, denial } = observations.take();
        latencies.sort_unstable();
        if latencies.is_empty() {
            return Err("no response received".into());
        }
        let responses = latencies.len();
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let throughput = responses as f64 / elapsed.as_secs_f64();
        let (p50, p99) = (quantile(&latencies, 50), quantile(&latencies, 99));
        Ok(Measurement { responses, throughput, p50, p99, denied, denial })
    }
}

/// A kept connection to a server.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects to a server. Runs in a [`LocalSet`].
    ///
    /// # Errors
    /// Returns an error if there is no connection, or if the server's certificate is invalid.
    pub(crate) async fn open(target: &Target) -> Result<Self, Error> {
        let tcp = TcpStream::connect(target.address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(target.name)?;
        let tls = TlsConnector::from(target.tls.clone()).connect(name, tcp).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Self { sender, host: target.address.to_string() })
    }

    /// Sends a review and returns the response.
    ///
    /// # Errors
    /// Returns an error if the status is not 200.
    async fn send(&mut self, review: Bytes) -> Result<Bytes, Error> {
        let request = Request::post("/mutate")
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(review))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != 200 {
            return Err(format!("expected a 200, found {status}: {}", excerpt(&body)).into());
        }
        Ok(body)
    }

    /// Sends a review of a pod that must be admitted.
    ///
    /// # Errors
    /// Returns an error if it is denied.
    pub(crate) async fn admit(&mut self, review: Bytes) -> Result<(), Error> {
        let body = self.send(review).await?;
        if is_allowed(&body) {
            return Ok(());
        }
        Err(format!("expected no denial, found {}", excerpt(&body)).into())
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned()
}

fn is_allowed(body: &[u8]) -> bool {
    contains(body, br#""allowed":true"#)
}

/// The times at which requests are due. In the closed loop: at once, until the time is over.
enum Schedule {
    Closed { next: usize, end: Instant },
    Open(mpsc::UnboundedReceiver<(usize, Instant)>),
}

impl Schedule {
    async fn next(&mut self) -> Option<(usize, Instant)> {
        match self {
            Self::Closed { next, end } => {
                *next += 1;
                let now = Instant::now();
                (now < *end).then_some((*next - 1, now))
            }
            Self::Open(due) => due.recv().await,
        }
    }
}

fn schedule(pace: Pace, start: Instant, time: Duration) -> Schedule {
    let Pace::Open(rate) = pace else { return Schedule::Closed { next: 0, end: start + time } };
    let (sender, receiver) = mpsc::unbounded_channel();
    // A sleeping thread keeps the schedule to the nanosecond; the runtime's timers round to a millisecond.
    std::thread::spawn(move || {
        // Where this is not permitted, requests leave 50 microseconds late, for both servers alike.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        for i in 0_u32.. {
            let due = start + Duration::from_secs_f64(f64::from(i) / rate);
            if due > start + time {
                return;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if sender.send((i as usize, due)).is_err() {
                return;
            }
        }
    });
    Schedule::Open(receiver)
}

async fn worker(
    target: Rc<Target>,
    mut connection: Connection,
    due: Rc<Mutex<Schedule>>,
    observations: Rc<RefCell<Observations>>,
) -> Result<(), Error> {
    loop {
        let next = due.lock().await.next().await;
        let Some((i, due)) = next else { return Ok(()) };
        let review = target.reviews[i % target.reviews.len()].clone();
        let body = connection.send(review).await?;
        let mut observations = observations.borrow_mut();
        observations.latencies.push(due.elapsed());
        if !is_allowed(&body) {
            observations.denied += 1;
            observations.denial.get_or_insert_with(|| excerpt(&body));
        }
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).take(4096).any(|window| window == text)
}

/// Returns a percentile in microseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len());
    sorted[rank - 1].as_secs_f64() * 1e6
}
