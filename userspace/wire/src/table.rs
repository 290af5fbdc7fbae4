//! The flow table: a slab of flows, found by the addresses and ports of their packets, in lists by how dear they are.

use std::hash::BuildHasher;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use prefetch_index::prefetch_index;

use crate::Time;
use crate::flow::{Class, Flow, Key};
use crate::index::Index;

/// Flows in one allocation: growing the slab never moves what is there.
const CHUNK: usize = 1024;
/// No flow.
const NONE: u32 = u32::MAX;

/// Neighbours in a list, and since when.
#[derive(Clone, Copy, Default)]
pub(crate) struct Links {
    before: u32,
    after: u32,
    since: Time,
}

/// A doubly linked list through the slab, oldest first.
#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

/// Which of a flow's links.
#[derive(Clone, Copy)]
enum Chain {
    Class,
    Wait,
}

impl<T> Flow<T> {
    fn links(&mut self, chain: Chain) -> &mut Links {
        match chain {
            Chain::Class => &mut self.in_class,
            Chain::Wait => &mut self.in_wait,
        }
    }
}

/// All flows.
pub(crate) struct Table<T> {
    index: Index,
    hasher: SeedableRandomState,
    chunks: Vec<Vec<Option<Flow<T>>>>,
    free: Vec<u32>,
    classes: [List; 4],
    waiting: List,
}

