//! Names, paths and documents that the webhook, the sidecar and the command line share. No IO.
//!
//! The webhook and the sidecar never communicate. Everything that one writes and the other reads is defined here once.

pub mod annotations;
pub mod aws;
pub mod client_versions;
pub mod diagnostics;
pub mod env;
pub mod error_chain;
pub mod external_account;
pub mod google;
pub mod identity;
pub mod imds;
pub mod invalid_value;
pub mod metadata_host;
pub mod parse;
pub mod pod_names;
pub mod redact;
pub mod service_accounts;
pub mod token_outputs;
pub mod token_source;
