//! Environment variables of the app containers. Only missing ones are added, and each is decided independently.

use std::borrow::Cow;

use rolebridge_core::env::app;
use rolebridge_core::external_account::ConfigKind;
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
const METADATA: [&str; 3] = [app::METADATA_HOST, app::METADATA_IP, app::METADATA_ROOT];

/// The variables of the user that may bypass Rolebridge, and the effect of keeping them.
pub(super) const USER_VARIABLES: [(&str, &str); 5] = [
    (app::CREDENTIALS, "Google's libraries use it"),
    (app::CLOUDSDK_CREDENTIALS, "gcloud uses it"),
    (app::METADATA_HOST, "Google's libraries call it"),
    (app::METADATA_IP, "Google's libraries probe it"),
    (app::METADATA_ROOT, "gcloud calls it"),
];

/// Adds the missing variables of an app container to `missing`. Returns the user's variables that bypass Rolebridge.
pub(super) fn add_missing<'a>(
    container: &Container<'_>,
    settings: &Settings<'a>,
    source: TokenSource,
    missing: &mut Vec<Variable<'a>>,
) -> Vec<&'static str> {
    let mut kept = Vec::new();
    if let Some(config) = ConfigKind::for_source(source) {
        add(container, &CREDENTIALS, config.config_path(), missing, &mut kept);
    } else {
        let server = format!("127.0.0.1:{}", settings.sidecar.port.value);
        add(container, &METADATA, server, missing, &mut kept);
        // Libraries prefer any configuration to a metadata server.
        kept.extend(CREDENTIALS.into_iter().filter(|name| container.variable(name).is_some()));
    }
    // A project that the user set needs no warning.
    let mut user_projects = Vec::new();
    if let Some(project) = settings.google.project {
        add(container, &[app::PROJECT, app::CLOUDSDK_PROJECT], project.value, missing, &mut user_projects);
    }
    if let Some(project) = settings.google.quota_project.filter(|_| ConfigKind::for_source(source).is_none())
    {
        add(
            container,
            &[app::QUOTA_PROJECT, app::CLOUDSDK_QUOTA_PROJECT],
            project.value,
            missing,
            &mut user_projects,
        );
    }
    kept
}

/// Adds each variable to `missing` if the container does not set it, or to `kept` if the container sets another value.
fn add<'a>(
    container: &Container<'_>,
    names: &[&'static str],
    value: impl Into<Cow<'a, str>>,
    missing: &mut Vec<Variable<'a>>,
    kept: &mut Vec<&'static str>,
) {
    let value = value.into();
    for name in names {
        let added = Variable::new(name, value.clone());
        match container.variable(name) {
            None => missing.push(added),
            Some(variable) if added.is_set_by(variable) => {}
            Some(_) => kept.push(name),
        }
    }
}
