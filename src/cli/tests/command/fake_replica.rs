//! A fake replica behind a forwarded port: the API server's end of the WebSocket, and TLS with a test certificate.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// The names of the CAs: a valid one, another valid one, an expired one, and one that expires soon.
pub(crate) const AUTHORITIES: [&str; 4] = ["ca", "other-ca", "expired-ca", "expiring-ca"];
const SERVER_NAME: &str = "rolebridge.rolebridge-system.svc";

static ISSUERS: LazyLock<Vec<(Certificate, Issuer<'static, KeyPair>)>> =
    LazyLock::new(|| AUTHORITIES.iter().map(|name| authority(name)).collect());

/// Returns the expiry time of certificates that expire soon: in two days.
pub(crate) fn expires_soon() -> Timestamp {
    let day = (Timestamp::now() + SignedDuration::from_hours(48)).strftime("%Y-%m-%dT00:00:00Z");
    day.to_string().parse().unwrap()
}

/// Returns the certificate of a CA as PEM.
pub(crate) fn pem(authority: &str) -> String {
    let index = AUTHORITIES.iter().position(|name| *name == authority).unwrap();
    ISSUERS[index].0.pem()
}

fn authority(name: &str) -> (Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = params(name.trim_end_matches("-ca"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

/// Returns parameters that are valid from 2020 to 2049, unless the name is `expired` or `expiring`.
fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = match name {
        "expired" => date_time_ymd(2021, 1, 1),
        "expiring" => {
            let day = expires_soon().strftime("%Y %m %d").to_string();
            let day: Vec<_> = day.split(' ').collect();
            date_time_ymd(day[0].parse().unwrap(), day[1].parse().unwrap(), day[2].parse().unwrap())
        }
        _ => date_time_ymd(2049, 1, 1),
    };
    params
}

fn server_config(certificate: &str) -> ServerConfig {
    let mut params = params(certificate);
    if certificate == "misnamed" {
        params = CertificateParams::new(vec!["other.rolebridge-system.svc".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2049, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &ISSUERS[0].1).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap()
}

/// Serves one connection through a WebSocket. For the certificate `silent`, the port refuses the connection.
pub(crate) fn serve(mut stream: TcpStream, key: &str, port: u16, certificate: &str) {
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {}\r\n\
         sec-websocket-protocol: v4.channel.k8s.io\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
    .unwrap();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let [low, high] = port.to_le_bytes();
    // Channel 0 carries data, channel 1 errors.
    for channel in [0, 1] {
        socket.send(Message::binary(vec![channel, low, high])).unwrap();
    }
    if certificate == "silent" {
        socket
            .send(Message::binary(b"\x01dial tcp4 127.0.0.1:9443: connect: connection refused".to_vec()))
            .unwrap();
        socket.close(None).unwrap();
        // Dropping a connection with unread data would discard what was sent.
        while socket.read().is_ok() {}
        return;
    }
    let mut forwarded = Forwarded { socket, read: Vec::new() };
    let mut connection = ServerConnection::new(Arc::new(server_config(certificate))).unwrap();
    // `check` closes the connection after the handshake.
    while connection.complete_io(&mut forwarded).is_ok_and(|done| done != (0, 0)) {}
}

struct Forwarded {
    socket: WebSocket<TcpStream>,
    read: Vec<u8>,
}

impl Read for Forwarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read.is_empty() {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.read.extend(&bytes[1..]),
                Ok(Message::Close(_)) | Err(_) => return Ok(0),
                Ok(_) => {}
            }
        }
        let count = buffer.len().min(self.read.len());
        buffer[..count].copy_from_slice(&self.read[..count]);
        self.read.drain(..count);
        Ok(count)
    }
}

impl Write for Forwarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let message = Message::binary([&[0], bytes].concat());
        self.socket.send(message).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
