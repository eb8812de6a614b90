//! The command line's part about certificates that the webhook manages itself.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::Settings;
use super::policy::Policy;
use crate::arguments::duration;

/// A Lease counts in seconds.
const LEAST_LEASE: Duration = Duration::from_secs(1);

/// An object by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("NAMESPACE/NAME would be right".to_owned()),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Flags that hold where the webhook makes its own certificate.
#[derive(Debug, Clone, Args)]
pub struct Managed {
    /// Make and renew the certificate, with a CA of its own, and keep both in this Secret, which must exist
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_CERTIFICATE", value_name = "NAMESPACE/SECRET", requires_all = ["managed_lease", "managed_service", "configuration"])]
    pub managed_certificate: Option<ObjectName>,

    /// The Lease by which one replica leads, in the Secret's namespace; it is made if it is not there
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEASE",
        value_name = "NAME",
        requires = "managed_certificate"
    )]
    pub managed_lease: Option<String>,

    /// The Service that API servers call, in the Secret's namespace
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_MANAGED_SERVICE",
        value_name = "NAME",
        requires = "managed_certificate"
    )]
    pub managed_service: Option<String>,

    /// How long a CA is valid; the next one is made with a third of that left, or a little more
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_CA_LIFETIME", value_name = "DURATION", default_value = "8760h", value_parser = duration)]
    pub managed_ca_lifetime: Duration,

    /// How long a certificate is valid; the next one is made with a third of that left, or a little more
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEAF_LIFETIME", value_name = "DURATION", default_value = "720h", value_parser = duration)]
    pub managed_leaf_lifetime: Duration,

    /// How long a new CA is published before a certificate of it is served: until the last API server has heard of it
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_PUBLISH_DELAY", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub managed_publish_delay: Duration,

    /// How long to wait for a leader that says nothing
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub managed_lease_duration: Duration,
}

impl Managed {
    /// What the flags say, if they ask for it at all.
    ///
    /// # Errors
    ///
    /// The times leave no room for each other.
    pub fn settings(&self, interval: Duration) -> Result<Option<Settings>, String> {
        let (Some(secret), Some(lease), Some(service)) =
            (&self.managed_certificate, &self.managed_lease, &self.managed_service)
        else {
            return Ok(None);
        };
        let policy = Policy {
            namespace: secret.namespace.clone(),
            service: service.clone(),
            authority_lifetime: self.managed_ca_lifetime,
            leaf_lifetime: self.managed_leaf_lifetime,
            publish_delay: self.managed_publish_delay,
        };
        policy.check()?;
        if self.managed_lease_duration < LEAST_LEASE {
            return Err(format!(
                "--managed-lease-duration is {:?}; {LEAST_LEASE:?} or more would be right.",
                self.managed_lease_duration
            ));
        }
        Ok(Some(Settings {
            secret: secret.clone(),
            lease: lease.clone(),
            lease_duration: self.managed_lease_duration,
            interval,
            policy,
        }))
    }
}
