//! Each kind of value that an annotation or a variable holds, read in one way: what admission takes, the sidecar takes.

mod aws;
mod google;
mod network;

pub use aws::{aws_credentials, identity, pod_identity_uri, region, role, session_name};
pub use google::{Audience, audience, email, emails, project, provider, universe};
pub use network::{endpoint, is_host, port, proxy, proxy_variable};

pub use crate::invalid_value::InvalidValue;

/// A whole number of seconds from `least` to `most`, in plain digits.
///
/// # Errors
/// It is none.
pub fn seconds(text: &str, least: u32, most: u32) -> Result<u32, InvalidValue> {
    digits(text)
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| InvalidValue::expected(format!("a number of seconds from {least} to {most}")))
}

/// `+5` is a number to Rust, but not to a reader.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Seconds of an impersonated token: what the IAM Credentials API takes.
///
/// # Errors
/// They are none.
pub fn token_lifetime(text: &str) -> Result<u32, InvalidValue> {
    seconds(text, 600, 43_200)
}

/// Seconds that a sidecar may take to its first token.
///
/// # Errors
/// They are none.
pub fn startup_timeout(text: &str) -> Result<u32, InvalidValue> {
    seconds(text, 1, 86_400)
}

/// How much the sidecar logs.
///
/// # Errors
/// It is no level.
pub fn log_level(text: &str) -> Result<&str, InvalidValue> {
    if ["error", "warn", "info", "debug", "trace"].contains(&text) {
        return Ok(text);
    }
    Err(InvalidValue::expected("a log level: error, warn, info, debug or trace"))
}
