//! The warning at admission, where the keys are unknown.
//!
//! Many pods have `envFrom`, and in few of them does it hold credentials. A warning for each would be ignored, so there is one
//! only for names that say so: those of the object, of its prefix, or of a mounted key file.

use std::collections::BTreeSet;

use rolebridge_core::annotations::SKIP_CONTAINERS;

use super::source::{Names, Source, containers};
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::patch::env::METADATA;
use crate::settings::Names as VolumeNames;
use crate::settings::Settings;
use crate::view::{Container, Pod};

/// Beginnings of words in the names of objects with credentials of Google or AWS.
const WORD_STARTS: &[&str] = &[
    "accesskey",
    "aws",
    "bigquery",
    "cred",
    "dynamodb",
    "firebase",
    "firestore",
    "gcloud",
    "gcp",
    "google",
    "keyfile",
    "pubsub",
    "serviceaccount",
    "vertex",
];
/// Such words, of which longer ones mean something else.
const WORDS: &[&str] = &["bq", "cloud", "gcs", "gsa", "iam", "key", "keys", "s3", "sns", "sqs"];

/// Returns a warning about objects that may set credentials, by their names.
#[must_use]
pub fn hint(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let secrets = SecretVolumes::of(pod);
    let suspects: Vec<_> = containers(pod, settings)
        .filter_map(|(container, names, sources)| {
            let mounts_key = secrets.has_key_of(container);
            let is_suspect = |source: &Source<'_>| {
                source.may_set(&names)
                    && (mounts_key
                        || !source.prefix.is_empty()
                        || suggests_credentials(source.reference.name))
            };
            let source = sources.into_iter().find(is_suspect)?;
            Some((&*container.name, effect(&source, &names), source.reference.name))
        })
        .collect();
    let containers = join_names(MAX_NAMES_IN_WARNING, suspects.iter().map(|(container, ..)| *container))?;
    let objects: BTreeSet<_> = suspects.iter().map(|(_, _, object)| *object).collect();
    let objects = join_names(MAX_NAMES_IN_WARNING, objects)?;
    let (_, effect, _) = suspects.first()?;
    Some(format!(
        "envFrom of {containers} ({objects}) may hold other credentials. {effect}. Fix: see rolebridge explain, or keep the \
         app's own with {SKIP_CONTAINERS}."
    ))
}

/// Describes the effect of the first variable that the object could set, of each kind.
fn effect(source: &Source<'_>, names: &Names) -> String {
    let first = |names: &[&'static str]| names.iter().copied().find(|name| source.may_be(name));
    // With the source `metadata`, a configuration matters more than an address.
    let hidden = first(&names.hidden).filter(|name| !METADATA.contains(name));
    match (hidden, first(&names.preferred)) {
        (Some(hidden), Some(preferred)) => format!("{hidden} there has no effect, {preferred} is used"),
        (None, Some(preferred)) => format!("{preferred} there is used"),
        (hidden, None) => {
            format!("{} there has no effect", hidden.or_else(|| first(&names.hidden)).unwrap_or_default())
        }
    }
}

/// The pod's Secret volumes.
struct SecretVolumes<'a> {
    all: VolumeNames<'a>,
    /// Those that look like key files of Google by their names.
    keys: VolumeNames<'a>,
}

impl<'a> SecretVolumes<'a> {
    fn of(pod: &'a Pod<'_>) -> Self {
        let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
        let secrets = volumes.iter().filter_map(|volume| Some((&*volume.name, volume.secret()?)));
        let is_key =
            |(name, secret): &(&str, &str)| suggests_credentials(name) || suggests_credentials(secret);
        Self {
            all: secrets.clone().map(|(name, _)| name).collect(),
            keys: secrets.filter(is_key).map(|(name, _)| name).collect(),
        }
    }

    /// Returns true if the container mounts a volume that looks like a key file of Google.
    fn has_key_of(&self, container: &Container<'_>) -> bool {
        container.mounts().iter().any(|mount| {
            self.keys.contains(&mount.name)
                || self.all.contains(&mount.name) && suggests_credentials(&mount.path)
        })
    }
}

/// Returns true if a word of the name is one of those for credentials.
fn suggests_credentials(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_known =
        |word: &str| WORDS.contains(&word) || WORD_STARTS.iter().any(|start| word.starts_with(start));
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(is_known) || {
        let joined = name.replace(['-', '_'], "");
        ["serviceaccount", "accesskey"].iter().any(|word| joined.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::suggests_credentials;

    #[rstest]
    fn suggests_credentials_knows_names_of_google_and_aws(
        #[values(
            "gcp-settings",
            "my-google-sa",
            "awscreds",
            "shop.aws-keys",
            "app-credentials",
            "s3",
            "GCS_config",
            "service-account",
            "/etc/gcp",
            "batch-service-account-json",
            "AccessKey"
        )]
        name: &str,
    ) {
        assert!(suggests_credentials(name));
    }

    #[rstest]
    fn suggests_credentials_ignores_other_names(
        #[values(
            "settings",
            "passwords",
            "app-config",
            "laws",
            "keyboard",
            "iambic",
            "s3x",
            "",
            "env",
            "cloudflare",
            "tls"
        )]
        name: &str,
    ) {
        assert!(!suggests_credentials(name));
    }
}
