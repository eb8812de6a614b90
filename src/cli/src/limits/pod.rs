//! The requests and limits of a pod, as the API server adds them up.

use rolebridge_core::pod_names::CONTAINER;
use serde::Deserialize;

use super::amount::{Amounts, add, raise};
use crate::input::ordered_value::OrderedValue;

/// The parts of a pod that limits and quotas look at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodResources {
    pub(super) containers: Vec<Container>,
    pub(super) init_containers: Vec<Container>,
    /// The requests and limits of all containers together.
    resources: Option<Resources>,
    active_deadline_seconds: Option<i64>,
    pub(super) priority_class_name: Option<String>,
}

/// A container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Container {
    pub(super) name: String,
    restart_policy: Option<String>,
    pub(super) resources: Resources,
}

/// Requests and limits.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resources {
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

/// Requests or limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Request,
    Limit,
}

impl Resources {
    pub(super) const fn amounts(&self, bound: Bound) -> &Amounts {
        match bound {
            Bound::Request => &self.requests,
            Bound::Limit => &self.limits,
        }
    }

    /// Sets the requests to the limits where they are missing, as the API server does.
    fn complete(&mut self) {
        for (name, limit) in &self.limits {
            self.requests.entry(name.clone()).or_insert(*limit);
        }
    }
}

impl PodResources {
    /// Reads a pod. Returns `None` if the API server would reject it.
    pub(super) fn of(pod: &OrderedValue) -> Option<Self> {
        let mut spec: Self =
            serde_json::from_value(without_null(serde_json::to_value(pod.get("spec")?).ok()?)).ok()?;
        spec.all_mut().for_each(|container| container.resources.complete());
        Some(spec)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Container> {
        self.init_containers.iter_mut().chain(&mut self.containers)
    }

    pub(super) fn sidecar(&self) -> Option<&Container> {
        self.init_containers.iter().find(|container| container.name == CONTAINER)
    }

    pub(super) fn has_own_resources(&self) -> bool {
        self.resources.as_ref().is_some_and(|all| !all.requests.is_empty() || !all.limits.is_empty())
    }

    /// Returns true for a pod that ends at a deadline.
    pub(super) fn is_terminating(&self) -> bool {
        self.active_deadline_seconds.is_some_and(|seconds| seconds >= 0)
    }

    /// Returns true for a pod without any request or limit.
    pub(super) fn is_best_effort(&self) -> bool {
        let is_empty = |container: &Container| {
            container.resources.requests.is_empty() && container.resources.limits.is_empty()
        };
        !self.has_own_resources() && self.all().all(is_empty)
    }

    /// Returns the effective requests or limits of the pod: those of its containers and native sidecars together, or more
    /// if an init container needs more.
    pub(super) fn total(&self, bound: Bound) -> Amounts {
        let (mut total, mut sidecars, mut init) = (Amounts::new(), Amounts::new(), Amounts::new());
        self.containers.iter().for_each(|container| add(&mut total, container.resources.amounts(bound)));
        for container in &self.init_containers {
            let amounts = container.resources.amounts(bound);
            if container.restart_policy.as_deref() == Some("Always") {
                add(&mut total, amounts);
                add(&mut sidecars, amounts);
                raise(&mut init, &sidecars);
            } else {
                let mut with_sidecars = sidecars.clone();
                add(&mut with_sidecars, amounts);
                raise(&mut init, &with_sidecars);
            }
        }
        raise(&mut total, &init);
        if let Some(own) = &self.resources {
            total.extend(own.amounts(bound).clone());
        }
        total
    }
}

/// Removes null values, which mean that a field is not set.
fn without_null(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_null(value)))
            .collect(),
        serde_json::Value::Array(items) => items.into_iter().map(without_null).collect(),
        other => other,
    }
}
