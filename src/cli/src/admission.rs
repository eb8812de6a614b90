//! Decides about the pods of objects with the webhook's own engine.

use rolebridge_inject::env_from::{ObjectKind, Reference};
use rolebridge_inject::settings::{ResolvedSetting, declared_settings};
use rolebridge_inject::{
    Admission, Context, Decision, Patch, Pod, Reason, Settings, admit, env_from, networks_after_sidecar,
    resolve,
};
use serde::Deserialize;

use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;
use crate::input::object::{CLUSTER, Object};
use crate::input::object_pod::ObjectPod;
use crate::input::object_ref::ObjectRef;
use crate::input::ordered_value::OrderedValue;

/// The decision about the pod of an object, with the settings that it is based on.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// The object's kind and name: `Deployment/batch`.
    pub(crate) object: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    pub(crate) decision: Decision,
    pub(crate) warnings: Vec<String>,
    /// The resolved settings, or the declared ones if they are invalid.
    pub(crate) settings: Vec<ResolvedSetting>,
    /// The variables from `ConfigMaps` and Secrets that bypass Rolebridge or that it hides, each a sentence.
    pub(crate) env_findings: Vec<String>,
    /// The limits of the namespace that deny the pod because of the sidecar, each a sentence.
    pub(crate) limit_findings: Vec<String>,
    /// The containers that may provide the pod's network, and that start after the sidecar that the pod already has.
    pub(crate) late_networks: Vec<String>,
    /// The sentence that API servers do not call the webhook for the pod, which opted in.
    pub(crate) not_selected: Option<String>,
}

impl Evaluation {
    /// Returns the value of an annotation.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }

    /// Returns the reason why the pod is not injected.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match &self.decision {
            Decision::Patch(_) => None,
            Decision::Skip(reason) => Some(*reason),
            Decision::Deny(denial) => Some(denial.reason),
        }
    }

    /// Returns the sentence that says why the pod is not injected.
    pub(crate) fn message(&self) -> Option<&str> {
        match &self.decision {
            Decision::Patch(_) => None,
            Decision::Skip(reason) => Some(reason.message()),
            Decision::Deny(denial) => Some(&denial.message),
        }
    }
}

/// Admits a pod of an object.
///
/// # Errors
///
/// Returns an error if the object does not match its kind.
pub(crate) fn admit_pod(manifests: &Manifests, pod: &ObjectPod<'_>) -> Result<Admission<'static>, CliError> {
    let parsed = pod.parse()?;
    let namespace = manifests.namespace(&pod.object);
    let context = manifests.context(namespace, parsed.service_account());
    let mut admission = admit_in(&pod.object, &parsed, &context);
    if let Some(settings) = injected_settings(&admission) {
        let objects = manifests.env_objects.in_namespace(namespace, "");
        let findings = env_from::findings(&parsed, settings, &objects);
        let mut references = env_from::references(&parsed, settings).into_iter();
        let hint = env_from::hint(&parsed, settings).filter(|_| references.all(|one| objects.knows(&one)));
        // With known keys, the findings are exact.
        admission.warnings.retain(|warning| hint.as_ref() != Some(warning));
        admission.warnings.extend(findings);
    }
    admission.warnings.extend(limit_findings(manifests, pod, &admission.decision)?);
    Ok(admission.without_settings())
}

/// Returns the settings of a pod that is or would be injected.
fn injected_settings<'a, 'p>(admission: &'a Admission<'p>) -> Option<&'a Settings<'p>> {
    let is_injected =
        matches!(admission.decision, Decision::Patch(_) | Decision::Skip(Reason::AlreadyInjected));
    admission.settings.as_ref().filter(|_| is_injected)
}

/// Returns a sentence for each limit of the namespace that denies the pod because of the sidecar.
fn limit_findings(
    manifests: &Manifests,
    pod: &ObjectPod<'_>,
    decision: &Decision,
) -> Result<Vec<String>, CliError> {
    let (Some(limits), Decision::Patch(patch)) =
        (manifests.limits(manifests.namespace(&pod.object)), decision)
    else {
        return Ok(Vec::new());
    };
    let before = pod.to_value();
    let mut after = before.clone();
    apply_patch(patch, "", &mut after)?;
    Ok(limits.findings(&before, &after))
}

/// A `ConfigMap` or Secret from which a container with credentials gets variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnvReference {
    pub(crate) kind: ObjectKind,
    pub(crate) name: String,
    pub(crate) optional: bool,
}

/// Returns the objects with keys that could matter for the pods of an object.
///
/// # Errors
///
/// Returns an error if the object does not match its kind.
pub(crate) fn env_references(
    manifests: &Manifests,
    object: &Object<'_>,
) -> Result<Vec<EnvReference>, CliError> {
    let mut references = Vec::new();
    for pod in ObjectPod::all(object)?.pods {
        let parsed = pod.parse()?;
        let context = manifests.context(manifests.namespace(object), parsed.service_account());
        let admission = admit(&parsed, &context);
        let Some(settings) = injected_settings(&admission) else { continue };
        let owned = |Reference { kind, name, optional }: Reference<'_>| EnvReference {
            kind,
            name: name.to_owned(),
            optional,
        };
        references.extend(env_from::references(&parsed, settings).into_iter().map(owned));
    }
    Ok(references)
}

