//! A pod or a pod template in an object.

use rolebridge_inject::Pod;
use rolebridge_inject::workload::{self, PodTemplate, PodTemplates, Workload};

use crate::error::CliError;
use crate::input::object::{Object, find_pod_templates, to_json};
use crate::input::ordered_value::OrderedValue;

/// The pods of an object, and its Rolebridge keys outside them.
#[derive(Debug)]
pub(crate) struct ObjectPods<'a> {
    pub(crate) pods: Vec<ObjectPod<'a>>,
    stray_keys: StrayKeys<'a>,
}

/// The Rolebridge keys outside the pods of an object.
#[derive(Debug)]
enum StrayKeys<'a> {
    /// Those of a workload, which are not searched for yet.
    OfWorkload(Object<'a>),
    /// The warnings about those of another object, which the search for its pods has found.
    Found(Vec<String>),
}

impl ObjectPods<'_> {
    /// Returns the webhook's warnings about the object itself, as opposed to its pods.
    ///
    /// # Errors
    ///
    /// Returns an error if the object does not match its kind.
    pub(crate) fn object_warnings(&self) -> Result<Vec<String>, CliError> {
        match &self.stray_keys {
            StrayKeys::Found(warnings) => Ok(warnings.clone()),
            StrayKeys::OfWorkload(object) => {
                let json = to_json(object.root)?;
                let workload: Workload<'_> = object.parse(&json, "")?;
                Ok(workload.misplaced_keys().into_iter().collect())
            }
        }
    }
}

/// A pod or a pod template in an object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectPod<'a> {
    pub(crate) object: Object<'a>,
    /// The JSON pointer of the pod in the object.
    pub(crate) pointer: String,
    /// The pod as the JSON that the webhook receives.
    pub(crate) json: String,
    /// The path of the template, if only its structure says that it is one.
    pub(crate) path: Option<String>,
    /// True if the template accepts everything that a pod has, init containers too.
    pub(crate) is_whole: bool,
}

impl<'a> ObjectPod<'a> {
    /// Returns the pods of an object: at the place that its kind has for them, or found by their structure in an object of
    /// another kind.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be serialized.
    pub(crate) fn all(object: &Object<'a>) -> Result<ObjectPods<'a>, CliError> {
        let Some(kind) = object.workload_kind() else { return Self::search(object) };
        let stray_keys = StrayKeys::OfWorkload(object.clone());
        let Some(value) = object.root.find(kind.pod_path) else {
            return Ok(ObjectPods { pods: Vec::new(), stray_keys });
        };
        let pointer = kind.pod_path.iter().flat_map(|key| ["/", key]).collect();
        let json = to_json(value)?;
        let pods = vec![Self { object: object.clone(), pointer, json, path: None, is_whole: true }];
        Ok(ObjectPods { pods, stray_keys })
    }

    fn search(object: &Object<'a>) -> Result<ObjectPods<'a>, CliError> {
        let json = to_json(object.root)?;
        let pod = |PodTemplate { pointer, json, is_whole }: PodTemplate<'_>| Self {
            object: object.clone(),
            path: Some(workload::path(&pointer)).filter(|path| !path.is_empty()),
            pointer,
            json: json.to_owned(),
            is_whole,
        };
        let PodTemplates { templates, stray_keys } = find_pod_templates(&json)?;
        let pods = templates.into_iter().map(pod).collect();
        let warnings = stray_keys.iter().map(|key| key.warning(object.kind())).collect();
        Ok(ObjectPods { pods, stray_keys: StrayKeys::Found(warnings) })
    }

    /// Returns the object's kind and name, and the path of a template that was found by its structure, for messages.
    pub(crate) fn title(&self) -> String {
        let object = self.object.title();
        self.path.as_ref().map_or_else(|| object.clone(), |path| format!("{object}, {path}"))
    }

    /// Returns the JSON pointer of the pod in the document.
    pub(crate) fn document_pointer(&self) -> String {
        format!("{}{}", self.object.pointer, self.pointer)
    }

    /// Parses the pod as the webhook does.
    ///
    /// # Errors
    ///
    /// Returns an error if a field has the wrong type.
    pub(crate) fn parse(&self) -> Result<Pod<'_>, CliError> {
        self.object.parse(&self.json, &self.pointer)
    }

    /// Returns the number of pods that the object asks for at a time; `None` if it says nothing about it.
    pub(crate) fn replicas(&self) -> Option<u64> {
        let spec = self.object.root.pointer(self.pointer.strip_suffix("/template")?)?;
        ["replicas", "parallelism"].iter().find_map(|key| spec.get(key)?.number())
    }

    /// Returns the pod as a tree.
    pub(crate) fn to_value(&self) -> OrderedValue {
        let value = self.object.root.pointer(&self.pointer).cloned();
        value.unwrap_or(OrderedValue::Map(Vec::new()))
    }
}
