//! The source of each container: `loopback`, `file`, or `loopback,legacy=file` to set some apart.

use std::fmt;

use rolebridge_contract::external_account::Source;

use super::places::Fault;
use super::value;
use crate::sentence::Shown;

/// How each container's library gets the subject token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources<'a> {
    /// Of every container that is not set apart.
    pub common: Source,
    /// The containers set apart.
    pub apart: Vec<(&'a str, Source)>,
}

impl<'a> Sources<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut common = None;
        let mut apart = Vec::new();
        for part in text.split(',').map(str::trim) {
            let Some((container, name)) = part.split_once('=') else {
                if common.replace(source(part)?).is_some() {
                    return Err(Fault::bad(
                        "has two sources for all containers; set some apart with CONTAINER=SOURCE",
                    ));
                }
                continue;
            };
            let (container, name) = (container.trim(), name.trim());
            if !value::is_container_name(container) {
                return Err(Fault::bad(format!(
                    "sets {} apart, which is no container's name",
                    Shown(container)
                )));
            }
            if apart.iter().any(|(known, _)| *known == container) {
                return Err(Fault::bad(format!("has two sources for the container {container}")));
            }
            apart.push((container, source(name)?));
        }
        Ok(Self { common: common.unwrap_or(Source::Loopback), apart })
    }

    /// The source of a container.
    #[must_use]
    pub fn of(&self, container: &str) -> Source {
        let apart = self.apart.iter().find(|(name, _)| *name == container);
        apart.map_or(self.common, |(_, source)| *source)
    }

    /// Whether a source is in use: decided without a look at the pod, so that it holds for containers that a later
    /// webhook brings.
    #[must_use]
    pub fn uses(&self, source: Source) -> bool {
        self.common == source || self.apart.iter().any(|(_, apart)| *apart == source)
    }

    /// The sources in use.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = Source> {
        [Source::Loopback, Source::File].into_iter().filter(|source| self.uses(*source))
    }
}

fn source(name: &str) -> Result<Source, Fault> {
    match name {
        "loopback" => Ok(Source::Loopback),
        "file" => Ok(Source::File),
        "metadata" => Err(Fault::not_supported("\"loopback\" and \"file\" are")),
        _ => Err(Fault::bad(
            "is not a source: \"loopback\", \"file\" or the like of \"loopback,CONTAINER=file\"",
        )),
    }
}

/// As the annotation says it.
impl fmt::Display for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.common.name())?;
        self.apart.iter().try_for_each(|(container, source)| write!(f, ",{container}={}", source.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_container_has_its_source() {
        for text in ["loopback,legacy=file", " loopback , legacy\t= file "] {
            let sources = Sources::parse(text).unwrap();
            assert_eq!(sources.of("web"), Source::Loopback);
            assert_eq!(sources.of("legacy"), Source::File);
            assert!(sources.uses(Source::Loopback) && sources.uses(Source::File));
            assert_eq!(sources.to_string(), "loopback,legacy=file");
        }
    }

    #[test]
    fn without_a_common_one_it_is_loopback() {
        assert_eq!(Sources::parse("legacy=file").unwrap().to_string(), "loopback,legacy=file");
    }

    #[test]
    fn one_source_for_all() {
        let sources = Sources::parse("file").unwrap();
        assert!(!sources.uses(Source::Loopback));
        assert_eq!(sources.in_use().collect::<Vec<_>>(), [Source::File]);
    }

    #[test]
    fn what_is_no_source() {
        for (text, end) in [
            ("", "is not a source: \"loopback\", \"file\" or the like of \"loopback,CONTAINER=file\""),
            ("File", "is not a source: \"loopback\", \"file\" or the like of \"loopback,CONTAINER=file\""),
            ("metadata", "is not supported yet; \"loopback\" and \"file\" are"),
            ("loopback,web=metadata", "is not supported yet; \"loopback\" and \"file\" are"),
            ("loopback,file", "has two sources for all containers; set some apart with CONTAINER=SOURCE"),
            ("web=file,web=loopback", "has two sources for the container web"),
            ("We b=file", "sets \"We b\" apart, which is no container's name"),
        ] {
            assert_eq!(Sources::parse(text).unwrap_err().to_string(), end, "{text}");
        }
    }
}
