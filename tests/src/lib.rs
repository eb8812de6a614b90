//! Harness of the demo and of the integration tests: runs the real webhook and the real sidecar as processes, with fakes
//! for the cluster components that they talk to.

pub mod app;
pub mod deployment;
pub mod error;
pub mod fake_apiserver;
pub mod fake_kubelet;
pub mod ports;
pub mod process;
pub mod programs;
pub mod review;
pub mod webhook;
pub mod webhook_process;
pub mod world;
