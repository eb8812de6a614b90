//! The fake Google: STS, IAM Credentials, Cloud Storage and BigQuery over one set of principals and policies.

mod aws_exchange;
mod aws_subject_token;
mod bigquery;
mod cel;
mod error;
mod grpc;
mod iam_credentials;
mod id_token;
mod introspection;
pub(crate) mod policy;
mod principal;
mod provider;
mod storage;
mod sts;
mod tokens;

use std::sync::Arc;

use http::Method;
pub(crate) use sts::Exchange;

use self::bigquery::BigQuery;
use self::error::{ApiError, OauthError, Style};
use self::iam_credentials::ServiceAccounts;
use self::provider::Provider;
use self::storage::Storage;
use self::tokens::TokenStore;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::oidc::Issuers;
use crate::operation::Operation;
use crate::state::{ErrorKind, Service};
use crate::wire::{Request, Response};

/// The fake Google.
#[derive(Debug)]
pub(crate) struct Google {
    universe: String,
    issuers: Arc<Issuers>,
    providers: Vec<Provider>,
    service_accounts: ServiceAccounts,
    storage: Storage,
    bigquery: BigQuery,
    tokens: TokenStore,
}

impl Google {
    pub(crate) fn new(config: &config::Google, issuers: Arc<Issuers>) -> Result<Self, ConfigError> {
        let universe = config.universe.clone();
        let providers = config.providers.iter().map(|provider| Provider::new(provider, &universe));
        Ok(Self {
            providers: providers.collect::<Result<_, _>>()?,
            service_accounts: ServiceAccounts::new(&config.service_accounts)?,
            storage: Storage::new(&config.buckets)?,
            bigquery: BigQuery::new(&config.projects)?,
            tokens: TokenStore::default(),
            universe,
            issuers,
        })
    }

    /// Returns the operation of a request.
    pub(crate) fn operation(service: Service, request: &Request) -> Operation {
        let (method, path) = (request.method(), request.uri().path());
        match service {
            Service::GoogleSts if method == Method::POST && path == "/v1/token" => Operation::ExchangeToken,
            Service::GoogleSts if method == Method::POST && path == "/v1/introspect" => {
                Operation::IntrospectToken
            }
            Service::IamCredentials => {
                iam_credentials::parse_path(request).map_or(Operation::Unknown, |(operation, _)| operation)
            }
            Service::Storage => storage::operation(request),
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
            Operation::IntrospectToken => return self.introspect(request, now).unwrap_or_else(Into::into),
            Operation::GenerateAccessToken => self.generate_access_token(request, now),
            Operation::GenerateIdToken => self.generate_id_token(request, now),
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
