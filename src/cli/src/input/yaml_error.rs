//! What is wrong with a document's YAML, in words for whoever wrote it.

use std::borrow::Cow;

use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// The library's words for users, and more where they leave open what would be right.
pub(crate) struct YamlErrorMessages;

impl MessageFormatter for YamlErrorMessages {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key {key} stands twice in one mapping; one would be right").into()
            }
            Error::ExternalMessage { msg, .. } if msg.contains("<document start>") => {
                "a line --- must stand before what begins here; a directive such as %YAML is nothing that kubectl takes"
                    .into()
            }
            _ => UserMessageFormatter.format_message(error),
        }
    }
}
