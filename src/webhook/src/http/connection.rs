//! Serves one connection: TLS, HTTP/1.1 or HTTP/2, limits of time and memory, and a shutdown that loses no request.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use axum::routing::future::RouteFuture;
use futures::FutureExt;
use futures::future::{BoxFuture, Either};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use tracing::debug;

use crate::http::drain::{Drain, Phase};
use crate::metrics::Metrics;

/// Deadline for the TLS handshake, and again for the head of the first request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle timeout between requests. Longer than kube-apiserver's 90 seconds, so that the client closes the connection: a
/// POST that crosses with a close by the server is not retried.
const IDLE_TIMEOUT: Duration = Duration::from_secs(150);
/// HTTP/2: maximum concurrent requests on one connection.
const MAX_STREAMS: u32 = 128;
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
/// Maximum size of a request head. kube-apiserver sends about 300 bytes.
const MAX_HEAD: u32 = 16 << 10;

/// State shared by all connections of a listener.
pub struct Connections {
    builder: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    router: Router,
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
    /// Creates the state. Without `tls`, connections are plain HTTP.
    #[must_use]
    pub fn new(tls: Option<TlsAcceptor>, router: Router, metrics: Arc<Metrics>, drain: Arc<Drain>) -> Self {
        Self { builder: builder(), tls, router, metrics, drain }
    }

    /// Serves one connection until it is closed.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Some(tls) = &self.tls else { return self.http(stream).await };
        match timeout(HANDSHAKE_TIMEOUT, tls.accept(BufReader::with_capacity(READ_BUFFER, stream))).await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => self.log_handshake_error(&error),
            Err(_) => self.log_handshake_error(&"timed out"),
        }
    }

    fn log_handshake_error(&self, error: &dyn Display) {
        self.metrics.record_handshake_error();
        debug!(%error, "TLS handshake failed");
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = Requests { connections: self, started: &AtomicBool::new(false) };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut closing = pin!(self.drain.closing());
        let mut first_request_deadline = pin!(sleep(HANDSHAKE_TIMEOUT));
        let (mut awaiting_request, mut open) = (true, true);
        loop {
            tokio::select! {
                biased;
                result = &mut connection => {
                    if let Err(error) = result {
                        debug!(error, "connection failed");
                    }
                    return;
                }
                () = &mut first_request_deadline, if awaiting_request => {
                    if !service.started.load(Ordering::Relaxed) {
                        return;
                    }
                    awaiting_request = false;
                }
                () = &mut closing, if open => {
                    connection.as_mut().graceful_shutdown();
                    open = false;
                }
            }
        }
    }
}

/// The requests of one connection.
#[derive(Clone, Copy)]
struct Requests<'a> {
    connections: &'a Connections,
    started: &'a AtomicBool,
}

type RouterFuture = RouteFuture<Infallible>;

impl hyper::service::Service<Request<Incoming>> for Requests<'_> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<RouterFuture, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.started.store(true, Ordering::Relaxed);
        let last = request.version() < Version::HTTP_2 && self.connections.drain.phase() != Phase::Serving;
        let response = self.connections.router.clone().call(request);
        if last { Either::Right(response.map(with_connection_close).boxed()) } else { Either::Left(response) }
    }
}

fn with_connection_close(response: Result<Response<Body>, Infallible>) -> Result<Response<Body>, Infallible> {
    response.map(|mut response| {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    })
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(MAX_HEAD);
    builder
}
