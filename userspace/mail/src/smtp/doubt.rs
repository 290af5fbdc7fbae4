//! Octets of which it is not known whether they are still the message: after octets that were not captured, among which the
//! end may have been.

use writ_wire::Direction;

use super::{Event, Mode, Smtp, Tell, Verb};
use crate::line::{At, Line};

impl Smtp {
    /// The first line after a DATA whose reply was lost: a client that was refused goes on with a command.
    pub(super) fn opening(&mut self, transaction: u32, line: Line, tell: Tell<'_>) {
        let verb = Verb::read(line.text());
        let is_command = matches!(
            verb,
            Verb::Hello | Verb::Mail(_) | Verb::Rcpt(_) | Verb::Data | Verb::Bdat { .. } | Verb::Rset | Verb::Quit
        );
        if is_command && line.cut == 0 && !is_likely_text(&verb, line.text()) {
            self.mode = Mode::Command;
            // A message may well begin like one.
            self.unprove(0);
            self.command(line, tell);
            return;
        }
        self.begin_data(transaction);
        self.read(At { time: line.last, offset: line.offset }, &line.octets, tell);
        if line.cut > 0 {
            let (from, time) = (Direction::FromClient, line.last);
            tell(Event::Lost { from, time, octets: line.cut, transaction: Some(transaction) });
        }
    }

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

    /// Octets that are held.
    pub(super) fn held_in_doubt(&self) -> u64 {
        match &self.mode {
            Mode::Body(body) => {
                body.doubt.iter().flat_map(|doubt| &doubt.held).map(|(_, octets, _)| octets.len() as u64).sum()
            }
            _ => 0,
        }
    }
}

/// Where a line may be text: whether it is too much like text to be believed, for what it would lead to.
pub(super) fn is_likely_text(verb: &Verb, text: &[u8]) -> bool {
    match verb {
        Verb::Data | Verb::Rset | Verb::Quit => text.trim_ascii().len() != 4,
        _ => false,
    }
}
