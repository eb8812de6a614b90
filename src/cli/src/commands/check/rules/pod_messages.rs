//! A sentence for each trouble that pods have.

use super::as_sentence;
use crate::commands::check::aggregate::{OwnerRef, PodProblem, Pods};
use crate::commands::check::classify_pod::PodIssue;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::opt_in_time::OptInTime;

/// What is to be said of an owner's pods, and what one of them said itself.
pub(super) fn sentence(
    trouble: &PodProblem,
    whose: &OwnerRef,
    pods: &Pods,
    said: Option<&String>,
) -> Finding {
    let OwnerRef { namespace, owner } = whose;
    let object = format!("{}/{namespace}/{}", owner.kind, owner.name);
    let words = Phrasing::of(whose, pods);
    let (check, severity, message) = match trouble {
        PodProblem::Issue(fault) => of_injected(fault, &words, said),
        PodProblem::Missed(since) => (Check::Injection, Severity::Error, missed(*since, &words)),
        PodProblem::Refused(why) => (Check::Injection, Severity::Error, refused(why, &words)),
        PodProblem::Excluded => (Check::Injection, Severity::Warning, excluded(&words)),
    };
    Finding::new(check, severity, object, message)
}

/// Phrasing that fit one pod or several.
struct Phrasing<'a> {
    some: String,
    namespace: &'a str,
    example: &'a str,
    renewal: String,
    is_one: bool,
}

impl<'a> Phrasing<'a> {
    fn of(OwnerRef { namespace, owner }: &'a OwnerRef, pods: &'a Pods) -> Self {
        let Pods { count, example } = pods;
        let some = match count {
            _ if owner.kind == "Pod" => "It".to_owned(),
            1 => format!("Its pod {example}"),
            count => format!("{count} of its pods, such as {example},"),
        };
        Self { some, namespace, example, renewal: owner.restart_hint(namespace), is_one: *count == 1 }
    }

    fn verb(&self, one: &'static str, several: &'static str) -> &'static str {
        if self.is_one { one } else { several }
    }
}

fn missed(since: OptInTime, words: &Phrasing<'_>) -> String {
    let Phrasing { some, renewal, .. } = words;
    let (were, they) = (words.verb("was", "were"), words.verb("it", "they"));
    let nobody = "(no configuration, or no replica and failurePolicy: Ignore)";
    let why = match since {
        OptInTime::AfterCreation => {
            format!("{they} opted in after {they} {were} made, and only a new pod is injected")
        }
        OptInTime::AtCreation => {
            format!("API servers did not ask the webhook when {they} {were} made {nobody}")
        }
        OptInTime::Unknown => {
            format!("made before {they} opted in, or while API servers did not ask the webhook {nobody}")
        }
    };
    format!("{some} opted in and {were} not injected: {why}. To mend: {renewal}.")
}

fn refused(why: &str, words: &Phrasing<'_>) -> String {
    let Phrasing { some, renewal, .. } = words;
    let were = words.verb("was", "were");
    let why = as_sentence(why);
    format!(
        "{some} opted in and {were} not injected, and would be refused now: {why} To mend: that, then {renewal}."
    )
}

fn excluded(words: &Phrasing<'_>) -> String {
    let Phrasing { some, namespace, .. } = words;
    format!(
        "{some} opted in, and the configuration leaves the namespace {namespace} out (admission.excludedNamespaces, and          the webhook's own), so no pod there is injected."
    )
}

fn of_injected(fault: &PodIssue, words: &Phrasing<'_>, said: Option<&String>) -> (Check, Severity, String) {
    let Phrasing { some, namespace, example, renewal, .. } = words;
    let have = words.verb("has", "have");
    match fault {
        PodIssue::WouldBeRefused(why) => (
            Check::Injection,
            Severity::Warning,
            format!(
                "{some} {} injected, but made anew {} would be refused: {}",
                words.verb("is", "are"),
                words.verb("it", "they"),
                as_sentence(why)
            ),
        ),
        PodIssue::OtherVersion(image) => (
            Check::SidecarVersion,
            Severity::Warning,
            format!(
                "{some} {have} the sidecar {image}, and new pods get another. To mend, when it suits: {renewal}."
            ),
        ),
        PodIssue::NotReady(kubelet) => {
            let log = || {
                format!("`kubectl --namespace {namespace} logs {example} --container rolebridge` says why")
            };
            let why = kubelet.as_ref().or(said).map_or_else(log, Clone::clone);
            let message = format!("{some} {have} a sidecar without a token: {}", as_sentence(&why));
            (Check::SidecarReady, Severity::Error, message)
        }
    }
}
