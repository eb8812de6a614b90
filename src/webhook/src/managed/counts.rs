//! What is counted of the certificates that the webhook manages itself.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use k8s_openapi::jiff::Timestamp;

use crate::metrics::{self, add, labels, value, zeros};
use crate::page::{Page, Type};

labels! {
    /// Something that can fail, each time anew.
    Step {
        /// Holding the Lease.
        Lease = "lease",
        /// Reading the configurations.
        ReadConfigurations = "read-configurations",
        /// Publishing CAs in them.
        Publish = "publish",
        /// Reading the Secret.
        ReadSecret = "read-secret",
        /// Writing it.
        WriteSecret = "write-secret",
    }
}

labels! {
    /// Something that was made new.
    Renewed {
        /// A new CA.
        Authority = "ca",
        /// A new certificate.
        Certificate = "certificate",
        /// A configuration's `caBundle`.
        Bundle = "ca-bundle",
    }
}

/// The counts.
#[derive(Debug)]
pub struct Counts {
    failures: metrics::Counts<{ Step::LABELS.len() }>,
    renewals: metrics::Counts<{ Renewed::LABELS.len() }>,
    leads: AtomicBool,
    /// Zero where it is not known.
    authority_end: AtomicI64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            failures: zeros(),
            renewals: zeros(),
            leads: AtomicBool::default(),
            authority_end: AtomicI64::default(),
        }
    }
}

impl Counts {
    /// A step failed.
    pub fn failure(&self, step: Step) {
        add(&self.failures[step as usize], 1);
    }

    /// This replica renewed something.
    pub fn renewal(&self, renewed: Renewed) {
        add(&self.renewals[renewed as usize], 1);
    }

    /// Whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leads.store(leads, Ordering::Relaxed);
    }

    /// When the CA that signs ends, as far as it is known.
    pub fn authority_ends(&self, end: Option<Timestamp>) {
        self.authority_end.store(end.map_or(0, Timestamp::as_second), Ordering::Relaxed);
    }

    /// Writes everything.
    pub fn write(&self, page: &mut Page) {
        page.family("leader", Type::Gauge, "1 if this replica renews the CA and the certificate.")
            .sample(&[], u8::from(self.leads.load(Ordering::Relaxed)));
        let end = self.authority_end.load(Ordering::Relaxed);
        if end != 0 {
            page.family(
                "ca_expiry_timestamp_seconds",
                Type::Gauge,
                "When the CA that signs ends, Unix time.",
            )
            .sample(&[], end);
        }
        let mut family = page.family(
            "renewals_total",
            Type::Counter,
            "What this replica renewed: CAs and certificates as the leader, and caBundles that did not fit.",
        );
        for (count, what) in self.renewals.iter().zip(Renewed::LABELS) {
            family.sample(&[("what", what)], value(count));
        }
        let mut family = page.family(
            "certificate_faults_total",
            Type::Counter,
            "Steps of managing the certificates that failed, and are tried again.",
        );
        for (count, step) in self.failures.iter().zip(Step::LABELS) {
            family.sample(&[("step", step)], value(count));
        }
    }
}
