//! What a sentence repeats of a pod that nothing has validated yet: names and lists of names, each bounded.

use std::fmt;

use rolebridge_core::redact::{MAX_QUOTED_CHARS, Quoted};

/// A name or a path: bare if it is made of what Kubernetes makes them of, else like any value.
pub(crate) struct DisplayName<'a>(pub(crate) &'a str);

impl fmt::Display for DisplayName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = (1..=MAX_QUOTED_CHARS).contains(&self.0.len())
            && self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
        if is_plain { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// The most names in a warning: the API server may cut one off at 256 characters.
pub(crate) const MAX_NAMES_IN_WARNING: usize = 3;

/// The most names in a refusal.
pub(crate) const MAX_NAMES_IN_DENIAL: usize = 10;

/// `a, b, c and 47 more`; `None` if there is none.
pub(crate) fn join_names<'a>(most: usize, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut names = names.into_iter();
    let mut text = DisplayName(names.next()?).to_string();
    for name in names.by_ref().take(most - 1) {
        text = format!("{text}, {}", DisplayName(name));
    }
    match names.count() {
        0 => Some(text),
        more => Some(format!("{text} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_bare_unless_it_is_none() {
        for (name, shown) in [
            ("vault-agent", "vault-agent"),
            ("/var/run/x.y_z", "/var/run/x.y_z"),
            ("", "\"\""),
            ("a b\n", "\"a b\\n\""),
        ] {
            assert_eq!(DisplayName(name).to_string(), shown);
        }
        assert_eq!(DisplayName(&"n".repeat(1 << 20)).to_string(), format!("\"{}\"…", "n".repeat(120)));
    }

    #[test]
    fn many_names_stay_few() {
        for (given, said) in [
            ("", None),
            ("a", Some("a")),
            ("a b c", Some("a, b, c")),
            ("a b c d", Some("a, b, c and 1 more")),
            ("a b c d e f", Some("a, b, c and 3 more")),
        ] {
            assert_eq!(join_names(3, given.split_whitespace()).as_deref(), said);
        }
    }
}
