//! A sentence for each trouble that pods have.

use super::full;
use crate::check::finding::{Check, Finding, Severity};
use crate::check::pod::Fault;
use crate::check::since::Since;
use crate::check::tally::{Pods, Trouble, Whose};

/// What is to be said of an owner's pods, and what one of them said itself.
pub(super) fn sentence(trouble: &Trouble, whose: &Whose, pods: &Pods, said: Option<&String>) -> Finding {
    let Whose { namespace, owner } = whose;
    let object = format!("{}/{namespace}/{}", owner.kind, owner.name);
    let words = Words::of(whose, pods);
    let (check, severity, message) = match trouble {
        Trouble::Fault(fault) => of_injected(fault, &words, said),
        Trouble::Missed(since) => (Check::Injection, Severity::Error, missed(*since, &words)),
        Trouble::Refused(why) => (Check::Injection, Severity::Error, refused(why, &words)),
        Trouble::Excluded => (Check::Injection, Severity::Warning, excluded(&words)),
    };
    Finding::new(check, severity, object, message)
}

/// Words that fit one pod or several.
struct Words<'a> {
    some: String,
    namespace: &'a str,
    example: &'a str,
    renewal: String,
    is_one: bool,
}

impl<'a> Words<'a> {
    fn of(Whose { namespace, owner }: &'a Whose, pods: &'a Pods) -> Self {
        let Pods { count, example } = pods;
        let some = match count {
            _ if owner.kind == "Pod" => "It".to_owned(),
            1 => format!("Its pod {example}"),
            count => format!("{count} of its pods, such as {example},"),
        };
        Self { some, namespace, example, renewal: owner.renewal(namespace), is_one: *count == 1 }
    }

    fn verb(&self, one: &'static str, several: &'static str) -> &'static str {
        if self.is_one { one } else { several }
    }
}

fn missed(since: Since, words: &Words<'_>) -> String {
    let Words { some, renewal, .. } = words;
    let (were, they) = (words.verb("was", "were"), words.verb("it", "they"));
    let nobody = "(no configuration, or no replica and failurePolicy: Ignore)";
    let why = match since {
        Since::Later => format!("{they} opted in after {they} {were} made, and only a new pod is injected"),
        Since::Made => format!("API servers did not ask the webhook when {they} {were} made {nobody}"),
        Since::Unknown => {
            format!("made before {they} opted in, or while API servers did not ask the webhook {nobody}")
        }
    };
    format!("{some} opted in and {were} not injected: {why}. To mend: {renewal}.")
}

fn refused(why: &str, words: &Words<'_>) -> String {
    let Words { some, renewal, .. } = words;
    let were = words.verb("was", "were");
    let why = full(why);
    format!(
        "{some} opted in and {were} not injected, and would be refused now: {why} To mend: that, then {renewal}."
    )
}

fn excluded(words: &Words<'_>) -> String {
    let Words { some, namespace, .. } = words;
    format!(
        "{some} opted in, and the configuration leaves the namespace {namespace} out (admission.excludedNamespaces, and          the webhook's own), so no pod there is injected."
    )
}

fn of_injected(fault: &Fault, words: &Words<'_>, said: Option<&String>) -> (Check, Severity, String) {
    let Words { some, namespace, example, renewal, .. } = words;
    let have = words.verb("has", "have");
    match fault {
        Fault::WouldBeRefused(why) => (
            Check::Injection,
            Severity::Warning,
            format!(
                "{some} {} injected, but made anew {} would be refused: {}",
                words.verb("is", "are"),
                words.verb("it", "they"),
                full(why)
            ),
        ),
        Fault::OtherVersion(image) => (
            Check::SidecarVersion,
            Severity::Warning,
            format!(
                "{some} {have} the sidecar {image}, and new pods get another. To mend, when it suits: {renewal}."
            ),
        ),
        Fault::NotReady(kubelet) => {
            let log = || {
                format!("`kubectl --namespace {namespace} logs {example} --container rolebridge` says why")
            };
            let why = kubelet.as_ref().or(said).map_or_else(log, Clone::clone);
            let message = format!("{some} {have} a sidecar without a token: {}", full(&why));
            (Check::SidecarReady, Severity::Error, message)
        }
    }
}
