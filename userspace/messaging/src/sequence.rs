//! Logical sequences of events: each has a CIN (clause 8.1).
//!
//! A sequence is what its system says that it is (`session`); where it does not say, the events of one box or one target, on one
//! side, with less than the idle time between them. Login and logout, connect and disconnect, begin and end it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use writ_intercept::Warrant;
use writ_intercept::messaging::{BoxEvent, Category, Status};
use writ_intercept::record::{Body, Cin, IriType, Record};
use writ_wire::Time;

use crate::cover::Role;
use crate::repeated::Key;

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
    /// Its place among those heard of.
    turn: u64,
    has_begun: bool,
    has_login: bool,
    /// Whether its system names it.
    is_named: bool,
    /// The events whose content may come later.
    known: VecDeque<Key>,
}

impl Sequence {
    /// Whether an event begins another sequence rather than going on with this one.
    fn is_left_by(&self, category: Option<Category>, status: Status, time: Time, idle: Duration) -> bool {
        let pause = time.since(self.latest).max(self.latest.since(time));
        if pause > idle {
            return true;
        }
        let begins = status != Status::Failed && !self.is_named;
        match category {
            // A call that begins, or a second login, is not part of what went before.
            Some(Category::Box(BoxEvent::Connect)) => begins,
            Some(Category::Box(BoxEvent::Login)) => begins && (self.has_login || !self.has_begun),
            _ => false,
        }
    }

    /// Where an event stands in it, and whether it is over then.
    fn place(&mut self, category: Option<Category>, status: Status) -> (IriType, bool) {
        let Some(Category::Box(event)) = category else { return (self.within(), false) };
        match event {
            // What was refused begins nothing.
            BoxEvent::Connect | BoxEvent::Login if status != Status::Failed => {
                self.has_login |= event == BoxEvent::Login;
                let begins = !self.has_begun && self.events == 1;
                self.has_begun |= begins;
                (if begins { IriType::Begin } else { self.within() }, false)
            }
            BoxEvent::Logout | BoxEvent::Disconnect if status != Status::Failed => {
                (if self.has_begun { IriType::End } else { IriType::Report }, true)
            }
            _ => (self.within(), false),
        }
    }

    /// An event outside any login stands alone.
    fn within(&self) -> IriType {
        if self.has_begun { IriType::Continue } else { IriType::Report }
    }
}

/// An event whose content may come later, under one warrant.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) sequence: u64,
    pub(crate) event_identifier: u32,
    pub(crate) category: Option<Category>,
    pub(crate) role: Role,
    /// The next `sequence-number` of each leg of its call.
    pub(crate) legs: [u32; 2],
}

/// Where an event was put.
pub(crate) struct Placed {
    pub(crate) sequence: u64,
    pub(crate) cin: Cin,
    pub(crate) event_identifier: u32,
    pub(crate) record_type: IriType,
}

/// An event to be put into its sequence.
pub(crate) struct Arrival<'a> {
    pub(crate) warrant: &'a Arc<Warrant>,
    pub(crate) key: Key,
    pub(crate) is_named: bool,
    pub(crate) category: Option<Category>,
    pub(crate) status: Status,
    pub(crate) time: Time,
    pub(crate) now: Time,
}

/// Every sequence that is followed.
#[derive(Default)]
pub(crate) struct Sequences {
    all: HashMap<u64, Sequence>,
    /// Those that go on.
    open: HashMap<Key, u64>,
    /// The one not heard of for longest first.
    by_turn: BTreeMap<u64, u64>,
    known: HashMap<Key, Vec<Known>>,
    next: u64,
    next_turn: u64,
}

