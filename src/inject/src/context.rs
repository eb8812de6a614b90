//! The inputs of a decision other than the pod.

use crate::defaults::model::Defaults;
use crate::object_metadata::ObjectMetadata;

/// The inputs of a decision other than the pod.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The namespace's name, from the admission request: a Deployment's pod may not contain it.
    pub namespace: &'a str,
    /// The metadata of the pod's service account, if that exists.
    pub service_account: Option<&'a ObjectMetadata>,
    /// The metadata of the pod's namespace, if that exists.
    pub namespace_metadata: Option<&'a ObjectMetadata>,
    /// The platform team's defaults.
    pub defaults: &'a Defaults,
}
