//! AdmissionReview protocol: the request body, the review and the response.

pub mod body;
pub mod budget;
mod compact_json;
pub mod object_ref;
mod partial_body;
pub mod response;
pub mod review;
