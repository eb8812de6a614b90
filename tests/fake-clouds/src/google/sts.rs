//! Google STS, `POST /v1/token`: exchanges a subject token for a federated token.
//!
//! Source: the STS REST reference (`v1.token`), and the errors that users report.

use std::sync::Arc;

use rolebridge_core::google::{AWS4_REQUEST, JWT};
use serde_json::Value;

use super::aws_exchange::AwsExchange;
use super::aws_subject_token::AwsSubjectToken;
use super::client_authentication;
use super::cloud::Google;
use super::error::OauthError;
use super::federated_token::{ACCESS_TOKEN, FederatedToken, Lifetime};
use super::id_token::IdToken;
use super::provider::{Provider, Trust};
use crate::clock::Timestamp;
use crate::events::SubjectToken;
use crate::fields::Fields;
use crate::wire::{Request, Response, is_form};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Another name of [`JWT`] that Google accepts.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// Maximum lifetime of a federated token, in seconds.
const MAX_LIFETIME: i64 = 3600;

/// The first part of an exchange.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// The exchange is complete.
    Done(Response),
    /// The exchange needs a call to AWS.
    NeedsAws(AwsExchange),
}

/// The fields of an exchange request.
#[derive(Debug)]
struct Form {
    audience: String,
    scopes: Vec<String>,
    token: String,
    token_type: String,
}

impl Form {
    fn parse(request: &Request) -> Result<Self, OauthError> {
        client_authentication::accept(request)?;
        if !is_form(request) {
            return Err(OauthError::new(
                "invalid_request",
                "The request is not application/x-www-form-urlencoded.",
            ));
        }
        let fields = Fields::from_form(request);
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
        if required("requested_token_type")? != ACCESS_TOKEN {
            return Err(invalid_value("requested_token_type", ACCESS_TOKEN));
        }
        if let Some(options) = fields.value("options")
            && !serde_json::from_str::<Value>(options).is_ok_and(|options| options.is_object())
        {
            return Err(invalid_value("options", "a JSON object"));
        }
        Ok(Self {
            audience: required("audience")?.to_owned(),
            scopes: required("scope")?.split(' ').map(ToOwned::to_owned).collect(),
            token: required("subject_token")?.to_owned(),
            token_type: required("subject_token_type")?.to_owned(),
        })
    }
}

impl Google {
    /// Performs every check that does not need AWS.
    pub(crate) fn begin_exchange(&self, request: &Request, now: Timestamp) -> Result<Exchange, OauthError> {
        let Form { audience, scopes, token, token_type } = Form::parse(request)?;
        if !self.exchange_quota.allows(now) {
            return Err(OauthError::throttled());
        }
        let provider = self.provider(&audience)?;
        match &provider.trust {
            Trust::Aws { account } => {
                if token_type != AWS4_REQUEST {
                    return Err(invalid_value("subject_token_type", AWS4_REQUEST));
                }
                let token = AwsSubjectToken::parse(&token, &provider.audience)?;
                let account = account.clone();
                Ok(Exchange::NeedsAws(AwsExchange { provider, account, token, scopes }))
            }
            Trust::Oidc(oidc) => {
                if ![JWT, ID_TOKEN].contains(&token_type.as_str()) {
                    return Err(invalid_value("subject_token_type", JWT));
                }
                let id_token = IdToken::verify(&token, oidc, &self.issuers, now)?;
                let lifetime = remaining_lifetime(id_token.remaining)?;
                let principal = provider.principal(id_token.values())?;
                let subject_token = SubjectToken::Jwt { issuer: oidc.issuer.clone() };
                let token = FederatedToken { principal, scopes, lifetime, subject_token };
                Ok(Exchange::Done(self.issue(&provider, token, now)))
            }
        }
    }

    fn provider(&self, audience: &str) -> Result<Arc<Provider>, OauthError> {
        let prefix = rolebridge_core::google::audience("projects/");
        if !audience.starts_with(&prefix) || audience.split('/').count() != 11 {
            return Err(OauthError::new(
                "invalid_request",
                "Invalid value for \"audience\". This value should be the full resource name of the Identity \
                 Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of \
                 possible formats.",
            ));
        }
        self.pools.active_provider(audience).ok_or_else(|| {
            OauthError::new(
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid. This might either be because \
                 the pool or provider is disabled or deleted or because it doesn't exist.",
            )
        })
    }
}

/// Returns the lifetime of the federated token for a subject token with this many seconds left.
///
/// Google's response lacks `expires_in` with two seconds left, and is an error 500 with one second left, as measured there. The
/// body of that error, and the response to a token that expired within the tolerance, are not known.
fn remaining_lifetime(remaining: i64) -> Result<Lifetime, OauthError> {
    match remaining {
        ..=1 => Err(OauthError::internal()),
        2 => Ok(Lifetime::Unstated(2)),
        _ => Ok(Lifetime::Stated(remaining.min(MAX_LIFETIME))),
    }
}

fn invalid_value(parameter: &str, expected: &str) -> OauthError {
    OauthError::new("invalid_request", format!("Invalid value for \"{parameter}\": it should be {expected}."))
}
