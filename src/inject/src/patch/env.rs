//! Environment variables of the app containers. Only missing ones are added, and each is decided independently.

use std::borrow::Cow;

use rolebridge_core::env::app;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::google::NO_SERVICE_ACCOUNT;
use rolebridge_core::pod_names::FOLDER;
use rolebridge_core::token_source::TokenSource;
use serde::Serialize;

use crate::settings::Settings;
use crate::view::{Container, Env};

/// A variable to add, as the pod's specification contains it.
#[derive(Debug, Serialize)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: Cow<'a, str>,
}

impl<'a> Variable<'a> {
    /// Creates a variable with a literal value. The kubelet replaces `$(NAME)` in a value, and `$$` by `$`.
    pub(crate) fn new(name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        let value = value.into();
        let value = if value.contains('$') { Cow::Owned(value.replace('$', "$$")) } else { value };
        Self { name, value }
    }

    /// Returns true if the container's variable has this value.
    pub(crate) fn is_set_by(&self, variable: &Env<'_>) -> bool {
        variable.value_from.is_none() && variable.value.as_deref().unwrap_or_default() == self.value
    }
}

/// The variables that point to the configuration.
const CREDENTIALS: [&str; 2] = [app::CREDENTIALS, app::CLOUDSDK_CREDENTIALS];
/// The variables that point to the metadata server.
pub(crate) const METADATA: [&str; 3] = [app::METADATA_HOST, app::METADATA_IP, app::METADATA_ROOT];

/// The AWS access key with which Google's libraries sign, instead of asking the sidecar for one.
pub(crate) const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// The effects of the app's own value of a variable that Rolebridge sets.
const KEPT: [(&str, &str); 6] = [
    (app::CREDENTIALS, "Google's libraries use it instead of Rolebridge"),
    (app::CLOUDSDK_CREDENTIALS, "gcloud uses it instead of Rolebridge"),
    (app::METADATA_HOST, "Google's libraries call it instead of Rolebridge"),
    (app::METADATA_IP, "Google's libraries probe it instead of Rolebridge"),
    (app::METADATA_ROOT, "gcloud calls it instead of Rolebridge"),
    (app::CLOUDSDK_ACCOUNT, "gcloud uses it instead of Rolebridge"),
];

/// The variables that libraries prefer with every source, in the order in which they read them, and the effects.
const PREFERRED: [(&str, &str); 5] = [
    ("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", "gcloud uses it instead of Rolebridge"),
    ("GOOGLE_CREDENTIALS", TERRAFORM),
    ("GOOGLE_CLOUD_KEYFILE_JSON", TERRAFORM),
    ("GCLOUD_KEYFILE_JSON", TERRAFORM),
    ("GOOGLE_OAUTH_ACCESS_TOKEN", TERRAFORM),
];
const TERRAFORM: &str = "Terraform's Google provider uses it instead of Rolebridge";

/// Returns the variables that Rolebridge does not set and that libraries prefer, with their effects.
pub(crate) fn preferred(source: TokenSource) -> impl Iterator<Item = (&'static str, &'static str)> {
    // Libraries prefer any configuration to a metadata server.
    let is_metadata = source.is_metadata();
    let configs = KEPT.into_iter().filter(move |(name, _)| is_metadata && CREDENTIALS.contains(name));
    configs.chain(PREFERRED)
}

/// Returns the effects of all variables of the user that may bypass Rolebridge.
pub(super) fn effects() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEPT.into_iter().chain(PREFERRED)
}

/// Returns true if a value is not the app's own: an empty one, or a path of Rolebridge.
pub(crate) fn is_harmless(value: &str) -> bool {
    value.is_empty() || value.starts_with(FOLDER)
}

/// Returns the variables that a container gets. The variables of a project come last.
pub(crate) fn planned<'a>(settings: &Settings<'a>, container: &str) -> Vec<Variable<'a>> {
    let mut planned = Vec::new();
    let mut add = |names: &[&'static str], value: Cow<'a, str>| {
        planned.extend(names.iter().map(|name| Variable::new(name, value.clone())));
    };
    let account = settings.google.account_of(container);
    let config = ConfigKind::for_source(settings.sources.value.of(container));
    if let Some(config) = config {
        add(&CREDENTIALS, config.config_path(account).into());
    } else {
        // A pod with an account for which no port is left was denied.
        let port = account.port(settings.sidecar.port.value).unwrap_or_default();
        add(&METADATA, format!("127.0.0.1:{port}").into());
    }
    let is_direct = settings.google.accounts().any(|(number, email)| number == account && email.is_none());
    if config.is_none() && is_direct {
        add(&[app::CLOUDSDK_ACCOUNT], NO_SERVICE_ACCOUNT.into());
    }
    if let Some(project) = settings.google.project {
        add(&[app::PROJECT, app::CLOUDSDK_PROJECT], project.value.into());
    }
    if let Some(project) = settings.google.quota_project.filter(|_| config.is_none()) {
        add(&[app::QUOTA_PROJECT, app::CLOUDSDK_QUOTA_PROJECT], project.value.into());
    }
    planned
}

/// Adds the missing variables of an app container to `missing`. Returns the user's variables that bypass Rolebridge.
pub(super) fn add_missing<'a>(
    container: &Container<'_>,
    settings: &Settings<'a>,
    source: TokenSource,
    missing: &mut Vec<Variable<'a>>,
) -> Vec<&'static str> {
    let mut kept = Vec::new();
    for added in planned(settings, &container.name) {
        match container.variable(added.name) {
            None => missing.push(added),
            Some(variable) if added.is_set_by(variable) => {}
            Some(_) => kept.push(added.name),
        }
    }
    // A project that the user set needs no warning.
    kept.retain(|name| KEPT.iter().any(|(warned, _)| warned == name));
    let is_own = |variable: &Env<'_>| variable.literal().is_none_or(|value| !is_harmless(value));
    let own = preferred(source).filter(|(name, _)| container.variable(name).is_some_and(is_own));
    kept.extend(own.map(|(name, _)| name));
    kept
}
