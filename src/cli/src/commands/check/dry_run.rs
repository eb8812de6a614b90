//! Creates a pod that opts in as a dry run, to check that the API server can call the webhook.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, PostParams};
use kube::core::Status;
use rolebridge_core::annotations::{INJECT, ROLE_ARN};
use serde_json::json;

use crate::cluster::{display_chain, with_deadline};
use crate::commands::check::common_labels::{ExampleValue, common_labels};
use crate::error::{CliError, ReadResult};

/// The deadline for the request. It is longer than an API server's maximum webhook timeout of 30 s, so that the API server
/// reports the timeout.
const DRY_RUN_TIMEOUT: Duration = Duration::from_secs(40);

/// The value of a label of which a selector only requires the key.
const ANY_VALUE: &str = "rolebridge-check";

/// The API server's response to the dry run.
#[derive(Debug)]
pub(crate) enum DryRunResult {
    /// The pod as it would have been created.
    Created(Box<Pod>),
    /// The reason why the pod would not have been created.
    Rejected(Box<Status>),
}

/// Makes the dry run in a namespace, of a pod that the release's object selectors match.
pub(crate) async fn dry_run<'a>(
    client: &Client,
    namespace: &str,
    selectors: impl Iterator<Item = &'a LabelSelector>,
) -> ReadResult<DryRunResult> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let labels = common_labels(selectors).unwrap_or_default().into_iter().map(|(key, value)| match value {
        ExampleValue::Exactly(value) => (key, value),
        ExampleValue::Any => (key, ANY_VALUE),
    });
    let pod = pod(&labels.collect()).map_err(|error| error.to_string())?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let message = match with_deadline(DRY_RUN_TIMEOUT, api.create(&params, &pod)).await {
        Ok(Ok(pod)) => return Ok(DryRunResult::Created(Box::new(pod))),
        Ok(Err(kube::Error::Api(status))) => return Ok(DryRunResult::Rejected(status)),
        Ok(Err(error)) => display_chain(&error),
        Err(message) => message,
    };
    Err(format!("a dry run of a pod in the namespace {namespace}: {message}"))
}

/// Returns a pod that opts in, and that the strictest Pod Security Standard and most quotas accept.
fn pod(labels: &BTreeMap<&str, &str>) -> Result<Pod, CliError> {
    let amounts = json!({"cpu": "10m", "memory": "16Mi"});
    let pod = json!({
        "metadata": {
            "generateName": "rolebridge-check-",
            "labels": labels,
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
