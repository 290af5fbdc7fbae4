//! What the client asked since the server spoke last, and what it was told: so much is seen also where it is not known any more which
//! response answers which command.

use super::command::Verb;

/// So many commands in a row must each be answered, by one response of the form that it has, before the client goes on.
const CLEAN: u8 = 2;

/// One command, or several that were sent together, and what the server said then.
#[derive(Default)]
pub(super) struct Turn {
    /// The command, where it is one.
    verb: Option<Verb>,
    is_broken: bool,
    /// The first octet of the response.
    status: Option<u8>,
    lines: u64,
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
        for &octet in octets {
            self.status.get_or_insert(octet);
            let ends = [b'.', b'\r', b'\n'].get(self.length) == Some(&octet);
            self.may_end = ends && (self.length == 0 || self.may_end);
            self.length = (self.length + 1).min(3);
            if octet == b'\n' {
                self.lines = self.lines.saturating_add(1);
                self.is_over = self.may_end;
                self.length = 0;
            }
        }
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
