//! Telephone numbers, made comparable: an MSISDN and any other E.164 number are told alike, whoever writes them.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// Digits of an international number: no country has fewer, and E.164 §6.1 allows no more.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// An international E.164 number: its digits, country code first. Overwritten when it is let go.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Zeroizing<String>);

impl Number {
    /// Reads a number as people and systems write it: `+31 6 1234 5678`, `0031612345678`, `31612345678`,
    /// `+31 (0)6-1234.5678`. `None` for what is no international number: a national one could be anybody's elsewhere.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (prefixed, rest) = match text.strip_prefix('+').or_else(|| text.strip_prefix("00")) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut digits = Zeroizing::new(String::with_capacity(*DIGITS.end() + 1));
        let mut rest = rest;
        while let Some(character) = rest.chars().next() {
            // The trunk prefix, as some write it for readers at home.
            if let Some(after) = rest.strip_prefix("(0)").filter(|_| prefixed && !digits.is_empty()) {
                rest = after;
                continue;
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                '0'..='9' if digits.len() < *DIGITS.end() => digits.push(character),
                ' ' | '-' | '.' | '(' | ')' | '/' => {}
                _ => return None,
            }
        }
        // No country code begins with 0 (E.164 annex).
        (DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then_some(Self(digits))
    }

    /// Its digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digits().hash(state);
    }
}

// A number is an identity.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_meet() {
        let digits = |text: &str| Number::parse(text).map(|number| number.digits().to_owned());
        for text in [
            "31612345678",
            "+31612345678",
            "0031612345678",
            " +31 6 1234 5678 ",
            "+31 (0)6-1234.5678",
            "0031 (0)6/12345678",
            "+31(6)12345678",
        ] {
            assert_eq!(digits(text).as_deref(), Some("31612345678"), "{text}");
        }
        assert_eq!(digits("290-4567").as_deref(), Some("2904567"));
    }

    #[test]
    fn what_is_no_international_number_is_none() {
        for text in [
            "",
            "+",
            "0612345678",
            "000612345678",
            "112",
            "123456",
            "1234567890123456",
            "+31612345678x",
            "++31612345678",
            "a",
            "３１６１２３４５６７８",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", Number::parse("+31612345678")), "Some(Number(..))");
    }
}
