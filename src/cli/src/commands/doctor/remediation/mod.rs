//! What mends the first hop that failed, in the summary of that very pod: its role, its issuer, its service account.
//!
//! Pure: from what the hops have shown.

mod aws;
mod google;
mod network;

use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use serde::Serialize;

use crate::commands::setup::Role;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remediation {
    /// In a sentence.
    pub(crate) summary: String,
    /// What to snippet: commands, a policy, YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) snippet: String,
}

impl Remediation {
    pub(crate) fn new(summary: impl Into<String>, snippet: impl Into<String>) -> Self {
        Self { summary: summary.into(), snippet: snippet.into() }
    }
}

/// Where the pod is, for the commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceAccountRef<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) service_account: &'a str,
}

impl<'a> ServiceAccountRef<'a> {
    /// By the projected token, which names both.
    pub(crate) fn of(steps: &'a [StepResult]) -> Self {
        let subject = steps.iter().find_map(|result| result.evidence.subject.as_deref()).unwrap_or_default();
        let named = subject.strip_prefix("system:serviceaccount:").and_then(|pair| pair.split_once(':'));
        let (namespace, service_account) = named.unwrap_or(("NAMESPACE", "SERVICEACCOUNT"));
        Self { namespace, service_account }
    }
}

/// The mend of the first hop that failed: a hop that was tried says more than what is seen from outside.
pub(crate) fn of(steps: &[StepResult], place: ServiceAccountRef<'_>) -> Option<Remediation> {
    let failed = || steps.iter().filter(|result| result.status == StepStatus::Failed);
    let failed = failed().find(|result| result.reason.is_some()).or_else(|| failed().next())?;
    let reason = failed.reason.as_deref().unwrap_or_default();
    let known = PodEvidence { evidence: known(steps), failed, place };
    network::remediation(reason, &known)
        .or_else(|| aws::remediation(reason, &known))
        .or_else(|| google::remediation(reason, &known))
        .or_else(|| generic_remediation(failed))
}

/// Where a sentence ends that says what is wrong, and one begins that says what anyone would remediation.
const REMEDIATION_PREFIX: &str = " To mend: ";

/// What is wrong, without what mends it.
pub(crate) fn cause(message: &str) -> &str {
    message.split_once(REMEDIATION_PREFIX).map_or(message, |(cause, _)| cause)
}

/// What the hop's own sentence says.
fn generic_remediation(failed: &StepResult) -> Option<Remediation> {
    if failed.step == Step::Settings {
        let summary = "the webhook writes the sidecar's environment, so that something else has changed it since: another \
                     webhook, or whoever wrote the container by hand. Make the pod anew, and compare its container \
                     rolebridge with what `rolebridge explain` shows.";
        return Some(Remediation::new(summary, ""));
    }
    let (_, summary) = failed.message.split_once(REMEDIATION_PREFIX)?;
    Some(Remediation::new(summary, ""))
}

/// What all hops have shown, and the one that failed.
struct PodEvidence<'a> {
    evidence: Evidence,
    failed: &'a StepResult,
    place: ServiceAccountRef<'a>,
}

impl PodEvidence<'_> {
    fn role(&self) -> Option<Role> {
        self.evidence.role.as_deref().and_then(Role::parse)
    }

    /// The issuer as AWS names its provider and the condition keys.
    fn issuer_host(&self) -> Option<&str> {
        self.evidence.issuer.as_deref()?.strip_prefix("https://")
    }

    fn audience(&self) -> &str {
        self.evidence.audiences.first().map_or("sts.amazonaws.com", String::as_str)
    }

    fn provider(&self) -> Option<Provider<'_>> {
        Provider::parse(self.evidence.provider.as_deref()?)
    }
}

/// The parts of a provider's resource name.
struct Provider<'a> {
    project: &'a str,
    pool: &'a str,
    name: &'a str,
}

impl<'a> Provider<'a> {
    fn parse(resource: &'a str) -> Option<Self> {
        let parts: Vec<_> = resource.split('/').collect();
        let ["projects", project, "locations", "global", "workloadIdentityPools", pool, "providers", name] =
            parts[..]
        else {
            return None;
        };
        Some(Self { project, pool, name })
    }

    /// The flags that name its pool.
    fn flags(&self) -> String {
        format!("--project {} --location global --workload-identity-pool {}", self.project, self.pool)
    }
}

/// What the hops have shown, each thing by the first that shows it. The subject token's own issuer and subject come
/// after the projected token's, and are not these.
fn known(steps: &[StepResult]) -> Evidence {
    let all =
        |of: fn(&Evidence) -> &Option<String>| steps.iter().find_map(|result| of(&result.evidence).clone());
    let list = |of: fn(&Evidence) -> &Vec<String>| {
        steps
            .iter()
            .map(|result| of(&result.evidence))
            .find(|list| !list.is_empty())
            .cloned()
            .unwrap_or_default()
    };
    Evidence {
        identity: all(|evidence| &evidence.identity),
        provider: all(|evidence| &evidence.provider),
        issuer: all(|evidence| &evidence.issuer),
        audiences: list(|evidence| &evidence.audiences),
        subject: all(|evidence| &evidence.subject),
        host: all(|evidence| &evidence.host),
        clock_offset: steps.iter().find_map(|result| result.evidence.clock_offset),
        region: all(|evidence| &evidence.region),
        role: all(|evidence| &evidence.role),
        session_name: all(|evidence| &evidence.session_name),
        caller: all(|evidence| &evidence.caller),
        principal: all(|evidence| &evidence.principal),
        service_account: all(|evidence| &evidence.service_account),
        delegates: list(|evidence| &evidence.delegates),
        expires_in_seconds: None,
    }
}
