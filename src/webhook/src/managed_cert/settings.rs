//! Settings of the managed certificate.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::policy::Policy;

/// Settings of the managed certificate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Secret with the CA and the certificate.
    pub secret: ObjectName,
    /// Name of the Lease, in the Secret's namespace.
    pub lease: String,
    /// Time after which a leader that does not renew its Lease is replaced.
    pub lease_duration: Duration,
    /// Time between two reconciliations.
    pub interval: Duration,
    /// Service name and lifetimes of the certificates.
    pub policy: Policy,
}

/// Namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("expected NAMESPACE/NAME".to_owned()),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
