//! Verification of a serving certificate against a `caBundle`, as an API server does it.
//!
//! API servers use Go's crypto/x509. rustls-webpki differs from it in both directions. It never looks at the validity and the
//! usages of a trust anchor, and rejects a CA as a serving certificate, and algorithms that ring lacks. So the rules are
//! those of Go's `Certificate.Verify` and `CheckSignatureFrom` (Go 1.26).

use std::slice;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::names;
use crate::signature::{self, Signature};
use crate::validity::Validity;

/// Maximum number of certificates in a chain, below the limits of Go and of any CA.
const MAX_CHAIN: usize = 10;
/// Maximum number of signatures that are checked, as in Go: a chain with many equal names could have exponentially many paths.
const MAX_SIGNATURES: usize = 100;

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
/// Assumes that a signature is correct if Go supports its algorithm and ring does not, such as ECDSA on P-521.
///
/// # Errors
/// Returns an error if an API server that trusts these CAs would reject the certificate.
pub fn verify_server_cert(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), VerifyError> {
    verify(chain, name, authorities, Some(now))
}

/// Returns the validity of the CA that the chain leads to, of several the one that expires last; `None` if it leads to none.
///
/// The present time does not matter, because an expired CA is what a monitor must see.
#[must_use]
pub fn anchor_validity(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
) -> Option<Validity> {
    let is_anchor = |ca: &&CertificateDer<'_>| verify(chain, name, slice::from_ref(*ca), None).is_ok();
    let anchors = authorities.iter().filter(is_anchor).filter_map(|ca| Validity::of(ca));
    anchors.max_by_key(|validity| validity.not_after)
}

/// Verifies a chain at this time, or at any time.
fn verify(
    chain: &[CertificateDer<'_>],
    name: &str,
    authorities: &[CertificateDer<'_>],
    now: Option<Timestamp>,
) -> Result<(), VerifyError> {
    let roots: Vec<_> = authorities.iter().filter_map(Certificate::parse).collect();
    if roots.is_empty() {
        return Err(VerifyError::NoTrustedCa);
    }
    let Some((leaf, intermediates)) = chain.split_first() else { return Err(VerifyError::UnknownIssuer) };
    let leaf = Certificate::parse(leaf).ok_or_else(|| other("it is not a certificate"))?;
    let intermediates: Vec<_> = intermediates.iter().filter_map(Certificate::parse).collect();
    check_any(&leaf, now)?;
    let mut search = Search { roots: &roots, intermediates: &intermediates, now, signatures: 0 };
    if roots.iter().any(|root| root.der == leaf.der) {
        check_usage(&[&leaf])?;
    } else {
        search.find(&mut vec![&leaf])?;
    }
    if names::matches_host(&leaf, name) { Ok(()) } else { Err(VerifyError::NameMismatch(name.to_owned())) }
}

fn other(reason: &str) -> VerifyError {
    VerifyError::Other(reason.to_owned())
}

/// Checks what holds for every certificate of a chain, the trusted CA included.
fn check_any(certificate: &Certificate<'_>, now: Option<Timestamp>) -> Result<(), VerifyError> {
    if certificate.has_unknown_critical_extension() {
        return Err(other("it or its CA has an unknown critical extension"));
    }
    let Some(now) = now else { return Ok(()) };
    if now < certificate.validity.not_before {
        return Err(other("it or its CA is not valid yet"));
    }
    if now > certificate.validity.not_after {
        return Err(VerifyError::Expired);
    }
    Ok(())
}

/// Checks the extended key usages of a whole chain.
fn check_usage(chain: &[&Certificate<'_>]) -> Result<(), VerifyError> {
    let may_serve = chain.iter().all(|certificate| certificate.may_serve());
    if may_serve {
        Ok(())
    } else {
        Err(other("its extended key usage, or its CA's, does not include servers"))
    }
}

/// Search for a chain from the serving certificate to a trusted CA.
struct Search<'c, 'a> {
    roots: &'c [Certificate<'a>],
    intermediates: &'c [Certificate<'a>],
    /// Time at which all certificates must be valid, if any.
    now: Option<Timestamp>,
    signatures: usize,
}

impl<'c, 'a> Search<'c, 'a> {
    /// Extends a chain up to a trusted CA, or returns the most specific error of all attempts.
    fn find(&mut self, chain: &mut Vec<&'c Certificate<'a>>) -> Result<(), VerifyError> {
        let mut error = VerifyError::UnknownIssuer;
        let roots = self.roots.iter().map(|root| (root, true));
        for (parent, is_root) in roots.chain(self.intermediates.iter().map(|one| (one, false))) {
            match self.try_parent(chain, parent, is_root) {
                Ok(()) => return Ok(()),
                Err(VerifyError::UnknownIssuer) => {}
                Err(specific) => error = specific,
            }
        }
        Err(error)
    }

    fn try_parent(
        &mut self,
        chain: &mut Vec<&'c Certificate<'a>>,
        parent: &'c Certificate<'a>,
        is_root: bool,
    ) -> Result<(), VerifyError> {
        let Some(child) = chain.last() else { return Err(VerifyError::UnknownIssuer) };
        let is_issuer = child.x509.issuer().as_raw() == parent.x509.subject().as_raw();
        let is_in_chain = chain.iter().any(|one| one.der == parent.der);
        if !is_issuer || is_in_chain || chain.len() >= MAX_CHAIN || self.signatures >= MAX_SIGNATURES {
            return Err(VerifyError::UnknownIssuer);
        }
        self.signatures += 1;
        check_signature(child, parent)?;
        check_any(parent, self.now)?;
        check_authority(chain, parent)?;
        chain.push(parent);
        let result = if is_root { check_usage(chain) } else { self.find(chain) };
        chain.pop();
        result
    }
}

fn check_signature(child: &Certificate<'_>, parent: &Certificate<'_>) -> Result<(), VerifyError> {
    match signature::check(child, parent) {
        Signature::Valid if !parent.is_ca() => Err(other("its issuer is not a CA")),
        Signature::Valid if !parent.may_sign_certificates() => {
            Err(other("the key usage of its CA does not include signing certificates"))
        }
        Signature::Valid => Ok(()),
        Signature::Invalid => Err(VerifyError::UnknownIssuer),
        Signature::Unsupported => Err(other("its signature algorithm is insecure or unknown")),
    }
}

/// Checks the limits of a CA on the chain below it.
fn check_authority(chain: &[&Certificate<'_>], parent: &Certificate<'_>) -> Result<(), VerifyError> {
    let constraints = parent.name_constraints();
    if chain.iter().any(|certificate| !names::are_permitted(certificate, &constraints)) {
        return Err(other("its names violate the name constraints of its CA"));
    }
    let intermediates = u32::try_from(chain.len().saturating_sub(1)).unwrap_or(u32::MAX);
    if parent.max_intermediates().is_some_and(|max| intermediates > max) {
        return Err(other("its chain is longer than its CA allows"));
    }
    Ok(())
}
