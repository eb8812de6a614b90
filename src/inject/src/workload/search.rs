//! Finds pod templates in an object of any kind by their structure, and the Rolebridge keys outside them.
//!
//! A Rollout, a `RayCluster` or a `JobSet` embeds whole pod templates. Their places differ, so no table of kinds can list them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rolebridge_core::annotations::PREFIX;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::message::DisplayName;
use crate::steps;
use crate::unknown_keys::{is_known, suggestion};

/// Maximum depth of a pod template in its object. Each level of the search reads the text of the levels below it once more.
/// The deepest known template, in a custom resource that embeds a CronJob, has a depth of 9.
pub const MAX_DEPTH: usize = 12;

/// Maximum number of pod templates, and of keys outside them, that are reported for an object.
pub const MAX_FOUND: usize = 32;

/// API groups with pod templates that accept a part of a pod only: their own webhook denies init containers. Their pods can be
/// injected, but the templates cannot.
///
/// Source: the feature `kubernetes.podspec-init-containers` of Knative Serving.
const PARTIAL_TEMPLATES: &[&str] = &["serving.knative.dev"];

/// The pod templates in an object, and the Rolebridge keys that stand elsewhere.
#[derive(Debug, Default)]
pub struct PodTemplates<'a> {
    /// The pod templates, at most [`MAX_FOUND`].
    pub templates: Vec<PodTemplate<'a>>,
    /// The Rolebridge keys outside the pod templates, at most [`MAX_FOUND`].
    pub stray_keys: Vec<StrayKey>,
}

/// A pod template in an object.
#[derive(Debug, PartialEq, Eq)]
pub struct PodTemplate<'a> {
    /// The JSON pointer in the object.
    pub pointer: String,
    /// The template's JSON.
    pub json: &'a str,
    /// True if the template accepts everything that a pod has, init containers too.
    pub is_whole: bool,
}

/// A Rolebridge key outside the pod templates.
#[derive(Debug, PartialEq, Eq)]
pub struct StrayKey {
    /// The key.
    pub key: String,
    /// The JSON pointer of the map that contains it.
    pub pointer: String,
}

impl StrayKey {
    /// Returns a warning about the key, in an object of a kind.
    #[must_use]
    pub fn warning(&self, kind: &str) -> String {
        let suggestion = if is_known(&self.key) { String::new() } else { suggestion(&self.key) };
        format!(
            "{} in {} of the {kind} is outside a pod template. It has an effect only if the operator copies it to the \
             pods.{suggestion}",
            DisplayName(&self.key),
            DisplayName(&path(&self.pointer)),
        )
    }
}

impl<'a> PodTemplates<'a> {
    /// Searches an object's JSON.
    ///
    /// # Errors
    /// Returns an error if the text is not JSON.
    pub fn find(json: &'a str) -> Result<Self, serde_json::Error> {
        let mut found = Self::default();
        let root: &RawValue = serde_json::from_str(json)?;
        found.search(root, &mut String::new(), 0, true);
        Ok(found)
    }

    fn search(&mut self, value: &'a RawValue, pointer: &mut String, depth: usize, is_whole: bool) {
        steps::count(value.get().len());
        if depth > MAX_DEPTH {
            return;
        }
        match value.get().as_bytes().first() {
            Some(b'{') => self.search_map(value, pointer, depth, is_whole),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
                for (index, item) in items.into_iter().enumerate() {
                    self.descend(item, pointer, &index.to_string(), depth, is_whole);
                }
            }
            _ => {}
        }
    }

    fn search_map(&mut self, value: &'a RawValue, pointer: &mut String, depth: usize, is_whole: bool) {
        let Ok(Fields(fields)) = serde_json::from_str::<Fields<'a>>(value.get()) else { return };
        let object = fields.contains_key("kind").then(|| ObjectType::of(&fields));
        if is_pod_template(&fields, object.as_ref()) {
            if self.templates.len() < MAX_FOUND {
                self.templates.push(PodTemplate { pointer: pointer.clone(), json: value.get(), is_whole });
            }
            return;
        }
        if object.as_ref().is_some_and(ObjectType::gives_settings) {
            return;
        }
        let is_whole = object.map_or(is_whole, |object| !object.has_partial_templates());
        let is_metadata = is_metadata(pointer);
        for (key, field) in fields {
            if is_metadata && key.starts_with(PREFIX) && self.stray_keys.len() < MAX_FOUND {
                self.stray_keys.push(StrayKey { key: key.clone().into_owned(), pointer: pointer.clone() });
            }
            self.descend(field, pointer, &key, depth, is_whole);
        }
    }

    fn descend(
        &mut self,
        value: &'a RawValue,
        pointer: &mut String,
        key: &str,
        depth: usize,
        is_whole: bool,
    ) {
        let parent = pointer.len();
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        self.search(value, pointer, depth + 1, is_whole);
        pointer.truncate(parent);
    }
}

