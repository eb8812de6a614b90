//! HTTP response to an admission review.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tracing::info;

use crate::admission::body::Rejection;
use crate::state::AppState;

/// Builds the HTTP response from an AdmissionReview, or from the reason why the request was rejected.
pub(super) fn respond(state: &AppState, review: Result<Bytes, Rejection>) -> Response {
    match review {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(rejection) => {
            state.metrics.record_rejected_request(rejection.status());
            info!(status = rejection.status().as_u16(), "request rejected: {rejection}");
            rejection.into_response()
        }
    }
}
