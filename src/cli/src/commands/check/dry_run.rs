//! Whether the API server can call the webhook: a pod that opts in, created as a dry run.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, PostParams};
use kube::core::Status;
use rolebridge_core::annotations::{INJECT, ROLE_ARN};
use serde_json::json;
use tokio::time::timeout;

use crate::cluster::display_chain;
use crate::commands::check::snapshot::ReadResult;
use crate::error::CliError;

/// An API server waits 30 s for a webhook at the most; this is for its own words.
const DRY_RUN_TIMEOUT: Duration = Duration::from_secs(40);

/// What the API server made of the pod.
#[derive(Debug)]
pub(crate) enum DryRunResult {
    /// This.
    Created(Box<Pod>),
    /// Nothing, for a reason.
    Refused(Box<Status>),
}

/// Tries it. Nothing is created.
pub(crate) async fn dry_run(client: &Client, namespace: &str) -> ReadResult<DryRunResult> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod = pod().map_err(|error| error.to_string())?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let what = format!("a dry run of a pod in the namespace {namespace}");
    match timeout(DRY_RUN_TIMEOUT, api.create(&params, &pod)).await {
        Ok(Ok(pod)) => Ok(DryRunResult::Created(Box::new(pod))),
        Ok(Err(kube::Error::Api(status))) => Ok(DryRunResult::Refused(status)),
        Ok(Err(error)) => Err(format!("{what}: {}", display_chain(&error))),
        Err(_) => Err(format!("{what}: no answer within {DRY_RUN_TIMEOUT:?}")),
    }
}

/// A pod that opts in, and that the strictest Pod Security Standard and most quotas let pass.
fn pod() -> Result<Pod, CliError> {
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
    serde_json::from_value(pod).map_err(|error| CliError::Format(error.to_string()))
}