#[derive(Deserialize)]
struct Fields<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, &'a RawValue>);

/// The `apiVersion` and `kind` of an object.
struct ObjectType<'a> {
    api_version: Cow<'a, str>,
    kind: Cow<'a, str>,
}

impl<'a> ObjectType<'a> {
    fn of(fields: &BTreeMap<Cow<'a, str>, &'a RawValue>) -> Self {
        let text = |key: &str| {
            let field = fields.get(key);
            field.and_then(|field| serde_json::from_str(field.get()).ok()).unwrap_or(Cow::Borrowed(""))
        };
        Self { api_version: text("apiVersion"), kind: text("kind") }
    }

    /// Returns true for objects with annotations and labels that apply to all of their pods.
    fn gives_settings(&self) -> bool {
        &*self.api_version == "v1" && ["Namespace", "ServiceAccount"].contains(&&*self.kind)
    }

    fn has_partial_templates(&self) -> bool {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        PARTIAL_TEMPLATES.contains(&group)
    }
}

/// Returns true for the pointer of annotations or labels, such as `podAnnotations`, as opposed to a selector.
fn is_metadata(pointer: &str) -> bool {
    let name = pointer.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    name != "matchlabels" && (name.ends_with("annotations") || name.ends_with("labels"))
}

/// Returns true for a map with a `spec` that has containers, such as a `PodTemplateSpec`.
///
/// An object of another kind than Pod is none: in a Prometheus, `spec.containers` are additions to the operator's pods.
fn is_pod_template(fields: &BTreeMap<Cow<'_, str>, &RawValue>, object: Option<&ObjectType<'_>>) -> bool {
    #[derive(Deserialize)]
    struct Spec {
        containers: Vec<Container>,
    }
    #[derive(Deserialize)]
    struct Container {
        name: Option<IgnoredAny>,
        image: Option<IgnoredAny>,
    }
    let is_pod = |object: &ObjectType<'_>| (&*object.api_version, &*object.kind) == ("v1", "Pod");
    let spec = fields.get("spec").and_then(|spec| serde_json::from_str::<Spec>(spec.get()).ok());
    let has_containers = |spec: Spec| {
        spec.containers.first().is_some_and(|first| first.name.is_some() || first.image.is_some())
    };
    object.is_none_or(is_pod) && spec.is_some_and(has_containers)
}

