//! Google STS: `POST /v1/token`, a signed AWS request for a federated token.
//!
//! Source: the STS REST reference (`v1.token`), and the errors that users report.

use http::StatusCode;
use rolebridge_contract::google::AWS4_REQUEST;
use serde_json::{Value, json};

use super::Google;
use super::error::OauthError;
use super::principal::Principal;
use super::provider::{Assertion, Provider};
use super::subject_token::SubjectToken;
use super::tokens::Grant;
use crate::aws::error::{element, unescape};
use crate::clock::Timestamp;
use crate::events::{Detail, TokenExchanged};
use crate::wire::{Answer, Fields, Request, header, is_form};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The life of a federated token, in seconds.
const LIFETIME: i64 = 3600;

/// An exchange, between the request to Google and AWS's answer to Google.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    provider: &'a Provider,
    token: SubjectToken,
    scopes: Vec<String>,
}

impl<'a> Exchange<'a> {
    /// Checks all that can be checked without AWS.
    pub(crate) fn begin(google: &'a Google, request: &Request) -> Result<Self, OauthError> {
        // An empty one is what some libraries send for "no client authentication".
        if header(request, "authorization").is_some_and(|value| !value.is_empty()) {
            let description =
                "The request must not have an Authorization header: the subject token authenticates it.";
            return Err(OauthError::new("invalid_client", description).with_status(StatusCode::UNAUTHORIZED));
        }
        if !is_form(request) {
            return Err(OauthError::new(
                "invalid_request",
                "The request is not application/x-www-form-urlencoded.",
            ));
        }
        let fields = Fields::of_form(request);
        let required = |name: &str| {
            fields.value(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                OauthError::new("invalid_request", format!("Missing required parameter: {name}"))
            })
        };
        if required("grant_type")? != GRANT_TYPE {
            return Err(OauthError::new(
                "unsupported_grant_type",
                format!("The only grant type is {GRANT_TYPE}."),
            ));
        }
        let provider = google.provider(required("audience")?)?;
        if required("requested_token_type")? != ACCESS_TOKEN {
            return Err(invalid_value("requested_token_type", ACCESS_TOKEN));
        }
        if required("subject_token_type")? != AWS4_REQUEST {
            return Err(invalid_value("subject_token_type", AWS4_REQUEST));
        }
        let scopes = required("scope")?.split(' ').map(ToOwned::to_owned).collect();
        if let Some(options) = fields.value("options")
            && !serde_json::from_str::<Value>(options).is_ok_and(|options| options.is_object())
        {
            return Err(invalid_value("options", "a JSON object"));
        }
        let token = SubjectToken::parse(required("subject_token")?, &provider.audience)?;
        Ok(Self { provider, token, scopes })
    }

    /// What Google posts to AWS.
    pub(crate) const fn aws_request(&self) -> &Request {
        &self.token.request
    }

    /// Turns AWS's answer into Google's. `None`: AWS broke off.
    pub(crate) fn end(
        self,
        google: &Google,
        aws: Option<&Answer>,
        now: Timestamp,
    ) -> Result<Answer, OauthError> {
        let aws = aws.ok_or_else(|| bad_aws_answer("Unavailable", "the connection was closed"))?;
        let assertion = assertion(aws)?;
        if assertion.account != self.provider.aws_account {
            // The words are this fake's own.
            return Err(OauthError::new(
                "invalid_grant",
                format!(
                    "The AWS account {} of the caller is not the one that the provider trusts.",
                    assertion.account
                ),
            ));
        }
        let principal = self.provider.principal(&assertion)?;
        // Nothing in AWS's answer tells Google how long the session lives.
        let lifetime = self.provider.token_seconds.unwrap_or(LIFETIME);
        let detail = self.detail(&principal, access_key_id(aws), lifetime);
        let grant = Grant { principal, scopes: self.scopes, expires: now.plus(lifetime) };
        let body = json!({
            "access_token": google.tokens.give(grant),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": lifetime,
        });
        Ok(Answer::json(StatusCode::OK, &body).telling(Detail::TokenExchanged(detail)))
    }

    fn detail(&self, principal: &Principal, access_key_id: String, expires_in: i64) -> TokenExchanged {
        let mut mapped = std::collections::BTreeMap::new();
        if let Principal::Federated { subject, attributes, .. } = principal {
            mapped.insert("google.subject".to_owned(), subject.clone());
            let named = attributes.iter().map(|(name, value)| (format!("attribute.{name}"), value.clone()));
            mapped.extend(named);
        }
        TokenExchanged {
            provider: self.provider.name.clone(),
            principal: principal.to_string(),
            attributes: mapped,
            access_key_id,
            signed_host: self.token.host.clone(),
            audience_signed: self.token.audience_signed,
            expires_in,
        }
    }
}

impl Google {
    fn provider(&self, audience: &str) -> Result<&Provider, OauthError> {
        let prefix = rolebridge_contract::google::audience(&self.universe, "projects/");
        if !audience.starts_with(&prefix) || audience.split('/').count() != 11 {
            return Err(OauthError::new(
                "invalid_request",
                "Invalid value for \"audience\". This value should be the full resource name of the Identity \
                 Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of \
                 possible formats.",
            ));
        }
        let found =
            self.providers.iter().find(|provider| provider.audience == audience && !provider.disabled);
        found.ok_or_else(|| {
            OauthError::new(
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid. This might either be because \
                 the pool or provider is disabled or deleted or because it doesn't exist.",
            )
        })
    }
}

fn invalid_value(parameter: &str, wanted: &str) -> OauthError {
    OauthError::new("invalid_request", format!("Invalid value for \"{parameter}\": it should be {wanted}."))
}

pub(crate) fn bad_aws_answer(code: &str, message: &str) -> OauthError {
    let description = format!("Received invalid AWS response of type {code} with error message: {message}");
    OauthError::new("invalid_grant", description)
}

/// Who the caller is, in AWS's answer.
fn assertion(aws: &Answer) -> Result<Assertion, OauthError> {
    let body = String::from_utf8_lossy(&aws.body);
    let text = |name| element(&body, name).map(unescape).unwrap_or_default();
    if aws.status != StatusCode::OK {
        return Err(bad_aws_answer(&text("Code"), &text("Message")));
    }
    Ok(Assertion { arn: text("Arn"), account: text("Account"), user_id: text("UserId") })
}

fn access_key_id(aws: &Answer) -> String {
    match &aws.detail {
        Detail::CallerIdentified { access_key_id, .. } => access_key_id.clone(),
        _ => String::new(),
    }
}
