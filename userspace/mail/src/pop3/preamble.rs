//! What a proxy in front of the server says to it before the session ([`crate::preamble`]).
//!
//! A server that nobody told of the proxy takes the line of version 1 for a command, and refuses it behind its greeting: the line waits for
//! that as a line of nothing does ([`super::blank`]), and is not told.

use super::command::Verb;
use super::{Pending, Pop3};
use crate::access::Tell;
use crate::line::At;
use crate::preamble::Passed;

impl Pop3 {
    /// Passes over a header; gives where the session's own octets begin in `octets`, once they do.
    pub(super) fn pass_preamble(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> Option<usize> {
        let Some(preamble) = &mut self.preamble else { return Some(0) };
        if preamble.is_empty() && !self.greeting_due {
            self.preamble = None;
            return Some(0);
        }
        match preamble.pass(at, octets) {
            Passed::All => None,
            Passed::Header { read, is_line } => {
                self.preamble = None;
                if is_line {
                    let cost = size_of::<Pending>();
                    self.pending_cost += cost;
                    self.pending.push_back(Pending { verb: Verb::Header, said: None, before_loss: false, cost });
                }
                Some(read)
            }
            Passed::NoHeader { read } => {
                self.no_preamble(tell);
                Some(read)
            }
        }
    }

    /// What was held, if anything was, is no header, and the session begins with it.
    pub(super) fn no_preamble(&mut self, tell: Tell<'_>) {
        let Some(preamble) = self.preamble.take_if(|preamble| !preamble.is_header()) else { return };
        for (at, octet) in preamble.into_octets() {
            self.read_client(at, &[octet], tell);
        }
    }

    /// No answer is waited for that may be one to a header.
    pub(super) fn forget_header(&mut self) {
        if self.pending.front().is_some_and(|pending| pending.verb == Verb::Header) {
            self.pop_pending();
        }
    }

    /// Whether a refusal may be that of a header or that of the command behind it, and what the client sends next will not tell: it
    /// sent more ahead.
    pub(super) fn may_refuse_header_or_more(&self) -> bool {
        let is_header = self.pending.front().is_some_and(|pending| pending.verb == Verb::Header);
        let behind = self.pending.len().saturating_sub(1);
        is_header && (behind > 1 || behind == 1 && (self.matching.sends_ahead() || !self.held.is_empty()))
    }

    /// Whether nothing waits for an answer but a header, of which nothing is told.
    pub(super) fn is_nothing_due(&self) -> bool {
        self.pending.iter().all(|pending| pending.verb == Verb::Header)
    }
}
