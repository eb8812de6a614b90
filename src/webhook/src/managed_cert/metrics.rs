//! Metrics of the managed certificate.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use k8s_openapi::jiff::Timestamp;
use rolebridge_telemetry::exposition::{Exposition, MetricType};

use crate::metrics::{Counters, add, labels, value, zeros};

labels! {
    /// A step that can fail and is then retried.
    CertStep {
        /// Acquiring or renewing the Lease.
        Lease = "lease",
        /// Reading the webhook configurations.
        ReadConfigurations = "read-configurations",
        /// Publishing CAs in the configurations.
        Publish = "publish",
        /// Reading the Secret.
        ReadSecret = "read-secret",
        /// Writing the Secret.
        WriteSecret = "write-secret",
    }
}

labels! {
    /// A renewed object.
    RenewedObject {
        /// A CA.
        Ca = "ca",
        /// A serving certificate.
        Certificate = "certificate",
        /// A configuration's `caBundle`.
        CaBundle = "ca-bundle",
    }
}

/// Metrics of the managed certificate.
#[derive(Debug)]
pub struct ManagedCertMetrics {
    errors: Counters<{ CertStep::LABELS.len() }>,
    renewals: Counters<{ RenewedObject::LABELS.len() }>,
    is_leader: AtomicBool,
    /// Unix time; zero if unknown.
    ca_expiry: AtomicI64,
}

impl Default for ManagedCertMetrics {
    fn default() -> Self {
        Self {
            errors: zeros(),
            renewals: zeros(),
            is_leader: AtomicBool::default(),
            ca_expiry: AtomicI64::default(),
        }
    }
}

impl ManagedCertMetrics {
    /// Counts a failed step.
    pub fn record_error(&self, step: CertStep) {
        add(&self.errors[step as usize], 1);
    }

    /// Counts a renewal by this replica.
    pub fn record_renewal(&self, object: RenewedObject) {
        add(&self.renewals[object as usize], 1);
    }

    /// Sets whether this replica is the leader.
    pub fn set_leader(&self, is_leader: bool) {
        self.is_leader.store(is_leader, Ordering::Relaxed);
    }

    /// Sets the expiry of the current CA, if known.
    pub fn set_ca_expiry(&self, expiry: Option<Timestamp>) {
        self.ca_expiry.store(expiry.map_or(0, Timestamp::as_second), Ordering::Relaxed);
    }

    /// Writes all metrics.
    pub fn write(&self, exposition: &mut Exposition) {
        exposition
            .family("leader", MetricType::Gauge, "1 if this replica renews the CA and the certificate.")
            .sample(&[], u8::from(self.is_leader.load(Ordering::Relaxed)));
        let expiry = self.ca_expiry.load(Ordering::Relaxed);
        if expiry != 0 {
            exposition
                .family(
                    "ca_expiry_timestamp_seconds",
                    MetricType::Gauge,
                    "Expiry of the current CA, Unix time.",
                )
                .sample(&[], expiry);
        }
        let mut family = exposition.family(
            "renewals_total",
            MetricType::Counter,
            "Renewals by this replica: CAs and certificates as the leader, and outdated caBundles.",
        );
        for (count, object) in self.renewals.iter().zip(RenewedObject::LABELS) {
            family.sample(&[("object", object)], value(count));
        }
        let mut family = exposition.family(
            "certificate_errors_total",
            MetricType::Counter,
            "Failed steps of certificate management, which are retried.",
        );
        for (count, step) in self.errors.iter().zip(CertStep::LABELS) {
            family.sample(&[("step", step)], value(count));
        }
    }
}
