//! Compares `inject` with the webhook's engine for each of `tests/fixtures/pods`.

use std::path::Path;

use rolebridge_inject::{Context, Decision, Defaults, ObjectMetadata, Pod, admit};
use serde_json::{Map, Value, json};

use crate::program::{crate_path, run};

const FOLDER: &str = "../../tests/fixtures/pods";
const DEFAULTS: &str = "../../tests/fixtures/defaults.yaml";

/// The documents of a case with the pod first, and its defaults.
struct Case {
    documents: Vec<Value>,
    defaults: Option<String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let defaults = find(&documents, "ConfigMap")
            .map(|map| map["data"]["defaults.yaml"].as_str().unwrap().to_owned());
        Self { documents, defaults }
    }

    fn defaults(&self) -> Defaults {
        let common = || std::fs::read_to_string(crate_path(DEFAULTS)).unwrap();
        Defaults::from_yaml(&self.defaults.clone().unwrap_or_else(common)).unwrap()
    }

    /// Applies the webhook's patch as kube-apiserver does. Returns `None` if the pod is denied.
    fn inject_by_engine(&self) -> Option<Value> {
        let pod = &self.documents[0];
        let metadata = |kind| find(&self.documents, kind).map(metadata);
        let (account, namespace) = (metadata("ServiceAccount"), metadata("Namespace"));
        let json = pod.to_string();
        let view: Pod<'_> = serde_json::from_str(&json).unwrap();
        let context = Context {
            namespace: pod["metadata"]["namespace"].as_str().unwrap_or("default"),
            service_account: account.as_ref(),
            namespace_metadata: namespace.as_ref(),
            defaults: &self.defaults(),
        };
        let mut pod = pod.clone();
        match admit(&view, &context).decision {
            Decision::Patch(patch) => json_patch::patch(&mut pod, &patch.operations().unwrap()).unwrap(),
            Decision::Skip(_) => {}
            Decision::Deny(_) => return None,
        }
        Some(pod)
    }

    /// Runs the command and returns the first document, or `None` if a pod is denied.
    fn inject_by_command(&self, path: &Path, documents: &[Value]) -> Option<Value> {
        let defaults = if self.defaults.is_some() { path.to_owned() } else { crate_path(DEFAULTS) };
        let text: Vec<_> = documents.iter().map(Value::to_string).collect();
        let arguments = ["inject", "-f", "-", "--defaults", defaults.to_str().unwrap()];
        let output = run(&arguments, text.join("\n---\n").as_bytes());
        let stderr = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => {}
            Some(1) => return None,
            other => panic!("{}: {other:?} {stderr}", path.display()),
        }
        let written: Vec<Value> =
            serde_saphyr::from_multiple(str::from_utf8(&output.stdout).unwrap()).unwrap();
        assert_eq!(written[1..], documents[1..], "{}", path.display());
        Some(written[0].clone())
    }
}

fn find<'a>(documents: &'a [Value], kind: &str) -> Option<&'a Value> {
    documents.iter().find(|document| document["kind"] == kind)
}

fn metadata(document: &Value) -> ObjectMetadata {
    let strings = |field: &str| -> Vec<(String, String)> {
        let pairs = document["metadata"][field].as_object().into_iter().flat_map(Map::iter);
        pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    ObjectMetadata::new(strings("annotations"), strings("labels"))
}

/// Compares the two for every case, with the pod wrapped in another object.
fn compare_each_case(wrap: impl Fn(&Value) -> Value) {
    let mut injected = 0;
    for entry in std::fs::read_dir(crate_path(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let case = Case::read(&path);
        let mut documents = case.documents.clone();
        documents[0] = wrap(&case.documents[0]);
        let expected = case.inject_by_engine().map(|pod| wrap(&pod));
        injected += usize::from(expected.is_some());
        assert_eq!(case.inject_by_command(&path, &documents), expected, "{}", path.display());
    }
    assert!(injected > 50, "only {injected} cases were injected");
}

#[test]
fn pod_is_injected_as_by_webhook() {
    compare_each_case(Clone::clone);
}

#[test]
fn deployment_is_injected_as_by_webhook() {
    compare_each_case(|pod| {
        let namespace = pod["metadata"].get("namespace").cloned().unwrap_or("default".into());
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "wrapped", "namespace": namespace},
            "spec": {"template": pod},
        })
    });
}

#[test]
fn cron_job_in_list_is_injected_as_by_webhook() {
    compare_each_case(|pod| {
        let namespace = pod["metadata"].get("namespace").cloned().unwrap_or("default".into());
        let job = json!({
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "wrapped", "namespace": namespace},
            "spec": {"jobTemplate": {"spec": {"template": pod}}},
        });
        json!({"apiVersion": "v1", "kind": "List", "items": [job]})
    });
}
