//! What is to be said of the namespaces and pods that opted in.

use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_inject::{Context, Defaults, admit};

use super::pod_messages::sentence;
use crate::commands::check::aggregate::PodSummary;
use crate::commands::check::collect_pods::Pods;
use crate::commands::check::finding::{Check, Finding, Severity};

/// Names in a row are so many at the most.
const NAMES: usize = 5;

pub(crate) fn evaluate(pods: &Pods) -> Vec<Finding> {
    let mut found = namespaces(pods);
    found.extend(pods.unseen.iter().map(|why| Finding::unseen(Check::Injection, "Pods", why)));
    found.extend(
        pods.unseen_accounts.iter().map(|why| Finding::unseen(Check::RoleArn, "ServiceAccounts", why)),
    );
    found.extend(pods.tally.troubles.iter().map(|((trouble, whose), some)| {
        let said = pods.said.get(&(whose.namespace.clone(), some.example.clone()));
        sentence(trouble, whose, some, said)
    }));
    found.extend(roles(pods));
    let is_clean = |check: Check| !found.iter().any(|one| one.check == check);
    // Of what was not seen nothing good is said.
    let was_seen = |check: Check| pods.unseen.is_empty() || check == Check::Namespaces;
    let clean = passing(pods).into_iter().filter(|one| was_seen(one.check) && is_clean(one.check));
    let clean: Vec<_> = clean.collect();
    found.extend(clean);
    found.sort_by_key(|one| one.check);
    found
}

fn namespaces(pods: &Pods) -> Vec<Finding> {
    let namespaces = match &pods.namespaces {
        Ok(namespaces) => namespaces,
        Err(why) => return vec![Finding::unseen(Check::Namespaces, "Namespaces", why)],
    };
    let warn = |name: &str, message: String| {
        Finding::new(Check::Namespaces, Severity::Warning, format!("Namespace/{name}"), message)
    };
    let mut found: Vec<_> = namespaces
        .iter()
        .flat_map(|(name, metadata)| warnings(name, metadata).into_iter().map(move |said| warn(name, said)))
        .collect();
    let excluded = pods.labelled.iter().filter(|name| pods.excluded.contains(name));
    found.extend(excluded.map(|name| {
        warn(
            name,
            format!(
                "Its label {INJECT}: {NAMESPACE_OPT_IN} does nothing: the configuration leaves the namespace out \
                 (admission.excludedNamespaces, and the webhook's own)."
            ),
        )
    }));
    found
}

/// What the webhook's engine says about a namespace's label.
fn warnings(namespace: &str, metadata: &rolebridge_inject::ObjectMetadata) -> Vec<String> {
    let Ok(pod) = serde_json::from_str::<rolebridge_inject::Pod<'_>>(r#"{"spec": {}}"#) else {
        return Vec::new();
    };
    let defaults = Defaults::default();
    let context =
        Context { namespace, service_account: None, namespace_metadata: Some(metadata), defaults: &defaults };
    // Of one that opts its pods in, this pod would lack a provider: that says nothing about the namespace.
    match pod.opted_in_by(&context) {
        Ok(None) => admit(&pod, &context).warnings,
        _ => Vec::new(),
    }
}

fn roles(pods: &Pods) -> impl Iterator<Item = Finding> {
    pods.tally.malformed.iter().map(|(namespace, name, key, value)| {
        let message = format!(
            "{key}: {value:?} is not the ARN of an IAM role, such as arn:aws:iam::123456789012:role/NAME, so its pods \
             are refused."
        );
        Finding::new(Check::RoleArn, Severity::Error, format!("ServiceAccount/{namespace}/{name}"), message)
    })
}

/// What is said where nothing is wrong.
fn passing(pods: &Pods) -> [Finding; 5] {
    let tally = &pods.tally;
    let say = |check, object: &str, message| Finding::new(check, Severity::Ok, object, message);
    let count = |count: usize, what: &str| match count {
        0 => format!("No {what}"),
        1 => format!("One {what}"),
        count => format!("{count} {what}s"),
    };
    [
        say(Check::Namespaces, "Namespaces", labelled(pods)),
        say(
            Check::Injection,
            "Pods",
            format!(
                "{} opted in, and {} injected.{}",
                count(tally.opted_in, "pod"),
                number(tally.injected),
                left_alone(tally)
            ),
        ),
        say(Check::SidecarVersion, "Pods", "No sidecar is of another version than new pods get.".to_owned()),
        say(Check::SidecarReady, "Pods", "Every sidecar that runs has a token.".to_owned()),
        say(
            Check::RoleArn,
            "ServiceAccounts",
            format!(
                "{} that such pods use: no role that they name is malformed.",
                count(tally.accounts.len(), "service account")
            ),
        ),
    ]
}

/// Pods that pass, since nothing but their namespace wanted them to have what they lack.
fn left_alone(tally: &PodSummary) -> String {
    let reasons = tally.left_alone.iter();
    let reasons: Vec<_> = reasons
        .map(|(reason, count)| format!("{count} ({})", reason.sentence().trim_end_matches('.')))
        .collect();
    if reasons.is_empty() {
        return String::new();
    }
    format!(" Opted in by their namespace alone, and left as they are: {}.", reasons.join(", "))
}

fn number(count: usize) -> String {
    if count == 1 { "one is".to_owned() } else { format!("{count} are") }
}

fn labelled(pods: &Pods) -> String {
    let names: Vec<_> = pods.labelled.iter().take(NAMES).map(String::as_str).collect();
    let more = pods.labelled.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    match pods.labelled.len() {
        0 => format!(
            "None opts its pods in by the label {INJECT}: {NAMESPACE_OPT_IN}; pods do by their annotation."
        ),
        1 => format!("One opts its pods in by its label: {}.", names.join(", ")),
        count => format!("{count} opt their pods in by their label: {}{more}.", names.join(", ")),
    }
}
