//! Remediations at Google Cloud.

use rolebridge_core::diagnostics::Step;
use rolebridge_core::google::{MAX_SUBJECT_LEN, ProviderName};

use crate::commands::doctor::diagnosis::Remediation;
use crate::commands::doctor::remediation::evidence::PodEvidence;
use crate::gcloud::{
    DEFAULT_ROLE_MAPPING, ProjectRef, SIGNING_API, TOKEN_CREATOR, account_member, set_project,
};
use crate::output::quote::{json, shell, yaml};

/// The start of the commands for a provider. They take its resource name, which has the project's number.
const PROVIDERS: &str = "gcloud iam workload-identity-pools providers";

pub(super) fn remediation(reason: &str, evidence: &PodEvidence<'_>) -> Option<Remediation> {
    match reason {
        "condition-rejected" => attribute_condition(evidence),
        "no-provider" => provider(evidence),
        "subject-rejected" | "issuer-mismatch" | "audience-rejected" => provider_trust(evidence),
        "subject-too-long" => subject(evidence),
        "impersonation-denied" => impersonation(evidence),
        "sign-blob-denied" => signing(evidence),
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
    format!("{PROVIDERS} describe {} \\\n  --format 'value({format})'", shell(provider.as_str()))
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
        "compare the provider's attribute condition with the pod's assertions ({}). If the pod may use the provider, the last \
         command extends the condition:",
        assertions(evidence)
    );
    let describe = describe_command(&provider, "attributeCondition");
    let (name, kind) = (shell(provider.as_str()), provider_kind(evidence));
    let accepted = shell(&accepting_condition(evidence)?);
    let commands = format!(
        "CONDITION=$({describe})\necho \"$CONDITION\"\n\
         {PROVIDERS} update-{kind} {name} \\\n  --attribute-condition \"($CONDITION) || \"{accepted}"
    );
    Some(Remediation::new(summary, commands))
}

/// Returns a condition that is true for the role of the pod, or for the subject of its token. It does not depend on the
/// provider's mapping.
fn accepting_condition(evidence: &PodEvidence<'_>) -> Option<String> {
    if evidence.is_aws_provider() {
        let (role, _session) = evidence.caller()?.rsplit_once('/')?;
        return Some(format!("assertion.arn.startsWith({})", json(&format!("{role}/"))));
    }
    Some(format!("assertion.sub == {}", json(evidence.failed_subject()?)))
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
        "{}\n\
         gcloud iam workload-identity-pools list --project \"$PROJECT\" --location global --show-deleted\n\
         {PROVIDERS} list --project \"$PROJECT\" --location global \\\n  \
         --workload-identity-pool {} --show-deleted",
        set_project(project),
        shell(pool)
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
    let is_aws = evidence.is_aws_provider();
    let found = if is_aws { evidence.caller() } else { evidence.failed_subject() };
    let found = found.map(|subject| format!(" ({subject} has {})", subject.len())).unwrap_or_default();
    let (shorter, mapping, annotation) = if is_aws {
        let mapping =
            format!("google.subject=assertion.arn.extract('assumed-role/{{role}}/'),{DEFAULT_ROLE_MAPPING}");
        let annotation = format!("rolebridge.io/session-name: {}\n\n", yaml(evidence.account().name));
        ("Shorten the session name, or map the subject to the role alone", mapping, annotation)
    } else {
        // The subject is the ARN of a role, or `system:serviceaccount:NAMESPACE:NAME`.
        let prefix = if evidence.role().is_some() { "role/" } else { "system:serviceaccount:" };
        let mapping = format!("google.subject=assertion.sub.extract('{prefix}{{name}}')");
        ("Choose a shorter name, or map the subject to a part of it", mapping, String::new())
    };
    let summary = format!(
        "shorten google.subject to {MAX_SUBJECT_LEN} bytes{found}. {shorter}. The last command replaces the provider's whole \
         mapping, so add the attributes that the command before it shows. It changes the subject of every pod that uses the \
         provider, so renew grants to principal://…/subject/…:"
    );
    let commands = format!(
        "{}\n{PROVIDERS} update-{} {} \\\n  --attribute-mapping \"{mapping}\"",
        describe_command(&provider, "attributeMapping"),
        provider_kind(evidence),
        shell(provider.as_str())
    );
    Some(Remediation::new(summary, annotation + &commands))
}

/// The caveat of a computed principal.
const EXPECTED: &str = "expected, not seen: it depends on the provider's attribute mapping";

/// Returns the grants along the chain: the principal on the first service account, each account on the next one.
fn impersonation(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let account = evidence.service_account()?;
    let (principal, delegates) = (evidence.expected_principal()?, evidence.delegates()?);
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
    // The first account of a chain delegates, for which the other role has no permission.
    let mut granted_role =
        if delegates.is_empty() { "roles/iam.workloadIdentityUser" } else { TOKEN_CREATOR };
    for &email in delegates.iter().chain([&account]) {
        commands.push(grant(email, granted_role, &member));
        (member, granted_role) = (account_member(email), TOKEN_CREATOR);
    }
    let summary = if delegates.is_empty() {
        format!(
            "check that the service account {account} exists, and allow the pod's principal to impersonate it ({EXPECTED}):"
        )
    } else {
        format!(
            "check that every service account up to {account} exists, and allow each to impersonate the next. The first \
             command has the pod's principal ({EXPECTED}):"
        )
    };
    Some(Remediation::new(summary, commands.join("\n")))
}

/// Returns the grant with which a service account signs as itself.
fn signing(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let account = evidence.service_account()?;
    let summary =
        format!("allow the service account {account} to sign as itself, with its own access token:");
    Some(Remediation::new(summary, grant(account, TOKEN_CREATOR, &account_member(account))))
}

/// Returns the command that grants a role on a service account.
fn grant(email: &str, role: &str, member: &str) -> String {
    format!(
        "gcloud iam service-accounts add-iam-policy-binding {} \\\n  --project {} --role {role} \\\n  --member {}",
        shell(email),
        project_of(email),
        shell(member)
    )
}

/// Returns the project of a service account as a word of a shell, or a placeholder.
fn project_of(email: &str) -> String {
    ProjectRef::of_account(email).map_or_else(|| "PROJECT".to_owned(), |project| project.shell())
}

/// Returns the command that enables the API in the project of the caller, which is the service account itself.
fn signing_api(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let project = project_of(evidence.service_account()?);
    Some(Remediation::new(
        "enable the API in the project that Google's message names, usually that of the service account, which signs with its \
         own token:",
        format!("gcloud services enable {SIGNING_API} --project {project}"),
    ))
}

fn apis(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    if evidence.failed_step() == Step::Signing {
        return signing_api(evidence);
    }
    let provider = evidence.provider()?;
    let apis = "sts.googleapis.com iamcredentials.googleapis.com";
    Some(Remediation::new(
        "enable the API in the project that Google's message names, usually that of the pool:",
        format!(
            "{}\ngcloud services enable {apis} --project \"$PROJECT\"",
            set_project(provider.project_number())
        ),
    ))
}
