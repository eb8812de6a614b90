//! What certificate a replica really serves: a handshake with it, through a port that the API server forwards.

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
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::cluster::with_timeout;
use crate::commands::check::snapshot::{ReadResult, Release};
use crate::error::CliError;

/// How long a replica has for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The name of the port in the chart.
const PORT: &str = "https";

/// The chain that a replica serves, its own certificate first.
pub(crate) async fn served(
    client: &Client,
    release: &Release,
    pod: &Pod,
) -> ReadResult<Vec<CertificateDer<'static>>> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let port = port(pod).ok_or_else(|| format!("the pod {name} has no port named {PORT}"))?;
    let api: Api<Pod> = Api::namespaced(client.clone(), &release.namespace);
    let what = format!("a forwarded port of the pod {name} (get and create of pods/portforward)");
    let forwarder = with_timeout(&what, api.portforward(name, &[port])).await;
    let mut forwarder = forwarder.map_err(CliError::into_message)?;
    let stream = forwarder.take_stream(port).ok_or_else(|| format!("{what}: there is no stream"))?;
    let refused = forwarder.take_error(port);
    let connector = TlsConnector::from(Arc::new(config().map_err(|error| error.to_string())?));
    let server = ServerName::try_from(release.server_name()).map_err(|error| error.to_string())?;
    let shaken = timeout(HANDSHAKE_TIMEOUT, handshake(&connector, server, stream)).await;
    // For the replica to hear that this was all, and for the kubelet to say what was wrong.
    let ended = timeout(HANDSHAKE_TIMEOUT, forwarder.join()).await;
    let said = match refused.filter(|_| ended.is_ok()) {
        Some(refused) => refused.await,
        None => None,
    };
    let failed = |why: String| format!("the handshake with the pod {name}: {}", said.unwrap_or(why));
    match shaken {
        Ok(shaken) => shaken.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {HANDSHAKE_TIMEOUT:?}"))),
    }
}

/// The whole handshake, and a proper end: a replica counts those that were given up.
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
    let found = ports.find(|port| port.name.as_deref() == Some(PORT))?;
    u16::try_from(found.container_port).ok()
}

fn config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AcceptAnyCert(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes every certificate: it is judged afterwards, and nothing is sent.
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
