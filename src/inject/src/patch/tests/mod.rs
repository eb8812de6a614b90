//! The patch, whole and by its parts.

mod cost;
mod no_proxy;

use serde_json::{Value, json};

use crate::{Admission, Context, Decision, Defaults, ObjectMetadata, Reason, admit};

const DEFAULTS: &str = "settings:
  provider: projects/1/locations/global/workloadIdentityPools/pool/providers/prod
  role-arn: arn:aws:iam::123456789012:role/batch
";

fn admit_with(pod: &Value, defaults: &str) -> Admission {
    let metadata = ObjectMetadata::default();
    let context = Context {
        namespace: "shop",
        service_account: Some(&metadata),
        namespace_metadata: Some(&metadata),
        defaults: &Defaults::from_yaml(defaults).unwrap(),
    };
    admit(&serde_json::from_str(&pod.to_string()).unwrap(), &context)
}

/// The pod after its admission, and what was said.
fn injected(pod: &Value, defaults: &str) -> (Value, Vec<String>) {
    let admission = admit_with(pod, defaults);
    let Decision::Patch(patch) = admission.decision else { panic!("{:?}", admission.decision) };
    let mut patched = pod.clone();
    json_patch::patch(&mut patched, &patch.operations().unwrap()).unwrap();
    (patched, admission.warnings)
}

fn sidecar(pod: &Value) -> &Value {
    let init = pod["spec"]["initContainers"].as_array().unwrap();
    init.iter().find(|container| container["name"] == "rolebridge").unwrap()
}

/// A pod with a container `web` that has these fields.
fn pod(web: &Value) -> Value {
    let mut container = json!({"name": "web", "image": "web:1"});
    container.as_object_mut().unwrap().extend(web.as_object().unwrap().clone());
    json!({"metadata": {"annotations": {"rolebridge.io/inject": "true"}}, "spec": {"containers": [container]}})
}

/// The pod as a snapshot has it, which another version leaves as it is.
fn text(pod: &Value) -> String {
    serde_json::to_string_pretty(pod).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn a_small_pod_whole() {
    let (patched, warnings) = injected(&pod(&json!({})), DEFAULTS);
    assert_eq!(warnings, [""; 0]);
    insta::assert_snapshot!(text(&patched));
}

#[test]
fn everything_at_once() {
    let defaults = format!(
        "sidecar: {{image: 'registry.example/rolebridge:2', imagePullPolicy: Always, imagePullSecrets: [registry, ours]}}
{DEFAULTS}  source: loopback,legacy=file
  service-account: batch@shop.iam.gserviceaccount.com
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
fn what_is_there_already_is_not_added_again() {
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
    assert_eq!(again.decision, Decision::Skip(Reason::AlreadyInjected));
    assert_eq!(again.warnings, warnings);
}

#[test]
fn a_later_webhooks_container_is_served_and_the_sidecar_left() {
    let (mut pod, _) = injected(&pod(&json!({})), DEFAULTS);
    let init = pod["spec"]["initContainers"].as_array_mut().unwrap();
    init[0]["image"] = json!("mirror.example/sidecar:1");
    init[0]["resources"] = json!({});
    init.insert(0, json!({"name": "early"}));
    pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "late"}));
    let (again, _) = injected(&pod, DEFAULTS);
    for (list, at) in [("initContainers", 0), ("containers", 1)] {
        assert_eq!(again["spec"][list][at]["env"].as_array().unwrap().len(), 2, "{list}");
        assert_eq!(again["spec"][list][at]["volumeMounts"].as_array().unwrap().len(), 1, "{list}");
    }
    assert_eq!(sidecar(&again), sidecar(&pod));
    assert_eq!(again["spec"]["containers"][0], pod["spec"]["containers"][0]);
    assert_eq!(again["spec"]["volumes"], pod["spec"]["volumes"]);
}

#[test]
fn forged_annotations_are_overwritten() {
    let honest = injected(&pod(&json!({})), DEFAULTS).0;
    let mut forged = honest.clone();
    forged["metadata"]["annotations"]["rolebridge.io/config-loopback"] =
        json!("{\"type\":\"authorized_user\"}");
    forged["metadata"]["annotations"]["rolebridge.io/status"] = json!("{}");
    assert_eq!(injected(&forged, DEFAULTS).0, honest);
    forged["metadata"]["annotations"]["rolebridge.io/config-file"] = json!("of a source that is not in use");
    let unused = &injected(&forged, DEFAULTS).0["metadata"]["annotations"]["rolebridge.io/config-file"];
    assert!(unused.as_str().unwrap().contains("external_account"), "{unused}");
}

