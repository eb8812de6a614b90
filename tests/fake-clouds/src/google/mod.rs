//! The fake Google: STS, IAM Credentials, Cloud Storage and BigQuery over one set of principals and policies.

mod admin;
mod aws_exchange;
mod aws_subject_token;
mod bigquery;
mod cel;
mod client_authentication;
mod cloud;
mod cloud_run;
mod emulated;
mod error;
mod federated_token;
mod front_end_token;
pub(crate) mod grpc;
mod iam_credentials;
mod iap;
mod id_token;
mod introspection;
mod policy;
mod pools;
mod principal;
mod provider;
mod registry;
mod resource_policy;
mod storage;
mod sts;
mod tokens;

use http::Method;
pub(crate) use sts::Exchange;

pub use self::admin::AdminCall;
pub(crate) use self::cloud::Google;
use self::error::{ApiError, OauthError, Style};
use self::iam_credentials::allowed_locations;
use crate::clock::Timestamp;
use crate::faults::ErrorKind;
use crate::operation::Operation;
use crate::service::Service;
use crate::wire::{Request, Response};

impl Google {
    /// Returns the operation of a request.
    pub(crate) fn operation(service: Service, request: &Request) -> Operation {
        let (method, path) = (request.method(), request.uri().path());
        match service {
            Service::GoogleSts if method == Method::POST && path == "/v1/token" => Operation::ExchangeToken,
            Service::GoogleSts if method == Method::POST && path == "/v1/introspect" => {
                Operation::IntrospectToken
            }
            Service::IamCredentials if allowed_locations::parse_path(request).is_some() => {
                Operation::AllowedLocations
            }
            Service::IamCredentials => {
                iam_credentials::parse_path(request).map_or(Operation::Unknown, |(operation, _)| operation)
            }
            Service::GoogleAdmin => Operation::Administer,
            Service::Storage => storage::operation(request),
            Service::CloudRun => Operation::InvokeService,
            Service::Iap => Operation::CallThroughIap,
            Service::BigQuery => bigquery::operation(request),
            _ => Operation::Unknown,
        }
    }

    /// Answers as the service does. Exchanges are handled elsewhere, because they need AWS.
    pub(crate) fn handle(
        &self,
        service: Service,
        operation: Operation,
        request: &Request,
        now: Timestamp,
    ) -> Response {
        let style = Style::of(service, operation);
        let response = match operation {
            Operation::Administer => return self.administer(request, now),
            Operation::GetSignedObject => return self.signed_object(request, now).unwrap_or_else(Into::into),
            Operation::InvokeService => return self.invoke_service(request, now),
            Operation::CallThroughIap => return self.call_through_iap(request, now),
            Operation::IntrospectToken => return self.introspect(request, now).unwrap_or_else(Into::into),
            Operation::GenerateAccessToken => self.generate_access_token(request, now),
            Operation::GenerateIdToken => self.generate_id_token(request, now),
            Operation::SignBlob => self.sign_blob(request, now),
            Operation::AllowedLocations => self.allowed_locations(request, now),
            Operation::GetObject => self.object(request, now),
            Operation::ListObjects => self.objects(request, now),
            Operation::ReadObject => self.read_object(request, now),
            Operation::Query => self.query(request, now),
            Operation::InsertJob => self.insert_job(request, now),
            Operation::GetJob => self.job(request, now),
            Operation::GetQueryResults => self.query_results(request, now),
            _ => Err(ApiError::unknown_method(request)),
        };
        response.unwrap_or_else(|error| error.into_response(style))
    }

    /// Returns the error response of an injected fault.
    pub(crate) fn error_response(service: Service, operation: Operation, kind: ErrorKind) -> Response {
        if service == Service::GoogleSts {
            return OauthError::simulated(kind).into();
        }
        let style = Style::of(service, operation);
        let error = match kind {
            ErrorKind::Expired => ApiError::unauthenticated(style),
            ErrorKind::Denied if service == Service::IamCredentials => {
                iam_credentials::permission_denied(operation)
            }
            ErrorKind::Denied => ApiError::forbidden("Access denied."),
            ErrorKind::Throttled => ApiError::throttled(service),
            ErrorKind::Internal => ApiError::internal(),
        };
        error.into_response(style)
    }
}

#[cfg(test)]
mod tests;
