//! A case: a file for `kubectl apply` with the pod first, then the other objects that affect its injection.

use std::fs;
use std::path::{Path, PathBuf};

use rolebridge_inject::{Admission, Context, Decision, Defaults, ObjectMetadata, Pod, admit};
use serde_json::{Map, Value};

/// The folder of the cases, relative to this crate.
pub(crate) const FOLDER: &str = "../../tests/fixtures/pods";
/// The defaults of cases without their own.
const DEFAULTS: &str = "../../tests/fixtures/defaults.yaml";

/// A pod and the other objects that affect its injection.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The comment at the beginning of the file.
    pub(crate) description: String,
    pub(crate) pod: Value,
    pub(crate) service_account: Option<ObjectMetadata>,
    pub(crate) namespace: Option<ObjectMetadata>,
    pub(crate) defaults: Defaults,
}

/// Returns the files of all cases, sorted by name.
pub(crate) fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(here(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect();
    files.sort();
    files
}

/// Returns the case with a name, such as `minimal`.
pub(crate) fn named(name: &str) -> Case {
    Case::read(&here(FOLDER).join(format!("{name}.yaml")))
}

/// Returns the defaults of cases without their own.
pub(crate) fn common_defaults() -> Defaults {
    Defaults::from_yaml(&fs::read_to_string(here(DEFAULTS)).unwrap()).unwrap()
}

pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Case {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let comment = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
        let description = comment.collect::<Vec<_>>().join(" ");
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut documents = documents.into_iter();
        let pod = documents.next().unwrap();
        assert_eq!(pod["kind"], "Pod", "{}: the pod comes first", path.display());

        let mut case =
            Self { description, pod, service_account: None, namespace: None, defaults: common_defaults() };
        for document in documents {
            case.add(&document, path);
        }
        case
    }

    fn add(&mut self, document: &Value, path: &Path) {
        let name = document["metadata"]["name"].as_str().unwrap();
        match document["kind"].as_str().unwrap() {
            "ServiceAccount" => {
                let expected = self.pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
                assert_eq!(name, expected, "{}: another pod's service account", path.display());
                self.service_account = Some(metadata(document));
            }
            "Namespace" => {
                assert_eq!(name, self.namespace_name(), "{}: another pod's namespace", path.display());
                self.namespace = Some(metadata(document));
            }
            "ConfigMap" => {
                let text = document["data"]["defaults.yaml"].as_str().unwrap();
                self.defaults = Defaults::from_yaml(text).unwrap();
            }
            other => panic!("{}: a {other} does not affect the injection", path.display()),
        }
    }

    pub(crate) fn namespace_name(&self) -> &str {
        self.pod["metadata"]["namespace"].as_str().unwrap_or("default")
    }

    /// Admits a pod with this case's service account, namespace and defaults.
    pub(crate) fn admit(&self, pod: &Value) -> Admission<'static> {
        let bytes = serde_json::to_vec(pod).unwrap();
        let view: Pod<'_> = serde_json::from_slice(&bytes).unwrap();
        admit(&view, &self.context()).without_settings()
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            namespace: self.namespace_name(),
            service_account: self.service_account.as_ref(),
            namespace_metadata: self.namespace.as_ref(),
            defaults: &self.defaults,
        }
    }
}

/// Applies the patch to the pod, if there is one.
pub(crate) fn patched(pod: &Value, admission: &Admission<'_>) -> Option<Value> {
    let Decision::Patch(patch) = &admission.decision else { return None };
    let mut patched = pod.clone();
    json_patch::patch(&mut patched, &patch.operations().unwrap())
        .unwrap_or_else(|error| panic!("the patch does not apply: {error}\n{}", patch.as_json()));
    Some(patched)
}

fn metadata(document: &Value) -> ObjectMetadata {
    let strings = |field: &str| -> Vec<(String, String)> {
        let map = document["metadata"][field].as_object();
        let pairs = map.into_iter().flat_map(Map::iter);
        pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    ObjectMetadata::new(strings("annotations"), strings("labels"))
}
