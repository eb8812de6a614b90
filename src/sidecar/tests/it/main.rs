//! Tests of several modules together, and of the program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers may panic")]

mod aws_errors;
mod connection;
mod fake_server;
mod google;
mod identities;
mod process;
mod redaction;
mod reference;
mod refresh;
mod sign;
mod support;
