//! Capabilities (RFC 3501 §7.2.1, and the response code of §7.1): whether a list of them was seen whole, and what it says of
//! UNAUTHENTICATE (RFC 8437), by which one user makes room for the next.

/// Octets of a word that are kept: one more than the longest that is looked for has.
const KEPT: usize = 15;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the list, in this word of the line.
    Word(u8),
    /// In it; in a response code it ends with a bracket.
    List { is_code: bool },
    /// In a code of which the end was seen.
    Seen,
    /// There is none on this line.
    None,
}

/// Reads one response, octet by octet.
pub(super) struct CapabilityReader {
    state: State,
    word: Vec<u8>,
    offers_unauthenticate: bool,
}

impl Default for CapabilityReader {
    fn default() -> Self {
        Self { state: State::Word(0), word: Vec::new(), offers_unauthenticate: false }
    }
}

impl CapabilityReader {
    /// Takes octets of a response up to the end of a line.
    pub(super) fn push(&mut self, octets: &[u8]) {
        for &octet in octets {
            match (octet, self.state) {
                (_, State::None | State::Seen) => return,
                (b' ' | b'\t' | b'\r' | b'\n', _) => self.end_word(),
                (b']', State::List { is_code: true }) => {
                    self.end_word();
                    self.state = State::Seen;
                }
                _ if self.word.len() < KEPT => self.word.push(octet),
                _ => {}
            }
        }
    }

    /// What follows is no response of its own.
    pub(super) fn spoil(&mut self) {
        self.state = State::None;
        self.word = Vec::new();
    }

    /// The line is over, and the response with it: whether UNAUTHENTICATE is among the capabilities, where it is a list of them.
    pub(super) fn end(&mut self) -> Option<bool> {
        let read = std::mem::take(self);
        matches!(read.state, State::Seen | State::List { is_code: false }).then_some(read.offers_unauthenticate)
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let is = |word: &[u8]| self.word.eq_ignore_ascii_case(word);
        self.state = match self.state {
            State::Word(0) => State::Word(1),
            State::Word(1) if is(b"CAPABILITY") => State::List { is_code: false },
            State::Word(1) if is(b"OK") || is(b"PREAUTH") || is(b"NO") => State::Word(2),
            State::Word(2) if is(b"[CAPABILITY") => State::List { is_code: true },
            State::Word(_) => State::None,
            state => {
                self.offers_unauthenticate |= is(b"UNAUTHENTICATE");
                state
            }
        };
        self.word.clear();
        if self.state == State::None {
            self.word = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_however_they_are_cut() {
        for (line, expected) in [
            (&b"* CAPABILITY IMAP4rev1 UNAUTHENTICATE\r\n"[..], Some(true)),
            (b"* capability IMAP4rev1 unauthenticate \n", Some(true)),
            (b"* CAPABILITY IMAP4rev1 XUNAUTHENTICATE UNAUTHENTICATED\r\n", Some(false)),
            (b"* OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] ready\r\n", Some(true)),
            (b"* OK [CAPABILITY IMAP4rev1] UNAUTHENTICATE\r\n", Some(false)),
            (b"a1 OK [CAPABILITY UNAUTHENTICATE IMAP4rev1] in\r\n", Some(true)),
            (b"* OK [CAPABILITY IMAP4rev1\r\n", None),
            (b"* OK ready UNAUTHENTICATE\r\n", None),
            (b"* OK\r\n", None),
            (b"* 1 FETCH (BODY[1] \"CAPABILITY X\")\r\n", None),
        ] {
            for piece in 1..=line.len() {
                let mut reader = CapabilityReader::default();
                line.chunks(piece).for_each(|octets| reader.push(octets));
                assert_eq!(reader.end(), expected, "{:?} in {piece}", String::from_utf8_lossy(line));
            }
        }
    }
}
