//! Classifies a pod that opted in, by the decision of the webhook's engine and the kubelet's status.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use rolebridge_core::env::sidecar::HTTPS_PROXY;
use rolebridge_core::redact::redact_userinfo;
use rolebridge_inject::{Context, Decision, OptIn, Reason, Settings, admit};

use crate::cluster::pod::{
    env_value, has_finished, last_termination, sidecar, sidecar_status, waiting_message,
};
use crate::commands::check::opt_in_time::OptInTime;
use crate::image_ref;

/// The time that a sidecar may need for its first token.
const STARTUP_TIME: SignedDuration = SignedDuration::from_secs(60);

/// The state of a pod that opted in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodState {
    /// The pod is injected, but may have issues.
    Injected {
        issues: Vec<PodIssue>,
        /// The sidecar's image if new pods get the same version of another one.
        other_image: Option<String>,
    },
    /// The pod is skipped: only its namespace opted it in, and a prerequisite is missing.
    Skipped(Reason),
    /// The pod is not injected, but would be now.
    Missed(OptInTime),
    /// The pod is not injected and would be denied now, with this message.
    Denied(String),
    /// The pod is not injected, because the configurations exclude it.
    Excluded,
}

/// An issue of an injected pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodIssue {
    /// The pod would be denied if it were recreated, with this message.
    WouldBeDenied(String),
    /// The pod's sidecar has this image; new pods get another version.
    OtherVersion(String),
    /// The pod's sidecar has another proxy than new pods get.
    OtherProxy(ProxyChange),
    /// The sidecar has no token, with the message of the kubelet or the sidecar.
    NotReady(Option<String>),
}

/// A difference between the proxy of a sidecar and that of new pods. Users and passwords are redacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProxyChange {
    pub(crate) found: Option<String>,
    pub(crate) new: Option<String>,
}

impl ProxyChange {
    /// Returns the difference, if there is one.
    fn of(sidecar: &Container, settings: &Settings<'_>) -> Option<Self> {
        let found = env_value(sidecar, HTTPS_PROXY);
        let new = settings.sidecar.https_proxy.as_ref().map(|proxy| &*proxy.value);
        let [found, new] = [found, new].map(|url| url.map(|url| redact_userinfo(url).into_owned()));
        (found != new).then_some(Self { found, new })
    }
}

/// The facts that decide about a pod, in addition to the pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodContext<'a> {
    pub(crate) context: Context<'a>,
    /// True if the service accounts and the defaults could be read.
    pub(crate) is_complete: bool,
    /// True if the configurations exclude the pod, by its namespace or its labels.
    pub(crate) is_excluded: bool,
    /// The sidecar image that new pods get, if it could be read.
    pub(crate) image: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// Classifies a pod. Returns `None` for a pod that did not opt in, or that has finished.
pub(crate) fn classify(
    pod: &Pod,
    view: &rolebridge_inject::Pod<'_>,
    context: &PodContext<'_>,
) -> Option<PodState> {
    if has_finished(pod) || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    if context.is_excluded && view.opted_in_by(&context.context) == Ok(Some(OptIn::Namespace)) {
        return None; // There is one finding for an excluded namespace, and the labels of its pods were selected on purpose.
    }
    let sidecar = sidecar(pod);
    let admission = admit(view, &context.context);
    let is_uncertain = admission.depends_on_metadata.any() && !context.is_complete;
    Some(match (admission.decision, sidecar) {
        (Decision::Skip(Reason::OptedOut | Reason::NotOptedIn | Reason::MirrorPod), _) => return None,
        (Decision::Skip(Reason::AlreadyInjected), None) => {
            PodState::Injected { issues: Vec::new(), other_image: None }
        }
        (Decision::Skip(Reason::AlreadyInjected) | Decision::Patch(_), Some(sidecar)) => {
            let proxy = admission.settings.and_then(|settings| ProxyChange::of(sidecar, &settings));
            let proxy = proxy.filter(|_| context.is_complete).map(PodIssue::OtherProxy);
            injected(pod, sidecar, context, proxy)
        }
        (Decision::Deny(denial), Some(sidecar)) if denial.reason != Reason::Clash => {
            let denied = (!is_uncertain).then_some(PodIssue::WouldBeDenied(denial.message));
            injected(pod, sidecar, context, denied)
        }
        // The pod was injected before a prerequisite was removed that only a namespace's opt-in tolerates.
        (Decision::Skip(_), Some(sidecar)) => injected(pod, sidecar, context, None),
        _ if context.is_excluded => PodState::Excluded,
        (Decision::Skip(reason), None) => PodState::Skipped(reason),
        (Decision::Deny(denial), _) if denial.depends_on_metadata.any() && !context.is_complete => {
            PodState::Missed(OptInTime::of(pod))
        }
        (Decision::Deny(denial), _) => PodState::Denied(denial.message),
        (Decision::Patch(_), None) => PodState::Missed(OptInTime::of(pod)),
    })
}

/// Returns the state of an injected pod with a sidecar.
fn injected(pod: &Pod, sidecar: &Container, context: &PodContext<'_>, issue: Option<PodIssue>) -> PodState {
    // The pod's spec has the image that runs. An annotation could state any.
    let image = sidecar.image.as_deref().unwrap_or_default();
    let new_image = context.image.filter(|new| *new != image);
    let has_other_version = new_image.is_some_and(|new| image_ref::version(new) != image_ref::version(image));
    let other_version = has_other_version.then(|| PodIssue::OtherVersion(image.to_owned()));
    PodState::Injected {
        issues: issue.into_iter().chain(other_version).chain(not_ready(pod, context.now)).collect(),
        other_image: new_image.filter(|_| !has_other_version).map(|_| image.to_owned()),
    }
}

/// Returns an issue if the sidecar should have a token by now.
fn not_ready(pod: &Pod, now: Timestamp) -> Option<PodIssue> {
    let status = sidecar_status(pod)?;
    if status.started == Some(true) && status.ready {
        return None;
    }
    let message = failure_message(status);
    let start_time = pod.status.as_ref()?.start_time.as_ref()?.0;
    (message.is_some() || now.duration_since(start_time) > STARTUP_TIME)
        .then_some(PodIssue::NotReady(message))
}

/// Returns the termination message of a container's previous run, which it wrote itself, or the reason why it waits.
fn failure_message(status: &ContainerStatus) -> Option<String> {
    if let Some(message) = last_termination(status).and_then(|terminated| terminated.message.as_deref()) {
        return Some(format!("The sidecar states: {}", message.trim()));
    }
    let reason = status.state.as_ref()?.waiting.as_ref()?.reason.as_deref()?;
    let is_starting = ["PodInitializing", "ContainerCreating"].contains(&reason);
    let message = waiting_message(status).filter(|_| !is_starting)?;
    Some(format!("The kubelet states: {message}"))
}
