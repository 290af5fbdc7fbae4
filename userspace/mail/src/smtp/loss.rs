//! What was not captured, and how a session ends.

use writ_wire::{Direction, Time};

use super::body::DotLine;
use super::{At, Command, Event, Mode, Pending, Reply, Smtp, Tell, Verb};
use crate::line::LineReader;
use crate::sasl::Outcome;

impl Smtp {
    /// `octets` of one direction were never captured; the stream goes on after them.
    pub fn gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        self.no_preamble(tell);
        // What is lost of a header, or of a line that may be one, counts like any other.
        if from == Direction::FromClient {
            self.preamble = None;
        }
        if std::mem::take(&mut self.layer_open) {
            // Nobody will say that it was no buffer.
            self.go_dark(tell);
        }
        if self.is_dark() || self.suppose_gap(from, time, octets, tell) {
            return;
        }
        match from {
            Direction::FromClient => self.client_gap(time, octets, tell),
            Direction::FromServer => self.server_gap(time, octets, tell),
        }
        self.resume(tell);
    }

    /// What was read of a capture's first line tells nothing any more.
    pub(super) fn forget_first_line(&mut self) {
        if std::mem::take(&mut self.first_line_due) {
            self.client = LineReader::default();
        }
    }

    pub(super) fn client_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.client_began = true;
        if matches!(self.mode, Mode::Unsynced) {
            self.forget_first_line();
        }
        if let Some(exchange) = &mut self.auth {
            exchange.lost();
        }
        if matches!(self.mode, Mode::Waiting) {
            self.give_up_waiting(time, tell);
        }
        let mut left_over = octets;
        match &mut self.mode {
            Mode::Body(body) => {
                // The ending line may be among what is lost, and commands after it; the server's reply will tell.
                body.lost_octets();
                let Some(Pending::EndOfData { transaction, lost, reply_lost, .. }) = self.pending.front_mut() else {
                    return;
                };
                *lost = true;
                let reply_lost = *reply_lost;
                tell(Event::Lost { from: Direction::FromClient, time, octets, transaction: Some(*transaction) });
                if reply_lost {
                    self.give_up_message(time, tell);
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
            // Whether a message began, and whether it ended, nobody can know any more.
            Mode::Opening { .. } | Mode::Response => self.mode = Mode::Command,
            Mode::Command | Mode::Waiting | Mode::Unsynced | Mode::Dark => {}
        }
        if left_over > 0 {
            left_over += self.client.take_unfinished(time).map_or(0, |line| line.wire_octets());
            self.resync = true;
            self.commands_lost = true;
            self.unprove(self.pending.len() + self.owed);
            // The transaction that was begun may be over, and those who are told of it later must know.
            for pending in &mut self.pending {
                if let Pending::Command { command, .. } = pending {
                    command.is_certain &= command.transaction != self.transaction;
                }
            }
            tell(Event::Lost { from: Direction::FromClient, time, octets: left_over, transaction: None });
        }
    }

    /// The end of a message was not captured, by what the server says. What was captured since the gap may be the last of the
    /// message, or commands, or a chunk, of the next: it is read as commands, and not told as the message.
    pub(super) fn end_was_lost(&mut self, time: Time, tell: Tell<'_>) {
        let octets = self.held_in_doubt();
        if let Some(Pending::EndOfData { transaction, .. }) = self.pending.front().filter(|_| octets > 0) {
            let transaction = Some(*transaction);
            tell(Event::Lost { from: Direction::FromClient, time, octets, transaction });
        }
        // The next MAIL may be lost with it, and then what follows is of a transaction that nobody knows.
        self.transaction = self.transaction.wrapping_add(1);
        self.resync = true;
        self.commands_lost = true;
        self.unprove(0);
    }

    /// Neither the end of a message was captured, nor, it may be, the reply.
    fn give_up_message(&mut self, time: Time, tell: Tell<'_>) {
        self.end_was_lost(time, tell);
        self.end_of_data(At { time, offset: 0 }, DotLine::END, tell);
        if matches!(self.pending.front(), Some(Pending::EndOfData { .. })) {
            self.message_answered(None, time, tell);
        }
    }

    /// Lost octets of the server hold the replies to all that waits: what it still says to them counts for nothing.
    fn server_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.greeting_due = false;
        self.replies_lost = true;
        self.owed = 0;
        let unfinished = self.server.drop_unfinished();
        tell(Event::Lost { from: Direction::FromServer, time, octets: octets + unfinished, transaction: None });
        if matches!(self.mode, Mode::Unsynced) {
            self.forget_first_line();
            self.mode = Mode::Command;
            self.resync = true;
        }
        // Where commands were lost too, the next message may have begun among them.
        if self.commands_lost && self.unproven.is_none() {
            self.unprove(0);
        }
        self.recount();
        // Of several the gap may hold the replies to the first alone: the others still come, and are none to what follows.
        if self.give_up_all(time, tell) > 1 && self.server_began && self.unproven.is_none() {
            self.unprove(0);
        }
        if let Some(Pending::EndOfData { head: None, lost, reply_lost, .. }) = self.pending.front_mut() {
            *reply_lost = true;
            if *lost {
                self.give_up_message(time, tell);
            }
        }
    }

    /// Gives how many were given up.
    pub(super) fn give_up_all(&mut self, time: Time, tell: Tell<'_>) -> usize {
        // Settling DATA puts its message in its place, so the number is bounded by what waits now.
        let waiting = self.pending.len();
        for given_up in 0..waiting {
            match self.pending.front() {
                Some(Pending::EndOfData { head: None, .. }) | None => return given_up,
                Some(Pending::EndOfData { .. }) => self.message_answered(None, time, tell),
                Some(Pending::Command { .. }) => self.command_answered(None, time, tell),
            }
        }
        waiting
    }

    /// The reply that decides how to go on will not be waited for any longer.
    pub(super) fn give_up_waiting(&mut self, time: Time, tell: Tell<'_>) {
        self.owed += self.give_up_all(time, tell);
        if matches!(self.mode, Mode::Waiting) {
            self.mode = Mode::Command;
            self.resync = true;
        }
        self.resume(tell);
    }

    /// Nothing can wait any longer for the reply that is due first. What the server will say is not known, so it counts as
    /// refused: that a client sends far ahead must not make its commands accepted.
    pub(super) fn give_up_oldest(&mut self, time: Time, tell: Tell<'_>) {
        self.owed += 1;
        let refused = Reply::of_nobody(time);
        match self.pending.front() {
            Some(Pending::EndOfData { .. }) => self.message_answered(Some(&refused), time, tell),
            Some(Pending::Command { .. }) => self.command_answered(Some(&refused), time, tell),
            None => {}
        }
    }

    /// The connection ended, however it did: tells what stays without an answer.
    pub fn close(&mut self, time: Time, tell: Tell<'_>) {
        self.no_preamble(tell);
        self.settle_header(tell);
        if std::mem::take(&mut self.layer_open) {
            self.go_dark(tell);
        }
        // Of a server that was never captured no reply comes, and none is waited for.
        while self.replies_lost && !self.server_began && matches!(self.mode, Mode::Waiting) && !self.stalled.is_empty()
        {
            self.give_up_waiting(time, tell);
        }
        self.settle_last(tell);
        let is_due =
            |pending: &Pending| matches!(pending, Pending::Command { command, .. } if command.verb == Verb::Auth);
        let unanswered = self.owed > 0 || self.pending.front().is_some_and(is_due);
        self.end_exchange(if unanswered { Outcome::BrokenOff } else { Outcome::Unknown }, 0, tell);
        self.tell_commands(tell);
        self.settle_doubt(tell);
        let mut so_far = match std::mem::replace(&mut self.mode, Mode::Unsynced) {
            Mode::Body(body) => Some(Box::new(body.head.finish())),
            _ => self.chunks.take().map(|reader| Box::new(reader.finish())),
        };
        for pending in std::mem::take(&mut self.pending) {
            let (transaction, head) = match pending {
                Pending::EndOfData { transaction, head, .. } => (transaction, head.or_else(|| so_far.take())),
                Pending::Command {
                    command: Command { verb: Verb::Bdat { .. } | Verb::Burl { .. }, transaction, .. },
                    head,
                    ..
                } => (transaction, head.or_else(|| so_far.take())),
                Pending::Command { .. } => continue,
            };
            let head = head.unwrap_or_default();
            let fate = self.fate_at_end();
            tell(Event::Message { transaction, time, fate, head: &head });
        }
        self.stalled.clear();
        self.stalled_octets = 0;
    }
}
