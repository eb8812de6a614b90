//! The sidecar: it turns the pod's projected token into an AWS session, signs with it, and keeps the subject token that
//! the app's Google library reads fresh.
//!
//! Decision logic is pure and takes the time as an argument: [`sign`], [`schedule`], [`status_file`], [`error`] and the
//! slots of [`token_cache`]. IO is in the other modules.
//!
//! The modules form layers, and each uses only modules of lower layers:
//!
//! 1. [`error`], [`secret`], [`clock`], [`jwt`], [`schedule`], [`scopes`]
//! 2. [`subject_token`], [`token_kind`], [`projected_token`], [`status_file`]
//! 3. [`settings`], which parses the environment once; [`sign`], [`publish`]
//! 4. [`http`]
//! 5. [`aws`] and [`google`], the clients of AWS STS, Google STS and the IAM Credentials API
//! 6. [`credential`], [`shared_state`], then [`metrics`]
//! 7. [`refresh`], [`token_cache`], then [`server`], [`token_files`]
//! 8. [`run`], [`startup_probe`], then [`doctor`], then [`command`]
//!
//! Data flows from [`projected_token`] through [`aws::sts`], [`credential`] and [`sign`] to [`publish`] and
//! [`server::imds`], driven by [`refresh`]. With the source `metadata`, it flows on through [`google`] and
//! [`token_cache`] to [`server::gce_metadata`] and [`token_files`].

pub mod aws;
pub mod clock;
pub mod command;
pub mod credential;
pub mod doctor;
pub mod error;
pub mod google;
pub mod http;
pub mod jwt;
pub mod metrics;
pub mod projected_token;
pub mod publish;
pub mod refresh;
pub mod run;
pub mod schedule;
pub mod scopes;
pub mod secret;
pub mod server;
pub mod settings;
pub mod shared_state;
pub mod sign;
pub mod startup_probe;
pub mod status_file;
pub mod subject_token;
pub mod token_cache;
pub mod token_files;
pub mod token_kind;
