//! A token exchange at a provider of type AWS: Google's request to AWS, and the response built from AWS's answer.

use std::sync::Arc;

use http::StatusCode;

use super::aws_subject_token::AwsSubjectToken;
use super::cloud::Google;
use super::error::OauthError;
use super::federated_token::{FederatedToken, Lifetime};
use super::provider::{AwsCaller, Provider};
use crate::aws::xml::{element, unescape};
use crate::clock::Timestamp;
use crate::events::{Detail, SignedRequest, SubjectToken};
use crate::wire::{Request, Response};

/// The lifetime of a federated token, in seconds: AWS's response does not contain the session's expiration.
const TOKEN_LIFETIME: Lifetime = Lifetime::Stated(3600);

/// An exchange that waits for AWS.
#[derive(Debug)]
pub(crate) struct AwsExchange {
    pub(super) provider: Arc<Provider>,
    pub(super) account: String,
    pub(super) token: AwsSubjectToken,
    pub(super) scopes: Vec<String>,
}

impl AwsExchange {
    /// Returns the request that Google posts to AWS.
    pub(crate) const fn aws_request(&self) -> &Request {
        &self.token.request
    }

    /// Converts AWS's response into Google's. `None` means that the connection to AWS closed.
    pub(crate) fn finish(
        self,
        google: &Google,
        aws: Option<&Response>,
        now: Timestamp,
    ) -> Result<Response, OauthError> {
        let aws =
            aws.ok_or_else(|| OauthError::invalid_aws_response("Unavailable", "the connection was closed"))?;
        let caller = parse_caller(aws)?;
        if caller.account != self.account {
            // This fake's own message.
            return Err(OauthError::new(
                "invalid_grant",
                format!(
                    "The AWS account {} of the caller is not the one that the provider trusts.",
                    caller.account
                ),
            ));
        }
        let subject_token = SubjectToken::SignedRequest(SignedRequest {
            access_key_id: access_key_id(aws),
            host: self.token.host,
            audience_signed: self.token.audience_signed,
        });
        let principal = self.provider.principal(caller.values())?;
        Ok(google.issue(
            &self.provider,
            FederatedToken { principal, scopes: self.scopes, lifetime: TOKEN_LIFETIME, subject_token },
            now,
        ))
    }
}

/// Parses the caller in AWS's response.
fn parse_caller(aws: &Response) -> Result<AwsCaller, OauthError> {
    let body = String::from_utf8_lossy(&aws.body);
    let text = |name| element(&body, name).map(unescape).unwrap_or_default();
    if aws.status != StatusCode::OK {
        return Err(OauthError::invalid_aws_response(&text("Code"), &text("Message")));
    }
    Ok(AwsCaller { arn: text("Arn"), account: text("Account"), user_id: text("UserId") })
}

fn access_key_id(aws: &Response) -> String {
    match &aws.detail {
        Detail::CallerIdentified { access_key_id, .. } => access_key_id.clone(),
        _ => String::new(),
    }
}
