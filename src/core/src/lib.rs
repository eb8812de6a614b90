//! What the webhook, the sidecar and the command line agree on: names, places and documents. No IO.
//!
//! The webhook and the sidecar never meet. Whatever one writes and the other reads stands here, once.

pub mod annotations;
pub mod aws;
pub mod diagnostics;
pub mod env;
pub mod error_chain;
pub mod external_account;
pub mod google;
pub mod identity;
pub mod imds;
pub mod invalid_value;
pub mod parse;
pub mod pod_names;
pub mod redact;
pub mod token_outputs;
pub mod token_source;
