//! HTTP handlers for admission reviews.

pub mod pod_templates;
pub mod pods;
mod respond;
pub mod workloads;
