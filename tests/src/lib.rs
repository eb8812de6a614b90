//! The harness of the demo and of the tests that span programs: both real programs as processes, between stand-ins for
//! the parts of a cluster that they meet.

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
