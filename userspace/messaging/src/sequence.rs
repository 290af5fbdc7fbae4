//! Logical sequences of events: each has a CIN (clause 8.1).
//!
//! A sequence is what its system says that it is (`session`); where it does not say, the events of one box or one target, on one
//! side, with less than the idle time between them. Connect begins it and disconnect ends it, and so do login and logout where
//! nobody has connected before: in a call, to log out is one of the things that happen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hashbrown::HashMap;
use writ_intercept::Warrant;
use writ_intercept::messaging::{BoxEvent, Category, Status};
use writ_intercept::record::{Body, Cin, IriType, Record};
use writ_wire::Time;

use crate::repeated::Key;
use crate::settings::Settings;

/// One logical sequence under one warrant.
pub(crate) struct Sequence {
    pub(crate) warrant: Arc<Warrant>,
    pub(crate) cin: Cin,
    key: Key,
    /// The `event-identifier` of its last event.
    events: u32,
    /// The latest time of its events.
    latest: Time,
    /// When it was last heard of.
    heard: Time,
    /// With which item that was.
    turn: u64,
    has_begun: bool,
    has_login: bool,
    /// Somebody has connected: it is over when he is disconnected, and not before.
    is_call: bool,
    has_ended: bool,
    /// Whether its system names it.
    is_named: bool,
}

impl Sequence {
    /// Whether an event begins another sequence rather than going on with this one.
    fn is_left_by(&self, category: Option<Category>, status: Status, time: Time, idle: Duration) -> bool {
        let pause = time.since(self.latest).max(self.latest.since(time));
        if pause > idle {
            return true;
        }
        // What its system names is one sequence while it lasts. After its end the same name may stand for the next.
        let begins = status != Status::Failed && (!self.is_named || self.has_ended);
        match category {
            // A call that begins, or a second login, is not part of what went before.
            Some(Category::Box(BoxEvent::Connect)) => begins,
            Some(Category::Box(BoxEvent::Login)) => begins && (self.has_login || !self.has_begun),
            _ => false,
        }
    }

    /// Where an event stands in it.
    fn place(&mut self, category: Option<Category>, status: Status) -> IriType {
        let Some(Category::Box(event)) = category.filter(|_| status != Status::Failed) else { return self.within() };
        match event {
            BoxEvent::Connect | BoxEvent::Login => {
                self.has_login |= event == BoxEvent::Login;
                self.is_call |= event == BoxEvent::Connect;
                let begins = !self.has_begun && self.events == 1;
                self.has_begun |= begins;
                if begins { IriType::Begin } else { self.within() }
            }
            BoxEvent::Logout if self.is_call && !self.has_ended => {
                self.has_login = false;
                self.within()
            }
            BoxEvent::Logout | BoxEvent::Disconnect => {
                let ends = std::mem::take(&mut self.has_begun);
                self.has_ended = true;
                if ends { IriType::End } else { IriType::Report }
            }
            _ => self.within(),
        }
    }

    /// An event outside any login stands alone.
    fn within(&self) -> IriType {
        if self.has_begun { IriType::Continue } else { IriType::Report }
    }
}

/// Where an event was put.
pub(crate) struct Placed {
    pub(crate) sequence: u64,
    pub(crate) cin: Cin,
    pub(crate) event_identifier: u32,
    pub(crate) record_type: IriType,
    /// Another one was closed for it: with which item that was last heard of.
    pub(crate) given_up: Option<u64>,
}

/// An event to be put into its sequence.
pub(crate) struct Arrival<'a> {
    pub(crate) warrant: &'a Arc<Warrant>,
    pub(crate) key: Key,
    pub(crate) is_named: bool,
    pub(crate) category: Option<Category>,
    pub(crate) status: Status,
    pub(crate) time: Time,
    /// With which item it came, and when.
    pub(crate) turn: u64,
    pub(crate) now: Time,
}

/// Every sequence that is followed.
#[derive(Default)]
pub(crate) struct Sequences {
    all: HashMap<u64, Sequence>,
    /// Those that go on.
    open: HashMap<Key, u64>,
    /// The one not heard of for longest first.
    by_turn: BTreeSet<(u64, u64)>,
    next: u64,
}

