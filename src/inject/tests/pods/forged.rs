//! Sidecars that were changed or written by hand: the settings of the pod alone decide what a sidecar reads.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rolebridge_core::annotations::{SKIP_CONTAINERS, STATUS};
use rolebridge_core::env::sidecar as name;
use rolebridge_core::pod_names::CONTAINER;
use rolebridge_inject::{Decision, Reason};
use rstest::rstest;
use serde_json::{Value, json};

use crate::case::{Case, named, patched};
use crate::changes::changes;
use crate::{audit, facts, generate};

fn injected(case: &Case) -> Option<Value> {
    patched(&case.pod, &case.admit(&case.pod))
}

fn sidecar_mut(pod: &mut Value) -> Option<&mut Value> {
    let containers = pod["spec"].get_mut("initContainers")?.as_array_mut()?;
    containers.iter_mut().find(|container| container["name"] == CONTAINER)
}

fn volume_mut<'a>(pod: &'a mut Value, name: &str) -> &'a mut Value {
    let volumes = pod["spec"]["volumes"].as_array_mut().unwrap();
    volumes.iter_mut().find(|volume| volume["name"] == name).unwrap()
}

fn set_mount(pod: &mut Value, path: &str, mount: Value) {
    let mounts = sidecar_mut(pod).unwrap()["volumeMounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["mountPath"] != path);
    mounts.push(mount);
}

fn push_env(pod: &mut Value, variable: Value) {
    sidecar_mut(pod).unwrap()["env"].as_array_mut().unwrap().push(variable);
}

const AWS: &str = "/var/run/rolebridge/aws";

#[rstest]
#[case::other_role(
    |pod: &mut Value| sidecar_mut(pod).unwrap()["env"][0]["value"] = json!("arn:aws:iam::999999999999:role/other"),
    "AWS_ROLE_ARN"
)]
#[case::duplicate(
    |pod: &mut Value| push_env(pod, json!({"name": "ROLEBRIDGE_AUDIENCE", "value": "//iam.evil.example/projects/1"})),
    "ROLEBRIDGE_AUDIENCE"
)]
#[case::value_of_another_object(
    |pod: &mut Value| sidecar_mut(pod).unwrap()["env"][0] =
        json!({"name": "AWS_ROLE_ARN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
    "AWS_ROLE_ARN"
)]
#[case::endpoint(
    |pod: &mut Value| push_env(pod, json!({"name": "ROLEBRIDGE_STS_ENDPOINT", "value": "https://evil.example"})),
    "ROLEBRIDGE_STS_ENDPOINT"
)]
#[case::universe(
    |pod: &mut Value| push_env(pod, json!({"name": "ROLEBRIDGE_UNIVERSE_DOMAIN", "value": "evil.example"})),
    "ROLEBRIDGE_UNIVERSE_DOMAIN"
)]
#[case::lower_case_proxy(
    |pod: &mut Value| push_env(pod, json!({"name": "https_proxy", "value": "http://evil.example:3128"})),
    "https_proxy"
)]
#[case::roots(
    |pod: &mut Value| push_env(pod, json!({"name": "SSL_CERT_FILE", "value": "/evil.pem"})),
    "SSL_CERT_FILE"
)]
#[case::no_variables(
    |pod: &mut Value| sidecar_mut(pod).unwrap()["env"] = Value::Null,
    "AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME, AWS_WEB_IDENTITY_TOKEN_FILE and 5 more"
)]
#[case::env_from(
    |pod: &mut Value| sidecar_mut(pod).unwrap()["envFrom"] = json!([{"configMapRef": {"name": "environment"}}]),
    "envFrom"
)]
#[case::other_volume(
    |pod: &mut Value| set_mount(pod, AWS, json!({"name": "data", "mountPath": AWS, "readOnly": true})),
    "volumeMounts"
)]
#[case::part_of_a_volume(
    |pod: &mut Value| set_mount(pod, AWS, json!({"name": "rolebridge-aws-token", "mountPath": AWS, "readOnly": true, "subPath": "x"})),
    "volumeMounts"
)]
#[case::further_mount(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/run/rolebridge/aws/token"})),
    "volumeMounts"
)]
#[case::program(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/rolebridge-sidecar", "subPath": "program"})),
    "volumeMounts"
)]
#[case::below_the_program(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/rolebridge-sidecar/x"})),
    "volumeMounts"
)]
#[case::root(|pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/"})), "volumeMounts")]
#[case::parent(|pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/run"})), "volumeMounts")]
#[case::folder(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/run/rolebridge"})),
    "volumeMounts"
)]
#[case::repeated_slash(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/run//rolebridge/aws"})),
    "volumeMounts"
)]
#[case::same_folder(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/run/rolebridge/./x"})),
    "volumeMounts"
)]
#[case::parent_of_another_folder(
    |pod: &mut Value| set_mount(pod, "", json!({"name": "data", "mountPath": "/var/lib/../run/rolebridge/aws/"})),
    "volumeMounts"
)]
#[case::relative(
    |pod: &mut Value| set_mount(pod, AWS, json!({"name": "data", "mountPath": "var/run/rolebridge/aws"})),
    "volumeMounts"
)]
#[case::probe(
    |pod: &mut Value| sidecar_mut(pod).unwrap()["startupProbe"]["exec"]["command"] = json!(["/rolebridge-sidecar", "--version"]),
    "startupProbe"
)]
#[case::no_restart_policy(
    |pod: &mut Value| { sidecar_mut(pod).unwrap().as_object_mut().unwrap().remove("restartPolicy"); },
    "restartPolicy"
)]
#[case::no_probe(
    |pod: &mut Value| { sidecar_mut(pod).unwrap().as_object_mut().unwrap().remove("startupProbe"); },
    "startupProbe"
)]
#[case::other_audience(
    |pod: &mut Value| volume_mut(pod, "rolebridge-aws-token")["projected"]["sources"][0]["serviceAccountToken"]["audience"] = json!("x"),
    "rolebridge-aws-token"
)]
#[case::annotation_mounted_as_configuration(
    |pod: &mut Value| *volume_mut(pod, "rolebridge-config") = json!({"name": "rolebridge-config", "downwardAPI": {"items": [
        {"path": "loopback.json", "fieldRef": {"fieldPath": "metadata.annotations['rolebridge.io/config-loopback']"}},
    ]}}),
    "rolebridge-config"
)]
fn forged_value_of_the_sidecar_is_replaced_with_a_warning(
    #[case] forge: fn(&mut Value),
    #[case] names: &str,
) {
    let case = named("minimal");
    let original = injected(&case).unwrap();
    let mut forged = original.clone();
    forge(&mut forged);
    let admission = case.admit(&forged);
    let after = patched(&forged, &admission).unwrap();
    let in_order = |mut pod: Value| {
        for key in ["env", "volumeMounts"] {
            let list = sidecar_mut(&mut pod).unwrap()[key].as_array_mut().unwrap();
            list.sort_by_key(ToString::to_string);
        }
        let sidecar = sidecar_mut(&mut pod).unwrap().as_object_mut().unwrap();
        sidecar.sort_keys();
        pod
    };
    assert_eq!(changes(&in_order(original), &in_order(after.clone())), []);
    let warning = format!(
        "The sidecar in the pod had other values of {names}; they were replaced. Fix: run webhooks that change Rolebridge \
         settings before Rolebridge."
    );
    assert_eq!(admission.warnings, [warning]);
    let again = case.admit(&after);
    assert_eq!((again.decision, again.warnings), (Decision::Skip(Reason::AlreadyInjected), vec![]));
}

