//! The harness of the demo and of the tests that span programs: both real programs as processes, between stand-ins for
//! the parts of a cluster that they meet.

pub mod app;
pub mod deployment;
pub mod error;
pub mod kubelet;
pub mod kubernetes;
pub mod ports;
pub mod process;
pub mod programs;
pub mod replica;
pub mod review;
pub mod webhook;
pub mod world;