impl Sequences {
    pub(crate) fn get(&self, sequence: u64) -> Option<&Sequence> {
        self.all.get(&sequence)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Puts an event into its sequence, a new one if there is none or it begins one; `cin` gives the number for that. Where there are
    /// as many as there may be, the one not heard of for longest is closed.
    pub(crate) fn place(
        &mut self,
        arrival: &Arrival<'_>,
        settings: &Settings,
        records: &mut Vec<Record>,
        cin: impl FnOnce() -> Cin,
    ) -> Placed {
        let (idle, mut given_up) = (settings.idle_time, None);
        let left = |sequence: &Sequence| sequence.is_left_by(arrival.category, arrival.status, arrival.time, idle);
        let going_on = self.open.get(&arrival.key).copied();
        let going_on = going_on.filter(|number| self.all.get(number).is_some_and(|sequence| !left(sequence)));
        let number = going_on.unwrap_or_else(|| {
            given_up = self.make_room(settings.sequences, arrival.now, records);
            self.begin(arrival, cin())
        });
        self.hear(number, arrival.turn, arrival.now);
        let Some(sequence) = self.all.get_mut(&number) else {
            // It was put there if it was not there.
            let (cin, record_type) = (Cin(0), IriType::Report);
            return Placed { sequence: number, cin, event_identifier: 0, record_type, given_up };
        };
        // One that was changed goes on as the other.
        sequence.warrant = Arc::clone(arrival.warrant);
        sequence.latest = sequence.latest.max(arrival.time);
        sequence.events = sequence.events.wrapping_add(1);
        let record_type = sequence.place(arrival.category, arrival.status);
        let (cin, event_identifier) = (sequence.cin, sequence.events);
        if sequence.has_ended && !sequence.is_named {
            // Content of its events may still come.
            self.open.remove(&arrival.key);
        }
        Placed { sequence: number, cin, event_identifier, record_type, given_up }
    }

    fn begin(&mut self, arrival: &Arrival<'_>, cin: Cin) -> u64 {
        self.next += 1;
        let sequence = Sequence {
            warrant: Arc::clone(arrival.warrant),
            cin,
            key: arrival.key,
            events: 0,
            latest: arrival.time,
            heard: arrival.now,
            turn: 0,
            has_begun: false,
            has_login: false,
            is_call: false,
            has_ended: false,
            is_named: arrival.is_named,
        };
        self.all.insert(self.next, sequence);
        self.open.insert(arrival.key, self.next);
        self.next
    }

    /// Notes that a sequence was heard of, with this item.
    pub(crate) fn hear(&mut self, number: u64, turn: u64, now: Time) {
        let Some(sequence) = self.all.get_mut(&number) else { return };
        self.by_turn.remove(&(sequence.turn, number));
        (sequence.turn, sequence.heard) = (turn, now);
        self.by_turn.insert((turn, number));
    }

    /// Notes that covered content of one of its events came, of so late a time: a call goes on while it is spoken.
    pub(crate) fn goes_on(&mut self, number: u64, time: Time) {
        if let Some(sequence) = self.all.get_mut(&number) {
            sequence.latest = sequence.latest.max(time);
        }
    }

    /// Lets each warrant that was taken back be succeeded by another, where there is one.
    pub(crate) fn succeed(&mut self, mut successor: impl FnMut(&Arc<Warrant>) -> Option<Arc<Warrant>>) {
        for sequence in self.all.values_mut() {
            if sequence.warrant.revoked.load(Ordering::Relaxed)
                && let Some(warrant) = successor(&sequence.warrant)
            {
                sequence.warrant = warrant;
            }
        }
    }

    /// Closes what was not heard of for the idle time, and what a warrant that was taken back covered.
    pub(crate) fn close_idle(&mut self, now: Time, idle: Duration, records: &mut Vec<Record>) {
        while let Some(&(_, number)) = self.by_turn.first() {
            if self.all.get(&number).is_some_and(|sequence| now.since(sequence.heard) <= idle) {
                return;
            }
            self.close(number, now, records);
        }
    }

    /// Closes the one not heard of for longest, if there are so many; gives with which item that was.
    fn make_room(&mut self, most: usize, now: Time, records: &mut Vec<Record>) -> Option<u64> {
        if self.all.len() < most.max(1) {
            return None;
        }
        let (turn, number) = *self.by_turn.first()?;
        self.close(number, now, records);
        Some(turn)
    }

    fn close(&mut self, number: u64, now: Time, records: &mut Vec<Record>) {
        let Some(sequence) = self.all.remove(&number) else { return };
        self.by_turn.remove(&(sequence.turn, number));
        if self.open.get(&sequence.key) == Some(&number) {
            self.open.remove(&sequence.key);
        }
        let mandate = Arc::clone(&sequence.warrant.mandate);
        records.push(Record { mandate, cin: sequence.cin, time: now, body: Body::Closed });
    }
}
