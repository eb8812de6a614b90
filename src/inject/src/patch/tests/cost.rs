//! The sidecar's resources in pods of each quality of service class.

use serde_json::{Value, json};

use super::{DEFAULTS, injected, pod, sidecar};

/// Renders requests and limits of CPU and memory, `-` for a missing one.
fn costs(resources: &Value) -> String {
    let value = |kind: &str, name: &str| resources[kind][name].as_str().unwrap_or("-").to_owned();
    [("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory")]
        .map(|(kind, name)| value(kind, name))
        .join(" ")
}

#[test]
fn sidecar_resources_depend_on_the_pod_and_the_settings() {
    let guaranteed =
        json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}});
    for (resources, settings, expected) in [
        (json!({}), "", "5m - 16Mi -"),
        (json!({"requests": {"cpu": "1", "memory": "1Gi"}}), "", "5m - 16Mi -"),
        (json!({"limits": {"memory": "1Gi"}}), "", "5m - 16Mi 32Mi"),
        (json!({"limits": {"cpu": "1"}}), "", "5m 50m 16Mi -"),
        (json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}), "", "5m 50m 16Mi 32Mi"),
        (guaranteed.clone(), "", "50m 50m 32Mi 32Mi"),
        (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), "", "50m 50m 32Mi 32Mi"),
        (json!({"limits": {"cpu": "0", "memory": "1Gi"}}), "", "5m 50m 16Mi 32Mi"),
        (json!({}), "memory-limit=64Mi", "5m - 16Mi 64Mi"),
        (json!({}), "cpu-request=200m", "200m - 16Mi -"),
        (json!({"limits": {"cpu": "1"}}), "cpu-request=200m", "200m 200m 16Mi -"),
        (json!({}), "cpu-limit=2m", "2m 2m 16Mi -"),
        (guaranteed.clone(), "cpu-limit=20m memory-request=48Mi", "20m 20m 48Mi 48Mi"),
        (guaranteed.clone(), "cpu-request=10m cpu-limit=20m", "20m 20m 32Mi 32Mi"),
        (guaranteed.clone(), "cpu-request=20m memory-request=24Mi", "20m 20m 24Mi 24Mi"),
        (guaranteed, "memory-request=8Mi", "50m 50m 16Mi 16Mi"),
    ] {
        let mut pod = pod(&json!({"resources": resources}));
        for (name, value) in settings.split_whitespace().filter_map(|setting| setting.split_once('=')) {
            pod["metadata"]["annotations"][format!("rolebridge.io/{name}")] = json!(value);
        }
        let (patched, _) = injected(&pod, DEFAULTS);
        assert_eq!(costs(&sidecar(&patched)["resources"]), expected, "{resources} {settings}");
    }
}

#[test]
fn pod_with_an_init_container_without_limits_is_burstable() {
    let mut pod = pod(&json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}));
    pod["spec"]["initContainers"] = json!([{"name": "migrate"}]);
    let (patched, _) = injected(&pod, DEFAULTS);
    assert_eq!(costs(&sidecar(&patched)["resources"]), "5m 50m 16Mi 32Mi");
}

#[test]
fn resource_that_is_not_pod_level_is_planned() {
    let limits = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
    for (pod_level, resources, expected) in [
        (json!({"limits": {"cpu": "1"}}), json!({}), "- - 16Mi -"),
        (json!({"requests": {"cpu": "1"}}), limits.clone(), "- - 16Mi 32Mi"),
        (json!({"requests": {"memory": "1Gi"}}), limits, "5m 50m - -"),
        (json!({"limits": {"hugepages-2Mi": "2Mi"}}), json!({}), "5m - 16Mi -"),
    ] {
        let mut pod = pod(&json!({"resources": resources}));
        pod["spec"]["resources"] = pod_level;
        let (patched, _) = injected(&pod, DEFAULTS);
        assert_eq!(costs(&sidecar(&patched)["resources"]), expected, "{pod}");
    }
}

/// The API server takes the containers' requests as those of the pod, if the pod has limits.
#[test]
fn resource_that_the_api_server_makes_pod_level_is_not_planned() {
    let pod_level = json!({"limits": {"cpu": "1"}});
    for resources in [json!({"limits": {"memory": "1Gi"}}), json!({"requests": {"memory": "1Gi"}})] {
        let mut pod = pod(&json!({"resources": resources}));
        pod["spec"]["resources"] = pod_level.clone();
        let (patched, _) = injected(&pod, DEFAULTS);
        assert_eq!(sidecar(&patched)["resources"], Value::Null, "{pod}");
    }
}

#[test]
fn pod_level_resources_are_shared() {
    let mut pod_level = pod(&json!({}));
    pod_level["spec"]["resources"] = json!({"requests": {"memory": "1Gi"}, "limits": {"cpu": "1"}});
    pod_level["metadata"]["annotations"]["rolebridge.io/cpu-limit"] = json!("1");
    let (patched, warnings) = injected(&pod_level, DEFAULTS);
    assert_eq!(sidecar(&patched)["resources"], Value::Null);
    assert_eq!(
        warnings,
        ["The sidecar's requests and limits have no effect, because the pod sets spec.resources."]
    );
}
