//! The Kubernetes objects of a document, and the pods in them.

use rolebridge_inject::workload::{self, PodTemplates};
use serde::Deserialize;

use crate::error::CliError;
use crate::input::object_ref::{ObjectRef, WorkloadKind};
use crate::input::ordered_value::OrderedValue;

/// A Kubernetes object.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub(crate) root: &'a OrderedValue,
    /// The JSON pointer of the object in its document.
    pub(crate) pointer: String,
    /// The file and number of the document, for messages: `deployment.yaml, document 2`.
    pub(crate) location: String,
}

/// The location of objects that were read from a cluster.
pub(crate) const CLUSTER: &str = "the cluster";

impl<'a> Object<'a> {
    /// Returns the objects of a document: the document itself, or the items of a List.
    pub(crate) fn all(document: &'a OrderedValue, location: &str) -> Vec<Self> {
        let object = |root, pointer| Self { root, pointer, location: location.to_owned() };
        let is_list = document.text(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
        match document.get("items").filter(|_| is_list) {
            Some(items) => {
                let item = |(index, root)| object(root, format!("/items/{index}"));
                items.items().iter().enumerate().map(item).collect()
            }
            None => vec![object(document, String::new())],
        }
    }

    pub(crate) fn kind(&self) -> &'a str {
        self.root.text(&["kind"]).unwrap_or("(no kind)")
    }

    pub(crate) fn name(&self) -> &'a str {
        let metadata = |key| self.root.text(&["metadata", key]);
        metadata("name").or_else(|| metadata("generateName")).unwrap_or("(no name)")
    }

    /// Returns the kind and name, for messages: `Deployment/batch`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind(), self.name())
    }

    /// Returns the kind, if it has a known place for its pod.
    pub(super) fn workload_kind(&self) -> Option<&'static WorkloadKind> {
        WorkloadKind::of(self.root.text(&["apiVersion"]).unwrap_or_default(), self.kind())
    }

    /// Returns the place where related objects were searched for, for messages.
    pub(crate) fn search_scope(&self) -> &'static str {
        if self.location == CLUSTER { "the cluster" } else { "these files; add it with another --filename" }
    }

    /// Returns true if `target` refers to this object.
    pub(crate) fn is(&self, target: &ObjectRef) -> bool {
        self.kind() == target.kind.name && self.name() == target.name
    }

    /// Parses JSON of the object, found at a JSON pointer in it.
    ///
    /// # Errors
    ///
    /// Returns an error that names the object and the field if a field has the wrong type.
    pub(crate) fn parse<'j, T: Deserialize<'j>>(&self, json: &'j str, pointer: &str) -> Result<T, CliError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = [workload::path(pointer), error.path().to_string()];
            let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty() && part != ".").collect();
            let text = error.inner().to_string();
            let message = text.rsplit_once(" at line ").map_or(&*text, |(message, _)| message);
            let fix = if message.contains("expected a string") {
                ". Fix: quote the value; YAML reads it as another type."
            } else {
                ""
            };
            CliError::InvalidObject {
                location: self.location.clone(),
                title: self.title(),
                message: [path.join("."), format!("{message}{fix}")]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(": "),
            }
        })
    }
}

/// Finds the pod templates in an object's JSON by their structure.
///
/// # Errors
///
/// Returns an error if the text is not JSON.
pub(super) fn find_pod_templates(json: &str) -> Result<PodTemplates<'_>, CliError> {
    PodTemplates::find(json).map_err(|error| CliError::Format(error.to_string()))
}

/// Serializes a value as the JSON that the webhook receives.
pub(super) fn to_json(value: &OrderedValue) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::Format(error.to_string()))
}
