//! The hops from a pod to Google: what `rolebridge-sidecar doctor --json` says, a line for each, and `rolebridge doctor`
//! reads, with the hops before them that are seen from outside.

use serde::{Deserialize, Serialize};

/// The sidecar's arguments that make it say so.
pub const DOCTOR_ARGS: &[&str] = &["doctor", "--json"];

/// A hop on the way from the projected token to Google's, in the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The pod, from outside.
    Pod,
    /// Whether the webhook injected it, from outside.
    Injection,
    /// The sidecar's container, from outside.
    Sidecar,
    /// The network policies that select the pod, from outside.
    NetworkPolicies,
    /// The cluster's OIDC issuer, from outside.
    Issuer,
    /// The sidecar's environment.
    Settings,
    /// What the running sidecar has published.
    Published,
    /// The pod's own token, from the kubelet.
    ProjectedToken,
    /// The way to AWS STS.
    AwsSts,
    /// The node's clock beside AWS's.
    Clock,
    /// The AWS session.
    Role,
    /// Whether AWS takes what is signed with it, and whom it sees.
    Signature,
    /// AWS's JSON web token.
    WebToken,
    /// The exchange at Google STS.
    GoogleSts,
    /// Whom Google sees.
    Principal,
    /// The service account's access token.
    Impersonation,
    /// The service account's ID token.
    IdToken,
}

impl Step {
    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Injection => "injection",
            Self::Sidecar => "sidecar",
            Self::NetworkPolicies => "network policy",
            Self::Issuer => "cluster issuer",
            Self::Settings => "settings",
            Self::Published => "published token",
            Self::ProjectedToken => "projected token",
            Self::AwsSts => "AWS STS",
            Self::Clock => "clock",
            Self::Role => "AWS role",
            Self::Signature => "signature",
            Self::WebToken => "AWS JWT",
            Self::GoogleSts => "Google STS",
            Self::Principal => "principal",
            Self::Impersonation => "impersonation",
            Self::IdToken => "ID token",
        }
    }

    /// The most characters of a [`Step::title`].
    pub const WIDEST_TITLE: usize = "published token".len();
}

/// How a hop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Well.
    Ok,
    /// Well, but somebody should look at it.
    Warning,
    /// Not.
    Failed,
    /// It was not tried, since one before it failed.
    Skipped,
}

impl StepStatus {
    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What is known of one hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// Which.
    pub step: Step,
    /// How it went.
    pub status: StepStatus,
    /// The code of what is wrong, as metrics and logs name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was found, in a sentence.
    pub message: String,
    /// The fix, if it is known: an imperative without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// The same for programs.
    #[serde(default)]
    pub evidence: Evidence,
}

/// What a hop shows. No secret is among it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// What the pod proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The provider's resource name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Who signed the projected token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// For whom it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Whom it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whom a connection was made to, or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Seconds that AWS's clock is ahead of the node's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<i64>,
    /// The region of AWS STS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The ARN of the IAM role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The role session name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// Whom AWS sees: the ARN of the assumed role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Whom Google sees, as IAM policies name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The service account that is impersonated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The chain of service accounts before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<String>,
    /// How many seconds what was got, or found, lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}
