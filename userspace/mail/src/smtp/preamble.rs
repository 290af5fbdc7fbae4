//! What a proxy in front of the server says to it before the session ([`crate::preamble`]).
//!
//! A server that nobody told of the proxy takes the line of version 1 for a command and refuses it, late as a rule: behind its
//! greeting. Its first reply then answers the line, or the command behind it, and what comes next tells.

use super::{Pending, Reply, Smtp, Tell, Verb};
use crate::line::At;
use crate::preamble::Passed;

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

impl Smtp {
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
                if is_line {
                    self.header = Header::Passed;
                }
                self.preamble = None;
                Some(read)
            }
            Passed::NoHeader { read } => {
                self.no_preamble(tell);
                Some(read)
            }
        }
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
        let Some(preamble) = self.preamble.take_if(|preamble| !preamble.is_header()) else { return };
        for (at, octet) in preamble.into_octets() {
            self.client(at, &[octet], tell);
        }
    }
}
