//! IAM Credentials: a federated token for a service account's access token or ID token.
//!
//! Source: `projects.serviceAccounts.generateAccessToken` and `generateIdToken`, IAM Service Account Credentials REST
//! reference.

use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::{Google, Token};
use crate::call::{Answer, Request, call, time};
use crate::fault::{Fault, Peer, Reason};
use crate::json_web_token;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::Impersonation;

const PEER: Peer = Peer::IamCredentials;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessTokenRequest<'a> {
    delegates: Vec<String>,
    scope: Vec<&'a str>,
    lifetime: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessTokenAnswer {
    access_token: String,
    expire_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdTokenRequest<'a> {
    delegates: Vec<String>,
    audience: &'a str,
    include_email: bool,
}

#[derive(Deserialize)]
struct IdTokenAnswer {
    token: String,
}

pub(super) async fn access_token(
    google: &Google,
    federated: &Secret,
    scopes: &Scopes,
) -> Result<Token, Fault> {
    let account = account(google)?;
    let request = AccessTokenRequest {
        delegates: delegates(account),
        scope: scopes.iter().collect(),
        lifetime: format!("{}s", account.lifetime.as_secs()),
    };
    let (answer, body): (_, AccessTokenAnswer) =
        ask(google, federated, "generateAccessToken", &request).await?;
    let lives = time(&body.expire_time).and_then(|expires| expires.duration_since(now(&answer)).ok());
    let lives = lives.filter(|lives| !lives.is_zero());
    let lives = lives.ok_or_else(|| answer.unexpected(PEER, "no time in it until which the token lives"))?;
    Ok(Token { secret: Secret::new(body.access_token), lives })
}

pub(super) async fn id_token(
    google: &Google,
    federated: &Secret,
    audience: &str,
    include_email: bool,
) -> Result<Token, Fault> {
    let account = account(google)?;
    let request = IdTokenRequest { delegates: delegates(account), audience, include_email };
    let (answer, body): (_, IdTokenAnswer) = ask(google, federated, "generateIdToken", &request).await?;
    let expires = json_web_token::expires(&body.token);
    let lives = expires.and_then(|expires| expires.duration_since(now(&answer)).ok());
    let lives = lives.filter(|lives| !lives.is_zero());
    let lives = lives.ok_or_else(|| answer.unexpected(PEER, "no ID token in it that lives"))?;
    Ok(Token { secret: Secret::new(body.token), lives })
}

async fn ask<T: DeserializeOwned>(
    google: &Google,
    federated: &Secret,
    method: &str,
    request: &impl Serialize,
) -> Result<(Answer, T), Fault> {
    let settings = &google.settings;
    let email = &account(google)?.email;
    let url = format!("{}/v1/projects/-/serviceAccounts/{email}:{method}", settings.iam_credentials_endpoint);
    let bearer = format!("Bearer {}", federated.expose());
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend(settings.quota_project.as_deref().map(|project| ("x-goog-user-project", project)));
    let body = serde_json::to_string(request);
    let body = body.map_err(|error| Fault::new(Reason::Refused, error.to_string()).at(PEER))?;
    let request = Request { peer: PEER, method: "POST", url: &url, headers: &headers, body };
    let answer = call(&google.connection, request).await?;
    if answer.status != 200 {
        let refusal = Refusal::of(&answer);
        return Err(refusal.fault(reason(&refusal), PEER, &format!("service account {email}"), &answer.host));
    }
    let body = serde_json::from_slice(&answer.body);
    let body = body.map_err(|_| answer.unexpected(PEER, "no token in it"))?;
    Ok((answer, body))
}

fn account(google: &Google) -> Result<&Impersonation, Fault> {
    let account = google.settings.impersonation.as_ref();
    account.ok_or_else(|| Fault::new(Reason::Refused, "no service account is set").at(PEER))
}

fn delegates(account: &Impersonation) -> Vec<String> {
    account.delegates.iter().map(|email| format!("projects/-/serviceAccounts/{email}")).collect()
}

/// By Google's clock, so that the node's does not matter.
fn now(answer: &Answer) -> SystemTime {
    answer.date().unwrap_or_else(SystemTime::now)
}

fn reason(refusal: &Refusal) -> Reason {
    if let Some(reason) = refusal.common() {
        return reason;
    }
    match refusal.code.as_str() {
        "PERMISSION_DENIED" | "NOT_FOUND" => Reason::ImpersonationDenied,
        "UNAUTHENTICATED" => Reason::FederatedRejected,
        "INVALID_ARGUMENT" if refusal.says("lifetime") => Reason::LifetimeRefused,
        _ => Reason::Refused,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", &["IAM_PERMISSION_DENIED"], Reason::ImpersonationDenied)]
    #[case(403, "PERMISSION_DENIED", "IAM Service Account Credentials API has not been used in project 1 before or it is disabled.", &["SERVICE_DISABLED"], Reason::ApiDisabled)]
    #[case(404, "NOT_FOUND", "Not found; Gaia id not found for email a@b.iam.gserviceaccount.com", &[], Reason::ImpersonationDenied)]
    #[case(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", &[], Reason::FederatedRejected)]
    #[case(400, "INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds", &[], Reason::LifetimeRefused)]
    #[case(400, "INVALID_ARGUMENT", "Request contains an invalid argument.", &[], Reason::Refused)]
    #[case(429, "RESOURCE_EXHAUSTED", "Quota exceeded", &[], Reason::Throttled)]
    #[case(503, "UNAVAILABLE", "The service is currently unavailable.", &[], Reason::ServerError)]
    fn each_refusal_has_its_reason(
        #[case] status: u16,
        #[case] code: &str,
        #[case] message: &str,
        #[case] details: &[&str],
        #[case] wanted: Reason,
    ) {
        let details = details.iter().map(|detail| (*detail).to_owned()).collect();
        let refusal = Refusal { status, code: code.to_owned(), message: message.to_owned(), details };
        assert_eq!(reason(&refusal), wanted);
    }
}
