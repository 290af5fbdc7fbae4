//! PDUs for people: as JSON, as a line, and as an indented listing.
//!
//! What is shown came off the wire, and most of it was written by whoever sent the mail. Nothing here passes a control
//! character on: not to a terminal, and not in JSON either, where it stands as an escape.

mod escape;
mod json;
mod line;
mod messaging;
mod number;
mod octets;
mod text;
mod time;

pub use escape::{escape, escape_octets};
pub use json::json;
pub use line::line;
pub(crate) use line::payload as payload_line;
pub use text::text;
pub(crate) use time::of_stamp;
pub use time::rfc3339;

use serde_json::Value;

/// JSON on one line. Beyond what JSON asks for, it escapes what a terminal or an editor would obey: control
/// characters of every kind, and characters that turn the direction of writing.
#[must_use]
pub fn json_line(value: &Value) -> String {
    escape::json(&value.to_string())
}

/// As [`json_line`], over several lines with indentation.
#[must_use]
pub fn json_pretty(value: &Value) -> String {
    escape::json(&format!("{value:#}"))
}
