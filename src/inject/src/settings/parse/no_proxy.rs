//! The list of hosts that bypass the proxy.

use rolebridge_core::parse::InvalidValue;

/// Validates a list of hosts, domains and networks. Empty entries are valid, because all programs skip them.
pub(crate) fn no_proxy(text: &str) -> Result<&str, InvalidValue> {
    let is_entry =
        |entry: &str| entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".*:/[]_-".contains(&byte));
    let mut entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).peekable();
    if entries.peek().is_some() && entries.all(is_entry) {
        return Ok(text);
    }
    Err(InvalidValue::expected("hosts, domains and networks separated by commas"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_accepts_only_lists_with_commas() {
        for text in ["localhost", ".svc,10.0.0.0/8", ".svc, [::1] ,", ",.svc,,*.internal:8443"] {
            assert_eq!(no_proxy(text), Ok(text));
        }
        for text in ["", " , ", ".svc 10.0.0.0/8", ".svc;.internal", "$(HOSTS)"] {
            assert!(no_proxy(text).is_err(), "{text}");
        }
    }
}
