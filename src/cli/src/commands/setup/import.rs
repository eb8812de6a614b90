//! Imports a credential configuration of Google's tools as annotations.

use std::path::Path;

use rolebridge_core::google::{self, AWS4_REQUEST, DEFAULT_UNIVERSE, TOKEN_LIFETIME};
use rolebridge_core::{annotations as key, parse};
use serde_json::Value;

use crate::error::CliError;

/// The parts of an `external_account` configuration.
#[derive(Debug, Default)]
pub(super) struct ImportedConfig {
    /// True if the subject token is a signed request to AWS, false if it is a JSON web token.
    pub(super) is_aws_request: Option<bool>,
    pub(super) project_number: Option<String>,
    pub(super) pool: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) service_account: Option<String>,
    /// The settings that differ from the defaults.
    pub(super) annotations: Vec<(&'static str, String)>,
}

impl ImportedConfig {
    /// Parses a configuration. `path` is for messages.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a configuration for workload identity federation.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, CliError> {
        let invalid = |message: String| CliError::Setup(format!("{}: {message}", path.display()));
        let json: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let field = |name: &str| json[name].as_str();
        if field("type") != Some("external_account") {
            let found = &json["type"];
            return Err(invalid(format!("type: expected \"external_account\", found {found}")));
        }
        let audience = field("audience").unwrap_or_default();
        let no_provider =
            || invalid(format!("audience: expected a workload identity pool provider, found {audience:?}"));
        let provider = parse::audience(audience).map_err(|_| no_provider())?;
        let universe = field("universe_domain").unwrap_or(DEFAULT_UNIVERSE);
        let mut config = Self {
            is_aws_request: field("subject_token_type").map(|kind| kind == AWS4_REQUEST),
            project_number: Some(provider.project_number().to_owned()),
            pool: Some(provider.pool().to_owned()),
            provider: Some(provider.provider().to_owned()),
            ..Self::default()
        };
        config.add_unless(key::UNIVERSE_DOMAIN, universe, DEFAULT_UNIVERSE);
        if let Some(url) = field("token_url") {
            config.add_unless(key::STS_ENDPOINT, origin(url), &google::endpoint("sts", universe));
        }
        if let Some(url) = field("service_account_impersonation_url") {
            let email = url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken"));
            let email = email.filter(|email| parse::email(email).is_ok()).ok_or_else(|| {
                invalid(format!(
                    "service_account_impersonation_url: expected a URL of generateAccessToken for a service account, found {url:?}"
                ))
            })?;
            config.service_account = Some(email.to_owned());
            let default = google::endpoint("iamcredentials", universe);
            config.add_unless(key::IAM_CREDENTIALS_ENDPOINT, origin(url), &default);
        }
        if let Some(seconds) = json["service_account_impersonation"]["token_lifetime_seconds"].as_u64() {
            config.add_unless(key::TOKEN_LIFETIME, &seconds.to_string(), &TOKEN_LIFETIME.to_string());
        }
        if let Some(project) = field("quota_project_id") {
            config.annotations.push((key::QUOTA_PROJECT, project.to_owned()));
        }
        Ok(config)
    }

    fn add_unless(&mut self, key: &'static str, value: &str, default: &str) {
        if value != default {
            self.annotations.push((key, value.to_owned()));
        }
    }
}

/// Returns the origin of a URL: `https://HOST`.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |index| index + "://".len());
    url[authority..].find('/').map_or(url, |end| &url[..authority + end])
}
