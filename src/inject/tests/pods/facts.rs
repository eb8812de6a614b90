//! What a pod's JSON says, read without the view that injects.

use serde_json::Value;

/// A mesh's own containers.
pub(crate) const MESH: &[&str] = &[
    "istio-init",
    "istio-validation",
    "istio-proxy",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-proxy",
];

/// The pod's two lists of containers.
pub(crate) const LISTS: [&str; 2] = ["initContainers", "containers"];

/// A mesh's proxy.
pub(crate) fn is_proxy(container: &Value) -> bool {
    ["istio-proxy", "linkerd-proxy"].iter().any(|proxy| container["name"] == *proxy)
}

/// The elements of a list that may be absent.
pub(crate) fn list<'a>(parent: &'a Value, key: &str) -> &'a [Value] {
    let parent = parent.get("spec").unwrap_or(parent);
    parent[key].as_array().map_or(&[], Vec::as_slice)
}

/// Init containers and containers, each with its list's name.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    LISTS.into_iter().flat_map(|name| list(pod, name).iter().map(move |one| (name, one)))
}

/// The user that every container runs as, if there is one and it can be told: as the kubelet asks, a mesh's count too.
pub(crate) fn common_user(pod: &Value) -> Option<i64> {
    let whole = pod["spec"]["securityContext"]["runAsUser"].as_i64();
    let mut users = containers(pod).map(|(_, one)| one["securityContext"]["runAsUser"].as_i64().or(whole));
    let first = users.next()??;
    users.all(|user| user == Some(first)).then_some(first)
}

/// Resources for the pod, of which the containers then take their part.
pub(crate) fn has_resources_as_a_whole(pod: &Value) -> bool {
    let says = |kind: &str| {
        let amounts = &pod["spec"]["resources"][kind];
        ["cpu", "memory"].iter().any(|name| !amounts[name].is_null())
    };
    says("requests") || says("limits")
}

/// As Kubernetes decides it: every container has limits of both, and requests, if any, that equal them.
pub(crate) fn is_guaranteed(pod: &Value) -> bool {
    let guaranteed = |resources: &Value| {
        ["cpu", "memory"].iter().all(|name| {
            let (request, limit) = (&resources["requests"][name], &resources["limits"][name]);
            !limit.is_null() && amount(limit) > 0 && (request.is_null() || amount(request) == amount(limit))
        })
    };
    if has_resources_as_a_whole(pod) {
        return guaranteed(&pod["spec"]["resources"]);
    }
    containers(pod).all(|(_, one)| guaranteed(&one["resources"]))
}

/// A quantity in thousandths, of the spellings that the cases and generators use.
pub(crate) fn amount(quantity: &Value) -> u64 {
    let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths: u64 = format!("{whole}{fraction:0<3}").parse().unwrap();
    match unit {
        "" => thousandths,
        "m" => thousandths / 1000,
        "Ki" => thousandths << 10,
        "Mi" => thousandths << 20,
        "Gi" => thousandths << 30,
        other => panic!("{other} is no unit of the cases"),
    }
}
