//! The fields of a certificate that decide if API servers accept it.

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::oid;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::validity::Validity;

/// Critical extensions that Go evaluates; a certificate with any other is rejected.
const KNOWN_EXTENSIONS: [Oid<'static>; 11] = [
    oid!(2.5.29.14), // subject key identifier
    oid!(2.5.29.15), // key usage
    oid!(2.5.29.17), // subject alternative names
    oid!(2.5.29.19), // basic constraints
    oid!(2.5.29.30), // name constraints
    oid!(2.5.29.31), // CRL distribution points
    oid!(2.5.29.32), // certificate policies
    oid!(2.5.29.33), // policy mappings
    oid!(2.5.29.35), // authority key identifier
    oid!(2.5.29.36), // policy constraints
    oid!(2.5.29.37), // extended key usage
];

/// A parsed certificate.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) x509: X509Certificate<'a>,
    pub(crate) validity: Validity,
}

/// Names that a CA may or may not certify.
#[derive(Debug, Default)]
pub(crate) struct Constraints<'a> {
    pub(crate) permitted: Vec<&'a GeneralName<'a>>,
    pub(crate) excluded: Vec<&'a GeneralName<'a>>,
}

impl<'a> Certificate<'a> {
    /// Parses a certificate. `None` if the bytes are not a certificate.
    pub(crate) fn parse(der: &'a CertificateDer<'_>) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        Some(Self { der, x509, validity: Validity::of(der)? })
    }

    fn extensions(&self) -> impl Iterator<Item = &ParsedExtension<'a>> {
        self.x509.extensions().iter().map(X509Extension::parsed_extension)
    }

    pub(crate) fn has_unknown_critical_extension(&self) -> bool {
        let mut critical = self.x509.extensions().iter().filter(|extension| extension.critical);
        critical.any(|extension| {
            !KNOWN_EXTENSIONS.contains(&extension.oid) || has_unknown_names(extension.parsed_extension())
        })
    }

    /// Returns the subject alternative names. Go ignores the common name.
    pub(crate) fn alternative_names(&self) -> impl Iterator<Item = &GeneralName<'a>> {
        self.extensions().flat_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => &names.general_names[..],
            _ => &[],
        })
    }

    /// Returns true if the certificate may sign others. Only version 3 has basic constraints.
    pub(crate) fn is_ca(&self) -> bool {
        let mut constraints = self.extensions().filter_map(|extension| match extension {
            ParsedExtension::BasicConstraints(constraints) => Some(constraints.ca),
            _ => None,
        });
        constraints.next().unwrap_or(self.x509.version() != X509Version::V3)
    }

    /// Returns true if the key usage, if any, includes signing certificates.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.extensions().all(|extension| match extension {
            ParsedExtension::KeyUsage(usage) => usage.flags == 0 || usage.key_cert_sign(),
            _ => true,
        })
    }

    /// Returns true if the extended key usage, if any, includes servers.
    pub(crate) fn may_serve(&self) -> bool {
        self.extensions().all(|extension| match extension {
            ParsedExtension::ExtendedKeyUsage(usage) => usage.server_auth || usage.any,
            _ => true,
        })
    }

    /// Returns the maximum number of intermediate certificates below this one.
    pub(crate) fn max_intermediates(&self) -> Option<u32> {
        self.extensions().find_map(|extension| match extension {
            ParsedExtension::BasicConstraints(constraints) => constraints.path_len_constraint,
            _ => None,
        })
    }

    pub(crate) fn name_constraints(&self) -> Constraints<'_> {
        let mut all = Constraints::default();
        for extension in self.extensions() {
            if let ParsedExtension::NameConstraints(constraints) = extension {
                all.permitted.extend(constraints.permitted_subtrees.iter().flatten().map(|tree| &tree.base));
                all.excluded.extend(constraints.excluded_subtrees.iter().flatten().map(|tree| &tree.base));
            }
        }
        all
    }
}

/// Returns true if Go does not evaluate an extension because of its names: one unknown kind is enough in name constraints,
/// and all must be unknown in subject alternative names.
fn has_unknown_names(extension: &ParsedExtension<'_>) -> bool {
    match extension {
        ParsedExtension::NameConstraints(constraints) => {
            let trees = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
            trees.into_iter().flatten().flatten().any(|tree| !is_known_kind(&tree.base))
        }
        ParsedExtension::SubjectAlternativeName(names) => !names.general_names.iter().any(is_known_kind),
        _ => false,
    }
}

/// Returns true if Go evaluates this kind of name.
const fn is_known_kind(name: &GeneralName<'_>) -> bool {
    matches!(
        name,
        GeneralName::DNSName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::RFC822Name(_)
            | GeneralName::URI(_)
    )
}