/// Renders a JSON pointer as a path for people: `spec.workerGroupSpecs[0].template`.
#[must_use]
pub fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            path.extend(["[", &part, "]"]);
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const POD: &str = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true"}},"spec":{"containers":[{"name":"a","image":"b"}]}}"#;

    fn object(api_version: &str, kind: &str, spec: &str) -> String {
        let spec: Value = serde_json::from_str(&spec.replace("POD", POD)).unwrap();
        json!({"apiVersion": api_version, "kind": kind, "spec": spec}).to_string()
    }

    #[rstest]
    #[case::rollout("argoproj.io/v1alpha1", "Rollout", r#"{"template":POD}"#, &["/spec/template"])]
    #[case::ray_cluster(
        "ray.io/v1",
        "RayCluster",
        r#"{"headGroupSpec":{"template":POD},"workerGroupSpecs":[{"template":POD},{"template":POD}]}"#,
        &["/spec/headGroupSpec/template", "/spec/workerGroupSpecs/0/template", "/spec/workerGroupSpecs/1/template"]
    )]
    #[case::job_set(
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        r#"{"replicatedJobs":[{"template":{"metadata":{},"spec":{"template":POD}}}]}"#,
        &["/spec/replicatedJobs/0/template/spec/template"]
    )]
    #[case::scaled_job(
        "keda.sh/v1alpha1",
        "ScaledJob",
        r#"{"jobTargetRef":{"template":POD}}"#,
        &["/spec/jobTargetRef/template"]
    )]
    #[case::flink("flink.apache.org/v1beta1", "FlinkDeployment", r#"{"podTemplate":POD}"#, &["/spec/podTemplate"])]
    #[case::map_of_templates(
        "kubeflow.org/v1",
        "PyTorchJob",
        r#"{"pytorchReplicaSpecs":{"a/b":{"template":POD}}}"#,
        &["/spec/pytorchReplicaSpecs/a~1b/template"]
    )]
    #[case::nested_object(
        "template.openshift.io/v1",
        "Template",
        r#"{"objects":[{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":POD}}]}"#,
        &["/spec/objects/0/spec/template"]
    )]
    #[case::additions_to_an_operators_pods(
        "monitoring.coreos.com/v1",
        "Prometheus",
        r#"{"containers":[{"name":"proxy"}]}"#,
        &[]
    )]
    #[case::names_alone("example.com/v1", "Selector", r#"{"template":{"spec":{"containers":["app"]}}}"#, &[])]
    #[case::no_containers("example.com/v1", "Template", r#"{"template":{"spec":{"containers":[]}}}"#, &[])]
    fn find_finds_whole_templates(
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] spec: &str,
        #[case] pointers: &[&str],
    ) {
        let json = object(api_version, kind, spec);
        let PodTemplates { templates, stray_keys } = PodTemplates::find(&json).unwrap();
        let found: Vec<_> = templates.iter().map(|template| &*template.pointer).collect();
        assert_eq!(found, pointers);
        assert!(templates.iter().all(|template| template.is_whole));
        assert_eq!(stray_keys, []);
        let root: Value = serde_json::from_str(&json).unwrap();
        for template in templates {
            assert_eq!(root.pointer(&template.pointer).unwrap().to_string(), template.json);
        }
    }

    #[test]
    fn find_marks_templates_that_accept_a_part_of_a_pod() {
        let service = object("serving.knative.dev/v1", "Service", r#"{"template":POD}"#);
        let list = format!(r#"{{"kind":"List","items":[{service}]}}"#);
        for json in [service, list] {
            let templates = PodTemplates::find(&json).unwrap().templates;
            assert_eq!(templates.iter().map(|template| template.is_whole).collect::<Vec<_>>(), [false]);
        }
    }

    #[test]
    fn find_reports_keys_outside_templates() {
        let json = r#"{"kind":"SparkApplication","metadata":{"labels":{"rolebridge.io/inject":"true"}},
            "spec":{"driver":{"annotations":{"rolebridge.io/injct":"true"}},
            "selector":{"matchLabels":{"rolebridge.io/inject":"enabled"}}}}"#;
        let keys = PodTemplates::find(json).unwrap().stray_keys;
        let warnings: Vec<_> = keys.iter().map(|key| key.warning("SparkApplication")).collect();
        assert_eq!(
            warnings,
            [
                "rolebridge.io/inject in metadata.labels of the SparkApplication is outside a pod template. It has an effect \
                 only if the operator copies it to the pods.",
                "rolebridge.io/injct in spec.driver.annotations of the SparkApplication is outside a pod template. It has an \
                 effect only if the operator copies it to the pods. Did you mean rolebridge.io/inject?",
            ]
        );
        for kind in ["Namespace", "ServiceAccount"] {
            let json = json!({"apiVersion": "v1", "kind": kind, "metadata": {"annotations": {"rolebridge.io/source": "file"}}});
            assert_eq!(PodTemplates::find(&json.to_string()).unwrap().stray_keys, []);
        }
    }

    #[test]
    fn find_is_bounded() {
        let nested = |depth: usize| format!("{}{POD}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert_eq!(PodTemplates::find(&nested(MAX_DEPTH)).unwrap().templates.len(), 1);
        assert_eq!(PodTemplates::find(&nested(MAX_DEPTH + 1)).unwrap().templates.len(), 0);
        let many = format!("[{}{POD}]", format!("{POD},").repeat(MAX_FOUND));
        assert_eq!(PodTemplates::find(&many).unwrap().templates.len(), MAX_FOUND);
        let keys: Vec<_> = (0..=MAX_FOUND).map(|index| format!(r#""rolebridge.io/{index}":"""#)).collect();
        assert_eq!(
            PodTemplates::find(&format!("{{\"labels\":{{{}}}}}", keys.join(","))).unwrap().stray_keys.len(),
            MAX_FOUND
        );
        // The text is read once for each level at most, however deep it is.
        let text = nested(1_000);
        let counted = steps::of(|| PodTemplates::find(&text));
        assert!(counted <= text.len() * (MAX_DEPTH + 2), "{counted}");
    }

    #[rstest]
    #[case("", "")]
    #[case("/spec/workerGroupSpecs/0/template", "spec.workerGroupSpecs[0].template")]
    #[case("/a~1b/c~0d", "a/b.c~d")]
    fn path_is_readable(#[case] pointer: &str, #[case] expected: &str) {
        assert_eq!(path(pointer), expected);
    }
}
