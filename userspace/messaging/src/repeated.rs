//! What was told already. A system that had no answer says the same again, and it must not be told twice.
//!
//! Only of what a warrant covers anything is remembered: of what made no record, a repetition makes none either.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use hashbrown::HashMap;
use writ_wire::Time;

/// Stands for an event or a piece, under one warrant: nothing can be read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u128);

/// Makes keys: keyed, so that nobody outside can make two that are alike.
#[derive(Debug, Default)]
pub(crate) struct Keys(RandomState, RandomState);

impl Keys {
    pub(crate) fn of(&self, value: impl Hash) -> Key {
        Key(u128::from(self.0.hash_one(&value)) << 64 | u128::from(self.1.hash_one(&value)))
    }
}

/// What was told by one call, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub(crate) key: Key,
    /// The LEMF.
    pub lemf: usize,
}

/// The keys of what was told.
#[derive(Debug)]
pub(crate) struct Repeated {
    /// And when each was.
    known: HashMap<Key, Time>,
    by_age: VecDeque<(Time, Key)>,
    most: usize,
    time: Duration,
}

impl Repeated {
    pub(crate) fn new(most: usize, time: Duration) -> Self {
        Self { known: HashMap::new(), by_age: VecDeque::new(), most, time }
    }

    /// Notes that this is told now. `false`: it was already.
    pub(crate) fn note(&mut self, key: Key, now: Time) -> bool {
        if self.known.contains_key(&key) {
            return false;
        }
        self.known.insert(key, now);
        self.by_age.push_back((now, key));
        true
    }

    /// It was not told after all.
    pub(crate) fn forget(&mut self, key: Key) {
        self.known.remove(&key);
    }

    /// Forgets what is old, and then the oldest beyond the limit; gives how many of those.
    pub(crate) fn trim(&mut self, now: Time) -> u64 {
        let mut early = 0;
        while let Some((at, key)) = self.by_age.front().copied() {
            let is_old = now.since(at) > self.time;
            if !is_old && self.by_age.len() <= self.most {
                break;
            }
            self.by_age.pop_front();
            // What was forgotten and told again stands there twice.
            if self.known.get(&key) == Some(&at) {
                self.known.remove(&key);
                early += u64::from(!is_old);
            }
        }
        early
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_known_for_its_time_and_no_longer() {
        let at = |seconds| Time::from_parts(seconds, 0);
        let keys = Keys::default();
        let mut repeated = Repeated::new(2, Duration::from_secs(10));
        assert!(repeated.note(keys.of("a"), at(0)));
        assert!(!repeated.note(keys.of("a"), at(1)));
        repeated.forget(keys.of("a"));
        assert!(repeated.note(keys.of("a"), at(2)), "what was not told may be told again");
        assert_eq!(repeated.trim(at(11)), 0);
        assert!(!repeated.note(keys.of("a"), at(12)), "it was told at 2, not at 0");
        let mut repeated = Repeated::new(2, Duration::from_secs(10));
        for (second, text) in [(0, "a"), (1, "b"), (2, "c")] {
            assert!(repeated.note(keys.of(text), at(second)));
        }
        assert_eq!(repeated.trim(at(3)), 1, "the oldest beyond the limit");
        assert!(repeated.note(keys.of("a"), at(3)) && !repeated.note(keys.of("c"), at(3)));
        assert_eq!(repeated.trim(at(30)), 0, "old ones are no loss");
        assert!(repeated.known.is_empty() && repeated.by_age.is_empty());
    }
}
