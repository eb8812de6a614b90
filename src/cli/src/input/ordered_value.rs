//! A document's tree, which keeps the order of its keys, and the one operation that patches consist of.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// A YAML or JSON value with maps that keep the order of their keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OrderedValue {
    /// A value that is neither a list nor a map.
    Scalar(Value),
    List(Vec<OrderedValue>),
    Map(Vec<(String, OrderedValue)>),
}

impl OrderedValue {
    /// Returns a map's value for a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Returns the value at a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// Returns the string at a path of keys.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        let Self::Scalar(value) = self.find(path)? else { return None };
        value.as_str()
    }

    /// Returns the value as a number that is not negative.
    pub(crate) fn number(&self) -> Option<u64> {
        let Self::Scalar(value) = self else { return None };
        value.as_u64()
    }

    /// Returns a list's items, or an empty slice for other values.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// Returns a map's fields, or an empty slice for other values.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        if let Self::Map(fields) = self { fields } else { &[] }
    }

    /// Returns the value at a JSON pointer.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Self> {
        parts(pointer).try_fold(self, |value, part| match value {
            Self::Map(_) => value.get(&part),
            Self::List(items) => items.get(part.parse::<usize>().ok()?),
            Self::Scalar(_) => None,
        })
    }

    /// Returns the value at a JSON pointer, to change it.
    pub(crate) fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        parts(pointer).try_fold(self, |value, part| match value {
            Self::Map(fields) => fields.iter_mut().find(|(key, _)| *key == part).map(|(_, value)| value),
            Self::List(items) => items.get_mut(part.parse::<usize>().ok()?),
            Self::Scalar(_) => None,
        })
    }

    /// Applies the `add` of a JSON patch (RFC 6902).
    ///
    /// A list item is inserted before an index or appended (`-`). A map's existing key is replaced, a new one appended.
    /// Returns `None` if the pointer does not exist.
    pub(crate) fn add(&mut self, pointer: &str, value: Self) -> Option<()> {
        let parent = &pointer[..pointer.rfind('/')?];
        let key = parts(&pointer[parent.len()..]).next()?;
        match self.pointer_mut(parent)? {
            Self::Map(fields) => match fields.iter_mut().find(|(known, _)| *known == key) {
                Some((_, existing)) => *existing = value,
                None => fields.push((key, value)),
            },
            Self::List(items) => {
                let index = if key == "-" { items.len() } else { key.parse().ok()? };
                if index > items.len() {
                    return None;
                }
                items.insert(index, value);
            }
            Self::Scalar(_) => return None,
        }
        Some(())
    }

    /// Applies the `remove` of a JSON patch, and returns the value. Returns `None` if the pointer does not exist.
    pub(crate) fn remove(&mut self, pointer: &str) -> Option<Self> {
        let parent = &pointer[..pointer.rfind('/')?];
        let key = parts(&pointer[parent.len()..]).next()?;
        match self.pointer_mut(parent)? {
            Self::Map(fields) => {
                let index = fields.iter().position(|(known, _)| *known == key)?;
                Some(fields.remove(index).1)
            }
            Self::List(items) => {
                let index = key.parse().ok().filter(|index| *index < items.len())?;
                Some(items.remove(index))
            }
            Self::Scalar(_) => None,
        }
    }
}

/// Returns the unescaped parts of a JSON pointer (RFC 6901).
fn parts(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"))
}

impl Serialize for OrderedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(fields) => serializer.collect_map(fields.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for OrderedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderedValueVisitor)
    }
}

struct OrderedValueVisitor;

impl<'de> Visitor<'de> for OrderedValueVisitor {
    type Value = OrderedValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<OrderedValue, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<OrderedValue, D::Error> {
        OrderedValue::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<OrderedValue, E> {
        Ok(OrderedValue::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<OrderedValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(OrderedValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<OrderedValue, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(OrderedValue::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::OrderedValue;

    #[rstest]
    #[case(r#"{"z":1,"a":2}"#, "/m", r#"{"z":1,"a":2,"m":"x"}"#)]
    #[case(r#"{"z":1,"a":2}"#, "/z", r#"{"z":"x","a":2}"#)]
    #[case(r#"{"l":[1,2]}"#, "/l/0", r#"{"l":["x",1,2]}"#)]
    #[case(r#"{"l":[1,2]}"#, "/l/2", r#"{"l":[1,2,"x"]}"#)]
    #[case(r#"{"l":[1,2]}"#, "/l/-", r#"{"l":[1,2,"x"]}"#)]
    #[case(r#"{"l":[{"b":{}}]}"#, "/l/0/b/c.io~1d~0e", r#"{"l":[{"b":{"c.io/d~e":"x"}}]}"#)]
    fn add_inserts_at_pointer(#[case] before: &str, #[case] pointer: &str, #[case] after: &str) {
        let mut value: OrderedValue = serde_json::from_str(before).unwrap();
        value.add(pointer, OrderedValue::Scalar("x".into())).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), after);
    }

    #[rstest]
    #[case(r#"{"z":1,"a":2}"#, "/z", Some(r#"{"a":2}"#))]
    #[case(r#"{"l":[1,2]}"#, "/l/0", Some(r#"{"l":[2]}"#))]
    #[case(r#"{"l":[1,2]}"#, "/l/2", None)]
    #[case(r#"{"l":[1,2]}"#, "/x", None)]
    #[case(r#"{"s":1}"#, "/s/a", None)]
    fn remove_takes_the_value_at_pointer(
        #[case] before: &str,
        #[case] pointer: &str,
        #[case] after: Option<&str>,
    ) {
        let mut value: OrderedValue = serde_json::from_str(before).unwrap();
        let removed = value.remove(pointer).map(|_| serde_json::to_string(&value).unwrap());
        assert_eq!(removed.as_deref(), after);
    }

    #[rstest]
    fn add_at_missing_pointer_returns_none(#[values("", "/l/2", "/l/x", "/s/a", "/absent/a")] pointer: &str) {
        let mut value: OrderedValue = serde_json::from_str(r#"{"l":[1],"s":1}"#).unwrap();
        assert_eq!(value.add(pointer, OrderedValue::Scalar("x".into())), None);
    }
}
