//! A `ResourceQuota`: the amounts that are left, and the amounts that it demands of each container.

use rolebridge_core::annotations::PREFIX;
use rolebridge_core::pod_names::CONTAINER;
use rolebridge_inject::quantity::Quantity;
use serde::Deserialize;

use super::amount::{Amounts, Resource};
use super::pod::{Bound, Container, PodResources};

/// A `ResourceQuota`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ResourceQuota {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    hard: Amounts,
    scopes: Vec<String>,
    scope_selector: ScopeSelector,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScopeSelector {
    match_expressions: Vec<Scope>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Scope {
    #[serde(rename = "scopeName")]
    name: String,
    operator: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Status {
    used: Amounts,
}

/// A resource of a quota.
struct Tracked {
    names: &'static [&'static str],
    resource: Resource,
    bound: Bound,
}

const TRACKED: &[Tracked] = &[
    Tracked { names: &["requests.cpu", "cpu"], resource: Resource::Cpu, bound: Bound::Request },
    Tracked { names: &["limits.cpu"], resource: Resource::Cpu, bound: Bound::Limit },
    Tracked { names: &["requests.memory", "memory"], resource: Resource::Memory, bound: Bound::Request },
    Tracked { names: &["limits.memory"], resource: Resource::Memory, bound: Bound::Limit },
];

/// A way in which a pod does not fit into the quota.
struct Problem {
    text: String,
    /// The fix, if it is one for the sidecar alone.
    fix: Option<String>,
}

impl ResourceQuota {
    /// Returns a sentence if the pod with the sidecar is denied, but not the pod without.
    pub(super) fn finding(&self, before: &PodResources, after: &PodResources) -> Option<String> {
        if !self.applies(after) {
            return None;
        }
        let before = Some(before).filter(|pod| self.applies(pod));
        let problems: Vec<_> = self.limits().filter_map(|limit| limit.problem(before, after)).collect();
        let texts: Vec<_> = problems.iter().map(|problem| &*problem.text).collect();
        let mut fixes: Vec<_> = problems.iter().filter_map(|problem| problem.fix.clone()).collect();
        fixes.dedup();
        if fixes.is_empty() {
            fixes.push("lower the requests and limits of the app's containers, or let the platform team raise the quota".to_owned());
        }
        (!texts.is_empty()).then(|| {
            format!(
                "ResourceQuota {} denies the pod with the sidecar: {}. Fix: {}.",
                self.metadata.name,
                texts.join("; "),
                fixes.join(", and ")
            )
        })
    }

    /// Returns true if the pod is in the scope of the quota. A scope that needs other parts of a pod is not.
    fn applies(&self, pod: &PodResources) -> bool {
        let scopes = self.spec.scopes.iter().map(|name| Scope { name: name.clone(), ..Scope::default() });
        scopes
            .chain(self.spec.scope_selector.match_expressions.iter().cloned())
            .all(|scope| scope.contains(pod))
    }

    fn limits(&self) -> impl Iterator<Item = QuotaLimit<'_>> {
        let limit = |(name, tracked): (&'static &'static str, &'static Tracked)| {
            let hard = *self.spec.hard.get(*name)?;
            let used = self.status.used.get(*name).copied().unwrap_or_default();
            Some(QuotaLimit { name, tracked, left: Left { hard, used } })
        };
        TRACKED
            .iter()
            .flat_map(|tracked| tracked.names.iter().map(move |name| (name, tracked)))
            .filter_map(limit)
    }
}

/// The limit of one resource.
struct QuotaLimit<'a> {
    name: &'a str,
    tracked: &'a Tracked,
    left: Left,
}

struct Left {
    hard: Quantity,
    used: Quantity,
}

impl QuotaLimit<'_> {
    fn problem(&self, before: Option<&PodResources>, after: &PodResources) -> Option<Problem> {
        let missing = self.containers_without(after);
        let was_missing = before.is_some_and(|pod| !self.containers_without(pod).is_empty());
        if !missing.is_empty() {
            return (!was_missing).then(|| self.missing_problem(&missing));
        }
        let Tracked { resource, bound, .. } = *self.tracked;
        let total = |pod: &PodResources| pod.total(bound).get(resource.name()).copied().unwrap_or_default();
        let fits = |pod: &PodResources| self.left.used.saturating_add(total(pod)) <= self.left.hard;
        if fits(after) || before.is_some_and(|pod| !fits(pod)) {
            return None;
        }
        let text = format!(
            "{}: expected at most {}, found {} in use and {} for this pod",
            self.name,
            resource.format(self.left.hard),
            resource.format(self.left.used),
            resource.format(total(after))
        );
        Some(Problem { text, fix: None })
    }

    /// Returns the containers without the amount that the quota demands of each.
    fn containers_without<'p>(&self, pod: &'p PodResources) -> Vec<&'p str> {
        let Tracked { resource, bound, .. } = *self.tracked;
        if pod.has_own_resources() {
            return Vec::new();
        }
        let lacks =
            |container: &&Container| !container.resources.amounts(bound).contains_key(resource.name());
        pod.all().filter(lacks).map(|container| &*container.name).collect()
    }

    fn missing_problem(&self, containers: &[&str]) -> Problem {
        let text = format!(
            "{}: expected an amount for each container, found none for {}",
            self.name,
            containers.join(", ")
        );
        let bound = if self.tracked.bound == Bound::Request { "request" } else { "limit" };
        let fix = if containers == [CONTAINER] {
            format!("set {PREFIX}{}-{bound} on the pod", self.tracked.resource.name())
        } else {
            format!("set the {bound}s of {} in {}", self.tracked.resource.name(), containers.join(", "))
        };
        Problem { text, fix: Some(fix) }
    }
}

impl Scope {
    fn contains(&self, pod: &PodResources) -> bool {
        match &*self.name {
            "Terminating" => pod.is_terminating(),
            "NotTerminating" => !pod.is_terminating(),
            "BestEffort" => pod.is_best_effort(),
            "NotBestEffort" => !pod.is_best_effort(),
            "PriorityClass" => self.selects(pod.priority_class_name.as_deref().unwrap_or_default()),
            _ => false,
        }
    }

    fn selects(&self, class: &str) -> bool {
        let is_listed = self.values.iter().any(|value| value == class);
        match &*self.operator {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "DoesNotExist" => class.is_empty(),
            _ => !class.is_empty(),
        }
    }
}
