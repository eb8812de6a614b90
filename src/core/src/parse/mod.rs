//! One parser for each kind of value that an annotation or an environment variable holds. Admission and the sidecar use
//! the same parsers, so the sidecar accepts every value that admission accepts.

mod aws;
mod google;
mod kubernetes;
mod network;
mod number;

pub use aws::{
    agent_uri, aws_credentials, identity, is_region_name, pod_identity_uri, region, role, session_name,
};
pub use google::{audience, email, emails, project, provider, universe};
pub use kubernetes::{is_container_name, is_object_name};
pub use network::{MAX_ENDPOINTS, endpoint, endpoints, is_host, issuer, port, proxy, proxy_variable};
pub use number::{seconds, startup_timeout, token_lifetime};

pub use crate::invalid_value::InvalidValue;

/// Parses the sidecar's log level.
///
/// # Errors
/// Returns an error if the text is not a log level.
pub fn log_level(text: &str) -> Result<&str, InvalidValue> {
    if ["error", "warn", "info", "debug", "trace"].contains(&text) {
        return Ok(text);
    }
    Err(InvalidValue::expected("a log level: error, warn, info, debug or trace"))
}
