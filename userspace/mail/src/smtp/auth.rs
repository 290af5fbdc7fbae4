//! AUTH exchanges (RFC 4954), step by step.

use writ_wire::Direction;

use super::reply::text_at;
use super::{Anomaly, Command, Event, Mode, Pending, Reply, Smtp, Tell};
use crate::line::Line;
use crate::sasl::{Mechanism, Outcome, Step};

impl Smtp {
    pub(super) fn response(&mut self, line: Line, tell: Tell<'_>) {
        self.mode = Mode::Waiting;
        if line.cut > 0 {
            tell(Event::Anomaly(Anomaly::LongLine));
        }
        self.add_response(line);
    }

    pub(super) fn add_response(&mut self, line: Line) {
        if let Some(exchange) = &mut self.auth {
            let payload = 0..line.octets.trim_ascii_end().len();
            exchange.cut += line.cut;
            exchange.add(Step {
                from: Direction::FromClient,
                offset: line.offset,
                first: line.first,
                last: line.last,
                octets: line.octets,
                payload,
            });
        }
    }

    /// A reply within an AUTH exchange (RFC 4954 §4): 334 asks for more, all else ends it.
    pub(super) fn auth_answered(&mut self, command: Command, reply: Option<&Reply>, tell: Tell<'_>) {
        if self.auth.is_none() {
            return;
        }
        match reply {
            Some(reply) if self.exchange_answered(reply, tell) => {
                self.pending.push_front(Pending::Command { command, told: false, head: None });
            }
            Some(_) => {}
            // What follows may be a response: the exchange goes on up to a line that is known to be a command.
            None if matches!(self.mode, Mode::Waiting | Mode::Response) => self.mode = Mode::Command,
            None => {}
        }
    }

    /// A reply within an exchange; whether it asks for more.
    pub(super) fn exchange_answered(&mut self, reply: &Reply, tell: Tell<'_>) -> bool {
        let may_be_anothers = self.may_be_anothers();
        let Some(exchange) = &mut self.auth else { return false };
        if may_be_anothers {
            exchange.doubt();
        }
        let more = reply.code == 334;
        exchange.cut += reply.cut;
        exchange.add(Step {
            from: Direction::FromServer,
            offset: reply.offset,
            first: reply.first,
            last: reply.last,
            octets: reply.octets.clone(),
            payload: if more { payload_of(reply) } else { 0..0 },
        });
        if more {
            self.mode = Mode::Response;
        } else {
            let outcome = match reply.code {
                // RFC 4954 §4: nothing else says that the client is logged in.
                235 => Outcome::Succeeded,
                400.. => Outcome::Failed,
                _ => Outcome::Unknown,
            };
            self.end_exchange(outcome, reply.code, tell);
        }
        more
    }

    /// The exchange is over.
    pub(super) fn end_exchange(&mut self, outcome: Outcome, code: u16, tell: Tell<'_>) {
        if let Some(exchange) = self.auth.take() {
            tell(Event::Auth { exchange: &exchange, outcome, code });
            let has_layers = matches!(exchange.mechanism, Mechanism::DigestMd5 | Mechanism::Unknown);
            self.maybe_layer = has_layers && outcome == Outcome::Succeeded;
        }
        if matches!(self.mode, Mode::Waiting | Mode::Response) {
            self.mode = Mode::Command;
        }
    }
}

/// Where the challenge stands in `334 challenge`.
fn payload_of(reply: &Reply) -> std::ops::Range<usize> {
    let end = reply.octets.trim_ascii_end().len();
    text_at(&reply.octets).min(end)..end
}
