//! What holds for any pod: the patch applies, adds only what it says, is empty the second time, and never removes or
//! changes a field that the user wrote.

use std::io;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rolebridge_inject::{Admission, Context, Decision, Pod, Reason, admit, resolve};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Value, json};

use crate::case::{common_defaults, patched};
use crate::{audit, generate, others};

/// Enough for each run; `PROPTEST_CASES=20000` for a long one.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 400 };
    ProptestConfig { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_patch_applies_adds_only_what_it_says_and_is_empty_the_second_time(case in generate::case()) {
        let admission = case.admit(&case.pod);
        let Some(after) = patched(&case.pod, &admission) else { return Ok(()) };
        prop_assert_eq!(audit::trespasses(&case.pod, &after), vec![]);
        prop_assert_eq!(audit::faults(&case.pod, &after), Vec::<String>::new());
        prop_assert_eq!(case.admit(&after).decision, Decision::Skip(Reason::AlreadyInjected));
    }

    #[test]
    fn a_later_webhook_is_followed_and_nothing_is_done_twice(
        case in generate::case(),
        changes in proptest::sample::subsequence(LATER.to_vec(), 1..=LATER.len()),
    ) {
        let Some(mut pod) = patched(&case.pod, &case.admit(&case.pod)) else { return Ok(()) };
        for change in changes {
            change(&mut pod);
        }
        if let Some(again) = patched(&pod, &case.admit(&pod)) {
            prop_assert_eq!(audit::trespasses(&pod, &again), vec![]);
            prop_assert_eq!(case.admit(&again).decision, Decision::Skip(Reason::AlreadyInjected));
        }
    }

    #[test]
    fn how_the_json_is_written_decides_nothing(case in generate::case()) {
        let decided = |bytes: &[u8]| {
            let pod: Pod<'_> = serde_json::from_slice(bytes).unwrap();
            let context = case.context();
            (format!("{:?}", resolve(&pod, &context)), admit(&pod, &context))
        };
        let plain = decided(&serde_json::to_vec(&case.pod).unwrap());
        prop_assert_eq!(&plain, &decided(&serde_json::to_vec(&case.pod).unwrap()));
        prop_assert_eq!(&plain, &decided(&serde_json::to_vec_pretty(&case.pod).unwrap()));
        prop_assert_eq!(&plain, &decided(&escaped(&case.pod)));
    }

    #[test]
    fn any_json_is_decided_or_refused_as_no_pod(
        mut pod in generate::pod(),
        value in generate::any_json(),
        at in any::<prop::sample::Index>(),
    ) {
        let pointers = pointers(&pod);
        let pointer: &String = at.get(&pointers);
        *pod.pointer_mut(pointer).unwrap() = value;
        look_at(&serde_json::to_vec(&pod).unwrap());
    }

    #[test]
    fn torn_json_does_no_harm(pod in generate::pod(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&pod).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        look_at(&bytes);
        look_at(&bytes[..at]);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        look_at(&bytes);
    }
}

/// What other webhooks do after ours.
const LATER: [fn(&mut Value); 7] = [
    others::eks,
    others::eks_association,
    others::vault_in_front,
    others::istio_native_unless_there,
    others::policies,
    others::api_server,
    others::tamper,
];

/// The generators make pods that are injected, refused and passed by, enough of each.
#[test]
fn the_generators_reach_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let strategy = generate::case();
    let mut counts = [0; 3];
    for _ in 0..400 {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let Admission { decision, .. } = case.admit(&case.pod);
        counts[match decision {
            Decision::Patch(_) => 0,
            Decision::Skip(_) => 1,
            Decision::Deny(_) => 2,
        }] += 1;
    }
    let [injected, unchanged, refused] = counts;
    assert!(injected >= 130 && unchanged >= 20 && refused >= 60, "{counts:?}");
}

/// Reads what may be a pod, and decides about it if it is one.
fn look_at(bytes: &[u8]) {
    let Ok(pod) = serde_json::from_slice::<Pod<'_>>(bytes) else { return };
    let defaults = common_defaults();
    let context =
        Context { namespace: "shop", service_account: None, namespace_metadata: None, defaults: &defaults };
    let admission = admit(&pod, &context);
    let Ok(raw) = serde_json::from_slice::<Value>(bytes) else { return };
    patched(&raw, &admission);
}

/// The JSON pointer of every value.
fn pointers(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(at, one)| (at.to_string(), one)).collect()
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, one)| (key.replace('~', "~0").replace('/', "~1"), one)).collect()
        }
        _ => Vec::new(),
    };
    let below = inner
        .into_iter()
        .flat_map(|(key, one)| pointers(one).into_iter().map(move |pointer| format!("/{key}{pointer}")));
    std::iter::once(String::new()).chain(below).collect()
}

/// The same JSON with every character of every string escaped.
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
fn escaping_loses_nothing() {
    let value = json!({"a/\"b\"": ["\u{1f980}\n", "plain"], "n": 1});
    let escaped = escaped(&value);
    assert!(escaped.starts_with(br#"{"\u0061"#), "{}", String::from_utf8_lossy(&escaped));
    assert_eq!(serde_json::from_slice::<Value>(&escaped).unwrap(), value);
}
