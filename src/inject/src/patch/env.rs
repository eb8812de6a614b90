//! Environment variables: only what a container lacks is added, each variable decided on its own.

use std::borrow::Cow;

use rolebridge_contract::environment::app;
use rolebridge_contract::external_account::Source;
use serde::Serialize;

use crate::Settings;
use crate::view::Container;

/// A variable to add.
#[derive(Debug, Serialize)]
pub(super) struct Variable<'a> {
    pub(super) name: &'static str,
    pub(super) value: Cow<'a, str>,
}

impl<'a> Variable<'a> {
    pub(super) fn new(name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name, value: value.into() }
    }
}

/// The variables that point at the configuration.
pub(super) const CREDENTIALS: [&str; 2] = [app::CREDENTIALS, app::CLOUDSDK_CREDENTIALS];

/// The variables of an app's container that it lacks. Returns those of the user's own that keep the configuration out.
pub(super) fn of_app<'a>(
    container: &Container<'_>,
    settings: &Settings<'a>,
    source: Source,
    missing: &mut Vec<Variable<'a>>,
) -> impl Iterator<Item = &'static str> + use<> {
    let config = source.config_path();
    let kept = CREDENTIALS.map(|name| {
        let present = container.variable(name);
        if present.is_none() {
            missing.push(Variable::new(name, config));
        }
        present.filter(|variable| variable.literal() != Some(config)).map(|_| name)
    });
    if let Some(project) = settings.google.project {
        // A project of the user's own is what the user wants: nothing to say about it.
        let absent = [app::PROJECT, app::CLOUDSDK_PROJECT]
            .into_iter()
            .filter(|name| container.variable(name).is_none());
        missing.extend(absent.map(|name| Variable::new(name, project.value)));
    }
    kept.into_iter().flatten()
}
