//! HTTP handlers for admission reviews.

pub mod pods;
mod respond;
pub mod workloads;
