//! `signBlob` signs bytes with the key of a service account. Libraries sign URLs of Cloud Storage with it.
//!
//! Source: `signBlob`, IAM Credentials discovery document; "Roles for service account authentication": only
//! `roles/iam.serviceAccountTokenCreator` has the permission, and not `roles/iam.workloadIdentityUser`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{IAM_SCOPE, invalid_argument, parse_json, parse_path};
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::google::cloud::Google;
use crate::google::error::{ApiError, Style};
use crate::wire::{Request, Response};

/// The permission to sign with an account's key.
pub(super) const SIGN_BLOB: &str = "iam.serviceAccounts.signBlob";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignBlobBody {
    delegates: Option<Vec<String>>,
    payload: Option<String>,
}

impl Google {
    /// Signs the payload, and returns the signature with the ID of the key.
    pub(in crate::google) fn sign_blob(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Rpc, &[IAM_SCOPE])?;
        let (_, email) = parse_path(request).ok_or_else(|| ApiError::unknown_method(request))?;
        let body: SignBlobBody = parse_json(request)?;
        let payload = body.payload.filter(|payload| !payload.is_empty()).ok_or_else(invalid_argument)?;
        let payload = STANDARD.decode(&payload).map_err(|_| not_base64(&payload))?;
        let delegates = body.delegates.unwrap_or_default();
        let account = self.service_accounts.resolve_chain(&caller, &delegates, &email, SIGN_BLOB)?;
        let signature = account.key.sign(&payload).ok_or_else(ApiError::internal)?;
        let key_id = account.key.id().to_owned();
        let answer = json!({"keyId": key_id, "signedBlob": STANDARD.encode(signature)});
        let (principal, service_account) = (caller.to_string(), account.email.clone());
        let detail = Detail::BlobSigned { principal, service_account, key_id };
        Ok(Response::json(StatusCode::OK, &answer).with_detail(detail))
    }
}

/// Returns the error of Google's JSON parser.
fn not_base64(payload: &str) -> ApiError {
    let message =
        format!("Invalid value at 'payload' (TYPE_BYTES), Base64 decoding failed for \"{payload}\"");
    ApiError::invalid("badRequest", message)
}
