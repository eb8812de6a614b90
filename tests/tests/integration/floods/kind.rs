//! Kinds of connections that only take up room, and the bytes that each sends.

use std::net::SocketAddr;
use std::sync::Arc;

use rolebridge_tests::webhook::DNS_NAME;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A kind of flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Connections without a byte.
    Idle,
    /// The beginning of a TLS handshake.
    UnfinishedHandshake,
    /// A TLS handshake and nothing more.
    IdleTls,
    /// The beginning of an HTTP/1.1 request.
    UnfinishedHttp1Head,
    /// HTTP/2 without requests.
    IdleHttp2,
    /// The beginning of a large HTTP/2 request head.
    UnfinishedHttp2Head,
    /// HTTP/2: as many requests as are allowed, with large heads and without bodies.
    LargeHttp2Heads,
    /// HTTP/1.1: the beginning of a large body.
    StalledBody,
    /// The beginning of a request to the health port.
    HealthPort,
}

/// HTTP/2 preface with empty settings.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// Frame type HEADERS.
const HEADERS: u8 = 1;
/// Flag `END_HEADERS`.
const END_HEADERS: u8 = 4;
/// Bytes of a body that arrive. Those of the initial connections are more than the memory of all reviews.
const STALLED_BYTES: usize = 3 << 20;
/// Streams that the webhook allows on a connection.
const STREAMS: u32 = 32;

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Idle,
        Self::UnfinishedHandshake,
        Self::IdleTls,
        Self::UnfinishedHttp1Head,
        Self::IdleHttp2,
        Self::UnfinishedHttp2Head,
        Self::LargeHttp2Heads,
        Self::StalledBody,
        Self::HealthPort,
    ];

    /// Returns what the connection sends after the TLS handshake, or without one.
    fn payload(self) -> Vec<u8> {
        let large_value =
            |length: usize| [b"\x00\x01x".as_slice(), &length_prefix(length), &vec![b'x'; length]].concat();
        match self {
            Self::Idle | Self::IdleTls => Vec::new(),
            Self::UnfinishedHandshake => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            Self::UnfinishedHttp1Head => {
                [b"POST /mutate HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 15 << 10]].concat()
            }
            Self::IdleHttp2 => HTTP2_PREFACE.to_vec(),
            Self::UnfinishedHttp2Head => {
                [HTTP2_PREFACE, &frame(HEADERS, 0, 1, &large_value(7 << 10))].concat()
            }
            Self::LargeHttp2Heads => {
                let head = [
                    b"\x83\x87\x04\x07/mutate\x01\x01a\x0f\x10\x10application/json".as_slice(),
                    &large_value(7 << 10),
                ]
                .concat();
                let requests = (0..STREAMS).map(|stream| frame(HEADERS, END_HEADERS, 2 * stream + 1, &head));
                std::iter::once(HTTP2_PREFACE.to_vec()).chain(requests).flatten().collect()
            }
            Self::StalledBody => {
                let head = b"POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n";
                [head.as_slice(), &vec![b' '; STALLED_BYTES]].concat()
            }
            Self::HealthPort => b"GET /healthz HTTP/1.1\r\nX: ".to_vec(),
        }
    }

    const fn has_tls(self) -> bool {
        !matches!(self, Self::Idle | Self::UnfinishedHandshake | Self::HealthPort)
    }
}

/// Waits until the server closes a connection. It may do so before everything is sent.
pub(super) async fn hold(connection: std::io::Result<Box<dyn Stream>>) {
    if let Ok(mut connection) = connection {
        while connection.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {}
    }
}

/// A connection with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Opens a connection and sends what its kind sends.
pub(super) async fn open(
    kind: Kind,
    address: SocketAddr,
    tls: &ClientConfig,
) -> std::io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(address).await?;
    let mut stream: Box<dyn Stream> = if kind.has_tls() {
        let mut tls = tls.clone();
        let is_http1 = matches!(kind, Kind::UnfinishedHttp1Head | Kind::StalledBody);
        let protocol = if is_http1 { "http/1.1" } else { "h2" };
        tls.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from(DNS_NAME).map_err(std::io::Error::other)?;
        Box::new(TlsConnector::from(Arc::new(tls)).connect(name, stream).await?)
    } else {
        Box::new(stream)
    };
    stream.write_all(&kind.payload()).await?;
    stream.flush().await?;
    Ok(stream)
}

/// Builds an HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Encodes the length of an HPACK string without Huffman coding.
fn length_prefix(length: usize) -> Vec<u8> {
    let mut prefix = vec![0x7f];
    let mut rest = length - 0x7f;
    while rest >= 0x80 {
        prefix.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
        rest /= 0x80;
    }
    prefix.push(u8::try_from(rest).unwrap());
    prefix
}
