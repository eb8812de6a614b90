//! The JSON bodies of requests.

use serde::de::DeserializeOwned;

use super::error;
use crate::google::error::ApiError;
use crate::wire::Request;

/// Parses a body, or returns Google's error for an invalid one.
pub(super) fn json_body<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    serde_json::from_slice(request.body()).map_err(|error| error::invalid_payload(&error))
}
