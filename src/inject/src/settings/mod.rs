//! Typed settings: each annotation is parsed once, from the pod, else its service account, else its namespace, else the
//! defaults, and keeps its origin.

pub(crate) mod app_env;
mod aws;
mod conflicts;
mod container_selection;
mod explain;
mod google;
mod ignored;
mod impersonation;
mod metadata_host;
mod names;
mod origin;
pub(crate) mod parse;
mod ports;
mod precedence;
mod resolve;
mod resolved;
mod service_accounts;
mod session_name;
mod sidecar;
mod token_source;

#[cfg(test)]
mod tests;

pub use aws::{Aws, Credentials};
pub use container_selection::ContainerSelection;
pub use explain::{ResolvedSetting, declared_settings};
pub use google::Google;
pub use ignored::{IgnoredValue, ignored_values};
pub use names::Names;
pub use origin::{Origin, Setting};
pub use parse::{ConfigMapKey, ParsedQuantity, is_valid_value};
pub(crate) use precedence::Precedence;
pub use resolve::resolve;
pub use resolved::Settings;
pub use session_name::SessionName;
pub use sidecar::{ResourceBounds, Sidecar};
pub use token_source::TokenSources;
