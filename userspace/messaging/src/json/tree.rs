//! JSON as a tree of bounded size: so many values, so many keys of an object, each once, and so deep.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::place::Malformed;

/// Values of one request, those in others too.
const VALUES: usize = 262_144;
/// Keys of one object: none has so many.
const KEYS: usize = 64;

/// A value.
pub(super) enum Json<'t> {
    Null,
    Flag(bool),
    /// A whole number, 0 or more.
    Whole(u64),
    /// Any other number: nothing takes one.
    Number,
    Text(Cow<'t, str>),
    List(Vec<Json<'t>>),
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

/// What was wrong, where the parser does not say it.
#[derive(Clone, Copy)]
enum Wrong {
    Values,
    Keys,
    Twice,
}

/// How much may still come.
struct Budget {
    values: Cell<usize>,
    wrong: Cell<Option<Wrong>>,
}

/// Reads octets.
///
/// # Errors
/// Where they are no JSON, or too much of it.
pub(super) fn read(octets: &[u8]) -> Result<Json<'_>, Malformed> {
    let budget = Budget { values: Cell::new(VALUES), wrong: Cell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_slice(octets);
    let read = Seed(&budget).deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let expected = match budget.wrong.get() {
            Some(Wrong::Values) => "at most 262144 values",
            Some(Wrong::Keys) => "at most 64 keys in an object",
            Some(Wrong::Twice) => "each key of an object once",
            None => "JSON",
        };
        Malformed::at_line(error.line(), error.column(), expected)
    })
}

struct Seed<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        match self.0.values.get().checked_sub(1) {
            Some(left) => self.0.values.set(left),
            None => {
                self.0.wrong.set(Some(Wrong::Values));
                return Err(D::Error::custom(""));
            }
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element_seed(Seed(self.0))? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut object: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            let wrong = match () {
                () if object.len() >= KEYS => Some(Wrong::Keys),
                // Which of two would be meant?
                () if object.iter().any(|(known, _)| *known == key) => Some(Wrong::Twice),
                () => None,
            };
            if wrong.is_some() {
                self.0.wrong.set(wrong);
                return Err(A::Error::custom(""));
            }
            object.push((key, entries.next_value_seed(Seed(self.0))?));
        }
        Ok(Json::Object(object))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
}
