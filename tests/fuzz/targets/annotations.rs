//! The annotations of a pod: lines of `NAME: VALUE`, without the prefix of the names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolebridge_core::annotations::PREFIX;
use rolebridge_inject::settings::{declared_settings, is_valid_value};
use rolebridge_inject::{Context, Defaults, Pod, admit};
use serde_json::{Map, Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pairs = text.split('\n').filter_map(|line| line.split_once(": "));
    let pairs: Vec<_> = pairs.map(|(name, value)| (format!("{PREFIX}{name}"), value)).collect();
    for (key, value) in &pairs {
        let _ = is_valid_value(key, value);
    }
    let mut annotations: Map<String, Value> =
        pairs.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
    annotations.entry(format!("{PREFIX}inject")).or_insert("true".into());
    let pod = json!({
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "app", "env": [{"name": "AWS_REGION", "value": "eu-west-1"}]}]},
    });
    let json = pod.to_string();
    let pod: Pod<'_> = serde_json::from_str(&json).expect("the pod is valid");
    let defaults = Defaults::from_yaml("locked: []").expect("the defaults are valid");
    let context =
        Context { namespace: "shop", service_account: None, namespace_metadata: None, defaults: &defaults };
    let _ = admit(&pod, &context);
    declared_settings(&pod, &context).for_each(drop);
});
