//! What is reached without a proxy.

use rolebridge_core::parse::InvalidValue;

/// Hosts, domains and networks. Every reader of such a list passes over an entry that is empty.
pub(crate) fn no_proxy(text: &str) -> Result<&str, InvalidValue> {
    let is_entry =
        |entry: &str| entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".*:/[]_-".contains(&byte));
    let mut entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).peekable();
    if entries.peek().is_some() && entries.all(is_entry) {
        return Ok(text);
    }
    Err(InvalidValue::expected("a list of hosts, domains and networks with commas between them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions() {
        for text in ["localhost", ".svc,10.0.0.0/8", ".svc, [::1] ,", ",.svc,,*.internal:8443"] {
            assert_eq!(no_proxy(text), Ok(text));
        }
        for text in ["", " , ", ".svc 10.0.0.0/8", ".svc;.internal", "$(HOSTS)"] {
            assert!(no_proxy(text).is_err(), "{text}");
        }
    }
}
