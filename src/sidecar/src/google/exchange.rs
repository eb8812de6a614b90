//! Google STS: a subject token for a federated token.
//!
//! Source: `v1.token`, Security Token Service REST reference.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::refusal::Refusal;
use super::{Google, Token};
use crate::call::{Request, call};
use crate::fault::{Fault, Peer, Reason};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Deserialize)]
struct Body {
    access_token: String,
    expires_in: u64,
}

pub(super) async fn exchange(
    google: &Google,
    subject: &SubjectToken,
    scopes: &Scopes,
) -> Result<Token, Fault> {
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
        peer: Peer::GoogleSts,
        method: "POST",
        url: &format!("{}/v1/token", google.settings.sts_endpoint),
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: form,
    };
    let answer = call(&google.connection, request).await?;
    if answer.status != 200 {
        let refusal = Refusal::of(&answer);
        return Err(refusal.fault(reason(&refusal), Peer::GoogleSts, audience, &answer.host));
    }
    let unexpected = |what| answer.unexpected(Peer::GoogleSts, what);
    let body: Body = serde_json::from_slice(&answer.body).map_err(|_| unexpected("no token in it"))?;
    if body.expires_in == 0 {
        return Err(unexpected("a token that has expired"));
    }
    Ok(Token { secret: Secret::new(body.access_token), lives: Duration::from_secs(body.expires_in) })
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    fields.join("&")
}

fn reason(refusal: &Refusal) -> Reason {
    if let Some(reason) = refusal.common() {
        return reason;
    }
    match refusal.code.as_str() {
        "unauthorized_client" => Reason::ConditionRejected,
        "invalid_target" => Reason::NoProvider,
        _ if refusal.says("\"audience\"") => Reason::NoProvider,
        _ if refusal.says("exceeds the 127 bytes limit") => Reason::SubjectTooLong,
        "invalid_grant" if passes(refusal) => Reason::SubjectUnchecked,
        "invalid_grant" => Reason::SubjectRejected,
        _ => Reason::Refused,
    }
}

/// Google repeats what AWS answered to it, or that it could not read an issuer's keys; a signature that expired on the
/// way is replaced by the next.
fn passes(refusal: &Refusal) -> bool {
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
    .any(|words| refusal.says(words))
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
        Reason::ConditionRejected
    )]
    #[case::long(
        400,
        "invalid_request",
        "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.",
        Reason::SubjectTooLong
    )]
    #[case::target(
        400,
        "invalid_target",
        "The target service indicated by the \"audience\" parameters is invalid.",
        Reason::NoProvider
    )]
    #[case::audience(
        400,
        "invalid_request",
        "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider.",
        Reason::NoProvider
    )]
    #[case::key(
        400,
        "invalid_grant",
        "Received invalid AWS response of type InvalidClientTokenId with error message: The security token included in the request is invalid.",
        Reason::SubjectRejected
    )]
    #[case::aws_is_down(
        400,
        "invalid_grant",
        "Received invalid AWS response of type ServiceUnavailable with error message: Service Unavailable",
        Reason::SubjectUnchecked
    )]
    #[case::late(
        400,
        "invalid_grant",
        "Received invalid AWS response of type SignatureDoesNotMatch with error message: Signature expired: 20260302T000000Z is now earlier than 20260302T000100Z",
        Reason::SubjectUnchecked
    )]
    #[case::signature(
        400,
        "invalid_grant",
        "Received invalid AWS response of type SignatureDoesNotMatch with error message: The request signature we calculated does not match",
        Reason::SubjectRejected
    )]
    #[case::quota(429, "quota_exceeded", "The request was throttled", Reason::Throttled)]
    #[case::server(500, "internal_failure", "Internal error encountered.", Reason::ServerError)]
    #[case::disabled(
        403,
        "PERMISSION_DENIED",
        "Security Token Service API has not been used in project 1 before or it is disabled. Enable it by visiting https://console…",
        Reason::ApiDisabled
    )]
    #[case::portal(403, "", "", Reason::UnexpectedAnswer)]
    #[case::new(400, "something_new", "", Reason::Refused)]
    fn each_refusal_has_its_reason(
        #[case] status: u16,
        #[case] code: &str,
        #[case] message: &str,
        #[case] wanted: Reason,
    ) {
        let refusal =
            Refusal { status, code: code.to_owned(), message: message.to_owned(), details: Vec::new() };
        assert_eq!(reason(&refusal), wanted);
    }

    #[test]
    fn a_field_is_encoded_once_more() {
        assert_eq!(form(&[("a", "%7B x"), ("b", "/")]), "a=%257B%20x&b=%2F");
    }
}
