//! What was not captured, and how a session ends.

use writ_wire::{Direction, Time};

use super::answer::{Answering, Asked, End};
use super::command::{Verb, is_certain};
use super::said::Said;
use super::turn::Turn;
use super::{Mode, Pending, Pop3};
use crate::access::{Closing, Event, Layer, Scheme, Tell, Transfer, TransferKind, TransferResult};
use crate::sasl::{Exchange, Outcome};

/// Whether it is known which response answers which command.
///
/// It is as long as nothing is lost. Afterwards it is known again when the client sends a command after the server has spoken
/// and while it says nothing, if the client always waits for the answer; of one that sends commands ahead nobody can know how
/// many answers are still to come, until it is seen to wait.
pub(super) struct Matching {
    lost: bool,
    ever_lost: bool,
    /// Whether the client was seen to send a command while an answer was due.
    sends_ahead: bool,
    /// Whether the server said anything since the last command.
    spoke: bool,
    /// Whether what it said last ends a line.
    line_ended: bool,
    turn: Turn,
}

impl Matching {
    pub(super) fn new(from_start: bool) -> Self {
        let turn = Turn::default();
        Self { lost: !from_start, ever_lost: !from_start, sends_ahead: false, spoke: false, line_ended: true, turn }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn ever_lost(&self) -> bool {
        self.ever_lost
    }

    pub(super) fn sends_ahead(&self) -> bool {
        self.sends_ahead
    }

    pub(super) fn sent_ahead(&mut self) {
        self.sends_ahead = true;
        self.turn.break_off();
    }

    /// Nothing that the client sends is on its way.
    pub(super) fn wait_again(&mut self) {
        self.sends_ahead = false;
    }

    pub(super) fn server_spoke(&mut self, octets: &[u8]) {
        self.turn.spoke(octets);
        self.spoke = true;
        self.line_ended = octets.last() == Some(&b'\n');
    }

    /// A command was read; whether the server had answered all before it, for all that is seen.
    pub(super) fn command(&mut self, verb: Verb) -> bool {
        self.turn.command(verb, self.spoke && self.line_ended);
        self.sends_ahead &= !self.turn.proves();
        std::mem::take(&mut self.spoke) && self.line_ended && !self.sends_ahead
    }

    /// Octets are missing; whether of the server, which then said something.
    fn lose(&mut self, of_server: bool) {
        self.lost = true;
        self.ever_lost = true;
        self.turn.break_off();
        self.spoke = of_server;
        self.line_ended = true;
    }
}

impl Pop3 {
    /// Before a command: which answers are due, now that it was sent.
    pub(super) fn align(&mut self, verb: Verb, time: Time, tell: Tell<'_>) {
        let spoke = self.matching.spoke;
        let in_turn = self.matching.command(verb) && self.pending.is_empty();
        if let Some(answering) = &mut self.answering {
            if in_turn && answering.body.may_be_over() && answering.lost == 0 {
                // A client that waits for the end has seen it.
                self.lines_ended(End::Found, tell);
            } else if in_turn && (answering.lost > 0 || answering.answers_nothing()) {
                self.lines_ended(End::NotCaptured, tell);
            } else {
                self.matching.sent_ahead();
                // The end may be among what was lost, and then what comes answers this command.
                answering.doubtful |= answering.lost > 0;
                self.matching.lost |= answering.lost > 0;
            }
        } else if self.pending.iter().any(|pending| !matches!(pending.verb, Verb::Blank | Verb::Header))
            || (self.matching.lost && !spoke)
        {
            self.matching.sent_ahead();
        }
        if self.matching.lost && in_turn {
            self.matching.lost = false;
            self.may_go_on = false;
            if let Some(mut rest) = self.server.take_unfinished() {
                if self.hidden {
                    rest.mask_text();
                }
                rest.tell(Direction::FromServer, tell);
                tell(Event::Settled { time });
            }
        }
    }

    /// It is not known any more which response answers which command: nothing is said of those that wait.
    pub(super) fn lose_place(&mut self, time: Time, tell: Tell<'_>) {
        self.matching.lose(true);
        self.matching.sent_ahead();
        self.give_up_all(time, tell);
    }

    /// A command of which it is not known what will answer it.
    pub(super) fn unmatched(&mut self, verb: Verb, mut said: Said, tell: Tell<'_>) {
        match verb {
            Verb::Auth => self.auth = Some(Box::new(Exchange::of_command(&mut said.line))),
            _ => self.unanswered_command(verb, said, tell),
        }
    }

