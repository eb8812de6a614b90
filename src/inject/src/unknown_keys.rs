//! Unknown annotation keys: denied on a pod, with the closest known key as a suggestion.

use rolebridge_core::annotations::{ALL, CONFIG_FILE, CONFIG_LOOPBACK, PREFIX, STATUS};
use rolebridge_core::redact::Quoted;
use strsim::levenshtein;

use crate::denial::Denial;
use crate::object_metadata::MAX_UNKNOWN_KEYS;
use crate::reason::Reason;
use crate::steps;
use crate::view::{Annotations, Pod};

/// Maximum edit distance for a suggestion.
const MAX_EDIT_DISTANCE: usize = 4;

/// Maximum key length for a suggestion: longer than every known key, and short enough to compare quickly.
const MAX_KEY_LEN: usize = 100;

/// Denies a pod with unknown Rolebridge annotations, which would silently have no effect.
pub(crate) fn check(pod: &Pod<'_>) -> Result<(), Denial> {
    let keys = pod.annotations().into_iter().flat_map(Annotations::keys);
    let is_setting = |key: &&str| key.starts_with(PREFIX) && !is_status_annotation(key);
    let mut unknown = keys.filter(|key| is_setting(key) && !is_known(key));
    // The key's characters are not validated either.
    let describe = |key: &str| format!("{} on the pod: unknown annotation.{}", Quoted(key), suggestion(key));
    let mut sentences: Vec<_> = unknown.by_ref().take(MAX_UNKNOWN_KEYS).map(describe).collect();
    if sentences.is_empty() {
        return Ok(());
    }
    if let rest @ 1.. = unknown.count() {
        sentences.push(describe_rest(rest, "on the pod"));
    }
    Err(Denial::for_pod(Reason::UnknownAnnotation, sentences.join(" ")))
}

/// Returns a sentence about the unknown keys after the first [`MAX_UNKNOWN_KEYS`].
pub(crate) fn describe_rest(count: usize, origin: &str) -> String {
    format!("And {count} more {origin}.")
}

/// Returns true if the webhook itself writes the key.
pub(crate) fn is_status_annotation(key: &str) -> bool {
    [STATUS, CONFIG_LOOPBACK].contains(&key) || CONFIG_FILE.contains(&key)
}

/// Returns true if the key is an annotation that users may set.
pub(crate) fn is_known(key: &str) -> bool {
    ALL.iter().any(|annotation| annotation.key == key)
}

/// Returns the known key with the smallest edit distance, if that is small enough for a misspelling.
pub(crate) fn closest_match(key: &str) -> Option<&'static str> {
    // The key's length is not validated yet.
    if key.len() > MAX_KEY_LEN {
        return None;
    }
    steps::count(ALL.len() * key.len());
    let name = |key: &str| key.strip_prefix(PREFIX).unwrap_or(key).to_ascii_lowercase();
    let unknown = name(key);
    let (distance, closest) = ALL
        .iter()
        .map(|annotation| (levenshtein(&unknown, &name(annotation.key)), annotation.key))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= MAX_EDIT_DISTANCE && distance * 2 <= unknown.len()).then_some(closest)
}

/// Returns ` Did you mean …?` with a leading blank, or an empty string.
pub(crate) fn suggestion(key: &str) -> String {
    closest_match(key).map_or_else(String::new, |closest| format!(" Did you mean {closest}?"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("rolebridge.io/provder", Some("rolebridge.io/provider"))]
    #[case("rolebridge.io/Inject", Some("rolebridge.io/inject"))]
    #[case("rolebridge.io/token_lifetime", Some("rolebridge.io/token-lifetime"))]
    #[case("rolebridge.io/container", Some("rolebridge.io/containers"))]
    #[case("rolebridge.io/serviceaccount", Some("rolebridge.io/service-account"))]
    #[case("rolebridge.io/x", None)]
    #[case(&*format!("rolebridge.io/{}", "x".repeat(1 << 20)), None)]
    #[case("rolebridge.io/something-else-altogether", None)]
    fn closest_match_of_a_misspelled_key_is_the_known_key(#[case] key: &str, #[case] closest: Option<&str>) {
        assert_eq!(closest_match(key), closest);
    }
}
