//! What is seen of a pod from outside: whether it runs, was injected, has a sidecar that runs.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client};
use rolebridge_contract::annotations::{INJECT, PREFIX};
use rolebridge_contract::doctor::{Facts, Hop, Outcome, Step};
use rolebridge_contract::pod::{CONFIG_VOLUME, CONTAINER, PROGRAM};
use serde::Deserialize;

use super::mend::Mend;
use super::patient::step;
use crate::cluster::answer;
use crate::explain::Explanation;
use crate::failure::Failure;
use crate::owner::Owner;

/// What the webhook would do now.
pub(super) struct Decided {
    pub(super) explanation: Explanation,
    /// The sidecar's image that it injects.
    pub(super) image: String,
}

/// What of the pod is ours.
pub(super) struct Seen<'a> {
    pub(super) container: Option<&'a Container>,
    /// The first container that gets credentials.
    pub(super) app: Option<&'a Container>,
    status: Option<&'a ContainerStatus>,
    has_configuration: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn of(pod: &'a Pod) -> Self {
        let spec = pod.spec.as_ref();
        let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
        let volumes = spec.and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
        let status = pod.status.as_ref().and_then(|status| status.init_container_statuses.as_deref());
        let is_ours = |container: &&Container| {
            container.name == CONTAINER
                && container.command.as_ref().is_some_and(|command| command.iter().eq([PROGRAM]))
        };
        Self {
            container: init.iter().find(is_ours),
            app: spec.and_then(|spec| spec.containers.iter().find(|container| gets_credentials(container))),
            status: status.unwrap_or_default().iter().find(|status| status.name == CONTAINER),
            has_configuration: volumes.iter().any(|volume| volume.name == CONFIG_VOLUME.name),
        }
    }

    pub(super) const fn is_injected(&self) -> bool {
        self.container.is_some() || self.has_configuration
    }

    /// The identity `kubernetes` needs none, unless a source does.
    pub(super) const fn needs_no_sidecar(&self) -> bool {
        self.container.is_none() && self.has_configuration
    }

    pub(super) fn runs(&self) -> bool {
        self.state().is_some_and(|state| state.running.is_some())
    }

    fn state(&self) -> Option<&k8s_openapi::api::core::v1::ContainerState> {
        self.status.filter(|_| self.container.is_some())?.state.as_ref()
    }

    /// How the sidecar's container is.
    pub(super) fn sidecar(&self, decided: Option<&Decided>) -> Step {
        let Some(container) = self.container else {
            let sentence = "none is needed: the kubelet itself keeps the token";
            return step(Hop::Sidecar, Outcome::Ok, sentence);
        };
        let image = container.image.as_deref().unwrap_or("no image");
        let Some(state) = self.state() else {
            return step(Hop::Sidecar, Outcome::Failed, "the kubelet has not begun it yet");
        };
        if let Some(waiting) = &state.waiting {
            let (reason, message) = (waiting.reason.as_deref(), waiting.message.as_deref());
            let sentence = [
                format!("it does not run: {}", reason.unwrap_or("no reason given")),
                message.map(|message| format!(": {message}")).unwrap_or_default(),
                self.last_words().map(|words| format!(". Before: {words}")).unwrap_or_default(),
            ];
            return step(Hop::Sidecar, Outcome::Failed, sentence.concat());
        }
        if let Some(ended) = &state.terminated {
            let said = ended.message.as_deref().map(|said| format!(": {}", said.trim())).unwrap_or_default();
            let outcome = if ended.exit_code == 0 { Outcome::Ok } else { Outcome::Failed };
            return step(Hop::Sidecar, outcome, format!("it has ended with code {}{said}", ended.exit_code));
        }
        let other = decided.map(|decided| decided.image.as_str()).filter(|other| *other != image);
        let restarts = self.status.map_or(0, |status| status.restart_count);
        match (other, self.last_words()) {
            (Some(other), _) => step(
                Hop::Sidecar,
                Outcome::Warning,
                format!("it runs {image}; a pod that is made now gets {other}"),
            ),
            (None, Some(words)) if restarts > 0 => step(
                Hop::Sidecar,
                Outcome::Warning,
                format!("it runs {image}, restarted {restarts} times, the last time after: {words}"),
            ),
            _ => step(Hop::Sidecar, Outcome::Ok, format!("it runs {image}")),
        }
    }

    /// Why it ended the last time.
    fn last_words(&self) -> Option<String> {
        let ended = self.status?.last_state.as_ref()?.terminated.as_ref()?;
        let reason = ended.reason.as_deref().unwrap_or("no reason given");
        let said = ended.message.as_deref().map(|said| format!(": {}", said.trim())).unwrap_or_default();
        Some(format!("{reason}, code {}{said}", ended.exit_code))
    }
}

fn gets_credentials(container: &Container) -> bool {
    container.volume_mounts.iter().flatten().any(|mount| mount.name == CONFIG_VOLUME.name)
}

pub(super) fn service_account(pod: &Pod) -> &str {
    let named = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
    named.unwrap_or("default")
}

pub(super) fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref())
}

pub(super) fn has_ended(pod: &Pod) -> bool {
    ["Succeeded", "Failed"].contains(&phase(pod))
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("unknown")
}

/// Whether the pod itself runs.
pub(super) fn pod(pod: &Pod) -> Step {
    let (phase, account) = (phase(pod), service_account(pod));
    match node(pod) {
        _ if has_ended(pod) => {
            let sentence = format!("it has ended ({phase}); its hops can be tried in a pod that runs");
            step(Hop::Pod, Outcome::Warning, sentence)
        }
        None => {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
            let conditions = conditions.unwrap_or_default();
            let why = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
            let why = why.and_then(|condition| condition.message.as_deref()).unwrap_or("no reason given");
            step(Hop::Pod, Outcome::Failed, format!("it is on no node: {why}"))
        }
        Some(node) => step(
            Hop::Pod,
            Outcome::Ok,
            format!("{phase} on the node {node}, as the service account {account}"),
        ),
    }
}

