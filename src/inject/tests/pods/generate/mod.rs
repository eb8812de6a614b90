//! Generates unusual pods: any mix of known and unknown fields.

mod annotations;
mod containers;

use proptest::prelude::*;
use proptest::sample::select;
use rolebridge_core::annotations::PREFIX;
use rolebridge_inject::{Defaults, ObjectMetadata};
use serde_json::{Value, json};

use self::annotations::{annotations, labels, settings};
use self::containers::{containers, resources, security};
use crate::case::{Case, common_defaults};

/// Strings that JSON must escape, or that a parser may misinterpret.
const TEXTS: &[&str] = &[
    "",
    "plain",
    " \u{a0}blanks around\n ",
    "with \"quotes\" and \\backslashes\\",
    "two\nlines\tand a tab",
    "\u{7}\u{1b}[31m",
    "Grüße \u{1f980} \u{2028}",
    "$(HOME)/$$x",
    "~0~1/a/b",
    "null",
    "{\"a\":1}",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(str::to_owned)
}

/// Generates any JSON of limited depth.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Generates an object. Each field may be absent, and sometimes there is an unknown one.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(key, value)| prop::option::weighted(0.6, value).prop_map(move |value| Some((key, value?))))
        .collect();
    (fields, prop::option::weighted(0.15, any_json()))
        .prop_map(|(fields, future)| {
            let future = future.map(|value| ("futureField", value));
            let fields = fields.into_iter().flatten().chain(future);
            Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect())
        })
        .boxed()
}

/// Generates a list or null.
fn list(element: impl Strategy<Value = Value> + 'static, max: usize) -> BoxedStrategy<Value> {
    prop_oneof![
        1 => Just(Value::Null),
        9 => prop::collection::vec(element, 0..=max).prop_map(Value::from),
    ]
    .boxed()
}

fn with(mut object: Value, key: &str, value: impl Into<Value>) -> Value {
    object.as_object_mut().unwrap().insert(key.to_owned(), value.into());
    object
}

fn metadata() -> BoxedStrategy<Value> {
    (annotations(), object(vec![("labels", labels()), ("generateName", Just(json!("x-")).boxed())]))
        .prop_map(|(annotations, metadata)| with(metadata, "annotations", annotations))
        .boxed()
}

fn volume() -> BoxedStrategy<Value> {
    let name = prop_oneof![60 => Just("data"), 1 => Just("rolebridge-token")];
    let empty_dir = object(vec![("medium", select(&["", "Memory"][..]).prop_map(Value::from).boxed())]);
    (name, object(vec![("emptyDir", empty_dir)])).prop_map(|(name, v)| with(v, "name", name)).boxed()
}

fn spec() -> BoxedStrategy<Value> {
    let rarely = |value: Value| prop_oneof![12 => Just(Value::Null), 1 => Just(value)].boxed();
    let rest = object(vec![
        ("initContainers", prop_oneof![1 => Just(Value::Null), 4 => containers("init")].boxed()),
        ("volumes", list(volume(), 1)),
        ("securityContext", security()),
        ("resources", prop_oneof![8 => Just(Value::Null), 1 => resources()].boxed()),
        ("hostNetwork", rarely(json!(true))),
        ("os", rarely(json!({"name": "windows"}))),
        ("nodeSelector", rarely(json!({"kubernetes.io/os": "windows"}))),
        ("imagePullSecrets", list(Just(json!({"name": "shop-registry"})), 1)),
        ("serviceAccountName", select(&["batch", "", "default"][..]).prop_map(Value::from).boxed()),
    ]);
    (containers("app"), rest).prop_map(|(containers, spec)| with(spec, "containers", containers)).boxed()
}

pub(crate) fn pod() -> BoxedStrategy<Value> {
    let metadata = prop_oneof![20 => metadata().prop_map(Some), 1 => Just(None)];
    (metadata, spec(), object(vec![("kind", Just(json!("Pod")).boxed())]))
        .prop_map(|(metadata, spec, pod)| {
            let pod = with(pod, "spec", spec);
            match metadata {
                Some(metadata) => with(pod, "metadata", metadata),
                None => pod,
            }
        })
        .boxed()
}

/// Generates a pod and the other objects that affect its injection.
pub(crate) fn case() -> BoxedStrategy<Case> {
    (pod(), service_account(), namespace(), defaults())
        .prop_map(|(pod, service_account, namespace, defaults)| Case {
            description: String::new(),
            pod,
            service_account,
            namespace,
            defaults,
        })
        .boxed()
}

fn service_account() -> BoxedStrategy<Option<ObjectMetadata>> {
    let role = prop_oneof![
        9 => Just("arn:aws:iam::111122223333:role/nightly-batch"),
        1 => Just("arn:aws-cn:iam::111122223333:role/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"),
        1 => Just("role/x"),
    ];
    let annotated = (role, settings(5)).prop_map(|(role, mut settings)| {
        settings.push(("eks.amazonaws.com/role-arn".to_owned(), role.to_owned()));
        Some(ObjectMetadata::new(settings, []))
    });
    prop_oneof![1 => Just(None), 12 => annotated].boxed()
}

fn namespace() -> BoxedStrategy<Option<ObjectMetadata>> {
    let labeled = (prop::bool::ANY, settings(5)).prop_map(|(enabled, settings)| {
        let label = enabled.then(|| (format!("{PREFIX}inject"), "enabled".to_owned()));
        Some(ObjectMetadata::new(settings, label))
    });
    prop_oneof![1 => Just(None), 2 => labeled].boxed()
}

fn defaults() -> BoxedStrategy<Defaults> {
    let secrets = "sidecar: {imagePullSecrets: [shop-registry, rolebridge-registry]}\nsettings:\n  provider: \
                   projects/1/locations/global/workloadIdentityPools/pool/providers/prod\n  memory-request: 20Mi\n";
    prop_oneof![
        8 => Just(common_defaults()),
        2 => Just(Defaults::from_yaml(secrets).unwrap()),
        1 => Just(Defaults::from_yaml("locked: [provider, port, source]").unwrap()),
    ]
    .boxed()
}
