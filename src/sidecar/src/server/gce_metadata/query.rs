//! The query parameters of a request.

use std::time::Duration;

use percent_encoding::percent_decode_str;

/// The parameters that the metadata server supports. Of several with the same name, the last one counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) recursive: bool,
    pub(super) json: bool,
    pub(super) wait: Option<Wait>,
    pub(super) scopes: String,
    pub(super) audience: String,
}

/// The parameters of `wait_for_change`, which delays the response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wait {
    /// The etag of the client's value; `None` for the current value.
    pub(super) last_etag: Option<String>,
    /// The maximum wait; `None` for no limit.
    pub(super) timeout: Option<Duration>,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// Returns an error if a value is invalid.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut query, mut wait, mut wait_for_change) = (Self::default(), Wait::default(), false);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(|| format!("{name}: expected UTF-8"))?;
            match name {
                "recursive" => query.recursive = is_true(&value),
                "alt" => query.json = value == "json",
                "wait_for_change" => wait_for_change = is_true(&value),
                "last_etag" => wait.last_etag = Some(value),
                "timeout_sec" => wait.timeout = Some(seconds(&value)?),
                "scopes" => query.scopes = value,
                "audience" => query.audience = value,
                // Other parameters concern features of Google's machines: details of the machine in ID tokens (`format`,
                // `licenses`), transports, certificates.
                _ => {}
            }
        }
        query.wait = wait_for_change.then_some(wait);
        Ok(query)
    }
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse::<u32>().map_err(|_| "timeout_sec: expected a number of seconds")?;
    Ok(Duration::from_secs(seconds.into()))
}

fn is_true(value: &str) -> bool {
    ["true", "on", "yes", "1"].iter().any(|truthy| value.eq_ignore_ascii_case(truthy))
}

fn decode(value: &str) -> Option<String> {
    let value = value.replace('+', " ");
    percent_decode_str(&value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parses_supported_parameters() {
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
            }
        );
    }

    #[test]
    fn query_rejects_invalid_values() {
        assert_eq!(
            Query::parse("timeout_sec=soon").unwrap_err(),
            "timeout_sec: expected a number of seconds"
        );
        assert_eq!(Query::parse("audience=%FF").unwrap_err(), "audience: expected UTF-8");
        assert_eq!(Query::parse("&&recursive=no&timeout_sec=5"), Ok(Query::default()));
    }
}
