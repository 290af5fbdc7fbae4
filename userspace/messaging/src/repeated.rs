//! What was said and told already. A system that had no answer says the same again, and it must not be told twice.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use hashbrown::HashMap;
use ring::hmac;
use writ_wire::Time;

/// Stands for an event or a piece, or for one under a warrant: nothing can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// Its octets.
    pub fn octets(self) -> [u8; 16] {
        self.0
    }

    fn signed(context: hmac::Context) -> Self {
        Self(context.sign().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// That of these octets.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Makes keys: keyed with a secret, so that nobody outside can make two that are alike, or try whether one is that of an event.
pub(crate) struct Keys(hmac::Key);

impl Keys {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// That of these parts, of one kind.
    pub(crate) fn of(&self, kind: &'static str, parts: &[&[u8]]) -> Key {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [kind.as_bytes()].iter().chain(parts) {
            // With its length, so that parts cannot be divided in another way.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        Key::signed(context)
    }

    /// That of a value, in this process alone: how a value is hashed may change from one version to the next.
    pub(crate) fn of_value(&self, value: impl Hash) -> Key {
        let mut context = InContext(hmac::Context::with_key(&self.0));
        value.hash(&mut context);
        Key::signed(context.0)
    }
}

/// Passes on what is hashed.
struct InContext(hmac::Context);

impl Hasher for InContext {
    fn write(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the signature has all of it.
        0
    }
}

/// What was told by one call, so that it can be taken back, or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event or the piece, under the warrant.
    pub key: Key,
    /// The LEMF.
    pub lemf: usize,
    /// Whether it is of an event, which may be said again after a restart; else of a piece, which then may not.
    pub is_event: bool,
}

/// Keys, each for its time.
#[derive(Debug)]
pub(crate) struct Repeated {
    /// And when each came.
    known: HashMap<Key, Time>,
    by_age: VecDeque<(Time, Key)>,
    most: usize,
    time: Duration,
}

impl Repeated {
    pub(crate) fn new(most: usize, time: Duration) -> Self {
        Self { known: HashMap::new(), by_age: VecDeque::new(), most, time }
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.known.contains_key(&key)
    }

    /// Notes that this comes now. `false`: it was there already.
    pub(crate) fn note(&mut self, key: Key, now: Time) -> bool {
        if self.known.contains_key(&key) {
            return false;
        }
        self.known.insert(key, now);
        self.by_age.push_back((now, key));
        true
    }

    /// It did not come after all.
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
            // What was forgotten and came again stands there twice.
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
        let keys = Keys::new(&[7; 32]);
        let of = |text: &str| keys.of("event", &[text.as_bytes()]);
        let mut repeated = Repeated::new(2, Duration::from_secs(10));
        assert!(repeated.note(of("a"), at(0)));
        assert!(!repeated.note(of("a"), at(1)));
        repeated.forget(of("a"));
        assert!(repeated.note(of("a"), at(2)), "what was not told may be told again");
        assert_eq!(repeated.trim(at(11)), 0);
        assert!(!repeated.note(of("a"), at(12)), "it was told at 2, not at 0");
        let mut repeated = Repeated::new(2, Duration::from_secs(10));
        for (second, text) in [(0, "a"), (1, "b"), (2, "c")] {
            assert!(repeated.note(of(text), at(second)));
        }
        assert_eq!(repeated.trim(at(3)), 1, "the oldest beyond the limit");
        assert!(repeated.note(of("a"), at(3)) && !repeated.note(of("c"), at(3)));
        assert_eq!(repeated.trim(at(30)), 0, "old ones are no loss");
        assert!(repeated.known.is_empty() && repeated.by_age.is_empty());
    }

    #[test]
    fn a_key_is_that_of_its_parts_its_kind_and_its_secret() {
        let keys = Keys::new(&[7; 32]);
        let key = keys.of("event", &[b"ab", b"c"]);
        assert_eq!(key, Keys::new(&[7; 32]).of("event", &[b"ab", b"c"]), "in another process too");
        for other in [
            keys.of("event", &[b"a", b"bc"]),
            keys.of("event", &[b"ab", b"c", b""]),
            keys.of("part", &[b"ab", b"c"]),
            Keys::new(&[8; 32]).of("event", &[b"ab", b"c"]),
        ] {
            assert_ne!(key, other);
        }
    }
}
