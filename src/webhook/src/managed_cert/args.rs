//! Command-line flags of the managed certificate.

use std::time::Duration;

use clap::Args;

use super::policy::Policy;
use super::settings::{ObjectName, Settings};
use crate::value_parsers::duration;

/// Minimum lease duration: a Lease counts in whole seconds.
const MIN_LEASE_DURATION: Duration = Duration::from_secs(1);

/// Flags of the managed certificate.
#[derive(Debug, Clone, Args)]
pub struct ManagedCertArgs {
    /// Issue and renew the certificate with a private CA, and store both in this Secret, which must exist
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_CERTIFICATE", value_name = "NAMESPACE/SECRET", requires_all = ["managed_lease", "managed_service", "configuration"])]
    pub managed_certificate: Option<ObjectName>,

    /// Lease for leader election, in the Secret's namespace; created if it is missing
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEASE",
        value_name = "NAME",
        requires = "managed_certificate"
    )]
    pub managed_lease: Option<String>,

    /// Service that API servers call, in the Secret's namespace
    #[arg(
        long,
        env = "ROLEBRIDGE_WEBHOOK_MANAGED_SERVICE",
        value_name = "NAME",
        requires = "managed_certificate"
    )]
    pub managed_service: Option<String>,

    /// Lifetime of a CA; renewed when a third of it is left, or slightly earlier
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_CA_LIFETIME", value_name = "DURATION", default_value = "8760h", value_parser = duration)]
    pub managed_ca_lifetime: Duration,

    /// Lifetime of a certificate; renewed when a third of it is left, or slightly earlier
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEAF_LIFETIME", value_name = "DURATION", default_value = "720h", value_parser = duration)]
    pub managed_leaf_lifetime: Duration,

    /// Time between publishing a new CA and serving its first certificate, until every API server has seen the CA
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_PUBLISH_DELAY", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub managed_publish_delay: Duration,

    /// Time after which a leader that does not renew its Lease is replaced
    #[arg(long, env = "ROLEBRIDGE_WEBHOOK_MANAGED_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub managed_lease_duration: Duration,
}

impl ManagedCertArgs {
    /// Returns the settings, or `None` if the certificate is not managed.
    ///
    /// # Errors
    ///
    /// Returns an error if the durations do not leave room for each other.
    pub fn settings(&self, interval: Duration) -> Result<Option<Settings>, String> {
        let (Some(secret), Some(lease), Some(service)) =
            (&self.managed_certificate, &self.managed_lease, &self.managed_service)
        else {
            return Ok(None);
        };
        let policy = Policy {
            namespace: secret.namespace.clone(),
            service: service.clone(),
            ca_lifetime: self.managed_ca_lifetime,
            leaf_lifetime: self.managed_leaf_lifetime,
            publish_delay: self.managed_publish_delay,
        };
        policy.check()?;
        if self.managed_lease_duration < MIN_LEASE_DURATION {
            return Err(format!(
                "--managed-lease-duration: expected {MIN_LEASE_DURATION:?} or more, found {:?}",
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
