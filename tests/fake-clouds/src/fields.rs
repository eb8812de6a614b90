//! Fields of forms and queries.

use crate::wire::{Request, is_form};

/// The fields of a form or a query, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses the form in the body, or else the query.
    pub(crate) fn from_request(request: &Request) -> Self {
        if is_form(request) && !request.body().is_empty() {
            Self::from_form(request)
        } else {
            Self::from_query(request)
        }
    }

    /// Parses the query.
    pub(crate) fn from_query(request: &Request) -> Self {
        Self::parse(request.uri().query().unwrap_or_default())
    }

    /// Parses the form in the body.
    pub(crate) fn from_form(request: &Request) -> Self {
        Self::parse(&String::from_utf8_lossy(request.body()))
    }

    /// Parses text in the format of a query.
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Returns the values of a list in AWS's Query protocol: `NAME.member.1` and so on.
    pub(crate) fn members(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|nth| self.value(&format!("{name}.member.{nth}"))).collect()
    }

    /// Returns all names; a repeated name repeats here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the values of a name that may be repeated, or `None` if it is absent.
    pub(crate) fn values(&self, name: &str) -> Option<Vec<String>> {
        let values: Vec<_> =
            self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
        (!values.is_empty()).then_some(values)
    }

    /// Returns the first value of a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse("a=1+2&b=%252F&c&a=3&=x");
        assert_eq!(fields.value("a"), Some("1 2"));
        assert_eq!(fields.value("b"), Some("%2F"));
        assert_eq!(fields.value("c"), Some(""));
        assert_eq!(fields.value("d"), None);
        assert_eq!(fields.values("a"), Some(vec!["1 2".to_owned(), "3".to_owned()]));
        assert_eq!(fields.values("d"), None);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["a", "b", "c", "a", ""]);
        let list = Fields::parse("x.member.2=b&x.member.1=a&x.member.4=d&y.member.1=c");
        assert_eq!(list.members("x"), ["a", "b"]);
    }
}
