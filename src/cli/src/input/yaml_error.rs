//! Messages for YAML errors.

use std::borrow::Cow;

use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// The library's user messages, with clearer ones for two errors.
pub(crate) struct YamlErrorMessages;

impl MessageFormatter for YamlErrorMessages {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("duplicate key {key} in mapping").into()
            }
            Error::ExternalMessage { msg, .. } if msg.contains("<document start>") => {
                "expected a line --- before this; kubectl does not accept directives such as %YAML".into()
            }
            _ => UserMessageFormatter.format_message(error),
        }
    }
}
