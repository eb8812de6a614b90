//! From a Deployment as a person writes it to the pod as the webhook meets it: what the controllers make of the
//! template, what the API server fills in, what the service account's admission adds.

use serde_json::{Map, Value, json};

use crate::error::{Context, Result};

const API_ACCESS: &str = "kube-api-access-x7k2p";
const TEMPLATE_HASH: &str = "5d9c7b6f4d";

/// Reads a Deployment that a person wrote.
///
/// # Errors
/// It is no YAML.
pub fn read(yaml: &str) -> Result<Value> {
    serde_saphyr::from_str(yaml).context("read the Deployment")
}

/// The pod of a Deployment's template, in the Deployment's namespace.
///
/// # Errors
/// It is not a Deployment with a pod template.
pub fn pod(deployment: &Value) -> Result<Value> {
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
    owned(object(&mut pod["metadata"])?, namespace, name);
    let spec = object(&mut pod["spec"])?;
    fill(spec, &pod_defaults());
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            container_defaults(object(container)?);
        }
    }
    service_account(spec);
    Ok(pod)
}

fn object(value: &mut Value) -> Result<&mut Map<String, Value>> {
    value.as_object_mut().context("the pod template holds something that is no object where one belongs")
}

/// As the `ReplicaSet` controller makes it: no name yet, an owner, a hash.
fn owned(metadata: &mut Map<String, Value>, namespace: &str, deployment: &str) {
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

fn container_defaults(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let pull = if matches!(tag, None | Some("latest")) { "Always" } else { "IfNotPresent" };
    fill(
        container,
        &json!({
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull,
        }),
    );
}

/// As the `ServiceAccount` admission plugin does, which runs before any webhook.
fn service_account(spec: &mut Map<String, Value>) {
    let name = spec.get("serviceAccountName").cloned().unwrap_or_else(|| json!("default"));
    spec.insert("serviceAccountName".into(), name.clone());
    spec.insert("serviceAccount".into(), name);
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]);
    let volume = json!({"name": API_ACCESS, "projected": {"defaultMode": 420, "sources": sources}});
    append(spec, "volumes", volume);
    let path = "/var/run/secrets/kubernetes.io/serviceaccount";
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                append(
                    container,
                    "volumeMounts",
                    json!({"name": API_ACCESS, "readOnly": true, "mountPath": path}),
                );
            }
        }
    }
}

fn fill(object: &mut Map<String, Value>, defaults: &Value) {
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
    fn the_pod_is_as_kubernetes_makes_it() {
        let pod = pod(&read(DEPLOYMENT).unwrap()).unwrap();
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
            ("/spec/containers/0/volumeMounts/1/name", json!(API_ACCESS)),
            ("/spec/volumes/1/name", json!(API_ACCESS)),
        ] {
            assert_eq!(at(pointer), value, "{pointer}");
        }
    }

    #[test]
    fn something_else_is_refused() {
        assert_eq!(
            pod(&json!({"kind": "Deployment"})).unwrap_err().to_string(),
            "the Deployment has no name"
        );
    }
}
