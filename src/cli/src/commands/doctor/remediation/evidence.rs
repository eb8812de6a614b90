//! The facts that remediations refer to.

use rolebridge_core::aws::RoleArn;
use rolebridge_core::diagnostics::{Evidence, StepResult};
use rolebridge_core::google::ProviderName;

/// The Kubernetes service account of a pod.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::doctor) struct ServiceAccountRef<'a> {
    pub(in crate::commands::doctor) namespace: &'a str,
    pub(in crate::commands::doctor) name: &'a str,
}

impl<'a> ServiceAccountRef<'a> {
    /// Returns the service account from the subject of the projected token, or placeholders.
    fn of(steps: &'a [StepResult]) -> Self {
        let subject = steps.iter().find_map(|result| result.evidence.subject.as_deref()).unwrap_or_default();
        let account =
            subject.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
        let (namespace, name) = account.unwrap_or(("NAMESPACE", "SERVICEACCOUNT"));
        Self { namespace, name }
    }
}

/// The evidence of all steps, and the step that failed.
pub(super) struct PodEvidence<'a> {
    pub(super) evidence: Evidence,
    pub(super) failed: &'a StepResult,
    pub(super) account: ServiceAccountRef<'a>,
}

impl<'a> PodEvidence<'a> {
    pub(super) fn new(
        steps: &'a [StepResult],
        failed: &'a StepResult,
        account: Option<ServiceAccountRef<'a>>,
    ) -> Self {
        let account = account.unwrap_or_else(|| ServiceAccountRef::of(steps));
        Self { evidence: merge(steps), failed, account }
    }

    pub(super) fn role(&self) -> Option<RoleArn<&str>> {
        RoleArn::parse(self.evidence.role.as_deref()?).ok()
    }

    /// Returns the AWS account ID of the caller that AWS authenticated.
    pub(super) fn caller_account(&self) -> Option<&str> {
        self.evidence.caller.as_deref()?.split(':').nth(4)
    }

    /// Returns the issuer without `https://`, as in IAM provider ARNs and condition keys.
    pub(super) fn issuer_host(&self) -> Option<&str> {
        self.evidence.issuer.as_deref()?.strip_prefix("https://")
    }

    pub(super) fn audience(&self) -> &str {
        self.evidence.audiences.first().map_or("sts.amazonaws.com", String::as_str)
    }

    pub(super) fn provider(&self) -> Option<ProviderName<&str>> {
        ProviderName::parse(self.evidence.provider.as_deref()?).ok()
    }
}

/// Returns the gcloud flags that select a provider's pool.
pub(super) fn pool_flags(provider: &ProviderName<&str>) -> String {
    format!(
        "--project {} --location global --workload-identity-pool {}",
        provider.project_number(),
        provider.pool()
    )
}

/// Merges the evidence of all steps; the first step with a value wins.
///
/// The issuer and the subject are therefore those of the projected token, not those of the later subject token.
fn merge(steps: &[StepResult]) -> Evidence {
    let value = |field: fn(&Evidence) -> &Option<String>| {
        steps.iter().find_map(|result| field(&result.evidence).clone())
    };
    let list = |field: fn(&Evidence) -> &Vec<String>| {
        steps
            .iter()
            .map(|result| field(&result.evidence))
            .find(|list| !list.is_empty())
            .cloned()
            .unwrap_or_default()
    };
    Evidence {
        identity: value(|evidence| &evidence.identity),
        provider: value(|evidence| &evidence.provider),
        issuer: value(|evidence| &evidence.issuer),
        audiences: list(|evidence| &evidence.audiences),
        subject: value(|evidence| &evidence.subject),
        host: value(|evidence| &evidence.host),
        clock_offset: steps.iter().find_map(|result| result.evidence.clock_offset),
        region: value(|evidence| &evidence.region),
        role: value(|evidence| &evidence.role),
        session_name: value(|evidence| &evidence.session_name),
        caller: value(|evidence| &evidence.caller),
        principal: value(|evidence| &evidence.principal),
        service_account: value(|evidence| &evidence.service_account),
        delegates: list(|evidence| &evidence.delegates),
        expires_in_seconds: None,
    }
}
