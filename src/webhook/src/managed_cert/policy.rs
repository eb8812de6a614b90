//! Service name and lifetimes of the managed certificates.

use std::time::Duration;

/// Minimum lifetime of a certificate, because certificates count in whole seconds.
const MIN_LEAF_LIFETIME: Duration = Duration::from_secs(5);

/// Service name and lifetimes of the managed certificates.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Namespace of the Service that API servers call.
    pub namespace: String,
    /// Name of the Service.
    pub service: String,
    /// Lifetime of a CA.
    pub ca_lifetime: Duration,
    /// Lifetime of a certificate.
    pub leaf_lifetime: Duration,
    /// Time between publishing a CA and serving its first certificate.
    pub publish_delay: Duration,
}

impl Policy {
    /// Returns the DNS name that API servers expect in the certificate.
    #[must_use]
    pub fn server_name(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// Checks that the durations leave room for each other.
    ///
    /// # Errors
    ///
    /// Returns an error that names the flags if they do not.
    pub fn check(&self) -> Result<(), String> {
        let Self { ca_lifetime, leaf_lifetime, publish_delay, .. } = self;
        // A CA is renewed when a third of its lifetime is left. Until then its certificates must have a full lifetime.
        if *ca_lifetime < *leaf_lifetime * 3 {
            return Err(format!(
                "--managed-ca-lifetime: expected at least three times --managed-leaf-lifetime ({leaf_lifetime:?}), \
                 found {ca_lifetime:?}"
            ));
        }
        // A certificate is renewed when a third of its lifetime is left. A new CA may have to be published in that time.
        if *leaf_lifetime < *publish_delay * 10 || *leaf_lifetime < MIN_LEAF_LIFETIME {
            return Err(format!(
                "--managed-leaf-lifetime: expected at least ten times --managed-publish-delay ({publish_delay:?}), and \
                 at least {MIN_LEAF_LIFETIME:?}, found {leaf_lifetime:?}"
            ));
        }
        Ok(())
    }
}
