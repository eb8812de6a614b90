//! The fake AWS: accounts, OIDC providers and roles of IAM, and the Query protocol of STS.

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

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, StatusCode};

use self::error::Error;
use self::pod_identity::PodIdentity;
use self::policy::PolicyDocument;
use self::sessions::Sessions;
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::oidc::Issuers;
use crate::operation::Operation;
use crate::state::ErrorKind;
use crate::wire::{Fields, Request, Response, is_form};
use crate::{config, secret};

/// The version of the STS API.
const VERSION: &str = "2011-06-15";

/// The fake AWS.
#[derive(Debug)]
pub(crate) struct Aws {
    issuers: Arc<Issuers>,
    accounts: HashMap<String, Account>,
    pod_identity: Option<PodIdentity>,
    sessions: Sessions,
    signature_minutes: i64,
}

#[derive(Debug)]
struct Account {
    id: String,
    partition: String,
    sts_activated: bool,
    outbound_issuer: Option<String>,
    oidc_providers: Vec<config::OidcProvider>,
    roles: HashMap<String, Arc<Role>>,
}

/// A role with its parsed policies.
#[derive(Debug)]
struct Role {
    name: String,
    arn: String,
    /// The unique ID, `AROA…`.
    id: String,
    account: String,
    partition: String,
    trust: PolicyDocument,
    policies: Vec<PolicyDocument>,
    max_session_seconds: i64,
    session_seconds: Option<i64>,
}

impl Aws {
    pub(crate) fn new(config: &config::Aws, issuers: Arc<Issuers>) -> Result<Self, ConfigError> {
        if !(1..=15).contains(&config.signature_minutes) {
            return Err(ConfigError::new(
                "aws.signatureMinutes",
                format!("expected a number from 1 to 15, found {}", config.signature_minutes),
            ));
        }
        let accounts = config.accounts.iter().map(|account| Ok((account.id.clone(), Account::new(account)?)));
        Ok(Self {
            issuers,
            accounts: accounts.collect::<Result<_, ConfigError>>()?,
            pod_identity: config.pod_identity.as_ref().map(PodIdentity::new).transpose()?,
            sessions: Sessions::default(),
            signature_minutes: config.signature_minutes,
        })
    }

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

impl Fields {
    /// Parses the form in the body, or else the query.
    fn from_request(request: &Request) -> Self {
        if is_form(request) && !request.body().is_empty() {
            Self::from_form(request)
        } else {
            Self::from_query(request)
        }
    }
}

impl Account {
    fn new(config: &config::Account) -> Result<Self, ConfigError> {
        let location = format!("the AWS account {}", config.id);
        if config.id.len() != 12 || !config.id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ConfigError::new(location, "expected an ID of twelve digits"));
        }
        if config.partition.parse::<rolebridge_core::aws::Partition>().is_err() {
            return Err(ConfigError::new(
                location,
                format!("expected an AWS partition, found `{}`", config.partition),
            ));
        }
        let roles =
            config.roles.iter().map(|role| Ok((role.name.clone(), Arc::new(Role::new(role, config)?))));
        Ok(Self {
            id: config.id.clone(),
            partition: config.partition.clone(),
            sts_activated: config.sts_activated,
            outbound_issuer: config.outbound_issuer.clone(),
            oidc_providers: config.oidc_providers.clone(),
            roles: roles.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Returns the ARN of an issuer's OIDC provider.
    fn provider_arn(&self, issuer: &str) -> String {
        let name = issuer.strip_prefix("https://").unwrap_or(issuer);
        format!("arn:{}:iam::{}:oidc-provider/{name}", self.partition, self.id)
    }
}

impl Role {
    fn new(config: &config::Role, account: &config::Account) -> Result<Self, ConfigError> {
        let arn = format!("arn:{}:iam::{}:role{}{}", account.partition, account.id, config.path, config.name);
        let location = format!("the role {arn}");
        if !config.path.starts_with('/') || !config.path.ends_with('/') {
            return Err(ConfigError::new(
                location,
                format!("expected a path that begins and ends with `/`, found `{}`", config.path),
            ));
        }
        if !(3600..=43200).contains(&config.max_session_seconds) {
            return Err(ConfigError::new(
                location,
                format!(
                    "maxSessionSeconds: expected a number from 3600 to 43200, found {}",
                    config.max_session_seconds
                ),
            ));
        }
        let invalid = |problem: String| ConfigError::new(&location, problem);
        let trust = PolicyDocument::trust(&config.trust_policy)
            .map_err(|error| invalid(format!("invalid trust policy: {error}")))?;
        let policies = config.policies.iter().map(PolicyDocument::identity).collect::<Result<_, _>>();
        Ok(Self {
            name: config.name.clone(),
            id: format!("AROA{}", secret::unique_id(17)),
            account: account.id.clone(),
            partition: account.partition.clone(),
            trust,
            policies: policies.map_err(|error| invalid(format!("invalid policy: {error}")))?,
            max_session_seconds: config.max_session_seconds,
            session_seconds: config.session_seconds,
            arn,
        })
    }
}

#[cfg(test)]
mod tests;
