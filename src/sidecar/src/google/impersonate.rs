//! Requests access tokens, ID tokens and signatures of a service account from the IAM Credentials API.
//!
//! Source: `projects.serviceAccounts.generateAccessToken`, `generateIdToken` and `signBlob`, IAM Service Account Credentials
//! REST reference.

use std::time::SystemTime;

use rolebridge_core::google::TOKEN_LIFETIME;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::client::{GoogleClient, Token};
use super::error::ErrorResponse;
use crate::error::{Error, ErrorKind, Service};
use crate::http::request::{Request, Response, parse_time, send};
use crate::jwt;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::Impersonation;

const SERVICE: Service = Service::IamCredentials;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessTokenRequest<'a> {
    delegates: Vec<String>,
    scope: Vec<&'a str>,
    lifetime: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessTokenResponse {
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
struct IdTokenResponse {
    token: String,
}

/// The method that signs. The service account itself calls it, and the pod's principal calls all others.
const SIGN_BLOB: &str = "signBlob";

/// The permission to sign, which Google's message names.
const SIGN_BLOB_PERMISSION: &str = "iam.serviceAccounts.signBlob";

/// A text to sign that is of no use to anybody, in base64: `rolebridge doctor`.
const PAYLOAD: &str = "cm9sZWJyaWRnZSBkb2N0b3I=";

#[derive(Serialize)]
struct SignBlobRequest {
    payload: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignBlobResponse {
    #[serde(default)]
    signed_blob: String,
}

pub(super) async fn access_token(
    google: &GoogleClient,
    federated: &Secret,
    scopes: &Scopes,
) -> Result<Token, Error> {
    let account = account(google)?;
    let request = AccessTokenRequest {
        delegates: delegates(account),
        scope: scopes.iter().collect(),
        lifetime: format!(
            "{}s",
            account.lifetime.map_or(TOKEN_LIFETIME.into(), |lifetime| lifetime.as_secs())
        ),
    };
    let (response, body): (_, AccessTokenResponse) =
        call(google, federated, "generateAccessToken", &request).await?;
    let expires_in =
        parse_time(&body.expire_time).and_then(|expires| expires.duration_since(now(&response)).ok());
    let expires_in = expires_in.filter(|expires_in| !expires_in.is_zero());
    let expires_in =
        expires_in.ok_or_else(|| response.unexpected(SERVICE, "no valid expiry in the response"))?;
    Ok(Token { secret: Secret::new(body.access_token), expires_in })
}

pub(super) async fn id_token(
    google: &GoogleClient,
    federated: &Secret,
    audience: &str,
) -> Result<Token, Error> {
    let account = account(google)?;
    let request = IdTokenRequest { delegates: delegates(account), audience, include_email: true };
    let (response, body): (_, IdTokenResponse) = call(google, federated, "generateIdToken", &request).await?;
    let expires = jwt::expires(&body.token);
    let expires_in = expires.and_then(|expires| expires.duration_since(now(&response)).ok());
    let expires_in = expires_in.filter(|expires_in| !expires_in.is_zero());
    let expires_in =
        expires_in.ok_or_else(|| response.unexpected(SERVICE, "no valid ID token in the response"))?;
    Ok(Token { secret: Secret::new(body.token), expires_in })
}

impl GoogleClient {
    /// Signs a text as the service account with its own access token, and drops the signature.
    ///
    /// # Errors
    /// Returns an error if the account may not sign as itself.
    pub async fn try_signing(&self, access_token: &Secret) -> Result<(), Error> {
        let request = SignBlobRequest { payload: PAYLOAD };
        let (response, body): (_, SignBlobResponse) = call(self, access_token, SIGN_BLOB, &request).await?;
        if body.signed_blob.is_empty() {
            return Err(response.unexpected(SERVICE, "no signature in the response"));
        }
        Ok(())
    }
}

async fn call<T: DeserializeOwned>(
    google: &GoogleClient,
    bearer: &Secret,
    method: &str,
    request: &impl Serialize,
) -> Result<(Response, T), Error> {
    let settings = &google.settings;
    let email = &account(google)?.email;
    let url = format!("{}/v1/projects/-/serviceAccounts/{email}:{method}", settings.iam_credentials_endpoint);
    let bearer = format!("Bearer {}", bearer.expose());
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend(settings.quota_project.as_deref().map(|project| ("x-goog-user-project", project)));
    let body = serde_json::to_string(request);
    let body =
        body.map_err(|error| Error::new(ErrorKind::Rejected, error.to_string()).from_service(SERVICE))?;
    let request = Request { service: SERVICE, method: "POST", url: &url, headers: &headers, body };
    let response = send(&google.connection, request).await?;
    if response.status != 200 {
        let error_response = ErrorResponse::parse(&response);
        return Err(error_response.to_error(
            kind(method, &error_response),
            SERVICE,
            &format!("service account {email}"),
            &response.host,
        ));
    }
    let body = serde_json::from_slice(&response.body);
    let body = body.map_err(|_| response.unexpected(SERVICE, "no token in the response"))?;
    Ok((response, body))
}

fn account(google: &GoogleClient) -> Result<&Impersonation, Error> {
    let account = google.account.as_ref();
    account.ok_or_else(|| {
        Error::new(ErrorKind::Rejected, "no service account is configured").from_service(SERVICE)
    })
}

fn delegates(account: &Impersonation) -> Vec<String> {
    account.delegates.iter().map(|email| format!("projects/-/serviceAccounts/{email}")).collect()
}

/// Returns the time by Google's clock, so that the node's does not matter.
fn now(response: &Response) -> SystemTime {
    response.date().unwrap_or_else(SystemTime::now)
}

fn kind(method: &str, error_response: &ErrorResponse) -> ErrorKind {
    if let Some(kind) = error_response.common_kind() {
        return kind;
    }
    match error_response.code.as_str() {
        "PERMISSION_DENIED" if error_response.message_contains(SIGN_BLOB_PERMISSION) => {
            ErrorKind::SignBlobDenied
        }
        // The pod's principal has impersonated the account already.
        _ if method == SIGN_BLOB => ErrorKind::Rejected,
        "PERMISSION_DENIED" | "NOT_FOUND" => ErrorKind::ImpersonationDenied,
        "UNAUTHENTICATED" => ErrorKind::FederatedRejected,
        "INVALID_ARGUMENT" if error_response.message_contains("lifetime") => ErrorKind::LifetimeRejected,
        _ => ErrorKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const USE_PROJECT: &str = "Caller does not have required permission to use project shop-billing. Grant the caller the \
        roles/serviceusage.serviceUsageConsumer role";

    #[rstest]
    #[case(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", &["IAM_PERMISSION_DENIED"], ErrorKind::ImpersonationDenied)]
    #[case(403, "PERMISSION_DENIED", USE_PROJECT, &["USER_PROJECT_DENIED"], ErrorKind::Rejected)]
    #[case(403, "PERMISSION_DENIED", "IAM Service Account Credentials API has not been used in project 1 before or it is disabled.", &["SERVICE_DISABLED"], ErrorKind::ApiDisabled)]
    #[case(404, "NOT_FOUND", "Not found; Gaia id not found for email a@b.iam.gserviceaccount.com", &[], ErrorKind::ImpersonationDenied)]
    #[case(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", &[], ErrorKind::FederatedRejected)]
    #[case(400, "INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds", &[], ErrorKind::LifetimeRejected)]
    #[case(400, "INVALID_ARGUMENT", "Request contains an invalid argument.", &[], ErrorKind::Rejected)]
    #[case(429, "RESOURCE_EXHAUSTED", "Quota exceeded", &[], ErrorKind::Throttled)]
    #[case(503, "UNAVAILABLE", "The service is currently unavailable.", &[], ErrorKind::ServerError)]
    fn error_response_is_classified_by_code_and_message(
        #[case] status: u16,
        #[case] code: &str,
        #[case] message: &str,
        #[case] details: &[&str],
        #[case] expected: ErrorKind,
    ) {
        assert_eq!(kind("generateAccessToken", &error_response(status, code, message, details)), expected);
    }

    #[rstest]
    #[case(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.signBlob' denied on resource (or it may not exist).", &["IAM_PERMISSION_DENIED"], ErrorKind::SignBlobDenied)]
    #[case(403, "PERMISSION_DENIED", "The caller does not have permission", &[], ErrorKind::Rejected)]
    #[case(403, "PERMISSION_DENIED", USE_PROJECT, &["USER_PROJECT_DENIED"], ErrorKind::Rejected)]
    #[case(404, "NOT_FOUND", "Not found; Gaia id not found for email a@b.iam.gserviceaccount.com", &[], ErrorKind::Rejected)]
    #[case(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", &[], ErrorKind::Rejected)]
    #[case(429, "RESOURCE_EXHAUSTED", "Quota exceeded", &[], ErrorKind::Throttled)]
    fn error_of_signing_never_blames_the_pods_principal(
        #[case] status: u16,
        #[case] code: &str,
        #[case] message: &str,
        #[case] details: &[&str],
        #[case] expected: ErrorKind,
    ) {
        assert_eq!(kind(SIGN_BLOB, &error_response(status, code, message, details)), expected);
    }

    fn error_response(status: u16, code: &str, message: &str, details: &[&str]) -> ErrorResponse {
        let details = details.iter().map(|detail| (*detail).to_owned()).collect();
        ErrorResponse {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            details,
            ..ErrorResponse::default()
        }
    }
}
