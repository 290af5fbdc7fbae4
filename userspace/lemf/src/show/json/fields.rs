//! Fields of a SEQUENCE in JSON, in the order in which they are added.

use serde_json::{Map, Value};
use writ_etsi::asn1::{Additions, ObjectIdentifier, OctetString, PrintableString, RawValue, RelativeOid};

use crate::show::octets::{hex, octets};

/// An object under construction.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new() -> Self {
        Self(Map::new())
    }

    pub(super) fn add(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn add_optional<T>(self, name: &str, value: Option<T>, show: impl FnOnce(T) -> Value) -> Self {
        match value {
            Some(value) => self.add(name, show(value)),
            None => self,
        }
    }

    /// Adds what a newer version of the module put after the last field, under a name that no module uses.
    pub(super) fn additions(self, additions: &Additions) -> Value {
        if additions.is_empty() {
            return Value::Object(self.0);
        }
        self.add("unrecognised-additions", additions.values().iter().map(raw).collect::<Vec<_>>()).done()
    }

    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// One alternative of a CHOICE, as an object with its name alone.
pub(super) fn alternative(name: Option<&'static str>, value: Value) -> Value {
    Fields::new().add(name.unwrap_or("unrecognised"), value).done()
}

/// A value that is carried and not understood: its whole encoding.
pub(super) fn raw(value: &RawValue) -> Value {
    serde_json::json!({ "hex": hex(value.octets()) })
}

/// The name of an alternative of an ENUMERATED, or the number where the module has no name for it.
macro_rules! named {
    ($value:expr) => {{
        let value = $value;
        value.name().map_or_else(|| serde_json::Value::from(value.value()), serde_json::Value::from)
    }};
}
pub(super) use named;

pub(super) fn string(value: &OctetString) -> Value {
    octets(value)
}

pub(super) fn printable(value: &PrintableString) -> Value {
    octets(value.as_bytes())
}

pub(super) fn object_identifier(value: &ObjectIdentifier) -> Value {
    Value::from(dotted(value))
}

pub(super) fn relative_oid(value: &RelativeOid) -> Value {
    value.arcs().map_or_else(|| serde_json::json!({ "hex": hex(value.octets()) }), |arcs| Value::from(dotted(&arcs)))
}

fn dotted(arcs: &[u32]) -> String {
    arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
