//! What a proxy in front of the server says to it before the session ([`crate::preamble`]). A server that nobody told of the proxy
//! answers the line of version 1 with the tag that it begins with, which is no command's.

use super::Imap;
use crate::access::Tell;
use crate::line::At;
use crate::preamble::Passed;

impl Imap {
    /// Passes over a header; gives where the session's own octets begin in `octets`, once they do.
    pub(super) fn pass_preamble(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> Option<usize> {
        let Some(preamble) = &mut self.preamble else { return Some(0) };
        match preamble.pass(at, octets) {
            Passed::All => None,
            Passed::Header { read, .. } => {
                self.preamble = None;
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
            self.read_commands(at, &[octet], tell);
        }
    }
}
