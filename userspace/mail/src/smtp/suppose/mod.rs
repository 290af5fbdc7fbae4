//! A line with a single dot that ends a message for some servers and not for others: both are supposed, until the replies
//! tell which it was.
//!
//! A reply to the message comes in either case, so it says nothing where octets follow the dot at once: what comes after it
//! does. A server that took the dot for the end answers the lines behind it as commands; one that did not stays silent
//! until it reads more. So the machine stands still at the dot, and two copies of it go on, one for each supposition, with
//! nothing told. The first reply that fits one of them better than the other decides, and then the machine reads what was
//! held, knowing how.
//!
//! A copy that meets a dot of another kind is two copies from there on, whether it supposed that the first was the end or
//! that it was text: a server may take any of the kinds. What was so reads the replies as they came, so it fits; a decision
//! needs that all readings of the other side fit worse. Where some of both sides fit and nothing is left to be answered,
//! nobody will know, and what stands behind the dot is nobody's.

mod fork;

pub(super) use fork::Fork;
use fork::{Heard, MAX_ROUNDS, Verdict};
use writ_wire::{Direction, Time};

use super::body::{DotLine, Scan};
use super::{Mode, Pending, Smtp, Tell};
use crate::head::HeadReader;
use crate::line::At;

/// Copies of copies, one for each kind of line that is not known yet: eight readings. One that meets a further kind is not
/// followed any more, and fits whatever comes.
const MAX_DEPTH: u8 = 3;
impl Smtp {
    /// The message may have ended here.
    pub(super) fn suppose(&mut self, at: At, line: DotLine) {
        if self.depth >= MAX_DEPTH {
            self.go_dark(&mut |_| {});
            return;
        }
        let mut text = self.clone();
        text.depth += 1;
        text.strain = 0;
        text.rested &= self.depth > 0;
        // Fed like all that comes from now on.
        text.stalled.clear();
        text.stalled_octets = 0;
        text.chunks = None;
        if text.certain {
            text.replies_lost = false;
            text.commands_lost = false;
        }
        if let Mode::Body(body) = &mut text.mode {
            // Nobody asks a supposition for the head.
            body.head = no_head();
        }
        text.settle_habit(line, false);
        let mut taken = text.clone();
        taken.settle_habit(line, true);
        taken.end_of_data(at, line, &mut |_| {});
        self.fork = Some(Box::new(Fork { at, line, taken, text, heard: Vec::new(), cost: 0, rounds: 0, rest: None }));
    }

    fn settle_habit(&mut self, line: DotLine, taken: bool) {
        self.habit.learn(line, taken);
        if let Mode::Body(body) = &mut self.mode {
            body.habit = self.habit;
        }
    }

