//! The finding for each problem of pods.

use rolebridge_core::annotations::HTTPS_PROXY;

use crate::commands::check::aggregate::{OwnerRef, PodGroup, PodProblem};
use crate::commands::check::classify_pod::{PodIssue, ProxyChange};
use crate::commands::check::finding::{Check, Finding, Severity, as_sentence};
use crate::commands::check::opt_in_time::OptInTime;
use crate::output::quote::shell;

/// Returns the finding for the pods of an owner. `probe_message` is the last probe message of one of their sidecars.
pub(super) fn finding(
    problem: &PodProblem,
    owner: &OwnerRef,
    group: &PodGroup,
    probe_message: Option<&str>,
) -> Finding {
    let phrasing = Phrasing::new(owner, group);
    let (check, severity, message) = match problem {
        PodProblem::Issue(issue) => issue_message(issue, &phrasing, probe_message),
        PodProblem::Missed(time) => (Check::Injection, Severity::Error, missed_message(*time, &phrasing)),
        PodProblem::Denied(reason) => (Check::Injection, Severity::Error, denied_message(reason, &phrasing)),
        PodProblem::Excluded => (Check::Injection, Severity::Warning, excluded_message(&phrasing)),
    };
    let OwnerRef { namespace, owner } = owner;
    let object = format!("{}/{namespace}/{}", owner.kind, owner.name);
    Finding::new(check, severity, object, message).about_pods(group.count)
}

/// Parts of messages that depend on the number of pods.
struct Phrasing<'a> {
    /// The subject of a message's first sentence.
    pods: String,
    namespace: &'a str,
    example: &'a str,
    restart_hint: String,
    is_singular: bool,
}

impl<'a> Phrasing<'a> {
    fn new(OwnerRef { namespace, owner }: &'a OwnerRef, group: &'a PodGroup) -> Self {
        let PodGroup { count, example } = group;
        let pods = match count {
            _ if owner.kind == "Pod" => "It".to_owned(),
            1 => format!("Its pod {example}"),
            count => format!("{count} of its pods, for example {example},"),
        };
        let restart_hint = owner.restart_hint(namespace);
        Self { pods, namespace, example, restart_hint, is_singular: *count == 1 }
    }

    /// Returns the form of a verb or pronoun.
    fn form(&self, singular: &'static str, plural: &'static str) -> &'static str {
        if self.is_singular { singular } else { plural }
    }
}

fn missed_message(time: OptInTime, phrasing: &Phrasing<'_>) -> String {
    let Phrasing { pods, restart_hint, .. } = phrasing;
    let (were, they) = (phrasing.form("was", "were"), phrasing.form("it", "they"));
    let causes = "(no configuration, or no ready replica and failurePolicy: Ignore)";
    let cause = match time {
        OptInTime::AfterCreation => {
            format!("{they} opted in after {they} {were} created, and only new pods are injected")
        }
        OptInTime::AtCreation => {
            format!("API servers did not call the webhook when {they} {were} created {causes}")
        }
        OptInTime::Unknown => {
            format!(
                "{they} {were} created before {they} opted in, or while API servers did not call the webhook {causes}"
            )
        }
    };
    format!("{pods} opted in but {were} not injected: {cause}. Fix: {restart_hint}.")
}

fn denied_message(reason: &str, phrasing: &Phrasing<'_>) -> String {
    let Phrasing { pods, restart_hint, .. } = phrasing;
    let (were, reason) = (phrasing.form("was", "were"), as_sentence(reason));
    format!(
        "{pods} opted in but {were} not injected, and would now be denied: {reason} Fix: correct that, then {restart_hint}."
    )
}

fn excluded_message(phrasing: &Phrasing<'_>) -> String {
    let Phrasing { pods, namespace, .. } = phrasing;
    let (it, is) = (phrasing.form("it", "them"), phrasing.form("it is", "they are"));
    format!(
        "{pods} opted in, but the webhook configuration does not select {it} in the namespace {namespace} \
         (admission.excludedNamespaces, admission.namespaceSelector, admission.objectSelector, or the webhook's own), so {is} \
         not injected."
    )
}

fn issue_message(
    issue: &PodIssue,
    phrasing: &Phrasing<'_>,
    probe_message: Option<&str>,
) -> (Check, Severity, String) {
    let Phrasing { pods, namespace, example, restart_hint, .. } = phrasing;
    let have = phrasing.form("has", "have");
    match issue {
        PodIssue::WouldBeDenied(reason) => (
            Check::Injection,
            Severity::Warning,
            format!(
                "{pods} {} injected, but would be denied if recreated: {}",
                phrasing.form("is", "are"),
                as_sentence(reason)
            ),
        ),
        PodIssue::OtherVersion(image) => (
            Check::SidecarVersion,
            Severity::Warning,
            format!(
                "{pods} {have} the sidecar {image}; new pods get a different version. Fix (not urgent): {restart_hint}."
            ),
        ),
        PodIssue::OtherProxy(change) => {
            (Check::SidecarProxy, Severity::Warning, proxy_message(change, phrasing))
        }
        PodIssue::NotReady(message) => {
            let log_hint = || {
                format!(
                    "To find the cause, run `kubectl --namespace {} logs {} --container rolebridge`",
                    shell(namespace),
                    shell(example)
                )
            };
            let cause = message.as_deref().or(probe_message).map_or_else(log_hint, ToOwned::to_owned);
            let message = format!("{pods} {have} a sidecar without a token. {}", as_sentence(&cause));
            (Check::SidecarReady, Severity::Error, message)
        }
    }
}

fn proxy_message(change: &ProxyChange, phrasing: &Phrasing<'_>) -> String {
    let Phrasing { pods, namespace, .. } = phrasing;
    let [found, new] = [&change.found, &change.new].map(|proxy| proxy.as_deref().unwrap_or("no proxy"));
    let uses = phrasing.form("uses", "use");
    let fix = match &change.found {
        Some(_) => {
            let need = phrasing.form("it needs", "they need");
            format!(
                "if {need} {found}, set {HTTPS_PROXY} on the namespace {namespace}, or https-proxy in the chart's defaults"
            )
        }
        None => format!("check that {new} forwards requests to AWS and Google"),
    };
    format!("{pods} {uses} {found}, but new pods get {new}. Fix: {fix}.")
}
