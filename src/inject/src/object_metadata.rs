//! The annotations and the label of a service account or a namespace that affect injection.

use rolebridge_core::annotations::{ALL, INJECT, PREFIX, eks};

/// Maximum size of an object's settings, keys and values together. A webhook caches tens of thousands of objects, and anyone
/// who may annotate one could make it as large as 256 KiB. A value of a setting has at most 16 KiB, so this is enough for the
/// largest value together with all others.
pub const MAX_SETTINGS_BYTES: usize = 32 << 10;

/// Maximum number of unknown keys of an object that are named, and for which a suggestion is sought. People misspell a few
/// keys, and the search takes some ten thousand steps for each.
pub(crate) const MAX_UNKNOWN_KEYS: usize = 5;

/// Maximum length of an unknown key that is kept. Kubernetes permits 63 characters after the prefix.
const MAX_UNKNOWN_KEY_BYTES: usize = PREFIX.len() + 63;

/// The annotations and the label of a service account or a namespace that affect injection.
///
/// Keeps only those keys, in as little memory as possible: a webhook may cache tens of thousands of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// The settings by key.
    settings: Box<[(&'static str, Box<str>)]>,
    /// Keys without an effect, for warnings.
    ineffective: Box<[Box<str>]>,
    /// The number of more unknown keys, which are not kept.
    unnamed_keys: usize,
    inject_label: Option<Box<str>>,
    /// The size of the settings, if they were too large to be kept.
    excessive_bytes: Option<usize>,
}

impl ObjectMetadata {
    /// Selects the relevant annotations and the relevant label.
    #[must_use]
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        annotations: impl IntoIterator<Item = (K, V)>,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let (mut settings, mut bytes) = (Vec::new(), 0);
        let (mut ineffective, mut named_keys, mut unnamed_keys) = (Vec::new(), 0, 0);
        for (key, value) in annotations {
            let (key, value) = (key.as_ref(), value.as_ref());
            if let Some(known) = setting(key) {
                bytes += known.len() + value.len();
                // No more of an object is held than what is kept of it.
                if bytes <= MAX_SETTINGS_BYTES {
                    settings.push((known, value.into()));
                }
            } else if key == INJECT {
                // An opt-in without effect is the most frequent mistake, so others do not hide it.
                ineffective.push(key.into());
            } else if key.starts_with(PREFIX) {
                if key.len() <= MAX_UNKNOWN_KEY_BYTES && named_keys < MAX_UNKNOWN_KEYS {
                    named_keys += 1;
                    ineffective.push(key.into());
                } else {
                    unnamed_keys += 1;
                }
            }
        }
        let excessive_bytes = (bytes > MAX_SETTINGS_BYTES).then_some(bytes);
        if excessive_bytes.is_some() {
            settings = Vec::new();
        }
        let label = labels.into_iter().find(|(key, _)| key.as_ref() == INJECT);
        Self {
            settings: settings.into(),
            ineffective: ineffective.into(),
            unnamed_keys,
            inject_label: label.map(|(_, value)| value.as_ref().into()),
            excessive_bytes,
        }
    }

    /// Returns metadata of an object that is too large to be read. Of its size, it is known that it is at least `bytes`.
    #[must_use]
    pub fn too_large(bytes: usize) -> Self {
        Self { excessive_bytes: Some(bytes), ..Self::default() }
    }

    /// Adds the relevant label of the same object, for a caller that parses annotations and labels one after another.
    #[must_use]
    pub fn with_label_of(self, labels: Self) -> Self {
        Self { inject_label: labels.inject_label, ..self }
    }

    /// Returns the number of bytes on the heap, without the allocator's own.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let settings = self.settings.iter().map(|entry| size_of_val(entry) + entry.1.len());
        let ineffective = self.ineffective.iter().map(|key| size_of_val(key) + key.len());
        settings.chain(ineffective).sum::<usize>() + self.inject_label.as_ref().map_or(0, |label| label.len())
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| *known == key).map(|(_, value)| &**value)
    }

    /// Returns the Rolebridge keys that have no effect on this kind of object.
    pub(crate) fn ineffective_keys(&self) -> impl Iterator<Item = &str> {
        self.ineffective.iter().map(|key| &**key)
    }

    /// Returns the number of more unknown keys.
    pub(crate) const fn unnamed_keys(&self) -> usize {
        self.unnamed_keys
    }

    /// Returns the value of the label that opts a namespace in.
    pub(crate) fn inject_label(&self) -> Option<&str> {
        self.inject_label.as_deref()
    }

    /// Returns the size of the settings if they exceed [`MAX_SETTINGS_BYTES`], so that they are unknown.
    pub(crate) const fn excessive_bytes(&self) -> Option<usize> {
        self.excessive_bytes
    }
}

