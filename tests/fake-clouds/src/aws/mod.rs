//! The fake AWS: IAM, EKS Pod Identity, and the Query protocol of STS.

mod accounts;
mod cloud;
mod condition;
pub(crate) mod error;
pub(crate) mod host;
mod outbound;
mod pod_identity;
mod policy;
mod sessions;
mod signed_actions;
pub(crate) mod sigv4;
mod web_identity;
mod wildcard;
pub(crate) mod xml;

use http::{Method, StatusCode};

pub(crate) use self::cloud::Aws;
use self::cloud::VERSION;
use self::error::Error;
use crate::clock::Timestamp;
use crate::faults::ErrorKind;
use crate::fields::Fields;
use crate::operation::Operation;
use crate::wire::{Request, Response};

impl Aws {
    /// Returns the operation of a request.
    pub(crate) fn operation(request: &Request) -> Operation {
        match Fields::from_request(request).value("Action") {
            Some("AssumeRoleWithWebIdentity") => Operation::AssumeRoleWithWebIdentity,
            Some("GetCallerIdentity") => Operation::GetCallerIdentity,
            Some("GetWebIdentityToken") => Operation::GetWebIdentityToken,
            Some(_) => Operation::OtherAwsAction,
            None => Operation::Unknown,
        }
    }

    /// Answers as AWS STS does.
    pub(crate) fn handle(&self, request: &Request, now: Timestamp) -> Response {
        self.dispatch(request, now).unwrap_or_else(Into::into)
    }

    fn dispatch(&self, request: &Request, now: Timestamp) -> Result<Response, Error> {
        if request.uri().path() != "/" || ![Method::GET, Method::POST].contains(request.method()) {
            return Err(Error::new(
                StatusCode::NOT_FOUND,
                "InvalidAction",
                "STS only accepts GET and POST at /",
            ));
        }
        let fields = Fields::from_request(request);
        let Some(action) = fields.value("Action") else {
            // AWS redirects a browser to the product's page.
            let response = Response::new(StatusCode::FOUND, "text/html", "");
            return Ok(response.with_header(http::header::LOCATION, "https://aws.amazon.com/iam"));
        };
        let version = fields.value("Version").unwrap_or_default();
        if version != VERSION {
            let message = format!("Could not find operation {action} for version {version}");
            return Err(Error::new(StatusCode::BAD_REQUEST, "InvalidAction", message));
        }
        match action {
            "AssumeRoleWithWebIdentity" => self.assume_role_with_web_identity(&fields, now),
            "GetCallerIdentity" => self.caller_identity(request, now),
            "GetWebIdentityToken" => self.web_identity_token(&fields, request, now),
            other => self.other_action(other, &fields, request, now),
        }
    }

    /// Returns the error response of an injected fault.
    pub(crate) fn error_response(operation: Operation, kind: ErrorKind, now: Timestamp) -> Response {
        let web_identity = operation == Operation::AssumeRoleWithWebIdentity;
        match kind {
            ErrorKind::Expired if web_identity => web_identity::expired(now, now.plus(-60)),
            ErrorKind::Expired => Error::expired_token(),
            ErrorKind::Denied if web_identity => web_identity::not_authorized(),
            ErrorKind::Denied if operation == Operation::GetWebIdentityToken => outbound::not_authorized(),
            ErrorKind::Denied => Error::invalid_token(),
            ErrorKind::Throttled => Error::new(StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded"),
            ErrorKind::Internal => Error::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalFailure",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
        }
        .into()
    }
}

#[cfg(test)]
mod tests;
