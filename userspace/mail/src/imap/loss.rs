//! What was not captured, and how a session ends.

use writ_wire::Direction::{FromClient, FromServer};
use writ_wire::{Direction, Time};

use super::Imap;
use super::login::Spelling;
use super::pending::{Ending, Kind};
use super::span::masked;
use crate::access::{Anomaly, Event, Layer, Octets, Tell};

impl Imap {
    pub(super) fn client_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.client_began = true;
        if std::mem::take(&mut self.layer) == Layer::ClientBegan {
            return self.lose_layer(FromClient, time, octets, tell);
        }
        if self.lost_what_was_compressed(FromClient, time, octets, tell) {
            return;
        }
        self.go_on_without_answer(time, tell);
        // A literal that is sent was let come.
        let mut missing = octets;
        if self.let_literal_come() {
            missing += self.client.take_unfinished();
        }
        let left = self.client.literal_left();
        let attempt = self.current_attempt();
        let is_login = attempt.is_some();
        // A line's end may be lost with the literal before it, and nothing else that a server would take.
        let ends_line = |missing: u64| left.is_some_and(|left| (1..=2).contains(&missing.saturating_sub(left)));
        let mut is_exact = false;
        if let Some(attempt) = attempt {
            is_exact = left.is_some_and(|left| attempt.lose_literal(missing.min(left), missing >= left, time))
                && (left >= Some(missing) || (ends_line(missing) && attempt.is_last_argument()));
            if !is_exact {
                attempt.lose_client();
            }
        }
        if let Some(Kind::Append(uploads)) = self.current_kind() {
            uploads.literal_lost();
        }
        // A literal says its own length, so what is lost of it is known to the octet.
        let in_literal = self.client.skip_literal(missing);
        if let Some((lost, whole)) = in_literal {
            self.count_client(usize::try_from(lost).unwrap_or(usize::MAX));
            if whole {
                self.literal_ends();
            }
            if lost == missing || is_exact {
                // What only reads like a command announces nothing.
                let in_literal = lost == missing && self.lost_before.is_none();
                tell(Event::Lost { from: FromClient, time, octets: missing, in_literal });
                if lost < missing {
                    self.count_client(usize::try_from(missing - lost).unwrap_or(usize::MAX));
                    self.command_sent(time, tell);
                }
                return;
            }
        }
        self.hidden = true;
        self.lost_before = Some(self.pending.next());
        self.tags.client_lost(self.pending.next());
        missing += self.client.take_unfinished();
        tell(Event::Lost { from: FromClient, time, octets: missing, in_literal: false });
        // What follows in a login goes on as one: it may be a password.
        if is_login && !self.client.is_waiting() {
            self.client.read_secretly();
            return;
        }
        if let Some(pending) = self.client.current.and_then(|id| self.pending.get(id)) {
            pending.sent = true;
        }
        self.client.lose_sync();
    }

    pub(super) fn server_gap(&mut self, time: Time, octets: u64, tell: Tell<'_>) {
        self.greeting_due = false;
        if std::mem::take(&mut self.layer) == Layer::ClientBegan {
            return self.lose_layer(FromServer, time, octets, tell);
        }
        if std::mem::take(&mut self.maybe_tls) {
            self.client.go_on();
        }
        if self.lost_what_was_compressed(FromServer, time, octets, tell) {
            return;
        }
        let in_literal = self.server.skip_literal(octets);
        if in_literal == octets {
            tell(Event::Lost { from: FromServer, time, octets, in_literal: true });
            self.reaches(0, time);
            self.end_datum();
            return;
        }
        let mut unfinished = 0;
        self.server.partial().take(|_, octets| unfinished += octets.len() as u64);
        tell(Event::Lost { from: FromServer, time, octets: octets + unfinished, in_literal: false });
        self.break_off_response(time, tell);
        let (current, waits) = (self.client.current, self.client.is_waiting());
        for pending in self.pending.iter_mut() {
            // What the client has not sent yet was not answered either.
            pending.doubtful |= if current == Some(pending.id) { waits } else { pending.sent };
            if let Some(attempt) = pending.attempt() {
                attempt.lose_server(octets);
            }
        }
        self.server.lose_sync();
    }

    /// What would have told whether a security layer began was not captured: it did.
    fn lose_layer(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) {
        tell(Event::Lost { from, time, octets, in_literal: false });
        self.lose_the_thread(time, tell);
    }

    /// Of a compressed stream with a hole nothing more can be read.
    fn lost_what_was_compressed(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) -> bool {
        if self.client.inflater.is_none() {
            return false;
        }
        tell(Event::Lost { from, time, octets, in_literal: false });
        tell(Event::Anomaly(Anomaly::BrokenCompression));
        self.lose_the_thread(time, tell);
        true
    }

    /// A message that was being sent is told with what is known of it.
    fn break_off_response(&mut self, time: Time, tell: Tell<'_>) {
        let (octets, first) = self.server.so_far();
        if let Some((mut fetched, is_fetch)) = self.server.take_items() {
            if let Some(former) = fetched.take_former() {
                self.fetched(former.fetched, is_fetch, former.octets, (first, former.last), tell);
            }
            fetched.is_cut_short = true;
            self.fetched(*fetched, is_fetch, octets, (first, time), tell);
        }
    }

    /// The client has sent more, so the server must have answered; the answer was not captured. Whether that is so.
    pub(super) fn go_on_without_answer(&mut self, time: Time, tell: Tell<'_>) -> bool {
        if !self.client.is_waiting() {
            return false;
        }
        let Some(id) = self.client.current else { return false };
        if !self.pending.get(id).is_some_and(|pending| pending.doubtful) {
            return false;
        }
        let Some(pending) = self.pending.get(id) else { return false };
        let is_exchange = pending.attempt().is_some_and(|attempt| attempt.spelling == Spelling::Sasl);
        self.hidden |= pending.is_login();
        if is_exchange && !pending.shifted {
            // What answers it from here on is seen.
            pending.doubtful = false;
            self.client.expect_response_or_command();
            self.resume(tell);
            return true;
        }
        if self.let_literal_come() {
            if let Some(pending) = self.pending.get(id) {
                pending.doubtful = false;
            }
            self.resume(tell);
            return true;
        }
        self.end_up_to(id, Ending::Lost, time, tell);
        self.resume(tell);
        true
    }

    /// Where nothing of the server was captured at all, no answer will ever tell that a command is over. That the client goes on does,
    /// once the server has said something since.
    pub(super) fn end_unheard(&mut self, time: Time, tell: Tell<'_>) {
        while let Some(oldest) = self.pending.front().filter(|oldest| !self.server_began && oldest.doubtful) {
            let oldest = oldest.id;
            self.end(oldest, Ending::Lost, time, tell);
        }
    }

    /// Ends this command, and those before it.
    pub(super) fn end_up_to(&mut self, id: u64, ending: Ending, time: Time, tell: Tell<'_>) {
        while let Some(older) = self.pending.front().map(|older| older.id).filter(|older| *older <= id) {
            self.end(older, ending, time, tell);
        }
    }

    /// Whether the client waits for the answer to what only reads like a command.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.client.is_waiting_for_answer() && self.client.current.is_some_and(|id| self.pending.is_in_doubt(id))
    }

    /// The server answers another command, or goes ahead with one: what only reads like a command that is waited for is text.
    pub(super) fn disprove(&mut self, tell: Tell<'_>) {
        if !self.is_in_doubt() {
            return;
        }
        let Some(pending) = self.client.current.and_then(|id| self.pending.get(id)) else { return };
        (pending.is_text, pending.doubtful) = (true, true);
        let inflated = self.client.inflater.is_some();
        if let Some(attempt) = pending.attempt() {
            attempt.is_masked = true;
            // Of a literal that was lost whole nobody knows where it stood, and there is nothing to tell.
            for step in attempt.take_steps().into_iter().filter(|step| !step.octets.is_empty()) {
                let (from, time) = (step.from, step.last);
                if from == FromServer {
                    // What the server said since was told already.
                    tell(Event::Lost { from, time, octets: step.octets.len() as u64, in_literal: false });
                    continue;
                }
                let wire = step.offset..step.offset + step.octets.len() as u64;
                let octets = &*masked(&step.octets);
                tell(Event::Octets(Octets { from, time, wire, inflated, octets }));
            }
        }
        self.client.doubt();
        self.resume(tell);
    }

    /// The answer that decides how to go on will not be waited for any longer.
    pub(super) fn give_up_waiting(&mut self, time: Time, tell: Tell<'_>) {
        if self.layer == Layer::ClientBegan {
            // Nobody answers: of a line the server would have said something.
            return self.lose_the_thread(time, tell);
        }
        if !self.let_literal_come() {
            let current = self.client.current;
            match current {
                Some(id) if self.passes(id) => tell(Event::Ahead),
                Some(id) => self.end(id, Ending::GivenUp, time, tell),
                None => self.maybe_tls = false,
            }
            if self.client.is_waiting() {
                self.client.go_on();
            }
        }
        self.resume(tell);
    }

    /// The client's octets are read before the answer to this login has come, which may still let somebody in. Not where somebody
    /// is logged in already, for what follows may be another's; nor of what only reads like a command.
    fn passes(&mut self, id: u64) -> bool {
        let Some(pending) = self.pending.get(id).filter(|pending| !pending.guessed && !pending.is_text) else {
            return false;
        };
        if self.logged_in || !pending.is_login() {
            return false;
        }
        pending.is_passed = true;
        let is_exchange = pending.attempt().is_some_and(|attempt| attempt.spelling == Spelling::Sasl);
        if is_exchange {
            self.client.expect_response_or_command()
        } else {
            self.client.go_on()
        }
        true
    }

    /// What was read and waited to be told. What of the client was not understood may be anything.
    pub(super) fn tell_unfinished(&mut self, time: Time, tell: Tell<'_>) {
        let mut octets = self.server.take_dropped();
        if self.lost_before.is_some() || self.pending.has_login() {
            self.server.partial().take(|_, held| octets += held.len() as u64);
        } else {
            self.server.partial().tell(FromServer, tell);
        }
        if octets > 0 {
            tell(Event::Lost { from: FromServer, time, octets, in_literal: false });
        }
        self.break_off_response(time, tell);
        let octets = self.client.take_unfinished();
        if octets > 0 && !self.client.is_silent {
            tell(Event::Lost { from: FromClient, time, octets, in_literal: false });
        }
    }

    /// Ends all commands in flight.
    pub(super) fn end_all(&mut self, ending: Ending, time: Time, tell: Tell<'_>) {
        while let Some(oldest) = self.pending.front().map(|pending| (pending.id, pending.early)) {
            self.end(oldest.0, oldest.1.unwrap_or(ending), time, tell);
            if self.dark {
                return;
            }
        }
    }
}
