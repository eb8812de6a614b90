//! The annotations and the label of a service account or a namespace that affect injection.

use rolebridge_core::annotations::{INJECT, PREFIX, eks};

/// The annotations and the label of a service account or a namespace that affect injection.
///
/// Keeps only those keys, in as little memory as possible: a webhook may cache tens of thousands of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    annotations: Box<[(Box<str>, Box<str>)]>,
    inject_label: Option<Box<str>>,
}

impl ObjectMetadata {
    /// Selects the relevant annotations and the relevant label.
    #[must_use]
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        annotations: impl IntoIterator<Item = (K, V)>,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let annotations = annotations
            .into_iter()
            .filter(|(key, _)| is_relevant(key.as_ref()))
            .map(|(key, value)| (key.as_ref().into(), value.as_ref().into()))
            .collect();
        let inject_label = labels
            .into_iter()
            .find(|(key, _)| key.as_ref() == INJECT)
            .map(|(_, value)| value.as_ref().into());
        Self { annotations, inject_label }
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(known, _)| **known == *key).map(|(_, value)| &**value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.annotations.iter().map(|(key, _)| &**key)
    }

    /// Returns the value of the label that opts a namespace in.
    pub(crate) fn inject_label(&self) -> Option<&str> {
        self.inject_label.as_deref()
    }
}

fn is_relevant(key: &str) -> bool {
    key.starts_with(PREFIX) || [eks::ROLE_ARN, eks::AUDIENCE, eks::TOKEN_EXPIRATION].contains(&key)
}

#[cfg(test)]
mod tests {
    use super::ObjectMetadata;

    #[test]
    fn object_metadata_keeps_only_relevant_keys() {
        let metadata = ObjectMetadata::new(
            [
                ("eks.amazonaws.com/role-arn", "arn"),
                ("eks.amazonaws.com/sts-regional-endpoints", "true"),
                ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
                ("rolebridge.io/project", "shop"),
            ],
            [("team", "shop"), ("rolebridge.io/inject", "enabled")],
        );
        assert_eq!(
            metadata.keys().collect::<Vec<_>>(),
            ["eks.amazonaws.com/role-arn", "rolebridge.io/project"]
        );
        assert_eq!(metadata.annotation("rolebridge.io/project"), Some("shop"));
        assert_eq!(metadata.inject_label(), Some("enabled"));
    }
}
