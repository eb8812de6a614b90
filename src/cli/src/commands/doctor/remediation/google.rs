//! Remediations at Google Cloud.

use rolebridge_core::google::{MAX_SUBJECT_LEN, ProviderName};

use crate::commands::doctor::diagnosis::Remediation;
use crate::commands::doctor::remediation::evidence::{PodEvidence, pool_flags};
use crate::output::quote::{shell, yaml};

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
    let (name, flags) = (shell(provider.provider()), pool_flags(provider));
    format!(
        "gcloud iam workload-identity-pools providers describe {name} \\\n  {flags} --format 'value({format})'"
    )
}

/// Lists the assertions of the subject token that the provider's mappings and condition use.
fn assertions(evidence: &PodEvidence<'_>) -> String {
    let assertion =
        |name: &str, value: Option<&str>| value.map(|value| format!("assertion.{name} is {value}"));
    let assertions = if let Some(caller) = evidence.caller() {
        [assertion("arn", Some(caller)), assertion("account", evidence.caller_account())]
    } else {
        [assertion("iss", evidence.failed_issuer()), assertion("sub", evidence.failed_subject())]
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
    let (name, kind) = (shell(provider.provider()), provider_kind(evidence));
    let flags = pool_flags(&provider);
    let update = format!(
        "gcloud iam workload-identity-pools providers update-{kind} {name} \\\n  {flags} --attribute-condition CONDITION"
    );
    Some(Remediation::new(summary, format!("{describe}\n{update}")))
}

/// Returns the kind of provider as gcloud names it.
fn provider_kind(evidence: &PodEvidence<'_>) -> &'static str {
    if evidence.is_aws_provider() { "aws" } else { "oidc" }
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
         --workload-identity-pool {pool} --show-deleted",
        project = shell(project),
        pool = shell(pool)
    );
    Some(Remediation::new(summary, commands))
}

fn provider_trust(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = evidence.provider()?;
    let (summary, format) = if provider_kind(evidence) == "aws" {
        let account = evidence.caller_account().unwrap_or("of the role");
        (format!("check that the provider is of type AWS and trusts the account {account}:"), "aws.accountId")
    } else {
        let issuer = evidence.failed_issuer().unwrap_or("of the token");
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
    let actual = evidence.caller().map(|arn| format!(" ({arn} has {})", arn.len())).unwrap_or_default();
    let summary = format!(
        "shorten google.subject to {MAX_SUBJECT_LEN} bytes{actual}. Shorten the session name, or map the subject to the role \
         alone:"
    );
    let flags = pool_flags(&provider);
    let snippet = format!(
        "rolebridge.io/session-name: {}\n\n\
         gcloud iam workload-identity-pools providers update-aws {} \\\n  {flags} \\\n  \
         --attribute-mapping \"google.subject=assertion.arn.extract('assumed-role/{{role}}/')\"",
        yaml(evidence.account().name),
        shell(provider.provider())
    );
    Some(Remediation::new(summary, snippet))
}

/// Returns the grants along the chain: the principal on the first service account, each account on the next one.
fn impersonation(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let account = evidence.service_account()?;
    let (principal, delegates) = (evidence.principal()?, evidence.delegates()?);
    let (role, pool) = (evidence.role(), principal.split("/subject/").next().unwrap_or(principal));
    let has_role_attribute = evidence.caller().is_some() && evidence.is_aws_provider();
    let mut member = match role.filter(|_| has_role_attribute) {
        Some(role) => {
            let pool = pool.replacen("principal:", "principalSet:", 1);
            format!("{pool}/attribute.aws_role/{}", role.assumed_role_arn())
        }
        None => principal.to_owned(),
    };
    let mut commands = Vec::new();
    let mut granted_role = "roles/iam.workloadIdentityUser";
    for &email in delegates.iter().chain([&account]) {
        commands.push(format!(
            "gcloud iam service-accounts add-iam-policy-binding {} \\\n  --role {granted_role} \\\n  --member {}",
            shell(email),
            shell(&member)
        ));
        (member, granted_role) = (format!("serviceAccount:{email}"), "roles/iam.serviceAccountTokenCreator");
    }
    let summary = if delegates.is_empty() {
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
        format!("gcloud services enable {apis} --project {}", shell(provider.project_number())),
    ))
}
