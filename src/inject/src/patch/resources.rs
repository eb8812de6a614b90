//! What the sidecar costs the pod: requests always, limits where others have them, so that neither an HPA nor a quota
//! nor the pod's quality of service suffers.

use rolebridge_core::pod_names::CONTAINER;
use serde::Serialize;

use crate::quantity::Quantity;
use crate::settings::{ParsedQuantity, ResourceBounds, Sidecar};
use crate::view::{Amounts, Container, Resources};
use crate::{Pod, Settings};

/// The sidecar's resources.
#[derive(Debug, Serialize)]
pub(crate) struct Planned<'a> {
    requests: Requests<'a>,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    limits: Limits<'a>,
}

#[derive(Debug, Serialize)]
struct Requests<'a> {
    cpu: &'a str,
    memory: &'a str,
}

#[derive(Debug, Serialize)]
struct Limits<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<&'a str>,
}

impl Limits<'_> {
    const fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }
}

/// The sidecar's resources in this pod; `None` if the pod as a whole has some, which the sidecar then shares.
pub(crate) fn plan<'a>(pod: &Pod<'_>, settings: &Settings<'a>) -> Option<Planned<'a>> {
    if has_pod_level(pod) {
        return None;
    }
    let Sidecar { cpu, memory, .. } = settings.sidecar;
    let guaranteed = is_guaranteed(pod);
    let limited = |field: fn(&Amounts) -> Option<Quantity>| {
        others(pod).any(|one| limits(one).is_some_and(|limits| field(limits).is_some()))
    };
    let (cpu_request, cpu_limit) = settle(cpu, limited(|limits| limits.cpu), guaranteed);
    let (memory_request, memory_limit) = settle(memory, limited(|limits| limits.memory), guaranteed);
    Some(Planned {
        requests: Requests { cpu: cpu_request.text, memory: memory_request.text },
        limits: Limits { cpu: cpu_limit.map(|one| one.text), memory: memory_limit.map(|one| one.text) },
    })
}

/// Whether the pod as a whole requests or limits something.
pub(crate) fn has_pod_level(pod: &Pod<'_>) -> bool {
    let says = |amounts: &Option<Amounts>| amounts.is_some_and(|one| one.cpu.or(one.memory).is_some());
    pod.spec.resources.as_ref().is_some_and(|all| says(&all.requests) || says(&all.limits))
}

/// A request and perhaps a limit, never below the request. What somebody said for the pod wins over a default; of two
/// that were said, the request has been found not to be above the limit.
fn settle(
    ResourceBounds { request, limit, min_limit }: ResourceBounds<'_>,
    limited: bool,
    guaranteed: bool,
) -> (ParsedQuantity<'_>, Option<ParsedQuantity<'_>>) {
    let (is_request_said, is_limit_said) = (request.origin.is_annotated(), limit.origin.is_annotated());
    let (request, limit) = (request.value, limit.value);
    let both = |amount| (amount, Some(amount));
    match (guaranteed, is_limit_said) {
        (true, true) => both(limit),
        (true, false) if is_request_said => both(greater(request, min_limit)),
        (true, false) => both(greater(request, limit)),
        (false, true) => (lesser(request, limit), Some(limit)),
        (false, false) => (request, limited.then(|| greater(request, limit))),
    }
}

fn greater<'a>(one: ParsedQuantity<'a>, other: ParsedQuantity<'a>) -> ParsedQuantity<'a> {
    if one.quantity > other.quantity { one } else { other }
}

fn lesser<'a>(one: ParsedQuantity<'a>, other: ParsedQuantity<'a>) -> ParsedQuantity<'a> {
    if one.quantity > other.quantity { other } else { one }
}

/// Whether every container has equal requests and limits of both resources.
/// Source: `ComputePodQOS` in kubernetes/pkg/apis/core/v1/helper/qos.
fn is_guaranteed(pod: &Pod<'_>) -> bool {
    let is_set = |quantity: &Quantity| *quantity > Quantity::default();
    let equal = |limit: Option<Quantity>, request: Option<Quantity>| {
        // A request that is absent is defaulted to the limit.
        limit.filter(is_set).is_some_and(|limit| request.is_none_or(|request| request == limit))
    };
    let guaranteed = |one: &Container<'_>| {
        let Some(limits) = limits(one) else { return false };
        let requests = one.resources.as_ref().and_then(|all| all.requests).unwrap_or_default();
        equal(limits.cpu, requests.cpu) && equal(limits.memory, requests.memory)
    };
    others(pod).all(guaranteed)
}

fn limits<'a>(container: &'a Container<'_>) -> Option<&'a Amounts> {
    let Resources { limits, .. } = container.resources.as_ref()?;
    limits.as_ref()
}

fn others<'a>(pod: &'a Pod<'a>) -> impl Iterator<Item = &'a Container<'a>> {
    pod.containers().map(|(_, _, one)| one).filter(|one| *one.name != *CONTAINER)
}
