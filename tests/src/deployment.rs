//! Turns a Deployment manifest into the pod that the webhook receives, as the controllers, the API server's defaulting
//! and the `ServiceAccount` admission plugin do.

use serde_json::{Map, Value, json};

use crate::error::{Context, Result};

const API_ACCESS_VOLUME: &str = "kube-api-access-x7k2p";
const TEMPLATE_HASH: &str = "5d9c7b6f4d";

/// Parses a Deployment manifest.
///
/// # Errors
/// Returns an error if the text is not YAML.
pub fn parse(yaml: &str) -> Result<Value> {
    serde_saphyr::from_str(yaml).context("parse the Deployment")
}

/// Builds the pod of a Deployment's template, in the Deployment's namespace.
///
/// # Errors
/// Returns an error if the value is not a Deployment with a pod template.
pub fn to_pod(deployment: &Value) -> Result<Value> {
    let name = deployment["metadata"]["name"].as_str().context("the Deployment has no name")?;
    let template =
        deployment["spec"]["template"].as_object().context("the Deployment has no pod template")?;
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}, "status": {}});
    for part in ["metadata", "spec"] {
        if let Some(value) = template.get(part) {
            pod[part] = value.clone();
        }
    }
    let namespace = deployment["metadata"]["namespace"].as_str().unwrap_or("default");
    set_owner(object(&mut pod["metadata"])?, namespace, name);
    let spec = object(&mut pod["spec"])?;
    apply_defaults(spec, &pod_defaults());
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            apply_container_defaults(object(container)?);
        }
    }
    mount_service_account_token(spec);
    Ok(pod)
}

fn object(value: &mut Value) -> Result<&mut Map<String, Value>> {
    value.as_object_mut().context("pod template: expected an object")
}

/// Sets the metadata that the `ReplicaSet` controller sets: `generateName` instead of a name, an owner, a template hash.
fn set_owner(metadata: &mut Map<String, Value>, namespace: &str, deployment: &str) {
    let replica_set = format!("{deployment}-{TEMPLATE_HASH}");
    metadata.insert("generateName".into(), json!(format!("{replica_set}-")));
    metadata.insert("namespace".into(), json!(namespace));
    metadata.insert("creationTimestamp".into(), Value::Null);
    metadata.entry("labels").or_insert_with(|| json!({}))["pod-template-hash"] = json!(TEMPLATE_HASH);
    metadata.insert(
        "ownerReferences".into(),
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set,
            "uid": "5e0c9a5e-8a2f-4d0e-9b2b-0c4f7e9a1d11", "controller": true, "blockOwnerDeletion": true}]),
    );
}

fn pod_defaults() -> Value {
    let toleration =
        |key| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    json!({
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "enableServiceLinks": true,
        "tolerations": [
            toleration("node.kubernetes.io/not-ready"),
            toleration("node.kubernetes.io/unreachable"),
        ],
    })
}

fn apply_container_defaults(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let pull_policy = if matches!(tag, None | Some("latest")) { "Always" } else { "IfNotPresent" };
    apply_defaults(
        container,
        &json!({
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull_policy,
        }),
    );
}

/// Adds the token volume and its mounts, as the `ServiceAccount` admission plugin does before any webhook is called.
fn mount_service_account_token(spec: &mut Map<String, Value>) {
    let name = spec.get("serviceAccountName").cloned().unwrap_or_else(|| json!("default"));
    spec.insert("serviceAccountName".into(), name.clone());
    spec.insert("serviceAccount".into(), name);
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]);
    let volume = json!({"name": API_ACCESS_VOLUME, "projected": {"defaultMode": 420, "sources": sources}});
    append(spec, "volumes", volume);
    let path = "/var/run/secrets/kubernetes.io/serviceaccount";
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                append(
                    container,
                    "volumeMounts",
                    json!({"name": API_ACCESS_VOLUME, "readOnly": true, "mountPath": path}),
                );
            }
        }
    }
}

fn apply_defaults(object: &mut Map<String, Value>, defaults: &Value) {
    for (key, value) in defaults.as_object().into_iter().flatten() {
        object.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

fn append(object: &mut Map<String, Value>, list: &str, item: Value) {
    if let Some(list) = object.entry(list).or_insert_with(|| json!([])).as_array_mut() {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: report, namespace: shop}
        spec:
          template:
            metadata:
              annotations: {rolebridge.io/inject: 'true'}
            spec:
              serviceAccountName: reporter
              terminationGracePeriodSeconds: 5
              initContainers:
              - {name: first, image: 'registry.example.com:5000/first'}
              containers:
              - {name: app, image: 'registry.example.com:5000/app:v1', volumeMounts: [{name: x, mountPath: /x}]}
              volumes: [{name: x, emptyDir: {}}]
    ";

    #[test]
    fn to_pod_matches_kubernetes() {
        let pod = to_pod(&parse(DEPLOYMENT).unwrap()).unwrap();
        let at = |pointer| pod.pointer(pointer).cloned().unwrap_or_default();
        for (pointer, value) in [
            ("/metadata/generateName", json!("report-5d9c7b6f4d-")),
            ("/metadata/name", Value::Null),
            ("/metadata/annotations", json!({"rolebridge.io/inject": "true"})),
            ("/metadata/ownerReferences/0/name", json!("report-5d9c7b6f4d")),
            ("/spec/terminationGracePeriodSeconds", json!(5)),
            ("/spec/serviceAccount", json!("reporter")),
            ("/spec/initContainers/0/imagePullPolicy", json!("Always")),
            ("/spec/containers/0/imagePullPolicy", json!("IfNotPresent")),
            ("/spec/containers/0/volumeMounts/0/name", json!("x")),
            ("/spec/containers/0/volumeMounts/1/name", json!(API_ACCESS_VOLUME)),
            ("/spec/volumes/1/name", json!(API_ACCESS_VOLUME)),
        ] {
            assert_eq!(at(pointer), value, "{pointer}");
        }
    }

    #[test]
    fn to_pod_without_name_is_an_error() {
        let error = to_pod(&json!({"kind": "Deployment"})).unwrap_err();
        assert_eq!(error.to_string(), "the Deployment has no name");
    }
}
