//! Errors of the admin APIs.

use http::StatusCode;
use serde_json::json;

use crate::google::error::ApiError;

pub(super) fn already_exists() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "ALREADY_EXISTS", "alreadyExists", "Requested entity already exists")
}

pub(super) fn not_found() -> ApiError {
    ApiError::not_found("Requested entity was not found.")
}

pub(super) fn no_service_account() -> ApiError {
    ApiError::not_found("Unknown service account")
}

/// Returns Resource Manager's error, which does not tell a missing project from one without permission.
pub(super) fn no_project_permission() -> ApiError {
    ApiError::forbidden("The caller does not have permission")
}

/// Returns IAM's error for a resource such as `projects/shop/locations/global`.
pub(super) fn permission_denied(permission: &str, resource: &str) -> ApiError {
    let resource = format!("//iam.googleapis.com/{resource}");
    ApiError::forbidden(format!(
        "Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    ))
    .with_error_info(
        "IAM_PERMISSION_DENIED",
        "iam.googleapis.com",
        &json!({"permission": permission, "resource": resource}),
    )
}

pub(super) fn concurrent_policy_changes() -> ApiError {
    let message = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential \
                   backoff.";
    ApiError::new(StatusCode::CONFLICT, "ABORTED", "aborted", message)
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::invalid("badRequest", message)
}

/// Returns the error for a body that does not match the message. Google names the field and its position in it.
pub(super) fn invalid_payload(error: &serde_json::Error) -> ApiError {
    invalid(format!("Invalid JSON payload received. {error}"))
}
