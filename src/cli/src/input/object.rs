//! The Kubernetes objects of a document, and the pods in them.

use rolebridge_inject::Pod;
use rolebridge_inject::workload::Workload;
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

    /// Returns the path of the pod in the object, or `None` if it has no pod.
    pub(crate) fn pod_path(&self) -> Option<&'static [&'static str]> {
        let version = self.root.text(&["apiVersion"]).unwrap_or_default();
        let path = WorkloadKind::of(version, self.kind())?.pod_path;
        self.root.find(path).map(|_| path)
    }

    /// Returns the place where related objects were searched for, for messages.
    pub(crate) fn search_scope(&self) -> &'static str {
        if self.location == CLUSTER { "the cluster" } else { "these files; add it with another --filename" }
    }

    /// Returns true if `target` refers to this object.
    pub(crate) fn is(&self, target: &ObjectRef) -> bool {
        self.kind() == target.kind.name && self.name() == target.name
    }

    /// Returns the JSON pointer of the pod in the document.
    pub(crate) fn pod_pointer(&self) -> String {
        let path = self.pod_path().unwrap_or_default();
        [&[&*self.pointer], path].concat().join("/")
    }

    /// Returns the pod as JSON, or `None` if the object has no pod.
    pub(crate) fn pod_as_json(&self) -> Result<Option<String>, CliError> {
        let pod = self.pod_path().and_then(|path| self.root.find(path));
        pod.map(to_json).transpose()
    }

    /// Returns the pod, or an empty map if the object has no pod.
    pub(crate) fn pod_as_value(&self) -> OrderedValue {
        let pod = self.pod_path().and_then(|path| self.root.find(path));
        pod.cloned().unwrap_or(OrderedValue::Map(Vec::new()))
    }

    /// Parses the pod from [its JSON](Self::pod_as_json), as the webhook does.
    ///
    /// # Errors
    ///
    /// Returns an error if a field has the wrong type.
    pub(crate) fn pod<'j>(&self, json: &'j str) -> Result<Pod<'j>, CliError> {
        self.parse(json, self.pod_path().unwrap_or_default())
    }

    /// Returns the webhook's warning about the object itself, as opposed to its pod.
    pub(crate) fn warning(&self) -> Result<Option<String>, CliError> {
        let json = to_json(self.root)?;
        let workload: Workload<'_> = self.parse(&json, &[])?;
        Ok(workload.misplaced_opt_in())
    }

    fn parse<'j, T: Deserialize<'j>>(&self, json: &'j str, parents: &[&str]) -> Result<T, CliError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = parents.iter().map(|&key| key.to_owned()).chain([error.path().to_string()]);
            let path: Vec<_> = path.filter(|part| part != ".").collect();
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

/// Serializes a value as the JSON that the webhook receives.
fn to_json(value: &OrderedValue) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::Format(error.to_string()))
}
