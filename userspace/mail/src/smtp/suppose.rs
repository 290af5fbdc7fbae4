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

use writ_wire::{Direction, Time};

use super::body::{DotLine, Habit, Scan};
use super::{Anomaly, Event, Limits, Mode, Pending, Smtp, Tell, Verb};
use crate::head::HeadReader;
use crate::line::At;

/// Copies of copies, one for each kind of line that is not known yet: eight readings. One that meets a further kind is not
/// followed any more, and fits whatever comes.
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
    /// Nobody will know, and it matters: what stands behind it is handed over to nobody.
    Unknown,
}

/// Both suppositions, and all that was heard since.
#[derive(Clone)]
pub(super) struct Fork {
    at: At,
    /// The machine if the line was the end, and if it was not.
    taken: Smtp,
    text: Smtp,
    heard: Vec<Heard>,
    /// What it takes to hold that.
    cost: usize,
    rounds: u8,
    /// How much was heard where readings of both sides had come to the same, so that no later reply can tell between them.
    rest: Option<usize>,
}

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
        taken.end_of_data(at, &mut |_| {});
        self.fork = Some(Box::new(Fork { at, taken, text, heard: Vec::new(), cost: 0, rounds: 0, rest: None }));
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
        if self.depth == 0 {
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
            tell(Event::Anomaly(Anomaly::BareLfEnd));
            self.end_of_data(fork.at, tell);
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
            self.commands_lost = commands_lost;
        } else if matches!(self.mode, Mode::Command) {
            self.resync = true;
            self.certain = false;
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

    /// The machine for which none of the lines was an end that can still be text.
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

    /// Whether all that was said is answered, and both ends can begin anew.
    fn is_at_rest(&self) -> bool {
        self.is_idle() && matches!(self.mode, Mode::Command)
    }

    /// Whether the server has a reply to give.
    fn is_owed(&self) -> bool {
        !matches!(self.pending.front(), None | Some(Pending::EndOfData { head: None, .. }))
    }

    /// How many replies did not fit, at the best.
    fn strains(&self) -> u32 {
        self.strain.saturating_add(self.further_strains())
    }

    fn further_strains(&self) -> u32 {
        self.fork.as_ref().map_or(0, |fork| fork.taken.strains().min(fork.text.strains()))
    }

    fn strains_with(&self, fork: &Fork) -> u32 {
        self.strain.saturating_add(fork.taken.strains().min(fork.text.strains()))
    }

    /// Remembers which readings are at rest.
    fn rest(&mut self, strain: u32, best: u32) {
        let strain = strain.saturating_add(self.strain);
        match &mut self.fork {
            None => self.rested = strain == best && self.is_at_rest(),
            Some(fork) => {
                fork.taken.rest(strain, best);
                fork.text.rest(strain, best);
            }
        }
    }

    /// Shows each reading, with how many replies did not fit it.
    fn readings(&self, strain: u32, see: &mut dyn FnMut(&Self, u32)) {
        let strain = strain.saturating_add(self.strain);
        match &self.fork {
            None => see(self, strain),
            Some(fork) => {
                fork.taken.readings(strain, see);
                fork.text.readings(strain, see);
            }
        }
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

impl Heard {
    fn client_octets(&self) -> u64 {
        if let Self::Client(_, octets) = self { octets.len() as u64 } else { 0 }
    }

    fn time(&self) -> Time {
        match self {
            Self::Client(at, _) | Self::Server(at, _) => at.time,
            Self::Gap(time, _) => *time,
        }
    }
}

impl Fork {
    /// What the line was, now that no further reply is waited for.
    fn weigh(&self, known: &Habit) -> Verdict {
        if self.rest_that_holds().is_some() {
            return Verdict::Unknown;
        }
        let best = self.taken.strains().min(self.text.strains());
        // Where all was answered the replies fit better than where some are missing. What is not followed may fit so too.
        let is_answered = |side: &Smtp| {
            let mut found = false;
            side.readings(0, &mut |reading, strain| {
                found |= strain == best && (reading.is_dark() || reading.is_idle());
            });
            found
        };
        match (is_answered(&self.taken), is_answered(&self.text)) {
            (true, true) => Verdict::Unknown,
            (true, false) => Verdict::End,
            (false, true) => Verdict::Text,
            (false, false) => {
                // Text up to the end that every server knows, or nobody knows what.
                let mut found = false;
                self.text.readings(0, &mut |reading, strain| {
                    found |= strain == best && reading.habit.taken() == known.taken();
                });
                if found { Verdict::Text } else { Verdict::Unknown }
            }
        }
    }

    /// The client goes on.
    fn begin_round(&mut self) {
        let best = self.taken.strains().min(self.text.strains());
        let (mut idle, mut owed, mut others) = (0u32, 0u32, 0u32);
        let mut resting = [false; 2];
        for (side, resting) in [&self.taken, &self.text].into_iter().zip(&mut resting) {
            side.readings(0, &mut |reading, strain| {
                if strain == best {
                    *resting |= reading.is_at_rest();
                    *match () {
                        () if reading.is_idle() => &mut idle,
                        () if reading.is_owed() => &mut owed,
                        () => &mut others,
                    } += 1;
                }
            });
        }
        self.rounds += u8::from(idle > 0 && owed > 0 && others == 0);
        if self.rest.is_none() && others == 0 && resting == [true; 2] {
            self.rest = Some(self.heard.len());
            self.taken.rest(0, best);
            self.text.rest(0, best);
        }
    }

    /// Whether all readings that fit came to the same.
    fn is_at_rest(&self) -> bool {
        let best = self.taken.strains().min(self.text.strains());
        let mut at_rest = self.rest.is_some();
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, strain| at_rest &= strain > best || reading.rested);
        }
        at_rest
    }

    /// The same, but for those that fit if replies were still to come.
    fn rest_that_holds(&self) -> Option<usize> {
        let best = self.taken.strains().min(self.text.strains());
        let mut holds = true;
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, strain| holds &= strain > best || reading.rested || reading.is_owed());
        }
        self.rest.filter(|_| holds)
    }

    /// Whether the readings together hold more than one machine may.
    fn is_too_large(&self, limits: &Limits) -> bool {
        let (mut octets, mut pending) = (0usize, 0usize);
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, _| {
                octets += reading.stalled_octets + reading.pending_octets;
                pending += reading.pending.len();
            });
        }
        octets > limits.stalled || pending > limits.pending
    }

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
