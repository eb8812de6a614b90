//! A credential configuration that Google's tools wrote, as annotations.

use std::path::Path;

use rolebridge_core::annotations as key;
use rolebridge_core::google::{AWS4_REQUEST, DEFAULT_UNIVERSE};
use rolebridge_inject::settings;
use serde_json::Value;

use crate::error::CliError;

/// What a configuration says.
#[derive(Debug, Default)]
pub(super) struct ImportedConfig {
    /// Whether the subject token is a signed request to AWS; else it is a JSON web token.
    pub(super) is_aws_request: Option<bool>,
    pub(super) project_number: Option<String>,
    pub(super) pool: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) service_account: Option<String>,
    /// What is not as it would be without an annotation.
    pub(super) annotations: Vec<(&'static str, String)>,
}

impl ImportedConfig {
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, CliError> {
        let failed = |message: String| CliError::Setup(format!("{}: {message}", path.display()));
        let json: Value = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
        let field = |name: &str| json[name].as_str();
        if field("type") != Some("external_account") {
            let found = &json["type"];
            return Err(failed(format!(
                "type: {found} is no configuration of federation; \"external_account\" would be right."
            )));
        }
        let audience = field("audience").unwrap_or_default();
        let no_provider = || failed(format!("audience: {audience:?} is no workload identity pool provider."));
        let (universe, provider) =
            audience.strip_prefix("//iam.").and_then(|rest| rest.split_once('/')).ok_or_else(no_provider)?;
        let parts: Vec<_> = provider.split('/').collect();
        let [_, number, _, _, _, pool, _, provider] = parts[..] else { return Err(no_provider()) };
        if !settings::is_valid_value(key::PROVIDER, &parts.join("/")) {
            return Err(no_provider());
        }
        let mut found = Self {
            is_aws_request: field("subject_token_type").map(|kind| kind == AWS4_REQUEST),
            project_number: Some(number.to_owned()),
            pool: Some(pool.to_owned()),
            provider: Some(provider.to_owned()),
            ..Self::default()
        };
        found.add_unless(key::UNIVERSE_DOMAIN, universe, DEFAULT_UNIVERSE);
        if let Some(url) = field("token_url") {
            found.add_unless(key::STS_ENDPOINT, origin(url), &format!("https://sts.{universe}"));
        }
        if let Some(url) = field("service_account_impersonation_url") {
            let email = url.rsplit('/').next().and_then(|last| last.strip_suffix(":generateAccessToken"));
            let email = email.ok_or_else(|| {
                failed(format!("service_account_impersonation_url: {url:?} names no service account."))
            })?;
            found.service_account = Some(email.to_owned());
            let usual = format!("https://iamcredentials.{universe}");
            found.add_unless(key::IAM_CREDENTIALS_ENDPOINT, origin(url), &usual);
        }
        if let Some(seconds) = json["service_account_impersonation"]["token_lifetime_seconds"].as_u64() {
            found.add_unless(key::TOKEN_LIFETIME, &seconds.to_string(), "3600");
        }
        if let Some(project) = field("quota_project_id") {
            found.annotations.push((key::QUOTA_PROJECT, project.to_owned()));
        }
        Ok(found)
    }

    fn add_unless(&mut self, key: &'static str, value: &str, usual: &str) {
        if value != usual {
            self.annotations.push((key, value.to_owned()));
        }
    }
}

/// `https://HOST` of a URL.
fn origin(url: &str) -> &str {
    let path = url.find("://").map_or(0, |at| at + "://".len());
    url[path..].find('/').map_or(url, |end| &url[..path + end])
}
