//! A workload identity pool provider: the identities that it trusts, its attribute mapping and condition.
//!
//! Source: "Configure workload identity federation with AWS or Azure VMs", "… with other identity providers", and the
//! REST reference of `projects.locations.workloadIdentityPools.providers`.

use std::collections::BTreeMap;

use rolebridge_core::google::{MAX_SUBJECT_LEN, audience, token_audience};
use serde_json::Value;

use super::cel::{Assertion, Expression, Scope, Values};
use super::error::OauthError;
use super::principal::Principal;
use crate::config::{self, Keys};
use crate::error::ConfigError;
use crate::oidc::Issuer;

const SUBJECT: &str = "google.subject";
const ATTRIBUTE: &str = "attribute.";

/// Google's default mapping for an AWS provider.
const DEFAULT_MAPPING: [(&str, &str); 2] = [
    (SUBJECT, "assertion.arn"),
    (
        "attribute.aws_role",
        "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + \
         'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn",
    ),
];

/// A caller as AWS identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsCaller {
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) user_id: String,
}

impl AwsCaller {
    /// Returns the variables for expressions.
    pub(crate) fn values(self) -> Values {
        [("arn", self.arn), ("account", self.account), ("userid", self.user_id)]
            .map(|(name, value)| (format!("assertion.{name}"), value))
            .into()
    }
}

/// The identities that a provider trusts.
#[derive(Debug)]
pub(crate) enum Trust {
    Aws { account: String },
    Oidc(Oidc),
}

/// An issuer of JSON web tokens.
#[derive(Debug)]
pub(crate) struct Oidc {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    /// The issuer with the keys that were uploaded to the provider.
    pub(crate) uploaded: Option<Issuer>,
}

impl Trust {
    fn new(config: &config::Provider) -> Result<Self, String> {
        match (&config.aws_account, &config.oidc) {
            (Some(account), None) => Ok(Self::Aws { account: account.clone() }),
            (None, Some(oidc)) => {
                let audiences = if oidc.allowed_audiences.is_empty() {
                    vec![audience(&config.name), token_audience(&config.name)]
                } else {
                    oidc.allowed_audiences.clone()
                };
                let uploaded = oidc.jwks_json.as_deref().map(|json| uploaded_keys(&oidc.issuer, json));
                Ok(Self::Oidc(Oidc {
                    issuer: oidc.issuer.clone(),
                    audiences,
                    uploaded: uploaded.transpose()?,
                }))
            }
            _ => Err("expected either awsAccount or oidc".to_owned()),
        }
    }

    const fn assertion(&self) -> Assertion {
        match self {
            Self::Aws { .. } => Assertion::Aws,
            Self::Oidc(_) => Assertion::Claims,
        }
    }

    /// Returns Google's default mapping.
    fn default_mapping(&self) -> Result<BTreeMap<String, String>, String> {
        match self {
            Self::Aws { .. } => {
                Ok(DEFAULT_MAPPING.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect())
            }
            Self::Oidc(_) => Err("attributeMapping: required with oidc".to_owned()),
        }
    }
}

/// Parses keys that are uploaded to a provider. The messages are Google's, from users' reports; that of a key of a
/// supported type without its parameters is this fake's own.
fn uploaded_keys(issuer: &str, json: &str) -> Result<Issuer, String> {
    let document: Value =
        serde_json::from_str(json).map_err(|_| "Input JWK is not in a valid json format".to_owned())?;
    let keys = document["keys"].as_array().ok_or("Input JWK is not in a valid json format")?;
    if keys.iter().any(|key| key["kty"] != "RSA" && key["kty"] != "EC") {
        return Err("Invalid JWKs. Only RSA, EC key types are supported.".to_owned());
    }
    Issuer::with_keys(issuer, &Keys::Jwks(document)).map_err(|error| error.to_string())
}

