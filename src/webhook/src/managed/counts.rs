//! What is counted of the certificates that the webhook manages itself.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use k8s_openapi::jiff::Timestamp;

use crate::page::{Page, Type};

/// Something that can fail, each time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Holding the Lease.
    Lease,
    /// Reading the configurations.
    ReadConfigurations,
    /// Publishing CAs in them.
    Publish,
    /// Reading the Secret.
    ReadSecret,
    /// Writing it.
    WriteSecret,
}

/// Something that was made new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// A new CA.
    Authority,
    /// A new certificate.
    Certificate,
    /// A configuration's `caBundle`.
    Bundle,
}

const STEPS: [&str; 5] = ["lease", "read-configurations", "publish", "read-secret", "write-secret"];
const RENEWED: [&str; 3] = ["ca", "certificate", "ca-bundle"];

/// The counts.
#[derive(Debug, Default)]
pub struct Counts {
    failures: [AtomicU64; STEPS.len()],
    renewals: [AtomicU64; RENEWED.len()],
    leads: AtomicBool,
    /// Zero where it is not known.
    authority_end: AtomicI64,
}

impl Counts {
    /// A step failed.
    pub fn failure(&self, step: Step) {
        self.failures[step as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// This replica renewed something.
    pub fn renewal(&self, renewed: Renewed) {
        self.renewals[renewed as usize].fetch_add(1, Ordering::Relaxed);
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
        for (count, what) in self.renewals.iter().zip(RENEWED) {
            family.sample(&[("what", what)], count.load(Ordering::Relaxed));
        }
        let mut family = page.family(
            "certificate_faults_total",
            Type::Counter,
            "Steps of managing the certificates that failed, and are tried again.",
        );
        for (count, step) in self.failures.iter().zip(STEPS) {
            family.sample(&[("step", step)], count.load(Ordering::Relaxed));
        }
    }
}
