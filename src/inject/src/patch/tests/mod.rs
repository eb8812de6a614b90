//! Whole patches and their parts.

mod cost;
mod no_proxy;
mod size;

use serde_json::{Value, json};

use crate::{Admission, Context, Decision, Defaults, ObjectMetadata, Reason, admit};

pub(super) const DEFAULTS: &str = "settings:
  provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod
  role-arn: arn:aws:iam::123456789012:role/batch
";

/// Admits a pod and returns the decision and the warnings.
fn admit_with(pod: &Value, defaults: &str) -> (Decision, Vec<String>) {
    let metadata = ObjectMetadata::default();
    let context = Context {
        namespace: "shop",
        service_account: Some(&metadata),
        namespace_metadata: Some(&metadata),
        defaults: &Defaults::from_yaml(defaults).unwrap(),
    };
    let text = pod.to_string();
    let view = serde_json::from_str(&text).unwrap();
    let Admission { decision, warnings, .. } = admit(&view, &context);
    (decision, warnings)
}

/// Returns the patched pod and the warnings.
pub(super) fn injected(pod: &Value, defaults: &str) -> (Value, Vec<String>) {
    let (decision, warnings) = admit_with(pod, defaults);
    let Decision::Patch(patch) = decision else { panic!("{decision:?}") };
    let mut patched = pod.clone();
    json_patch::patch(&mut patched, &patch.operations().unwrap()).unwrap();
    (patched, warnings)
}

pub(super) fn sidecar(pod: &Value) -> &Value {
    let init = pod["spec"]["initContainers"].as_array().unwrap();
    init.iter().find(|container| container["name"] == "rolebridge").unwrap()
}

/// Returns a pod with a container `web` that has these fields.
fn pod(web: &Value) -> Value {
    let mut container = json!({"name": "web", "image": "web:1"});
    container.as_object_mut().unwrap().extend(web.as_object().unwrap().clone());
    json!({"metadata": {"annotations": {"rolebridge.io/inject": "true"}}, "spec": {"containers": [container]}})
}

/// Renders a pod for a snapshot, independently of the version.
fn text(pod: &Value) -> String {
    serde_json::to_string_pretty(pod).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn patch_of_a_small_pod() {
    let (patched, warnings) = injected(&pod(&json!({})), DEFAULTS);
    assert_eq!(warnings, [""; 0]);
    insta::assert_snapshot!(text(&patched));
}

#[test]
fn patch_of_a_pod_with_all_settings() {
    let defaults = format!(
        "sidecar: {{image: 'registry.example/rolebridge:2', imagePullPolicy: Always, imagePullSecrets: [registry, sidecar]}}
{DEFAULTS}  source: loopback,legacy=file
  service-account: nightly-batch@shop.iam.gserviceaccount.com
  token-lifetime: 7200
  project: shop-project
  quota-project: shop-billing
  aws-region: eu-west-1
  aws-sts-endpoint: https://sts.example.internal
  sts-endpoint: https://google-sts.example.internal
  iam-credentials-endpoint: https://iam.example.internal
  ca-bundle: roots/ca.pem
  https-proxy: http://proxy:3128
  no-proxy: .internal
  metrics-port: 15081
  startup-timeout: 120
  log-level: debug
"
    );
    let pod = json!({
        "metadata": {"annotations": {"rolebridge.io/inject": "true", "rolebridge.io/status": "forged"}},
        "spec": {
            "serviceAccountName": "batch",
            "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [{"name": "migrate"}],
            "containers": [{"name": "web", "env": [], "volumeMounts": []}, {"name": "legacy"}],
            "volumes": [{"name": "data", "emptyDir": {}}],
        }
    });
    insta::assert_snapshot!(text(&injected(&pod, &defaults).0));
}

#[test]
fn second_patch_of_an_injected_pod_is_empty() {
    let (once, warnings) = injected(
        &pod(&json!({"env": [
            {"name": "HTTP_PROXY", "value": "http://proxy"},
            {"name": "NO_PROXY", "value": ".svc"},
            {"name": "AWS_ACCESS_KEY_ID", "value": "x"},
        ]})),
        DEFAULTS,
    );
    assert_eq!(warnings.len(), 1);
    let again = admit_with(&once, DEFAULTS);
    assert_eq!(again, (Decision::Skip(Reason::AlreadyInjected), warnings));
}

#[test]
fn container_of_a_later_webhook_is_patched_and_the_sidecar_is_kept() {
    let (mut pod, _) = injected(&pod(&json!({})), DEFAULTS);
    let init = pod["spec"]["initContainers"].as_array_mut().unwrap();
    init[0]["image"] = json!("mirror.example/sidecar:1");
    init[0]["resources"] = json!({});
    init.insert(0, json!({"name": "early"}));
    pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "late"}));
    let (again, _) = injected(&pod, DEFAULTS);
    for (list, index) in [("initContainers", 0), ("containers", 1)] {
        assert_eq!(again["spec"][list][index]["env"].as_array().unwrap().len(), 2, "{list}");
        assert_eq!(again["spec"][list][index]["volumeMounts"].as_array().unwrap().len(), 1, "{list}");
    }
    assert_eq!(sidecar(&again), sidecar(&pod));
    assert_eq!(again["spec"]["containers"][0], pod["spec"]["containers"][0]);
    assert_eq!(again["spec"]["volumes"], pod["spec"]["volumes"]);
}