/// Returns true if Google takes the text as the ID of a pool or a provider.
///
/// Source: `workloadIdentityPoolId` and `workloadIdentityPoolProviderId`, IAM discovery document.
pub(crate) fn is_pool_id(id: &str) -> bool {
    (4..=32).contains(&id.len())
        && !id.starts_with("gcp-")
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A provider with its parsed expressions.
#[derive(Debug)]
pub(crate) struct Provider {
    /// `//iam.googleapis.com/projects/NUMBER/…/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub(crate) audience: String,
    /// The configuration that made the provider.
    pub(crate) config: config::Provider,
    pub(crate) name: String,
    pool: String,
    pub(crate) trust: Trust,
    mapping: BTreeMap<String, Expression>,
    condition: Option<Expression>,
    pub(crate) token_seconds: Option<i64>,
}

impl Provider {
    pub(crate) fn new(config: &config::Provider) -> Result<Self, ConfigError> {
        let location = format!("the provider {}", config.name);
        let invalid = |problem: String| ConfigError::new(&location, problem);
        let parts: Vec<_> = config.name.split('/').collect();
        let (
            [
                "projects",
                number,
                "locations",
                "global",
                "workloadIdentityPools",
                pool_id,
                "providers",
                provider_id,
            ],
            Some((pool, _)),
        ) = (&parts[..], config.name.split_once("/providers/"))
        else {
            let shape = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
            return Err(invalid(format!("expected a name of the form {shape}")));
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid(format!("expected the project's number, found `{number}`")));
        }
        for id in [pool_id, provider_id] {
            if !is_pool_id(id) {
                let expected = "an ID of 4 to 32 of the characters a-z, 0-9 and -, without the prefix gcp-";
                return Err(invalid(format!("expected {expected}, found `{id}`")));
            }
        }
        let trust = Trust::new(config).map_err(invalid)?;
        let mapping = match &config.attribute_mapping {
            Some(mapping) => mapping.clone(),
            None => trust.default_mapping().map_err(invalid)?,
        };
        let assertion = trust.assertion();
        let mapping = mapping.iter().map(|(key, text)| {
            let scope = Scope { assertion, attributes: None };
            let is_valid_key =
                key == SUBJECT || key.strip_prefix(ATTRIBUTE).is_some_and(|name| !name.is_empty());
            if !is_valid_key {
                return Err(invalid(format!(
                    "attributeMapping: expected {SUBJECT} or attribute.NAME, found `{key}`"
                )));
            }
            let expression = Expression::text(text, scope).map_err(|error| {
                invalid(format!("attributeMapping.{key}: invalid expression `{text}`: {error}"))
            })?;
            Ok((key.clone(), expression))
        });
        let mapping: BTreeMap<_, _> = mapping.collect::<Result<_, ConfigError>>()?;
        if !mapping.contains_key(SUBJECT) {
            return Err(invalid(format!("attributeMapping: missing {SUBJECT}")));
        }
        let names: Vec<_> = mapping.keys().filter_map(|key| key.strip_prefix(ATTRIBUTE)).collect();
        let condition = config.attribute_condition.as_deref().map(|text| {
            Expression::condition(text, Scope { assertion, attributes: Some(&names) })
                .map_err(|error| invalid(format!("attributeCondition: invalid expression `{text}`: {error}")))
        });
        Ok(Self {
            audience: audience(&config.name),
            config: config.clone(),
            name: config.name.clone(),
            pool: audience(pool),
            trust,
            condition: condition.transpose()?,
            mapping,
            token_seconds: config.token_seconds,
        })
    }

    /// Maps an assertion to a principal. Checks the length of the subject and the attribute condition.
    pub(crate) fn principal(&self, mut values: Values) -> Result<Principal, OauthError> {
        let mapped: Vec<_> =
            self.mapping.iter().map(|(key, expression)| (key.clone(), expression.to_text(&values))).collect();
        values.extend(mapped);
        let subject = values.get(SUBJECT).cloned().unwrap_or_default();
        if subject.is_empty() {
            let description = "Could not obtain a value for google.subject from the given credential.";
            return Err(OauthError::new("unauthorized_client", description));
        }
        if subject.len() > MAX_SUBJECT_LEN {
            return Err(OauthError::new(
                "invalid_request",
                format!(
                    "The size of mapped attribute google.subject exceeds the {MAX_SUBJECT_LEN} bytes limit. Either \
                     modify your attribute mapping or the incoming assertion to produce a mapped attribute that is \
                     less than {MAX_SUBJECT_LEN} bytes."
                ),
            ));
        }
        if self.condition.as_ref().is_some_and(|condition| !condition.is_met(&values)) {
            return Err(OauthError::rejected_by_condition());
        }
        let attributes = values
            .into_iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(ATTRIBUTE)?.to_owned(), value)))
            .collect();
        Ok(Principal::Federated { pool: self.pool.clone(), subject, attributes })
    }
}

#[cfg(test)]
mod tests;
