//! Limits with pods before and after the injection of a sidecar.
#![expect(clippy::needless_pass_by_value, reason = "callers pass literals")]

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// Returns a pod with one container, and the same with a sidecar.
fn pods(app: &Value, sidecar: &Value) -> (OrderedValue, OrderedValue) {
    let pod = |init: &Value| {
        let spec = json!({"initContainers": init, "containers": [{"name": "app", "resources": app}]});
        serde_json::from_value(json!({"spec": spec})).unwrap()
    };
    (pod(&json!([])), pod(&json!([{"name": "rolebridge", "restartPolicy": "Always", "resources": sidecar}])))
}

fn resources(requests: Value, limits: Value) -> Value {
    json!({"requests": requests, "limits": limits})
}

fn small() -> Value {
    resources(json!({"cpu": "5m", "memory": "16Mi"}), json!({"cpu": "50m", "memory": "32Mi"}))
}

fn app() -> Value {
    resources(json!({"cpu": "100m", "memory": "128Mi"}), json!({"cpu": "200m", "memory": "256Mi"}))
}

fn limits(objects: &[Value]) -> Limits {
    let mut limits = Limits::default();
    for object in objects {
        limits.add(object["kind"].as_str().unwrap(), object.clone());
    }
    limits
}

fn range(item: Value) -> Value {
    json!({"kind": "LimitRange", "metadata": {"name": "floor"}, "spec": {"limits": [item]}})
}

fn quota(hard: Value, used: Value) -> Value {
    json!({"kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": hard}, "status": {"used": used}})
}

#[rstest]
#[case::min(
    range(json!({"type": "Container", "min": {"cpu": "10m", "memory": "32Mi"}})),
    &["cpu request: expected at least 10m, found 5m", "memory request: expected at least 32Mi, found 16Mi",
        "rolebridge.io/cpu-request: \"10m\"", "rolebridge.io/memory-request: \"32Mi\""]
)]
#[case::min_of_limits(
    range(json!({"type": "Container", "min": {"memory": "64Mi"}})),
    &["memory limit: expected at least 64Mi, found 32Mi", "rolebridge.io/memory-limit: \"64Mi\""]
)]
#[case::ratio(
    range(json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "4"}})),
    &["cpu limit: expected at most 4 times the request of 5m, found 50m", "rolebridge.io/cpu-request: \"13m\" on"]
)]
#[case::fractional_ratio(
    range(json!({"type": "Container", "maxLimitRequestRatio": {"memory": "1.5"}})),
    &["at most 1500m times", "rolebridge.io/memory-request: \"22369622\""]
)]
#[case::max(
    range(json!({"type": "Container", "max": {"cpu": "20m"}})),
    &["cpu limit: expected at most 20m, found 50m", "rolebridge.io/cpu-limit: \"20m\""]
)]
#[case::total(
    range(json!({"type": "Pod", "max": {"memory": "272Mi"}})),
    &["in all its containers together, memory limit: expected at most 272Mi, found 288Mi"]
)]
#[case::quota(
    quota(json!({"requests.cpu": "1"}), json!({"requests.cpu": "897m"})),
    &["requests.cpu: expected at most 1, found 897m in use and 105m for this pod"]
)]
#[case::new_quota(quota(json!({"limits.memory": "256Mi"}), json!({})), &["found 0 in use and 288Mi for this pod"])]
fn findings_name_the_amount_and_the_fix(#[case] object: Value, #[case] expected: &[&str]) {
    let (before, after) = pods(&app(), &small());
    let findings = limits(&[object]).findings(&before, &after);
    assert_eq!(findings.len(), 1, "{findings:?}");
    for part in expected {
        assert!(findings[0].contains(part), "{part}: {findings:?}");
    }
}