#[test]
fn forged_annotations_are_overwritten_or_mounted_nowhere() {
    let config = |kind: &str| format!("rolebridge.io/config-{kind}");
    let original = injected(&pod(&json!({})), DEFAULTS).0;
    let mut forged = original.clone();
    forged["metadata"]["annotations"]["rolebridge.io/status"] = json!("{}");
    assert_eq!(injected(&forged, DEFAULTS).0, original);
    forged["metadata"]["annotations"][config("loopback")] = json!("{\"type\":\"authorized_user\"}");
    assert_eq!(injected(&forged, DEFAULTS).0["spec"], original["spec"]);
    assert!(!original["spec"].to_string().contains("downwardAPI"));

    let mut without_sidecar = pod(&json!({}));
    without_sidecar["metadata"]["annotations"]["rolebridge.io/identity"] = json!("kubernetes");
    let defaults =
        "settings: {provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod}";
    let original = injected(&without_sidecar, defaults).0;
    let mut forged = original.clone();
    forged["metadata"]["annotations"][config("file")] = json!("{\"type\":\"authorized_user\"}");
    assert_eq!(injected(&forged, defaults).0, original);
    forged["metadata"]["annotations"][config("loopback")] = json!("of an unused source");
    let unused = &injected(&forged, defaults).0["metadata"]["annotations"][config("loopback")];
    assert!(unused.as_str().unwrap().contains("external_account"), "{unused}");
}

