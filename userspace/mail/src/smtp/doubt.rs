//! Octets of which it is not known whether they are still the message: after a line with a dot that some servers take for the
//! end, and after octets that were not captured, among which the end may have been.

use super::{Mode, Smtp, Tell, Verb};
use crate::line::At;

/// The line after a gap is whole only from its second on, and no command that can be pipelined is long.
const LOOKED_AT: usize = 4096;

impl Smtp {
    /// Holds octets of which it is not known whether they are still the message.
    pub(super) fn hold_doubtful(&mut self, at: At, octets: &[u8], tell: Tell<'_>) {
        let Mode::Body(body) = &mut self.mode else { return };
        let Some(doubt) = &mut body.doubt else { return };
        doubt.cost += octets.len() + size_of::<(At, Vec<u8>, usize)>();
        doubt.held.push_back((at, octets.to_vec(), 0));
        if doubt.cost > self.limits.stalled {
            // A server that took it for the end would have answered by now.
            body.strict = true;
            self.settle_doubt(tell);
        }
    }

    /// What was held is the message's, after all.
    pub(super) fn settle_doubt(&mut self, tell: Tell<'_>) {
        let Mode::Body(body) = &mut self.mode else { return };
        let Some(doubt) = body.doubt.take() else { return };
        for (at, octets, _) in &doubt.held {
            self.body_octets(*at, octets, tell);
        }
    }

    /// Octets were lost, and the server answered before an end was seen: whether what was held are the commands after the end.
    /// Only commands can follow it in one group (RFC 2920 §3.1).
    pub(super) fn holds_commands(&self) -> bool {
        let Mode::Body(body) = &self.mode else { return false };
        let Some(doubt) = &body.doubt else { return false };
        let held: Vec<u8> = doubt.held.iter().flat_map(|(_, octets, _)| octets).copied().take(LOOKED_AT).collect();
        let lines = held.split_inclusive(|&octet| octet == b'\n').filter(|line| line.ends_with(b"\n"));
        lines.take(2).any(|line| match Verb::read(line.trim_ascii_end()) {
            Verb::Mail(_) | Verb::Rcpt(_) | Verb::Bdat { .. } => true,
            // More than the word is text that begins with it.
            Verb::Rset | Verb::Data | Verb::Quit => line.trim_ascii().len() == 4,
            _ => false,
        })
    }
}
