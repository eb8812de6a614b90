//! Generates annotations: Rolebridge's with valid and invalid values, forged ones, others'. Labels: Rolebridge's and others'.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rolebridge_core::annotations::PREFIX;
use serde_json::{Map, Value, json};

use super::text;

/// Annotations with their valid and invalid values.
const SETTINGS: &[(&str, &[&str], &[&str])] = &[
    ("source", SOURCES, &["imds", "file,missing=loopback"]),
    ("outputs", &["access-token"], &["", "refresh-token", "app1.access-token"]),
    ("quota-project", &["shop-data"], &["Shop"]),
    ("service-account", ACCOUNTS, &["batch", "\"@\n", "app0=", "app0=a@b.iam.gserviceaccount.com,"]),
    ("project", &["shop-data"], &["Shop", ""]),
    ("token-lifetime", &["600", "43200"], &["0", "+600", "1e3"]),
    ("aws-region", &["eu-west-1"], &["Europe", "cn-north-1"]),
    ("session-name", &["me@shop"], &["a b", "x"]),
    ("role-arn", &["arn:aws:iam::111122223333:role/a/b"], &["b"]),
    ("port", &["16080"], &["80", "-1", "65536"]),
    ("metrics-port", &["9103"], &["15080", "none"]),
    ("memory-limit", &["48Mi"], &["1Mi", "much"]),
    ("cpu-request", &["1m", "100m"], &["0", "-1"]),
    ("https-proxy", &["http://proxy:3128"], &["proxy"]),
    ("ca-bundle", &["roots/ca.pem"], &["roots"]),
    ("skip-containers", &["app1000"], &["", "A"]),
    ("startup-timeout", &["60"], &["soon"]),
    ("identity", &["aws-role", "aws-jwt", "kubernetes"], &["me"]),
    ("aws-credentials", &["irsa", "pod-identity"], &["node"]),
    ("log-level", &["debug"], &["loud"]),
    ("provder", &[], &["projects/1"]),
];

const ACCOUNTS: &[&str] = &[
    "nightly-batch@shop-data.iam.gserviceaccount.com",
    "nightly-batch@shop-data.iam.gserviceaccount.com",
    "nightly-batch@shop-data.iam.gserviceaccount.com,app0=writer@shop-data.iam.gserviceaccount.com",
    "app0=writer@shop-data.iam.gserviceaccount.com",
];

const SOURCES: &[&str] = &[
    "loopback",
    "file",
    "metadata",
    "metadata-host",
    "loopback,app0=file",
    "metadata,app0=file",
    "file,app0=metadata",
];

pub(super) fn settings(invalid_per_mille: u32) -> BoxedStrategy<Vec<(String, String)>> {
    let setting = (select(SETTINGS), 0..1000_u32, any::<prop::sample::Index>());
    prop::collection::vec(setting, 0..4)
        .prop_map(move |settings| {
            let chosen = settings.into_iter().filter_map(|((name, valid, invalid), chance, index)| {
                let values = if chance < invalid_per_mille { invalid } else { valid };
                // The name of a missing container is invalid on a pod.
                let value = (!values.is_empty()).then(|| *index.get(values))?;
                Some((format!("{PREFIX}{name}"), value.to_owned()))
            });
            chosen.filter(|(_, value)| !value.contains("app1000")).collect()
        })
        .boxed()
}

pub(super) fn annotations() -> BoxedStrategy<Value> {
    let inject = prop_oneof![
        12 => Just(Some("true")),
        4 => Just(None),
        1 => select(&["false", "True", "", "ja"][..]).prop_map(Some),
    ];
    let forged = subsequence(vec!["status", "config-loopback", "config-file", "config-file-2"], 0..=4);
    let forged = prop_oneof![3 => Just(Vec::new()), 1 => forged];
    let map =
        (inject, forged, settings(30), text(), text()).prop_map(|(inject, forged, settings, key, value)| {
            let mut map = Map::new();
            map.insert(format!("example.com/{key}"), json!(value));
            map.extend(settings.into_iter().map(|(key, value)| (key, json!(value))));
            map.extend(forged.into_iter().map(|name| (format!("{PREFIX}{name}"), json!(value))));
            map.extend(inject.map(|inject| (format!("{PREFIX}inject"), json!(inject))));
            Value::Object(map)
        });
    prop_oneof![1 => Just(Value::Null), 12 => map].boxed()
}

pub(super) fn labels() -> BoxedStrategy<Value> {
    let key = prop_oneof![
        3 => text().prop_map(|key| format!("example.com/{key}")),
        1 => select(&["inject", "port"][..]).prop_map(|name| format!("{PREFIX}{name}")),
    ];
    prop_oneof![1 => Just(Value::Null), 4 => prop::collection::hash_map(key, text(), 0..3).prop_map(|map| json!(map))]
        .boxed()
}
