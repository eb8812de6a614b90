//! Verification of a serving certificate against a `caBundle`, as an API server does it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The reason why an API server would abort the TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The bundle contains no CA.
    #[error("it contains no CA")]
    NoTrustedCa,
    /// The bundle contains other CAs.
    #[error("it does not contain the CA of the served certificate")]
    UnknownIssuer,
    /// The certificate does not have the requested name.
    #[error("the served certificate is not valid for {0}")]
    NameMismatch(String),
    /// The certificate or its CA has expired.
    #[error("the served certificate or its CA has expired")]
    Expired,
    /// Another reason.
    #[error("API servers reject the served certificate: {0}")]
    Other(String),
}

/// Verifies a chain, which begins with the serving certificate, for a DNS name against the given CAs.
///
/// Accepts a signature algorithm that ring does not support, such as ECDSA on P-521, because API servers support it.
///
/// # Errors
/// Returns an error if an API server that trusts these CAs would reject the certificate.
pub fn verify_server_cert(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(VerifyError::UnknownIssuer) };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|der| der.clone().into_owned()));
    // Fails if there are no roots.
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()))
            .build()
            .map_err(|_| VerifyError::NoTrustedCa)?;
    let server = ServerName::try_from(name).map_err(|_| VerifyError::NameMismatch(name.to_owned()))?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    match verifier.verify_server_cert(leaf, intermediates, &server, &[], at) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(error)) => map_error(error, leaf, name, authorities),
        Err(error) => Err(VerifyError::Other(error.to_string())),
    }
}

fn map_error(
    error: CertificateError,
    leaf: &CertificateDer<'_>,
    name: &str,
    authorities: &[CertificateDer<'_>],
) -> Result<(), VerifyError> {
    use CertificateError as E;
    match error {
        E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Ok(()),
        E::UnknownIssuer | E::BadSignature => Err(VerifyError::UnknownIssuer),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            Err(VerifyError::NameMismatch(name.to_owned()))
        }
        E::Expired | E::ExpiredContext { .. } => Err(VerifyError::Expired),
        // `openssl req -x509` makes a certificate that is its own CA. Go accepts a certificate that is itself trusted.
        E::Other(_) if authorities.contains(leaf) => Ok(()),
        other => Err(VerifyError::Other(other.to_string())),
    }
}
