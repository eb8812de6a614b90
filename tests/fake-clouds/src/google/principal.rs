//! Callers of Google: federated identities, service accounts and people.

use std::collections::BTreeMap;
use std::fmt;

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// An identity of a workload identity pool.
    Federated {
        /// `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL`.
        pool: String,
        /// The mapped `google.subject`.
        subject: String,
        /// The mapped `attribute.NAME`s, by NAME.
        attributes: BTreeMap<String, String>,
    },
    /// A service account.
    ServiceAccount {
        /// The email address.
        email: String,
    },
    /// A person.
    User {
        /// The email address.
        email: String,
    },
}

/// Formats the principal as in IAM policies and audit logs.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Federated { pool, subject, .. } => write!(f, "principal:{pool}/subject/{subject}"),
            Self::ServiceAccount { email } => write!(f, "serviceAccount:{email}"),
            Self::User { email } => write!(f, "user:{email}"),
        }
    }
}

impl Principal {
    /// Returns the mapped attributes under their names in mappings.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        match self {
            Self::Federated { subject, attributes, .. } => {
                let named =
                    attributes.iter().map(|(name, value)| (format!("attribute.{name}"), value.clone()));
                named.chain([("google.subject".to_owned(), subject.clone())]).collect()
            }
            Self::ServiceAccount { .. } | Self::User { .. } => BTreeMap::new(),
        }
    }

    /// Returns the name in error messages: for a service account and a person the bare email address.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Federated { .. } => self.to_string(),
            Self::ServiceAccount { email } | Self::User { email } => email.clone(),
        }
    }
}
