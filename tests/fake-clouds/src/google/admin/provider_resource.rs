//! A provider in the format of the IAM API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::body::json_body;
use super::error;
use super::pools::{add_state, set_label};
use crate::clock::Timestamp;
use crate::config;
use crate::google::error::ApiError;
use crate::google::pools::{Labels, PoolProvider};
use crate::wire::Request;

/// Maximum number of custom attributes.
const MAX_ATTRIBUTES: usize = 50;
/// Maximum length of a mapping's expression.
const MAX_MAPPING_LEN: usize = 2048;
/// Maximum length of an attribute condition.
const MAX_CONDITION_LEN: usize = 4096;
/// Maximum number of audiences, and of their characters.
const MAX_AUDIENCES: (usize, usize) = (10, 256);

/// The body of `create` and `patch`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ProviderBody {
    #[serde(rename = "name")]
    _name: Option<String>,
    display_name: Option<String>,
    description: Option<String>,
    disabled: Option<bool>,
    attribute_mapping: Option<BTreeMap<String, String>>,
    attribute_condition: Option<String>,
    aws: Option<AwsBody>,
    oidc: Option<OidcBody>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AwsBody {
    account_id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct OidcBody {
    issuer_uri: String,
    allowed_audiences: Vec<String>,
}

impl ProviderBody {
    pub(super) fn parse(request: &Request) -> Result<Self, ApiError> {
        json_body(request)
    }

    /// Returns the configuration of a new provider.
    pub(super) fn new_config(&self, name: String, labels: &mut Labels) -> Result<config::Provider, ApiError> {
        if self.aws.is_some() == self.oidc.is_some() {
            // This fake's own message; Google also has SAML and X.509.
            return Err(error::invalid("expected one of aws and oidc"));
        }
        let mut config = config::Provider {
            name,
            aws_account: None,
            oidc: None,
            attribute_mapping: None,
            attribute_condition: None,
            disabled: false,
            token_seconds: None,
        };
        let mut mask =
            vec!["displayName", "description", "disabled", "attributeMapping", "attributeCondition"];
        mask.push(if self.aws.is_some() { "aws" } else { "oidc" });
        let mask: Vec<_> = mask.into_iter().map(str::to_owned).collect();
        apply(&mut config, labels, self, &mask)?;
        Ok(config)
    }

    fn audiences(&self) -> Result<Vec<String>, ApiError> {
        let audiences = self.oidc.clone().unwrap_or_default().allowed_audiences;
        let (count, len) = MAX_AUDIENCES;
        if audiences.len() > count || audiences.iter().any(|audience| audience.len() > len) {
            return Err(error::invalid(format!(
                "oidc.allowedAudiences: expected at most {count} of {len} characters"
            )));
        }
        Ok(audiences)
    }

    fn issuer(&self) -> Result<String, ApiError> {
        let issuer = self.oidc.clone().unwrap_or_default().issuer_uri;
        if issuer.starts_with("https://") { Ok(issuer) } else { Err(error::invalid("Invalid issuer URI.")) }
    }
}

/// Changes what the mask names, and nothing else. A field that the body omits is cleared: a mapping without
/// `attribute.aws_role` removes it, and no mapping at all restores Google's default.
pub(super) fn apply(
    config: &mut config::Provider,
    labels: &mut Labels,
    body: &ProviderBody,
    mask: &[String],
) -> Result<(), ApiError> {
    for field in mask {
        match (field.as_str(), &mut config.oidc) {
            ("displayName", _) => set_label(&mut labels.display_name, body.display_name.as_ref(), 32)?,
            ("description", _) => set_label(&mut labels.description, body.description.as_ref(), 256)?,
            ("disabled", _) => config.disabled = body.disabled.unwrap_or_default(),
            ("attributeMapping", _) => config.attribute_mapping = mapping(body)?,
            ("attributeCondition", _) => config.attribute_condition = condition(body)?,
            ("aws" | "aws.accountId", None) => config.aws_account = Some(account(body)?),
            ("oidc", _) if config.aws_account.is_none() => {
                config.oidc = Some(config::Oidc {
                    issuer: body.issuer()?,
                    allowed_audiences: body.audiences()?,
                    jwks_json: None,
                });
            }
            ("oidc.issuerUri", Some(oidc)) => oidc.issuer = body.issuer()?,
            ("oidc.allowedAudiences", Some(oidc)) => oidc.allowed_audiences = body.audiences()?,
            (other, _) => return Err(error::invalid(format!("Invalid field in update_mask: {other}"))),
        }
    }
    Ok(())
}

fn mapping(body: &ProviderBody) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    let Some(mapping) = body.attribute_mapping.clone().filter(|mapping| !mapping.is_empty()) else {
        return Ok(None);
    };
    let custom = mapping.keys().filter(|key| key.starts_with("attribute.")).count();
    if custom > MAX_ATTRIBUTES || mapping.values().any(|text| text.len() > MAX_MAPPING_LEN) {
        return Err(error::invalid(format!(
            "attributeMapping: expected at most {MAX_ATTRIBUTES} attributes of {MAX_MAPPING_LEN} characters"
        )));
    }
    Ok(Some(mapping))
}

fn condition(body: &ProviderBody) -> Result<Option<String>, ApiError> {
    let condition = body.attribute_condition.clone().filter(|condition| !condition.is_empty());
    if condition.as_ref().is_some_and(|condition| condition.len() > MAX_CONDITION_LEN) {
        return Err(error::invalid(format!(
            "attributeCondition: expected at most {MAX_CONDITION_LEN} characters"
        )));
    }
    Ok(condition)
}

fn account(body: &ProviderBody) -> Result<String, ApiError> {
    let account = body.aws.as_ref().map(|aws| aws.account_id.clone()).unwrap_or_default();
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(account);
    }
    // This fake's own message.
    Err(error::invalid(format!("aws.accountId: expected twelve digits, found \"{account}\"")))
}

/// Returns the provider as the API shows it. Google's default mapping is not part of it.
pub(super) fn to_json(found: &PoolProvider, now: Timestamp) -> Value {
    let config = &found.provider.config;
    let mut resource = json!({"name": config.name});
    add_state(&mut resource, &found.labels, config.disabled, found.deleted, now);
    if let Some(mapping) = &config.attribute_mapping {
        resource["attributeMapping"] = json!(mapping);
    }
    if let Some(condition) = &config.attribute_condition {
        resource["attributeCondition"] = json!(condition);
    }
    if let Some(account) = &config.aws_account {
        resource["aws"] = json!({"accountId": account});
    }
    if let Some(config::Oidc { issuer, allowed_audiences, .. }) = &config.oidc {
        resource["oidc"] = json!({"issuerUri": issuer});
        if !allowed_audiences.is_empty() {
            resource["oidc"]["allowedAudiences"] = json!(allowed_audiences);
        }
    }
    resource
}
