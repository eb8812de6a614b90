//! Serves one connection: TLS, HTTP/1.1 or HTTP/2, limits of time and memory, and a shutdown that loses no request.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::io::InspectReader;
use tower_service::Service;
use tracing::debug;

use crate::http::drain::{Drain, Phase};
use crate::http::slot_pool::Slot;
use crate::http::tracked_body::{RequestBody, ResponseBody};
use crate::metrics::{Metrics, Port};

/// Deadline for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Deadline for the head of the first request, from its first byte. Also the interval of the checks before that request, so a
/// divisor of [`IDLE_TIMEOUT`].
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle timeout between requests, and before the first byte: kube-apiserver opens connections that another request does not need
/// any more, and keeps them. Longer than its 90 seconds, so that the client closes the connection: a POST that crosses with a
/// close by the server is not retried.
const IDLE_TIMEOUT: Duration = Duration::from_secs(150);
/// HTTP/2: maximum concurrent requests on one connection. Clients open another connection for more.
const MAX_STREAMS: u32 = 32;
/// HTTP/2: flow-control window of a request body.
const STREAM_WINDOW: u32 = 256 << 10;
/// HTTP/2: flow-control window of a connection.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// HTTP/2: interval of keep-alive pings to an idle peer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// HTTP/2: deadline for the response to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Size of a read below TLS. rustls itself reads 4 KiB, which needs sixteen system calls for a large pod.
const READ_BUFFER: usize = 32 << 10;
/// HTTP/2: maximum size of a request head, counted with 32 bytes for each header. kube-apiserver sends about 300 bytes,
/// with a bearer token up to 4 KiB. h2 bounds a head in any number of frames by it, and hyper bounds HTTP/1.1 heads to
/// 100 headers.
const MAX_HEADER_LIST: u32 = 8 << 10;
/// HTTP/1.1: maximum size of a request head, which is also the read buffer's. hyper's default is 408 KiB.
const MAX_READ_BUFFER: usize = 16 << 10;
/// Time that a client may delay a request, by not sending the body or not reading the response. kube-apiserver waits at
/// most 30 seconds for a response.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval of the checks for stalled requests.
const STALL_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Time in which an evicted connection that has served requests ends by itself, and interval of the checks while it has a
/// request in progress. HTTP/2 announces the end, so that a request that crosses with it is sent again.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time in which the requests of an evicted connection end. kube-apiserver waits for a review as long by default.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);
/// Maximum number of connections that end in this way, because they have no slots. Others are closed at once.
const MAX_LEAVING: usize = 64;
/// Deadline of a connection to the health port. It serves one request, and the kubelet waits for a second.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// State shared by all connections of a listener.
pub struct Connections {
    builder: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    router: Router,
    port: Port,
    /// Deadline of a connection, whatever it does.
    deadline: Option<Duration>,
    leaving: Semaphore,
    metrics: Arc<Metrics>,
    pub(crate) drain: Arc<Drain>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("router", &self.router)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

impl Connections {
    /// Creates the state for admission reviews. Without `tls`, connections are plain HTTP.
    #[must_use]
    pub fn new(tls: Option<TlsAcceptor>, router: Router, metrics: Arc<Metrics>, drain: Arc<Drain>) -> Self {
        let (builder, port, leaving) = (builder(), Port::Reviews, Semaphore::new(MAX_LEAVING));
        Self { builder, tls, router, port, deadline: None, leaving, metrics, drain }
    }

    /// Creates the state for the health port: plain HTTP/1.1, and one request for each connection. It is not drained,
    /// because probes must work until the process exits.
    #[must_use]
    pub fn for_health(router: Router, metrics: Arc<Metrics>) -> Self {
        let mut builder = builder().http1_only();
        builder.http1().keep_alive(false);
        let (port, deadline) = (Port::Health, Some(HEALTH_TIMEOUT));
        Self { builder, port, deadline, ..Self::new(None, router, metrics, Arc::default()) }
    }

    /// Counts a connection that took the slot of another one.
    pub(super) fn record_eviction(&self) {
        self.metrics.record_evicted_connection(self.port);
    }

    /// Serves one connection until it is closed.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, slot: Slot) {
        let served = self.handshake(stream, &slot);
        match self.deadline {
            // At the deadline, the connection is closed.
            Some(deadline) => timeout(deadline, served).await.unwrap_or_default(),
            None => served.await,
        }
    }

