//! The two suppositions about a dot, and how well each of them fits what was heard since.

use writ_wire::Time;

use crate::line::At;
use crate::smtp::body::{DotLine, Habit};
use crate::smtp::{Limits, Mode, Pending, Smtp, Verb};

/// So often may a client go on, with all of its commands answered if the dot was text, while replies are due if it was the
/// end: a server would have given them. The fourth reply of a second message is the 354, which tells by itself.
pub(super) const MAX_ROUNDS: u8 = 4;

/// What came while it was not known how to read it.
#[derive(Clone)]
pub(in crate::smtp) enum Heard {
    Client(At, Vec<u8>),
    Server(At, Vec<u8>),
    /// Lost octets of the server.
    Gap(Time, u64),
}

/// What a line with a dot was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::smtp) enum Verdict {
    End,
    Text,
    /// Nobody will know, and it matters: what stands behind it is handed over to nobody.
    Unknown,
}

/// Both suppositions, and all that was heard since.
#[derive(Clone)]
pub(in crate::smtp) struct Fork {
    pub(super) at: At,
    pub(super) line: DotLine,
    /// The machine if the line was the end, and if it was not.
    pub(super) taken: Smtp,
    pub(super) text: Smtp,
    pub(super) heard: Vec<Heard>,
    /// What it takes to hold that.
    pub(super) cost: usize,
    pub(super) rounds: u8,
    /// How much was heard where readings of both sides had come to the same, so that no later reply can tell between them.
    pub(super) rest: Option<usize>,
}

impl Heard {
    pub(super) fn client_octets(&self) -> u64 {
        if let Self::Client(_, octets) = self { octets.len() as u64 } else { 0 }
    }

    pub(super) fn time(&self) -> Time {
        match self {
            Self::Client(at, _) | Self::Server(at, _) => at.time,
            Self::Gap(time, _) => *time,
        }
    }
}

impl Fork {
    /// What the line was, now that no further reply is waited for.
    pub(super) fn weigh(&self, known: &Habit) -> Verdict {
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

    /// Whether the client speaks anew: the server spoke last. The dot is the client's own.
    pub(super) fn is_answered_to(&self) -> bool {
        matches!(self.heard.last(), Some(Heard::Server(..) | Heard::Gap(..)))
    }

    /// The client goes on.
    pub(super) fn begin_round(&mut self) {
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
    pub(super) fn is_at_rest(&self) -> bool {
        let best = self.taken.strains().min(self.text.strains());
        let mut at_rest = self.rest.is_some();
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, strain| at_rest &= strain > best || reading.rested);
        }
        at_rest
    }

    /// The same, but for those that fit if replies were still to come.
    pub(super) fn rest_that_holds(&self) -> Option<usize> {
        let best = self.taken.strains().min(self.text.strains());
        let mut holds = true;
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, strain| holds &= strain > best || reading.rested || reading.is_owed());
        }
        self.rest.filter(|_| holds)
    }

    /// Octets that are held, by the readings too.
    pub(in crate::smtp) fn held(&self) -> usize {
        self.cost + 2 * size_of::<Smtp>() + self.taken.held() + self.text.held()
    }

    /// Whether the readings together hold more than one machine may.
    pub(super) fn is_too_large(&self, limits: &Limits) -> bool {
        let (mut octets, mut pending) = (0usize, 0usize);
        for side in [&self.taken, &self.text] {
            side.readings(0, &mut |reading, _| {
                octets += reading.stalled_octets + reading.pending_octets;
                pending += reading.pending.len();
            });
        }
        octets > limits.stalled || pending > limits.pending
    }

    pub(super) fn hold(&mut self, heard: Heard, octets: usize) {
        self.cost += octets + size_of::<Heard>();
        self.heard.push(heard);
    }
}

impl Smtp {
    /// The machine for which none of the lines was an end that can still be text.
    pub(super) fn last_text(&self) -> &Self {
        self.fork.as_ref().map_or(self, |fork| fork.text.last_text())
    }

    /// Whether no reply is due, and the client has begun nothing new.
    pub(super) fn is_idle(&self) -> bool {
        let answered = match self.pending.front() {
            None => matches!(self.mode, Mode::Command) && self.auth.is_none(),
            Some(Pending::EndOfData { head: None, begun, .. }) => !begun,
            Some(_) => false,
        };
        answered && self.client.is_empty()
    }

    /// Whether all that was said is answered, and both ends can begin anew.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_idle() && matches!(self.mode, Mode::Command)
    }

    /// Whether the server has a reply to give.
    fn is_owed(&self) -> bool {
        !matches!(self.pending.front(), None | Some(Pending::EndOfData { head: None, .. }))
    }

    /// How many replies did not fit, at the best.
    pub(super) fn strains(&self) -> u32 {
        self.strain.saturating_add(self.further_strains())
    }

    pub(super) fn further_strains(&self) -> u32 {
        self.fork.as_ref().map_or(0, |fork| fork.taken.strains().min(fork.text.strains()))
    }

    pub(super) fn strains_with(&self, fork: &Fork) -> u32 {
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
}

impl Smtp {
    /// Whether a reply with this code can be meant for what waits for one (RFC 5321 §4.3.2).
    pub(in crate::smtp) fn fits(&self, code: u16) -> bool {
        let is_refusal = code >= 400;
        match self.pending.front() {
            _ if self.owed > 0 => true,
            None => code == 421 || self.auth.is_some() || self.replies_lost || self.commands_lost,
            // Too much, or too long; after that a server is silent up to the end.
            Some(Pending::EndOfData { head: None, early, .. }) => is_refusal && early.is_none(),
            Some(Pending::EndOfData { .. }) => is_refusal || matches!(code, 222..=299),
            Some(Pending::Command { command, .. }) => command.verb.fits(code),
        }
    }
}

impl Verb {
    /// Whether a reply with this code can be meant for it (RFC 5321 §4.3.2).
    pub(in crate::smtp) fn fits(&self, code: u16) -> bool {
        let is_refusal = code >= 400;
        match self {
            Self::Data => is_refusal || code == 354,
            Self::Quit => is_refusal || code == 221,
            Self::StartTls => is_refusal || code == 220,
            Self::Auth => is_refusal || matches!(code, 222..=299 | 334),
            Self::Unknown => is_refusal,
            _ => is_refusal || matches!(code, 211 | 214 | 222..=299),
        }
    }
}
