//! The metadata of a service account, and its malformed role annotations.

use kube::api::ObjectMeta;
use rolebridge_core::annotations::{ROLE_ARN, eks};
use rolebridge_core::aws::RoleArn;
use rolebridge_inject::ObjectMetadata;

/// A service account.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    /// The metadata as the webhook's engine reads it.
    pub(crate) metadata: ObjectMetadata,
    /// The key and value of annotations that should be the ARN of a role but are not.
    pub(crate) malformed_roles: Vec<(&'static str, String)>,
}

impl ServiceAccount {
    pub(crate) fn new(metadata: ObjectMeta) -> Self {
        let annotations = metadata.annotations.unwrap_or_default();
        let malformed_roles = [ROLE_ARN, eks::ROLE_ARN].into_iter().filter_map(|key| {
            let value = annotations.get(key)?;
            RoleArn::parse(value).is_err().then(|| (key, value.clone()))
        });
        let malformed_roles = malformed_roles.collect();
        let labels = metadata.labels.unwrap_or_default();
        Self { metadata: ObjectMetadata::new(annotations, labels), malformed_roles }
    }
}