#[rstest]
#[case::fits(range(json!({"type": "Container", "min": {"cpu": "5m"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "10"}})))]
#[case::quota_fits(quota(json!({"cpu": "1"}), json!({"cpu": "895m"})))]
#[case::exhausted_without_sidecar(quota(json!({"cpu": "1"}), json!({"cpu": "901m"})))]
#[case::total_too_large_without_sidecar(range(json!({"type": "Pod", "max": {"cpu": "100m"}})))]
#[case::claims(range(json!({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}})))]
#[case::other_resource(quota(json!({"requests.nvidia.com/gpu": "0"}), json!({})))]
#[case::other_scope(json!({"kind": "ResourceQuota", "metadata": {"name": "a"}, "spec": {"hard": {"cpu": "1m"},
    "scopes": ["Terminating"]}}))]
#[case::other_class(json!({"kind": "ResourceQuota", "metadata": {"name": "a"}, "spec": {"hard": {"cpu": "1m"},
    "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}}))]
#[case::invalid(json!({"kind": "LimitRange", "metadata": {"name": "a"}, "spec": {"limits": "none"}}))]
fn pods_that_fit_or_never_did_have_no_finding(#[case] object: Value) {
    let (before, after) = pods(&app(), &small());
    assert_eq!(limits(&[object]).findings(&before, &after), [""; 0]);
}

#[test]
fn default_limit_applies_to_a_sidecar_without_limits() {
    let requests = resources(json!({"cpu": "5m", "memory": "16Mi"}), json!({}));
    let (before, after) = pods(&resources(json!({"cpu": "1"}), json!({})), &requests);
    let object =
        range(json!({"type": "Container", "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "10"}}));
    let findings = limits(&[object]).findings(&before, &after).join("\n");
    assert!(findings.contains("expected at most 10 times the request of 5m, found 2"), "{findings}");
    assert!(findings.contains("rolebridge.io/cpu-request: \"200m\""), "{findings}");
}

#[test]
fn quota_for_pods_with_requests_applies_because_of_the_sidecar() {
    let (before, after) = pods(&json!({}), &resources(json!({"cpu": "5m", "memory": "16Mi"}), json!({})));
    let mut object = quota(json!({"requests.cpu": "1"}), json!({}));
    object["spec"]["scopes"] = json!(["NotBestEffort"]);
    let findings = limits(&[object]).findings(&before, &after).join("\n");
    assert!(
        findings.contains("requests.cpu: expected an amount for each container, found none for app"),
        "{findings}"
    );
}

#[test]
fn total_counts_native_sidecars_and_the_largest_init_container() {
    let cpu = |name: &str, amount: &str| json!({"name": name, "resources": {"requests": {"cpu": amount}}});
    let mut sidecar = cpu("rolebridge", "5m");
    sidecar["restartPolicy"] = "Always".into();
    let pod = json!({"spec": {"initContainers": [sidecar, cpu("migrate", "300m")], "containers": [cpu("app", "200m")]}});
    let pod = PodResources::of(&serde_json::from_value(pod).unwrap()).unwrap();
    let total = pod.total(super::pod::Bound::Request);
    assert_eq!(total["cpu"].to_millis(), 305);
}

#[rstest]
fn fixes_meet_the_constraints(
    #[values("5m", "40m")] min: &str,
    #[values("45m", "500m")] max: &str,
    #[values("1", "1.3", "4")] ratio: &str,
) {
    let object = range(json!({"type": "Container", "min": {"cpu": min}, "max": {"cpu": max},
        "maxLimitRequestRatio": {"cpu": ratio}}));
    let limits = limits(&[object]);
    let (before, after) = pods(&app(), &small());
    let finding = limits.findings(&before, &after).join("");
    let value = |key: &str, current: &str| {
        let text = finding
            .split_once(&format!("rolebridge.io/cpu-{key}: \""))
            .map(|(_, rest)| rest.split('"').next().unwrap());
        text.unwrap_or(current).to_owned()
    };
    let (request, limit) = (value("request", "5m"), value("limit", "50m"));
    let fixed = resources(json!({"cpu": request, "memory": "16Mi"}), json!({"cpu": limit, "memory": "32Mi"}));
    let (before, after) = pods(&app(), &fixed);
    let remaining = limits.findings(&before, &after);
    assert!(remaining.is_empty(), "{finding}\n{remaining:?}");
}
