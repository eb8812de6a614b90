//! Numbers: seconds within limits.

use crate::invalid_value::InvalidValue;

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
pub(super) fn digits(text: &str) -> Option<u32> {
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
