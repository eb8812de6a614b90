//! Environment variables: only what a container lacks is added, and what belongs together is added together.

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

/// The variables of an app's container that it lacks. Returns the one of the user's own that keeps the configuration out.
pub(super) fn of_app<'a>(
    container: &Container<'_>,
    settings: &Settings<'a>,
    source: Source,
    missing: &mut Vec<Variable<'a>>,
) -> Option<&'static str> {
    let config = source.config_path();
    let kept = group(container, CREDENTIALS, config, missing);
    if let Some(project) = settings.google.project {
        // A project of the user's own is what the user wants: nothing to say about it.
        group(container, [app::PROJECT, app::CLOUDSDK_PROJECT], project.value, missing);
    }
    kept
}

/// Variables of one value. If the user set one of them to something else, none is added.
fn group<'a>(
    container: &Container<'_>,
    names: [&'static str; 2],
    value: &'a str,
    missing: &mut Vec<Variable<'a>>,
) -> Option<&'static str> {
    let present = names.map(|name| (name, container.variable(name)));
    let other = present.iter().find(|(_, variable)| variable.is_some_and(|one| one.literal() != Some(value)));
    if let Some((name, _)) = other {
        return Some(name);
    }
    let absent = present.iter().filter(|(_, variable)| variable.is_none());
    missing.extend(absent.map(|(name, _)| Variable::new(name, value)));
    None
}
