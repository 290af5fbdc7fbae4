//! Events whose content may still come, covered or not.
//!
//! Of an event that no warrant covers there is nothing here but its key. It is here so that content of an event that nobody
//! knows can be refused, and so that nobody learns from that who is a target: whether an event is here depends on what its system
//! said, and when, and on nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;
use writ_intercept::messaging::Category;
use writ_wire::Time;

use crate::cover::Role;
use crate::repeated::Key;

/// An event under one warrant that covers it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The event under the warrant.
    pub(crate) told: Key,
    pub(crate) sequence: u64,
    pub(crate) event_identifier: u32,
    pub(crate) category: Option<Category>,
    pub(crate) role: Role,
    /// The target uses its own box.
    pub(crate) is_own_access: bool,
    /// The next `sequence-number` of each leg of its call.
    pub(crate) legs: [u32; 2],
}

/// An event.
#[derive(Debug)]
struct Live {
    /// When it, or content of it, came last.
    heard: Time,
    /// With which item that was.
    turn: u64,
    known: Vec<Known>,
}

/// The events whose content may still come: until the idle time has passed since anything was heard of them.
#[derive(Debug)]
pub(crate) struct LiveEvents {
    all: HashMap<Key, Live>,
    /// The one not heard of for longest first.
    by_turn: BTreeMap<u64, Key>,
    idle: Duration,
}

impl LiveEvents {
    pub(crate) fn new(idle: Duration) -> Self {
        Self { all: HashMap::new(), by_turn: BTreeMap::new(), idle }
    }

    pub(crate) fn is_live(&self, event: Key, now: Time) -> bool {
        self.all.get(&event).is_some_and(|live| now.since(live.heard) <= self.idle)
    }

    /// An event is said for the first time, or anew, with this item.
    pub(crate) fn begin(&mut self, event: Key, turn: u64, now: Time) {
        if let Some(live) = self.all.remove(&event) {
            self.by_turn.remove(&live.turn);
        }
        self.all.insert(event, Live { heard: now, turn: 0, known: Vec::new() });
        self.hear(event, turn, now);
    }

    /// Something is heard of an event, with this item.
    pub(crate) fn hear(&mut self, event: Key, turn: u64, now: Time) {
        let Some(live) = self.all.get_mut(&event) else { return };
        self.by_turn.remove(&live.turn);
        (live.turn, live.heard) = (turn, now);
        self.by_turn.insert(live.turn, event);
    }

    /// The event under each warrant that covers it.
    pub(crate) fn known(&self, event: Key) -> &[Known] {
        self.all.get(&event).map_or(&[], |live| &live.known)
    }

    /// The same, to be changed.
    pub(crate) fn known_mut(&mut self, event: Key) -> &mut [Known] {
        self.all.get_mut(&event).map_or(&mut [], |live| &mut live.known)
    }

    /// Notes where an event stands under a warrant: in place of what was noted, if it has not left after all.
    pub(crate) fn place(&mut self, event: Key, known: Known) {
        let Some(live) = self.all.get_mut(&event) else { return };
        live.known.retain(|before| before.told != known.told);
        live.known.push(known);
    }

    /// Forgets those that are over.
    pub(crate) fn expire(&mut self, now: Time) {
        let idle = self.idle;
        self.forget_while(|live| now.since(live.heard) > idle);
    }

    /// Forgets all of which nothing was heard after this item; says how many these are.
    pub(crate) fn forget_until(&mut self, turn: u64) -> u64 {
        self.forget_while(|live| live.turn <= turn)
    }

    /// Forgets the one not heard of for longest, if there are so many; says how many it forgot.
    pub(crate) fn make_room(&mut self, most: usize) -> u64 {
        let mut over = (self.all.len() + 1).saturating_sub(most.max(1));
        self.forget_while(|_| {
            over = over.wrapping_sub(1);
            over != usize::MAX
        })
    }

    /// Forgets every one; says how many there were.
    pub(crate) fn clear(&mut self) -> u64 {
        let all = self.all.len() as u64;
        self.all.clear();
        self.by_turn.clear();
        all
    }

    fn forget_while(&mut self, mut is_forgotten: impl FnMut(&Live) -> bool) -> u64 {
        let mut forgotten = 0;
        while let Some((_, event)) = self.by_turn.first_key_value() {
            let event = *event;
            if !self.all.get(&event).is_none_or(&mut is_forgotten) {
                break;
            }
            self.by_turn.pop_first();
            self.all.remove(&event);
            forgotten += 1;
        }
        forgotten
    }
}
