//! Pods that nobody would write: any mix of what a pod may hold, known and unknown.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rolebridge_contract::annotations::PREFIX;
use rolebridge_inject::{Defaults, Metadata};
use serde_json::{Map, Value, json};

use crate::audit::MESH;
use crate::case::{Case, common_defaults};

/// Strings that JSON must escape, or that somebody may take for something else.
const TEXTS: &[&str] = &[
    "",
    "plain",
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

/// Any JSON, not deep.
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

/// An object of fields of which each may be absent, and now and then one that no version knows.
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

/// A list, or null in its place.
fn list(element: impl Strategy<Value = Value> + 'static, most: usize) -> BoxedStrategy<Value> {
    prop_oneof![
        1 => Just(Value::Null),
        9 => prop::collection::vec(element, 0..=most).prop_map(Value::from),
    ]
    .boxed()
}

fn with(mut object: Value, key: &str, value: impl Into<Value>) -> Value {
    object.as_object_mut().unwrap().insert(key.to_owned(), value.into());
    object
}

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
    let some = |texts: &'static [&'static str]| select(texts).prop_map(Value::from).boxed();
    prop_oneof![
        Just(Value::Null),
        object(vec![("cpu", some(&["1", "250m", "0.5"])), ("memory", some(&["64Mi", "1Gi", "67108864"]))]),
        Just(json!({"cpu": "1", "memory": "1Gi"})),
    ]
    .boxed()
}

fn resources() -> BoxedStrategy<Value> {
    let whole = json!({"cpu": "1", "memory": "1Gi"});
    prop_oneof![
        Just(Value::Null),
        Just(json!({"limits": whole.clone(), "requests": whole})),
        object(vec![("limits", amounts()), ("requests", amounts())]),
    ]
    .boxed()
}

fn security() -> BoxedStrategy<Value> {
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

/// Containers with names of their own: now and then a mesh's, hardly ever ours.
fn containers(prefix: &'static str) -> BoxedStrategy<Value> {
    let native = prop::option::weighted(0.3, Just("Always"));
    let one = (container(), native, prop::option::weighted(0.1, select(MESH)));
    let count = prop_oneof![12 => 0..4_usize, 1 => 4..50_usize];
    let many = count.prop_flat_map(move |count| prop::collection::vec(one.clone(), count));
    (many, prop::bool::weighted(0.01))
        .prop_map(move |(many, clash)| {
            let mut taken = Vec::new();
            let mut named = Vec::new();
            for (at, (container, native, mesh)) in many.into_iter().enumerate() {
                let name = mesh.filter(|mesh| !taken.contains(mesh)).map(str::to_owned);
                taken.extend(mesh);
                let name = if clash && at == 0 { Some("rolebridge".to_owned()) } else { name };
                let container = with(container, "name", name.unwrap_or_else(|| format!("{prefix}{at}")));
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

/// Our own annotations: values that mean something, and values that do not.
const SETTINGS: &[(&str, &[&str], &[&str])] = &[
    ("source", &["loopback", "file", "loopback,app0=file"], &["imds", "metadata", "file,nobody=loopback"]),
    ("service-account", &["batch@shop-data.iam.gserviceaccount.com"], &["batch", "\"@\n"]),
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
    ("identity", &["aws-role"], &["aws-jwt", "me"]),
    ("log-level", &["debug"], &["loud"]),
    ("provder", &[], &["projects/1"]),
];

fn settings(bad: u32) -> BoxedStrategy<Vec<(String, String)>> {
    let setting = (select(SETTINGS), 0..1000_u32, any::<prop::sample::Index>());
    prop::collection::vec(setting, 0..4)
        .prop_map(move |settings| {
            let chosen = settings.into_iter().filter_map(|((name, good, wrong), chance, at)| {
                let values = if chance < bad { wrong } else { good };
                // A name that no pod has is a bad value on a pod.
                let value = (!values.is_empty()).then(|| *at.get(values))?;
                Some((format!("{PREFIX}{name}"), value.to_owned()))
            });
            chosen.filter(|(_, value)| !value.contains("app1000")).collect()
        })
        .boxed()
}

fn annotations() -> BoxedStrategy<Value> {
    let inject = prop_oneof![
        12 => Just(Some("true")),
        4 => Just(None),
        1 => select(&["false", "True", "", "ja"][..]).prop_map(Some),
    ];
    let forged = subsequence(vec!["status", "config-loopback", "config-file"], 0..=3);
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

fn metadata() -> BoxedStrategy<Value> {
    (annotations(), object(vec![("labels", any_json().boxed()), ("generateName", Just(json!("x-")).boxed())]))
        .prop_map(|(annotations, metadata)| with(metadata, "annotations", annotations))
        .boxed()
}

fn volume() -> BoxedStrategy<Value> {
    let name = prop_oneof![60 => Just("data"), 1 => Just("rolebridge-token")];
    (name, object(vec![("emptyDir", any_json().boxed())])).prop_map(|(name, v)| with(v, "name", name)).boxed()
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

/// A pod and what decides about it.
pub(crate) fn case() -> BoxedStrategy<Case> {
    (pod(), service_account(), namespace(), defaults())
        .prop_map(|(pod, service_account, namespace, defaults)| Case {
            about: String::new(),
            pod,
            service_account,
            namespace,
            defaults,
        })
        .boxed()
}

fn service_account() -> BoxedStrategy<Option<Metadata>> {
    let role = prop_oneof![
        9 => Just("arn:aws:iam::111122223333:role/nightly-batch"),
        1 => Just("arn:aws-cn:iam::111122223333:role/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"),
        1 => Just("role/x"),
    ];
    let annotated = (role, settings(5)).prop_map(|(role, mut settings)| {
        settings.push(("eks.amazonaws.com/role-arn".to_owned(), role.to_owned()));
        Some(Metadata::new(settings, []))
    });
    prop_oneof![1 => Just(None), 12 => annotated].boxed()
}

fn namespace() -> BoxedStrategy<Option<Metadata>> {
    let labelled = (prop::bool::ANY, settings(5)).prop_map(|(enabled, settings)| {
        let label = enabled.then(|| (format!("{PREFIX}inject"), "enabled".to_owned()));
        Some(Metadata::new(settings, label))
    });
    prop_oneof![1 => Just(None), 2 => labelled].boxed()
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
