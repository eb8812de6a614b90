//! What mends the first hop that failed, in the words of that very pod: its role, its issuer, its service account.
//!
//! Pure: from what the hops have shown.

mod aws;
mod google;
mod network;

use rolebridge_contract::doctor::{Facts, Hop, Outcome, Step};
use serde::Serialize;

use crate::setup::Role;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mend {
    /// In a sentence.
    pub(crate) words: String,
    /// What to copy: commands, a policy, YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) copy: String,
}

impl Mend {
    pub(crate) fn new(words: impl Into<String>, copy: impl Into<String>) -> Self {
        Self { words: words.into(), copy: copy.into() }
    }
}

/// Where the pod is, for the commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) service_account: &'a str,
}

impl<'a> Place<'a> {
    /// By the projected token, which names both.
    pub(crate) fn of(steps: &'a [Step]) -> Self {
        let subject = steps.iter().find_map(|step| step.facts.subject.as_deref()).unwrap_or_default();
        let named = subject.strip_prefix("system:serviceaccount:").and_then(|pair| pair.split_once(':'));
        let (namespace, service_account) = named.unwrap_or(("NAMESPACE", "SERVICEACCOUNT"));
        Self { namespace, service_account }
    }
}

/// The mend of the first hop that failed: a hop that was tried says more than what is seen from outside.
pub(crate) fn of(steps: &[Step], place: Place<'_>) -> Option<Mend> {
    let failed = || steps.iter().filter(|step| step.outcome == Outcome::Failed);
    let failed = failed().find(|step| step.reason.is_some()).or_else(|| failed().next())?;
    let reason = failed.reason.as_deref().unwrap_or_default();
    let known = Known { facts: known(steps), failed, place };
    network::mend(reason, &known)
        .or_else(|| aws::mend(reason, &known))
        .or_else(|| google::mend(reason, &known))
        .or_else(|| anyones(failed))
}

/// Where a sentence ends that says what is wrong, and one begins that says what anyone would mend.
const TO_MEND: &str = " To mend: ";

/// What is wrong, without what mends it.
pub(crate) fn cause(sentence: &str) -> &str {
    sentence.split_once(TO_MEND).map_or(sentence, |(cause, _)| cause)
}

/// What the hop's own sentence says.
fn anyones(failed: &Step) -> Option<Mend> {
    if failed.hop == Hop::Settings {
        let words = "the webhook writes the sidecar's environment, so that something else has changed it since: another \
                     webhook, or whoever wrote the container by hand. Make the pod anew, and compare its container \
                     rolebridge with what `rolebridge explain` shows.";
        return Some(Mend::new(words, ""));
    }
    let (_, words) = failed.sentence.split_once(TO_MEND)?;
    Some(Mend::new(words, ""))
}

/// What all hops have shown, and the one that failed.
struct Known<'a> {
    facts: Facts,
    failed: &'a Step,
    place: Place<'a>,
}

impl Known<'_> {
    fn role(&self) -> Option<Role> {
        self.facts.role.as_deref().and_then(Role::parse)
    }

    /// The issuer as AWS names its provider and the condition keys.
    fn issuer_host(&self) -> Option<&str> {
        self.facts.issuer.as_deref()?.strip_prefix("https://")
    }

    fn audience(&self) -> &str {
        self.facts.audiences.first().map_or("sts.amazonaws.com", String::as_str)
    }

    fn provider(&self) -> Option<Provider<'_>> {
        Provider::parse(self.facts.provider.as_deref()?)
    }
}

/// The parts of a provider's resource name.
struct Provider<'a> {
    project: &'a str,
    pool: &'a str,
    name: &'a str,
}

impl<'a> Provider<'a> {
    fn parse(resource: &'a str) -> Option<Self> {
        let parts: Vec<_> = resource.split('/').collect();
        let ["projects", project, "locations", "global", "workloadIdentityPools", pool, "providers", name] =
            parts[..]
        else {
            return None;
        };
        Some(Self { project, pool, name })
    }

    /// The flags that name its pool.
    fn flags(&self) -> String {
        format!("--project {} --location global --workload-identity-pool {}", self.project, self.pool)
    }
}

/// What the hops have shown, each thing by the first that shows it. The subject token's own issuer and subject come
/// after the projected token's, and are not these.
fn known(steps: &[Step]) -> Facts {
    let all = |of: fn(&Facts) -> &Option<String>| steps.iter().find_map(|step| of(&step.facts).clone());
    let list = |of: fn(&Facts) -> &Vec<String>| {
        steps.iter().map(|step| of(&step.facts)).find(|list| !list.is_empty()).cloned().unwrap_or_default()
    };
    Facts {
        identity: all(|facts| &facts.identity),
        provider: all(|facts| &facts.provider),
        issuer: all(|facts| &facts.issuer),
        audiences: list(|facts| &facts.audiences),
        subject: all(|facts| &facts.subject),
        host: all(|facts| &facts.host),
        clock_offset: steps.iter().find_map(|step| step.facts.clock_offset),
        region: all(|facts| &facts.region),
        role: all(|facts| &facts.role),
        session_name: all(|facts| &facts.session_name),
        caller: all(|facts| &facts.caller),
        principal: all(|facts| &facts.principal),
        service_account: all(|facts| &facts.service_account),
        delegates: list(|facts| &facts.delegates),
        lives: None,
    }
}
