//! Remediations at Google Cloud.

use rolebridge_core::google::{MAX_SUBJECT_LEN, ProviderName};

use crate::commands::doctor::diagnosis::Remediation;
use crate::commands::doctor::remediation::evidence::{PodEvidence, pool_flags};

pub(super) fn remediation(reason: &str, evidence: &PodEvidence<'_>) -> Option<Remediation> {
    match reason {
        "condition-rejected" => attribute_condition(evidence),
        "no-provider" => provider(evidence),
        "subject-rejected" => provider_trust(evidence),
        "subject-too-long" => subject(evidence),
        "impersonation-denied" => impersonation(evidence),
        "api-disabled" => apis(evidence),
        "lifetime-rejected" => Some(Remediation::new(
            "set the token lifetime to one hour, or add the service account to the organization policy \
             constraints/iam.allowServiceAccountCredentialLifetimeExtension:",
            "rolebridge.io/token-lifetime: \"3600\"",
        )),
        _ => None,
    }
}

fn describe_command(provider: &ProviderName<&str>, format: &str) -> String {
    let (name, flags) = (provider.provider(), pool_flags(provider));
    format!(
        "gcloud iam workload-identity-pools providers describe {name} \\\n  {flags} --format 'value({format})'"
    )
}

/// Lists the assertions of the subject token that the provider's mappings and condition use.
fn assertions(evidence: &PodEvidence<'_>) -> String {
    let assertion =
        |name: &str, value: Option<&str>| value.map(|value| format!("assertion.{name} is {value}"));
    let assertions = if let Some(caller) = &evidence.evidence.caller {
        [assertion("arn", Some(caller)), assertion("account", evidence.caller_account())]
    } else {
        let subject_token = &evidence.failed.evidence;
        let (issuer, subject) = (subject_token.issuer.as_deref(), subject_token.subject.as_deref());
        [assertion("iss", issuer), assertion("sub", subject)]
    };
    assertions.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn attribute_condition(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let summary = format!(
        "compare the provider's attribute condition with the pod's assertions ({}); the last command changes the \
         condition:",
        assertions(evidence)
    );
    let describe = describe_command(&provider, "attributeCondition");
    let (name, kind, flags) = (provider.provider(), provider_kind(evidence), pool_flags(&provider));
    let update = format!(
        "gcloud iam workload-identity-pools providers update-{kind} {name} \\\n  {flags} --attribute-condition CONDITION"
    );
    Some(Remediation::new(summary, format!("{describe}\n{update}")))
}

/// Returns the kind of provider as gcloud names it.
fn provider_kind(evidence: &PodEvidence<'_>) -> &'static str {
    if evidence.evidence.identity.as_deref() == Some("aws-role") { "aws" } else { "oidc" }
}

fn provider(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let (project, pool, name) = (provider.project_number(), provider.pool(), provider.provider());
    let summary = format!(
        "list the pools and providers of the project {project}, and check that they exist and are enabled. The annotation \
         rolebridge.io/provider refers to the provider {name} of the pool {pool}:"
    );
    let commands = format!(
        "gcloud iam workload-identity-pools list --project {project} --location global --show-deleted\n\
         gcloud iam workload-identity-pools providers list --project {project} --location global \\\n  \
         --workload-identity-pool {pool} --show-deleted"
    );
    Some(Remediation::new(summary, commands))
}

fn provider_trust(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let (summary, format) = if provider_kind(evidence) == "aws" {
        let account = evidence.caller_account().unwrap_or("of the role");
        (format!("check that the provider is of type AWS and trusts the account {account}:"), "aws.accountId")
    } else {
        let issuer = evidence.failed.evidence.issuer.as_deref().unwrap_or("of the token");
        let summary = format!(
            "check that the provider is of type OIDC, with the issuer {issuer} and with its own resource name as the only \
             allowed audience:"
        );
        (summary, "oidc.issuerUri,oidc.allowedAudiences")
    };
    Some(Remediation::new(summary, describe_command(&provider, format)))
}

fn subject(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let caller = evidence.evidence.caller.as_deref();
    let actual = caller.map(|arn| format!(" ({arn} has {})", arn.len())).unwrap_or_default();
    let summary = format!(
        "shorten google.subject to {MAX_SUBJECT_LEN} bytes{actual}. Shorten the session name, or map the subject to the role \
         alone:"
    );
    let flags = pool_flags(&provider);
    let snippet = format!(
        "rolebridge.io/session-name: {}\n\n\
         gcloud iam workload-identity-pools providers update-aws {} \\\n  {flags} \\\n  \
         --attribute-mapping \"google.subject=assertion.arn.extract('assumed-role/{{role}}/')\"",
        evidence.account.name,
        provider.provider()
    );
    Some(Remediation::new(summary, snippet))
}

/// Returns the grants along the chain: the principal on the first service account, each account on the next one.
fn impersonation(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let account = evidence.evidence.service_account.as_deref()?;
    let principal = evidence.evidence.principal.as_deref()?;
    let (role, pool) = (evidence.role(), principal.split("/subject/").next().unwrap_or(principal));
    let has_role_attribute = evidence.evidence.caller.is_some() && provider_kind(evidence) == "aws";
    let mut member = match role.filter(|_| has_role_attribute) {
        Some(role) => {
            let pool = pool.replacen("principal:", "principalSet:", 1);
            format!("{pool}/attribute.aws_role/{}", role.assumed_role_arn())
        }
        None => principal.to_owned(),
    };
    let mut commands = Vec::new();
    let mut granted_role = "roles/iam.workloadIdentityUser";
    for email in evidence.evidence.delegates.iter().map(String::as_str).chain([account]) {
        commands.push(format!(
            "gcloud iam service-accounts add-iam-policy-binding {email} \\\n  --role {granted_role} \\\n  \
             --member '{member}'"
        ));
        (member, granted_role) = (format!("serviceAccount:{email}"), "roles/iam.serviceAccountTokenCreator");
    }
    let summary = if evidence.evidence.delegates.is_empty() {
        format!(
            "check that the service account {account} exists, and allow the pod's principal to impersonate it:"
        )
    } else {
        format!(
            "check that every service account up to {account} exists, and allow each to impersonate the next:"
        )
    };
    Some(Remediation::new(summary, commands.join("\n")))
}

fn apis(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let apis = "sts.googleapis.com iamcredentials.googleapis.com";
    Some(Remediation::new(
        "enable the API in the project that Google's message names, usually that of the pool:",
        format!("gcloud services enable {apis} --project {}", provider.project_number()),
    ))
}
