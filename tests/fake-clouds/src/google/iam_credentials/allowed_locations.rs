//! Regional access boundaries: the locations in which a principal's tokens are valid. Google's newer libraries ask for them.
//!
//! Source: `getAllowedLocations` of service accounts and of workload identity pools, IAM Credentials discovery document
//! (20260630); the values for "anywhere" are those of google-auth.

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::IAM_SCOPE;
use crate::clock::Timestamp;
use crate::google::cloud::Google;
use crate::google::error::{ApiError, Style};
use crate::wire::{Request, Response};

/// Returns the resource of which a request asks for the boundary.
pub(crate) fn parse_path(request: &Request) -> Option<String> {
    let path = request.uri().path().strip_prefix("/v1/")?.strip_suffix("/allowedLocations")?;
    let name = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let parts: Vec<_> = name.split('/').collect();
    let is_resource = matches!(
        parts[..],
        ["projects", _, "serviceAccounts", _] | ["projects", _, "locations", _, "workloadIdentityPools", _]
    );
    (request.method() == Method::GET && is_resource).then_some(name)
}

impl Google {
    /// Answers that a service account or a pool has no boundary. Which principals may ask is not known: any may here.
    pub(in crate::google) fn allowed_locations(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        self.tokens.caller(request, now, Style::Rpc, &[IAM_SCOPE])?;
        let name = parse_path(request).ok_or_else(|| ApiError::unknown_method(request))?;
        let exists = match name.rsplit_once("/serviceAccounts/") {
            Some((_, email)) => self.service_accounts.contains(email),
            None => self.pools.lock().contains_key(&name),
        };
        if !exists {
            return Err(ApiError::not_found(format!("{name} was not found.")));
        }
        Ok(Response::json(StatusCode::OK, &json!({"locations": [], "encodedLocations": "0x0"})))
    }
}
