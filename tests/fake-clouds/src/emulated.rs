//! Forwards calls to emulators. Bodies are streamed, because a call of gRPC may stay open.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, EXPECT, HOST};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::config::EmulatedApi;
use crate::google::grpc;
use crate::state::State;
use crate::wire::{Request, Response};

/// An API and the clients of its emulator.
#[derive(Debug)]
pub(crate) struct Emulated {
    api: EmulatedApi,
    http: Client<HttpConnector, Incoming>,
    /// HTTP/2 without TLS, as gRPC needs it.
    grpc: Client<HttpConnector, Incoming>,
}

impl Emulated {
    pub(crate) fn new(api: EmulatedApi) -> Self {
        Self {
            api,
            http: Client::builder(TokioExecutor::new()).build_http(),
            grpc: Client::builder(TokioExecutor::new()).http2_only(true).build_http(),
        }
    }

    /// Returns the host at Google.
    pub(crate) fn host(&self) -> &str {
        &self.api.host
    }

    /// Checks the token, records the call and returns the emulator's response, or the fake's own error response.
    pub(crate) async fn call(
        &self,
        state: &State,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<Incoming>, Box<Response>> {
        let (head, body) = request.into_parts();
        let checked = Request::from_parts(head.clone(), Bytes::new());
        let forward = async {
            let Some(request) = self.request(head, &checked, body) else { return Ok(None) };
            let client = if grpc::has_type(&checked) { &self.grpc } else { &self.http };
            client.request(request).await.map(Some).map_err(|error| format!("{error:?}"))
        };
        state.call_emulator(&self.api, &checked, forward).await
    }

    /// Returns the request to the emulator. `None`: the API has no such emulator.
    fn request(
        &self,
        mut head: http::request::Parts,
        checked: &Request,
        body: Incoming,
    ) -> Option<http::Request<Incoming>> {
        let address = if grpc::has_type(checked) { self.api.grpc } else { self.api.http };
        head.uri = uri(address?, head.uri.path_and_query())?;
        head.version = http::Version::default();
        self.set_headers(&mut head.headers);
        Some(http::Request::from_parts(head, body))
    }

    /// Sets the host that the client called, from which emulators make links, and removes what concerns one connection.
    fn set_headers(&self, headers: &mut HeaderMap) {
        for name in [AUTHORIZATION, CONNECTION, EXPECT] {
            headers.remove(name);
        }
        if let Ok(host) = HeaderValue::from_str(&self.api.host) {
            headers.insert(HeaderName::from_static("x-forwarded-host"), host.clone());
            headers.insert(HOST, host);
        }
        headers.insert(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("https"));
    }
}

fn uri(address: SocketAddr, path: Option<&PathAndQuery>) -> Option<Uri> {
    let path = path.cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(address.to_string()).path_and_query(path);
    uri.build().ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, Empty, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use hyper_util::server::conn::auto::Builder;
    use rstest::rstest;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clouds::Clouds;
    use crate::config::{Config, Operator};
    use crate::events::Detail;

    const TOKEN: &str = "ya29.operator";
    const API: &str = "pubsub.googleapis.com";

    /// Starts an emulator that answers with the headers and the path that it received.
    async fn start_emulator() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = |request: http::Request<Incoming>| async move {
            let text = format!("{} {:?}", request.uri().path(), request.headers());
            Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(text))))
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(echo)).await;
                });
            }
        });
        address
    }

    async fn start_clouds(emulator: Option<SocketAddr>) -> Clouds {
        let mut config = Config { tls: false, ..Config::default() };
        config.google.operators =
            vec![Operator { email: "ann@example.com".to_owned(), token: TOKEN.to_owned() }];
        config.google.emulated = vec![EmulatedApi {
            host: API.to_owned(),
            http: emulator,
            grpc: emulator,
            scopes: Vec::new(),
            public: vec!["/$discovery/".to_owned()],
            registry: false,
        }];
        Clouds::start(config).await.unwrap()
    }

    async fn call(clouds: &Clouds, path: &str, token: &str, content_type: &str) -> (u16, HeaderMap, String) {
        let mut client = Client::builder(TokioExecutor::new());
        client.http2_only(content_type.ends_with("grpc"));
        let request = http::Request::post(format!("{}{path}", clouds.endpoints().emulated[0]))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content_type)
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = client.build_http().request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    #[rstest]
    #[case("application/json", "POST /v1/topics")]
    #[case("application/grpc", "/v1/topics")]
    #[tokio::test]
    async fn valid_token_is_recorded_and_the_call_forwarded_without_it(
        #[case] content_type: &str,
        #[case] recorded: &str,
    ) {
        let clouds = start_clouds(Some(start_emulator().await)).await;
        let (status, _, body) = call(&clouds, "/v1/topics", TOKEN, content_type).await;
        assert_eq!(status, 200, "{body}");
        assert!(body.starts_with("/v1/topics") && body.contains(API) && !body.contains(TOKEN), "{body}");
        let detail = clouds.events().last().unwrap().detail.clone();
        let (principal, host) = ("user:ann@example.com".to_owned(), API.to_owned());
        assert_eq!(detail, Detail::EmulatorCalled { principal, host, method: recorded.to_owned() });
    }

    #[rstest]
    #[case("application/json", 401, None)]
    #[case("application/grpc", 200, Some("16"))]
    #[tokio::test]
    async fn unknown_token_is_rejected_in_the_format_of_the_protocol(
        #[case] content_type: &str,
        #[case] status: u16,
        #[case] grpc_status: Option<&str>,
    ) {
        let clouds = start_clouds(Some(start_emulator().await)).await;
        let (found, headers, body) = call(&clouds, "/v1/topics", "other", content_type).await;
        let found_status = headers.get("grpc-status").map(|value| value.to_str().unwrap());
        assert_eq!((found, found_status), (status, grpc_status), "{body}");
        let event = clouds.events().last().unwrap().clone();
        assert!(event.error.unwrap().starts_with("UNAUTHENTICATED: "));
        assert_eq!(event.detail, Detail::Nothing);
    }

    #[tokio::test]
    async fn public_path_needs_no_token() {
        let clouds = start_clouds(Some(start_emulator().await)).await;
        let (status, _, _) = call(&clouds, "/$discovery/rest", "other", "application/json").await;
        assert_eq!((status, clouds.events().last().unwrap().detail.clone()), (200, Detail::Nothing));
    }

    #[tokio::test]
    async fn absent_protocol_is_not_implemented_and_a_stopped_emulator_an_internal_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stopped = listener.local_addr().unwrap();
        drop(listener);
        for (emulator, expected) in [(None, 501), (Some(stopped), 500)] {
            let clouds = start_clouds(emulator).await;
            let (status, _, body) = call(&clouds, "/v1/topics", TOKEN, "application/json").await;
            assert_eq!(status, expected, "{body}");
        }
    }
}
