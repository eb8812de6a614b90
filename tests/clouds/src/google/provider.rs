//! A workload identity pool provider of type AWS: its attribute mapping and condition.
//!
//! Source: "Configure workload identity federation with AWS or Azure VMs" and the REST reference of
//! `projects.locations.workloadIdentityPools.providers`.

use std::collections::BTreeMap;

use rolebridge_contract::google::{MAX_SUBJECT_LEN, audience};

use super::cel::{Expression, Scope};
use super::error::OauthError;
use super::principal::Principal;
use crate::config;
use crate::error::ConfigError;

const SUBJECT: &str = "google.subject";
const ATTRIBUTE: &str = "attribute.";

/// What Google maps where an AWS provider says nothing.
const DEFAULT_MAPPING: [(&str, &str); 2] = [
    (SUBJECT, "assertion.arn"),
    (
        "attribute.aws_role",
        "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + \
         'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn",
    ),
];

/// What AWS says about a caller: Google's `assertion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assertion {
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) user_id: String,
}

/// A provider, its expressions read.
#[derive(Debug)]
pub(crate) struct Provider {
    /// `//iam.googleapis.com/projects/NUMBER/…/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub(crate) audience: String,
    pub(crate) name: String,
    pool: String,
    pub(crate) aws_account: String,
    mapping: BTreeMap<String, Expression>,
    condition: Option<Expression>,
    pub(crate) disabled: bool,
    pub(crate) token_seconds: Option<i64>,
}

impl Provider {
    pub(crate) fn new(config: &config::Provider, universe: &str) -> Result<Self, ConfigError> {
        let place = format!("the provider {}", config.name);
        let fault = |fault: String| ConfigError::new(&place, fault);
        let parts: Vec<_> = config.name.split('/').collect();
        let (
            ["projects", number, "locations", "global", "workloadIdentityPools", _, "providers", _],
            Some((pool, _)),
        ) = (&parts[..], config.name.split_once("/providers/"))
        else {
            let shape = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
            return Err(fault(format!("a provider's name is {shape}")));
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault(format!("`{number}` must be the project's number, not its id")));
        }
        let written = config.attribute_mapping.clone().unwrap_or_else(|| {
            DEFAULT_MAPPING.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect()
        });
        let mapping = written.iter().map(|(key, text)| {
            let scope = Scope { attributes: None };
            let known = key == SUBJECT || key.strip_prefix(ATTRIBUTE).is_some_and(|name| !name.is_empty());
            if !known {
                return Err(fault(format!(
                    "the mapping's key `{key}` is neither {SUBJECT} nor attribute.NAME"
                )));
            }
            let expression = Expression::text(text, scope)
                .map_err(|error| fault(format!("the mapping of {key}, `{text}`, is refused: {error}")))?;
            Ok((key.clone(), expression))
        });
        let mapping: BTreeMap<_, _> = mapping.collect::<Result<_, ConfigError>>()?;
        if !mapping.contains_key(SUBJECT) {
            return Err(fault(format!("the mapping lacks {SUBJECT}")));
        }
        let names: Vec<_> = mapping.keys().filter_map(|key| key.strip_prefix(ATTRIBUTE)).collect();
        let condition = config.attribute_condition.as_deref().map(|text| {
            Expression::condition(text, Scope { attributes: Some(&names) })
                .map_err(|error| fault(format!("the condition `{text}` is refused: {error}")))
        });
        Ok(Self {
            audience: audience(universe, &config.name),
            name: config.name.clone(),
            pool: audience(universe, pool),
            aws_account: config.aws_account.clone(),
            condition: condition.transpose()?,
            mapping,
            disabled: config.disabled,
            token_seconds: config.token_seconds,
        })
    }

    /// Who an assertion is, within the limit of the subject and under the condition.
    pub(crate) fn principal(&self, assertion: &Assertion) -> Result<Principal, OauthError> {
        let mut values = BTreeMap::from([
            ("assertion.arn".to_owned(), assertion.arn.clone()),
            ("assertion.account".to_owned(), assertion.account.clone()),
            ("assertion.userid".to_owned(), assertion.user_id.clone()),
        ]);
        let mapped: Vec<_> =
            self.mapping.iter().map(|(key, expression)| (key.clone(), expression.to_text(&values))).collect();
        values.extend(mapped);
        let subject = values.get(SUBJECT).cloned().unwrap_or_default();
        if subject.is_empty() {
            // The words are this fake's own.
            return Err(OauthError::new("invalid_request", "The mapped attribute google.subject is empty."));
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
        if self.condition.as_ref().is_some_and(|condition| !condition.holds(&values)) {
            return Err(OauthError::rejected());
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
