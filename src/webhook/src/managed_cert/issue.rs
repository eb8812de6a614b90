//! Issues CAs and certificates: ECDSA P-256, with the required fields only.
//!
//! Name constraints limit a CA to the webhook's own DNS name: with a stolen CA key, an attacker can impersonate the
//! webhook and no other server.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::state::{BACKDATE, CertAndKey, PrivateKeyPem, add_duration};

/// Issues a CA for one DNS name.
///
/// # Errors
///
/// Returns an error if the system has no randomness.
pub fn ca(name: &str, now: Timestamp, lifetime: Duration) -> Result<CertAndKey, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = ca_params();
    set_validity(&mut params, now, add_duration(now, lifetime));
    let constraint = GeneralSubtree::DnsName(name.to_owned());
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: vec![constraint], excluded_subtrees: Vec::new() });
    cert_and_key(&params.self_signed(&key)?, &key)
}

/// Issues a certificate for a DNS name. It expires with its CA at the latest.
///
/// # Errors
///
/// Returns an error if the CA's key is invalid or the system has no randomness.
pub fn leaf(
    ca: &CertAndKey,
    name: &str,
    now: Timestamp,
    lifetime: Duration,
) -> Result<CertAndKey, rcgen::Error> {
    let issuer = Issuer::new(ca_params(), KeyPair::from_pem(&ca.key.0)?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, now, add_duration(now, lifetime).min(ca.not_after));
    cert_and_key(&params.signed_by(&key, &issuer)?, &key)
}

/// Returns the fields that all CAs share. A certificate names its issuer by them; the key identifier distinguishes CAs.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "rolebridge-webhook CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn set_validity(params: &mut CertificateParams, now: Timestamp, not_after: Timestamp) {
    let epoch = date_time_ymd(1970, 1, 1);
    let seconds = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    params.not_before = epoch + seconds(now).saturating_sub(BACKDATE);
    params.not_after = epoch + seconds(not_after);
}

fn cert_and_key(certificate: &Certificate, key: &KeyPair) -> Result<CertAndKey, rcgen::Error> {
    let certificate = certificate.der().clone();
    let key = PrivateKeyPem(key.serialize_pem());
    CertAndKey::new(certificate, key).ok_or(rcgen::Error::CouldNotParseCertificate)
}
