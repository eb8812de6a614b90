//! `explain`: each setting, its value and where it came from; what would become of the pod.

mod additions;
pub(crate) mod render;

use rolebridge_inject::settings::{ResolvedSetting, declared_settings};
use rolebridge_inject::{Decision, Origin, Reason, resolve};
use serde::Serialize;

use crate::admission::admit_object;
use crate::commands::explain::additions::Additions;
use crate::commands::inject::apply;
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;
use crate::input::object::Object;
use crate::input::object_ref::ObjectRef;

/// What is known of a pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// `Deployment/batch`.
    pub(crate) object: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    pub(crate) outcome: &'static str,
    /// The code of the reason, where nothing is injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// The sentence that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    pub(crate) warnings: Vec<String>,
    /// What holds; where that cannot be told, what was declared.
    pub(crate) settings: Vec<Row>,
    /// What the injection adds, or has added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additions: Option<Additions>,
}

/// A setting.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) annotation: &'static str,
    pub(crate) value: String,
    pub(crate) from: &'static str,
}

impl From<ResolvedSetting> for Row {
    fn from(entry: ResolvedSetting) -> Self {
        let from = match entry.origin {
            Origin::Pod => "pod",
            Origin::ServiceAccount => "service account",
            Origin::Namespace => "namespace",
            Origin::Defaults => "chart",
            Origin::BuiltIn => "default",
        };
        Self { annotation: entry.key, value: entry.value, from }
    }
}

/// Explains every pod of the documents, or the one that was asked for.
pub(crate) fn all(manifests: &Manifests, target: Option<&ObjectRef>) -> Result<Vec<Explanation>, CliError> {
    let mut explanations = Vec::new();
    let mut there = Vec::new();
    for object in manifests.documents.iter().flat_map(Document::objects) {
        if target.is_none_or(|target| object.is(target)) {
            explanations.extend(explain(manifests, &object)?);
        }
        there.extend(object.path_of_pod().map(|_| object.title()));
    }
    if explanations.is_empty() {
        let wanted = target.map_or_else(|| "pod and no pod template".to_owned(), ObjectRef::title);
        let there = if there.is_empty() { "nothing with a pod".to_owned() } else { there.join(", ") };
        return Err(CliError::NotFound { wanted, there });
    }
    Ok(explanations)
}

fn explain(manifests: &Manifests, object: &Object<'_>) -> Result<Option<Explanation>, CliError> {
    let (Some(admission), Some(json)) = (admit_object(manifests, object)?, object.pod_as_json()?) else {
        return Ok(None);
    };
    let pod = object.pod(&json)?;
    let (namespace, service_account) = (manifests.namespace(object), pod.service_account());
    let context = manifests.context(namespace, service_account);
    let settings = match resolve(&pod, &context) {
        Ok(settings) => settings.entries().map(Row::from).collect(),
        Err(_) => declared_settings(&pod, &context).map(Row::from).collect(),
    };
    let before = object.pod_as_node();
    let (outcome, reason, message, additions) = match admission.decision {
        Decision::Patch(patch) => {
            let mut after = before.clone();
            apply(&patch, "", &mut after)?;
            ("injected", None, None, Some(Additions::diff(&before, &after)))
        }
        Decision::Skip(reason) => {
            let present = (reason == Reason::AlreadyInjected).then(|| Additions::from_injected(&before));
            ("skipped", Some(reason), Some(reason.sentence().to_owned()), present)
        }
        Decision::Deny(refusal) => ("denied", Some(refusal.reason), Some(refusal.message), None),
    };
    Ok(Some(Explanation {
        object: object.title(),
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        outcome,
        reason: reason.map(Reason::code),
        message,
        warnings: admission.warnings,
        settings,
        additions,
    }))
}
