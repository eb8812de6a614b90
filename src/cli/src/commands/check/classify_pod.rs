//! What is to be said of one pod: decided by the webhook's engine and by what the kubelet reports.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use rolebridge_core::pod_names::CONTAINER;
use rolebridge_inject::{Context, Decision, OptIn, Reason, admit};

use crate::commands::check::opt_in_time::OptInTime;
use crate::image_ref;

/// A sidecar that has no token yet may still be on its way to the first.
const START: SignedDuration = SignedDuration::from_secs(60);

/// What a pod is, among those that opted in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodState {
    /// Injected, with what is wrong nevertheless.
    Injected(Vec<PodIssue>),
    /// Passed, since it lacks something that only its namespace wanted it to have.
    LeftAlone(Reason),
    /// Not injected, though it would be now.
    Missed(OptInTime),
    /// Not injected, and it would be refused now: why.
    Refused(String),
    /// Not injected, and never: its namespace is left out.
    Excluded,
}

/// What is wrong with an injected pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodIssue {
    /// Made anew it would be refused: why.
    WouldBeRefused(String),
    /// It has this image; new pods get another one.
    OtherVersion(String),
    /// The sidecar has no token: in whose words, if in anybody's.
    NotReady(Option<String>),
}

/// What decides about a pod, beside the pod.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodContext<'a> {
    pub(crate) context: Context<'a>,
    /// Whether its service account and the platform team's document could be read.
    pub(crate) is_whole: bool,
    /// Whether the configurations leave its namespace out.
    pub(crate) excluded: bool,
    /// The sidecar's image in new pods, as far as it could be read.
    pub(crate) image: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// `None` for a pod that nobody opted in, or that has ended.
pub(crate) fn classify(
    pod: &Pod,
    view: &rolebridge_inject::Pod<'_>,
    around: &PodContext<'_>,
) -> Option<PodState> {
    if has_ended(pod) {
        return None;
    }
    let by = view.opted_in_by(&around.context);
    if around.excluded && by == Ok(Some(OptIn::Namespace)) {
        return None; // Of the namespace it is said once.
    }
    let sidecar = sidecar(pod);
    let admission = admit(view, &around.context);
    let unknown = admission.depends_on_metadata && !around.is_whole;
    Some(match (admission.decision, sidecar) {
        (Decision::Skip(Reason::OptedOut | Reason::NotOptedIn | Reason::MirrorPod), _) => return None,
        (Decision::Skip(Reason::AlreadyInjected), None) => PodState::Injected(Vec::new()),
        (Decision::Skip(Reason::AlreadyInjected) | Decision::Patch(_), Some(sidecar)) => {
            PodState::Injected(faults(pod, sidecar, around).collect())
        }
        (Decision::Deny(refusal), Some(sidecar)) if refusal.reason != Reason::Clash => {
            let refused = (!unknown).then_some(PodIssue::WouldBeRefused(refusal.message));
            PodState::Injected(refused.into_iter().chain(faults(pod, sidecar, around)).collect())
        }
        // A lack that only a namespace's opt-in overlooks, of a pod that nevertheless has a sidecar from before.
        (Decision::Skip(_), Some(sidecar)) => PodState::Injected(faults(pod, sidecar, around).collect()),
        _ if around.excluded => PodState::Excluded,
        (Decision::Skip(reason), None) => PodState::LeftAlone(reason),
        (Decision::Deny(refusal), _) if refusal.depends_on_metadata && !around.is_whole => {
            PodState::Missed(OptInTime::of(pod))
        }
        (Decision::Deny(refusal), _) => PodState::Refused(refusal.message),
        (Decision::Patch(_), None) => PodState::Missed(OptInTime::of(pod)),
    })
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_some() || matches!(phase, Some("Succeeded" | "Failed"))
}

fn sidecar(pod: &Pod) -> Option<&Container> {
    let init = pod.spec.as_ref()?.init_containers.as_deref()?;
    init.iter().find(|container| container.name == CONTAINER)
}

fn faults(pod: &Pod, sidecar: &Container, around: &PodContext<'_>) -> impl Iterator<Item = PodIssue> {
    let image = sidecar.image.as_deref().unwrap_or_default();
    let other = around.image.filter(|new| image_ref::version(new) != image_ref::version(image));
    let not_ready = not_ready(pod, around.now);
    other.map(|_| PodIssue::OtherVersion(image.to_owned())).into_iter().chain(not_ready)
}

/// A sidecar that ought to have a token by now.
fn not_ready(pod: &Pod, now: Timestamp) -> Option<PodIssue> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_deref()?;
    let status = statuses.iter().find(|status| status.name == CONTAINER)?;
    if status.started == Some(true) && status.ready {
        return None;
    }
    let words = words(status);
    let since = pod.status.as_ref()?.start_time.as_ref()?.0;
    (words.is_some() || now.duration_since(since) > START).then_some(PodIssue::NotReady(words))
}

/// What the kubelet says of a container that does not run, or the container said when it ended.
fn words(status: &ContainerStatus) -> Option<String> {
    let ended = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    if let Some(message) = ended.and_then(|ended| ended.message.as_deref()) {
        return Some(message.trim().to_owned());
    }
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting
        .reason
        .as_deref()
        .filter(|reason| !["PodInitializing", "ContainerCreating"].contains(reason))?;
    let message = waiting.message.as_deref();
    Some(message.map_or_else(|| reason.to_owned(), |message| format!("{reason}, {message}")))
}
