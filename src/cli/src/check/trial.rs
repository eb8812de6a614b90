//! Whether the API server can call the webhook: a pod that opts in, created as a dry run.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, PostParams};
use kube::core::Status;
use rolebridge_core::annotations::{INJECT, ROLE_ARN};
use serde_json::json;
use tokio::time::timeout;

use crate::check::picture::Seen;
use crate::cluster::whole;
use crate::failure::Failure;

/// An API server waits 30 s for a webhook at the most; this is for its own words.
const PATIENCE: Duration = Duration::from_secs(40);

/// What the API server made of the pod.
#[derive(Debug)]
pub(crate) enum Answer {
    /// This.
    Created(Box<Pod>),
    /// Nothing, for a reason.
    Refused(Box<Status>),
}

/// Tries it. Nothing is created.
pub(crate) async fn ask(client: &Client, namespace: &str) -> Seen<Answer> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod = pod().map_err(|error| error.to_string())?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let what = format!("a dry run of a pod in the namespace {namespace}");
    match timeout(PATIENCE, api.create(&params, &pod)).await {
        Ok(Ok(pod)) => Ok(Answer::Created(Box::new(pod))),
        Ok(Err(kube::Error::Api(status))) => Ok(Answer::Refused(status)),
        Ok(Err(error)) => Err(format!("{what}: {}", whole(&error))),
        Err(_) => Err(format!("{what}: no answer within {PATIENCE:?}")),
    }
}

/// A pod that opts in, and that the strictest Pod Security Standard and most quotas let pass.
fn pod() -> Result<Pod, Failure> {
    let amounts = json!({"cpu": "10m", "memory": "16Mi"});
    let pod = json!({
        "metadata": {
            "generateName": "rolebridge-check-",
            "annotations": {INJECT: "true", ROLE_ARN: "arn:aws:iam::123456789012:role/rolebridge-check"},
        },
        "spec": {
            "automountServiceAccountToken": false,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "app",
                "image": "registry.k8s.io/pause:3.10",
                "resources": {"requests": amounts, "limits": amounts},
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    });
    serde_json::from_value(pod).map_err(|error| Failure::Format(error.to_string()))
}