    /// The client's octets, while there are two suppositions. Gives how many of them were held with it: none, if the client
    /// begins anew where all readings have come to the same.
    pub(super) fn suppose_client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let Some(fork) = &mut self.fork else { return 0 };
        if self.depth == 0 && fork.is_answered_to() {
            fork.begin_round();
            if fork.is_at_rest() {
                self.settle(Verdict::Unknown, tell);
                return 0;
            }
            if fork.rounds >= MAX_ROUNDS {
                let verdict = fork.weigh(&self.habit);
                self.settle(verdict, tell);
                return 0;
            }
        }
        fork.text.client(at, octets, &mut |_| {});
        fork.taken.client(at, octets, &mut |_| {});
        if self.depth == 0 {
            fork.hold(Heard::Client(at, octets.to_vec()), octets.len());
        }
        octets.len()
    }

    /// Whether what is held is too much, or too old.
    pub(super) fn settle_overdue(&mut self, tell: Tell<'_>) {
        if let Some(fork) = self.fork.as_ref().filter(|_| self.depth == 0)
            && (fork.cost > self.limits.stalled || fork.is_too_large(&self.limits))
        {
            let verdict = fork.weigh(&self.habit);
            self.settle(verdict, tell);
        }
    }

    /// The server's octets, while there are two suppositions.
    pub(super) fn suppose_server(&mut self, start: At, octets: &[u8], tell: Tell<'_>) {
        let mut read = 0;
        // A reply ends with a line, and the first that decides does.
        for line in octets.split_inclusive(|&octet| octet == b'\n') {
            let at = start.plus(read);
            read += line.len();
            let Some(fork) = &mut self.fork else { return };
            fork.text.server(at, line, &mut |_| {});
            fork.taken.server(at, line, &mut |_| {});
            if self.depth == 0 {
                fork.hold(Heard::Server(at, line.to_vec()), line.len());
            }
            let (taken, text) = (fork.taken.strains(), fork.text.strains());
            if taken != text && line.ends_with(b"\n") {
                self.settle(if taken < text { Verdict::End } else { Verdict::Text }, tell);
                self.server(start.plus(read), octets.get(read..).unwrap_or_default(), tell);
                return;
            }
        }
        self.settle_overdue(tell);
    }

    /// The server speaks right behind a dot and a CR.
    pub(super) fn suppose_at_reply(&mut self, at: At, tell: Tell<'_>) {
        let Mode::Body(body) = &mut self.mode else { return };
        match body.server_speaks() {
            Some(Scan::MayEndAt(_, line)) => self.suppose(At { time: at.time, offset: 0 }, line),
            Some(Scan::EndsAt(_, line)) => {
                self.settle_doubt(tell);
                self.end_of_data(At { time: at.time, offset: 0 }, line, tell);
            }
            _ => {}
        }
    }

    /// Octets were lost while there are two suppositions. Whether that was all there is to be done.
    pub(super) fn suppose_gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) -> bool {
        let Some(fork) = &mut self.fork else { return false };
        if !matches!(fork.text.last_text().mode, Mode::Body(_)) {
            // The replies that would have told cannot be counted any more.
            let verdict = fork.weigh(&self.habit);
            self.settle(verdict, tell);
            return false;
        }
        if from == Direction::FromServer {
            fork.text.gap(from, time, octets, &mut |_| {});
            fork.taken.gap(from, time, octets, &mut |_| {});
            if self.depth == 0 {
                fork.hold(Heard::Gap(time, octets), 0);
            }
            self.settle_overdue(tell);
            return true;
        }
        // The end may be in the gap as well.
        let heard = self.fork.take().map(|fork| fork.heard).unwrap_or_default();
        if let Mode::Body(body) = &mut self.mode {
            body.lost_octets();
        }
        let mut replies = Vec::new();
        for heard in heard {
            match heard {
                Heard::Client(at, octets) => self.hold_doubtful(at, &octets, tell),
                reply => replies.push(reply),
            }
        }
        self.client_gap(time, octets, tell);
        self.hear(replies, tell);
        true
    }

    /// The connection is over.
    pub(super) fn settle_last(&mut self, tell: Tell<'_>) {
        while let Some(fork) = &self.fork {
            // A refusal of the whole message is more likely than one of a part of it.
            let front = fork.text.last_text().pending.front();
            let refused = matches!(front, Some(Pending::EndOfData { early: Some(reply), .. }) if reply.code >= 400);
            let verdict = if refused { Verdict::End } else { fork.weigh(&self.habit) };
            self.settle(verdict, tell);
        }
    }

    /// It is known, or never will be, what the line was.
    fn settle(&mut self, verdict: Verdict, tell: Tell<'_>) {
        let Some(fork) = self.fork.take() else { return };
        if self.depth > 0 {
            self.go_on_as(*fork, verdict);
            return;
        }
        // And what the copy learnt besides, or what is held would be read once more for each.
        self.habit = match verdict {
            Verdict::End => fork.taken.habit,
            Verdict::Text => fork.text.habit,
            Verdict::Unknown => {
                self.give_to_nobody(*fork, tell);
                return;
            }
        };
        if let Mode::Body(body) = &mut self.mode {
            body.habit = self.habit;
        }
        if verdict == Verdict::End {
            self.end_of_data(fork.at, fork.line, tell);
        }
        self.hear(fork.heard, tell);
    }

    /// A copy, for which it was settled: one of its own copies has read all that it would read.
    fn go_on_as(&mut self, fork: Fork, verdict: Verdict) {
        let (depth, strain) = (self.depth, self.strains_with(&fork));
        match verdict {
            Verdict::End => *self = fork.taken,
            Verdict::Text => *self = fork.text,
            Verdict::Unknown => self.go_dark(&mut |_| {}),
        }
        // Its further copies have their own.
        self.strain = strain.saturating_sub(self.further_strains());
        self.depth = depth;
    }

    /// What stands behind the dot is one's by one reading and another's by the other, so it is as if it had not been captured.
    /// The first reply is to the message by either.
    fn give_to_nobody(&mut self, mut fork: Fork, tell: Tell<'_>) {
        let rest = fork.rest_that_holds();
        let later = fork.heard.split_off(rest.unwrap_or(fork.heard.len()).min(fork.heard.len()));
        let commands_lost = self.commands_lost;
        let octets = fork.heard.iter().map(Heard::client_octets).sum();
        let time = fork.heard.last().map_or(fork.at.time, Heard::time);
        self.client_gap(time, octets, tell);
        for heard in fork.heard {
            if !matches!(self.mode, Mode::Body(_)) {
                break;
            }
            match heard {
                Heard::Client(..) => {}
                Heard::Server(at, octets) => self.server(at, &octets, tell),
                Heard::Gap(time, octets) => self.gap(Direction::FromServer, time, octets, tell),
            }
        }
        if rest.is_some() {
            self.resync = false;
            self.certain = true;
            self.unproven = None;
            self.commands_lost = commands_lost;
        } else if matches!(self.mode, Mode::Command) {
            self.resync = true;
            self.unprove(0);
            self.commands_lost = true;
            self.replies_lost = true;
        }
        self.hear(later, tell);
    }

    fn hear(&mut self, heard: Vec<Heard>, tell: Tell<'_>) {
        for heard in heard {
            match heard {
                Heard::Client(at, octets) => self.client(at, &octets, tell),
                Heard::Server(at, octets) => self.server(at, &octets, tell),
                Heard::Gap(time, octets) => self.gap(Direction::FromServer, time, octets, tell),
            }
        }
    }
}

/// A reader that has read all it wants.
pub(super) fn no_head() -> HeadReader {
    let mut head = HeadReader::default();
    head.push(b"\r\n");
    head
}
