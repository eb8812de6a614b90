//! The key of a pod contains all that decides: pods with equal keys get the same patch.

use proptest::prelude::*;
use rolebridge_inject::{Admission, Decision, Pod, admit};
use serde_json::Value;

use crate::case::{Case, files};
use crate::generate;
use crate::properties::pointers;

/// Returns the key of a pod and the decision about it.
fn decide(case: &Case, pod: &Value) -> Option<(Vec<u8>, Admission<'static>)> {
    let bytes = serde_json::to_vec(pod).unwrap();
    let mut view: Pod<'_> = serde_json::from_slice(&bytes).ok()?;
    let key = view.key(case.namespace_name());
    Some((key, admit(&view, &case.context()).without_settings()))
}

/// Returns the decision about a pod, if it has this key.
fn decide_with_key(case: &Case, pod: &Value, key: &[u8]) -> Option<Admission<'static>> {
    let bytes = serde_json::to_vec(pod).unwrap();
    let mut view: Pod<'_> = serde_json::from_slice(&bytes).ok()?;
    let is_equal = view.key(case.namespace_name()) == key;
    is_equal.then(|| admit(&view, &case.context()).without_settings())
}

/// Returns other values for the one at a pointer: without it, with another text or number, or of another type.
fn mutations(pod: &Value, pointer: &str) -> Vec<Value> {
    let replaced = |value: Value| {
        let mut pod = pod.clone();
        *pod.pointer_mut(pointer).unwrap() = value;
        pod
    };
    let mut mutations = match pod.pointer(pointer).unwrap() {
        Value::String(text) => vec![replaced(format!("{text}x").into()), replaced("".into())],
        Value::Number(number) => vec![replaced((number.as_i64().unwrap_or_default() + 1).into())],
        Value::Bool(value) => vec![replaced((!value).into())],
        Value::Array(items) => {
            let doubled = items.iter().chain(items).cloned().collect::<Vec<_>>();
            vec![replaced(doubled.into()), replaced(Value::Array(Vec::new()))]
        }
        Value::Object(_) | Value::Null => Vec::new(),
    };
    mutations.push(replaced(Value::Null));
    if let Some((parent, field)) = pointer.rsplit_once('/') {
        let mut pod = pod.clone();
        if let Some(fields) = pod.pointer_mut(parent).and_then(Value::as_object_mut) {
            fields.remove(&field.replace("~1", "/").replace("~0", "~"));
            mutations.push(pod);
        }
    }
    mutations
}

/// The share of a fixture's fields that are mutated: one of this many. Most fields are in many fixtures.
const EVERY: usize = 8;

/// Mutates fields of each fixture: if the key is the same, then so is the decision.
#[test]
fn pods_with_equal_keys_get_the_same_decision() {
    let (mut equal, mut different) = (0, 0);
    for (number, file) in files().iter().enumerate() {
        let case = Case::read(file);
        let Some((key, admission)) = decide(&case, &case.pod) else { continue };
        for pointer in pointers(&case.pod).into_iter().skip(number % EVERY).step_by(EVERY) {
            for mutation in mutations(&case.pod, &pointer) {
                let Some(other) = decide_with_key(&case, &mutation, &key) else {
                    different += 1;
                    continue;
                };
                equal += 1;
                assert_eq!(admission, other, "{}: {pointer}", file.display());
            }
        }
    }
    assert!(equal > 100 && different > 1000, "{equal} and {different}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_pods_with_equal_keys_get_the_same_decision(
        case in generate::case(),
        index in any::<prop::sample::Index>(),
        value in generate::any_json(),
    ) {
        let Some((key, admission)) = decide(&case, &case.pod) else { return Ok(()) };
        let pointers = pointers(&case.pod);
        let pointer: &String = index.get(&pointers);
        let mut pods = mutations(&case.pod, pointer);
        let mut replaced = case.pod.clone();
        *replaced.pointer_mut(pointer).unwrap() = value;
        pods.push(replaced);
        for pod in pods {
            if let Some(other) = decide_with_key(&case, &pod, &key) {
                prop_assert_eq!(&admission, &other, "{}", pointer);
            }
        }
    }
}

/// The generated name is not in the key, and not in the patch. Another use of the name is in the key.
#[test]
fn generated_volume_names_do_not_decide() {
    let review = include_str!("../../../../tests/fixtures/reviews/typical.json");
    let pod = |review: &str| serde_json::from_str::<Value>(review).unwrap()["request"]["object"].take();
    let mut case = Case::read(&files()[0]);
    case.service_account = None;
    let pod_with = |name: &str| {
        let mut pod = pod(&review.replace("kube-api-access-79hjd", name));
        pod["metadata"]["annotations"]["rolebridge.io/inject"] = "true".into();
        pod["metadata"]["annotations"]["rolebridge.io/role-arn"] =
            "arn:aws:iam::111122223333:role/batch".into();
        pod
    };
    let (key, admission) = decide(&case, &pod_with("kube-api-access-79hjd")).unwrap();
    assert!(matches!(admission.decision, Decision::Patch(_)), "{admission:?}");
    assert_eq!(decide(&case, &pod_with("kube-api-access-other")).unwrap(), (key.clone(), admission));
    assert_ne!(decide(&case, &pod_with("other")).unwrap().0, key);
    let mut elsewhere = pod_with("kube-api-access-79hjd");
    elsewhere["spec"]["containers"][0]["volumeMounts"][0]["name"] = "kube-api-access-other".into();
    assert_ne!(decide(&case, &elsewhere).unwrap().0, key);
    let mut twice = pod_with("kube-api-access-79hjd");
    let volume = serde_json::json!({"name": "kube-api-access-other", "emptyDir": {}});
    twice["spec"]["volumes"].as_array_mut().unwrap().push(volume);
    let (one, mut other) = (twice.clone(), twice);
    other["spec"]["volumes"][3]["name"] = "kube-api-access-third".into();
    assert_ne!(decide(&case, &one).unwrap().0, decide(&case, &other).unwrap().0);
}
