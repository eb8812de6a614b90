//! What a request says behind the question mark.

use std::time::Duration;

use percent_encoding::percent_decode_str;

/// The parameters that the metadata server knows. The last one of a name counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) recursive: bool,
    pub(super) json: bool,
    pub(super) wait: Option<Wait>,
    pub(super) scopes: String,
    pub(super) audience: String,
    /// `format=full`: an ID token says more of who has it.
    pub(super) full: bool,
}

/// `wait_for_change`: the answer may come later.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wait {
    /// The mark of what is known already; `None`: what is there now.
    pub(super) last_etag: Option<String>,
    /// The longest wait; `None`: for ever.
    pub(super) timeout: Option<Duration>,
}

impl Query {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut query, mut wait, mut waits) = (Self::default(), Wait::default(), false);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(|| format!("{name} is not UTF-8"))?;
            match name {
                "recursive" => query.recursive = is_true(&value),
                "alt" => query.json = value == "json",
                "wait_for_change" => waits = is_true(&value),
                "last_etag" => wait.last_etag = Some(value),
                "timeout_sec" => wait.timeout = Some(seconds(&value)?),
                "scopes" => query.scopes = value,
                "audience" => query.audience = value,
                "format" => query.full = value.eq_ignore_ascii_case("full"),
                // The rest asks for what is tied to a machine of Google's: licenses, transports, certificates.
                _ => {}
            }
        }
        query.wait = waits.then_some(wait);
        Ok(query)
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse::<u32>().map_err(|_| "timeout_sec must be a number of seconds")?;
    Ok(Duration::from_secs(seconds.into()))
}

fn is_true(value: &str) -> bool {
    ["true", "on", "yes", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn decode(value: &str) -> Option<String> {
    let value = value.replace('+', " ");
    percent_decode_str(&value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_read() {
        let query = "recursive=TRUE&alt=json&wait_for_change=true&last_etag=0&timeout_sec=5&scopes=a%2Cb\
                     &audience=https%3A%2F%2Fa.example&format=FULL&licenses=TRUE";
        assert_eq!(
            Query::parse(query).unwrap(),
            Query {
                recursive: true,
                json: true,
                wait: Some(Wait { last_etag: Some("0".to_owned()), timeout: Some(Duration::from_secs(5)) }),
                scopes: "a,b".to_owned(),
                audience: "https://a.example".to_owned(),
                full: true,
            }
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Query::parse("timeout_sec=soon").unwrap_err(), "timeout_sec must be a number of seconds");
        assert_eq!(Query::parse("audience=%FF").unwrap_err(), "audience is not UTF-8");
        assert_eq!(Query::parse("&&recursive=no&timeout_sec=5"), Ok(Query::default()));
    }
}
