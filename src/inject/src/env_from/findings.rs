//! The variables that objects with known keys hide from or give to libraries.

use std::collections::BTreeMap;
use std::fmt;

use rolebridge_core::annotations::{SKIP_CONTAINERS, SOURCE};
use rolebridge_core::aws::Partition;
use rolebridge_core::redact::Quoted;

use super::source::{Names, Reference, Source, containers};
use crate::message::{MAX_NAMES_IN_DENIAL, join_names};
use crate::patch::env::{ACCESS_KEY, is_harmless, planned, preferred};
use crate::settings::Settings;
use crate::settings::app_env::REGION;
use crate::settings::parse::is_region_name;
use crate::view::{Container, Pod};

/// The keys of an object. A Secret has no values here, so that none can be printed.
pub type Keys = BTreeMap<String, Option<String>>;

/// The objects with variables in the pod's namespace.
pub trait Objects {
    /// Returns the keys of an object.
    ///
    /// # Errors
    ///
    /// Returns the reason, in a few words, if they are unknown. It is empty if that needs no message.
    fn keys(&self, reference: &Reference<'_>) -> Result<&Keys, String>;
}

/// Returns a sentence for each key that is hidden by Rolebridge's variables or preferred to them, and for each unknown object.
#[must_use]
pub fn findings(pod: &Pod<'_>, settings: &Settings<'_>, objects: &impl Objects) -> Vec<String> {
    let mut containers_by_finding: BTreeMap<Finding, Vec<&str>> = BTreeMap::new();
    let containers: Vec<_> = containers(pod, settings).collect();
    for (container, names, sources) in &containers {
        for finding in of_container(container, settings, names, sources, objects) {
            containers_by_finding.entry(finding).or_default().push(&container.name);
        }
    }
    let sentences = containers_by_finding.iter().filter_map(|(finding, containers)| {
        let containers = join_names(MAX_NAMES_IN_DENIAL, containers.iter().copied())?;
        Some(format!("envFrom of {containers}: {finding}"))
    });
    sentences.collect()
}

/// A sentence without its containers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding(String);

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that becomes a variable.
#[derive(Clone, Copy)]
struct Assignment<'a> {
    source: Source<'a>,
    key: &'a str,
    value: Option<&'a str>,
}

fn of_container<'a>(
    container: &Container<'_>,
    settings: &Settings<'_>,
    names: &Names,
    sources: &[Source<'a>],
    objects: &'a impl Objects,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut variables: BTreeMap<&str, Assignment<'a>> = BTreeMap::new();
    // Of several objects, the last one counts.
    for source in sources.iter().filter(|source| source.may_set(names)) {
        match objects.keys(&source.reference) {
            Ok(keys) => {
                for (key, value) in keys {
                    let is_set_by = |name: &&&'static str| name.strip_prefix(source.prefix) == Some(key);
                    if let Some(name) = names.hidden.iter().chain(&names.preferred).find(is_set_by) {
                        variables.insert(name, Assignment { source: *source, key, value: value.as_deref() });
                    }
                }
            }
            Err(reason) if reason.is_empty() => {}
            Err(reason) => findings.push(unknown(source, &reason)),
        }
    }
    let token_source = settings.sources.value.of(&container.name);
    for own in planned(settings, &container.name).iter().filter(|own| names.hidden.contains(&own.name)) {
        let key = variables.get(own.name).filter(|key| key.value != Some(&*own.value));
        findings.extend(key.map(|key| hidden(own.name, key)));
    }
    let is_used = |key: &&Assignment<'_>| key.value.is_none_or(|value| !is_harmless(value));
    for (name, effect) in preferred(token_source).chain([(ACCESS_KEY, SIGNS)]) {
        let key = variables.get(name).filter(is_used).filter(|_| names.preferred.contains(&name));
        findings.extend(key.map(|key| used(name, key, effect)));
    }
    // Libraries use the first of these variables. An empty one counts too.
    let first =
        REGION.iter().find(|name| container.variable(name).is_some() || variables.contains_key(**name));
    let region = first.and_then(|name| Some((*name, variables.get(name)?)));
    findings.extend(region.and_then(|(name, key)| unusable_region(settings, name, key)));
    findings
}

const SIGNS: &str = "Google's libraries sign with that key instead of the pod's role";

fn hidden(name: &str, key: &Assignment<'_>) -> Finding {
    let at = At(name, key);
    Finding(format!(
        "{at} has no effect, because Rolebridge sets its own value. Fix: remove the key, or keep the app's own credentials \
         with {SKIP_CONTAINERS}."
    ))
}

fn used(name: &str, key: &Assignment<'_>, effect: &str) -> Finding {
    let at = At(name, key);
    let other_source =
        if name == ACCESS_KEY { format!(", set {SOURCE} to \"metadata\"") } else { String::new() };
    Finding(format!(
        "{at} is set, so {effect}. Fix: remove the key{other_source}, or keep the app's own credentials with {SKIP_CONTAINERS}."
    ))
}

fn unusable_region(settings: &Settings<'_>, name: &str, key: &Assignment<'_>) -> Option<Finding> {
    let aws = settings.aws.as_ref()?;
    let partition = aws.role()?.value.partition();
    let region = key.value?;
    if is_region_name(region) && Partition::of_region(region) == partition {
        return None;
    }
    let at = At(name, key);
    Some(Finding(format!(
        "{at}: expected a region of the partition {}, for which Google's libraries sign, found {}. Fix: set it to {}, or set \
         {SOURCE} to \"metadata\".",
        partition.as_str(),
        Quoted(region),
        aws.region.value
    )))
}

fn unknown(source: &Source<'_>, reason: &str) -> Finding {
    let Source { reference, prefix } = source;
    let prefix =
        if prefix.is_empty() { String::new() } else { format!(", with the prefix {}", Quoted(prefix)) };
    Finding(format!(
        "{reference}{prefix}: {reason}, so it is unknown whether its keys set other credentials."
    ))
}

/// The variable, the object and the key.
struct At<'a>(&'a str, &'a Assignment<'a>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, Assignment { source, key, .. }) = self;
        write!(f, "{name} of the {}", source.reference)?;
        if key == name { Ok(()) } else { write!(f, ", key {key},") }
    }
}