/// A pod that was injected elsewhere must not keep its old role where it has none.
#[rstest]
#[case::never_injected(false)]
#[case::injected(true)]
fn restored_pod_without_a_role_is_denied_even_if_only_the_namespace_opted_in(#[case] is_injected: bool) {
    let mut case = named("minimal");
    let mut pod = if is_injected { injected(&case).unwrap() } else { case.pod.clone() };
    pod["metadata"]["annotations"].as_object_mut().unwrap().remove("rolebridge.io/inject");
    case.service_account = None;
    let label = ("rolebridge.io/inject".to_owned(), "enabled".to_owned());
    case.namespace = Some(rolebridge_inject::ObjectMetadata::new([], [label]));
    match case.admit(&pod).decision {
        Decision::Deny(denial) if is_injected => assert_eq!(denial.reason, Reason::NoAwsIdentity),
        Decision::Skip(reason) if !is_injected => assert_eq!(reason, Reason::NoAwsIdentity),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sidecar_among_the_app_containers_is_named() {
    let case = named("minimal");
    let mut pod = injected(&case).unwrap();
    let sidecar = pod["spec"]["initContainers"].as_array_mut().unwrap().remove(0);
    pod["spec"]["containers"].as_array_mut().unwrap().push(sidecar);
    let Decision::Deny(denial) = case.admit(&pod).decision else { panic!("{pod}") };
    assert_eq!(
        denial.message,
        "Container rolebridge on the pod: expected Rolebridge's sidecar once, in spec.initContainers, found it elsewhere. \
         Fix: remove it there."
    );
}

#[test]
fn volume_with_another_kind_of_source_is_denied_although_there_is_a_sidecar() {
    let case = named("minimal");
    for name in ["rolebridge-token", "rolebridge-config", "rolebridge-aws-token"] {
        for source in [
            json!({"hostPath": {"path": "/etc"}}),
            json!({"emptyDir": {}}),
            json!({"secret": {"secretName": "s"}}),
        ] {
            let mut pod = injected(&case).unwrap();
            *volume_mut(&mut pod, name) = source;
            let volumes = pod["spec"]["volumes"].as_array_mut().unwrap();
            volumes.iter_mut().find(|volume| volume["name"].is_null()).unwrap()["name"] = json!(name);
            let Decision::Deny(denial) = case.admit(&pod).decision else { panic!("{pod}") };
            assert!(
                denial
                    .message
                    .starts_with(&format!("Volume {name} on the pod: expected Rolebridge's volume"))
            );
        }
    }
}

#[test]
fn volume_that_the_identity_does_not_need_stays_without_a_mount() {
    let case = named("kubernetes");
    let volume = json!({"name": "rolebridge-token", "emptyDir": {"medium": "Memory"}});
    let mut pod = case.pod.clone();
    pod["spec"]["volumes"] = json!([volume]);
    let after = patched(&pod, &case.admit(&pod)).unwrap();
    let mut expected = injected(&case).unwrap();
    expected["spec"]["volumes"].as_array_mut().unwrap().insert(0, volume);
    assert_eq!(after, expected);
    assert_eq!(audit::problems(&pod, &after), Vec::<String>::new());
    assert_eq!(case.admit(&after).decision, Decision::Skip(Reason::AlreadyInjected));
}

#[test]
fn values_of_other_webhooks_stay_and_another_image_is_named() {
    let case = named("minimal");
    let mut pod = injected(&case).unwrap();
    push_env(&mut pod, json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"}));
    set_mount(&mut pod, "", json!({"name": "aws-iam-token", "mountPath": "/var/run/secrets/eks"}));
    let sidecar = sidecar_mut(&mut pod).unwrap();
    sidecar["image"] = json!("evil.example/sidecar:1");
    sidecar["livenessProbe"] = json!({"exec": {"command": ["true"]}});
    let admission = case.admit(&pod);
    let after = patched(&pod, &admission).unwrap();
    assert_eq!(after["spec"], pod["spec"]);
    let status: Value =
        serde_json::from_str(after["metadata"]["annotations"][STATUS].as_str().unwrap()).unwrap();
    assert_eq!(status["sidecarImage"], "evil.example/sidecar:1");
    assert_eq!(
        admission.warnings,
        [
            "The sidecar in the pod keeps its image \"evil.example/sidecar:1\", which is not that of the defaults."
        ]
    );
}

#[test]
fn warning_about_a_long_image_is_short() {
    let case = named("minimal");
    let mut pod = injected(&case).unwrap();
    sidecar_mut(&mut pod).unwrap()["image"] = json!("i".repeat(1 << 20));
    let warnings = case.admit(&pod).warnings;
    assert!(warnings.len() == 1 && warnings[0].len() <= 256, "{warnings:.300?}");
}

#[test]
fn writable_mount_of_an_app_container_becomes_read_only() {
    let case = named("source-file");
    let original = injected(&case).unwrap();
    let mut pod = original.clone();
    for mount in pod["spec"]["containers"][0]["volumeMounts"].as_array_mut().unwrap() {
        mount.as_object_mut().unwrap().remove("readOnly");
    }
    assert_eq!(patched(&pod, &case.admit(&pod)), Some(original));
}

#[test]
fn writable_mount_at_another_path_or_of_a_skipped_container_becomes_read_only() {
    let case = named("minimal");
    for skipped in [false, true] {
        let mut pod = case.pod.clone();
        let mounts = |read_only: Value| {
            let mut mounts = json!([
                {"name": "rolebridge-token", "mountPath": "/data/token"},
                {"name": "data", "mountPath": "/data"},
                {"name": "rolebridge-config", "mountPath": "/data/config", "readOnly": false},
            ]);
            for index in [0, 2].into_iter().filter(|_| !read_only.is_null()) {
                mounts[index]["readOnly"] = read_only.clone();
            }
            mounts
        };
        let container = json!({"name": "other", "image": "other:1", "volumeMounts": mounts(Value::Null)});
        pod["spec"]["containers"].as_array_mut().unwrap().push(container.clone());
        if skipped {
            pod["metadata"]["annotations"][SKIP_CONTAINERS] = json!("other");
        }
        let after = patched(&pod, &case.admit(&pod)).unwrap();
        let found = &after["spec"]["containers"][1]["volumeMounts"];
        let expected = mounts(json!(true));
        assert_eq!(&found.as_array().unwrap()[..3], &expected.as_array().unwrap()[..], "{skipped}");
        assert_eq!(case.admit(&after).decision, Decision::Skip(Reason::AlreadyInjected));
    }
}

#[test]
fn another_spelling_of_a_mount_path_is_replaced() {
    let case = named("source-file");
    let original = injected(&case).unwrap();
    let mut pod = original.clone();
    for mount in pod["spec"]["containers"][0]["volumeMounts"].as_array_mut().unwrap() {
        mount["mountPath"] = json!(format!("/.{}/", mount["mountPath"].as_str().unwrap()));
    }
    assert_eq!(patched(&pod, &case.admit(&pod)), Some(original));
}

/// Returns the variables of the sidecar that it reads, sorted.
fn read_variables(pod: &Value) -> Vec<String> {
    let sidecar = facts::list(pod, "initContainers").iter().find(|container| container["name"] == CONTAINER);
    let env = sidecar.map(|sidecar| facts::list(sidecar, "env")).unwrap_or_default();
    let is_read = |variable: &&Value| name::ALL.iter().any(|name| variable["name"] == *name);
    // Rolebridge adds its hosts to the lists of the app containers, from which NO_PROXY is derived.
    let without_added = |variable: &Value| {
        let hosts = variable["value"].as_str().unwrap_or_default().split(',').map(str::trim);
        let hosts = hosts.filter(|host| !["", "127.0.0.1", "localhost"].contains(host));
        if variable["name"] == name::NO_PROXY { hosts.collect() } else { variable.to_string() }
    };
    let mut read: Vec<_> = env.iter().filter(is_read).map(without_added).collect();
    read.sort();
    read
}

fn forged_env() -> impl Strategy<Value = Vec<Value>> {
    let value = prop_oneof![
        generate::text().prop_map(|text| json!({"value": text})),
        Just(json!({"valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})),
        Just(json!({})),
    ];
    let variable = (select(name::ALL), value).prop_map(|(name, mut variable)| {
        variable["name"] = json!(name);
        variable
    });
    prop::collection::vec(variable, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sidecar_reads_only_what_is_decided(
        case in generate::case(),
        forged in forged_env(),
        kept in subsequence((0..40_usize).collect::<Vec<_>>(), 0..=40),
    ) {
        let Some(original) = injected(&case) else { return Ok(()) };
        let mut pod = original.clone();
        let Some(sidecar) = sidecar_mut(&mut pod) else { return Ok(()) };
        let env = sidecar["env"].as_array_mut().unwrap();
        let mut index = 0;
        env.retain(|_| { index += 1; kept.contains(&index) });
        env.extend(forged);
        let after = patched(&pod, &case.admit(&pod)).unwrap_or_else(|| pod.clone());
        prop_assert_eq!(read_variables(&after), read_variables(&original));
        prop_assert_eq!(case.admit(&after).decision, Decision::Skip(Reason::AlreadyInjected));
    }
}
