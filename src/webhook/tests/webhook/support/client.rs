//! HTTP client that exposes the TLS version, the protocol and the server certificate of a connection.

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
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A TLS connection and its negotiated parameters.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) version: ProtocolVersion,
    /// Year in which the certificate expires.
    pub(crate) year: i16,
}

impl Client {
    /// Connects with one TLS version and one protocol.
    pub(crate) async fn tls(
        port: u16,
        version: &'static SupportedProtocolVersion,
        alpn: &str,
    ) -> Result<Connected, std::io::Error> {
        let verifier = Arc::new(ExpiryRecorder::default());
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(alpn.as_bytes()));
        let version = session.protocol_version().unwrap();
        let year = verifier.0.lock().unwrap().unwrap();
        let client = if alpn == "h2" { Self::http2(stream).await } else { Self::http1(stream).await };
        Ok(Connected { client, version, year })
    }

    /// Connects with plain HTTP/1.1.
    pub(crate) async fn plain(port: u16) -> Self {
        Self::http1(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).await
    }

    /// Speaks HTTP/1.1 over any stream.
    pub(crate) async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(client)
    }

    /// Speaks HTTP/2 over any stream.
    pub(crate) async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Http2(client)
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(client) => {
                request.headers_mut().insert("host", "localhost".parse().unwrap());
                client.ready().await?;
                client.send_request(request).await
            }
            Self::Http2(client) => {
                *request.uri_mut() = format!("https://localhost{}", request.uri().path()).parse().unwrap();
                client.ready().await?;
                client.send_request(request).await
            }
        }
    }

    /// Returns the status and the text of the response.
    pub(crate) async fn request(&mut self, request: Request<Body>) -> (u16, String) {
        let response = self.send(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Returns whether the server closes the connection, or announces it, within a second.
    pub(crate) async fn is_closing(&self) -> bool {
        let closed = async {
            while !self.is_closed() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(1), closed).await.is_ok()
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(client) => client.is_closed(),
            Self::Http2(client) => client.is_closed(),
        }
    }
}

/// Verifier that accepts every certificate and records the year of its expiry.
#[derive(Debug, Default)]
struct ExpiryRecorder(Mutex<Option<i16>>);

impl ServerCertVerifier for ExpiryRecorder {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let expiry = Validity::of(certificate).unwrap().not_after;
        *self.0.lock().unwrap() = expiry.to_string().get(..4).and_then(|year| year.parse().ok());
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
