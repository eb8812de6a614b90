//! An `AdmissionReview`, both ways: the question as kube-apiserver sends it, the answer as it reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Context, Failure, Result};

/// The uid of every review: the answer has to repeat it.
const UID: &str = "0f6f6c3e-1d2b-4c5a-8e7f-000000000002";

/// The question about a pod that the `ReplicaSet` controller creates.
#[must_use]
pub fn of_pod(pod: &Value) -> Value {
    question("", "Pod", "pods", "system:serviceaccount:kube-system:replicaset-controller", pod)
}

/// The question about a Deployment that a person applies.
#[must_use]
pub fn of_deployment(deployment: &Value) -> Value {
    question("apps", "Deployment", "deployments", "kubernetes-admin", deployment)
}

fn question(group: &str, kind: &str, resource: &str, user: &str, object: &Value) -> Value {
    let kind = json!({"group": group, "version": "v1", "kind": kind});
    let resource = json!({"group": group, "version": "v1", "resource": resource});
    let mut request = json!({
        "uid": UID,
        "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "namespace": object["metadata"]["namespace"],
        "operation": "CREATE",
        "userInfo": {"username": user, "groups": ["system:authenticated"]},
        "object": object,
        "oldObject": null,
        "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    });
    // A pod from a template has no name yet, and then the request has none.
    if let Some(name) = object["metadata"]["name"].as_str() {
        request["name"] = json!(name);
    }
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
}

/// What the webhook decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether the object may be created.
    pub allowed: bool,
    /// What the user reads if not.
    pub message: Option<String>,
    /// The HTTP status that the user gets if not.
    pub code: Option<u16>,
    /// What the user reads in any case.
    pub warnings: Vec<String>,
    /// What changes.
    pub patch: Option<json_patch::Patch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    uid: String,
    allowed: bool,
    status: Option<Status>,
    #[serde(default)]
    warnings: Vec<String>,
    patch_type: Option<String>,
    patch: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    message: Option<String>,
    code: Option<u16>,
}

impl Answer {
    /// Reads a webhook's answer as strictly as kube-apiserver does.
    ///
    /// # Errors
    /// kube-apiserver would call the webhook failed.
    pub fn read(body: &[u8]) -> Result<Self> {
        let review: Review = serde_json::from_slice(body)
            .context(format_args!("read the webhook's answer {:?}", String::from_utf8_lossy(body)))?;
        if (review.api_version.as_str(), review.kind.as_str()) != ("admission.k8s.io/v1", "AdmissionReview") {
            return Err(Failure::new(format!("the answer is a {} {}", review.api_version, review.kind)));
        }
        let response = review.response;
        if response.uid != UID {
            return Err(Failure::new(format!("the answer is to {:?}, asked was {UID:?}", response.uid)));
        }
        let patch = match (response.patch_type.as_deref(), response.patch) {
            (None, None) => None,
            (Some("JSONPatch"), Some(patch)) => Some(decode(&patch)?),
            (kind, patch) => {
                return Err(Failure::new(format!("patchType {kind:?} does not go with patch {patch:?}")));
            }
        };
        let (message, code) = response.status.map_or((None, None), |status| (status.message, status.code));
        Ok(Self { allowed: response.allowed, message, code, warnings: response.warnings, patch })
    }

    /// The pod after the patch.
    ///
    /// # Errors
    /// The pod was refused, or the patch does not apply.
    pub fn apply(&self, pod: &Value) -> Result<Value> {
        if !self.allowed {
            return Err(Failure::new(format!(
                "refused: {}",
                self.message.as_deref().unwrap_or("no reason given")
            )));
        }
        let mut pod = pod.clone();
        if let Some(patch) = &self.patch {
            json_patch::patch(&mut pod, patch).context("apply the patch")?;
        }
        Ok(pod)
    }
}

fn decode(patch: &str) -> Result<json_patch::Patch> {
    let bytes = STANDARD.decode(patch).context("the patch is not base64")?;
    serde_json::from_slice(&bytes).context("the patch is not JSON Patch")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(response: &Value) -> Result<Answer> {
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        Answer::read(review.to_string().as_bytes())
    }

    #[test]
    fn a_patch_is_read_and_applied() {
        let patch = STANDARD.encode(r#"[{"op":"add","path":"/metadata/x","value":1}]"#);
        let answer =
            answer(&json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": patch})).unwrap();
        assert_eq!(answer.apply(&json!({"metadata": {}})).unwrap(), json!({"metadata": {"x": 1}}));
    }

    #[test]
    fn a_refusal_is_read() {
        let status = json!({"message": "no", "code": 403});
        let answer = answer(&json!({"uid": UID, "allowed": false, "status": status})).unwrap();
        assert_eq!((answer.message.as_deref(), answer.code), (Some("no"), Some(403)));
        assert_eq!(answer.apply(&json!({})).unwrap_err().to_string(), "refused: no");
    }

    #[test]
    fn what_kube_apiserver_would_not_take_is_an_error() {
        for (response, error) in [
            (json!({"uid": "other", "allowed": true}), "the answer is to \"other\""),
            (json!({"uid": UID, "allowed": true, "patch": "e30="}), "patchType None does not go with"),
            (
                json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": "?"}),
                "the patch is not base64",
            ),
            (
                json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": "e30="}),
                "the patch is not JSON",
            ),
            (json!({"uid": UID}), "read the webhook's answer"),
        ] {
            let message = answer(&response).unwrap_err().to_string();
            assert!(message.starts_with(error), "{message}");
        }
    }

    #[test]
    fn the_question_has_what_kube_apiserver_sends() {
        let pod = json!({"metadata": {"generateName": "a-", "namespace": "shop"}});
        let question = of_pod(&pod);
        let request = &question["request"];
        assert_eq!(request["namespace"], "shop");
        assert_eq!(request.get("name"), None);
        assert_eq!(request["object"], pod);
        assert_eq!(request["resource"], json!({"group": "", "version": "v1", "resource": "pods"}));
    }
}
