//! Lines that the server never answered. A server may pass over a line that it makes nothing of, and then each of its
//! replies stands one place further on than it seems to: a refusal would be taken for the answer to what came before, and
//! somebody for logged in, or for a recipient, who was refused.
//!
//! Where a reply cannot be meant for what waits for it, and can for what comes behind, what was skipped is taken as
//! unanswered. Where nobody can say what it answers, the session is in doubt, as it is after octets that were not captured
//! (`loss.rs`): until the server has answered all, nobody becomes a target by it.

use writ_wire::Time;

use super::{Pending, Reply, Smtp, Tell, Verb};
use crate::line::Line;

/// What a reply means for what waits.
enum Place {
    /// It answers the first.
    First,
    /// It answers this one, and those before it were passed over, of which nothing can be decided.
    Behind(usize),
    /// It answers the first, or not.
    Doubtful,
}

impl Smtp {
    /// Lets go what the server passed over, if this reply tells that it did.
    pub(super) fn realign(&mut self, reply: &Reply, time: Time, tell: Tell<'_>) {
        let mut doubted = false;
        loop {
            let passed_over = match self.place(reply.code) {
                Place::First => return,
                Place::Behind(passed_over) => passed_over,
                Place::Doubtful => 0,
            };
            let is_known = |pending: &Pending| !matches!(pending, Pending::Command { command, .. } if command.verb == Verb::Unknown);
            // What a known command was answered with is not known any more.
            let doubtful =
                passed_over == 0 || !self.stalled.is_empty() || self.pending.iter().take(passed_over).any(is_known);
            if doubtful && !std::mem::replace(&mut doubted, true) {
                self.doubt_answers();
            }
            if passed_over == 0 {
                return;
            }
            for _ in 0..passed_over {
                self.command_answered(None, time, tell);
            }
        }
    }

    fn place(&self, code: u16) -> Place {
        let Some(Pending::Command { command: first, .. }) = self.pending.front() else { return Place::First };
        // Where DATA, AUTH and STARTTLS wait, they are the last that was read.
        let last = self.pending.len() - 1;
        let waits = |verb: &Verb| matches!(self.pending.back(), Some(Pending::Command { command, .. }) if command.verb == *verb);
        let asked_by_last = match code {
            235 | 334 | 432 | 534 | 535 | 538 => Some(Verb::Auth),
            220 => Some(Verb::StartTls),
            // Where replies were lost, it tells of which commands they were.
            354 if self.replies_lost => None,
            354 => Some(Verb::Data),
            _ => None,
        };
        if let Some(verb) = asked_by_last.filter(|verb| *verb != first.verb) {
            return match last {
                // Answers to one that nobody sent, or that the server has done with.
                _ if !waits(&verb) => Place::Doubtful,
                0 => Place::First,
                last => Place::Behind(last),
            };
        }
        let is_alone = last == 0 && self.stalled.is_empty();
        match first.verb {
            Verb::Unknown if last > 0 && is_blank(&first.line) && (200..400).contains(&code) => Place::Behind(1),
            // An answer of its own, from a server that knows more verbs; or that to what follows.
            // A verb that every server knows, with something wrong behind it, is passed over by none.
            Verb::Unknown if code >= 400 && is_malformed(&first.line) => Place::First,
            Verb::Unknown if last > 0 && !self.is_refusal_of_unknown(code) => Place::Doubtful,
            Verb::Auth if code < 400 && !matches!(code, 235 | 334) && !is_alone => Place::Doubtful,
            Verb::Data if code < 300 && !is_alone => Place::Doubtful,
            _ => Place::First,
        }
    }

    /// Whether a reply to an unknown line, behind which others wait, is surely no reply to the next of them.
    fn is_refusal_of_unknown(&self, code: u16) -> bool {
        // Of more lines that nobody knows, each is judged when its turn comes.
        let behind = self.pending.iter().skip(1).take(8).map(|pending| match pending {
            Pending::Command { command, .. } => Some(command),
            Pending::EndOfData { .. } => None,
        });
        let next = behind.flatten().find(|command| command.verb != Verb::Unknown);
        // Every server knows these (RFC 5321 §4.5.1), and says of none of them that it does not.
        let is_known = next.is_none_or(|command| match command.verb {
            Verb::Mail(_) | Verb::Rcpt(_) | Verb::Data | Verb::Rset | Verb::Quit => true,
            _ => begins_with(&command.line, b"NOOP"),
        });
        matches!(code, 500 | 502) && is_known || code == 421
    }

    /// From here on it is not known which reply is whose, until nothing waits for one.
    pub(super) fn doubt_answers(&mut self) {
        self.certain = false;
        for pending in &mut self.pending {
            if let Pending::Command { command, .. } = pending {
                command.is_certain = false;
            }
        }
    }

    /// Whether the reply to AUTH that just came may be another's: the client has sent more since, and it is not known which
    /// reply is whose.
    pub(super) fn may_be_anothers(&self) -> bool {
        !(self.certain || self.pending.is_empty() && self.stalled.is_empty())
    }
}

fn begins_with(line: &Line, verb: &[u8]) -> bool {
    line.text().trim_ascii_start().get(..verb.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(verb))
}

fn is_malformed(line: &Line) -> bool {
    [&b"MAIL "[..], b"RCPT ", b"BDAT "].iter().any(|verb| begins_with(line, verb))
}

fn is_blank(line: &Line) -> bool {
    line.text().trim_ascii().is_empty()
}
