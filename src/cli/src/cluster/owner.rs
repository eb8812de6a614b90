//! The controller of a pod, and the command that recreates its pods.

use k8s_openapi::api::core::v1::Pod;

use crate::output::quote::shell;

/// The object that a person would restart: the pod's controller, or the pod itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Owner {
    /// Returns the owner of a pod.
    pub(crate) fn of(pod: &Pod) -> Self {
        let references = pod.metadata.owner_references.iter().flatten();
        let controller = references.clone().find(|reference| reference.controller == Some(true));
        let Some(owner) = controller.or_else(|| references.clone().next()) else {
            let name = pod.metadata.name.clone().unwrap_or_default();
            return Self { kind: "Pod".to_owned(), name };
        };
        // The name of a Deployment's ReplicaSet is DEPLOYMENT-HASH, and its pods have the hash as a label.
        let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
        let deployment = hash.and_then(|hash| owner.name.strip_suffix(hash)?.strip_suffix('-'));
        match deployment.filter(|_| owner.kind == "ReplicaSet") {
            Some(deployment) => Self { kind: "Deployment".to_owned(), name: deployment.to_owned() },
            None => Self { kind: owner.kind.clone(), name: owner.name.clone() },
        }
    }

    /// Returns an instruction that recreates the owner's pods, without a full stop.
    pub(crate) fn restart_hint(&self, namespace: &str) -> String {
        let Self { kind, name } = self;
        match &**kind {
            "Deployment" | "StatefulSet" | "DaemonSet" => {
                let workload = format!("{}/{name}", kind.to_ascii_lowercase());
                // API servers accept any text as the name of an owner.
                let (namespace, workload) = (shell(namespace), shell(&workload));
                format!("run `kubectl --namespace {namespace} rollout restart {workload}`")
            }
            "Pod" => "delete the pod and create it again".to_owned(),
            "Job" => "delete the Job and create it again, or wait for the next run of its CronJob".to_owned(),
            _ => format!("delete the pods; {kind}/{name} recreates them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn pod(owner: Option<(&str, &str)>) -> Pod {
        let reference = |(kind, name): (&str, &str)| json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true});
        let owners: Vec<_> = owner.map(reference).into_iter().collect();
        let labels = json!({"pod-template-hash": "7d4b9"});
        let metadata = json!({"name": "a", "labels": labels, "ownerReferences": owners});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    #[rstest]
    #[case::no_owner(None, "Pod/a", "delete the pod and create it again")]
    #[case::deployment(
        Some(("ReplicaSet", "batch-7d4b9")),
        "Deployment/batch",
        "run `kubectl --namespace shop rollout restart deployment/batch`"
    )]
    #[case::replica_set(
        Some(("ReplicaSet", "batch-other")),
        "ReplicaSet/batch-other",
        "delete the pods; ReplicaSet/batch-other recreates them"
    )]
    #[case::stateful_set(
        Some(("StatefulSet", "db")),
        "StatefulSet/db",
        "run `kubectl --namespace shop rollout restart statefulset/db`"
    )]
    #[case::forged(
        Some(("StatefulSet", "$(id)`id`")),
        "StatefulSet/$(id)`id`",
        "run `kubectl --namespace shop rollout restart 'statefulset/$(id)`id`'`"
    )]
    #[case::job(Some(("Job", "j")), "Job/j", "delete the Job and create it again, or wait for the next run of its CronJob")]
    fn restart_hint_depends_on_owner(
        #[case] reference: Option<(&str, &str)>,
        #[case] title: &str,
        #[case] hint: &str,
    ) {
        let owner = Owner::of(&pod(reference));
        assert_eq!(format!("{}/{}", owner.kind, owner.name), title);
        assert_eq!(owner.restart_hint("shop"), hint);
    }
}
