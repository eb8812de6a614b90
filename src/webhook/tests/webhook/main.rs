//! The webhook without its process: through the router, and through sockets with a Kubernetes API that is a function.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic, in its helpers too")]

mod bad_input;
mod connections;
mod drain;
mod events;
#[path = "../../../core/tests/section/metrics.rs"]
mod listed;
mod lookup;
mod observed;
mod patience;
mod reload;
mod reviews;
#[path = "../../../core/tests/section/mod.rs"]
mod section;
mod support;
mod tls;
mod trust;
mod watching;