#[test]
fn used_names_paths_and_ports_are_denied() {
    let clash = |pod: &Value| {
        let Decision::Deny(denial) = admit_with(pod, DEFAULTS).0 else { panic!("accepted: {pod}") };
        assert_eq!(
            (denial.reason, denial.depends_on_metadata.any()),
            (Reason::Clash, denial.message.contains("port"))
        );
        denial.message
    };
    let mut messages = vec![
        clash(&pod(&json!({"name": "rolebridge"}))),
        clash(&pod(&json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/config"}]}))),
        clash(&pod(
            &json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/config/x/"}]}),
        )),
        clash(&pod(&json!({"volumeMounts": [
            {"name": "rolebridge-config", "mountPath": "/var/run/rolebridge/config", "readOnly": true},
            {"name": "data", "mountPath": "/var/run/rolebridge/config/loopback.json", "subPath": "loopback.json"},
        ]}))),
        clash(&pod(&json!({"volumeMounts": [
            {"name": "rolebridge-config", "mountPath": "/var/run/rolebridge/config", "readOnly": true},
            {"name": "rolebridge-config", "mountPath": "/var/run/rolebridge/config/", "readOnly": true},
        ]}))),
        clash(&pod(
            &json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run//rolebridge/./config"}]}),
        )),
        clash(&pod(&json!({"ports": [{"containerPort": 15080}]}))),
    ];
    let mut with_volume = pod(&json!({}));
    with_volume["spec"]["volumes"] = json!([{"name": "rolebridge-token"}]);
    messages.push(clash(&with_volume));
    let mut with_init = pod(&json!({}));
    with_init["spec"]["initContainers"] =
        json!([{"name": "rolebridge", "command": ["/rolebridge-sidecar"], "args": ["run"]}]);
    messages.push(clash(&with_init));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn similar_paths_and_udp_ports_are_accepted() {
    for web in [
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/configuration"}]}),
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run"}]}),
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/token"}]}),
        json!({"ports": [{"containerPort": 15080, "protocol": "UDP"}]}),
    ] {
        injected(&pod(&web), DEFAULTS);
    }
}

/// Parses variables: `NAME=VALUE`, or `NAME<` for `valueFrom`.
fn env(text: &str) -> Value {
    let variable = |word: &str| match word.split_once('=') {
        Some((name, value)) => json!({"name": name, "value": value}),
        None => {
            json!({"name": word.trim_end_matches('<'), "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}})
        }
    };
    text.split_whitespace().map(variable).collect()
}

#[test]
fn variables_of_the_user_are_kept_with_a_warning() {
    let config = "/var/run/rolebridge/config/loopback.json";
    let defaults = format!("{DEFAULTS}  project: default-project\n");
    for (set, added, warning) in [
        (
            "GOOGLE_APPLICATION_CREDENTIALS=/key.json GOOGLE_CLOUD_PROJECT=mine",
            format!("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE={config} CLOUDSDK_CORE_PROJECT=default-project"),
            "GOOGLE_APPLICATION_CREDENTIALS is set in web and kept, so Google's libraries use it instead of Rolebridge.",
        ),
        (
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=/key.json CLOUDSDK_CORE_PROJECT=mine",
            format!("GOOGLE_APPLICATION_CREDENTIALS={config} GOOGLE_CLOUD_PROJECT=default-project"),
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE is set in web and kept, so gcloud uses it instead of Rolebridge.",
        ),
    ] {
        let (patched, warnings) = injected(&pod(&json!({"env": env(set)})), &defaults);
        assert_eq!(patched["spec"]["containers"][0]["env"], env(&format!("{added} {set}")));
        assert_eq!(warnings, [warning]);
    }
}

#[test]
fn warnings_about_many_containers_stay_short() {
    let mut pod = pod(&json!({}));
    let env = env("GOOGLE_APPLICATION_CREDENTIALS=/k AWS_ACCESS_KEY_ID=x HTTP_PROXY=p NO_PROXY<");
    let many =
        (0..50).map(|index| json!({"name": format!("a-container-with-a-name-{index:02}"), "env": env}));
    pod["spec"]["containers"] = many.collect();
    let (_, warnings) = injected(&pod, DEFAULTS);
    assert_eq!(warnings.len(), 3);
    for warning in warnings {
        assert!(warning.len() <= 256 && warning.contains(" and 47 more"), "{} {warning}", warning.len());
    }
}

#[test]
fn denial_of_an_unvalidated_pod_is_short() {
    let long = "n".repeat(1 << 20);
    let mut long_account = pod(&json!({}));
    long_account["spec"]["serviceAccountName"] = json!(long);
    let mut long_override = pod(&json!({}));
    long_override["metadata"]["annotations"]["rolebridge.io/source"] = json!(format!("{long}=file"));
    let mut many = pod(&json!({}));
    many["spec"]["containers"] = (0..50).map(|index| json!({"name": format!("{index}{long}")})).collect();
    many["metadata"]["annotations"]["rolebridge.io/containers"] = json!("web");
    for (pod, defaults) in [
        (pod(&json!({"name": long, "ports": [{"containerPort": 15080}]})), DEFAULTS),
        (
            pod(&json!({"name": long, "volumeMounts": [
                {"name": long, "mountPath": format!("/var/run/rolebridge/config/{long}")},
            ]})),
            DEFAULTS,
        ),
        (long_account.clone(), ""),
        (
            long_account,
            "settings: {provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod}",
        ),
        (long_override, DEFAULTS),
        (many, DEFAULTS),
    ] {
        let Decision::Deny(denial) = admit_with(&pod, defaults).0 else { panic!("accepted") };
        assert!(denial.message.len() < 2048, "{} bytes: {:.300}", denial.message.len(), denial.message);
    }
}
