//! Facts about a pod's JSON, independent of the injecting code.

use serde_json::Value;

/// The containers of the meshes.
pub(crate) const MESH: &[&str] = &[
    "istio-init",
    "istio-validation",
    "istio-proxy",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-proxy",
    "kuma-init",
    "kuma-validation",
    "kuma-sidecar",
    "consul-connect-inject-init",
    "consul-dataplane",
    "netbird",
];

/// The containers with a proxy of the meshes.
const PROXIES: [&str; 5] = ["istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane", "netbird"];

/// The pod's two container lists.
pub(crate) const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Returns true for a mesh's proxy.
pub(crate) fn is_proxy(container: &Value) -> bool {
    is_one_of(&container["name"], &PROXIES)
}

/// Returns true for the name of a mesh's container.
pub(crate) fn is_mesh(name: &Value) -> bool {
    is_one_of(name, MESH)
}

/// Returns true for a name, or one of Consul with the name of a service at its end.
fn is_one_of(name: &Value, names: &[&str]) -> bool {
    let name = name.as_str().unwrap_or_default();
    names.iter().any(|known| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || known.starts_with("consul") && rest.starts_with('-'))
    })
}

/// Returns the elements of a list that may be absent.
pub(crate) fn list<'a>(parent: &'a Value, key: &str) -> &'a [Value] {
    let parent = parent.get("spec").unwrap_or(parent);
    parent[key].as_array().map_or(&[], Vec::as_slice)
}

/// Returns init containers and containers, each with the name of its list.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    LISTS.into_iter().flat_map(|name| list(pod, name).iter().map(move |container| (name, container)))
}

/// Returns the user that all containers share, if it is known. A mesh's containers count too, as in the kubelet.
pub(crate) fn shared_user(pod: &Value) -> Option<i64> {
    let pod_user = pod["spec"]["securityContext"]["runAsUser"].as_i64();
    let mut users =
        containers(pod).map(|(_, container)| container["securityContext"]["runAsUser"].as_i64().or(pod_user));
    let first = users.next()??;
    users.all(|user| user == Some(first)).then_some(first)
}

/// Returns true if the pod has a pod-level resource, which its containers share. The API server adds those that a container
/// requests, if the pod has limits.
pub(crate) fn has_pod_level(pod: &Value, name: &str) -> bool {
    let all = &pod["spec"]["resources"];
    let container_requests = || {
        containers(pod)
            .any(|(_, container)| container["name"] != "rolebridge" && sets(&container["resources"], name))
    };
    sets(all, name) || all["limits"].is_object() && container_requests()
}

fn sets(resources: &Value, name: &str) -> bool {
    ["requests", "limits"].iter().any(|kind| !resources[kind][name].is_null())
}

/// Returns true if Kubernetes classifies the pod as Guaranteed: every container has both limits, and equal requests if any.
pub(crate) fn is_guaranteed(pod: &Value) -> bool {
    let guaranteed = |resources: &Value| {
        ["cpu", "memory"].iter().all(|name| {
            let (request, limit) = (&resources["requests"][name], &resources["limits"][name]);
            !limit.is_null() && amount(limit) > 0 && (request.is_null() || amount(request) == amount(limit))
        })
    };
    let pod_level = &pod["spec"]["resources"];
    if sets(pod_level, "cpu") || sets(pod_level, "memory") {
        return guaranteed(pod_level);
    }
    containers(pod).all(|(_, container)| guaranteed(&container["resources"]))
}

/// Parses a quantity in thousandths, as far as the cases and generators use it.
pub(crate) fn amount(quantity: &Value) -> u64 {
    let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_owned);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths: u64 = format!("{integer}{fraction:0<3}").parse().unwrap();
    match unit {
        "" => thousandths,
        "m" => thousandths / 1000,
        "Ki" => thousandths << 10,
        "Mi" => thousandths << 20,
        "Gi" => thousandths << 30,
        other => panic!("unexpected unit {other}"),
    }
}
