//! A PDU as an indented listing, a field a line.

use std::fmt::Write;

use serde_json::Value;
use writ_etsi::PsPdu;

use super::escape::escape;

/// Octets in hex that go on one line.
const OCTETS_A_LINE: usize = 32;

/// The whole PDU: every field under its name in the ASN.1 modules, indented as it is nested. Text of several lines,
/// such as the content of an `EmailCC`, takes a line each, behind `|`.
#[must_use]
pub fn text(pdu: &PsPdu) -> String {
    let mut listing = String::from("PS-PDU\n");
    if let Value::Object(fields) = super::json(pdu) {
        for (name, value) in &fields {
            field(&mut listing, 1, name, value);
        }
    }
    listing
}

// The depth of this recursion is that of the ASN.1 types: nothing from the wire nests here.
fn field(listing: &mut String, depth: usize, name: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    // Writing to a String does not fail, here and below.
    let _ = match value {
        Value::Null => writeln!(listing, "{indent}{name}"),
        Value::String(text) if text.contains('\n') => {
            let _ = writeln!(listing, "{indent}{name}: {} octets of text", text.len());
            lines(listing, &indent, text);
            Ok(())
        }
        Value::String(text) => writeln!(listing, "{indent}{name}: {}", escape(text)),
        Value::Array(values) => {
            let _ = writeln!(listing, "{indent}{name}: {} values", values.len());
            for (index, value) in values.iter().enumerate() {
                field(listing, depth + 1, &format!("[{index}]"), value);
            }
            Ok(())
        }
        Value::Object(fields) => {
            if let (1, Some(Value::String(hex))) = (fields.len(), fields.get("hex")) {
                octets(listing, &indent, name, hex);
            } else {
                let _ = writeln!(listing, "{indent}{name}");
                for (name, value) in fields {
                    field(listing, depth + 1, name, value);
                }
            }
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) => writeln!(listing, "{indent}{name}: {value}"),
    };
}

/// Text line by line. A line that ends in anything but CRLF shows it; a last line that has no end says so.
fn lines(listing: &mut String, indent: &str, text: &str) {
    for line in text.split_inclusive('\n') {
        let _ = match (line.strip_suffix("\r\n"), line.strip_suffix('\n')) {
            (Some(line), _) => writeln!(listing, "{indent}  | {}", escape(line)),
            (None, Some(line)) => writeln!(listing, "{indent}  | {}\\n", escape(line)),
            (None, None) => writeln!(listing, "{indent}  | {} (no end of line)", escape(line)),
        };
    }
}

fn octets(listing: &mut String, indent: &str, name: &str, hex: &str) {
    let count = hex.len() / 2;
    if count <= OCTETS_A_LINE {
        let _ = writeln!(listing, "{indent}{name}: hex {hex}");
        return;
    }
    let _ = writeln!(listing, "{indent}{name}: {count} octets in hex");
    let mut rest = hex;
    while !rest.is_empty() {
        // Hex digits are ASCII, so any place is between two characters.
        let (line, after) = rest.split_at(rest.len().min(2 * OCTETS_A_LINE));
        let _ = writeln!(listing, "{indent}  | {line}");
        rest = after;
    }
}
