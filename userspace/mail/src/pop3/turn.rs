//! What the client asked since the server spoke last, and what it was told: so much is seen also where it is not known any more which
//! response answers which command.

use memchr::memrchr;

use super::command::Verb;

/// So many commands in a row must each be answered, by one response of the form that it has, before the client goes on.
const CLEAN: u8 = 2;
/// The line that ends a multi-line response.
const END: [u8; 3] = *b".\r\n";

/// One command, or several that were sent together, and what the server said then.
#[derive(Default)]
pub(super) struct Turn {
    /// The command, where it is one.
    verb: Option<Verb>,
    is_broken: bool,
    /// The first octet of the response.
    status: Option<u8>,
    /// Lines that it has: of more than two it is only known that they are more than one.
    lines: u8,
    /// Octets of the line at hand, and whether all of them are such as end a response.
    length: usize,
    may_end: bool,
    /// Whether the last line is one with a single dot.
    is_over: bool,
    /// Turns before this, one after the other, that were clean.
    clean: u8,
}

impl Turn {
    /// The server said this.
    pub(super) fn spoke(&mut self, octets: &[u8]) {
        let Some(&first) = octets.first() else { return };
        self.status.get_or_insert(first);
        let mut open = octets;
        if let Some(last) = memrchr(b'\n', octets) {
            let (lines, rest) = octets.split_at_checked(last + 1).unwrap_or_default();
            let start = memrchr(b'\n', lines.get(..last).unwrap_or_default()).map_or(0, |at| at + 1);
            if start > 0 {
                self.line_ended();
            }
            self.read(lines.get(start..).unwrap_or_default());
            self.is_over = self.may_end;
            self.line_ended();
            open = rest;
        }
        self.read(open);
    }

    /// Octets of one line.
    fn read(&mut self, octets: &[u8]) {
        // The fifth tells no more than the fourth did: no line that ends a response has as many.
        for octet in octets.iter().take(END.len() + 1) {
            let ends = END.get(self.length) == Some(octet);
            self.may_end = ends && (self.length == 0 || self.may_end);
            self.length = (self.length + 1).min(END.len());
        }
    }

    fn line_ended(&mut self) {
        self.lines = self.lines.saturating_add(1);
        self.length = 0;
    }

    /// The client goes on, after an answer if there was one.
    pub(super) fn command(&mut self, verb: Verb, was_answered: bool) {
        let is_first = self.verb.is_none() && self.status.is_none() && !self.is_broken;
        let clean = if self.is_clean() { (self.clean + 1).min(CLEAN) } else { 0 };
        let is_broken = !was_answered && !is_first;
        *self = Self { verb: Some(verb), is_broken, clean, ..Self::default() };
    }

    /// Octets are missing, or more was sent than is read.
    pub(super) fn break_off(&mut self) {
        *self = Self { is_broken: true, ..Self::default() };
    }

    /// Whether the client waits for its answers, one by one.
    pub(super) fn proves(&self) -> bool {
        self.clean >= CLEAN
    }

    fn is_clean(&self) -> bool {
        let Some(verb) = self.verb.filter(|_| !self.is_broken && self.length == 0) else { return false };
        match self.status {
            Some(b'-') => self.lines == 1,
            Some(b'+') if verb.is_multi_line() => self.lines > 1 && self.is_over,
            Some(b'+') => self.lines == 1 && !verb.is_open(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_clean(verb: Verb, response: &[u8], piece: usize) -> bool {
        let mut turn = Turn { verb: Some(verb), ..Turn::default() };
        response.chunks(piece).for_each(|octets| turn.spoke(octets));
        turn.is_clean()
    }

    #[test]
    fn a_response_has_the_form_of_its_command_however_it_is_cut() {
        for (verb, response, expected) in [
            (Verb::Single, &b"+OK\r\n"[..], true),
            (Verb::Single, b"-ERR no\r\n", true),
            (Verb::Single, b"+OK\r\nmore\r\n", false),
            (Verb::Single, b"+OK", false),
            (Verb::Retr, b"+OK\r\n", false),
            (Verb::Retr, b"+OK\r\n.\r\n", true),
            (Verb::Retr, b"+OK\r\ntext\r\n\r\n..\r\n.\r\n", true),
            (Verb::Retr, b"+OK\r\ntext\r\n.\n", false),
            (Verb::Retr, b"+OK\r\ntext\r\n.\r\r\n", false),
            (Verb::Retr, b"+OK\r\ntext\r\n.\r\n+OK\r\n", false),
            (Verb::Retr, b"+OK\r\ntext.\r\n", false),
            (Verb::Retr, b"+OK\r\n.\r\n.", false),
            (Verb::Retr, b"text\r\n.\r\n", false),
        ] {
            for piece in 1..=response.len() {
                let text = String::from_utf8_lossy(response);
                assert_eq!(is_clean(verb, response, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
