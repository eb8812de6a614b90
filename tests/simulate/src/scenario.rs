//! A scenario: pods, when they start, what they read tokens from, and the clouds' quotas and outages. `scenarios.yaml` has
//! those of the book.

use std::ops::Range;
use std::time::Duration;

use rolebridge_tests::error::{Context, Result};
use serde::Deserialize;

use crate::quota::Quota;

const SCENARIOS: &str = include_str!("scenarios.yaml");

/// A scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The name in the tables, which says what is special.
    pub(crate) name: String,
    #[serde(default = "default_pods")]
    pub(crate) pods: u32,
    /// The minutes in which the pods start, at an even rate.
    pub(crate) rollout_minutes: u64,
    /// The simulated time.
    #[serde(default = "default_hours")]
    pub(crate) hours: u64,
    /// The place from which the apps read.
    pub(crate) source: Source,
    /// True if the apps use a Google service account.
    #[serde(default = "yes")]
    pub(crate) impersonates: bool,
    /// The processes in a pod that read tokens.
    #[serde(default = "one")]
    pub(crate) processes: u32,
    /// The endpoints of Google STS, each with a quota of its own.
    #[serde(default = "one_endpoint")]
    pub(crate) endpoints: u8,
    /// The time that has passed of a quota's minute at the start.
    #[serde(skip)]
    pub(crate) phase: Duration,
    #[serde(default)]
    pub(crate) outages: Vec<Outage>,
    /// AWS STS, for an account and a region.
    #[serde(default = "aws_quota")]
    pub(crate) aws_quota: Quota,
    /// Google STS, for a project and an endpoint.
    #[serde(default = "exchange_quota")]
    pub(crate) exchange_quota: Quota,
    /// The IAM Credentials API, for a project.
    #[serde(default = "impersonation_quota")]
    pub(crate) impersonation_quota: Quota,
}

/// The place from which an app reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    /// The library exchanges the subject token: `loopback` and `file`.
    Library,
    /// The sidecar exchanges it, and the library reads the access token: `metadata`.
    Metadata,
}

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Cloud {
    Aws,
    Google,
}

/// A time in which a cloud answers each call with an internal error.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Outage {
    pub(crate) cloud: Cloud,
    pub(crate) minutes: Range<u64>,
}

impl Scenario {
    /// Reads `scenarios.yaml`.
    pub(crate) fn read_all() -> Result<Vec<Self>> {
        serde_saphyr::from_str(SCENARIOS).context("failed to parse scenarios.yaml")
    }

    /// Returns the same with a fraction of the pods and of the quotas, so that all rates keep their proportions.
    pub(crate) fn divided(mut self, divisor: u32) -> Self {
        let divide = |quota| match quota {
            Quota::PerMinute(limit) => Quota::PerMinute(limit / divisor),
            Quota::PerSecond(limit) => Quota::PerSecond(limit / divisor),
        };
        self.pods /= divisor;
        self.aws_quota = divide(self.aws_quota);
        self.exchange_quota = divide(self.exchange_quota);
        self.impersonation_quota = divide(self.impersonation_quota);
        self
    }

    pub(crate) const fn duration(&self) -> Duration {
        Duration::from_hours(self.hours)
    }

    pub(crate) const fn rollout(&self) -> Duration {
        Duration::from_mins(self.rollout_minutes)
    }

    /// Returns true if the cloud has an outage at that time.
    pub(crate) fn is_out(&self, cloud: Cloud, at: Duration) -> bool {
        let minute = at.as_secs() / 60;
        self.outages.iter().any(|outage| outage.cloud == cloud && outage.minutes.contains(&minute))
    }
}

const fn default_pods() -> u32 {
    100_000
}

const fn default_hours() -> u64 {
    3
}

const fn yes() -> bool {
    true
}

const fn one() -> u32 {
    1
}

const fn one_endpoint() -> u8 {
    1
}

/// AWS documents 600 calls a second for an account and a region, for the calls of AWS STS that need credentials. It does not
/// document a number for `AssumeRoleWithWebIdentity`: this assumes the same.
const fn aws_quota() -> Quota {
    Quota::PerSecond(600)
}

/// Google Cloud, IAM quotas and limits: exchanges of workload identity federation.
const fn exchange_quota() -> Quota {
    Quota::PerMinute(6_000)
}

/// Google Cloud, IAM quotas and limits: requests that create credentials of service accounts.
const fn impersonation_quota() -> Quota {
    Quota::PerMinute(60_000)
}
