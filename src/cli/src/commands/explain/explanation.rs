//! The explanation of one pod, as programs read it.

use rolebridge_inject::settings::ResolvedSetting;
use rolebridge_inject::{Decision, Origin, Reason};
use serde::Serialize;

use crate::admission::{Evaluation, apply_patch};
use crate::cluster::exchanges::Exchanges;
use crate::commands::explain::additions::Additions;
use crate::error::CliError;
use crate::input::object_pod::ObjectPod;
use crate::input::ordered_value::OrderedValue;

/// The explanation of one pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// The object's kind and name: `Deployment/batch`.
    pub(crate) object: String,
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    pub(crate) outcome: Outcome,
    /// The reason code if the pod is not injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// The sentence for the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    pub(crate) warnings: Vec<String>,
    /// The resolved settings, or the declared ones if they are invalid.
    pub(crate) settings: Vec<Row>,
    /// The number of pods that the object asks for at a time, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<u64>,
    /// The exchanges of each pod at Google STS, if it makes any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exchanges: Option<Exchanges>,
    /// The additions that the injection makes, or has made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additions: Option<Additions>,
}

/// The outcome of the admission of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Injected,
    Skipped,
    Denied,
}

impl Outcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::Skipped => "skipped",
            Self::Denied => "denied",
        }
    }
}

/// A setting with its origin.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) annotation: &'static str,
    pub(crate) value: String,
    pub(crate) from: &'static str,
}

impl From<ResolvedSetting> for Row {
    fn from(setting: ResolvedSetting) -> Self {
        let from = match setting.origin {
            Origin::Pod => "pod",
            Origin::ServiceAccount => "service account",
            Origin::Namespace => "namespace",
            Origin::Defaults => "chart",
            Origin::BuiltIn => "default",
        };
        Self { annotation: setting.key, value: setting.value, from }
    }
}

impl Explanation {
    /// Explains the evaluation of a pod.
    ///
    /// # Errors
    ///
    /// Returns an error if the patch does not match the pod.
    pub(crate) fn new(pod: &ObjectPod<'_>, evaluation: Evaluation) -> Result<Self, CliError> {
        let (reason, message) = (evaluation.reason(), evaluation.message().map(ToOwned::to_owned));
        let before = pod.to_value();
        let (outcome, injected) = match &evaluation.decision {
            Decision::Patch(patch) => {
                let mut after = before.clone();
                apply_patch(patch, "", &mut after)?;
                (Outcome::Injected, Some(after))
            }
            Decision::Skip(Reason::AlreadyInjected) => (Outcome::Skipped, Some(before.clone())),
            Decision::Skip(_) => (Outcome::Skipped, None),
            Decision::Deny(_) => (Outcome::Denied, None),
        };
        let additions = injected.as_ref().map(|after| match outcome {
            Outcome::Injected => Additions::diff(&before, after),
            Outcome::Skipped | Outcome::Denied => Additions::from_injected(after),
        });
        let Evaluation { object, namespace, service_account, mut warnings, settings, .. } = evaluation;
        warnings.splice(0..0, evaluation.not_selected);
        warnings.extend(evaluation.env_findings);
        warnings.extend(evaluation.limit_findings);
        Ok(Self {
            object,
            namespace,
            service_account,
            outcome,
            reason: reason.map(Reason::code),
            message,
            warnings,
            settings: settings.into_iter().map(Row::from).collect(),
            replicas: pod.replicas(),
            exchanges: injected.as_ref().and_then(exchanges),
            additions,
        })
    }
}

/// Returns the exchanges of an injected pod. A template may have fields that only its own kind knows, so it need not be a pod.
fn exchanges(pod: &OrderedValue) -> Option<Exchanges> {
    let pod = serde_json::to_value(pod).ok()?;
    Exchanges::of(&serde_json::from_value(pod).ok()?)
}
