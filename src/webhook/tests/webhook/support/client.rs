//! A client that sees what a connection is: its TLS version, its protocol, its certificate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolebridge_certs::validity::Validity;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::{
    ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

/// An HTTP connection.
pub(crate) enum Client {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

/// A connection over TLS, and what was agreed.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) version: ProtocolVersion,
    /// The year in which the certificate ends.
    pub(crate) year: i16,
}

impl Client {
    /// Over TLS of one version, asking for one protocol.
    pub(crate) async fn tls(
        port: u16,
        version: &'static SupportedProtocolVersion,
        alpn: &str,
    ) -> Result<Connected, std::io::Error> {
        let seen = Arc::new(Seen::default());
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as _)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(alpn.as_bytes()));
        let version = session.protocol_version().unwrap();
        let year = seen.0.lock().unwrap().unwrap();
        let client = if alpn == "h2" { Self::two(stream).await } else { Self::one(stream).await };
        Ok(Connected { client, version, year })
    }

    /// Plain HTTP/1.1.
    pub(crate) async fn plain(port: u16) -> Self {
        Self::one(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await
    }

    /// HTTP/1.1 over anything.
    pub(crate) async fn one(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::One(client)
    }

    /// HTTP/2 over anything.
    pub(crate) async fn two(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Two(client)
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(client) => {
                request.headers_mut().insert("host", "localhost".parse().unwrap());
                client.ready().await?;
                client.send_request(request).await
            }
            Self::Two(client) => {
                *request.uri_mut() = format!("https://localhost{}", request.uri().path()).parse().unwrap();
                client.ready().await?;
                client.send_request(request).await
            }
        }
    }

    /// Status and text.
    pub(crate) async fn ask(&mut self, request: Request<Body>) -> (u16, String) {
        let response = self.send(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Whether the server closes the connection, or announces that it will, within a second.
    pub(crate) async fn is_over(&self) -> bool {
        let over = async {
            while !self.is_closed() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(1), over).await.is_ok()
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::One(client) => client.is_closed(),
            Self::Two(client) => client.is_closed(),
        }
    }
}

/// Trusts everyone, and remembers when the certificate ends.
#[derive(Debug, Default)]
struct Seen(Mutex<Option<i16>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let end = Validity::of(certificate).unwrap().not_after;
        *self.0.lock().unwrap() = end.to_string().get(..4).and_then(|year| year.parse().ok());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