/// Whether it was injected; if not why, and what mends that.
pub(super) fn injection(
    pod: &Pod,
    seen: &Seen<'_>,
    decided: Result<&Decided, &Failure>,
) -> (Step, Option<Mend>) {
    let say = |outcome, sentence: String| step(Hop::Injection, outcome, sentence);
    if seen.is_injected() {
        let Status { version, warnings } = Status::of(pod);
        let by =
            version.map_or_else(|| "it is injected".to_owned(), |version| format!("by version {version}"));
        return match warnings.join(" ") {
            none if none.is_empty() => (say(Outcome::Ok, by), None),
            warnings => (say(Outcome::Warning, format!("{by}, with a warning: {warnings}")), None),
        };
    }
    match decided.map(|decided| &decided.explanation) {
        Ok(explanation) if explanation.outcome == "injected" => {
            let sentence = "it is not injected, and would be if it were made now: it was made before it or its \
                            namespace opted in, or while the webhook could not be reached";
            let renewal = Owner::of(pod).renewal(namespace(pod));
            let words =
                format!("make the pod anew, since the webhook sees pods only when they are made: {renewal}.");
            (say(Outcome::Failed, sentence.to_owned()), Some(Mend::new(words, "")))
        }
        Ok(explanation) => {
            let why = explanation.message.as_deref().unwrap_or_default();
            let mend = (explanation.reason == Some("not-opted-in")).then(|| {
                Mend::new(
                    "opt in on the pod's template, where its controller makes pods of it:",
                    format!("metadata:\n  annotations:\n    {INJECT}: \"true\""),
                )
            });
            let explain = Mend::new(
                "mend what the sentence names, then make the pod anew. Each setting and where it comes from:",
                format!("rolebridge explain pod/{} -n {}", name(pod), namespace(pod)),
            );
            (say(Outcome::Failed, format!("it is not injected. {why}")), Some(mend.unwrap_or(explain)))
        }
        Err(failure) => {
            let sentence =
                format!("it is not injected; what would become of it now cannot be told ({failure})");
            let words = "see what is set where, on the pod, its service account and its namespace:";
            let command = format!("kubectl -n {} get pod {} -o yaml", namespace(pod), name(pod));
            (say(Outcome::Failed, sentence), Some(Mend::new(words, command)))
        }
    }
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("POD")
}

fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

/// What the webhook wrote on the pod.
#[derive(Default, Deserialize)]
struct Status {
    version: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

impl Status {
    fn of(pod: &Pod) -> Self {
        let annotations = pod.metadata.annotations.as_ref();
        let status = annotations.and_then(|annotations| annotations.get(&format!("{PREFIX}status")));
        status.and_then(|status| serde_json::from_str(status).ok()).unwrap_or_default()
    }
}

/// Who signs the pod's tokens, for those who register it by hand.
pub(super) async fn issuer(client: &Client, pod: &Pod) -> Step {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }
    let asked = http::Request::get("/.well-known/openid-configuration").body(Vec::new());
    let found = match asked.map_err(|error| error.to_string()) {
        Ok(request) => answer("the cluster's issuer", client.request::<Discovery>(request))
            .await
            .map_err(|failure| failure.to_string()),
        Err(error) => Err(error),
    };
    match found {
        Ok(Discovery { issuer }) => {
            let subject = format!("system:serviceaccount:{}:{}", namespace(pod), service_account(pod));
            let sentence = format!("{issuer}; the pod's tokens name {subject}");
            let facts = Facts { issuer: Some(issuer), subject: Some(subject), ..Facts::default() };
            Step { facts, ..step(Hop::Issuer, Outcome::Ok, sentence) }
        }
        Err(why) => step(Hop::Issuer, Outcome::Warning, why),
    }
}

/// Which policies limit where the pod may connect to.
pub(super) async fn network_policies(client: &Client, namespace: &str, pod: &Pod) -> Step {
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    let what = format!("the NetworkPolicies of the namespace {namespace}");
    let list = match answer(&what, policies.list(&ListParams::default())).await {
        Ok(list) => list,
        Err(failure) => return step(Hop::NetworkPolicies, Outcome::Warning, failure.to_string()),
    };
    let selecting: Vec<_> = list.iter().filter(|policy| limits(policy, pod)).collect();
    let names: Vec<_> = selecting.iter().filter_map(|policy| policy.metadata.name.as_deref()).collect();
    if names.is_empty() {
        let sentence = "no NetworkPolicy limits where the pod may connect to";
        return step(Hop::NetworkPolicies, Outcome::Ok, sentence);
    }
    let sentence = format!("where the pod may connect to is limited by {}", names.join(", "));
    step(Hop::NetworkPolicies, Outcome::Warning, sentence)
}

fn limits(policy: &NetworkPolicy, pod: &Pod) -> bool {
    let Some(spec) = &policy.spec else { return false };
    // Without types a policy is of egress only if it has such rules.
    let is_of_egress = spec
        .policy_types
        .as_ref()
        .map_or(spec.egress.is_some(), |types| types.iter().any(|kind| kind == "Egress"));
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let selector = spec.pod_selector.clone().map_or_else(|| Ok(Selector::default()), Selector::try_from);
    is_of_egress && selector.is_ok_and(|selector| selector.matches(&labels))
}
