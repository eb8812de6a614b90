//! The exchange of a subject token for a federated token at Google STS.
//!
//! Source: `v1.token`, Security Token Service REST reference.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::client::{GoogleClient, Token};
use super::error::ErrorResponse;
use crate::error::{Error, ErrorKind, Service};
use crate::http::request::{Request, send};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The assumed lifetime of a token without `expires_in`. Google leaves it out for a subject token with two seconds left.
const UNSTATED_LIFETIME: u64 = 1;

#[derive(Deserialize)]
struct Body {
    access_token: String,
    expires_in: Option<u64>,
}

pub(super) async fn exchange(
    google: &GoogleClient,
    subject: &SubjectToken,
    scopes: &Scopes,
) -> Result<Token, Error> {
    let audience = google.settings.audience.as_str();
    let scope = scopes.to_string();
    let form = form(&[
        ("grant_type", GRANT_TYPE),
        ("audience", audience),
        ("scope", &scope),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token_type", google.subject_token_type),
        ("subject_token", subject.expose()),
    ]);
    let request = Request {
        service: Service::GoogleSts,
        method: "POST",
        url: &format!("{}/v1/token", google.settings.sts_endpoint),
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: form,
    };
    let response = send(&google.connection, request).await?;
    if response.status != 200 {
        let error_response = ErrorResponse::parse(&response);
        return Err(error_response.to_error(
            kind(&error_response),
            Service::GoogleSts,
            audience,
            &response.host,
        ));
    }
    let unexpected = |problem| response.unexpected(Service::GoogleSts, problem);
    let body: Body =
        serde_json::from_slice(&response.body).map_err(|_| unexpected("no token in the response"))?;
    let expires_in = body.expires_in.unwrap_or(UNSTATED_LIFETIME);
    if expires_in == 0 {
        return Err(unexpected("the token in the response has expired"));
    }
    Ok(Token { secret: Secret::new(body.access_token), expires_in: Duration::from_secs(expires_in) })
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    fields.join("&")
}

fn kind(error_response: &ErrorResponse) -> ErrorKind {
    if let Some(kind) = error_response.common_kind() {
        return kind;
    }
    let contains = |text: &str| error_response.message_contains(text);
    match error_response.code.as_str() {
        "invalid_target" => ErrorKind::NoProvider,
        _ if contains("\"audience\"") => ErrorKind::NoProvider,
        _ if contains("exceeds the 127 bytes limit") => ErrorKind::SubjectTooLong,
        "unauthorized_client" if contains("attribute condition") => ErrorKind::ConditionRejected,
        "unauthorized_client" if contains("Could not obtain a value for google.subject") => {
            ErrorKind::SubjectMissing
        }
        "invalid_grant" if is_transient(error_response) => ErrorKind::SubjectUnverified,
        "invalid_grant" => rejection(&error_response.message),
        _ => ErrorKind::Rejected,
    }
}

/// Classifies the reason why Google rejects a subject token.
fn rejection(message: &str) -> ErrorKind {
    [
        ("The issuer in ID Token", ErrorKind::IssuerMismatch),
        ("The audience in ID Token", ErrorKind::AudienceRejected),
        ("is stale to sign-in", ErrorKind::SubjectStale),
        ("Unable to verify the ID Token signature", ErrorKind::SignatureRejected),
        ("AWS request has invalid format", ErrorKind::SubjectMalformed),
        ("Invalid format of AWS credentials", ErrorKind::SubjectMalformed),
    ]
    .into_iter()
    .find_map(|(text, kind)| message.contains(text).then_some(kind))
    .unwrap_or(ErrorKind::SubjectRejected)
}

/// Returns true if Google quotes a transient error of AWS or could not read an issuer's keys. Also if the signature has
/// expired on the way, because the next one replaces it.
fn is_transient(error_response: &ErrorResponse) -> bool {
    [
        "type ServiceUnavailable",
        "type InternalFailure",
        "type Throttling",
        "type RequestExpired",
        "type ExpiredToken",
        "type SignatureDoesNotMatch with error message: Signature expired",
        "Unavailable",
        "Error connecting to the given credential's issuer",
    ]
    .iter()
    .any(|text| error_response.message_contains(text))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::condition(
        400,
        "unauthorized_client",
        "The given credential is rejected by the attribute condition.",
        ErrorKind::ConditionRejected
    )]
    #[case::long(
        400,
        "invalid_request",
        "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.",
        ErrorKind::SubjectTooLong
    )]
    #[case::target(
        400,
        "invalid_target",
        "The target service indicated by the \"audience\" parameters is invalid.",
        ErrorKind::NoProvider
    )]
    #[case::audience(
        400,
        "invalid_request",
        "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider.",
        ErrorKind::NoProvider
    )]
    #[case::key(
        400,
        "invalid_grant",
        "Received invalid AWS response of type InvalidClientTokenId with error message: The security token included in the request is invalid.",
        ErrorKind::SubjectRejected
    )]
    #[case::aws_is_down(
        400,
        "invalid_grant",
        "Received invalid AWS response of type ServiceUnavailable with error message: Service Unavailable",
        ErrorKind::SubjectUnverified
    )]
    #[case::signature_expired(
        400,
        "invalid_grant",
        "Received invalid AWS response of type SignatureDoesNotMatch with error message: Signature expired: 20260302T000000Z is now earlier than 20260302T000100Z",
        ErrorKind::SubjectUnverified
    )]
    #[case::signature(
        400,
        "invalid_grant",
        "Received invalid AWS response of type SignatureDoesNotMatch with error message: The request signature we calculated does not match",
        ErrorKind::SubjectRejected
    )]
    #[case::quota(429, "quota_exceeded", "The request was throttled", ErrorKind::Throttled)]
    #[case::server(500, "internal_failure", "Internal error encountered.", ErrorKind::ServerError)]
    #[case::disabled(
        403,
        "PERMISSION_DENIED",
        "Security Token Service API has not been used in project 1 before or it is disabled. Enable it by visiting https://console…",
        ErrorKind::ApiDisabled
    )]
    #[case::captive_portal(403, "", "", ErrorKind::UnexpectedResponse)]
    #[case::unknown_code(400, "something_new", "", ErrorKind::Rejected)]
    #[case::unknown_cause(400, "unauthorized_client", "Something new.", ErrorKind::Rejected)]
    fn error_response_is_classified_by_code_and_message(
        #[case] status: u16,
        #[case] code: &str,
        #[case] message: &str,
        #[case] expected: ErrorKind,
    ) {
        let error_response = ErrorResponse {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            ..ErrorResponse::default()
        };
        assert_eq!(kind(&error_response), expected);
    }

    #[test]
    fn form_percent_encodes_values() {
        assert_eq!(form(&[("a", "%7B x"), ("b", "/")]), "a=%257B%20x&b=%2F");
    }
}
