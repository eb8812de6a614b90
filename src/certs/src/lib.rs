//! Certificate checks as an API server makes them: the CAs of a `caBundle`, the chain, the validity.
//!
//! The webhook uses them for its readiness, and the command line to inspect a cluster. No IO, no clock.

pub mod ca_bundle;
mod certificate;
mod names;
mod signature;
pub mod validity;
pub mod verify;
