//! `check` of clusters: one where all is well, and what the files of `cases/check` change in it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use jiff::Timestamp;
use rolebridge_inject::{Context, Decision, Defaults, ObjectMetadata, admit};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::fake_api::{Api, Trial};
use crate::fake_replica::{AUTHORITIES, pem, soon};
use crate::program::{Asked, here};

/// What is otherwise in a cluster.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    arguments: Vec<String>,
    /// JSON patches by `KIND/NAME`.
    change: BTreeMap<String, Value>,
    remove: Vec<String>,
    add: Vec<Value>,
    forbidden: Vec<String>,
    trial: Trial,
    served: BTreeMap<String, String>,
}

impl Case {
    fn api(self) -> Api {
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text("cluster.yaml")).unwrap();
        objects = objects.iter().map(|object| injected(object, &objects)).collect();
        objects.retain(|object| !self.remove.contains(&title(object)));
        for (title_of, patch) in self.change {
            let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
            let object = objects.iter_mut().find(|object| title(object) == title_of).unwrap();
            json_patch::patch(object, &patch).unwrap();
        }
        objects.extend(self.add);
        Api { objects, forbidden: self.forbidden, trial: self.trial, served: self.served }
    }
}

/// A file of the cases, with the CAs that it names and today.
fn text(name: &str) -> String {
    let mut text = std::fs::read_to_string(here(&format!("tests/cases/check/{name}"))).unwrap();
    for authority in AUTHORITIES {
        text = text.replace(&format!("{{{authority}}}"), &STANDARD.encode(pem(authority)));
    }
    text.replace("{today}", &Timestamp::now().strftime("%Y-%m-%dT00:00:00Z").to_string())
}

fn title(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// A pod as the webhook leaves it, if it says so.
fn injected(object: &Value, objects: &[Value]) -> Value {
    let mut pod = object.clone();
    if pod.as_object_mut().unwrap().remove("injected").is_none() {
        return pod;
    }
    let find = |kind: &str, name: &Value| {
        let found = objects.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == *name);
        found.map(|found| {
            let pairs = |field: &str| -> BTreeMap<String, String> {
                serde_json::from_value(found["metadata"][field].clone()).unwrap_or_default()
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

fn asked(config: &NamedTempFile, arguments: &[&str]) -> String {
    let arguments = [&["check"], arguments].concat();
    let said = Asked::new(&arguments).env("KUBECONFIG", config.path().to_str().unwrap()).transcript();
    let soon = soon().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    said.replace(&soon, "(in two days)").replace(&today, "(today)")
}

/// The findings that are not ok.
fn wrong(said: &str) -> String {
    let mut lines = said.lines();
    let mut wrong = vec![lines.next().unwrap()];
    let mut keep = true;
    for line in lines {
        let mark = line.trim_start().chars().next();
        keep = match mark {
            Some('✓') => false,
            Some('!' | '✗') => true,
            _ => keep && !line.is_empty(),
        };
        if keep || line.contains(" checks: ") || line.starts_with(['[', 'r']) {
            wrong.push(line);
            keep = true;
        }
    }
    wrong.join("\n") + "\n"
}

#[test]
fn all_is_well() {
    let config = Case::default().api().serve();
    assert_snapshot!("check-well", asked(&config, &[]));
    assert_snapshot!("check-json", asked(&config, &["-n", "shop", "-o", "json"]));
    let yaml = asked(&config, &["-n", "shop", "-o", "yaml"]);
    assert!(yaml.contains("- check: configuration\n  severity: ok\n"), "{yaml}");
}

#[test]
fn a_program_gets_all_and_a_person_the_first() {
    let pod = |number: usize| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "app"}]},
            "metadata": {"name": format!("pod-{number}"), "namespace": "shop", "annotations": {"rolebridge.io/inject": "yes"}}})
    };
    let config = Case { add: (0..12).map(pod).collect(), ..Case::default() }.api().serve();
    assert!(asked(&config, &[]).contains("and 2 more, which --output json has"));
    assert_eq!(asked(&config, &["-o", "json"]).matches("is neither").count(), 12);
}

#[test]
fn colours_are_for_who_forces_them() {
    let config = Case::default().api().serve();
    let config = config.path().to_str().unwrap();
    let forced = Asked::new(&["check"]).env("KUBECONFIG", config).env("CLICOLOR_FORCE", "1").transcript();
    assert!(forced.contains("\u{1b}[1m\u{1b}[32m✓"), "{forced}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut second = Case::default();
    let mut other: Value = serde_saphyr::from_multiple::<Value>(&text("cluster.yaml")).unwrap().remove(0);
    other["metadata"]["name"] = "second".into();
    other["webhooks"][0]["clientConfig"]["service"]["namespace"] = "second".into();
    second.add.push(other);
    let several = asked(&second.api().serve(), &[]);
    let nothing = Case {
        forbidden: vec![
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations".to_owned(),
            "/api/v1/configmaps".to_owned(),
        ],
        ..Case::default()
    };
    let nothing = asked(&nothing.api().serve(), &[]);
    let stranger =
        asked(&Case { forbidden: vec!["/version".to_owned()], ..Case::default() }.api().serve(), &[]);
    assert_snapshot!("check-errors", [several, nothing, stranger].join("\n"));
}

#[test]
fn each_case() {
    for entry in std::fs::read_dir(here("tests/cases/check")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".yaml").filter(|stem| *stem != "cluster") else { continue };
        let case: Case = serde_saphyr::from_str(&text(&name)).unwrap();
        let arguments = case.arguments.clone();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let said = asked(&case.api().serve(), &arguments);
        assert_snapshot!(format!("check-case-{stem}"), wrong(&said));
    }
}

/// `docs/screenshots` makes docs/check.svg of it.
#[test]
fn the_picture() {
    let case: Case = serde_saphyr::from_str(&text("picture.yaml")).unwrap();
    let config = case.api().serve();
    let config = config.path().to_str().unwrap();
    let said = Asked::new(&["check"]).env("KUBECONFIG", config).env("CLICOLOR_FORCE", "1").transcript();
    assert_snapshot!("check-picture", said);
}

/// What API servers say of a pod, and what it means for the webhook.
#[test]
fn each_answer_to_a_trial() {
    let answers: Vec<Value> = serde_saphyr::from_str(&text("answers.yml")).unwrap();
    let said = answers.into_iter().map(|answer| {
        let trial = serde_json::from_value(json!({"refused": answer})).unwrap();
        let config = Case { trial, ..Case::default() }.api().serve();
        let output = Asked::new(&["check", "-n", "shop", "-o", "json"])
            .env("KUBECONFIG", config.path().to_str().unwrap())
            .run(b"");
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let finding = findings.iter().find(|one| one["check"] == "api-server").unwrap();
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{}: {}\n", text("severity"), text("message"))
    });
    assert_snapshot!("check-answers", said.collect::<Vec<_>>().join("\n"));
}
