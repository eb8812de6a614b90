//! The steps of a decision grow no faster than the pod, for each list of a pod that its author controls.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Context, Defaults, ObjectMetadata, admit, steps};

/// Maximum factor between the steps of a list and those of one twice as long. Sorting takes slightly more than 2, and a
/// quadratic number of steps takes nearly 4.
const MAX_FACTOR: usize = 3;

const DEFAULTS: &str = "sidecar:
  imagePullSecrets: [registry]
settings:
  provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod
  role-arn: arn:aws:iam::123456789012:role/batch
";

/// A function that builds a pod with a list of `count` items.
type BuildPod = fn(usize) -> Value;

/// The lists. The items of lists that refer to each other have the same names.
const PODS: &[(&str, BuildPod)] = &[
    ("unknown annotations", |count| pod(&annotations(count, "x"), &json!({}))),
    ("unknown annotations and labels without opt-in", |count| {
        let keys = annotations(count, "x");
        json!({"metadata": {"annotations": keys, "labels": keys}, "spec": {}})
    }),
    (
        "misspelled opt-ins",
        |count| json!({"metadata": {"annotations": annotations(count, "injec")}, "spec": {}}),
    ),
    ("labels", |count| {
        let mut pod = pod(&json!({}), &json!({}));
        pod["metadata"]["labels"] = annotations(count, "x");
        pod
    }),
    ("variables", |count| pod(&json!({}), &json!({"env": named(count)}))),
    ("repeated variables", |count| {
        let variable = json!({"name": "NO_PROXY", "value": "localhost"});
        pod(&json!({}), &json!({"env": vec![variable; count]}))
    }),
    ("mounts", |count| pod(&json!({}), &json!({"volumeMounts": named(count)}))),
    ("ports", |count| {
        let port = json!({"containerPort": 15080, "protocol": "UDP"});
        pod(&json!({}), &json!({"ports": vec![port; count]}))
    }),
    ("volumes", |count| with_list("volumes", named(count))),
    ("pull secrets", |count| with_list("imagePullSecrets", named(count))),
    ("init containers", |count| with_list("initContainers", named(count / 4))),
    ("containers with a source each", |count| {
        containers(count / 4, "rolebridge.io/source", |name| format!("{name}=file"))
    }),
    ("listed containers", |count| containers(count / 4, "rolebridge.io/containers", str::to_owned)),
    ("skipped containers", |count| containers(count / 4, "rolebridge.io/skip-containers", str::to_owned)),
];

/// Returns a pod with a container that has these fields.
fn pod(annotations: &Value, container: &Value) -> Value {
    let mut pod =
        json!({"metadata": {"annotations": {"rolebridge.io/inject": "true"}}, "spec": {"containers": [{}]}});
    let extend = |place: &mut Value, more: &Value| {
        place.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    };
    extend(&mut pod["metadata"]["annotations"], annotations);
    extend(&mut pod["spec"]["containers"][0], container);
    pod
}

fn with_list(field: &str, items: Vec<Value>) -> Value {
    let mut pod = pod(&json!({}), &json!({}));
    pod["spec"][field] = Value::from(items);
    pod
}

/// Returns a pod with containers that an annotation lists.
fn containers(count: usize, key: &str, item: impl Fn(&str) -> String) -> Value {
    let containers = named(count);
    let items: Vec<_> =
        containers.iter().map(|container| item(container["name"].as_str().unwrap())).collect();
    let mut pod = pod(&json!({key: items.join(",")}), &json!({}));
    pod["spec"]["containers"].as_array_mut().unwrap().extend(containers);
    pod
}

fn named(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"name": format!("n{number}")})).collect()
}

fn annotations(count: usize, name: &str) -> Value {
    let keys = (0..count).map(|number| format!("rolebridge.io/{name}{number}"));
    keys.map(|key| (key, Value::from("x"))).collect()
}

fn steps_of(pod: &Value) -> usize {
    let text = pod.to_string();
    let metadata = ObjectMetadata::default();
    let context = Context {
        namespace: "shop",
        service_account: Some(&metadata),
        namespace_metadata: Some(&metadata),
        defaults: &Defaults::from_yaml(DEFAULTS).unwrap(),
    };
    steps::of(|| drop(admit(&serde_json::from_str(&text).unwrap(), &context)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, ..ProptestConfig::default() })]

    #[test]
    fn steps_of_a_longer_list_grow_no_faster_than_the_list(count in 800..1000_usize) {
        for (name, pod) in PODS {
            let (steps, more) = (steps_of(&pod(count)), steps_of(&pod(2 * count)));
            prop_assert!(steps > 0 && more <= MAX_FACTOR * steps, "{name}: {steps} for {count}, then {more}");
        }
    }
}
