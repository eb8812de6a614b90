//! The source of each container: `loopback`, `file` or `metadata`, or `loopback,legacy=file` to set some apart.

use std::fmt;

use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::parse::InvalidValue;
use rolebridge_core::redact::Quoted;
pub use rolebridge_core::token_source::TokenSource;

use super::parse;

/// How each container's library gets a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSources<'a> {
    /// Of every container that is not set apart.
    pub default: TokenSource,
    /// The containers set apart.
    pub overrides: Vec<(&'a str, TokenSource)>,
}

const SOURCES: &str =
    "a source: \"loopback\", \"file\" or \"metadata\", with exceptions such as \"loopback,CONTAINER=file\"";

impl<'a> TokenSources<'a> {
    /// Reads a list that may set containers apart without a word about the others, for which `common` holds then.
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
            if !parse::is_container_name(container) {
                let hint = format!("correct the container name {}", Quoted(container));
                return Err(InvalidValue::with_hint(SOURCES, hint));
            }
            if overrides.iter().any(|(known, _)| *known == container) {
                let hint = format!("set one source for the container {container}");
                return Err(InvalidValue::with_hint(SOURCES, hint));
            }
            overrides.push((container, source(name)?));
        }
        Ok(Self { default: declared.unwrap_or(default), overrides })
    }

    /// One source for all containers.
    pub(crate) const fn all(default: TokenSource) -> Self {
        Self { default, overrides: Vec::new() }
    }

    /// The source of a container.
    #[must_use]
    pub fn of(&self, container: &str) -> TokenSource {
        let source = self.overrides.iter().find(|(name, _)| *name == container);
        source.map_or(self.default, |(_, source)| *source)
    }

    /// Whether a source is in use: decided without a look at the pod, so that it holds for containers that a later
    /// webhook brings.
    #[must_use]
    pub fn uses(&self, source: TokenSource) -> bool {
        self.default == source || self.overrides.iter().any(|(_, apart)| *apart == source)
    }

    /// The sources in use.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = TokenSource> {
        TokenSource::ALL.into_iter().filter(|source| self.uses(*source))
    }

    /// The configurations in use.
    pub(crate) fn documents(&self) -> impl Iterator<Item = ConfigKind> {
        self.in_use().filter_map(ConfigKind::for_source)
    }
}

fn source(name: &str) -> Result<TokenSource, InvalidValue> {
    name.parse().map_err(|_| InvalidValue::expected(SOURCES))
}

/// As the annotation says it.
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
    fn each_container_has_its_source() {
        for text in ["loopback,legacy=file,py=metadata", " loopback , legacy\t= file ,py =metadata"] {
            let sources = parse(text).unwrap();
            assert_eq!(sources.of("web"), TokenSource::Loopback);
            assert_eq!(sources.of("legacy"), TokenSource::File);
            assert_eq!(sources.of("py"), TokenSource::Metadata);
            assert_eq!(sources.in_use().collect::<Vec<_>>(), TokenSource::ALL);
            assert_eq!(sources.to_string(), "loopback,legacy=file,py=metadata");
        }
    }

    #[test]
    fn without_a_common_one_the_default_holds() {
        assert_eq!(parse("legacy=file").unwrap().to_string(), "loopback,legacy=file");
        let sources = TokenSources::parse("legacy=file", TokenSource::Metadata).unwrap();
        assert_eq!(sources.to_string(), "metadata,legacy=file");
    }

    #[test]
    fn one_source_for_all() {
        let sources = parse("file").unwrap();
        assert!(!sources.uses(TokenSource::Loopback));
        assert_eq!(sources.in_use().collect::<Vec<_>>(), [TokenSource::File]);
        assert_eq!(parse("metadata").unwrap().documents().count(), 0);
    }

    #[test]
    fn what_is_no_source() {
        for (text, hint) in [
            ("", None),
            ("File", None),
            (
                "loopback,file",
                Some("set one source for all containers, and CONTAINER=SOURCE for each exception"),
            ),
            ("web=file,web=loopback", Some("set one source for the container web")),
            ("We b=file", Some("correct the container name \"We b\"")),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.expectation(), error.hint()), (SOURCES, hint), "{text}");
        }
    }
}
