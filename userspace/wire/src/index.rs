//! From the hash of a flow's key to its place: a hash table of its own, whose lines of the cache can be asked for before they are needed.

use prefetch_index::prefetch_index;

/// Where a flow is. The hash is kept beside it, so that neither a look-up that fails nor the growth of the index touches the
/// flows, each of which is a cache miss.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    id: u32,
}

/// In a place that holds nothing.
const NOBODY: u32 = u32::MAX;
const FREE: Place = Place { hash: 0, id: NOBODY };
/// Places at the start: small enough to stay in the cache while flows are few.
const FIRST: usize = 1 << 14;

/// Open addressing, where what does not find its place free takes the next one: eight places are a line of the cache, and a look-up
/// seldom leaves the line that it begins in. At most three of four places are taken.
pub(crate) struct Index {
    /// As many as a power of two.
    places: Vec<Place>,
    taken: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self { places: vec![FREE; FIRST], taken: 0 }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.taken
    }

    /// Has what a look-up begins with fetched into the cache.
    pub(crate) fn prefetch(&self, hash: u32) {
        prefetch_index(&self.places, self.home(hash));
    }

    /// The first of this hash that `is_it` says yes to.
    pub(crate) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let place = self.place(at);
            if place.id == NOBODY {
                return None;
            }
            if place.hash == hash && is_it(place.id) {
                return Some(place.id);
            }
            at = self.after(at);
        }
    }

    /// Puts one in that is not there.
    pub(crate) fn insert(&mut self, hash: u32, id: u32) {
        if (self.taken + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        self.taken += 1;
        self.put(Place { hash, id });
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, hash: u32, id: u32) {
        let mut hole = self.home(hash);
        loop {
            let place = self.place(hole);
            if place.id == NOBODY {
                return;
            }
            if place.id == id {
                break;
            }
            hole = self.after(hole);
        }
        self.taken -= 1;
        // What was kept from its place by those before it moves up, so that no look-up ends too soon.
        let mut at = hole;
        loop {
            at = self.after(at);
            let place = self.place(at);
            if place.id == NOBODY {
                break;
            }
            let wanted = self.distance(self.home(place.hash), at);
            if wanted >= self.distance(hole, at) {
                self.set(hole, place);
                hole = at;
            }
        }
        self.set(hole, FREE);
    }

    fn grow(&mut self) {
        let doubled = vec![FREE; self.places.len() * 2];
        for place in std::mem::replace(&mut self.places, doubled) {
            if place.id != NOBODY {
                self.put(place);
            }
        }
    }

    fn put(&mut self, place: Place) {
        let mut at = self.home(place.hash);
        while self.place(at).id != NOBODY {
            at = self.after(at);
        }
        self.set(at, place);
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }

    /// How far it is from one place on to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.places.len() - 1)
    }

    fn place(&self, at: usize) -> Place {
        self.places.get(at).copied().unwrap_or(FREE)
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(old) = self.places.get_mut(at) {
            *old = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_grows_and_finds_all() {
        let mut index = Index::new();
        let hash = |id: u32| id.wrapping_mul(0x9e37_79b1);
        (0..100_000).for_each(|id| index.insert(hash(id), id));
        assert!((0..100_000).all(|id| index.find(hash(id), |found| found == id) == Some(id)));
        (0..100_000).step_by(2).for_each(|id| index.remove(hash(id), id));
        assert_eq!(index.len(), 50_000);
        assert!((0..100_000).all(|id| index.find(hash(id), |found| found == id).is_some() == (id % 2 == 1)));
    }

    proptest! {
        /// Few hashes, at the table's end and its begin, so that most do not find their place free.
        #[test]
        fn it_is_what_a_map_is(steps in prop::collection::vec((any::<bool>(), 0..60_u32), 1..400)) {
            let mut index = Index::new();
            let mut map = HashMap::new();
            let hash = |id: u32| (FIRST as u32 - 3) + (id % 7) + ((id % 2) << 20);
            for (adds, id) in steps {
                if adds && map.insert(id, ()).is_none() {
                    index.insert(hash(id), id);
                } else if !adds {
                    map.remove(&id);
                    index.remove(hash(id), id);
                }
                prop_assert_eq!(index.len(), map.len());
                for id in 0..60 {
                    let found = index.find(hash(id), |found| found == id);
                    prop_assert_eq!(found.is_some(), map.contains_key(&id));
                }
            }
        }
    }
}
