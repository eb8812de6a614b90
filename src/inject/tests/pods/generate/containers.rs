//! Generates containers with environment, mounts, resources and users, including those of meshes.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{list, object, text, with};
use crate::facts::MESH;

fn env() -> BoxedStrategy<Value> {
    let names = &[
        "A",
        "B",
        "LANG",
        "NO_PROXY",
        "no_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
        "GOOGLE_CLOUD_PROJECT",
        "AWS_ACCESS_KEY_ID",
        "AWS_REGION",
    ];
    let proxies = &["http://proxy:3128", ".svc", ".svc,", "*", "localhost", "eu-west-1"];
    let value = prop_oneof![
        3 => select(&proxies[..]).prop_map(|text| json!({"value": text})),
        2 => text().prop_map(|text| json!({"value": text})),
        1 => Just(json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})),
        1 => Just(json!({})),
    ];
    (select(&names[..]), value).prop_map(|(name, value)| with(value, "name", name)).boxed()
}

fn mount() -> BoxedStrategy<Value> {
    let path = prop_oneof![
        40 => select(&["/data", "/tmp", "/etc/ü \"app\"", "/var/run/rolebridge"][..]),
        1 => select(&["/var/run/rolebridge/token", "/var/run/rolebridge/config/"][..]),
    ];
    (path, object(vec![("readOnly", any::<bool>().prop_map(Value::from).boxed())]))
        .prop_map(|(path, mount)| with(with(mount, "name", "data"), "mountPath", path))
        .boxed()
}

fn amounts() -> BoxedStrategy<Value> {
    let one_of = |texts: &'static [&'static str]| select(texts).prop_map(Value::from).boxed();
    prop_oneof![
        Just(Value::Null),
        object(vec![
            ("cpu", one_of(&["1", "250m", "0.5"])),
            ("memory", one_of(&["64Mi", "1Gi", "67108864"]))
        ]),
        Just(json!({"cpu": "1", "memory": "1Gi"})),
    ]
    .boxed()
}

pub(super) fn resources() -> BoxedStrategy<Value> {
    let amounts_of_both = json!({"cpu": "1", "memory": "1Gi"});
    prop_oneof![
        Just(Value::Null),
        Just(json!({"limits": amounts_of_both.clone(), "requests": amounts_of_both})),
        object(vec![("limits", amounts()), ("requests", amounts())]),
    ]
    .boxed()
}

pub(super) fn security() -> BoxedStrategy<Value> {
    let id = || select(&[0, 1000, 1000, 1000, 65532_i64][..]).prop_map(Value::from).boxed();
    prop_oneof![
        Just(Value::Null),
        object(vec![("runAsUser", id()), ("runAsGroup", id()), ("runAsNonRoot", Just(json!(false)).boxed())]),
    ]
    .boxed()
}

fn container() -> BoxedStrategy<Value> {
    object(vec![
        ("image", text().prop_map(Value::from).boxed()),
        ("args", list(text().prop_map(Value::from), 2)),
        ("env", list(env(), 4)),
        ("envFrom", list(Just(json!({"configMapRef": {"name": "environment"}})), 1)),
        ("volumeMounts", list(mount(), 2)),
        ("ports", list(select(&[80, 8080, 9102, 15081]).prop_map(|port| json!({"containerPort": port})), 1)),
        ("resources", resources()),
        ("securityContext", security()),
    ])
}

/// Generates containers with unique names: sometimes a mesh's, rarely Rolebridge's.
pub(super) fn containers(prefix: &'static str) -> BoxedStrategy<Value> {
    let native = prop::option::weighted(0.3, Just("Always"));
    let named = (container(), native, prop::option::weighted(0.1, select(MESH)));
    let count = prop_oneof![12 => 0..4_usize, 1 => 4..50_usize];
    let many = count.prop_flat_map(move |count| prop::collection::vec(named.clone(), count));
    (many, prop::bool::weighted(0.01))
        .prop_map(move |(many, clash)| {
            let mut used = Vec::new();
            let mut named = Vec::new();
            for (index, (container, native, mesh)) in many.into_iter().enumerate() {
                let name = mesh.filter(|mesh| !used.contains(mesh)).map(str::to_owned);
                used.extend(mesh);
                let name = if clash && index == 0 { Some("rolebridge".to_owned()) } else { name };
                let container = with(container, "name", name.unwrap_or_else(|| format!("{prefix}{index}")));
                let native = native.filter(|_| prefix == "init");
                named.push(match native {
                    Some(policy) => with(container, "restartPolicy", policy),
                    None => container,
                });
            }
            Value::from(named)
        })
        .boxed()
}
