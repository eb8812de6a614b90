//! What is mended at AWS.

use rolebridge_core::aws::GET_WEB_IDENTITY_TOKEN_SESSION_POLICY;

use super::{PodEvidence, Remediation};
use crate::commands::setup::{Role, trust_policy};

pub(super) fn remediation(reason: &str, known: &PodEvidence<'_>) -> Option<Remediation> {
    match reason {
        "access-denied" => trust_policy(known),
        "no-identity-provider" => identity_provider(known),
        "wrong-audience" => audience(known),
        "session-too-long" => session(known),
        "region-disabled" => region(known),
        "federation-disabled" => Some(Remediation::new(
            format!("enable outbound web identity federation in the account{}:", of_account(known)),
            "aws iam enable-outbound-web-identity-federation",
        )),
        "web-token-denied" => web_token(known),
        "no-association" => Some(association(known)),
        _ => None,
    }
}

fn of_account(known: &PodEvidence<'_>) -> String {
    known.role().map(|role| format!(" {}", role.account)).unwrap_or_default()
}

fn trust_policy(known: &PodEvidence<'_>) -> Option<Remediation> {
    let (role, issuer) = (known.role()?, known.issuer_host()?);
    let subject = known.evidence.subject.as_deref()?;
    // It is written to stand inside of a policy.
    let statement = trust_policy::statement(&role, issuer, known.audience(), subject).replace("\n  ", "\n");
    let Role { arn, name, .. } = role;
    let summary = format!(
        "add this statement to the trust policy of {arn}; the commands fetch the policy and put it back. If there is no \
         such role, mend what names it: AWS does not tell the two apart."
    );
    let commands = format!(
        "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument >trust.json\n\
         aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
    );
    Some(Remediation::new(summary, format!("{statement}\n\n{commands}")))
}

fn identity_provider(known: &PodEvidence<'_>) -> Option<Remediation> {
    let (issuer, audience) = (known.evidence.issuer.as_deref()?, known.audience());
    Some(Remediation::new(
        format!("register the cluster's issuer in the role's account{}:", of_account(known)),
        format!("aws iam create-open-id-connect-provider --url {issuer} --client-id-list {audience}"),
    ))
}

fn audience(known: &PodEvidence<'_>) -> Option<Remediation> {
    let (role, issuer, audience) = (known.role()?, known.issuer_host()?, known.audience());
    let summary = format!("add the audience {audience} to the account's provider for the cluster's issuer:");
    let arn = trust_policy::provider(&role);
    let command = format!(
        "aws iam add-client-id-to-open-id-connect-provider --client-id {audience} \\\n  \
         --open-id-connect-provider-arn {arn}{issuer}"
    );
    Some(Remediation::new(summary, command))
}

fn session(known: &PodEvidence<'_>) -> Option<Remediation> {
    let Role { name, arn, .. } = known.role()?;
    Some(Remediation::new(
        format!("let sessions of {arn} live for an hour:"),
        format!("aws iam update-role --role-name {name} --max-session-duration 3600"),
    ))
}

fn region(known: &PodEvidence<'_>) -> Option<Remediation> {
    let (region, account) = (known.evidence.region.as_deref()?, of_account(known));
    let summary = format!(
        "activate AWS STS in {region} for the account{account} (IAM console, account settings, endpoints), or let the \
         pod ask another region's:"
    );
    Some(Remediation::new(summary, "rolebridge.io/aws-region: us-east-1"))
}

fn web_token(known: &PodEvidence<'_>) -> Option<Remediation> {
    let Role { name, arn, .. } = known.role()?;
    let summary =
        format!("allow {arn} to ask for a token (and see that no policy of the organization denies it):");
    let command = format!(
        "aws iam put-role-policy --role-name {name} --policy-name rolebridge \\\n  \
         --policy-document '{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY}'"
    );
    Some(Remediation::new(summary, command))
}

fn association(known: &PodEvidence<'_>) -> Remediation {
    let (namespace, account) = (known.place.namespace, known.place.service_account);
    let command = format!(
        "aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {namespace} \\\n  \
         --service-account {account} --role-arn arn:aws:iam::ACCOUNT:role/NAME"
    );
    Remediation::new(
        format!("associate the service account {namespace}/{account} with a role, in the cluster's account:"),
        command,
    )
}
