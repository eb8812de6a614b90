//! A fake of AWS and Google on 127.0.0.1 with its own CA, and an HTTP proxy, for tests of the real client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const ASSUME_ROLE: &str = include_str!("assume-role.xml");

/// A response to any request.
#[derive(Debug, Clone)]
pub(crate) struct CannedResponse {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) date: SystemTime,
}

impl CannedResponse {
    /// Returns credentials that expire an hour after `date`.
    pub(crate) fn success_at(date: SystemTime) -> Self {
        let expires = aws_smithy_types::DateTime::from(date + Duration::from_hours(1));
        let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
        Self { status: 200, body: ASSUME_ROLE.replace("{expiration}", &expires), date }
    }

    /// Returns a JSON web token that expires in an hour.
    pub(crate) fn web_token(token: &str) -> Self {
        let expires = aws_smithy_types::DateTime::from(SystemTime::now() + Duration::from_hours(1));
        let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
        let body = include_str!("web-token.xml").replace("{expiration}", &expires).replace("{token}", token);
        Self::error(200, &body)
    }

    pub(crate) fn success() -> Self {
        Self::success_at(SystemTime::now())
    }

    pub(crate) fn error(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), date: SystemTime::now() }
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::error(200, &body.to_string())
    }

    /// Returns the response to a request. `{request}` in the body is replaced by the fields and headers of the request
    /// that contain a marker and by its signature, and `{decoded}` by the same without percent-encoding.
    fn text(&self, head: &str, request_body: &str) -> String {
        let Self { status, body, date } = self;
        let marked = head.lines().chain(request_body.split('&')).filter(|part| part.contains("marker"));
        let signature = head.split_once("Signature=").and_then(|(_, rest)| rest.lines().next());
        let request = signature.into_iter().chain(marked).collect::<Vec<_>>().join(" ");
        let decoded = percent_decode_str(&request).decode_utf8_lossy();
        let body = body.replace("{request}", &escaped(&request)).replace("{decoded}", &escaped(&decoded));
        let date = httpdate::fmt_http_date(*date);
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    }
}

/// A server and the requests that it received. It sends each of its responses once, and the last one repeatedly.
#[derive(Debug)]
pub(crate) struct FakeServer {
    pub(crate) address: SocketAddr,
    /// The certificate of its CA.
    pub(crate) ca: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// Starts a server with TLS, for `localhost` and 127.0.0.1.
    pub(crate) async fn tls(response: CannedResponse) -> Self {
        let (ca, acceptor) = certificates(&["localhost", "127.0.0.1"], 4096);
        Self::start(ca, Some(acceptor), response).await
    }

    /// Starts a server with a certificate for another name.
    pub(crate) async fn with_wrong_name(response: CannedResponse) -> Self {
        let (ca, acceptor) = certificates(&["sts.example.com"], 4096);
        Self::start(ca, Some(acceptor), response).await
    }

    /// Starts a server with a certificate that expired in 2020.
    pub(crate) async fn expired(response: CannedResponse) -> Self {
        let (ca, acceptor) = certificates(&["127.0.0.1"], 2020);
        Self::start(ca, Some(acceptor), response).await
    }

    /// Starts a server without TLS.
    pub(crate) async fn plain(response: CannedResponse) -> Self {
        Self::start(String::new(), None, response).await
    }

    /// Starts a server with TLS that sends several responses.
    pub(crate) async fn with_responses(responses: Vec<CannedResponse>) -> Self {
        let (ca, acceptor) = certificates(&["127.0.0.1"], 4096);
        Self::start_with(ca, Some(acceptor), responses).await
    }

    /// Starts a server without TLS that sends a byte of the body every four seconds of paused time.
    pub(crate) async fn slow_body() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (_, length) = head(&mut stream).await.unwrap();
            stream.read_exact(&mut vec![0; length]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await.unwrap();
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                // This fails after the client has closed the connection.
                stream.write_all(b" ").await.ok();
            }
        });
        address
    }

    async fn start(ca: String, acceptor: Option<TlsAcceptor>, response: CannedResponse) -> Self {
        Self::start_with(ca, acceptor, vec![response]).await
    }

    async fn start_with(ca: String, acceptor: Option<TlsAcceptor>, responses: Vec<CannedResponse>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (received, responses) = (Arc::clone(&requests), Arc::new(responses));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, responses, received) =
                    (acceptor.clone(), Arc::clone(&responses), Arc::clone(&received));
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else {
                        return respond(stream, &responses, &received).await;
                    };
                    // This fails with a client that does not trust the CA.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        respond(stream, &responses, &received).await;
                    }
                });
            }
        });
        Self { address, ca, requests }
    }

    pub(crate) fn request_count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// Escapes a text for JSON, with a backslash before each slash, as some servers do.
fn escaped(text: &str) -> String {
    serde_json::to_string(text).unwrap().trim_matches('"').replace('/', "\\/")
}

async fn respond(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    responses: &[CannedResponse],
    received: &Mutex<Vec<String>>,
) {
    let mut stream = BufReader::new(stream);
    let Some((head, length)) = head(&mut stream).await else { return };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let response = {
        let mut received = received.lock().unwrap();
        let response = responses.get(received.len()).or(responses.last()).unwrap();
        let body = String::from_utf8(body).unwrap();
        let text = response.text(&head, &body);
        received.push(head + &body);
        text
    };
    stream.write_all(response.as_bytes()).await.unwrap();
    stream.shutdown().await.ok();
}

/// Reads a request's head and returns it with the length of the body.
async fn head(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<(String, usize)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
        if line == "\r\n" {
            return Some((head, length));
        }
    }
}

fn certificates(names: &[&str], until_year: i32) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(until_year, 1, 1);
    let certificate = params.signed_by(&key, &ca).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// An HTTP proxy that connects to any target, or rejects each request with a status.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn start(reject_with: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let received = Arc::clone(&received);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some((head, _)) = head(&mut stream).await else { return };
                    let target = head.split(' ').nth(1).unwrap().to_owned();
                    received.lock().unwrap().push(head);
                    if let Some(status) = reject_with {
                        let text = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
                        return stream.write_all(text.as_bytes()).await.unwrap();
                    }
                    let mut target_stream = TcpStream::connect(target).await.unwrap();
                    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                    copy_bidirectional(&mut stream, &mut target_stream).await.ok();
                });
            }
        });
        Self { address, requests }
    }
}
