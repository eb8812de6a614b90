//! The facts that remediations refer to.

use rolebridge_core::aws::RoleArn;
use rolebridge_core::diagnostics::{Evidence, Step, StepResult};
use rolebridge_core::google::ProviderName;
use rolebridge_core::identity::Identity;
use rolebridge_core::parse;

use crate::output::is_harmful;

/// The audience of an EKS service account token.
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// The maximum length of an audience or a principal. Google's longest principal, with 127 bytes of subject, has about 300.
const MAX_TEXT_LEN: usize = 1024;

/// The Kubernetes service account of a pod.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::doctor) struct ServiceAccountRef<'a> {
    pub(in crate::commands::doctor) namespace: &'a str,
    pub(in crate::commands::doctor) name: &'a str,
}

impl<'a> ServiceAccountRef<'a> {
    /// Returns the service account from the subject of the projected token.
    fn of(steps: &'a [StepResult]) -> Option<Self> {
        let subject = steps.iter().find_map(|result| result.evidence.subject.as_deref())?;
        let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        (parse::is_host(namespace) && parse::is_host(name)).then_some(Self { namespace, name })
    }
}

/// A host with a port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) name: &'a str,
    pub(super) port: &'a str,
}

/// The valid facts of all steps, and of the step that failed.
///
/// A container states these facts about itself, and an attacker's container can state anything. So each fact is parsed, and
/// an invalid one counts as absent: no remediation contains it.
pub(super) struct PodEvidence<'a> {
    evidence: Evidence,
    failed: &'a StepResult,
    account: Option<ServiceAccountRef<'a>>,
}

impl<'a> PodEvidence<'a> {
    pub(super) fn new(
        steps: &'a [StepResult],
        failed: &'a StepResult,
        account: Option<ServiceAccountRef<'a>>,
    ) -> Self {
        Self { evidence: merge(steps), failed, account: account.or_else(|| ServiceAccountRef::of(steps)) }
    }

    pub(super) fn failed_step(&self) -> Step {
        self.failed.step
    }

    /// Returns the pod's service account, or placeholders.
    pub(super) fn account(&self) -> ServiceAccountRef<'a> {
        self.account.unwrap_or(ServiceAccountRef { namespace: "NAMESPACE", name: "SERVICEACCOUNT" })
    }

    /// Returns the subject of the service account's tokens.
    pub(super) fn subject(&self) -> Option<String> {
        let ServiceAccountRef { namespace, name } = self.account?;
        Some(format!("system:serviceaccount:{namespace}:{name}"))
    }

    pub(super) fn role(&self) -> Option<RoleArn<&str>> {
        parse::role(self.evidence.role.as_deref()?).ok()
    }

    /// Returns the caller that AWS authenticated: the ARN of an assumed role.
    pub(super) fn caller(&self) -> Option<&str> {
        text(self.evidence.caller.as_deref()?).filter(|caller| caller.starts_with("arn:"))
    }

    /// Returns the AWS account ID of the caller.
    pub(super) fn caller_account(&self) -> Option<&str> {
        let account = self.caller()?.split(':').nth(4)?;
        account.bytes().all(|byte| byte.is_ascii_digit()).then_some(account)
    }

    pub(super) fn region(&self) -> Option<&str> {
        parse::region(self.evidence.region.as_deref()?).ok()
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        parse::issuer(self.evidence.issuer.as_deref()?).ok()
    }

    /// Returns the issuer without `https://`, as in IAM provider ARNs and condition keys.
    pub(super) fn issuer_host(&self) -> Option<&str> {
        self.issuer()?.strip_prefix("https://")
    }

    /// Returns the audience of the projected token, or `None` if it is not a text.
    pub(super) fn audience(&self) -> Option<&str> {
        text(self.evidence.audiences.first().map_or(DEFAULT_AUDIENCE, String::as_str))
    }

    pub(super) fn provider(&self) -> Option<ProviderName<&str>> {
        parse::provider(self.evidence.provider.as_deref()?).ok()
    }

    /// Returns true if the provider is of type AWS.
    pub(super) fn is_aws_provider(&self) -> bool {
        self.evidence.identity.as_deref() == Some(Identity::AwsRole.as_str())
    }

    /// Returns the federated principal that Google is expected to see, in the form of IAM policies.
    pub(super) fn expected_principal(&self) -> Option<&str> {
        text(self.evidence.expected_principal.as_deref()?)
            .filter(|principal| principal.starts_with("principal://iam."))
    }

    /// Returns the impersonated service account: that of the failed step, if the pod has several.
    pub(super) fn service_account(&self) -> Option<&str> {
        let failed = self.failed.evidence.service_account.as_deref();
        parse::email(failed.or(self.evidence.service_account.as_deref())?).ok()
    }

    /// Returns the chain of service accounts before the impersonated one.
    pub(super) fn delegates(&self) -> Option<Vec<&str>> {
        self.evidence.delegates.iter().map(|email| parse::email(email).ok()).collect()
    }

    /// Returns the host to which the failed step tried to connect.
    pub(super) fn failed_host(&self) -> Option<Host<'a>> {
        let host = self.failed.evidence.host.as_deref()?;
        parse::endpoint(&format!("https://{host}")).ok()?;
        let (name, port) = host.rsplit_once(':').filter(|_| !host.ends_with(']')).unwrap_or((host, "443"));
        Some(Host { name, port })
    }

    /// Returns the issuer of the failed step's token.
    pub(super) fn failed_issuer(&self) -> Option<&'a str> {
        parse::issuer(self.failed.evidence.issuer.as_deref()?).ok()
    }

    /// Returns the subject of the failed step's token.
    pub(super) fn failed_subject(&self) -> Option<&'a str> {
        text(self.failed.evidence.subject.as_deref()?)
    }
}

/// Returns a text if it is short and has only characters that are shown as they are.
fn text(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= MAX_TEXT_LEN && !text.contains(is_harmful)).then_some(text)
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
        expected_principal: value(|evidence| &evidence.expected_principal),
        service_account: value(|evidence| &evidence.service_account),
        delegates: list(|evidence| &evidence.delegates),
        expires_in_seconds: None,
    }
}
