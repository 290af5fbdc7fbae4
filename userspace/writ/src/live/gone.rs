//! Which connections of a worker are let go, and which of them has been silent for long.

use std::collections::HashMap;

use writ_capture::afxdp::FlowKey;

/// Connections that are looked at, at most, to find one that is silent.
const LOOKS: usize = 8;

/// The connections of one worker that are let go.
#[derive(Default)]
pub struct Gone {
    /// Where each stands in the row.
    at: HashMap<FlowKey, usize>,
    /// With when it was last heard, as far as it was looked at.
    row: Vec<(FlowKey, u64)>,
    /// Which is looked at next: a clock's hand.
    hand: usize,
}

impl Gone {
    /// Adds one that is not there.
    pub fn insert(&mut self, key: FlowKey) {
        if self.at.insert(key, self.row.len()).is_none() {
            self.row.push((key, 0));
        }
    }

    /// Whether it was there, as it is not any more.
    pub fn remove(&mut self, key: &FlowKey) -> bool {
        let Some(at) = self.at.remove(key).filter(|at| *at < self.row.len()) else { return false };
        self.row.swap_remove(at);
        if let Some((moved, _)) = self.row.get(at) {
            self.at.insert(*moved, at);
        }
        true
    }

    /// Any one.
    pub fn any(&self) -> Option<FlowKey> {
        self.row.last().map(|(key, _)| *key)
    }

    /// One that was not heard since it was last looked at, or after so many looks the next; `seen` gives when one was last heard.
    pub fn silent(&mut self, seen: impl Fn(&FlowKey) -> u64) -> Option<FlowKey> {
        let mut found = None;
        for _ in 0..LOOKS.min(self.row.len()) {
            self.hand = if self.hand < self.row.len() { self.hand } else { 0 };
            let (key, before) = self.row.get_mut(self.hand)?;
            found = Some(*key);
            let now = seen(key);
            if now == *before {
                break;
            }
            *before = now;
            self.hand += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> FlowKey {
        [number; 5]
    }

    #[test]
    fn who_is_there_is_known() {
        let mut gone = Gone::default();
        assert_eq!((gone.any(), gone.silent(|_| 0)), (None, None));
        (0..5).for_each(|number| gone.insert(key(number)));
        assert!(gone.remove(&key(1)) && !gone.remove(&key(1)));
        // The last took its place.
        assert!(gone.remove(&key(4)) && !gone.remove(&key(4)));
        let mut rest = Vec::new();
        while let Some(key) = gone.any() {
            assert!(gone.remove(&key));
            rest.push(key[0]);
        }
        rest.sort_unstable();
        assert_eq!(rest, [0, 2, 3]);
    }

    #[test]
    fn who_was_heard_since_is_spared() {
        let mut gone = Gone::default();
        (0..3).for_each(|number| gone.insert(key(number)));
        // The second alone was not heard.
        let seen = |key: &FlowKey| if key[0] == 1 { 0 } else { 7 };
        assert_eq!(gone.silent(seen), Some(key(1)));
        gone.remove(&key(1));
        // The hand goes on: the third was heard, and the first not again.
        assert_eq!(gone.silent(seen), Some(key(0)));
        gone.remove(&key(0));
        assert_eq!(gone.silent(seen), Some(key(2)));
    }
}
