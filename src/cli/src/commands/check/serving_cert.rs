//! Reads the certificate that a replica serves, by a TLS handshake through a port that the API server forwards.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::Api;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::cluster::chart_names::Release;
use crate::cluster::pod::name;
use crate::cluster::{with_deadline, with_timeout};
use crate::error::{CliError, ReadResult};

/// The deadline for the handshake, and for closing the forwarded port.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The name of the port in the chart.
const PORT_NAME: &str = "https";

/// Reads the certificate chain that a replica serves, with its own certificate first.
pub(crate) async fn fetch(
    client: &Client,
    release: &Release,
    pod: &Pod,
) -> ReadResult<Vec<CertificateDer<'static>>> {
    let name = name(pod);
    let port = port(pod).ok_or_else(|| format!("the pod {name} has no port named {PORT_NAME}"))?;
    let api: Api<Pod> = Api::namespaced(client.clone(), &release.namespace);
    let subject = format!("a forwarded port of the pod {name} (needs get and create on pods/portforward)");
    let forwarder = with_timeout(&subject, api.portforward(name, &[port])).await;
    let mut forwarder = forwarder.map_err(CliError::into_message)?;
    let stream = forwarder.take_stream(port).ok_or_else(|| format!("{subject}: no stream"))?;
    let forward_error = forwarder.take_error(port);
    let connector = TlsConnector::from(Arc::new(config().map_err(|error| error.to_string())?));
    let server = ServerName::try_from(release.server_name()).map_err(|error| error.to_string())?;
    let chain = with_deadline(HANDSHAKE_TIMEOUT, handshake(&connector, server, stream)).await;
    // Closes the connection, so that the replica does not wait for it and the kubelet reports its error.
    let closed = with_deadline(HANDSHAKE_TIMEOUT, forwarder.join()).await;
    let forward_error = match forward_error.filter(|_| closed.is_ok()) {
        Some(error) => error.await,
        None => None,
    };
    let handshake_error = match chain {
        Ok(Ok(chain)) => return Ok(chain),
        Ok(Err(error)) => error.to_string(),
        Err(message) => message,
    };
    Err(format!("TLS handshake with the pod {name}: {}", forward_error.unwrap_or(handshake_error)))
}

/// Completes a handshake and closes the connection, because a replica counts incomplete handshakes as errors.
async fn handshake(
    connector: &TlsConnector,
    server: ServerName<'static>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut connection = connector.connect(server, stream).await?;
    let chain = connection.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
    connection.shutdown().await?;
    Ok(chain)
}

fn port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some(PORT_NAME))?;
    u16::try_from(port.container_port).ok()
}

fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AcceptAnyCert(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// A verifier that accepts every certificate, which is evaluated later. No data is sent.
#[derive(Debug)]
struct AcceptAnyCert(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyCert {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
