//! `check` of a cluster without problems, and of each change to it in `cases/check`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use jiff::Timestamp;
use rolebridge_inject::{Context, Decision, Defaults, ObjectMetadata, admit};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::fake_api::{Api, CONFIGURATIONS, DryRun};
use crate::fake_replica::{AUTHORITIES, expires_soon, pem};
use crate::program::{Invocation, assert_harmless, crate_path};

/// Changes to the cluster, and the arguments of `check`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    arguments: Vec<String>,
    /// JSON patches, by the `KIND/NAME` of the object.
    change: BTreeMap<String, Value>,
    remove: Vec<String>,
    add: Vec<Value>,
    forbidden: Vec<String>,
    dry_run: DryRun,
    served: BTreeMap<String, String>,
}

impl Case {
    fn api(self) -> Api {
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&read_case("cluster.yaml")).unwrap();
        objects.extend(self.add);
        objects = objects.iter().map(|object| inject_if_marked(object, &objects)).collect();
        objects.retain(|object| !self.remove.contains(&title(object)));
        for (name, patch) in self.change {
            let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
            let object = objects.iter_mut().find(|object| title(object) == name).unwrap();
            json_patch::patch(object, &patch).unwrap();
        }
        let Self { forbidden, dry_run, served, .. } = self;
        Api { objects, forbidden, dry_run, served, ..Api::default() }
    }
}

/// Reads a case and replaces its placeholders for CAs and today's date.
fn read_case(name: &str) -> String {
    let mut text = std::fs::read_to_string(crate_path(&format!("tests/cases/check/{name}"))).unwrap();
    for authority in AUTHORITIES {
        text = text.replace(&format!("{{{authority}}}"), &STANDARD.encode(pem(authority)));
    }
    text.replace("{today}", &Timestamp::now().strftime("%Y-%m-%dT00:00:00Z").to_string())
}

fn title(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// Injects a pod that has the field `injected`.
fn inject_if_marked(object: &Value, objects: &[Value]) -> Value {
    let mut pod = object.clone();
    if pod.as_object_mut().unwrap().remove("injected").is_none() {
        return pod;
    }
    let find = |kind: &str, name: &Value| {
        let object = objects.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == *name);
        object.map(|object| {
            let pairs = |field: &str| -> BTreeMap<String, String> {
                serde_json::from_value(object["metadata"][field].clone()).unwrap_or_default()
            };
            ObjectMetadata::new(pairs("annotations"), pairs("labels"))
        })
    };
    let defaults = objects.iter().find_map(|one| one["data"]["defaults.yaml"].as_str()).unwrap();
    let json = pod.to_string();
    let (account, namespace) = (
        find("ServiceAccount", &pod["spec"]["serviceAccountName"]),
        find("Namespace", &pod["metadata"]["namespace"]),
    );
    let context = Context {
        namespace: pod["metadata"]["namespace"].as_str().unwrap(),
        service_account: account.as_ref(),
        namespace_metadata: namespace.as_ref(),
        defaults: &Defaults::from_yaml(defaults).unwrap(),
    };
    let Decision::Patch(patch) = admit(&serde_json::from_str(&json).unwrap(), &context).decision else {
        panic!("{pod}");
    };
    json_patch::patch(&mut pod, &patch.operations().unwrap()).unwrap();
    pod
}

fn check(config: &NamedTempFile, arguments: &[&str]) -> String {
    let arguments = [&["check"], arguments].concat();
    let transcript = Invocation::new(&arguments).kubeconfig(config).transcript();
    let soon = expires_soon().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    transcript.replace(&soon, "(in two days)").replace(&today, "(today)")
}

/// Removes the findings that are ok from a transcript.
fn problems(transcript: &str) -> String {
    let mut lines = transcript.lines();
    let mut problems = vec![lines.next().unwrap()];
    let mut keep = true;
    for line in lines {
        let mark = line.trim_start().chars().next();
        keep = match mark {
            Some('✓') => false,
            Some('!' | '✗') => true,
            _ => keep && !line.is_empty(),
        };
        if keep || line.contains(" checks: ") || line.starts_with(['[', 'r']) {
            problems.push(line);
            keep = true;
        }
    }
    problems.join("\n") + "\n"
}

#[test]
fn cluster_without_problems_exits_0() {
    let config = Case::default().api().serve();
    assert_snapshot!("check-ok", check(&config, &[]));
    assert_snapshot!("check-json", check(&config, &["-n", "shop", "-o", "json"]));
    let yaml = check(&config, &["-n", "shop", "-o", "yaml"]);
    assert!(yaml.contains("- check: configuration\n  severity: ok\n"), "{yaml}");
}

#[test]
fn text_output_is_limited_and_json_is_complete() {
    let pod = |number: usize| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "app"}]},
            "metadata": {"name": format!("pod-{number}"), "namespace": "shop", "annotations": {"rolebridge.io/inject": "yes"}}})
    };
    let config = Case { add: (0..12).map(pod).collect(), ..Case::default() }.api().serve();
    assert!(check(&config, &[]).contains("and 2 more; --output json lists all"));
    assert_eq!(check(&config, &["-o", "json"]).matches("found \\\"yes\\\"").count(), 12);
}