impl<T> Table<T> {
    /// An empty one.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let hasher = match seed {
            Some(seed) => SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            None => SeedableRandomState::random(),
        };
        let empty = List { first: NONE, last: NONE };
        Self { index: Index::new(), hasher, chunks: Vec::new(), free: Vec::new(), classes: [empty; 4], waiting: empty }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Flow<T>> {
        slot_mut(&mut self.chunks, id)?.as_mut()
    }

    /// Of a key: what a look-up begins with.
    pub(crate) fn hash(&self, key: &Key) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    pub(crate) fn find(&self, key: &Key, hash: u32) -> Option<u32> {
        self.index.find(hash, |id| slot(&self.chunks, id).is_some_and(|flow| flow.key == *key))
    }

    /// First of what makes a look-up fast: has the index at this hash fetched into the cache.
    pub(crate) fn prefetch_index(&self, hash: u32) {
        self.index.prefetch(hash);
    }

    /// Second: the flow, as a rule, that has this hash.
    pub(crate) fn prefetch_flow(&self, hash: u32) -> Option<u32> {
        let id = self.index.find(hash, |_| true)?;
        let chunk = self.chunks.get(id as usize / CHUNK)?;
        prefetch_index(chunk, id as usize % CHUNK);
        Some(id)
    }

    /// Third: the rest of the flow.
    pub(crate) fn prefetch_parts(&self, id: u32) {
        if let Some(flow) = slot(&self.chunks, id) {
            flow.prefetch();
        }
    }

    /// A session, to have fetched what it keeps elsewhere.
    pub(crate) fn session(&self, id: u32) -> Option<&T> {
        slot(&self.chunks, id)?.session.as_ref()
    }

    /// Puts a flow in, as the most recently used of its class.
    pub(crate) fn insert(&mut self, flow: Flow<T>, hash: u32, now: Time) -> u32 {
        let class = flow.class;
        let id = self.free.pop().unwrap_or_else(|| {
            if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
                self.chunks.push(Vec::with_capacity(CHUNK));
            }
            let before = (self.chunks.len() - 1) * CHUNK;
            self.chunks.last_mut().map_or(NONE, |chunk| {
                chunk.push(None);
                (before + chunk.len() - 1) as u32
            })
        });
        if let Some(slot) = slot_mut(&mut self.chunks, id) {
            *slot = Some(flow);
        }
        self.index.insert(hash, id);
        self.append(Chain::Class, class, id, now);
        id
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Flow<T>> {
        let (key, class, waits) = self.get_mut(id).map(|flow| (flow.key, flow.class, flow.waits))?;
        self.unlink(Chain::Class, class, id);
        if waits {
            self.unlink(Chain::Wait, class, id);
        }
        self.index.remove(self.hash(&key), id);
        self.free.push(id);
        slot_mut(&mut self.chunks, id)?.take()
    }

    /// Makes a flow the most recently used of a class.
    pub(crate) fn reclass(&mut self, id: u32, class: Class, now: Time) {
        let Some(flow) = self.get_mut(id) else { return };
        let old = std::mem::replace(&mut flow.class, class);
        self.unlink(Chain::Class, old, id);
        self.append(Chain::Class, class, id, now);
    }

    /// Makes a flow one that was last heard at `now`, after the clock was set to that.
    pub(crate) fn refresh(&mut self, id: u32, now: Time) {
        let Some(flow) = self.get_mut(id) else { return };
        let (class, waits) = (flow.class, flow.waits);
        for half in [&mut flow.conn.client, &mut flow.conn.server] {
            half.heard = now;
            if let Some(held) = &mut half.held {
                held.since = now;
            }
        }
        self.reclass(id, class, now);
        if waits {
            self.stop_waiting(id);
            self.wait(id, now);
        }
    }

    /// The flow at the head of a class, and when it was put in.
    pub(crate) fn oldest(&mut self, class: Class) -> Option<(u32, Time)> {
        let id = self.classes.get(class as usize)?.first;
        self.get_mut(id).map(|flow| (id, flow.in_class.since))
    }

    /// Puts a flow at the end of those to be looked at again, if it is not there yet.
    pub(crate) fn wait(&mut self, id: u32, now: Time) {
        if let Some(flow) = self.get_mut(id)
            && !std::mem::replace(&mut flow.waits, true)
        {
            self.append(Chain::Wait, Class::Ending, id, now);
        }
    }

    /// The flow that waits longest, and since when.
    pub(crate) fn waiting(&mut self) -> Option<(u32, Time)> {
        let id = self.waiting.first;
        self.get_mut(id).map(|flow| (id, flow.in_wait.since))
    }

    /// Takes a flow off the list of those that wait.
    pub(crate) fn stop_waiting(&mut self, id: u32) {
        if self.get_mut(id).is_some_and(|flow| std::mem::replace(&mut flow.waits, false)) {
            self.unlink(Chain::Wait, Class::Ending, id);
        }
    }

    fn list(&mut self, chain: Chain, class: Class) -> &mut List {
        let [ending, half_open, quiet, active] = &mut self.classes;
        match (chain, class) {
            (Chain::Wait, _) => &mut self.waiting,
            (_, Class::Ending) => ending,
            (_, Class::HalfOpen) => half_open,
            (_, Class::Quiet) => quiet,
            (_, Class::Active) => active,
        }
    }

    fn append(&mut self, chain: Chain, class: Class, id: u32, since: Time) {
        let list = self.list(chain, class);
        let before = std::mem::replace(&mut list.last, id);
        if before == NONE {
            list.first = id;
        } else if let Some(flow) = self.get_mut(before) {
            flow.links(chain).after = id;
        }
        if let Some(flow) = self.get_mut(id) {
            *flow.links(chain) = Links { before, after: NONE, since };
        }
    }

    fn unlink(&mut self, chain: Chain, class: Class, id: u32) {
        let Some(Links { before, after, .. }) = self.get_mut(id).map(|flow| *flow.links(chain)) else { return };
        match self.get_mut(before) {
            Some(flow) => flow.links(chain).after = after,
            None => self.list(chain, class).first = after,
        }
        match self.get_mut(after) {
            Some(flow) => flow.links(chain).before = before,
            None => self.list(chain, class).last = before,
        }
    }
}

fn slot<T>(chunks: &[Vec<Option<Flow<T>>>], id: u32) -> Option<&Flow<T>> {
    chunks.get(id as usize / CHUNK)?.get(id as usize % CHUNK)?.as_ref()
}

fn slot_mut<T>(chunks: &mut [Vec<Option<Flow<T>>>], id: u32) -> Option<&mut Option<Flow<T>>> {
    chunks.get_mut(id as usize / CHUNK)?.get_mut(id as usize % CHUNK)
}