    async fn handshake(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, slot: &Slot) {
        let Some(tls) = &self.tls else { return self.http(stream, slot).await };
        let accept = timeout(HANDSHAKE_TIMEOUT, tls.accept(BufReader::with_capacity(READ_BUFFER, stream)));
        let accepted = tokio::select! {
            accepted = accept => accepted,
            () = slot.evicted() => return,
        };
        match accepted {
            Ok(Ok(stream)) => {
                slot.touch();
                self.http(stream, slot).await;
            }
            Ok(Err(error)) => self.log_handshake_error(&error),
            Err(_) => self.log_handshake_error(&"timed out"),
        }
    }

    fn log_handshake_error(&self, error: &dyn Display) {
        self.metrics.record_handshake_error();
        debug!(%error, "TLS handshake failed");
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, slot: &Slot) {
        let service = Requests { connections: self, slot };
        let (opened, first_byte) = (Instant::now(), Arc::new(OnceLock::new()));
        let received = Arc::clone(&first_byte);
        let stream = InspectReader::new(stream, move |_: &[u8]| {
            received.get_or_init(Instant::now);
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut closing = pin!(self.drain.closing());
        let mut deadline = pin!(sleep(HEAD_TIMEOUT));
        let (mut leaving, mut open) = (None::<(SemaphorePermit<'_>, Instant)>, true);
        loop {
            tokio::select! {
                biased;
                result = &mut connection => {
                    if let Err(error) = result {
                        debug!(error, "connection failed");
                    }
                    return;
                }
                () = &mut deadline => {
                    let (ends, next) = if let Some((_, since)) = &leaving {
                        (!slot.is_busy() || since.elapsed() >= LEAVE_DEADLINE, LEAVE_TIMEOUT)
                    } else if slot.has_served() {
                        (slot.is_stalled(STALL_TIMEOUT), STALL_CHECK_INTERVAL)
                    } else {
                        let is_slow = first_byte.get().is_some_and(|since| since.elapsed() >= HEAD_TIMEOUT);
                        (is_slow || opened.elapsed() >= IDLE_TIMEOUT, HEAD_TIMEOUT)
                    };
                    if ends {
                        return;
                    }
                    reset(deadline.as_mut(), next);
                }
                () = slot.evicted(), if leaving.is_none() => {
                    let permit = self.leaving.try_acquire().ok().filter(|_| slot.has_served());
                    let Some(permit) = permit else { return };
                    leaving = Some((permit, Instant::now()));
                    connection.as_mut().graceful_shutdown();
                    reset(deadline.as_mut(), LEAVE_TIMEOUT);
                }
                () = &mut closing, if open => {
                    connection.as_mut().graceful_shutdown();
                    open = false;
                }
            }
        }
    }
}

fn reset(deadline: Pin<&mut Sleep>, delay: Duration) {
    deadline.reset(Instant::now() + delay);
}

/// The requests of one connection.
#[derive(Clone, Copy)]
struct Requests<'a> {
    connections: &'a Connections,
    slot: &'a Slot,
}

impl hyper::service::Service<Request<Incoming>> for Requests<'_> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<ResponseBody>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let progress = Arc::new(self.slot.begin_request());
        let last = request.version() < Version::HTTP_2 && self.connections.drain.phase() != Phase::Serving;
        let request = request.map(|body| RequestBody::new(body, Arc::clone(&progress)));
        let (mut router, metrics) = (self.connections.router.clone(), Arc::clone(&self.connections.metrics));
        async move {
            let response = AssertUnwindSafe(async move { router.call(request).await }).catch_unwind().await;
            let mut response = response.unwrap_or_else(|_| Ok(panic_response(&metrics)))?;
            if last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| ResponseBody::new(body, progress)))
        }
        .boxed()
    }
}

/// Returns the response to a request with a handler that panicked. The API server receives it as a failure of this call alone;
/// the panic itself is logged where it occurs.
fn panic_response(metrics: &Metrics) -> Response<Body> {
    metrics.record_rejected_request(StatusCode::INTERNAL_SERVER_ERROR);
    (StatusCode::INTERNAL_SERVER_ERROR, "internal error: the webhook's log has the reason\n").into_response()
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(MAX_READ_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(MAX_HEADER_LIST);
    builder
}
