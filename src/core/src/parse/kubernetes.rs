//! Kubernetes values: names of objects and containers.

use super::network::is_host;

/// Returns true for a valid name of most objects: a lower-case domain name.
#[must_use]
pub fn is_object_name(text: &str) -> bool {
    is_host(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Returns true for a valid container name: a lower-case DNS label.
#[must_use]
pub fn is_container_name(text: &str) -> bool {
    is_object_name(text) && !text.contains('.')
}
