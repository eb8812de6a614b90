//! What is mended at Google.

use rolebridge_core::google::MAX_SUBJECT_LEN;

use super::{PodEvidence, Provider, Remediation};

pub(super) fn remediation(reason: &str, known: &PodEvidence<'_>) -> Option<Remediation> {
    match reason {
        "condition-rejected" => condition(known),
        "no-provider" => provider(known),
        "subject-rejected" => trust(known),
        "subject-too-long" => subject(known),
        "impersonation-denied" => impersonation(known),
        "api-disabled" => apis(known),
        "lifetime-refused" => Some(Remediation::new(
            "let the token live for an hour, or list the service account in the organization policy \
             constraints/iam.allowServiceAccountCredentialLifetimeExtension:",
            "rolebridge.io/token-lifetime: \"3600\"",
        )),
        _ => None,
    }
}

fn describe(Provider { name, .. }: &Provider<'_>, flags: &str, format: &str) -> String {
    format!(
        "gcloud iam workload-identity-pools providers describe {name} \\\n  {flags} --format 'value({format})'"
    )
}

/// What the provider's mappings and condition see.
fn assertion(known: &PodEvidence<'_>) -> String {
    let shown = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!("assertion.{name} is {value}"))
    };
    let evidence = &known.evidence;
    let shown = if let Some(caller) = &evidence.caller {
        let account = caller.split(':').nth(4).map(ToOwned::to_owned);
        [shown("arn", &evidence.caller), shown("account", &account)]
    } else {
        let of_subject_token = &known.failed.evidence;
        [shown("iss", &of_subject_token.issuer), shown("sub", &of_subject_token.subject)]
    };
    shown.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn condition(known: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = known.provider()?;
    let summary = format!(
        "compare the provider's condition with what the pod proves ({}); the last command changes the condition:",
        assertion(known)
    );
    let flags = provider.flags();
    let describe = describe(&provider, &flags, "attributeCondition");
    let (name, kind) = (provider.name, kind(known));
    let update = format!(
        "gcloud iam workload-identity-pools providers update-{kind} {name} \\\n  {flags} --attribute-condition CONDITION"
    );
    Some(Remediation::new(summary, format!("{describe}\n{update}")))
}

/// As gcloud calls the kind of provider.
fn kind(known: &PodEvidence<'_>) -> &'static str {
    if known.evidence.identity.as_deref() == Some("aws-role") { "aws" } else { "oidc" }
}

fn provider(known: &PodEvidence<'_>) -> Option<Remediation> {
    let Provider { project, pool, name } = known.provider()?;
    let summary = format!(
        "see which pools and providers the project {project} has and whether they are enabled; the annotation \
         rolebridge.io/provider names the provider {name} of the pool {pool}:"
    );
    let commands = format!(
        "gcloud iam workload-identity-pools list --project {project} --location global --show-deleted\n\
         gcloud iam workload-identity-pools providers list --project {project} --location global \\\n  \
         --workload-identity-pool {pool} --show-deleted"
    );
    Some(Remediation::new(summary, commands))
}

fn trust(known: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = known.provider()?;
    let flags = provider.flags();
    let (summary, format) = if kind(known) == "aws" {
        let account =
            known.evidence.caller.as_ref().and_then(|arn| arn.split(':').nth(4)).unwrap_or("the role's");
        (format!("the provider must be of the kind AWS and trust the account {account}:"), "aws.accountId")
    } else {
        let issuer = known.failed.evidence.issuer.as_deref().unwrap_or("of the token");
        let summary = format!(
            "the provider must be of the kind OIDC, with the issuer {issuer} and no allowed audience but its own name:"
        );
        (summary, "oidc.issuerUri,oidc.allowedAudiences")
    };
    Some(Remediation::new(summary, describe(&provider, &flags, format)))
}

fn subject(known: &PodEvidence<'_>) -> Option<Remediation> {
    let provider = known.provider()?;
    let subject = known.evidence.caller.as_deref().unwrap_or_default();
    let long = if subject.is_empty() { String::new() } else { format!(" ({subject} has {})", subject.len()) };
    let summary = format!(
        "Google takes {MAX_SUBJECT_LEN} bytes{long}. Shorten the session's name, or let the provider map the subject to \
         the role alone:"
    );
    let flags = provider.flags();
    let snippet = format!(
        "rolebridge.io/session-name: {}\n\n\
         gcloud iam workload-identity-pools providers update-aws {} \\\n  {flags} \\\n  \
         --attribute-mapping \"google.subject=assertion.arn.extract('assumed-role/{{role}}/')\"",
        known.place.service_account, provider.name
    );
    Some(Remediation::new(summary, snippet))
}

/// The grants along the chain: the principal on the first account, each account on the next one.
fn impersonation(known: &PodEvidence<'_>) -> Option<Remediation> {
    let account = known.evidence.service_account.as_deref()?;
    let principal = known.evidence.principal.as_deref()?;
    let (role, pool) = (known.role(), principal.split("/subject/").next().unwrap_or(principal));
    let is_mapped = known.evidence.caller.is_some() && kind(known) == "aws";
    let member = match role.filter(|_| is_mapped) {
        Some(role) => {
            format!(
                "{}/attribute.aws_role/{}",
                pool.replacen("principal:", "principalSet:", 1),
                role.assumed()
            )
        }
        None => principal.to_owned(),
    };
    let mut commands = Vec::new();
    let (mut member, mut role) = (member, "roles/iam.workloadIdentityUser");
    for email in known.evidence.delegates.iter().map(String::as_str).chain([account]) {
        commands.push(format!(
            "gcloud iam service-accounts add-iam-policy-binding {email} \\\n  --role {role} \\\n  --member '{member}'"
        ));
        (member, role) = (format!("serviceAccount:{email}"), "roles/iam.serviceAccountTokenCreator");
    }
    let summary = match known.evidence.delegates.len() {
        0 => format!("see that the service account {account} exists, and let the pod's principal be it:"),
        _ => format!("see that every service account up to {account} exists, and let each be the next one:"),
    };
    Some(Remediation::new(summary, commands.join("\n")))
}

fn apis(known: &PodEvidence<'_>) -> Option<Remediation> {
    let Provider { project, .. } = known.provider()?;
    let apis = "sts.googleapis.com iamcredentials.googleapis.com";
    Some(Remediation::new(
        "enable the API in the project that Google's message names; most often that is the pool's:",
        format!("gcloud services enable {apis} --project {project}"),
    ))
}
