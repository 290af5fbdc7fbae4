//! Octet strings: text where they are text, hex where they are not.

use std::fmt::Write;

use serde_json::{Value, json};

/// The octets as text, if that is what they are: UTF-8 without control characters but CR, LF and TAB.
pub(super) fn as_text(octets: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(octets).ok()?;
    text.chars().all(|character| matches!(character, '\r' | '\n' | '\t') || !character.is_control()).then_some(text)
}

/// Text is a JSON string. Anything else is an object with the one field `hex`, so that a reader can tell them apart.
pub(super) fn octets(octets: &[u8]) -> Value {
    match as_text(octets) {
        Some(text) => Value::from(text),
        None => json!({ "hex": hex(octets) }),
    }
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut hex, octet| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_hex_are_told_apart() {
        assert_eq!(octets(b"MAIL FROM:<a@b>\r\n\t"), json!("MAIL FROM:<a@b>\r\n\t"));
        assert_eq!(octets("jürgen".as_bytes()), json!("jürgen"));
        assert_eq!(octets(b""), json!(""));
        assert_eq!(octets(b"\xff\x00"), json!({ "hex": "ff00" }));
        assert_eq!(octets(b"a\x1b[2J"), json!({ "hex": "611b5b324a" }));
        assert_eq!(octets("a\u{9b}".as_bytes()), json!({ "hex": "61c29b" }));
    }
}
