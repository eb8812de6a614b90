//! Selects the containers that get credentials.

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::CONTAINER;

use super::names::Names;
use super::origin::{Origin, Setting};
use super::parse::container_names;
use super::precedence::{Precedence, RawSetting};
use crate::denial::Denial;
use crate::mesh;
use crate::message::{MAX_NAMES_IN_DENIAL, join_names};
use crate::reason::Reason;
use crate::view::{Container, Pod};

/// The selection of the containers that get credentials: the listed ones, else all but those of a network, without the
/// skipped ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSelection<'a> {
    /// `rolebridge.io/containers`.
    pub only: Option<Setting<Names<'a>>>,
    /// `rolebridge.io/skip-containers`.
    pub skipped: Option<Setting<Names<'a>>>,
    /// `rolebridge.io/start-after`: the containers that the sidecar starts after, which get none unless they are listed.
    pub start_after: Option<Setting<Names<'a>>>,
}

impl<'a> ContainerSelection<'a> {
    pub(super) fn resolve(precedence: &Precedence<'a>) -> Result<Self, Denial> {
        let list = |key| {
            let Some(raw) = precedence.find(key) else { return Ok(None) };
            let names = precedence.read(raw, container_names)?;
            check_all_exist(precedence, raw, names.value.iter())?;
            Ok(Some(names))
        };
        Ok(Self {
            only: list(key::CONTAINERS)?,
            skipped: list(key::SKIP_CONTAINERS)?,
            start_after: start_after(precedence)?,
        })
    }

    /// Returns true if the container gets credentials.
    pub(crate) fn includes(&self, container: &Container<'_>) -> bool {
        let lists = |list: &Setting<Names<'_>>| list.value.contains(&container.name);
        *container.name != *CONTAINER
            && !self.skipped.as_ref().is_some_and(lists)
            && self
                .only
                .as_ref()
                .map_or_else(|| !(mesh::owns(container) || self.is_before_sidecar(container)), lists)
    }

    /// Returns true if the settings name the container as one that the sidecar starts after.
    pub(crate) fn is_before_sidecar(&self, container: &Container<'_>) -> bool {
        self.start_after.as_ref().is_some_and(|list| list.value.contains(&container.name))
    }

    /// Denies a pod without any container that gets credentials.
    pub(super) fn check_not_empty(&self, pod: &Pod<'_>) -> Result<(), Denial> {
        if pod.containers().any(|(_, _, container)| self.includes(container)) {
            return Ok(());
        }
        let message = format!(
            "Containers on the pod: expected at least one that gets credentials, found none. Fix: change {} or {}.",
            key::CONTAINERS,
            key::SKIP_CONTAINERS
        );
        Err(Denial::for_settings(Reason::NoContainers, message))
    }
}

/// Resolves the containers that the sidecar starts after. The platform team's networks are in every pod, so its names are
/// added to those of an annotation. A webhook that runs later may add the container.
fn start_after<'a>(precedence: &Precedence<'a>) -> Result<Option<Setting<Names<'a>>>, Denial> {
    let read = |raw| precedence.read(raw, container_names);
    let annotated = precedence.annotated(key::START_AFTER).map(read).transpose()?;
    let default = precedence.default(key::START_AFTER).map(read).transpose()?;
    Ok(match (annotated, default) {
        (Some(annotated), Some(default)) => {
            Some(annotated.map(|names| names.iter().chain(default.value.iter()).collect()))
        }
        (annotated, default) => annotated.or(default),
    })
}

/// Denies a name on the pod that none of its containers has. A service account, a namespace and the defaults apply to many
/// pods, and some of them may not have the container.
pub(super) fn check_all_exist<'n>(
    precedence: &Precedence<'_>,
    raw: RawSetting<'_>,
    mut names: impl Iterator<Item = &'n str>,
) -> Result<(), Denial> {
    if raw.origin != Origin::Pod {
        return Ok(());
    }
    let containers = || {
        let names = precedence.pod.containers().map(|(_, _, container)| &*container.name);
        names.filter(|name| *name != CONTAINER)
    };
    let existing: Names<'_> = containers().collect();
    let Some(missing) = names.find(|name| !existing.contains(name)) else { return Ok(()) };
    let listed = join_names(MAX_NAMES_IN_DENIAL, containers()).unwrap_or_else(|| "none".to_owned());
    let expected = format!("containers of the pod ({listed})");
    let fix = format!("correct or remove the container {missing}");
    Err(precedence.deny(raw, Reason::BadValue, expected, &fix))
}