    /// What is said of a login without an answer.
    pub(super) fn unanswered(&self) -> Outcome {
        let is_known = self.closing && self.server_began && !self.matching.lost;
        if is_known { Outcome::BrokenOff } else { Outcome::Unknown }
    }

    /// A command whose answer is not there.
    fn unanswered_command(&mut self, verb: Verb, said: Said, tell: Tell<'_>) {
        let outcome = self.unanswered();
        let (client_octets, first, last) = (said.line.wire_octets(), said.line.first, said.line.last);
        match verb {
            Verb::User => return self.user(said, None, false, tell),
            Verb::Pass | Verb::Apop => return self.log_in(verb, said, None, outcome, tell),
            _ => self.settle_attempt(verb, false, tell),
        }
        self.tell_command(verb, said, tell);
        let is_told = self.answering.as_ref().is_some_and(|answering| !answering.answers_nothing());
        if verb.is_transfer() && !self.heard && !is_told {
            tell(Event::Transfer(&Transfer {
                kind: if verb == Verb::Top { TransferKind::PartialDownload } else { TransferKind::Download },
                result: TransferResult::Unknown,
                client_octets,
                server_octets: 0,
                first,
                last,
                sender: None,
                message_id: None,
            }));
        }
        if verb == Verb::Quit {
            let result = TransferResult::Unknown;
            self.quit = Some(Closing { result, client_octets, server_octets: 0, first, last });
            if self.closing {
                self.end_quit(tell);
            }
        }
        tell(Event::Settled { time: last });
    }

    /// Nothing answers a QUIT any more.
    pub(super) fn end_quit(&mut self, tell: Tell<'_>) {
        if let Some(closing) = self.quit.take() {
            tell(Event::Logoff(closing));
        }
    }

    fn give_up_all(&mut self, time: Time, tell: Tell<'_>) {
        while let Some(Pending { verb, said, before_loss, .. }) = self.pop_pending() {
            match said {
                Some(said) if verb == Verb::User => self.user(said, None, before_loss, tell),
                Some(said) => self.unanswered_command(verb, said, tell),
                None if self.closing => self.end_exchange(self.unanswered(), time, tell),
                // What follows may be a response: the exchange goes on up to a line that is a command.
                None => {}
            }
        }
        if matches!(self.mode, Mode::Waiting | Mode::Response) {
            self.mode = Mode::Command;
        }
    }

    pub(super) fn server_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        if self.layer == Layer::ClientBegan {
            return self.lose_layer(Direction::FromServer, time, octets, tell);
        }
        self.greeting_due = false;
        self.maybe_tls = false;
        self.server_began = true;
        let unfinished = self.server.take_unfinished().map_or(0, |said| said.line.wire_octets());
        let lost = octets + unfinished;
        tell(Event::Lost { from: Direction::FromServer, time, octets: lost, in_literal: false });
        if self.mode == Mode::Unsynced {
            return;
        }
        let (was_lost, due) = (self.matching.lost, self.pending.len());
        self.matching.lose(true);
        if let Some(answering) = &mut self.answering {
            answering.body.lost();
            answering.screen.in_a_line();
            answering.lost += lost;
            if due == 0 {
                // Whatever was lost is of this response, or it was the last.
                self.matching.lost = was_lost;
                return;
            }
            answering.doubtful = true;
        } else {
            let front = self.pending.front().filter(|_| due == 1);
            if front.is_some_and(|pending| pending.verb == Verb::Auth) {
                if !self.held.is_empty() || self.dropped.is_some() || !self.client.is_empty() {
                    self.give_up_exchange(time, tell);
                } else if self.mode == Mode::Waiting {
                    // A challenge was lost, or the last answer: the client's next line will tell.
                    self.mode = Mode::Command;
                }
                return;
            }
            let front = front.filter(|pending| pending.verb.is_multi_line());
            let asked = front.and_then(|pending| Some(Asked::by(pending.verb, pending.said.as_ref()?)));
            self.answering = Some(Box::new(Answering::in_the_middle(asked, lost, time)));
        }
        let outside = self.outside;
        self.give_up_all(time, tell);
        if let Some(answering) = self.answering.as_mut().filter(|_| outside) {
            answering.is_hidden = self.hidden;
        }
    }

    /// What would have told whether a security layer began was not captured: it did.
    fn lose_layer(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        tell(Event::Lost { from, time, octets, in_literal: false });
        self.go_dark(tell);
    }

