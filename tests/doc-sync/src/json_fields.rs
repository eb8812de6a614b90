//! JSON fields of serialized types, read from the source text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

static TYPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)((?:#\[[^\n]*\]\n)*)pub(?:\(\w+\))? (?:struct|enum) (\w+) \{\n(.*?)\n\}")
        .expect("the pattern is valid")
});
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^(    #\[serde\(flatten\)\]\n)?    (?:pub(?:\(\w+\))? )?(\w+): ([^\n]+),$")
        .expect("the pattern is valid")
});
static VARIANT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^    ([A-Z]\w*),$").expect("the pattern is valid"));

/// The fields of structs and the values of enums, by type.
#[derive(Debug)]
pub struct Types(BTreeMap<String, Type>);

#[derive(Debug)]
enum Type {
    /// Names and types. The name is empty for a flattened field.
    Struct(Vec<(String, String)>),
    Enum(Vec<String>),
}

impl Type {
    fn is_empty(&self) -> bool {
        match self {
            Self::Struct(fields) => fields.is_empty(),
            Self::Enum(values) => values.is_empty(),
        }
    }
}

impl Types {
    /// Reads the structs and enums with public visibility in Rust source texts. Understands serde's `rename_all` and
    /// `flatten`.
    #[must_use]
    pub fn read<'a>(sources: impl IntoIterator<Item = &'a str>) -> Self {
        let found = sources.into_iter().flat_map(|source| TYPE.captures_iter(source));
        let types = found.map(|found| (found[2].to_owned(), read_type(&found[1], &found[3])));
        // A type that a macro makes has no readable fields.
        Self(types.filter(|(_, definition)| !definition.is_empty()).collect())
    }

    /// Returns the paths of all fields of a type, for example `steps[].status: ok, warning`.
    ///
    /// # Panics
    /// Panics if the type is not a known struct.
    #[must_use]
    pub fn paths(&self, name: &str) -> Vec<String> {
        let Some(Type::Struct(fields)) = self.0.get(name) else {
            panic!("the struct {name} is not in the sources")
        };
        fields
            .iter()
            .flat_map(|(field, type_name)| {
                let list = if type_name.contains("Vec<") { "[]" } else { "" };
                let inner = type_name.trim_end_matches('>').rsplit('<').next().unwrap_or_default();
                match self.0.get(inner) {
                    Some(Type::Struct(_)) if field.is_empty() => self.paths(inner),
                    Some(Type::Struct(_)) => {
                        let nested = self.paths(inner).into_iter();
                        nested.map(|path| format!("{field}{list}.{path}")).collect()
                    }
                    Some(Type::Enum(values)) => vec![format!("{field}{list}: {}", values.join(", "))],
                    None => vec![format!("{field}{list}")],
                }
            })
            .collect()
    }
}

fn read_type(attributes: &str, body: &str) -> Type {
    let separator = if attributes.contains("kebab-case") { "-" } else { "" };
    let variants: Vec<_> =
        VARIANT.captures_iter(body).map(|found| lower_case(&found[1], separator)).collect();
    if !variants.is_empty() {
        return Type::Enum(variants);
    }
    let is_camel_case = attributes.contains("camelCase");
    let fields = FIELD.captures_iter(body).map(|found| {
        let name = match found.get(1) {
            Some(_) => String::new(),
            None if is_camel_case => camel_case(&found[2]),
            None => found[2].to_owned(),
        };
        (name, found[3].to_owned())
    });
    Type::Struct(fields.collect())
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (initial, rest) = part.split_at(1);
        format!("{name}{}{rest}", initial.to_uppercase())
    })
}

fn lower_case(variant: &str, separator: &str) -> String {
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push_str(separator);
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_structs_lists_and_enums() {
        let source = "#[serde(rename_all = \"camelCase\")]\npub struct A {\n    pub(crate) all_parts: Vec<B>,\n    /// Text.\n    \
                      pub text: Option<String>,\n}\npub struct B {\n    #[serde(flatten)]\n    pub inner: D,\n}\n\
                      pub struct D {\n    pub kind: Option<C>,\n}\n\
                      #[serde(rename_all = \"kebab-case\")]\npub enum C {\n    OneTwo,\n    Three,\n}\n";
        assert_eq!(Types::read([source]).paths("A"), ["allParts[].kind: one-two, three", "text"]);
    }
}
