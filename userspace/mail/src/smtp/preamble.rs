//! What a proxy in front of the server says to it before the session: the PROXY protocol, version 1 (a line) or 2 (a header
//! of its own length). The server reads it before it greets, and answers nothing: were it taken for a command, every reply
//! would be taken for that to the command before.
//!
//! A server that nobody told of the proxy takes the line of version 1 for a command and refuses it, late as a rule: behind its
//! greeting. Its first reply then answers the line, or the command behind it, and what comes next tells.

use super::{Pending, Reply, Smtp, Tell, Verb};
use crate::line::At;

/// How a header of version 1 begins.
const LINE: &[u8] = b"PROXY ";
/// Octets of the longest of them, its line end included.
const LONGEST_LINE: usize = 107;
/// How a header of version 2 begins. Four octets follow, the last two of which are the length of what comes after them.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;

/// The client's first octets, while they may be such a header.
#[derive(Clone, Default)]
pub(super) struct Preamble {
    /// Those that do not tell yet, and where each began that came in a piece of its own.
    held: Vec<(At, u8)>,
    /// Octets of a header that are still to come, once its length is known.
    left: Option<usize>,
}

/// What became of a header of version 1.
#[derive(Clone)]
pub(super) enum Header {
    /// There was none, or the server took it.
    None,
    /// The server has said nothing since.
    Passed,
    /// Its first reply refuses the header, or the HELO behind it.
    Refused(Box<Reply>),
}

enum Judged {
    Undecided,
    /// It is a header, and so many octets of it follow.
    Header(usize),
    NoHeader,
}

impl Preamble {
    fn judge(&self) -> Judged {
        let octet = |at: usize| self.held.get(at).map(|(_, octet)| *octet);
        let begins = |with: &[u8]| with.iter().zip(&self.held).all(|(expected, (_, octet))| expected == octet);
        if begins(SIGNATURE) {
            return match (octet(FIXED - 2), octet(FIXED - 1)) {
                (Some(high), Some(low)) => Judged::Header(usize::from(u16::from_be_bytes([high, low]))),
                _ => Judged::Undecided,
            };
        }
        if !begins(LINE) || self.held.len() > LONGEST_LINE {
            return Judged::NoHeader;
        }
        if self.held.len() > LINE.len() && self.held.last().is_some_and(|(_, octet)| *octet == b'\n') {
            return Judged::Header(0);
        }
        Judged::Undecided
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether it is a header of version 2, which no server reads as a line of its own.
    fn is_binary(&self) -> bool {
        self.held.first().is_some_and(|(_, octet)| *octet == b'\r')
    }
}

impl Smtp {
    /// Passes over a header; gives where the session's own octets begin in `octets`, once they do.
    pub(super) fn pass_preamble(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> Option<usize> {
        let Some(preamble) = &mut self.preamble else { return Some(0) };
        if preamble.is_empty() && !self.greeting_due {
            self.preamble = None;
            return Some(0);
        }
        let mut read = 0;
        while preamble.left.is_none() {
            preamble.held.push((at.plus(read), *octets.get(read)?));
            read += 1;
            match preamble.judge() {
                Judged::Undecided => {}
                Judged::Header(left) => {
                    preamble.left = Some(left);
                    if !preamble.is_binary() {
                        self.header = Header::Passed;
                    }
                }
                Judged::NoHeader => {
                    self.no_preamble(tell);
                    return Some(read);
                }
            }
        }
        let left = preamble.left.as_mut()?;
        let passed = (*left).min(octets.len() - read);
        *left -= passed;
        if *left > 0 {
            return None;
        }
        self.preamble = None;
        Some(read + passed)
    }

    /// Takes a reply that refuses the header, or may do so.
    pub(super) fn refuses_header(&mut self, reply: &Reply) -> bool {
        match std::mem::replace(&mut self.header, Header::None) {
            Header::None => return false,
            // Another came before the client went on: that answers the HELO, and the first the header.
            Header::Refused(_) => return false,
            Header::Passed => {}
        }
        if !(500..600).contains(&reply.code) || reply.code == 554 {
            return false;
        }
        let is_hello =
            |pending: &Pending| matches!(pending, Pending::Command { command, .. } if command.verb == Verb::Hello);
        if self.pending.len() == 1 && self.stalled.is_empty() && self.pending.front().is_some_and(is_hello) {
            self.header = Header::Refused(Box::new(reply.clone()));
        } else if !self.pending.is_empty() {
            // It may be either's, and so may every reply after it.
            self.doubt_answers();
        }
        true
    }

    /// The client goes on without another reply: the one that came was to its HELO.
    pub(super) fn settle_header(&mut self, tell: Tell<'_>) {
        if !matches!(self.header, Header::Refused(_)) {
            return;
        }
        if let Header::Refused(reply) = std::mem::replace(&mut self.header, Header::None) {
            self.command_answered(Some(&reply), reply.last, tell);
        }
    }

    /// What was held, if anything was, is no header, and the session begins with it.
    pub(super) fn no_preamble(&mut self, tell: Tell<'_>) {
        let Some(preamble) = self.preamble.take_if(|preamble| preamble.left.is_none()) else { return };
        for (at, octet) in preamble.held {
            self.client(at, &[octet], tell);
        }
    }
}