    pub(super) fn client_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        if std::mem::take(&mut self.layer) == Layer::ClientBegan {
            return self.lose_layer(Direction::FromClient, time, octets, tell);
        }
        self.client_began = true;
        if let Some((_, dropped)) = &mut self.dropped {
            *dropped += octets;
        } else if self.must_wait() || !self.held.is_empty() {
            self.matching.sent_ahead();
            self.dropped = Some((time, octets));
        } else {
            self.client_lost(time, octets, tell);
        }
    }

    /// Octets of the client are missing here.
    pub(super) fn client_lost(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        let unfinished = self.client.take_unfinished().map_or(0, |said| said.line.wire_octets());
        tell(Event::Lost { from: Direction::FromClient, time, octets: octets + unfinished, in_literal: false });
        self.cut_line = true;
        self.outside = false;
        self.hidden = true;
        self.matching.lose(false);
        self.asks_on = None;
        self.break_exchange(time, tell);
        // The PASS may be lost, and with it a USER that the next PASS belongs to.
        if let Some(attempt) = &mut self.attempt {
            attempt.lost();
            self.give_up_attempt(tell);
        }
        for pending in &mut self.pending {
            pending.before_loss = true;
        }
        if self.mode == Mode::Response {
            self.mode = Mode::Waiting;
        }
    }

    /// Octets of the client are missing from the exchange: what comes may be another's, and whoever is accepted is nobody.
    pub(super) fn break_exchange(&mut self, time: Time, tell: Tell<'_>) {
        if let Some(exchange) = &mut self.auth {
            let exchange = std::mem::replace(&mut **exchange, Exchange::of_nobody());
            self.give_up_attempt(tell);
            self.tell_login(Scheme::Sasl(exchange), Outcome::BrokenOff, time, tell);
        }
    }

    /// Whether an answer to the exchange was lost, and the client waits for none.
    pub(super) fn is_answer_lost(&self) -> bool {
        self.mode == Mode::Waiting && self.auth.is_some() && self.matching.is_lost()
    }

    /// Of an exchange that was sent ahead nobody can know which answer ends it, once one was lost.
    pub(super) fn give_up_exchange(&mut self, time: Time, tell: Tell<'_>) {
        self.matching.sent_ahead();
        self.pending.clear();
        self.pending_cost = 0;
        self.end_exchange(self.unanswered(), time, tell);
    }

    /// What comes after missing octets, up to the end of the line, can be the rest of a password. Packets begin lines more often
    /// than not: what reads like a whole command from its first octet on is one.
    pub(super) fn line_after_loss(&mut self, mut said: Said, tell: Tell<'_>) {
        let verb = Verb::read(said.text());
        if said.line.cut == 0 && is_certain(verb, said.text()) {
            match self.mode {
                Mode::Unsynced => self.first_line(said, tell),
                _ => self.command(said, tell),
            }
            return;
        }
        self.matching.command(Verb::Unknown);
        if self.mode != Mode::Unsynced {
            said.mask();
            said.tell(Direction::FromClient, tell);
        }
    }

    /// The connection ended, however it did: tells what stays without an answer.
    pub(super) fn end(&mut self, time: Time, tell: Tell<'_>) {
        if self.mode == Mode::Dark {
            return;
        }
        if self.maybe_tls {
            self.go_dark(tell);
            return;
        }
        if let Some(mut rest) = self.server.take_unfinished().filter(|_| self.mode != Mode::Unsynced) {
            // What it answers may be a password.
            if self.hides_answers() || !self.pending.is_empty() {
                rest.mask_text();
            }
            rest.tell(Direction::FromServer, tell);
        }
        self.closing = true;
        self.lines_ended(End::BrokenOff, tell);
        self.end_quit(tell);
        loop {
            self.give_up_all(time, tell);
            if self.held.is_empty() && self.dropped.is_none() {
                break;
            }
            self.resume(tell);
        }
        self.end_unfinished(tell);
        self.end_exchange(self.unanswered(), time, tell);
        self.end_attempt(Outcome::BrokenOff, tell);
        self.mode = Mode::Unsynced;
    }

    /// A line of the client that never ended can be anything.
    fn end_unfinished(&mut self, tell: Tell<'_>) {
        let Some(mut said) = self.client.take_unfinished().filter(|_| self.mode != Mode::Unsynced) else { return };
        if self.auth.is_some() && !self.cut_line {
            self.add_response(said);
        } else {
            said.mask();
            said.tell(Direction::FromClient, tell);
        }
    }
}
