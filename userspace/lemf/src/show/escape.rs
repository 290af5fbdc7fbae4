//! Characters that may not reach a terminal.

use std::fmt::Write;

/// Whether a terminal or an editor would act on this character rather than draw it: the control characters of ASCII
/// and of Latin-1, line and paragraph separators, and the marks that turn the direction of writing.
pub(super) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with everything that acts on a terminal written out, and the backslash doubled so that this is reversible.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut escaped, character);
    }
    escaped
}

/// As [`escape`], of octets that may be no UTF-8: those that are not stand as `\xNN`.
#[must_use]
pub fn escape_octets(octets: &[u8]) -> String {
    let mut escaped = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(&mut escaped, character);
        }
        for octet in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(escaped, "\\x{octet:02x}");
        }
    }
    escaped
}

/// Adds one character, escaped where it has to be.
fn push(escaped: &mut String, character: char) {
    match character {
        '\\' => escaped.push_str("\\\\"),
        '\r' => escaped.push_str("\\r"),
        '\n' => escaped.push_str("\\n"),
        '\t' => escaped.push_str("\\t"),
        character if acts(character) => {
            // Writing to a String does not fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        }
        character => escaped.push(character),
    }
}

/// JSON text with such characters as `\uXXXX`. They can stand inside strings alone, where that is what they mean, and
/// all of them are in the basic plane. Line feeds are left: outside strings they are layout, and inside JSON has
/// already escaped them.
pub(super) fn json(text: &str) -> String {
    if !text.chars().any(|character| character != '\n' && acts(character)) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character != '\n' && acts(character) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape("a\r\nb\tc\\"), "a\\r\\nb\\tc\\\\");
        assert_eq!(escape("\u{9b}31m \u{202e}gpj.exe \u{7f}"), "\\u{9b}31m \\u{202e}gpj.exe \\u{7f}");
        assert_eq!(escape("jürgen@例え.jp"), "jürgen@例え.jp");
        assert_eq!(escape_octets(b"a\xff\x1b\xc3\xa9"), "a\\xff\\u{1b}é");
    }

    #[test]
    fn json_stays_json_and_means_the_same() {
        let value = serde_json::json!({ "a": "x\u{9b}\u{202e}\u{1b}y\nz", "b\u{85}": 1 });
        for text in [json(&value.to_string()), json(&format!("{value:#}"))] {
            assert!(!text.chars().any(|character| character != '\n' && acts(character)), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
