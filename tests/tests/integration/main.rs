//! Integration tests: the real webhook, the real sidecar and Google's own libraries, with fake clouds and a fake cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "Clippy's exception for tests does not cover helper functions"
)]

mod accounts;
mod botocore_python;
mod certificates;
mod cloud_errors;
mod denials;
mod doctor;
mod floods;
mod gce_metadata;
mod google_auth_python;
mod identities;
mod main_job;
mod metadata_lookup;
mod python;
mod refresh;
mod support;
mod under_load;
