//! Tests that span programs: the real webhook, the real sidecar and Google's own libraries, between fake clouds and a
//! stand-in cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "Clippy's exception for tests does not reach the functions that tests share"
)]

mod botocore_python;
mod certificates;
mod doctor;
mod google_auth_python;
mod identities;
mod kubernetes;
mod main_job;
mod metadata;
mod python;
mod refresh;
mod refusal;
mod support;
