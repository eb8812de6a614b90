//! The token source of each container: `loopback`, `file` or `metadata`, or `loopback,legacy=file` with exceptions. The source
//! `metadata-host` changes the names and ports of the whole pod, so it has no exceptions.

use std::cmp::Ordering;
use std::fmt;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::parse::{InvalidValue, is_container_name};
use rolebridge_core::redact::Quoted;
use rolebridge_core::token_source::TokenSource;

use crate::steps;

/// The token source of each container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSources<'a> {
    /// The source of all containers without an override.
    pub default: TokenSource,
    /// The containers with another source, in ascending order of their names.
    pub overrides: Vec<(&'a str, TokenSource)>,
}

const SOURCES: &str = "a source: \"loopback\", \"file\" or \"metadata\", with exceptions such as \"loopback,CONTAINER=file\", or \
                       \"metadata-host\"";

impl<'a> TokenSources<'a> {
    /// Parses a list of sources. `default` applies if the list has only overrides.
    pub(crate) fn parse(text: &'a str, default: TokenSource) -> Result<Self, InvalidValue> {
        let mut declared = None;
        let mut overrides = Vec::new();
        for part in text.split(',').map(str::trim) {
            let Some((container, name)) = part.split_once('=') else {
                if declared.replace(source(part)?).is_some() {
                    let hint = "set one source for all containers, and CONTAINER=SOURCE for each exception";
                    return Err(InvalidValue::with_hint(SOURCES, hint));
                }
                continue;
            };
            let (container, name) = (container.trim(), name.trim());
            if !is_container_name(container) {
                let hint = format!("correct the container name {}", Quoted(container));
                return Err(InvalidValue::with_hint(SOURCES, hint));
            }
            overrides.push((container, source(name)?));
        }
        overrides.sort_unstable_by(|(one, _), (other, _)| compare(one, other));
        if let Some([(container, _), _]) =
            overrides.array_windows().find(|[(one, _), (other, _)]| one == other)
        {
            let hint = format!("set one source for the container {container}");
            return Err(InvalidValue::with_hint(SOURCES, hint));
        }
        let sources = Self { default: declared.unwrap_or(default), overrides };
        if sources.uses(TokenSource::MetadataHost) && !sources.overrides.is_empty() {
            let hint = "set \"metadata-host\" alone, because it is for the whole pod";
            return Err(InvalidValue::with_hint(SOURCES, hint));
        }
        Ok(sources)
    }

    /// Creates one source for all containers.
    pub(crate) const fn all(default: TokenSource) -> Self {
        Self { default, overrides: Vec::new() }
    }

    /// Returns the source of a container.
    #[must_use]
    pub fn of(&self, container: &str) -> TokenSource {
        let index = self.overrides.binary_search_by(|(name, _)| compare(name, container));
        index.map_or(self.default, |index| self.overrides[index].1)
    }

    /// Returns true if the source is in use. This does not depend on the pod's containers, because a later webhook may add
    /// some.
    #[must_use]
    pub fn uses(&self, source: TokenSource) -> bool {
        self.default == source || self.overrides.iter().any(|(_, other)| *other == source)
    }

    /// Returns true if the sidecar answers like Google's metadata server.
    pub(crate) fn uses_metadata(&self) -> bool {
        self.in_use().any(TokenSource::is_metadata)
    }

    /// Returns the sources in use.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = TokenSource> {
        TokenSource::ALL.into_iter().filter(|source| self.uses(*source))
    }

    /// Returns the configurations in use.
    pub(crate) fn documents(&self) -> impl Iterator<Item = ConfigKind> {
        self.in_use().filter_map(ConfigKind::for_source)
    }
}

fn compare(one: &str, other: &str) -> Ordering {
    steps::count(1);
    one.cmp(other)
}

fn source(name: &str) -> Result<TokenSource, InvalidValue> {
    name.parse().map_err(|_| InvalidValue::expected(SOURCES))
}

/// Displays the annotation's value.
impl fmt::Display for TokenSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.default.as_str())?;
        self.overrides
            .iter()
            .try_for_each(|(container, source)| write!(f, ",{container}={}", source.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenSources<'_>, InvalidValue> {
        TokenSources::parse(text, TokenSource::Loopback)
    }

    #[test]
    fn token_sources_with_overrides_differ_by_container() {
        for text in ["loopback,legacy=file,py=metadata", " loopback , legacy\t= file ,py =metadata"] {
            let sources = parse(text).unwrap();
            assert_eq!(sources.of("web"), TokenSource::Loopback);
            assert_eq!(sources.of("legacy"), TokenSource::File);
            assert_eq!(sources.of("py"), TokenSource::Metadata);
            let expected = [TokenSource::Loopback, TokenSource::File, TokenSource::Metadata];
            assert_eq!(sources.in_use().collect::<Vec<_>>(), expected);
            assert_eq!(sources.to_string(), "loopback,legacy=file,py=metadata");
        }
    }

    #[test]
    fn token_sources_with_only_overrides_use_the_default() {
        assert_eq!(parse("legacy=file").unwrap().to_string(), "loopback,legacy=file");
        let sources = TokenSources::parse("legacy=file", TokenSource::Metadata).unwrap();
        assert_eq!(sources.to_string(), "metadata,legacy=file");
    }

    #[test]
    fn token_sources_without_overrides_have_one_source() {
        let sources = parse("file").unwrap();
        assert!(!sources.uses(TokenSource::Loopback));
        assert_eq!(sources.in_use().collect::<Vec<_>>(), [TokenSource::File]);
        for text in ["metadata", "metadata-host"] {
            let sources = parse(text).unwrap();
            assert_eq!((sources.documents().count(), sources.uses_metadata()), (0, true));
        }
    }

    #[test]
    fn parse_of_invalid_token_sources_returns_a_hint() {
        let one_default = "set one source for all containers, and CONTAINER=SOURCE for each exception";
        let whole_pod = "set \"metadata-host\" alone, because it is for the whole pod";
        for (text, hint) in [
            ("", None),
            ("File", None),
            ("loopback,file", Some(one_default)),
            ("web=file,web=loopback", Some("set one source for the container web")),
            ("We b=file", Some("correct the container name \"We b\"")),
            ("metadata-host,web=file", Some(whole_pod)),
            ("web=metadata-host", Some(whole_pod)),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.expectation(), error.hint()), (SOURCES, hint), "{text}");
        }
    }
}
