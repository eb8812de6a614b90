//! What is mended at AWS.

use rolebridge_core::aws::GET_WEB_IDENTITY_TOKEN_SESSION_POLICY;

use super::{Known, Mend};
use crate::setup::{Role, trust};

pub(super) fn mend(reason: &str, known: &Known<'_>) -> Option<Mend> {
    match reason {
        "access-denied" => trust_policy(known),
        "no-identity-provider" => identity_provider(known),
        "wrong-audience" => audience(known),
        "session-too-long" => session(known),
        "region-disabled" => region(known),
        "federation-disabled" => Some(Mend::new(
            format!("enable outbound web identity federation in the account{}:", of_account(known)),
            "aws iam enable-outbound-web-identity-federation",
        )),
        "web-token-denied" => web_token(known),
        "no-association" => Some(association(known)),
        _ => None,
    }
}

fn of_account(known: &Known<'_>) -> String {
    known.role().map(|role| format!(" {}", role.account)).unwrap_or_default()
}

fn trust_policy(known: &Known<'_>) -> Option<Mend> {
    let (role, issuer) = (known.role()?, known.issuer_host()?);
    let subject = known.evidence.subject.as_deref()?;
    // It is written to stand inside of a policy.
    let statement = trust::statement(&role, issuer, known.audience(), subject).replace("\n  ", "\n");
    let Role { arn, name, .. } = role;
    let words = format!(
        "add this statement to the trust policy of {arn}; the commands fetch the policy and put it back. If there is no \
         such role, mend what names it: AWS does not tell the two apart."
    );
    let commands = format!(
        "aws iam get-role --role-name {name} --query Role.AssumeRolePolicyDocument >trust.json\n\
         aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
    );
    Some(Mend::new(words, format!("{statement}\n\n{commands}")))
}

fn identity_provider(known: &Known<'_>) -> Option<Mend> {
    let (issuer, audience) = (known.evidence.issuer.as_deref()?, known.audience());
    Some(Mend::new(
        format!("register the cluster's issuer in the role's account{}:", of_account(known)),
        format!("aws iam create-open-id-connect-provider --url {issuer} --client-id-list {audience}"),
    ))
}

fn audience(known: &Known<'_>) -> Option<Mend> {
    let (role, issuer, audience) = (known.role()?, known.issuer_host()?, known.audience());
    let words = format!("add the audience {audience} to the account's provider for the cluster's issuer:");
    let arn = trust::provider(&role);
    let command = format!(
        "aws iam add-client-id-to-open-id-connect-provider --client-id {audience} \\\n  \
         --open-id-connect-provider-arn {arn}{issuer}"
    );
    Some(Mend::new(words, command))
}

fn session(known: &Known<'_>) -> Option<Mend> {
    let Role { name, arn, .. } = known.role()?;
    Some(Mend::new(
        format!("let sessions of {arn} live for an hour:"),
        format!("aws iam update-role --role-name {name} --max-session-duration 3600"),
    ))
}

fn region(known: &Known<'_>) -> Option<Mend> {
    let (region, account) = (known.evidence.region.as_deref()?, of_account(known));
    let words = format!(
        "activate AWS STS in {region} for the account{account} (IAM console, account settings, endpoints), or let the \
         pod ask another region's:"
    );
    Some(Mend::new(words, "rolebridge.io/aws-region: us-east-1"))
}

fn web_token(known: &Known<'_>) -> Option<Mend> {
    let Role { name, arn, .. } = known.role()?;
    let words =
        format!("allow {arn} to ask for a token (and see that no policy of the organization denies it):");
    let command = format!(
        "aws iam put-role-policy --role-name {name} --policy-name rolebridge \\\n  \
         --policy-document '{GET_WEB_IDENTITY_TOKEN_SESSION_POLICY}'"
    );
    Some(Mend::new(words, command))
}

fn association(known: &Known<'_>) -> Mend {
    let (namespace, account) = (known.place.namespace, known.place.service_account);
    let command = format!(
        "aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {namespace} \\\n  \
         --service-account {account} --role-arn arn:aws:iam::ACCOUNT:role/NAME"
    );
    Mend::new(
        format!("associate the service account {namespace}/{account} with a role, in the cluster's account:"),
        command,
    )
}
