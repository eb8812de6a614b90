//! Properties of any pod: the patch applies, is empty the second time, and never removes or changes a field of the user.

use std::io;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rolebridge_inject::{Context, Decision, Pod, Reason, admit, resolve};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use crate::case::{common_defaults, patched};
use crate::{audit, generate, others};

/// Returns the configuration of a short run. Set `PROPTEST_CASES=20000` for a long one.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 400 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn patch_applies_and_is_empty_the_second_time(case in generate::case()) {
        let admission = case.admit(&case.pod);
        let Some(after) = patched(&case.pod, &admission) else { return Ok(()) };
        prop_assert_eq!(audit::forbidden_changes(&case.pod, &after), vec![]);
        prop_assert_eq!(audit::problems(&case.pod, &after), Vec::<String>::new());
        prop_assert_eq!(case.admit(&after).decision, Decision::Skip(Reason::AlreadyInjected));
    }

    #[test]
    fn patch_after_a_later_webhook_adds_nothing_twice(
        case in generate::case(),
        changes in proptest::sample::subsequence(LATER_WEBHOOKS.to_vec(), 1..=LATER_WEBHOOKS.len()),
    ) {
        let Some(mut pod) = patched(&case.pod, &case.admit(&case.pod)) else { return Ok(()) };
        for change in changes {
            change(&mut pod);
        }
        if let Some(again) = patched(&pod, &case.admit(&pod)) {
            prop_assert_eq!(audit::forbidden_changes(&pod, &again), vec![]);
            prop_assert_eq!(case.admit(&again).decision, Decision::Skip(Reason::AlreadyInjected));
        }
    }

    #[test]
    fn decision_does_not_depend_on_json_formatting(case in generate::case()) {
        let decide = |bytes: &[u8]| {
            let pod: Pod<'_> = serde_json::from_slice(bytes).unwrap();
            let context = case.context();
            (format!("{:?}", resolve(&pod, &context)), format!("{:?}", admit(&pod, &context)))
        };
        let plain = decide(&serde_json::to_vec(&case.pod).unwrap());
        prop_assert_eq!(&plain, &decide(&serde_json::to_vec(&case.pod).unwrap()));
        prop_assert_eq!(&plain, &decide(&serde_json::to_vec_pretty(&case.pod).unwrap()));
        prop_assert_eq!(&plain, &decide(&escaped(&case.pod)));
    }

    #[test]
    fn admit_of_any_json_does_not_panic(
        mut pod in generate::pod(),
        value in generate::any_json(),
        index in any::<prop::sample::Index>(),
    ) {
        let pointers = pointers(&pod);
        let pointer: &String = index.get(&pointers);
        *pod.pointer_mut(pointer).unwrap() = value;
        admit_bytes(&serde_json::to_vec(&pod).unwrap());
    }

    #[test]
    fn admit_of_truncated_json_does_not_panic(pod in generate::pod(), index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&pod).unwrap();
        let index = index.index(bytes.len());
        bytes[index] = byte;
        admit_bytes(&bytes);
        admit_bytes(&bytes[..index]);
    }

    #[test]
    fn admit_of_any_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        admit_bytes(&bytes);
    }
}

/// Changes of other webhooks after Rolebridge.
const LATER_WEBHOOKS: [fn(&mut Value); 7] = [
    others::eks,
    others::eks_association,
    others::vault_in_front,
    others::istio_native_if_missing,
    others::policies,
    others::api_server,
    others::tamper,
];

#[test]
fn generators_reach_every_decision() {
    let mut runner = TestRunner::deterministic();
    let strategy = generate::case();
    let mut counts = [0; 3];
    for _ in 0..400 {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        counts[match case.admit(&case.pod).decision {
            Decision::Patch(_) => 0,
            Decision::Skip(_) => 1,
            Decision::Deny(_) => 2,
        }] += 1;
    }
    let [injected, skipped, denied] = counts;
    assert!(injected >= 110 && skipped >= 20 && denied >= 60, "{counts:?}");
}

/// Admits the pod if the bytes contain a pod.
fn admit_bytes(bytes: &[u8]) {
    let Ok(pod) = serde_json::from_slice::<Pod<'_>>(bytes) else { return };
    let defaults = common_defaults();
    let context =
        Context { namespace: "shop", service_account: None, namespace_metadata: None, defaults: &defaults };
    let admission = admit(&pod, &context);
    let Ok(raw) = serde_json::from_slice::<Value>(bytes) else { return };
    patched(&raw, &admission);
}

/// Returns the JSON pointer of every value.
pub(crate) fn pointers(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, element)| (index.to_string(), element)).collect()
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.replace('~', "~0").replace('/', "~1"), field)).collect()
        }
        _ => Vec::new(),
    };
    let below = inner
        .into_iter()
        .flat_map(|(key, value)| pointers(value).into_iter().map(move |pointer| format!("/{key}{pointer}")));
    std::iter::once(String::new()).chain(below).collect()
}

/// Serializes a value with every character of every string escaped.
fn escaped(value: &Value) -> Vec<u8> {
    struct Escape;
    impl Formatter for Escape {
        fn write_string_fragment<W: ?Sized + io::Write>(
            &mut self,
            writer: &mut W,
            text: &str,
        ) -> io::Result<()> {
            text.encode_utf16().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))
        }
    }
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escape)).unwrap();
    bytes
}

#[test]
fn escaped_json_parses_to_the_same_value() {
    let value = json!({"a/\"b\"": ["\u{1f980}\n", "plain"], "n": 1});
    let escaped = escaped(&value);
    assert!(escaped.starts_with(br#"{"\u0061"#), "{}", String::from_utf8_lossy(&escaped));
    assert_eq!(serde_json::from_slice::<Value>(&escaped).unwrap(), value);
}
