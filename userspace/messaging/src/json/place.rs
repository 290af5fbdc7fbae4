//! Values at their places, and what is said of one that is not as expected.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use writ_wire::Time;

use super::tree::Json;
use crate::time::rfc3339;

/// What is wrong with a request. Holds no value from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Malformed {
    place: String,
    expected: Cow<'static, str>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "expected {}", self.expected)
    }
}

impl Malformed {
    pub(super) fn at_line(line: usize, column: usize, expected: &'static str) -> Self {
        Self { place: format!("line {line}, column {column}"), expected: expected.into() }
    }

    /// At a key of a place that has been left; at the place itself where the key is empty.
    pub(super) fn at_place(place: String, key: &'static str, expected: &'static str) -> Self {
        let place = if key.is_empty() { place } else { format!("{place}.{key}") };
        Self { place, expected: expected.into() }
    }
}

/// Where a value stands: `[2].parties[0].identity`.
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step,
}

enum Step {
    Root,
    Key(&'static str),
    Index(usize),
}

impl Place<'static> {
    pub(super) fn root() -> Self {
        Self { parent: None, step: Step::Root }
    }
}

impl<'p> Place<'p> {
    /// A place in a list.
    pub(super) fn at(&'p self, index: usize) -> Place<'p> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    /// The place of a key.
    pub(super) fn key(&'p self, key: &'static str) -> Place<'p> {
        Place { parent: Some(self), step: Step::Key(key) }
    }

    /// What is wrong here.
    pub(super) fn expected(&self, expected: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed { place: self.to_string(), expected: expected.into() }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
        }
        let is_first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Root));
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) if is_first => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A value that stands somewhere.
pub(super) struct Value<'p, 't> {
    json: Json<'t>,
    pub(super) place: Place<'p>,
}

impl<'p, 't> Value<'p, 't> {
    pub(super) fn new(json: Json<'t>, place: Place<'p>) -> Self {
        Self { json, place }
    }

    /// Text of so many octets, without control characters.
    pub(super) fn text(self, least: usize, most: usize) -> Result<Cow<'t, str>, Malformed> {
        match self.json {
            Json::Text(text) if (least..=most).contains(&text.len()) && !text.contains(char::is_control) => Ok(text),
            _ => Err(self.place.expected(format!("text of {least} to {most} octets, without control characters"))),
        }
    }

    /// Text of at most so many characters, as a UTF8String counts them, and without control characters.
    pub(super) fn characters(self, least: usize, most: usize) -> Result<String, Malformed> {
        match self.json {
            Json::Text(text)
                if text.len() <= most * 4
                    && (least..=most).contains(&text.chars().count())
                    && !text.contains(char::is_control) =>
            {
                Ok(text.into_owned())
            }
            _ => Err(self.place.expected(format!("text of {least} to {most} characters, without control characters"))),
        }
    }

    /// What text gives, where it gives anything.
    pub(super) fn parsed<T>(
        self,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Malformed> {
        match &self.json {
            Json::Text(text) => parse(text).ok_or_else(|| self.place.expected(expected)),
            _ => Err(self.place.expected(expected)),
        }
    }

    /// A whole number below 2^32.
    pub(super) fn number(self) -> Result<u32, Malformed> {
        match self.json {
            Json::Whole(number) => u32::try_from(number).ok(),
            _ => None,
        }
        .ok_or_else(|| self.place.expected("a whole number from 0 to 4294967295"))
    }

    pub(super) fn flag(self) -> Result<bool, Malformed> {
        match self.json {
            Json::Flag(flag) => Ok(flag),
            _ => Err(self.place.expected("true or false")),
        }
    }

    pub(super) fn time(self) -> Result<Time, Malformed> {
        self.parsed("a date and time with an offset (RFC 3339), such as 2026-01-01T00:00:00Z", rfc3339)
    }

    /// Octets in base64.
    pub(super) fn base64(self) -> Result<Bytes, Malformed> {
        use base64::Engine as _;
        let standard = &base64::engine::general_purpose::STANDARD;
        self.parsed("base64 (RFC 4648 §4), with its padding", |text| standard.decode(text).ok().map(Bytes::from))
    }

    /// One of the words that `all` has.
    pub(super) fn word<T: Copy>(self, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, Malformed> {
        let found = match &self.json {
            Json::Text(text) => all.iter().copied().find(|value| name(*value) == text),
            _ => None,
        };
        found.ok_or_else(|| {
            self.place.expected(all.iter().map(|value| format!("\"{}\"", name(*value))).collect::<Vec<_>>().join(", "))
        })
    }

    /// A list of so many values.
    pub(super) fn list<T>(
        self,
        least: usize,
        most: usize,
        read: impl Fn(Value<'_, 't>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        match self.json {
            Json::List(values) if (least..=most).contains(&values.len()) => {
                let place = &self.place;
                values.into_iter().enumerate().map(|(at, json)| read(Value::new(json, place.at(at)))).collect()
            }
            _ => Err(self.place.expected(format!("a list of {least} to {most}"))),
        }
    }

    /// An object: its keys, taken off one by one.
    pub(super) fn object(self) -> Result<(Object<'t>, Place<'p>), Malformed> {
        match self.json {
            Json::Object(entries) => Ok((Object(entries), self.place)),
            Json::Null | Json::Flag(_) | Json::Whole(_) | Json::Number | Json::Text(_) | Json::List(_) => {
                Err(self.place.expected("an object"))
            }
        }
    }
}

/// What is left of an object.
pub(super) struct Object<'t>(Vec<(Cow<'t, str>, Json<'t>)>);

impl<'t> Object<'t> {
    /// Whether there is such a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    /// Takes a key off.
    pub(super) fn take<'p>(&mut self, key: &'static str, of: &'p Place<'p>) -> Option<Value<'p, 't>> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(Value::new(self.0.swap_remove(at).1, of.key(key)))
    }

    /// Takes a key off that must be there.
    pub(super) fn require<'p>(&mut self, key: &'static str, of: &'p Place<'p>) -> Result<Value<'p, 't>, Malformed> {
        self.take(key, of).ok_or_else(|| of.expected(format!("the key {key}")))
    }

    /// Says that nothing is left.
    pub(super) fn finish(self, of: &Place<'_>, allowed: &'static str) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(of.expected(format!("no keys but {allowed}"))) }
    }

    /// The only key of an object that says which of several things it holds.
    pub(super) fn only(self, of: &Place<'_>, keys: &[&'static str]) -> Result<(&'static str, Json<'t>), Malformed> {
        let wrong = || of.expected(format!("one key of {}", keys.join(", ")));
        let [(key, value)] = <[_; 1]>::try_from(self.0).map_err(|_| wrong())?;
        let known = keys.iter().find(|known| **known == key).ok_or_else(wrong)?;
        Ok((known, value))
    }
}
