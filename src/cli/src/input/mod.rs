//! Manifests from files: split into documents, parsed, and indexed.

pub(crate) mod document;
pub(crate) mod env_objects;
pub(crate) mod manifests;
pub(crate) mod object;
pub(crate) mod object_pod;
pub(crate) mod object_ref;
pub(crate) mod ordered_value;
pub(crate) mod split;
mod yaml_error;
