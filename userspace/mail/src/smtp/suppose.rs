//! A line with a single dot that ends a message for some servers and not for others: both are supposed, until the replies
//! tell which it was.
//!
//! A reply to the message comes in either case, so it says nothing where octets follow the dot at once: what comes after it
//! does. A server that took the dot for the end answers the lines behind it as commands; one that did not stays silent
//! until it reads more. So the machine stands still at the dot, and two copies of it go on, one for each supposition, with
//! nothing told. The first reply that fits one of them better than the other decides, and then the machine reads what was
//! held, knowing how.

use writ_wire::{Direction, Time};

use super::body::{DotLine, Scan};
use super::{Anomaly, Event, Mode, Pending, Smtp, Tell, Verb};
use crate::head::HeadReader;
use crate::line::At;

/// Copies of copies, one for each kind of line that is not known yet. A message with more of them is read as text there.
const MAX_DEPTH: u8 = 3;
/// So often may a client go on, with all of its commands answered if the dot was text, while replies are due if it was the
/// end: a server would have given them. The fourth reply of a second message is the 354, which tells by itself.
const MAX_ROUNDS: u8 = 4;

/// What came while it was not known how to read it.
#[derive(Clone)]
enum Heard {
    Client(At, Vec<u8>),
    Server(At, Vec<u8>),
    /// Lost octets of the server.
    Gap(Time, u64),
}

/// What a line with a dot was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    End,
    Text,
    /// Nobody will know. It is read as text, as are all that were met since.
    Unknown,
}

/// Both suppositions, and all that was heard since.
#[derive(Clone)]
pub(super) struct Fork {
    line: DotLine,
    at: At,
    /// The machine if the line was the end, and if it was not.
    taken: Smtp,
    text: Smtp,
    heard: Vec<Heard>,
    /// What it takes to hold that.
    cost: usize,
    rounds: u8,
}

impl Smtp {
    /// The message may have ended here.
    pub(super) fn suppose(&mut self, at: At, line: DotLine) {
        if self.depth >= MAX_DEPTH {
            self.settle_habit(line, false);
            return;
        }
        let mut text = self.clone();
        text.depth += 1;
        text.strain = 0;
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
        taken.depth = MAX_DEPTH;
        taken.settle_habit(line, true);
        taken.end_of_data(at, &mut |_| {});
        self.fork = Some(Box::new(Fork { line, at, taken, text, heard: Vec::new(), cost: 0, rounds: 0 }));
    }

    fn settle_habit(&mut self, line: DotLine, taken: bool) {
        self.habit.learn(line, taken);
        if let Mode::Body(body) = &mut self.mode {
            body.habit = self.habit;
        }
    }

    /// The client's octets, while there are two suppositions.
    pub(super) fn suppose_client(&mut self, at: At, octets: &[u8]) {
        if let Some(fork) = &mut self.fork {
            fork.rounds += u8::from(fork.text.last_text().is_idle() && fork.taken.is_owed());
            fork.text.client(at, octets, &mut |_| {});
            fork.taken.client(at, octets, &mut |_| {});
            fork.hold(Heard::Client(at, octets.to_vec()), octets.len());
        }
    }

    /// Whether what is held is too much, or too old.
    pub(super) fn settle_overdue(&mut self, tell: Tell<'_>) {
        if self.fork.as_ref().is_some_and(|fork| fork.cost > self.limits.stalled || fork.rounds >= MAX_ROUNDS) {
            self.settle(Verdict::Unknown, tell);
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
            fork.hold(Heard::Server(at, line.to_vec()), line.len());
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
            Some(Scan::EndsAt(_)) => {
                self.settle_doubt(tell);
                self.end_of_data(At { time: at.time, offset: 0 }, tell);
            }
            _ => {}
        }
    }

    /// Octets were lost while there are two suppositions. Whether that was all there is to be done.
    pub(super) fn suppose_gap(&mut self, from: Direction, time: Time, octets: u64, tell: Tell<'_>) -> bool {
        let Some(fork) = &mut self.fork else { return false };
        if !matches!(fork.text.last_text().mode, Mode::Body(_)) {
            // The replies that would have told cannot be counted any more.
            self.settle(Verdict::Unknown, tell);
            return false;
        }
        if from == Direction::FromServer {
            fork.text.gap(from, time, octets, &mut |_| {});
            fork.taken.gap(from, time, octets, &mut |_| {});
            fork.hold(Heard::Gap(time, octets), 0);
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
            self.settle(if refused { Verdict::End } else { Verdict::Unknown }, tell);
        }
    }

    /// It is known, or never will be, what the line was.
    fn settle(&mut self, verdict: Verdict, tell: Tell<'_>) {
        let Some(fork) = self.fork.take() else { return };
        match verdict {
            Verdict::End => self.habit.learn(fork.line, true),
            // And what the copy learnt besides, or what is held would be read once more for each.
            Verdict::Text => self.habit = fork.text.habit,
            Verdict::Unknown => self.habit = fork.text.last_text().habit,
        }
        if let Mode::Body(body) = &mut self.mode {
            body.habit = self.habit;
        }
        if verdict == Verdict::End {
            tell(Event::Anomaly(Anomaly::BareLfEnd));
            self.end_of_data(fork.at, tell);
        }
        self.hear(fork.heard, tell);
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

    /// The machine for which no such line was an end.
    fn last_text(&self) -> &Self {
        self.fork.as_ref().map_or(self, |fork| fork.text.last_text())
    }

    /// Whether no reply is due, and the client has begun nothing new.
    fn is_idle(&self) -> bool {
        let answered = match self.pending.front() {
            None => matches!(self.mode, Mode::Command) && self.auth.is_none(),
            Some(Pending::EndOfData { head: None, begun, .. }) => !begun,
            Some(_) => false,
        };
        answered && self.client.is_empty()
    }

    /// Whether the server has a reply to give.
    fn is_owed(&self) -> bool {
        !matches!(self.pending.front(), None | Some(Pending::EndOfData { head: None, .. }))
    }

    /// How many replies did not fit, at the best.
    fn strains(&self) -> u32 {
        let further = self.fork.as_ref().map_or(0, |fork| fork.taken.strains().min(fork.text.strains()));
        self.strain.saturating_add(further)
    }

    /// Whether a reply with this code can be meant for what waits for one (RFC 5321 §4.3.2).
    pub(super) fn fits(&self, code: u16) -> bool {
        let is_refusal = code >= 400;
        match self.pending.front() {
            _ if self.owed > 0 => true,
            None => code == 421 || self.auth.is_some() || self.replies_lost || self.commands_lost,
            // Too much, or too long; after that a server is silent up to the end.
            Some(Pending::EndOfData { head: None, early, .. }) => is_refusal && early.is_none(),
            Some(Pending::EndOfData { .. }) => is_refusal || matches!(code, 222..=299),
            Some(Pending::Command { command, .. }) => match command.verb {
                Verb::Data => is_refusal || code == 354,
                Verb::Quit => is_refusal || code == 221,
                Verb::StartTls => is_refusal || code == 220,
                Verb::Auth => is_refusal || matches!(code, 222..=299 | 334),
                Verb::Unknown => is_refusal,
                _ => is_refusal || matches!(code, 211 | 214 | 222..=299),
            },
        }
    }
}

impl Fork {
    fn hold(&mut self, heard: Heard, octets: usize) {
        self.cost += octets + size_of::<Heard>();
        self.heard.push(heard);
    }
}

/// A reader that has read all it wants.
pub(super) fn no_head() -> HeadReader {
    let mut head = HeadReader::default();
    head.push(b"\r\n");
    head
}
