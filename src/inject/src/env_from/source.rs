//! The objects in `envFrom`, and the variables that matter if an object sets them.

use std::fmt;

use rolebridge_core::token_source::TokenSource;

use crate::message::DisplayName;
use crate::patch::env::{ACCESS_KEY, planned, preferred};
use crate::settings::Settings;
use crate::settings::app_env::REGION;
use crate::view::{Container, EnvFrom, EnvObject, Pod};

/// The kind of an object with variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl ObjectKind {
    /// Returns the kind as manifests spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// A reference to an object with variables, in the pod's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference<'a> {
    /// The kind.
    pub kind: ObjectKind,
    /// The name.
    pub name: &'a str,
    /// True if the container starts without the object.
    pub optional: bool,
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), DisplayName(self.name))
    }
}

/// The keys of an object, and the text in front of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) reference: Reference<'a>,
    pub(super) prefix: &'a str,
}

impl<'a> Source<'a> {
    fn of(source: &'a EnvFrom<'_>) -> Option<Self> {
        let reference = |kind, object: &'a EnvObject<'_>| Reference {
            kind,
            name: &object.name,
            optional: object.optional == Some(true),
        };
        let config_map =
            source.config_map_ref.as_ref().map(|object| reference(ObjectKind::ConfigMap, object));
        let secret = || source.secret_ref.as_ref().map(|object| reference(ObjectKind::Secret, object));
        Some(Self { reference: config_map.or_else(secret)?, prefix: source.prefix() })
    }

    /// Returns true if a key could become one of the variables.
    pub(super) fn may_set(&self, names: &Names) -> bool {
        names.hidden.iter().chain(&names.preferred).any(|name| self.may_be(name))
    }

    /// Returns true if a key could become the variable. A key has at least one character.
    pub(super) fn may_be(&self, name: &str) -> bool {
        name.strip_prefix(self.prefix).is_some_and(|key| !key.is_empty())
    }
}

/// The variables of a container that matter if an object sets them, because `env` does not.
pub(super) struct Names {
    /// Those that Rolebridge sets.
    pub(super) hidden: Vec<&'static str>,
    /// Those that libraries prefer.
    pub(super) preferred: Vec<&'static str>,
}

impl Names {
    fn of(container: &Container<'_>, settings: &Settings<'_>) -> Self {
        let source = settings.sources.value.of(&container.name);
        let hidden = planned(settings, &container.name)
            .into_iter()
            .filter(|own| container.variable(own.name).is_none_or(|variable| own.is_set_by(variable)));
        let is_unset = |name: &&'static str| container.variable(name).is_none();
        let signing = [ACCESS_KEY].into_iter().chain(REGION.iter().copied());
        let signing = signing.filter(|_| source == TokenSource::Loopback);
        let preferred = signing.chain(preferred(source).map(|(name, _)| name)).filter(is_unset).collect();
        Self { hidden: hidden.map(|own| own.name).collect(), preferred }
    }
}

/// Returns the containers with credentials and with objects with keys that could matter.
pub(super) fn containers<'a>(
    pod: &'a Pod<'_>,
    settings: &'a Settings<'_>,
) -> impl Iterator<Item = (&'a Container<'a>, Names, Vec<Source<'a>>)> {
    let with_credentials = pod
        .containers()
        .map(|(_, _, container)| container)
        .filter(|container| container.has_env_from() && settings.containers.includes(container));
    with_credentials.filter_map(|container| {
        let names = Names::of(container, settings);
        let sources: Vec<_> = container.env_from().iter().filter_map(Source::of).collect();
        sources.iter().any(|source| source.may_set(&names)).then_some((container, names, sources))
    })
}

/// Returns the objects with keys that could matter, each once.
#[must_use]
pub fn references<'a>(pod: &'a Pod<'_>, settings: &'a Settings<'_>) -> Vec<Reference<'a>> {
    let mut references: Vec<_> = containers(pod, settings)
        .flat_map(|(_, names, sources)| {
            sources.into_iter().filter(move |source| source.may_set(&names)).map(|source| source.reference)
        })
        .collect();
    references.sort_unstable();
    references.dedup_by_key(|reference| (reference.kind, reference.name));
    references
}
