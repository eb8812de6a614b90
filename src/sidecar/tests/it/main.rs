//! What takes more than one file of the sidecar.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what helps a test may panic as the test may")]

mod connection;
mod faults;
mod google;
mod identities;
mod process;
mod reference;
mod refresh;
mod sign;
mod stand_in;
mod support;
