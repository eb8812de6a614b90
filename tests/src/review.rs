//! `AdmissionReview` in both directions: builds requests as kube-apiserver sends them, and reads responses as strictly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Context, Error, Result};

/// UID of every request. The response must repeat it.
const UID: &str = "0f6f6c3e-1d2b-4c5a-8e7f-000000000002";

/// Builds the review of a pod that the `ReplicaSet` controller creates.
#[must_use]
pub fn for_pod(pod: &Value) -> Value {
    admission_review("", "Pod", "pods", "system:serviceaccount:kube-system:replicaset-controller", pod)
}

/// Builds the review of a Deployment that a user applies.
#[must_use]
pub fn for_deployment(deployment: &Value) -> Value {
    admission_review("apps", "Deployment", "deployments", "kubernetes-admin", deployment)
}

fn admission_review(group: &str, kind: &str, resource: &str, user: &str, object: &Value) -> Value {
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
    // A pod from a template has no name yet. In that case the request has none either.
    if let Some(name) = object["metadata"]["name"].as_str() {
        request["name"] = json!(name);
    }
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
}

/// The webhook's decision about a request.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionResponse {
    /// True if the object may be created.
    pub allowed: bool,
    /// Message that the user gets if the object is denied.
    pub message: Option<String>,
    /// HTTP status that the user gets if the object is denied.
    pub code: Option<u16>,
    /// Warnings that the user gets in any case.
    pub warnings: Vec<String>,
    /// Changes to the object, if any.
    pub patch: Option<json_patch::Patch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReview {
    api_version: String,
    kind: String,
    response: RawResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawResponse {
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

impl AdmissionResponse {
    /// Parses a response as strictly as kube-apiserver does.
    ///
    /// # Errors
    /// Returns an error if kube-apiserver would treat the webhook call as failed.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let review: RawReview = serde_json::from_slice(body)
            .context(format_args!("parse the webhook's response {:?}", String::from_utf8_lossy(body)))?;
        if (review.api_version.as_str(), review.kind.as_str()) != ("admission.k8s.io/v1", "AdmissionReview") {
            return Err(Error::new(format!(
                "the response: expected admission.k8s.io/v1 AdmissionReview, found {} {}",
                review.api_version, review.kind
            )));
        }
        let response = review.response;
        if response.uid != UID {
            return Err(Error::new(format!(
                "uid of the response: expected {UID:?}, found {:?}",
                response.uid
            )));
        }
        let patch = match (response.patch_type.as_deref(), response.patch) {
            (None, None) => None,
            (Some("JSONPatch"), Some(patch)) => Some(decode(&patch)?),
            (patch_type, patch) => {
                return Err(Error::new(format!("patchType {patch_type:?} does not match patch {patch:?}")));
            }
        };
        let (message, code) = response.status.map_or((None, None), |status| (status.message, status.code));
        Ok(Self { allowed: response.allowed, message, code, warnings: response.warnings, patch })
    }

    /// Returns the pod with the patch applied.
    ///
    /// # Errors
    /// Returns an error if the pod was denied or the patch does not apply.
    pub fn apply(&self, pod: &Value) -> Result<Value> {
        if !self.allowed {
            return Err(Error::new(format!(
                "pod denied: {}",
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
    use rstest::rstest;

    use super::*;

    fn parse(response: &Value) -> Result<AdmissionResponse> {
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        AdmissionResponse::parse(review.to_string().as_bytes())
    }

    #[test]
    fn allowed_response_patches_the_object() {
        let patch = STANDARD.encode(r#"[{"op":"add","path":"/metadata/x","value":1}]"#);
        let response =
            parse(&json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": patch})).unwrap();
        assert_eq!(response.apply(&json!({"metadata": {}})).unwrap(), json!({"metadata": {"x": 1}}));
    }

    #[test]
    fn denied_response_has_message_and_code() {
        let status = json!({"message": "no", "code": 403});
        let response = parse(&json!({"uid": UID, "allowed": false, "status": status})).unwrap();
        assert_eq!((response.message.as_deref(), response.code), (Some("no"), Some(403)));
        assert_eq!(response.apply(&json!({})).unwrap_err().to_string(), "pod denied: no");
    }

    #[rstest]
    #[case::other_uid(json!({"uid": "other", "allowed": true}), "uid of the response: expected \"0f6f6c3e")]
    #[case::no_patch_type(json!({"uid": UID, "allowed": true, "patch": "e30="}), "patchType None does not match")]
    #[case::not_base64(
        json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": "?"}),
        "the patch is not base64"
    )]
    #[case::not_json_patch(
        json!({"uid": UID, "allowed": true, "patchType": "JSONPatch", "patch": "e30="}),
        "the patch is not JSON"
    )]
    #[case::not_a_response(json!({"uid": UID}), "parse the webhook's response")]
    fn response_that_kube_apiserver_rejects_is_an_error(#[case] response: Value, #[case] expected: &str) {
        let message = parse(&response).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }

    #[test]
    fn for_pod_builds_the_request_of_kube_apiserver() {
        let pod = json!({"metadata": {"generateName": "a-", "namespace": "shop"}});
        let review = for_pod(&pod);
        let request = &review["request"];
        assert_eq!(request["namespace"], "shop");
        assert_eq!(request.get("name"), None);
        assert_eq!(request["object"], pod);
        assert_eq!(request["resource"], json!({"group": "", "version": "v1", "resource": "pods"}));
    }
}