fn admit_in<'a>(object: &Object<'_>, pod: &'a Pod<'_>, context: &Context<'a>) -> Admission<'a> {
    let mut admission = admit(pod, context);
    if let Decision::Deny(denial) = &mut admission.decision
        && matches!(denial.reason, Reason::NoProvider | Reason::NoAwsIdentity)
        && context.service_account.is_none()
    {
        let hint = format!(
            " (Service account {}/{} not found in {}.)",
            context.namespace,
            pod.service_account(),
            object.search_scope()
        );
        denial.message.push_str(&hint);
    }
    admission
}

/// Evaluates every pod of the documents, or only that of `target`.
///
/// # Errors
///
/// Returns an error if there is no such pod, or if an object does not match its kind.
pub(crate) fn evaluate_all<'a>(
    manifests: &'a Manifests,
    target: Option<&ObjectRef>,
) -> Result<Vec<(ObjectPod<'a>, Evaluation)>, CliError> {
    let mut evaluations = Vec::new();
    let mut found = Vec::new();
    for object in manifests.documents.iter().flat_map(Document::objects) {
        let found_pods = ObjectPod::all(&object)?;
        if !found_pods.pods.is_empty() {
            found.push(object.title());
        }
        if target.is_none_or(|target| object.is(target)) && !found_pods.pods.is_empty() {
            let warnings = found_pods.object_warnings()?;
            for pod in found_pods.pods {
                let evaluation = evaluate(manifests, &pod, &warnings)?;
                evaluations.push((pod, evaluation));
            }
        }
    }
    if evaluations.is_empty() {
        let wanted = target.map_or_else(|| "pods and pod templates".to_owned(), ObjectRef::title);
        let found = if found.is_empty() { "no object with a pod".to_owned() } else { found.join(", ") };
        return Err(CliError::NotFound { wanted, found });
    }
    Ok(evaluations)
}

fn evaluate(
    manifests: &Manifests,
    pod: &ObjectPod<'_>,
    object_warnings: &[String],
) -> Result<Evaluation, CliError> {
    let parsed = pod.parse()?;
    let (namespace, service_account) = (manifests.namespace(&pod.object), parsed.service_account());
    let context = manifests.context(namespace, service_account);
    let mut admission = admit_in(&pod.object, &parsed, &context);
    let mut env_findings = Vec::new();
    if let Some(settings) = injected_settings(&admission) {
        let is_in_cluster = pod.object.location == CLUSTER;
        let missing = if is_in_cluster { "not found in the cluster" } else { "not found in these files" };
        let objects = manifests.env_objects.in_namespace(namespace, missing);
        env_findings = env_from::findings(&parsed, settings, &objects);
        let hint = env_from::hint(&parsed, settings);
        admission.warnings.retain(|warning| hint.as_ref() != Some(warning));
    }
    let limit_findings = limit_findings(manifests, pod, &admission.decision)?;
    let networks = |settings: &Settings<'_>| {
        networks_after_sidecar(&parsed, &settings.containers).map(str::to_owned).collect()
    };
    let late_networks = admission.settings.as_ref().map(networks).unwrap_or_default();
    let did_not_opt_in = matches!(admission.decision, Decision::Skip(Reason::NotOptedIn | Reason::OptedOut));
    let not_selected = manifests.not_selected.clone().filter(|_| !did_not_opt_in);
    // A pod that did not opt in is admitted without settings; they are shown nevertheless.
    let settings = match admission.settings.or_else(|| resolve(&parsed, &context).ok()) {
        Some(settings) => settings.entries().collect(),
        None => declared_settings(&parsed, &context).collect(),
    };
    Ok(Evaluation {
        object: pod.title(),
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        decision: admission.decision,
        warnings: [&*admission.warnings, object_warnings].concat(),
        settings,
        env_findings,
        limit_findings,
        late_networks,
        not_selected,
    })
}

/// An operation of the webhook's patches.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum PatchOperation {
    Add { path: String, value: OrderedValue },
    Replace { path: String, value: OrderedValue },
    Remove { path: String },
    Move { from: String, path: String },
}

/// Applies a patch to the pod at a JSON pointer.
///
/// # Errors
///
/// Returns an error if the patch does not match the pod.
pub(crate) fn apply_patch(patch: &Patch, pod_pointer: &str, root: &mut OrderedValue) -> Result<(), CliError> {
    let operations: Vec<PatchOperation> =
        serde_json::from_str(patch.as_json()).map_err(|error| CliError::Format(error.to_string()))?;
    for operation in operations {
        let (PatchOperation::Add { path, .. }
        | PatchOperation::Replace { path, .. }
        | PatchOperation::Remove { path }
        | PatchOperation::Move { path, .. }) = &operation;
        let pointer = format!("{pod_pointer}{path}");
        let applied = match operation {
            PatchOperation::Add { value, .. } => root.add(&pointer, value),
            PatchOperation::Replace { value, .. } => {
                root.pointer_mut(&pointer).map(|existing| *existing = value)
            }
            PatchOperation::Remove { .. } => root.remove(&pointer).map(drop),
            PatchOperation::Move { from, .. } => {
                root.remove(&format!("{pod_pointer}{from}")).and_then(|value| root.add(&pointer, value))
            }
        };
        applied.ok_or_else(|| {
            CliError::Format(format!("failed to apply the patch: {pointer} does not exist"))
        })?;
    }
    Ok(())
}
