//! Tests of the webhook without its process: through the router, and through sockets with a fake Kubernetes API.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers fail by panicking")]

mod api_client;
mod bad_input;
mod cert_trust;
mod connections;
mod deadlines;
mod drain;
mod events;
mod health;
mod list_watch;
mod live_reads;
mod lookup;
mod reflector;
mod reload;
mod remembered;
mod reviews;
mod support;
mod tls;
