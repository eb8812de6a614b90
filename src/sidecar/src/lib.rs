//! The sidecar: it turns the pod's projected token into an AWS session, signs with it, and keeps the subject token that
//! the app's Google library reads fresh.
//!
//! Decision logic is pure and takes the time as an argument: [`sign`], [`schedule`], [`status_file`], [`error`] and the
//! slots of [`token_cache`]. IO is in the other modules.
//!
//! A module imports only modules of its own layer or of those before it, without cycles:
//!
//! 1. [`backoff`], [`clock`], [`error`], `fuzzing`, `regular_file`, [`scopes`], [`secret`], [`spread`], [`subject_token`],
//!    [`token_kind`]
//! 2. [`settings`], which parses the environment once
//! 3. [`http`]
//! 4. [`aws`] and [`google`], the clients of AWS STS, Google STS and the IAM Credentials API; [`jwt`],
//!    [`projected_token`], [`schedule`], [`sign`]
//! 5. [`credential`], [`metrics`], [`shared_state`], [`status_file`], [`token_cache`]
//! 6. [`config_files`], [`publish`], [`refresh`], [`server`], [`startup_probe`], [`token_files`]
//! 7. [`doctor`], [`run`]
//! 8. [`command`]
//!
//! Data flows from [`projected_token`] through [`aws::sts`], [`credential`] and [`sign`] to [`publish`] and
//! [`server::imds`], driven by [`refresh`]. With the source `metadata`, it flows on through [`google`] and
//! [`token_cache`] to [`server::gce_metadata`] and [`token_files`].

pub mod aws;
pub mod backoff;
pub mod clock;
pub mod command;
pub mod config_files;
pub mod credential;
pub mod doctor;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod google;
pub mod http;
pub mod jwt;
pub mod metrics;
pub mod projected_token;
pub mod publish;
pub mod refresh;
mod regular_file;
pub mod run;
pub mod schedule;
pub mod scopes;
pub mod secret;
pub mod server;
pub mod settings;
pub mod shared_state;
pub mod sign;
#[cfg(test)]
mod simulation;
pub mod spread;
pub mod startup_probe;
pub mod status_file;
pub mod subject_token;
pub mod token_cache;
pub mod token_files;
pub mod token_kind;
