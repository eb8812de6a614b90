//! The size of the patch of the largest pods.

use serde_json::{Value, json};

use super::{DEFAULTS, admit_with, injected, pod};
use crate::{Decision, Reason};

/// Returns a pod with `count` containers and these fields in each.
fn with_containers(count: usize, fields: &Value) -> Value {
    let mut pod = pod(&json!({}));
    let name = |number| json!({"name": format!("{}{number}", "n".repeat(60))});
    pod["spec"]["containers"] = (0..count).map(name).collect();
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    }
    pod
}

#[test]
fn pod_with_too_many_containers_is_denied() {
    let (patched, _) = injected(&with_containers(500, &json!({})), DEFAULTS);
    let (decision, _) = admit_with(&patched, DEFAULTS);
    assert_eq!(decision, Decision::Skip(Reason::AlreadyInjected), "the sidecar does not count");
    let mut ephemeral = with_containers(500, &json!({}));
    ephemeral["spec"]["ephemeralContainers"] = json!([{"name": "debug"}]);
    for (pod, found) in [(with_containers(20_000, &json!({})), 20_000), (ephemeral, 501)] {
        let (Decision::Deny(denial), _) = admit_with(&pod, DEFAULTS) else { panic!("accepted {found}") };
        assert_eq!(denial.reason, Reason::PodTooLarge);
        assert_eq!(
            denial.message,
            format!(
                "Containers on the pod: expected at most 500, found {found}. Fix: split the pod, or set \
                 rolebridge.io/inject: \"false\" on it."
            )
        );
    }
}

#[test]
fn pod_with_too_many_items_is_denied() {
    let many = |count: usize| vec![json!({"name": "X"}); count];
    let spread = with_containers(51, &json!({"env": many(500), "volumeMounts": many(500)}));
    for pod in [pod(&json!({"env": many(50_001)})), spread] {
        let (Decision::Deny(denial), _) = admit_with(&pod, DEFAULTS) else { panic!("accepted") };
        assert_eq!(
            denial.message,
            "Containers on the pod: expected at most 50000 variables, mounts, ports and arguments, found more. \
             Fix: split the pod, or set rolebridge.io/inject: \"false\" on it."
        );
    }
    let (decision, _) = admit_with(&pod(&json!({"env": many(50_000)})), DEFAULTS);
    assert!(matches!(decision, Decision::Patch(_)));
}

#[test]
fn pod_with_too_many_volumes_is_denied() {
    let with_volumes = |count: usize| {
        let mut pod = pod(&json!({}));
        pod["spec"]["volumes"] =
            (0..count).map(|n| json!({"name": format!("v{n}"), "emptyDir": {}})).collect();
        pod
    };
    for count in [1001, 5000] {
        let (Decision::Deny(denial), _) = admit_with(&with_volumes(count), DEFAULTS) else {
            panic!("accepted")
        };
        assert_eq!(denial.reason, Reason::PodTooLarge);
        assert_eq!(
            denial.message,
            "Volumes on the pod: expected at most 1000, found more. Fix: split the pod, or set rolebridge.io/inject: \
             \"false\" on it."
        );
    }
    let (patched, _) = injected(&with_volumes(1000), DEFAULTS);
    let (decision, _) = admit_with(&patched, DEFAULTS);
    assert_eq!(decision, Decision::Skip(Reason::AlreadyInjected), "the volumes of Rolebridge do not count");
}

/// The maximum length of a patch, without the pod's own values of `NO_PROXY`, which it repeats.
const MAX_PATCH_LEN: usize = 2 << 20;

/// Returns a pod with the most containers and, for this source, the most and longest additions.
fn largest(source: &str) -> Value {
    let proxy = json!([{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]);
    // The longest project, with a domain of 253 characters.
    let project = format!("{}{}:{}", "d.".repeat(126), "d", "p".repeat(30));
    let mut pod = with_containers(500, &json!({"env": proxy, "volumeMounts": []}));
    for (key, value) in [
        ("source", source),
        ("project", &project),
        ("quota-project", &project),
        ("outputs", "access-token"),
        ("no-proxy", &"n".repeat(16 << 10)),
        ("delegates", &vec!["a@shop.iam.gserviceaccount.com"; 500].join(",")),
        ("service-account", "a@shop.iam.gserviceaccount.com"),
    ] {
        if key != "delegates" || source == "metadata" {
            pod["metadata"]["annotations"][format!("rolebridge.io/{key}")] = json!(value);
        }
    }
    pod
}

#[test]
fn patch_of_the_largest_pod_is_bounded() {
    for source in ["loopback", "metadata"] {
        let (decision, _) = admit_with(&largest(source), DEFAULTS);
        let Decision::Patch(patch) = decision else { panic!("{decision:?}") };
        let len = patch.as_json().len();
        assert!(len > MAX_PATCH_LEN / 4 && len <= MAX_PATCH_LEN, "{source}: {len}");
    }
}

#[test]
fn additions_to_a_pod_with_the_maximum_of_items_do_not_count() {
    let mut by_kubelet = pod(&json!({"env": []}));
    for (key, value) in [("identity", "kubernetes"), ("source", "file")] {
        by_kubelet["metadata"]["annotations"][format!("rolebridge.io/{key}")] = json!(value);
    }
    let provider =
        "settings: {provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod}";
    for (mut pod, present, defaults) in [
        (pod(&json!({"env": []})), 0, DEFAULTS),
        (by_kubelet, 0, provider),
        (largest("loopback"), 500, DEFAULTS),
        (largest("file"), 500, DEFAULTS),
        (largest("metadata"), 500, DEFAULTS),
    ] {
        let env = pod["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.resize(env.len() + 50_000 - present, json!({"name": "X"}));
        let (patched, _) = injected(&pod, defaults);
        let (decision, _) = admit_with(&patched, defaults);
        assert_eq!(decision, Decision::Skip(Reason::AlreadyInjected));
        let env = pod["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(json!({"name": "X"}));
        assert!(matches!(admit_with(&pod, defaults).0, Decision::Deny(_)), "the pod's own items count");
    }
}
