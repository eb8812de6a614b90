//! The steps from a pod to Google. `rolebridge-sidecar doctor --json` prints one line for each step.
//! `rolebridge doctor` reads these lines, and adds the steps that it checks from outside the pod.

use serde::{Deserialize, Serialize};

/// The arguments with which the sidecar prints its diagnosis as JSON.
pub const DOCTOR_ARGS: &[&str] = &["doctor", "--json"];

/// The further argument with which the sidecar also tries to sign as its service accounts. A service account needs a grant for
/// that, which most apps do without.
pub const SIGN_ARG: &str = "--sign";

/// A step from the projected token to the Google token, in order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The pod, checked from outside.
    Pod,
    /// The webhook's decision on the pod, checked from outside.
    Injection,
    /// The variables from config maps and secrets that hide Rolebridge's or that libraries prefer, checked from outside.
    Environment,
    /// The limits and quotas of the namespace, checked from outside.
    Limits,
    /// The sidecar container, checked from outside.
    Sidecar,
    /// The network policies that select the pod, checked from outside.
    NetworkPolicies,
    /// The cluster's OIDC issuer, checked from outside.
    Issuer,
    /// The sidecar's environment variables.
    Settings,
    /// The token that the running sidecar has published.
    Published,
    /// The pod's projected token from the kubelet.
    ProjectedToken,
    /// The connection to AWS STS.
    AwsSts,
    /// The difference between the node's clock and AWS's clock.
    Clock,
    /// The AWS session.
    Role,
    /// The signed request as AWS evaluates it: acceptance and caller.
    Signature,
    /// The JSON web token of AWS STS.
    WebToken,
    /// The exchange at Google STS.
    GoogleSts,
    /// The federated principal that Google is expected to see.
    Principal,
    /// The service account's access token.
    Impersonation,
    /// The service account's ID token.
    IdToken,
    /// A signature of the service account, as for a signed URL.
    Signing,
}

impl Step {
    /// Returns the name for text output.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Injection => "injection",
            Self::Environment => "environment",
            Self::Limits => "limits",
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
            Self::Signing => "signing",
        }
    }

    /// The maximum length of a [`Step::title`].
    pub const WIDEST_TITLE: usize = "published token".len();
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// The step succeeded.
    Ok,
    /// The step succeeded, but needs attention.
    Warning,
    /// The step failed.
    Failed,
    /// The step was not run because an earlier step failed.
    Skipped,
}

impl StepStatus {
    /// Returns the name for text output.
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

/// The result of a step with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step.
    pub step: Step,
    /// The status.
    pub status: StepStatus,
    /// The error's reason code, the same as in metrics and logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The finding, a sentence.
    pub message: String,
    /// The fix, if it is known: an imperative without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// The finding's values, for programs.
    #[serde(default)]
    pub evidence: Evidence,
}

/// The values that a step found. Contains no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// The identity that the pod proves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The provider's resource name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The issuer of the projected token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The audiences of the projected token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// The subject of the projected token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The host of the attempted connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The seconds by which AWS's clock is ahead of the node's clock.
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
    /// The caller as AWS sees it: the ARN of the assumed role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The principal that Google is expected to see, in the form of IAM policies. It is computed: Google names the real one
    /// only to OAuth clients with a secret.
    #[serde(alias = "principal", skip_serializing_if = "Option::is_none")]
    pub expected_principal: Option<String>,
    /// The impersonated service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The chain of service accounts before the impersonated one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<String>,
    /// The seconds until the obtained or found token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}