/// Returns the key of a setting that a service account or a namespace can have.
fn setting(key: &str) -> Option<&'static str> {
    let settings = ALL.iter().map(|annotation| annotation.key).filter(|known| *known != INJECT);
    settings.chain([eks::ROLE_ARN, eks::AUDIENCE, eks::TOKEN_EXPIRATION]).find(|known| *known == key)
}

#[cfg(test)]
mod tests {
    use rolebridge_core::annotations::{OUTPUTS, PROJECT};
    use rstest::rstest;

    use super::*;

    fn with_annotations<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>) -> ObjectMetadata {
        ObjectMetadata::new(annotations, [])
    }

    #[test]
    fn object_metadata_keeps_only_relevant_keys() {
        let metadata = ObjectMetadata::new(
            [
                ("eks.amazonaws.com/role-arn", "arn"),
                ("eks.amazonaws.com/sts-regional-endpoints", "true"),
                ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
                ("rolebridge.io/inject", "true"),
                ("rolebridge.io/project", "shop"),
                ("rolebridge.io/projct", "value"),
            ],
            [("team", "shop"), ("rolebridge.io/inject", "enabled")],
        );
        let keys: Vec<_> = metadata.settings.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["eks.amazonaws.com/role-arn", "rolebridge.io/project"]);
        assert_eq!(
            metadata.ineffective_keys().collect::<Vec<_>>(),
            ["rolebridge.io/inject", "rolebridge.io/projct"]
        );
        assert_eq!(metadata.annotation(PROJECT), Some("shop"));
        assert_eq!(metadata.annotation("rolebridge.io/projct"), None);
        assert_eq!(metadata.inject_label(), Some("enabled"));
    }

    #[rstest]
    #[case::at_the_limit(0, None)]
    #[case::above_the_limit(1, Some(MAX_SETTINGS_BYTES + 1))]
    #[case::far_above_the_limit(224 << 10, Some(256 << 10))]
    fn settings_above_the_limit_are_not_kept(#[case] excess: usize, #[case] expected: Option<usize>) {
        let project = "shop";
        let rest = OUTPUTS.len() + PROJECT.len() + project.len();
        let outputs = "x".repeat(MAX_SETTINGS_BYTES - rest + excess);
        let metadata = with_annotations([(PROJECT, project), (OUTPUTS, &*outputs)]);
        assert_eq!(metadata.excessive_bytes(), expected);
        let kept = expected.is_none().then_some(project);
        assert_eq!(metadata.annotation(PROJECT), kept, "settings are kept together or not at all");
        assert_eq!(metadata.heap_bytes() < 100, expected.is_some());
    }

    #[test]
    fn unknown_keys_are_kept_by_name_and_only_a_few() {
        let (ballast, long) = ("x".repeat(255 << 10), format!("{PREFIX}{}", "k".repeat(64)));
        let keys: Vec<_> = (0..1000).map(|n| format!("{PREFIX}misspelt-{n}")).collect();
        let annotations = [&long].into_iter().chain(&keys).map(|key| (&**key, &*ballast));
        let metadata = with_annotations(annotations);
        assert_eq!(metadata.ineffective_keys().collect::<Vec<_>>(), keys[..MAX_UNKNOWN_KEYS]);
        assert_eq!(metadata.unnamed_keys(), 1001 - MAX_UNKNOWN_KEYS);
        assert_eq!(metadata.excessive_bytes(), None);
        assert!(metadata.heap_bytes() < 500, "{}", metadata.heap_bytes());
    }

    #[test]
    fn opt_in_without_effect_is_kept_besides_the_named_unknown_keys() {
        let mut keys: Vec<_> = (0..6).map(|n| format!("{PREFIX}a-misspelt-{n}")).collect();
        for position in [0, 3, 6] {
            keys.insert(position, INJECT.to_owned());
            let metadata = with_annotations(keys.iter().map(|key| (&**key, "true")));
            let kept: Vec<_> = metadata.ineffective_keys().collect();
            assert!(kept.contains(&INJECT) && kept.len() == MAX_UNKNOWN_KEYS + 1, "{kept:?}");
            assert_eq!(metadata.unnamed_keys(), 1);
            keys.remove(position);
        }
    }
}
