//! For whom certificates are made, and how long they last.

use std::time::Duration;

/// What planning goes by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The namespace of the service that API servers call.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// How long a CA is valid.
    pub authority_lifetime: Duration,
    /// How long a certificate is valid.
    pub leaf_lifetime: Duration,
    /// How long a CA has to be published before its certificate may be served.
    pub publish_delay: Duration,
}

impl Policy {
    /// The name that API servers demand of the certificate.
    #[must_use]
    pub fn server_name(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// Whether the times leave room for each other.
    ///
    /// # Errors
    ///
    /// A sentence with the flags.
    pub fn check(&self) -> Result<(), String> {
        let Self { authority_lifetime, leaf_lifetime, publish_delay, .. } = self;
        // A CA is renewed with a third of its life left, in which it must be able to sign for a whole one.
        if *authority_lifetime < *leaf_lifetime * 3 {
            return Err(format!(
                "--managed-ca-lifetime is {authority_lifetime:?} and --managed-leaf-lifetime {leaf_lifetime:?}; a CA \
                 that lasts at least three times as long would be right."
            ));
        }
        // A certificate is renewed with a third of its life left, in which a new CA may have to be published first.
        if *leaf_lifetime < *publish_delay * 10 || *leaf_lifetime < LEAST {
            return Err(format!(
                "--managed-leaf-lifetime is {leaf_lifetime:?} and --managed-publish-delay {publish_delay:?}; a \
                 certificate that lasts at least ten times as long, and {LEAST:?}, would be right."
            ));
        }
        Ok(())
    }
}

/// Certificates count in whole seconds.
const LEAST: Duration = Duration::from_secs(5);
