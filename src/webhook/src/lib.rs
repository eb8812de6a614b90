//! Mutating admission webhook that injects the Rolebridge sidecar into opted-in pods.
//!
//! `rolebridge_inject` decides; this crate reads the review and writes the response. A request passes through these
//! modules, in order: [`http::server`], [`http::connection`], [`http::router`], [`admission::body`],
//! [`admission::review`], [`handlers::pods`] or [`handlers::workloads`],
//! [`metadata::lookup`] ([`metadata::cache`], else [`metadata::reader`]), [`answers`], [`admission::response`] and, if
//! enabled, [`events`].
//!
//! The serving certificate comes from files ([`http::cert_resolver`]) or is managed by the webhook ([`managed_cert`]).
//! [`cert_trust`] checks that API servers accept it.

pub mod admission;
pub mod answers;
mod api_call;
pub mod api_client;
mod api_error;
pub mod args;
mod background;
mod bounded_body;
pub mod cert_trust;
pub mod deadlines;
pub mod events;
pub mod file_watcher;
pub mod handlers;
pub mod health;
pub mod heartbeat;
pub mod http;
pub mod list_watch;
pub mod live_defaults;
pub mod managed_cert;
pub mod metadata;
pub mod metrics;
pub mod object_kind;
pub mod rate_limit;
mod run;
pub mod state;
mod value_parsers;
pub mod webhook_config;
pub mod webhook_config_reader;
pub mod webhook_config_watch;

pub use args::Args;
pub use run::run;
