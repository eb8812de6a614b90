//! The objects of a document, and where their pods lie.

use rolebridge_inject::Pod;
use rolebridge_inject::workload::Workload;
use serde::Deserialize;

use crate::error::CliError;
use crate::input::object_ref::{ObjectRef, WorkloadKind};
use crate::input::ordered_value::OrderedValue;

/// An object of Kubernetes.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub(crate) node: &'a OrderedValue,
    /// Where it lies in its document: a JSON pointer.
    pub(crate) pointer: String,
    /// Where it stands, for people: `deployment.yaml, document 2`.
    pub(crate) place: String,
}

/// The place of what was read live.
pub(crate) const CLUSTER: &str = "the cluster";

impl<'a> Object<'a> {
    /// The objects of a document: itself, or a List's items.
    pub(crate) fn all(document: &'a OrderedValue, place: &str) -> Vec<Self> {
        let object = |node, pointer| Self { node, pointer, place: place.to_owned() };
        let is_list = document.text(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
        match document.get("items").filter(|_| is_list) {
            Some(items) => {
                let item = |(index, node)| object(node, format!("/items/{index}"));
                items.items().iter().enumerate().map(item).collect()
            }
            None => vec![object(document, String::new())],
        }
    }

    pub(crate) fn kind(&self) -> &'a str {
        self.node.text(&["kind"]).unwrap_or("(no kind)")
    }

    pub(crate) fn name(&self) -> &'a str {
        let metadata = |key| self.node.text(&["metadata", key]);
        metadata("name").or_else(|| metadata("generateName")).unwrap_or("(no name)")
    }

    /// `Deployment/batch`, for people.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.kind(), self.name())
    }

    /// Where the pod lies in it, if it is of a kind that has one.
    pub(crate) fn path_of_pod(&self) -> Option<&'static [&'static str]> {
        let version = self.node.text(&["apiVersion"]).unwrap_or_default();
        let path = WorkloadKind::of(version, self.kind())?.pod;
        self.node.find(path).map(|_| path)
    }

    /// Where others of its kind were looked for.
    pub(crate) fn place_of_others(&self) -> &'static str {
        if self.place == CLUSTER { "in the cluster" } else { "in these files; a further --filename adds it" }
    }

    /// Whether it is the one that a person named.
    pub(crate) fn is(&self, target: &ObjectRef) -> bool {
        self.kind() == target.kind.name && self.name() == target.name
    }

    /// The JSON pointer of its pod in the document.
    pub(crate) fn pointer_of_pod(&self) -> String {
        let path = self.path_of_pod().unwrap_or_default();
        [&[&*self.pointer], path].concat().join("/")
    }

    /// Its pod as JSON, if it has one.
    pub(crate) fn pod_as_json(&self) -> Result<Option<String>, CliError> {
        let pod = self.path_of_pod().and_then(|path| self.node.find(path));
        pod.map(json).transpose()
    }

    /// Its pod; nothing where it has none.
    pub(crate) fn pod_as_node(&self) -> OrderedValue {
        let pod = self.path_of_pod().and_then(|path| self.node.find(path));
        pod.cloned().unwrap_or(OrderedValue::Map(Vec::new()))
    }

    /// The pod in [its JSON](Self::pod_as_json), as the webhook reads it.
    pub(crate) fn pod<'j>(&self, json: &'j str) -> Result<Pod<'j>, CliError> {
        self.read(json, self.path_of_pod().unwrap_or_default())
    }

    /// What the webhook says about the object itself, beside what it says about its pods.
    pub(crate) fn advice(&self) -> Result<Option<String>, CliError> {
        let json = json(self.node)?;
        let workload: Workload<'_> = self.read(&json, &[])?;
        Ok(workload.misplaced_opt_in())
    }

    fn read<'j, T: Deserialize<'j>>(&self, json: &'j str, above: &[&str]) -> Result<T, CliError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = above.iter().map(|&key| key.to_owned()).chain([error.path().to_string()]);
            let path: Vec<_> = path.filter(|part| part != ".").collect();
            let said = error.inner().to_string();
            let what = said.rsplit_once(" at line ").map_or(&*said, |(what, _)| what);
            let quote = if what.contains("expected a string") {
                ". In YAML a string that looks like something else needs quotes"
            } else {
                ""
            };
            CliError::InvalidObject {
                place: self.place.clone(),
                title: self.title(),
                what: [path.join("."), format!("{what}{quote}")]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(": "),
            }
        })
    }
}

/// A node as the webhook gets it.
fn json(node: &OrderedValue) -> Result<String, CliError> {
    serde_json::to_string(node).map_err(|error| CliError::Format(error.to_string()))
}
