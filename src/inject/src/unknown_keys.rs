//! Misspelt annotations: refused on a pod, with the nearest key that exists.

use rolebridge_core::annotations::{ALL, CONFIG_FILE, CONFIG_LOOPBACK, PREFIX, STATUS};
use rolebridge_core::redact::Quoted;

use crate::view::Annotations;
use crate::{Denial, Pod, Reason};

/// What the webhook itself writes.
const WRITTEN: &[&str] = &[STATUS, CONFIG_LOOPBACK, CONFIG_FILE];

/// More slips than this are no misspelling but another word.
const MAX_EDIT_DISTANCE: usize = 4;

/// Refuses a pod with an annotation of ours that does not exist: it would be silently without effect.
pub(crate) fn check(pod: &Pod<'_>) -> Result<(), Denial> {
    let mut keys = pod.annotations().into_iter().flat_map(Annotations::keys);
    let ours = |key: &&str| key.starts_with(PREFIX) && !is_status_annotation(key);
    match keys.find(|key| ours(key) && !is_known(key)) {
        None => Ok(()),
        Some(key) => Err(Denial::of_pod(
            Reason::UnknownAnnotation,
            // Nothing has checked what a key is made of either.
            format!("{} (on the pod) does not exist.{}", Quoted(key), suggestion(key)),
        )),
    }
}

/// Whether the webhook itself writes this key.
pub(crate) fn is_status_annotation(key: &str) -> bool {
    WRITTEN.contains(&key)
}

/// More than any key of ours, and less than it costs time to compare.
const MAX_KEY_LEN: usize = 100;

/// Whether a user may write this key.
pub(crate) fn is_known(key: &str) -> bool {
    ALL.iter().any(|annotation| annotation.key == key)
}

/// The known key that is spelt most alike.
pub(crate) fn closest_match(key: &str) -> Option<&'static str> {
    // Nothing has checked the key's length yet.
    if key.len() > MAX_KEY_LEN {
        return None;
    }
    let suffix = |key: &str| key.strip_prefix(PREFIX).unwrap_or(key).to_ascii_lowercase();
    let wanted = suffix(key);
    let (slips, nearest) = ALL
        .iter()
        .map(|annotation| (distance(&wanted, &suffix(annotation.key)), annotation.key))
        .min_by_key(|(slips, _)| *slips)?;
    (slips <= MAX_EDIT_DISTANCE && slips * 2 <= wanted.len()).then_some(nearest)
}

/// "Did you mean …?", after a blank, or nothing.
pub(crate) fn suggestion(key: &str) -> String {
    closest_match(key).map_or_else(String::new, |nearest| format!(" Did you mean {nearest}?"))
}

/// How many letters must be put in, left out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, slips) in [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("a", "b", 1)] {
            assert_eq!(distance(one, other), slips);
            assert_eq!(distance(other, one), slips);
        }
    }

    #[test]
    fn misspelt_keys() {
        for (key, wanted) in [
            ("rolebridge.io/provder", Some("rolebridge.io/provider")),
            ("rolebridge.io/Inject", Some("rolebridge.io/inject")),
            ("rolebridge.io/token_lifetime", Some("rolebridge.io/token-lifetime")),
            ("rolebridge.io/container", Some("rolebridge.io/containers")),
            ("rolebridge.io/serviceaccount", Some("rolebridge.io/service-account")),
            ("rolebridge.io/x", None),
            (&*format!("rolebridge.io/{}", "x".repeat(1 << 20)), None),
            ("rolebridge.io/something-else-altogether", None),
        ] {
            assert_eq!(closest_match(key), wanted, "{key}");
        }
    }
}
