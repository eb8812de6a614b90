//! Makes CAs and certificates: ECDSA P-256, nothing in them that is not needed.
//!
//! A CA may sign for the webhook's own name alone: a thief of its key can be the webhook and nobody else.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::state::{BACKDATED, Key, Keyed, after};

/// Makes a CA for one DNS name.
///
/// # Errors
///
/// The machine has no randomness.
pub fn authority(name: &str, now: Timestamp, lifetime: Duration) -> Result<Keyed, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = authority_params();
    valid(&mut params, now, after(now, lifetime));
    let constraint = GeneralSubtree::DnsName(name.to_owned());
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: vec![constraint], excluded_subtrees: Vec::new() });
    keyed(&params.self_signed(&key)?, &key)
}

/// Makes a certificate for a DNS name, that does not outlive its CA.
///
/// # Errors
///
/// The CA's key is not usable, or the machine has no randomness.
pub fn leaf(
    authority: &Keyed,
    name: &str,
    now: Timestamp,
    lifetime: Duration,
) -> Result<Keyed, rcgen::Error> {
    let issuer = Issuer::new(authority_params(), KeyPair::from_pem(&authority.key.0)?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    valid(&mut params, now, after(now, lifetime).min(authority.not_after));
    keyed(&params.signed_by(&key, &issuer)?, &key)
}

/// What a CA has in common with each other one: a certificate names its issuer by this, and its key tells which.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "rolebridge-webhook CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn valid(params: &mut CertificateParams, now: Timestamp, not_after: Timestamp) {
    let epoch = date_time_ymd(1970, 1, 1);
    let seconds = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    params.not_before = epoch + seconds(now).saturating_sub(BACKDATED);
    params.not_after = epoch + seconds(not_after);
}

fn keyed(certificate: &Certificate, key: &KeyPair) -> Result<Keyed, rcgen::Error> {
    let certificate = certificate.der().clone();
    Keyed::new(certificate, Key(key.serialize_pem())).ok_or(rcgen::Error::CouldNotParseCertificate)
}
