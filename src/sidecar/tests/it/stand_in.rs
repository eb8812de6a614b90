//! A small server on 127.0.0.1 with a CA of its own, in place of a cloud, and an HTTP proxy: what the real client is tried
//! on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const GOOD: &str = include_str!("good.xml");

/// What it says to every request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) date: SystemTime,
}

impl Answer {
    /// Credentials for an hour, by a clock that shows `date`.
    pub(crate) fn good_at(date: SystemTime) -> Self {
        let expires = aws_smithy_types::DateTime::from(date + Duration::from_hours(1));
        let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
        Self { status: 200, body: GOOD.replace("{expiration}", &expires), date }
    }

    /// A JSON web token for an hour.
    pub(crate) fn web_token(token: &str) -> Self {
        let expires = aws_smithy_types::DateTime::from(SystemTime::now() + Duration::from_hours(1));
        let expires = expires.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
        let body = include_str!("web-token.xml").replace("{expiration}", &expires).replace("{token}", token);
        Self::refusal(200, &body)
    }

    pub(crate) fn good() -> Self {
        Self::good_at(SystemTime::now())
    }

    pub(crate) fn refusal(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), date: SystemTime::now() }
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::refusal(200, &body.to_string())
    }

    fn text(&self) -> String {
        let Self { status, body, date } = self;
        let date = httpdate::fmt_http_date(*date);
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    }
}

/// A server and what it was sent: heads and bodies. It answers with each of its answers once, and with the last for ever.
#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    /// Of the CA that signed its certificate.
    pub(crate) ca: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// One over TLS, by the name `localhost` and the address 127.0.0.1.
    pub(crate) async fn tls(answer: Answer) -> Self {
        let (ca, acceptor) = certificates(&["localhost", "127.0.0.1"], 4096);
        Self::start(ca, Some(acceptor), answer).await
    }

    /// The same with a certificate for another name.
    pub(crate) async fn of_another_name(answer: Answer) -> Self {
        let (ca, acceptor) = certificates(&["sts.example.com"], 4096);
        Self::start(ca, Some(acceptor), answer).await
    }

    /// The same with a certificate that ended in 2020.
    pub(crate) async fn expired(answer: Answer) -> Self {
        let (ca, acceptor) = certificates(&["127.0.0.1"], 2020);
        Self::start(ca, Some(acceptor), answer).await
    }

    /// The same without TLS.
    pub(crate) async fn plain(answer: Answer) -> Self {
        Self::start(String::new(), None, answer).await
    }

    /// Over TLS, with one answer after the other.
    pub(crate) async fn saying(answers: Vec<Answer>) -> Self {
        let (ca, acceptor) = certificates(&["127.0.0.1"], 4096);
        Self::start_saying(ca, Some(acceptor), answers).await
    }

    async fn start(ca: String, acceptor: Option<TlsAcceptor>, answer: Answer) -> Self {
        Self::start_saying(ca, acceptor, vec![answer]).await
    }

    async fn start_saying(ca: String, acceptor: Option<TlsAcceptor>, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&requests), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answers, seen) = (acceptor.clone(), Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else { return answer_one(stream, &answers, &seen).await };
                    // It fails with a client that does not trust us.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer_one(stream, &answers, &seen).await;
                    }
                });
            }
        });
        Self { address, ca, requests }
    }

    pub(crate) fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn answer_one(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &[Answer],
    seen: &Mutex<Vec<String>>,
) {
    let mut stream = BufReader::new(stream);
    let Some((head, length)) = head(&mut stream).await else { return };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let answer = {
        let mut seen = seen.lock().unwrap();
        let answer = answers.get(seen.len()).or(answers.last()).unwrap();
        seen.push(head + &String::from_utf8(body).unwrap());
        answer.text()
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.ok();
}

/// A request's head and the length of its body.
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

/// An HTTP proxy that tunnels to wherever it is asked to, or refuses with a status.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn start(refuses_with: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some((head, _)) = head(&mut stream).await else { return };
                    let target = head.split(' ').nth(1).unwrap().to_owned();
                    seen.lock().unwrap().push(head);
                    if let Some(status) = refuses_with {
                        let text = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
                        return stream.write_all(text.as_bytes()).await.unwrap();
                    }
                    let mut there = TcpStream::connect(target).await.unwrap();
                    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                    copy_bidirectional(&mut stream, &mut there).await.ok();
                });
            }
        });
        Self { address, requests }
    }
}