#[test]
fn names_and_paths_that_are_taken() {
    let clash = |pod: &Value| {
        let Decision::Deny(refusal) = admit_with(pod, DEFAULTS).decision else { panic!("accepted: {pod}") };
        assert_eq!(
            (refusal.reason, refusal.depends_on_metadata),
            (Reason::Clash, refusal.message.contains("port"))
        );
        refusal.message
    };
    let mut messages = vec![
        clash(&pod(&json!({"name": "rolebridge"}))),
        clash(&pod(&json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/config"}]}))),
        clash(&pod(
            &json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/config/x/"}]}),
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
fn paths_and_ports_that_only_look_taken() {
    for web in [
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/configuration"}]}),
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run"}]}),
        json!({"volumeMounts": [{"name": "data", "mountPath": "/var/run/rolebridge/token"}]}),
        json!({"ports": [{"containerPort": 15080, "protocol": "UDP"}]}),
    ] {
        injected(&pod(&web), DEFAULTS);
    }
}

/// `NAME=VALUE`, or `NAME<` for `valueFrom`.
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
fn what_the_user_set_stays() {
    let ours = "/var/run/rolebridge/config/loopback.json";
    let defaults = format!("{DEFAULTS}  project: ours-project\n");
    for (given, added, warned) in [
        (
            "GOOGLE_APPLICATION_CREDENTIALS=/key.json GOOGLE_CLOUD_PROJECT=mine",
            format!("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE={ours} CLOUDSDK_CORE_PROJECT=ours-project"),
            "GOOGLE_APPLICATION_CREDENTIALS is set in web and stays: Google's libraries use that there instead of \
             Rolebridge.",
        ),
        (
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=/key.json CLOUDSDK_CORE_PROJECT=mine",
            format!("GOOGLE_APPLICATION_CREDENTIALS={ours} GOOGLE_CLOUD_PROJECT=ours-project"),
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE is set in web and stays: gcloud uses that there instead of \
             Rolebridge.",
        ),
    ] {
        let (patched, warnings) = injected(&pod(&json!({"env": env(given)})), &defaults);
        assert_eq!(patched["spec"]["containers"][0]["env"], env(&format!("{given} {added}")));
        assert_eq!(warnings, [warned]);
    }
}

#[test]
fn warnings_about_many_containers_stay_short() {
    let mut pod = pod(&json!({}));
    let env = env("GOOGLE_APPLICATION_CREDENTIALS=/k AWS_ACCESS_KEY_ID=x HTTP_PROXY=p NO_PROXY<");
    let many = (0..50).map(|at| json!({"name": format!("a-container-with-a-name-{at:02}"), "env": env}));
    pod["spec"]["containers"] = many.collect();
    let (_, warnings) = injected(&pod, DEFAULTS);
    assert_eq!(warnings.len(), 3);
    for warning in warnings {
        assert!(warning.len() <= 256 && warning.contains(" and 47 more"), "{} {warning}", warning.len());
    }
}

#[test]
fn a_sentence_repeats_little_of_a_pod_that_nothing_has_validated() {
    let long = "n".repeat(1 << 20);
    let mut by_account = pod(&json!({}));
    by_account["spec"]["serviceAccountName"] = json!(long);
    let mut apart = pod(&json!({}));
    apart["metadata"]["annotations"]["rolebridge.io/source"] = json!(format!("{long}=file"));
    let mut many = pod(&json!({}));
    many["spec"]["containers"] = (0..50).map(|at| json!({"name": format!("{at}{long}")})).collect();
    many["metadata"]["annotations"]["rolebridge.io/containers"] = json!("web");
    for (pod, defaults) in [
        (pod(&json!({"name": long, "ports": [{"containerPort": 15080}]})), DEFAULTS),
        (
            pod(&json!({"name": long, "volumeMounts": [
                {"name": long, "mountPath": format!("/var/run/rolebridge/config/{long}")},
            ]})),
            DEFAULTS,
        ),
        (by_account.clone(), ""),
        (by_account, "settings: {provider: projects/1/locations/global/workloadIdentityPools/p/providers/p}"),
        (apart, DEFAULTS),
        (many, DEFAULTS),
    ] {
        let Decision::Deny(refusal) = admit_with(&pod, defaults).decision else { panic!("accepted") };
        assert!(refusal.message.len() < 2048, "{} bytes: {:.300}", refusal.message.len(), refusal.message);
    }
}
