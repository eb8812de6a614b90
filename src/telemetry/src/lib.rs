//! Structured logs and Prometheus text exposition, shared by the webhook and the sidecar.

pub mod exposition;
pub mod json;
pub mod log;
