//! A pod or a pod template in an object.

use rolebridge_inject::Pod;

use crate::error::CliError;
use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;

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
    /// Whether the template accepts everything that a pod has, init containers too.
    pub(crate) is_whole: bool,
}

impl ObjectPod<'_> {
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

    /// Returns the pod as a tree.
    pub(crate) fn to_value(&self) -> OrderedValue {
        let value = self.object.root.pointer(&self.pointer).cloned();
        value.unwrap_or(OrderedValue::Map(Vec::new()))
    }
}
