//! Remediations at AWS.

use rolebridge_core::aws::GET_WEB_IDENTITY_TOKEN_SESSION_POLICY;

use crate::commands::doctor::diagnosis::Remediation;
use crate::commands::doctor::remediation::evidence::{PodEvidence, ServiceAccountRef};
use crate::iam::{oidc_provider_prefix, trust_statement};
use crate::output::quote::shell;

pub(super) fn remediation(reason: &str, evidence: &PodEvidence<'_>) -> Option<Remediation> {
    match reason {
        "access-denied" => trust_policy(evidence),
        "no-identity-provider" => identity_provider(evidence),
        "wrong-audience" => audience(evidence),
        "session-too-long" => max_session_duration(evidence),
        "region-disabled" => region(evidence),
        "federation-disabled" => Some(Remediation::new(
            format!("enable outbound web identity federation in the account{}:", account(evidence)),
            "aws iam enable-outbound-web-identity-federation",
        )),
        "web-token-denied" => web_identity_token(evidence),
        "no-association" => Some(pod_identity_association(evidence)),
        _ => None,
    }
}

/// Returns the account ID of the role with a space before it, or nothing.
fn account(evidence: &PodEvidence<'_>) -> String {
    evidence.role().map(|role| format!(" {}", role.account())).unwrap_or_default()
}

fn trust_policy(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let (role, issuer) = (evidence.role()?, evidence.issuer_host()?);
    let subject = evidence.subject()?;
    // The statement is indented for use inside a policy.
    let statement = trust_statement(&role, issuer, evidence.audience()?, &subject).replace("\n  ", "\n");
    let name = shell(role.name());
    let summary = format!(
        "add this statement to the trust policy of {role}; the commands read and update the policy. If the role does not \
         exist, correct the setting that names it: AWS returns the same error for both."
    );
    let commands = format!(
        "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument --output json >trust.json\n\
         aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
    );
    Some(Remediation::new(summary, format!("{statement}\n\n{commands}")))
}

fn identity_provider(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let (issuer, audience) = (shell(evidence.issuer()?), shell(evidence.audience()?));
    Some(Remediation::new(
        format!("register the cluster's issuer in the role's account{}:", account(evidence)),
        format!("aws iam create-open-id-connect-provider --url {issuer} --client-id-list {audience}"),
    ))
}

fn audience(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let (role, issuer, audience) = (evidence.role()?, evidence.issuer_host()?, evidence.audience()?);
    let summary =
        format!("add the audience {audience} to the account's IAM OIDC provider for the cluster's issuer:");
    let provider = format!("{}{issuer}", oidc_provider_prefix(&role));
    let command = format!(
        "aws iam add-client-id-to-open-id-connect-provider --client-id {} \\\n  \
         --open-id-connect-provider-arn {}",
        shell(audience),
        shell(&provider)
    );
    Some(Remediation::new(summary, command))
}

fn max_session_duration(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let role = evidence.role()?;
    let name = shell(role.name());
    Some(Remediation::new(
        format!("set the maximum session duration of {role} to one hour:"),
        format!("aws iam update-role --role-name {name} --max-session-duration 3600"),
    ))
}

fn region(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let (region, account) = (evidence.region()?, account(evidence));
    let summary = format!(
        "activate AWS STS in {region} for the account{account} (IAM console, account settings, endpoints), or use the \
         endpoint of another region:"
    );
    Some(Remediation::new(summary, "rolebridge.io/aws-region: us-east-1"))
}

fn web_identity_token(evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let role = evidence.role()?;
    let name = shell(role.name());
    let summary = format!(
        "allow {role} to call sts:GetWebIdentityToken, and check that no policy of the organization denies it:"
    );
    let command = format!(
        "aws iam put-role-policy --role-name {name} --policy-name rolebridge \\\n  \
         --policy-document {}",
        shell(GET_WEB_IDENTITY_TOKEN_SESSION_POLICY)
    );
    Some(Remediation::new(summary, command))
}

fn pod_identity_association(evidence: &PodEvidence<'_>) -> Remediation {
    let ServiceAccountRef { namespace, name: account } = evidence.account();
    let command = format!(
        "aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {} \\\n  \
         --service-account {} --role-arn arn:aws:iam::ACCOUNT:role/NAME",
        shell(namespace),
        shell(account)
    );
    Remediation::new(
        format!("associate the service account {namespace}/{account} with a role in the cluster's account:"),
        command,
    )
}
