//! The mutating admission webhook: kube-apiserver asks it about each opted-in pod, and it answers with a patch.
//!
//! `rolebridge_inject` decides; this crate only asks and answers. A request goes through these files, in order:
//! [`server`], [`connections`], [`router`], [`body`], [`review`], [`mutate`] or [`workloads`], [`lookup`]
//! ([`cache`], else [`live`]), [`answer`]; if asked to, [`events`].
//!
//! The certificate comes from [`certificates`] in files or is [`managed`]; [`trust`] tells whether API servers take it.

pub mod answer;
pub mod arguments;
mod ask;
pub mod body;
pub mod cache;
mod cause;
pub mod certificates;
pub mod configurations;
pub mod connections;
pub mod defaults;
pub mod drain;
pub mod events;
pub mod health;
pub mod live;
mod log;
pub mod lookup;
pub mod managed;
pub mod metrics;
pub mod mutate;
pub mod named;
pub mod page;
pub mod patience;
pub mod rate;
pub mod review;
pub mod router;
mod run;
pub mod server;
pub mod tls;
pub mod trust;
pub mod watch;
pub mod watch_files;
pub mod workloads;

pub use arguments::Arguments;
pub use run::run;
