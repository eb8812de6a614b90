//! Whether an API server would take a certificate: what it trusts (`caBundle`), whether a chain fits, when it ends.
//!
//! The webhook is ready by it, and the command line looks at a cluster by it. No IO, no clock.

pub mod ca_bundle;
pub mod validity;
pub mod verify;
