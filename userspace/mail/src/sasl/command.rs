//! The command that begins an exchange.

use writ_wire::Direction;

use super::{Exchange, Mechanism, Step};
use crate::line::Line;

impl Exchange {
    /// Reads `AUTH mechanism [initial-response]` (RFC 4954 §4, RFC 5034 §4). The octets go from the line into the exchange,
    /// which zeroises them.
    pub(crate) fn of_command(line: &mut Line) -> Self {
        let octets = std::mem::take(&mut line.octets);
        let end = octets.trim_ascii_end().len();
        let is_word = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let start_of = |from: usize, is_part: &dyn Fn(&u8) -> bool| {
            octets.get(from..end).and_then(|rest| rest.iter().position(is_part)).map_or(end, |at| from + at)
        };
        // `AUTH=PLAIN` was once written so, and some clients still do.
        let verb = start_of(start_of(0, &is_word), &|octet| !is_word(octet));
        let name = start_of(verb, &|octet| !octet.is_ascii_whitespace() && *octet != b'=');
        let after = start_of(name, &|octet| octet.is_ascii_whitespace());
        let word = octets.get(name..after).unwrap_or_default();
        let mechanism = Mechanism::named(word);
        let payload =
            if Mechanism::is_name(word) { start_of(after, &|octet| !octet.is_ascii_whitespace()) } else { name };
        let (offset, first, last) = (line.offset, line.first, line.last);
        let step = Step { from: Direction::FromClient, offset, first, last, octets, payload: payload..end };
        Self { cut: line.cut, ..Self::new(mechanism, step) }
    }
}
