//! `GetWebIdentityToken`: outbound identity federation, a JSON web token that identifies the caller.
//!
//! Source: the AWS STS API reference and "Understanding token claims"; the claims that users report. A token cannot
//! outlive the session, and the global endpoint issues none.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::cloud::Aws;
use super::error::{Error, success};
use super::sessions::Session;
use super::sigv4::Authorization;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::fields::Fields;
use crate::secret;
use crate::wire::{Request, Response, header};

const ACTION: &str = "GetWebIdentityToken";
/// The claim that contains AWS's own claims.
const AWS_CLAIMS: &str = "https://sts.amazonaws.com/";

/// Parameters that satisfy the service's model.
struct Parameters<'a> {
    audiences: Vec<String>,
    duration: i64,
    algorithm: &'a str,
    tags: Map<String, Value>,
}

impl Aws {
    pub(super) fn web_identity_token(
        &self,
        fields: &Fields,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Error> {
        if header(request, "host") == Some("sts.amazonaws.com") {
            // This fake's own message.
            let message = format!("{ACTION} is not available on the global endpoint");
            return Err(Error::new(StatusCode::BAD_REQUEST, "InvalidAction", message));
        }
        let session = self.authenticate(request, now)?;
        let parameters = Parameters::parse(fields)?;
        authorize(&session, &parameters)?;
        let expires = now.plus(parameters.duration);
        // The session has already lost some of its lifetime when the request arrives, so its full duration is too long.
        if expires >= session.expires {
            return Err(duration_escalation());
        }
        let issuer = self.account(&session.role.account).and_then(|account| account.outbound_issuer.clone());
        let issuer = issuer.and_then(|url| self.issuers.find(&url)).ok_or_else(federation_disabled)?;
        let mut claims = claims(&session, &parameters, Authorization::parse(request)?.region());
        claims["iss"] = issuer.url().into();
        claims["iat"] = now.0.into();
        claims["exp"] = expires.0.into();
        let token = issuer
            .sign(parameters.algorithm, &claims)
            .ok_or_else(|| unsupported_algorithm(parameters.algorithm))?;
        let result = format!(
            "    <WebIdentityToken>{token}</WebIdentityToken>\n    <Expiration>{expires}</Expiration>\n"
        );
        Ok(success(ACTION, &result).with_detail(Detail::WebIdentityTokenIssued {
            subject: session.role.arn.clone(),
            audiences: parameters.audiences,
            access_key_id: session.access_key.clone(),
            lifetime: parameters.duration,
        }))
    }
}

impl<'a> Parameters<'a> {
    fn parse(fields: &'a Fields) -> Result<Self, Error> {
        let audiences = fields.members("Audience");
        if audiences.is_empty() {
            return Err(Error::constraint("null", "audience", "not be null"));
        }
        if audiences.len() > 10 {
            return Err(Error::constraint(
                &format!("[{}]", audiences.join(", ")),
                "audience",
                "have length less than or equal to 10",
            ));
        }
        for audience in &audiences {
            if !(1..=1000).contains(&audience.chars().count()) {
                let constraint = "have length between 1 and 1000";
                return Err(Error::constraint(audience, "audience", constraint));
            }
        }
        let algorithm = fields
            .value("SigningAlgorithm")
            .ok_or_else(|| Error::constraint("null", "signingAlgorithm", "not be null"))?;
        if !["RS256", "ES384"].contains(&algorithm) {
            return Err(unsupported_algorithm(algorithm));
        }
        if let Some(name) = ["SubjectMode", "Scope"].into_iter().find(|name| fields.value(name).is_some()) {
            return Err(Error::validation(format!("this fake of AWS does not support the parameter {name}")));
        }
        Ok(Self {
            audiences: audiences.into_iter().map(ToOwned::to_owned).collect(),
            duration: duration(fields)?,
            algorithm,
            tags: tags(fields),
        })
    }
}

fn duration(fields: &Fields) -> Result<i64, Error> {
    let Some(text) = fields.value("DurationSeconds") else { return Ok(300) };
    match text.parse() {
        Ok(seconds @ 60..=3600) => Ok(seconds),
        Ok(seconds) if seconds < 60 => {
            Err(Error::constraint(text, "durationSeconds", "have value greater than or equal to 60"))
        }
        Ok(_) => Err(Error::constraint(text, "durationSeconds", "have value less than or equal to 3600")),
        Err(_) => Err(Error::new(StatusCode::BAD_REQUEST, "MalformedInput", "Invalid Argument")),
    }
}

fn tags(fields: &Fields) -> Map<String, Value> {
    let tag = |nth: usize| {
        let part = |name: &str| fields.value(&format!("Tags.member.{nth}.{name}"));
        Some((part("Key")?.to_owned(), part("Value")?.into()))
    };
    (1..).map_while(tag).collect()
}

/// Checks that the policies of the role and the session allow the request: its audiences, duration and algorithm.
fn authorize(session: &Session, parameters: &Parameters<'_>) -> Result<(), Error> {
    let (algorithm, duration) = ([parameters.algorithm.to_owned()], [parameters.duration.to_string()]);
    let keys = [
        ("sts:IdentityTokenAudience".to_owned(), &parameters.audiences[..]),
        ("sts:SigningAlgorithm".to_owned(), &algorithm[..]),
        ("sts:DurationSeconds".to_owned(), &duration[..]),
    ];
    let mut actions = vec!["sts:GetWebIdentityToken"];
    if !parameters.tags.is_empty() {
        actions.push("sts:TagGetWebIdentityToken");
    }
    match actions.into_iter().find_map(|action| session.denial_message(action, &keys)) {
        Some(message) => Err(Error::denied(message)),
        None => Ok(()),
    }
}

/// Returns all claims except the issuer and the times.
fn claims(session: &Session, parameters: &Parameters<'_>, region: &str) -> Value {
    let role = &session.role;
    let mut aws_claims = json!({
        "aws_account": role.account,
        "original_session_exp": session.expires,
        "principal_id": role.arn,
        "source_region": region,
    });
    if !session.tags.is_empty() {
        let tags = session.tags.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        aws_claims["principal_tags"] = tags.collect::<Map<_, Value>>().into();
    }
    if !parameters.tags.is_empty() {
        aws_claims["request_tags"] = parameters.tags.clone().into();
    }
    let audience = match &parameters.audiences[..] {
        [one] => json!(one),
        many => json!(many),
    };
    json!({"aud": audience, "sub": role.arn, AWS_CLAIMS: aws_claims, "jti": secret::uuid()})
}

fn unsupported_algorithm(algorithm: &str) -> Error {
    Error::constraint(algorithm, "signingAlgorithm", "satisfy enum value set: [RS256, ES384]")
}

fn duration_escalation() -> Error {
    let message = "The requested token duration would extend the session beyond its original expiration time. You \
                   cannot use this operation to extend the lifetime of a session beyond what was granted when the \
                   session was originally created.";
    Error::new(StatusCode::FORBIDDEN, "SessionDurationEscalationException", message)
}

fn federation_disabled() -> Error {
    let message = "The outbound web identity federation feature is not enabled for this account. To use this feature, \
                   you must first enable it through the AWS Management Console or API.";
    Error::new(StatusCode::FORBIDDEN, "OutboundWebIdentityFederationDisabledException", message)
}

/// Returns the error of an injected fault.
pub(super) fn not_authorized() -> Error {
    Error::denied("User is not authorized to perform: sts:GetWebIdentityToken on resource: *")
}

#[cfg(test)]
mod tests;
