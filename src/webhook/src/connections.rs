//! One connection: TLS, HTTP/1.1 or 2, bounds of time and memory, and an end that loses no request.

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

use crate::drain::{Drain, Phase};
use crate::metrics::Metrics;

/// How long a client may take for its TLS handshake, and again until its first request's head is there.
const START: Duration = Duration::from_secs(5);
/// How long a connection may rest between requests. Longer than kube-apiserver's own 90 seconds, so that it is the
/// client who closes: a POST that crosses with a close is not tried again.
const REST: Duration = Duration::from_secs(150);
/// HTTP/2: requests at a time on one connection, and how much of their bodies is under way.
const STREAMS: u32 = 128;
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// HTTP/2: how often a silent peer is asked whether it is still there, and how long it has to answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);
/// How much is read at a time under TLS. rustls itself asks for 4 KiB, which makes sixteen system calls of a large pod.
const READ: usize = 32 << 10;
/// Heads are small: kube-apiserver's is some 300 bytes.
const HEAD: u32 = 16 << 10;

/// What all connections of a listener share.
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
    /// Over TLS, or plain HTTP.
    #[must_use]
    pub fn new(tls: Option<TlsAcceptor>, router: Router, metrics: Arc<Metrics>, drain: Arc<Drain>) -> Self {
        Self { builder: builder(), tls, router, metrics, drain }
    }

    /// Serves one connection to its end.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Some(tls) = &self.tls else { return self.http(stream).await };
        match timeout(START, tls.accept(BufReader::with_capacity(READ, stream))).await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => self.handshake_fault(&error),
            Err(_) => self.handshake_fault(&"it took too long"),
        }
    }

    fn handshake_fault(&self, error: &dyn Display) {
        self.metrics.handshake_fault();
        debug!(%error, "TLS handshake");
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = Requests { connections: self, begun: &AtomicBool::new(false) };
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let mut closing = pin!(self.drain.closing());
        let mut start = pin!(sleep(START));
        let (mut starting, mut open) = (true, true);
        loop {
            tokio::select! {
                biased;
                ended = &mut connection => {
                    if let Err(error) = ended {
                        debug!(error, "connection");
                    }
                    return;
                }
                () = &mut start, if starting => {
                    if !service.begun.load(Ordering::Relaxed) {
                        return;
                    }
                    starting = false;
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
    begun: &'a AtomicBool,
}

type Answering = RouteFuture<Infallible>;

impl hyper::service::Service<Request<Incoming>> for Requests<'_> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Answering, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.begun.store(true, Ordering::Relaxed);
        let last = request.version() < Version::HTTP_2 && self.connections.drain.phase() != Phase::Serving;
        let answering = self.connections.router.clone().call(request);
        if last { Either::Right(answering.map(closed_after).boxed()) } else { Either::Left(answering) }
    }
}

fn closed_after(response: Result<Response<Body>, Infallible>) -> Result<Response<Body>, Infallible> {
    response.map(|mut response| {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    })
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(REST);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .max_header_list_size(HEAD);
    builder
}
