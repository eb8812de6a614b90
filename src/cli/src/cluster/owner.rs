//! Whose a pod is, and how its pods come to be made anew.

use k8s_openapi::api::core::v1::Pod;

/// What a person would make anew: the pod's controller, or the pod itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Owner {
    /// Of a pod.
    pub(crate) fn of(pod: &Pod) -> Self {
        let owners = pod.metadata.owner_references.iter().flatten();
        let Some(owner) =
            owners.clone().find(|owner| owner.controller == Some(true)).or_else(|| owners.clone().next())
        else {
            let name = pod.metadata.name.clone().unwrap_or_default();
            return Self { kind: "Pod".to_owned(), name };
        };
        // A Deployment's ReplicaSet is called after it and after the hash of the template, which its pods carry.
        let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
        let deployment = hash.and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
        match deployment.filter(|_| owner.kind == "ReplicaSet") {
            Some(deployment) => Self { kind: "Deployment".to_owned(), name: deployment.to_owned() },
            None => Self { kind: owner.kind.clone(), name: owner.name.clone() },
        }
    }

    /// How its pods come to be made anew.
    pub(crate) fn restart_hint(&self, namespace: &str) -> String {
        let Self { kind, name } = self;
        match &**kind {
            "Deployment" | "StatefulSet" | "DaemonSet" => {
                format!(
                    "`kubectl --namespace {namespace} rollout restart {}/{name}`",
                    kind.to_ascii_lowercase()
                )
            }
            "Pod" => "delete the pod and create it again".to_owned(),
            "Job" => "delete the Job and create it again, or wait for its CronJob's next".to_owned(),
            _ => format!("delete the pods, and {kind}/{name} makes new ones"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owner(owners: &Value) -> (String, String) {
        let labels = json!({"pod-template-hash": "7d4b9"});
        let metadata = json!({"name": "a", "labels": labels, "ownerReferences": owners});
        let pod: Pod = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        let owner = Owner::of(&pod);
        (format!("{}/{}", owner.kind, owner.name), owner.restart_hint("shop"))
    }

    #[test]
    fn who_makes_the_pod_anew() {
        let reference = |kind: &str, name: &str| json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
        for (owners, name, renewal) in [
            (json!([]), "Pod/a", "delete the pod and create it again"),
            (
                reference("ReplicaSet", "batch-7d4b9"),
                "Deployment/batch",
                "`kubectl --namespace shop rollout restart deployment/batch`",
            ),
            (
                reference("ReplicaSet", "batch-other"),
                "ReplicaSet/batch-other",
                "delete the pods, and ReplicaSet/batch-other makes new ones",
            ),
            (
                reference("StatefulSet", "db"),
                "StatefulSet/db",
                "`kubectl --namespace shop rollout restart statefulset/db`",
            ),
            (
                reference("Job", "j"),
                "Job/j",
                "delete the Job and create it again, or wait for its CronJob's next",
            ),
        ] {
            assert_eq!(owner(&owners), (name.to_owned(), renewal.to_owned()));
        }
    }
}
