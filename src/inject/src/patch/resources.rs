//! The sidecar's requests and limits. Requests are always set, for HPAs. Limits are set if other containers have them, for
//! quotas. The pod keeps its quality of service class.

use std::iter::once;

use rolebridge_core::pod_names::CONTAINER;
use serde::Serialize;

use crate::quantity::Quantity;
use crate::settings::{ParsedQuantity, ResourceBounds, Settings, Sidecar};
use crate::view::{Amounts, Container, Pod, Resources};

/// The sidecar's requests and limits.
#[derive(Debug, Serialize)]
pub(super) struct PlannedResources<'a> {
    requests: Planned<'a>,
    #[serde(skip_serializing_if = "Planned::is_empty")]
    limits: Planned<'a>,
}

#[derive(Debug, Serialize)]
struct Planned<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<&'a str>,
}

impl Planned<'_> {
    const fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }
}

/// Plans the sidecar's resources, except those that the pod sets for all of its containers. Returns `None` if it sets both.
pub(super) fn plan<'a>(pod: &Pod<'_>, settings: &Settings<'a>) -> Option<PlannedResources<'a>> {
    let pod_level = PodLevel::of(pod);
    if pod_level.cpu && pod_level.memory {
        return None;
    }
    let Sidecar { cpu, memory, .. } = settings.sidecar;
    // The class of a pod with pod-level resources depends on those alone.
    let guaranteed = !pod_level.cpu && !pod_level.memory && is_guaranteed(pod);
    let limited = |field: fn(&Amounts) -> Option<Quantity>| {
        other_containers(pod).any(|container| limits(container).is_some_and(|limits| field(limits).is_some()))
    };
    let (cpu_request, cpu_limit) = adjust(cpu, limited(|limits| limits.cpu), guaranteed);
    let (memory_request, memory_limit) = adjust(memory, limited(|limits| limits.memory), guaranteed);
    let planned = |cpu: Option<ParsedQuantity<'a>>, memory: Option<ParsedQuantity<'a>>| Planned {
        cpu: cpu.filter(|_| !pod_level.cpu).map(|amount| amount.text),
        memory: memory.filter(|_| !pod_level.memory).map(|amount| amount.text),
    };
    Some(PlannedResources {
        requests: planned(Some(cpu_request), Some(memory_request)),
        limits: planned(cpu_limit, memory_limit),
    })
}

/// The resources that the pod requests or limits for all of its containers together. The others are set for each container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodLevel {
    pub(crate) cpu: bool,
    pub(crate) memory: bool,
}

impl PodLevel {
    /// Returns the pod-level resources as the API server completes them before it calls a webhook. If the pod has limits of
    /// any resource, its missing requests are the sum of its containers' requests. An additional request of the sidecar
    /// would exceed that sum, and the API server would reject the pod.
    /// Source: `defaultPodRequests` in kubernetes/pkg/apis/core/v1/defaults.go.
    pub(crate) fn of(pod: &Pod<'_>) -> Self {
        let none = Self { cpu: false, memory: false };
        let Some(all) = pod.spec.resources.as_ref() else { return none };
        let completed =
            all.limits.is_some().then(|| other_containers(pod).filter_map(|one| one.resources.as_ref()));
        let amounts = once(all)
            .chain(completed.into_iter().flatten())
            .flat_map(|one| [one.requests, one.limits])
            .flatten();
        amounts.fold(none, |seen, amounts| Self {
            cpu: seen.cpu || amounts.cpu.is_some(),
            memory: seen.memory || amounts.memory.is_some(),
        })
    }
}

/// Returns a request and, if needed, a limit that is not below the request. An annotation wins over a default. If both are
/// annotated, the request is already known not to exceed the limit.
fn adjust(
    ResourceBounds { request, limit, min_limit }: ResourceBounds<'_>,
    limited: bool,
    guaranteed: bool,
) -> (ParsedQuantity<'_>, Option<ParsedQuantity<'_>>) {
    let (is_request_set, is_limit_set) = (request.origin.is_annotated(), limit.origin.is_annotated());
    let (request, limit) = (request.value, limit.value);
    let both = |amount| (amount, Some(amount));
    match (guaranteed, is_limit_set) {
        (true, true) => both(limit),
        (true, false) if is_request_set => both(max(request, min_limit)),
        (true, false) => both(max(request, limit)),
        (false, true) => (min(request, limit), Some(limit)),
        (false, false) => (request, limited.then(|| max(request, limit))),
    }
}

fn max<'a>(one: ParsedQuantity<'a>, other: ParsedQuantity<'a>) -> ParsedQuantity<'a> {
    if one.quantity > other.quantity { one } else { other }
}

fn min<'a>(one: ParsedQuantity<'a>, other: ParsedQuantity<'a>) -> ParsedQuantity<'a> {
    if one.quantity > other.quantity { other } else { one }
}

/// Returns true if every container has equal requests and limits of both resources.
/// Source: `ComputePodQOS` in kubernetes/pkg/apis/core/v1/helper/qos.
fn is_guaranteed(pod: &Pod<'_>) -> bool {
    let is_set = |quantity: &Quantity| *quantity > Quantity::default();
    let equal = |limit: Option<Quantity>, request: Option<Quantity>| {
        // A missing request defaults to the limit.
        limit.filter(is_set).is_some_and(|limit| request.is_none_or(|request| request == limit))
    };
    let guaranteed = |container: &Container<'_>| {
        let Some(limits) = limits(container) else { return false };
        let requests = container.resources.as_ref().and_then(|all| all.requests).unwrap_or_default();
        equal(limits.cpu, requests.cpu) && equal(limits.memory, requests.memory)
    };
    other_containers(pod).all(guaranteed)
}

fn limits<'a>(container: &'a Container<'_>) -> Option<&'a Amounts> {
    let Resources { limits, .. } = container.resources.as_ref()?;
    limits.as_ref()
}

fn other_containers<'a>(pod: &'a Pod<'a>) -> impl Iterator<Item = &'a Container<'a>> {
    pod.containers().map(|(_, _, container)| container).filter(|container| *container.name != *CONTAINER)
}
