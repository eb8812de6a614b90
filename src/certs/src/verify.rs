//! Whether an API server would take a certificate: the same check that it makes, with what it has been told to trust.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Why an API server would break the handshake off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It trusts nobody.
    #[error("there is no CA in it")]
    NoTrustedCa,
    /// It trusts others.
    #[error("the CA of the served certificate is not in it")]
    UnknownIssuer,
    /// It asks for a name that the certificate does not have.
    #[error("the served certificate is not for {0}")]
    NameMismatch(String),
    /// The certificate, or its CA, has ended.
    #[error("the served certificate or its CA has ended")]
    Expired,
    /// Something else.
    #[error("the served certificate would not be taken: {0}")]
    Other(String),
}

/// Checks a certificate with its chain (the certificate first) for a DNS name, against these CAs.
///
/// A signature of a kind that ring cannot check, such as ECDSA on P-521, passes: API servers can check it.
///
/// # Errors
///
/// An API server that trusts these CAs would not take it.
pub fn verify_server_cert(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(VerifyError::UnknownIssuer) };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|der| der.clone().into_owned()));
    // It fails where there are no roots.
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
        // A certificate that is its own CA, as `openssl req -x509` makes: Go takes what it trusts itself.
        E::Other(_) if authorities.contains(leaf) => Ok(()),
        other => Err(VerifyError::Other(other.to_string())),
    }
}
