//! Reads the fields of one JSON object that somebody asks for, and no more.
//!
//! `serde_json::Value` builds a tree of all that came, and of a field that
//! stands twice it keeps the last; a derived struct accepts an array in the
//! place of an object. Here nothing is kept but the values that were asked
//! for, borrowed from the text where no escape has to be undone.
//!
//! ```
//! use chatroom::chat::json::{Value, fields};
//!
//! let [name, age] = fields(r#"{"age":7,"more":[1],"name":"bob"}"#, ["name", "age"])?;
//! assert_eq!(name, Value::Text("bob".into()));
//! assert_eq!(age, Value::Other);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Left out: what stands inside of the other values. It has to be JSON, and
//! no deeper than 128 brackets, or a text of brackets would fill the stack.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// What stands in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// There is no such field.
    Missing,
    /// There is more than one, and readers do not agree which of them counts.
    Twice,
    /// A string, its escapes undone.
    Text(Cow<'a, str>),
    True,
    Other,
}

/// Returns the values of the fields of these names, in the order of the names.
///
/// # Errors
/// What is JSON and no object is an error for which `is_data` is true; what is
/// no JSON, or is nested too deep, is one for which it is false. serde_json
/// stops at the first trouble: `[` is not an object, whatever follows.
pub fn fields<'a, const N: usize>(
    text: &'a str,
    names: [&str; N],
) -> serde_json::Result<[Value<'a>; N]> {
    let mut input = serde_json::Deserializer::from_str(text);
    let fields = input.deserialize_map(Fields(names))?;
    input.end()?;
    Ok(fields)
}

/// Takes an object. Whatever a visitor has no method for is an error.
struct Fields<'n, const N: usize>([&'n str; N]);

impl<'a, const N: usize> Visitor<'a> for Fields<'_, N> {
    type Value = [Value<'a>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [const { Value::Missing }; N];
        while let Some(place) = map.next_key_seed(Place(&self.0))? {
            let value = map.next_value()?;
            if let Some(field) = place.and_then(|place| fields.get_mut(place)) {
                *field = match field {
                    Value::Missing => value,
                    _ => Value::Twice,
                };
            }
        }
        Ok(fields)
    }
}

/// Takes a key, and makes it a place among the names.
struct Place<'n>(&'n [&'n str]);

impl<'a> DeserializeSeed<'a> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

impl<'a> Deserialize<'a> for Value<'a> {
    fn deserialize<D: Deserializer<'a>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Any)
    }
}

/// Takes any value: serde_json calls the method for the kind that it finds.
struct Any;

impl<'a> Visitor<'a> for Any {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, is: bool) -> Result<Self::Value, E> {
        Ok(if is { Value::True } else { Value::Other })
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<Value>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_key_seed(Place(&[]))?.is_some() {
            map.next_value::<Value>()?;
        }
        Ok(Value::Other)
    }
}
