//! Environment variables: only what a container lacks is added, each variable decided on its own.

use std::borrow::Cow;

use rolebridge_core::env::app;
use rolebridge_core::external_account::ConfigKind;
use serde::Serialize;

use crate::Settings;
use crate::settings::TokenSource;
use crate::view::Container;

/// A variable to add.
#[derive(Debug, Serialize)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'static str,
    pub(crate) value: Cow<'a, str>,
}

impl<'a> Variable<'a> {
    pub(crate) fn new(name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name, value: value.into() }
    }
}

/// The variables that point at the configuration.
const CREDENTIALS: [&str; 2] = [app::CREDENTIALS, app::CLOUDSDK_CREDENTIALS];
/// The variables that point at the metadata server.
const METADATA: [&str; 3] = [app::METADATA_HOST, app::METADATA_IP, app::METADATA_ROOT];

/// The variables of the user's own that may keep Rolebridge out, and what they do where they stay.
pub(crate) const KEPT: [(&str, &str); 5] = [
    (app::CREDENTIALS, "Google's libraries use that there"),
    (app::CLOUDSDK_CREDENTIALS, "gcloud uses that there"),
    (app::METADATA_HOST, "Google's libraries ask that"),
    (app::METADATA_IP, "Google's libraries look for that"),
    (app::METADATA_ROOT, "gcloud asks that"),
];

/// The variables of an app's container that it lacks. Returns those of the user's own that keep Rolebridge out.
pub(crate) fn of_app<'a>(
    container: &Container<'_>,
    settings: &Settings<'a>,
    source: TokenSource,
    missing: &mut Vec<Variable<'a>>,
) -> Vec<&'static str> {
    let mut kept = Vec::new();
    if let Some(document) = ConfigKind::for_source(source) {
        add(container, &CREDENTIALS, document.config_path(), missing, &mut kept);
    } else {
        let server = format!("127.0.0.1:{}", settings.sidecar.port.value);
        add(container, &METADATA, server, missing, &mut kept);
        // A configuration wins over a metadata server, whatever it says.
        kept.extend(CREDENTIALS.into_iter().filter(|name| container.variable(name).is_some()));
    }
    // Projects of the user's own are what the user wants: nothing to say about them.
    let mut wanted = Vec::new();
    if let Some(project) = settings.google.project {
        add(container, &[app::PROJECT, app::CLOUDSDK_PROJECT], project.value, missing, &mut wanted);
    }
    if let Some(project) = settings.google.quota_project.filter(|_| ConfigKind::for_source(source).is_none())
    {
        add(
            container,
            &[app::QUOTA_PROJECT, app::CLOUDSDK_QUOTA_PROJECT],
            project.value,
            missing,
            &mut wanted,
        );
    }
    kept
}

/// Adds variables of one value, each decided on its own: to `missing` if the container lacks it, to `kept` if it has
/// another value.
fn add<'a>(
    container: &Container<'_>,
    names: &[&'static str],
    value: impl Into<Cow<'a, str>>,
    missing: &mut Vec<Variable<'a>>,
    kept: &mut Vec<&'static str>,
) {
    let value = value.into();
    for name in names {
        match container.variable(name) {
            None => missing.push(Variable::new(name, value.clone())),
            Some(variable) if variable.literal() == Some(&*value) => {}
            Some(_) => kept.push(name),
        }
    }
}
