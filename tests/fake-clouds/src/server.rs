//! The HTTP server of a service: TLS, HTTP/1.1 and HTTP/2, and graceful shutdown.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::body::ResponseBody;
use crate::emulated::Emulated;
use crate::service::Service;
use crate::state::{Reply, State};
use crate::wire::Request;

/// Maximum size of a request body, larger than any request of a well-behaved client.
const BODY_LIMIT: usize = 1 << 20;

/// The body of any response: the fake's own, or an emulator's as it arrives.
type AnyBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// The part of the fakes that answers at a listener.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    Service(Service),
    Emulated(Arc<Emulated>),
    /// A service on Cloud Run or an application, which has a host of its own.
    Host(Service, String),
}

/// A listener of one service, of one emulated API or of one host.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) backend: Backend,
    pub(crate) state: Arc<State>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Server {
    /// Accepts connections until `stop` becomes true, then waits for the open ones.
    pub(crate) async fn run(self) {
        let mut connections = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.listener.accept() => {
                    // `accept` fails if the client has gone or too many files are open; the next call may succeed.
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(self.accept(stream));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }

    fn accept(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        let (tls, backend, state, stop) =
            (self.tls.clone(), self.backend.clone(), Arc::clone(&self.state), self.stop.clone());
        async move {
            match tls {
                None => serve_connection(stream, backend, state, stop).await,
                Some(tls) => {
                    // A client that does not trust the certificate reports the error itself.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve_connection(stream, backend, state, stop).await;
                    }
                }
            }
        }
    }
}

async fn serve_connection<S>(stream: S, backend: Backend, state: Arc<State>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handler = service_fn(move |request| {
        let (state, backend) = (Arc::clone(&state), backend.clone());
        async move {
            let response = match backend {
                Backend::Service(service) | Backend::Host(service, _) => {
                    handle(&state, service, request).await.map(boxed)
                }
                Backend::Emulated(emulated) => match emulated.call(&state, request).await {
                    Ok(response) => response.map(boxed),
                    Err(response) => response_of(Reply { response: *response, truncated: false }).map(boxed),
                },
            };
            Ok::<_, Infallible>(response)
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(connection);
    tokio::select! {
        // The client reports errors of a connection.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn handle(
    state: &State,
    service: Service,
    request: http::Request<Incoming>,
) -> http::Response<ResponseBody> {
    let (mut head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        let mut response =
            http::Response::new(ResponseBody::complete(Bytes::from_static(b"Request body too large.\n")));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    // HTTP/2 has the host in the URI, but signature verification reads the header.
    if let Some(authority) = head.uri.authority()
        && !head.headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(header::HOST, host);
    }
    response_of(state.call(service, Request::from_parts(head, body.to_bytes())).await)
}

fn boxed<B>(body: B) -> AnyBody
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

fn response_of(Reply { response: reply, truncated }: Reply) -> http::Response<ResponseBody> {
    let body = if truncated {
        ResponseBody::truncated(&reply.body)
    } else {
        ResponseBody::complete(reply.body).with_trailers(reply.trailers)
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