impl Sequences {
    pub(crate) fn get(&self, sequence: u64) -> Option<&Sequence> {
        self.all.get(&sequence)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The events of this key, under each warrant that covers them.
    pub(crate) fn known(&self, event: Key) -> &[Known] {
        self.known.get(&event).map_or(&[], Vec::as_slice)
    }

    /// The same, to be changed.
    pub(crate) fn known_mut(&mut self, event: Key) -> &mut [Known] {
        self.known.get_mut(&event).map_or(&mut [], Vec::as_mut_slice)
    }

    /// Puts an event into its sequence, a new one if there is none or it begins one; `cin` gives the number for that.
    pub(crate) fn place(&mut self, arrival: &Arrival<'_>, idle: Duration, cin: impl FnOnce() -> Cin) -> Placed {
        let left = |sequence: &Sequence| sequence.is_left_by(arrival.category, arrival.status, arrival.time, idle);
        let going_on = self.open.get(&arrival.key).copied();
        let going_on = going_on.filter(|number| self.all.get(number).is_some_and(|sequence| !left(sequence)));
        let number = going_on.unwrap_or_else(|| self.begin(arrival, cin()));
        self.hear(number, arrival.now);
        let Some(sequence) = self.all.get_mut(&number) else {
            // It was put there if it was not there.
            return Placed { sequence: number, cin: Cin(0), event_identifier: 0, record_type: IriType::Report };
        };
        sequence.latest = sequence.latest.max(arrival.time);
        sequence.events = sequence.events.wrapping_add(1);
        let (record_type, is_over) = sequence.place(arrival.category, arrival.status);
        let placed = Placed { sequence: number, cin: sequence.cin, event_identifier: sequence.events, record_type };
        if is_over {
            // Content of its events may still come.
            self.open.remove(&arrival.key);
        }
        placed
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
            is_named: arrival.is_named,
            known: VecDeque::new(),
        };
        self.all.insert(self.next, sequence);
        self.open.insert(arrival.key, self.next);
        self.next
    }

    /// Notes that a sequence was heard of.
    pub(crate) fn hear(&mut self, number: u64, now: Time) {
        let Some(sequence) = self.all.get_mut(&number) else { return };
        self.by_turn.remove(&sequence.turn);
        self.next_turn += 1;
        sequence.turn = self.next_turn;
        sequence.heard = now;
        self.by_turn.insert(sequence.turn, number);
    }

    /// Notes that content of one of its events came, of so late a time: a call goes on while it is spoken.
    pub(crate) fn hear_content(&mut self, number: u64, time: Time, now: Time) {
        self.hear(number, now);
        if let Some(sequence) = self.all.get_mut(&number) {
            sequence.latest = sequence.latest.max(time);
        }
    }

    /// Notes an event whose content may come later, and forgets the oldest of its sequence beyond so many; says whether it did.
    pub(crate) fn remember(&mut self, event: Key, known: Known, most: usize) -> bool {
        let number = known.sequence;
        let Some(sequence) = self.all.get_mut(&number) else { return false };
        sequence.known.push_back(event);
        self.known.entry(event).or_default().push(known);
        if sequence.known.len() <= most {
            return false;
        }
        if let Some(oldest) = sequence.known.pop_front() {
            self.forget(oldest, number);
        }
        true
    }

    fn forget(&mut self, event: Key, sequence: u64) {
        if let Some(of) = self.known.get_mut(&event) {
            of.retain(|known| known.sequence != sequence);
            if of.is_empty() {
                self.known.remove(&event);
            }
        }
    }

    /// Closes what was not heard of for the idle time, and what a warrant that was taken back covered.
    pub(crate) fn close_idle(&mut self, now: Time, idle: Duration, records: &mut Vec<Record>) {
        while let Some((_, number)) = self.by_turn.first_key_value() {
            let number = *number;
            if self.all.get(&number).is_some_and(|sequence| now.since(sequence.heard) <= idle) {
                return;
            }
            self.close(number, now, records);
        }
    }

    /// Closes the one not heard of for longest, if there are so many; says whether it did.
    pub(crate) fn make_room(&mut self, most: usize, now: Time, records: &mut Vec<Record>) -> bool {
        if self.all.len() < most.max(1) {
            return false;
        }
        let oldest = self.by_turn.first_key_value().map(|(_, number)| *number);
        oldest.inspect(|number| self.close(*number, now, records)).is_some()
    }

    fn close(&mut self, number: u64, now: Time, records: &mut Vec<Record>) {
        let Some(sequence) = self.all.remove(&number) else { return };
        self.by_turn.remove(&sequence.turn);
        if self.open.get(&sequence.key) == Some(&number) {
            self.open.remove(&sequence.key);
        }
        for event in sequence.known {
            self.forget(event, number);
        }
        let mandate = Arc::clone(&sequence.warrant.mandate);
        records.push(Record { mandate, cin: sequence.cin, time: now, body: Body::Closed });
    }
}
