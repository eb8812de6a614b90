//! A `LimitRange`: its defaults, and its constraints on the sidecar and on the pod's total.

use rolebridge_core::annotations::PREFIX;
use rolebridge_inject::quantity::Quantity;
use serde::Deserialize;

use super::amount::{Amounts, Resource};
use super::pod::{Bound, Container, PodResources, Resources};

/// A `LimitRange`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LimitRange {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Spec {
    limits: Vec<Item>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    min: Amounts,
    max: Amounts,
    default: Amounts,
    default_request: Amounts,
    max_limit_request_ratio: Amounts,
}

impl LimitRange {
    /// Completes the defaults of containers, as the API server does when it stores the object.
    pub(super) fn with_defaults(mut self) -> Self {
        let complete = |amounts: &mut Amounts, others: &Amounts| {
            for (name, amount) in others {
                amounts.entry(name.clone()).or_insert(*amount);
            }
        };
        for item in self.spec.limits.iter_mut().filter(|item| item.kind == "Container") {
            complete(&mut item.default, &item.max);
            complete(&mut item.default_request, &item.default);
            complete(&mut item.default_request, &item.min);
        }
        self
    }

    /// Sets the requests and limits that containers do not set.
    pub(super) fn apply_defaults(&self, pod: &mut PodResources) {
        for item in self.spec.limits.iter().filter(|item| item.kind == "Container") {
            for Container { resources: Resources { requests, limits }, .. } in pod.all_mut() {
                for (amounts, defaults) in [(limits, &item.default), (requests, &item.default_request)] {
                    for (name, default) in defaults {
                        amounts.entry(name.clone()).or_insert(*default);
                    }
                }
            }
        }
    }

    /// Returns a sentence for the constraints on the sidecar, and one for those on the pod's total.
    pub(super) fn findings(&self, before: &PodResources, after: &PodResources) -> Vec<String> {
        let mut findings = Vec::new();
        for item in &self.spec.limits {
            findings.extend(match &*item.kind {
                "Container" => after.sidecar().and_then(|sidecar| self.of_sidecar(item, &sidecar.resources)),
                "Pod" => self.of_total(item, before, after),
                _ => None,
            });
        }
        findings
    }

    fn of_sidecar(&self, item: &Item, resources: &Resources) -> Option<String> {
        let mut problems = Vec::new();
        let mut fixes = Vec::new();
        for resource in Resource::ALL {
            let constraint = Constraint::of(item, resource, resources);
            let found = constraint.problems();
            if !found.is_empty() {
                fixes.extend(constraint.fixes());
                problems.extend(found);
            }
        }
        (!problems.is_empty()).then(|| {
            format!(
                "LimitRange {} denies the pod because of the sidecar: {}. Fix: set {} on the pod, or in the chart's defaults.",
                self.metadata.name,
                problems.join("; "),
                fixes.join(", ")
            )
        })
    }

    fn of_total(&self, item: &Item, before: &PodResources, after: &PodResources) -> Option<String> {
        let total = |pod: &PodResources| Resources {
            requests: pod.total(Bound::Request),
            limits: pod.total(Bound::Limit),
        };
        let problems = |resources: &Resources| -> Vec<String> {
            let of = |resource| Constraint::of(item, resource, resources).problems();
            Resource::ALL.into_iter().flat_map(of).collect()
        };
        if !problems(&total(before)).is_empty() {
            return None;
        }
        let problems = problems(&total(after));
        (!problems.is_empty()).then(|| {
            format!(
                "LimitRange {} denies the pod with the sidecar: in all its containers together, {}. Fix: lower the requests and \
                 limits of the app's containers, or let the platform team change the LimitRange.",
                self.metadata.name,
                problems.join("; ")
            )
        })
    }
}

/// The constraints on one resource, and the amounts that they apply to.
struct Constraint {
    resource: Resource,
    min: Option<Quantity>,
    max: Option<Quantity>,
    ratio: Option<Quantity>,
    request: Option<Quantity>,
    limit: Option<Quantity>,
}

impl Constraint {
    fn of(item: &Item, resource: Resource, resources: &Resources) -> Self {
        let of = |amounts: &Amounts| amounts.get(resource.name()).copied();
        Self {
            resource,
            min: of(&item.min),
            max: of(&item.max),
            ratio: of(&item.max_limit_request_ratio),
            request: of(&resources.requests),
            limit: of(&resources.limits),
        }
    }

    /// Returns a description of each constraint that is not met.
    fn problems(&self) -> Vec<String> {
        let Self { resource, min, max, ratio, request, limit } = *self;
        let name = resource.name();
        let shown = |amount: Option<Quantity>| {
            amount.map_or_else(|| "none".to_owned(), |amount| resource.format(amount))
        };
        let mut problems = Vec::new();
        let mut add = |what: &str, expected: &str, found| {
            problems.push(format!("{name} {what}: expected {expected}, found {}", shown(found)));
        };
        if let Some(min) = min {
            let expected = format!("at least {}", resource.format(min));
            if request.is_none_or(|request| request < min) {
                add("request", &expected, request);
            }
            if limit.is_some_and(|limit| limit < min) {
                add("limit", &expected, limit);
            }
        }
        if let Some(max) = max {
            let expected = format!("at most {}", resource.format(max));
            match limit {
                None => add("limit", &expected, None),
                Some(amount) if amount > max => add("limit", &expected, limit),
                Some(_) => {}
            }
            if request.is_some_and(|request| request > max) {
                add("request", &expected, request);
            }
        }
        if let Some(ratio) = ratio {
            let factor = Resource::Cpu.format(ratio);
            let largest = request.map(|request| request.saturating_mul(ratio));
            if limit.is_none_or(|limit| {
                largest.is_none_or(|largest| limit > largest) || limit == Quantity::default()
            }) {
                add("limit", &format!("at most {factor} times the request of {}", shown(request)), limit);
            }
        }
        problems
    }

    /// Returns the annotations of the sidecar that meet the constraints.
    fn fixes(&self) -> Vec<String> {
        let Self { resource, min, max, ratio, request, limit } = *self;
        let min = min.unwrap_or_default();
        let cap = |amount: Quantity| max.map_or(amount, |max| amount.min(max));
        let mut new_request = cap(request.unwrap_or_default().max(min));
        let new_limit = limit.or(Some(new_request).filter(|_| max.is_some() || ratio.is_some()));
        let new_limit = new_limit.map(|limit| cap(limit.max(min).max(new_request)));
        if let (Some(ratio), Some(limit)) = (ratio, new_limit) {
            new_request = new_request.max(limit.checked_div_ceil(ratio).unwrap_or(limit));
        }
        let annotation = |suffix: &str, amount: Quantity| {
            format!("{PREFIX}{}-{suffix}: \"{}\"", resource.name(), resource.format(amount))
        };
        let changed = |new: Option<Quantity>, old: Option<Quantity>| new.filter(|new| old != Some(*new));
        let request = changed(Some(new_request), request).map(|amount| annotation("request", amount));
        let limit = changed(new_limit, limit).map(|amount| annotation("limit", amount));
        request.into_iter().chain(limit).collect()
    }
}
