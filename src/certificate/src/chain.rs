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
pub enum Distrust {
    /// It trusts nobody.
    #[error("there is no CA in it")]
    Empty,
    /// It trusts others.
    #[error("the CA of the served certificate is not in it")]
    Stranger,
    /// It asks for a name that the certificate does not have.
    #[error("the served certificate is not for {0}")]
    Name(String),
    /// The certificate, or its CA, has ended.
    #[error("the served certificate or its CA has ended")]
    Ended,
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
pub fn check(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), Distrust> {
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(Distrust::Stranger) };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|der| der.clone().into_owned()));
    // It fails where there are no roots.
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()))
            .build()
            .map_err(|_| Distrust::Empty)?;
    let server = ServerName::try_from(name).map_err(|_| Distrust::Name(name.to_owned()))?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    match verifier.verify_server_cert(leaf, intermediates, &server, &[], at) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(error)) => judge(error, leaf, name, authorities),
        Err(error) => Err(Distrust::Other(error.to_string())),
    }
}

fn judge(
    error: CertificateError,
    leaf: &CertificateDer<'_>,
    name: &str,
    authorities: &[CertificateDer<'_>],
) -> Result<(), Distrust> {
    use CertificateError as E;
    match error {
        E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Ok(()),
        E::UnknownIssuer | E::BadSignature => Err(Distrust::Stranger),
        E::NotValidForName | E::NotValidForNameContext { .. } => Err(Distrust::Name(name.to_owned())),
        E::Expired | E::ExpiredContext { .. } => Err(Distrust::Ended),
        // A certificate that is its own CA, as `openssl req -x509` makes: Go takes what it trusts itself.
        E::Other(_) if authorities.contains(leaf) => Ok(()),
        other => Err(Distrust::Other(other.to_string())),
    }
}
