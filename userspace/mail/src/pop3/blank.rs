//! Lines of nothing. Most servers refuse one as they refuse any command that they do not know; some pass over it without a word,
//! and then what is taken for its answer is that to the command after it.

use writ_wire::Time;

use super::answer::Status;
use super::command::Verb;
use super::{Mode, Pending, Pop3};
use crate::access::{Event, Tell};
use crate::sasl::Outcome;

/// What is known of how the server takes them.
#[derive(Default)]
pub(super) struct Blanks {
    /// It passes over them.
    are_passed_over: bool,
    /// One was refused, for all that is seen, while the client waited for the answer to one more command: if the client goes on
    /// without another, it was that command.
    one_refused: bool,
    /// What was refused then is a proxy's line.
    was_header: bool,
}

impl Pop3 {
    /// A line of nothing of the client: whether it is over.
    pub(super) fn pass_over(&self) -> bool {
        self.blanks.are_passed_over && self.pending.is_empty() && self.answering.is_none()
    }

    /// Before an answer: what waits for none.
    pub(super) fn pass_over_blanks(&mut self, status: Status, tell: Tell<'_>) {
        let is_blank = |pending: &Pending| matches!(pending.verb, Verb::Blank | Verb::Header);
        let is_refusal = status == Status::Err && !self.blanks.are_passed_over;
        self.blanks.one_refused = is_refusal && self.pending.iter().map(is_blank).eq([true, false]);
        self.blanks.was_header = self.pending.front().is_some_and(|pending| pending.verb == Verb::Header);
        if status == Status::Stray || is_refusal {
            return;
        }
        // No server accepts nothing.
        while self.pending.front().is_some_and(is_blank) && !self.pending.iter().all(is_blank) {
            let Some(Pending { verb, said, .. }) = self.pop_pending() else { return };
            // That it knows of its proxy says nothing of what it does with a line of nothing.
            let Some(said) = said else { continue };
            self.blanks.are_passed_over = true;
            let time = said.line.last;
            self.tell_command(verb, said, tell);
            tell(Event::Settled { time });
        }
    }

    /// The client goes on: the refusal that was taken for that of nothing was that of the command after it, unless the client does
    /// not wait for answers.
    pub(super) fn go_on_after_refusal(&mut self, time: Time, tell: Tell<'_>) {
        if !std::mem::take(&mut self.blanks.one_refused) || self.pending.len() != 1 || self.matching.sends_ahead() {
            return;
        }
        self.blanks.are_passed_over |= !self.blanks.was_header;
        let Some(Pending { verb, said, before_loss, .. }) = self.pop_pending() else { return };
        if verb.decides() {
            self.mode = Mode::Command;
        }
        match (verb, said) {
            (_, None) => self.end_exchange(Outcome::Failed, time, tell),
            (Verb::User, Some(said)) => self.user(said, None, before_loss, tell),
            (Verb::Pass | Verb::Apop, Some(said)) => self.log_in(verb, said, None, Outcome::Failed, tell),
            (_, Some(said)) => {
                self.settle_attempt(verb, false, tell);
                self.tell_command(verb, said, tell);
                tell(Event::Settled { time });
            }
        }
    }
}
