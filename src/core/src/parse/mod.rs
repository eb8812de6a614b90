//! One parser for each kind of value that an annotation or an environment variable holds. Admission and the sidecar use
//! the same parsers, so the sidecar accepts every value that admission accepts.

mod aws;
mod google;
mod network;

pub use aws::{aws_credentials, identity, pod_identity_uri, region, role, session_name};
pub use google::{Audience, audience, email, emails, project, provider, universe};
pub use network::{endpoint, is_host, port, proxy, proxy_variable};

pub use crate::invalid_value::InvalidValue;

/// Parses a whole number of seconds from `min` to `max`, in plain digits.
///
/// # Errors
/// Returns an error if the text is not such a number.
pub fn seconds(text: &str, min: u32, max: u32) -> Result<u32, InvalidValue> {
    digits(text)
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| InvalidValue::expected(format!("a number of seconds from {min} to {max}")))
}

/// Parses digits without a sign. Rust's own parser accepts `+5`.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses the lifetime of an impersonated token in seconds, within the limits of the IAM Credentials API.
///
/// # Errors
/// Returns an error if the text is not such a number.
pub fn token_lifetime(text: &str) -> Result<u32, InvalidValue> {
    seconds(text, 600, 43_200)
}

/// Parses the seconds that a sidecar may take to get its first token.
///
/// # Errors
/// Returns an error if the text is not such a number.
pub fn startup_timeout(text: &str) -> Result<u32, InvalidValue> {
    seconds(text, 1, 86_400)
}

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
