//! The fake Google: STS, IAM Credentials, Cloud Storage and BigQuery over one set of principals and policies.

mod aws_exchange;
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
mod subject_token;
mod tokens;

use std::sync::Arc;

use http::Method;
pub(crate) use sts::Exchange;

use self::bigquery::BigQuery;
use self::error::{ApiError, OauthError, Style};
use self::iam_credentials::ServiceAccounts;
use self::provider::Provider;
use self::storage::Storage;
use self::tokens::Tokens;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::faults::Operation;
use crate::oidc::Issuers;
use crate::state::{Failure, Service};
use crate::wire::{Answer, Request};

/// The fake Google.
#[derive(Debug)]
pub(crate) struct Google {
    universe: String,
    issuers: Arc<Issuers>,
    providers: Vec<Provider>,
    service_accounts: ServiceAccounts,
    storage: Storage,
    bigquery: BigQuery,
    tokens: Tokens,
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
            tokens: Tokens::default(),
            universe,
            issuers,
        })
    }

    /// What a request asks for.
    pub(crate) fn operation(service: Service, request: &Request) -> Operation {
        let (method, path) = (request.method(), request.uri().path());
        match service {
            Service::GoogleSts if method == Method::POST && path == "/v1/token" => Operation::ExchangeToken,
            Service::GoogleSts if method == Method::POST && path == "/v1/introspect" => {
                Operation::IntrospectToken
            }
            Service::IamCredentials => {
                iam_credentials::call(request).map_or(Operation::Unknown, |(operation, _)| operation)
            }
            Service::Storage => storage::operation(request),
            Service::BigQuery => bigquery::operation(request),
            _ => Operation::Unknown,
        }
    }

    /// Answers as the service does; exchanges are not here, since they need AWS.
    pub(crate) fn answer(
        &self,
        service: Service,
        operation: Operation,
        request: &Request,
        now: Timestamp,
    ) -> Answer {
        let style = Style::of(service, operation);
        let answer = match operation {
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
            _ => Err(ApiError::no_such_method(request)),
        };
        answer.unwrap_or_else(|error| error.answer(style))
    }

    /// The answer to a call that a test wants to fail.
    pub(crate) fn fail(service: Service, operation: Operation, failure: Failure) -> Answer {
        if service == Service::GoogleSts {
            return OauthError::failure(failure).into();
        }
        let style = Style::of(service, operation);
        let error = match failure {
            Failure::Expired => ApiError::unauthenticated(style),
            Failure::Denied if service == Service::IamCredentials => iam_credentials::refused(operation),
            Failure::Denied => ApiError::forbidden("Access denied."),
            Failure::Throttled => ApiError::throttled(service),
            Failure::Internal => ApiError::internal(),
        };
        error.answer(style)
    }
}

#[cfg(test)]
mod tests;
