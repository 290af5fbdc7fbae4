//! What was not captured, and how a session ends.

use writ_wire::{Direction, Time};

use super::{Anomaly, Command, Event, Fate, Mode, Pending, Smtp, Tell, Verb};
use crate::line::LineReader;
use crate::sasl::Outcome;

impl Smtp {
    /// `octets` of one direction were never captured; the stream goes on after them.
    pub fn gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        if self.is_dark() {
            return;
        }
        match from {
            Direction::FromClient => self.client_gap(time, octets, tell),
            Direction::FromServer => self.server_gap(time, octets, tell),
        }
        self.resume(tell);
    }

    fn client_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.client_began = true;
        if matches!(self.mode, Mode::Waiting) {
            self.give_up_waiting(time, tell);
        }
        let mut left_over = octets;
        match &mut self.mode {
            Mode::Body(body) => {
                // The ending line may be among what is lost; the server's reply will tell.
                body.lost_octets();
                if let Some(Pending::EndOfData { transaction, lost, .. }) = self.pending.front_mut() {
                    *lost = true;
                    tell(Event::Lost { from: Direction::FromClient, time, octets, transaction: Some(*transaction) });
                }
                return;
            }
            Mode::Chunk { left, last } => {
                // A chunk says its own length, so what is lost of it is known to the octet.
                let lost = octets.min(*left);
                *left -= lost;
                left_over -= lost;
                let (whole, last, transaction) = (*left == 0, *last, Some(self.transaction));
                tell(Event::Lost { from: Direction::FromClient, time, octets: lost, transaction });
                if whole {
                    self.chunk_ended(last);
                }
            }
            Mode::Response => self.mode = Mode::Command,
            Mode::Command | Mode::Waiting | Mode::Unsynced | Mode::Dark => {}
        }
        if left_over > 0 {
            self.client = LineReader::default();
            self.resync = true;
            tell(Event::Lost { from: Direction::FromClient, time, octets: left_over, transaction: None });
        }
    }

    /// Lost octets of the server hold the replies to all that waits: what it still says to them counts for nothing.
    fn server_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.greeting_due = false;
        self.replies_lost = true;
        let unfinished = self.server.drop_unfinished();
        tell(Event::Lost { from: Direction::FromServer, time, octets: octets + unfinished, transaction: None });
        if matches!(self.mode, Mode::Unsynced) {
            self.mode = Mode::Command;
            self.resync = true;
        }
        self.give_up_all(time, tell);
    }

    fn give_up_all(&mut self, time: Time, tell: Tell<'_>) {
        // Settling a command can put another in its place (DATA, AUTH), so the number is bounded by what waits now.
        for _ in 0..self.pending.len() {
            match self.pending.front() {
                Some(Pending::EndOfData { head: None, .. }) | None => break,
                Some(Pending::EndOfData { .. }) => self.message_answered(None, time, tell),
                Some(Pending::Command { .. }) => self.command_answered(None, time, tell),
            }
        }
    }

    /// The reply that decides how to go on will not be waited for any longer.
    pub(super) fn give_up_waiting(&mut self, time: Time, tell: Tell<'_>) {
        self.replies_lost = true;
        self.give_up_all(time, tell);
        if matches!(self.mode, Mode::Waiting) {
            self.mode = Mode::Command;
            self.resync = true;
        }
        self.resume(tell);
    }

    /// The oldest command will not be answered.
    pub(super) fn give_up_oldest(&mut self, tell: Tell<'_>) {
        self.replies_lost = true;
        if let Some(Pending::Command { command, .. }) = self.pending.front() {
            let time = command.line.last;
            self.command_answered(None, time, tell);
        } else {
            // A message whose reply is due, and thousands of commands behind it.
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            let time = Time::MIN;
            self.message_answered(None, time, tell);
        }
    }

    /// The connection ended, however it did: tells what stays without an answer.
    pub fn close(&mut self, time: Time, tell: Tell<'_>) {
        if let Some(exchange) = self.auth.take() {
            tell(Event::Auth { exchange: &exchange, outcome: Outcome::Unknown, code: 0 });
        }
        self.tell_commands(tell);
        for pending in std::mem::take(&mut self.pending) {
            let (transaction, head) = match pending {
                Pending::EndOfData { transaction, head, .. } => (transaction, head),
                Pending::Command {
                    command: Command { verb: Verb::Bdat { .. } | Verb::Burl { .. }, transaction, .. },
                    head,
                    ..
                } => (transaction, head),
                Pending::Command { .. } => continue,
            };
            let head = head.unwrap_or_default();
            tell(Event::Message { transaction, time, fate: Fate::BrokenOff, head: &head });
        }
        self.mode = Mode::Unsynced;
        self.stalled.clear();
        self.stalled_octets = 0;
    }
}