#[test]
fn hostile_names_are_harmless_in_each_format() {
    for format in ["text", "json", "yaml"] {
        let case: Case = serde_saphyr::from_str(&read_case("hostile-names.yaml")).unwrap();
        let config = case.api().serve();
        let check = Invocation::new(&["check", "-n", "shop", "-o", format]).kubeconfig(&config);
        let transcript = check.env("CLICOLOR_FORCE", "1").transcript();
        assert!(transcript.contains("desrever") && transcript.contains("title"), "{transcript}");
        assert_harmless(&transcript);
    }
}

#[test]
fn forced_colors_are_written() {
    let config = Case::default().api().serve();
    let forced = Invocation::new(&["check"]).kubeconfig(&config).env("CLICOLOR_FORCE", "1").transcript();
    assert!(forced.contains("\u{1b}[1m\u{1b}[32m✓"), "{forced}");
}

#[test]
fn unusable_cluster_exits_2() {
    let forbidden = Case { forbidden: vec![CONFIGURATIONS.to_owned()], ..Case::default() };
    let config = forbidden.api().serve();
    let forbidden = check(&config, &[]);
    assert!(check(&config, &["--release-namespace", "rolebridge-system"]).contains("Could not be checked"));
    let unauthenticated =
        check(&Case { forbidden: vec!["/version".to_owned()], ..Case::default() }.api().serve(), &[]);
    assert_snapshot!("check-errors", [forbidden, unauthenticated].join("\n"));
}

#[test]
fn check_ignores_defaults_of_a_tenant() {
    let labels = json!({"app.kubernetes.io/component": "webhook"});
    let forged = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"defaults.yaml": "sidecar: {image: forged}"},
        "metadata": {"name": "rolebridge-defaults", "namespace": "shop", "labels": labels}});
    let add = || vec![forged.clone()];
    let without = check(&Case::default().api().serve(), &[]);
    assert_eq!(check(&Case { add: add(), ..Case::default() }.api().serve(), &[]), without);
    let remove = ["rolebridge", "rolebridge-workloads"];
    let remove = remove.map(|name| format!("MutatingWebhookConfiguration/{name}")).to_vec();
    let uninstalled = Case { add: add(), remove, ..Case::default() };
    let uninstalled = check(&uninstalled.api().serve(), &[]);
    assert!(
        uninstalled.contains("No MutatingWebhookConfiguration has an entry of Rolebridge"),
        "{uninstalled}"
    );
}

#[test]
fn cluster_with_each_case() {
    for entry in std::fs::read_dir(crate_path("tests/cases/check")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".yaml").filter(|stem| *stem != "cluster") else { continue };
        let case: Case = serde_saphyr::from_str(&read_case(&name)).unwrap();
        let arguments = case.arguments.clone();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let transcript = check(&case.api().serve(), &arguments);
        assert_snapshot!(format!("check-case-{stem}"), problems(&transcript));
    }
}

#[test]
fn every_release_is_checked() {
    let read = |name: &str| serde_saphyr::from_str::<Case>(&read_case(name)).unwrap();
    let separate = check(&read("two-releases.yaml").api().serve(), &[]);
    let overlapping = check(&read("overlapping-releases.yaml").api().serve(), &["-o", "json"]);
    assert_snapshot!("check-every-release", problems(&separate));
    // Each pair is reported for both of its releases; one pair has other labels of pods.
    assert_eq!(overlapping.matches("selects the same pods").count(), 2 * 5, "{overlapping}");
}

#[test]
fn namespace_of_another_release_is_not_checked() {
    let case: Case = serde_saphyr::from_str(&read_case("two-releases.yaml")).unwrap();
    let transcript = check(&case.api().serve(), &["--release-namespace", "rolebridge-system", "-n", "lab"]);
    assert!(transcript.contains("Another release selects the namespace, so its pods were not checked."));
    assert!(transcript.contains("does not select the namespace lab"), "{transcript}");
    assert!(!transcript.contains("opted in but"), "{transcript}");
}

/// The snapshot is the source of docs/check.svg, which `docs/screenshots` renders.
#[test]
fn screenshot() {
    let case: Case = serde_saphyr::from_str(&read_case("screenshot.yaml")).unwrap();
    let config = case.api().serve();
    let transcript = Invocation::new(&["check"]).kubeconfig(&config).env("CLICOLOR_FORCE", "1").transcript();
    assert_snapshot!("check-screenshot", transcript);
}

#[test]
fn dry_run_with_each_response() {
    let responses: Vec<Value> = serde_saphyr::from_str(&read_case("api-server-responses.yml")).unwrap();
    let messages = responses.into_iter().map(|response| {
        let dry_run = serde_json::from_value(json!({"rejected": response})).unwrap();
        let config = Case { dry_run, ..Case::default() }.api().serve();
        let output = Invocation::new(&["check", "-n", "shop", "-o", "json"]).kubeconfig(&config).run(b"");
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let finding = findings.iter().find(|one| one["check"] == "api-server").unwrap();
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{}: {}\n", text("severity"), text("message"))
    });
    assert_snapshot!("check-api-server-responses", messages.collect::<Vec<_>>().join("\n"));
}
