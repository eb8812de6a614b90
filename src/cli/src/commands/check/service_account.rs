//! A service account, as far as it says something about its pods.

use kube::api::ObjectMeta;
use rolebridge_core::annotations::{ROLE_ARN, eks};
use rolebridge_core::aws::RoleArn;
use rolebridge_inject::ObjectMetadata;

/// A service account.
#[derive(Debug)]
pub(crate) struct Account {
    /// As the webhook's engine reads it.
    pub(crate) metadata: ObjectMetadata,
    /// Annotations that name a role, and do not: the key and the value.
    pub(crate) malformed: Vec<(&'static str, String)>,
}

impl Account {
    pub(crate) fn new(metadata: ObjectMeta) -> Self {
        let annotations = metadata.annotations.unwrap_or_default();
        let malformed = [ROLE_ARN, eks::ROLE_ARN].into_iter().filter_map(|key| {
            let value = annotations.get(key)?;
            RoleArn::parse(value).is_err().then(|| (key, value.clone()))
        });
        let malformed = malformed.collect();
        Self { metadata: ObjectMetadata::new(annotations, metadata.labels.unwrap_or_default()), malformed }
    }
}
