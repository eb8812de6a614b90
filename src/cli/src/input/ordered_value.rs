//! A document's tree, whose keys keep the order that a person gave them, and the one operation that patches are made of.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// A value of YAML or JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OrderedValue {
    /// Neither a list nor a map.
    Scalar(Value),
    List(Vec<OrderedValue>),
    Map(Vec<(String, OrderedValue)>),
}

impl OrderedValue {
    /// A map's value.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What lies at a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at a path of keys.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        let Self::Scalar(value) = self.find(path)? else { return None };
        value.as_str()
    }

    /// A list's items; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// A map's fields; none of anything else.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        if let Self::Map(fields) = self { fields } else { &[] }
    }

    /// What lies at a JSON pointer.
    pub(crate) fn pointed_at(&mut self, pointer: &str) -> Option<&mut Self> {
        parts(pointer).try_fold(self, |node, part| match node {
            Self::Map(fields) => fields.iter_mut().find(|(key, _)| *key == part).map(|(_, value)| value),
            Self::List(items) => items.get_mut(part.parse::<usize>().ok()?),
            Self::Scalar(_) => None,
        })
    }

    /// The `add` of a JSON patch (RFC 6902): into a list before an index or at its end (`-`), into a map as its last key
    /// or in the place of the one of that name. `None` where there is no such place.
    pub(crate) fn add(&mut self, pointer: &str, value: Self) -> Option<()> {
        let parent = &pointer[..pointer.rfind('/')?];
        let key = parts(&pointer[parent.len()..]).next()?;
        match self.pointed_at(parent)? {
            Self::Map(fields) => match fields.iter_mut().find(|(known, _)| *known == key) {
                Some((_, present)) => *present = value,
                None => fields.push((key, value)),
            },
            Self::List(items) => {
                let at = if key == "-" { items.len() } else { key.parse().ok()? };
                if at > items.len() {
                    return None;
                }
                items.insert(at, value);
            }
            Self::Scalar(_) => return None,
        }
        Some(())
    }
}

/// A JSON pointer's parts (RFC 6901).
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
        f.write_str("a value that JSON has")
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
    use super::OrderedValue;

    #[test]
    fn an_addition_goes_where_the_pointer_says() {
        for (before, pointer, after) in [
            (r#"{"z":1,"a":2}"#, "/m", r#"{"z":1,"a":2,"m":"x"}"#),
            (r#"{"z":1,"a":2}"#, "/z", r#"{"z":"x","a":2}"#),
            (r#"{"l":[1,2]}"#, "/l/0", r#"{"l":["x",1,2]}"#),
            (r#"{"l":[1,2]}"#, "/l/2", r#"{"l":[1,2,"x"]}"#),
            (r#"{"l":[1,2]}"#, "/l/-", r#"{"l":[1,2,"x"]}"#),
            (r#"{"l":[{"b":{}}]}"#, "/l/0/b/c.io~1d~0e", r#"{"l":[{"b":{"c.io/d~e":"x"}}]}"#),
        ] {
            let mut node: OrderedValue = serde_json::from_str(before).unwrap();
            node.add(pointer, OrderedValue::Scalar("x".into())).unwrap();
            assert_eq!(serde_json::to_string(&node).unwrap(), after);
        }
    }

    #[test]
    fn nothing_is_added_where_there_is_no_place() {
        let mut node: OrderedValue = serde_json::from_str(r#"{"l":[1],"s":1}"#).unwrap();
        for pointer in ["", "/l/2", "/l/x", "/s/a", "/absent/a"] {
            assert_eq!(node.add(pointer, OrderedValue::Scalar("x".into())), None, "{pointer}");
        }
    }
}
