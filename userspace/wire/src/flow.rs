//! The flow table: a slab of flows, found by the addresses and ports of their packets, in lists by how dear they are.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use hashbrown::HashTable;

use crate::Time;
use crate::conn::Conn;
use crate::ip::Address;
use crate::streams::{Connection, Direction};
use crate::tcp::Segment;

/// Flows in one allocation: growing the slab never moves what is there.
const CHUNK: usize = 1024;
/// No flow.
const NONE: u32 = u32::MAX;

/// What a connection's packets have in common, the same for both directions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    low: (Address, u16),
    high: (Address, u16),
    v6: bool,
    /// Two VLAN identifiers where these count, else 0.
    vlans: u32,
}

impl Key {
    /// The key of a segment, and whether its sender is the `low` end.
    pub(crate) fn of(segment: &Segment<'_>, vlans: u32) -> (Self, bool) {
        let source = (segment.ends.source, segment.source_port);
        let destination = (segment.ends.destination, segment.destination_port);
        let is_low = source <= destination;
        let (low, high) = if is_low { (source, destination) } else { (destination, source) };
        (Self { low, high, v6: segment.ends.v6, vlans }, is_low)
    }

    fn socket(&self, (address, port): (Address, u16)) -> SocketAddr {
        let ip = match address.first_chunk::<4>() {
            Some(v4) if !self.v6 => IpAddr::V4(Ipv4Addr::from(*v4)),
            _ => IpAddr::V6(Ipv6Addr::from(address)),
        };
        SocketAddr::new(ip, port)
    }
}

/// Which list a flow is in. They are listed in the order in which they give way when the table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Its end was seen; what is left of it only keeps late packets from looking like a new flow.
    Ending,
    /// Nothing but SYNs.
    HalfOpen,
    /// No payload yet, or only one end heard.
    Quiet,
    /// Payload, and both ends heard.
    Active,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Ending, Self::HalfOpen, Self::Quiet, Self::Active];
}

/// A flow and its session.
pub(crate) struct Flow<T> {
    key: Key,
    pub(crate) client_is_low: bool,
    pub(crate) started_by_syn: bool,
    /// Whether a packet without SYN was seen: the handshake is over, or was before the capture started.
    pub(crate) is_established: bool,
    pub(crate) has_payload: bool,
    pub(crate) class: Class,
    /// Who sent an RST that was believed.
    pub(crate) reset_by: Option<Direction>,
    vlan: u16,
    pub(crate) conn: Conn,
    /// `None` when the connection was closed and the flow lingers.
    pub(crate) session: Option<T>,
    /// When the RST was captured, or when the session was closed.
    pub(crate) over: Time,
    /// The sequence number of a SYN that may start a new connection in this one's place.
    pub(crate) challenger: Option<u32>,
    in_class: Links,
    in_wait: Links,
    pub(crate) waits: bool,
}

impl<T> Flow<T> {
    pub(crate) fn new(key: Key, client_is_low: bool, started_by_syn: bool, vlans: u32) -> Self {
        Self {
            key,
            client_is_low,
            started_by_syn,
            is_established: false,
            has_payload: false,
            class: Class::HalfOpen,
            reset_by: None,
            vlan: (vlans & 0x0fff) as u16,
            conn: Conn::default(),
            session: None,
            over: Time::MIN,
            challenger: None,
            in_class: Links::default(),
            in_wait: Links::default(),
            waits: false,
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        let (client, server) =
            if self.client_is_low { (self.key.low, self.key.high) } else { (self.key.high, self.key.low) };
        Connection {
            client: self.key.socket(client),
            server: self.key.socket(server),
            started_by_syn: self.started_by_syn,
            vlan: self.vlan,
        }
    }

    /// When either end was last heard.
    pub(crate) fn heard(&self) -> Time {
        self.conn.client.heard.max(self.conn.server.heard)
    }

    /// Whether both FINs were reached and acknowledged.
    pub(crate) fn is_over(&self) -> bool {
        [&self.conn.client, &self.conn.server].iter().all(|half| half.ended && half.acked > half.next)
    }

    /// The class that it should be in.
    pub(crate) fn due_class(&self) -> Class {
        let (client, server) = (&self.conn.client, &self.conn.server);
        if self.session.is_none() || self.reset_by.is_some() || client.ended || server.ended {
            Class::Ending
        } else if !self.is_established {
            Class::HalfOpen
        } else if self.has_payload && client.seen && server.seen {
            Class::Active
        } else {
            Class::Quiet
        }
    }
}

/// Neighbours in a list, and since when.
#[derive(Clone, Copy, Default)]
struct Links {
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
    index: HashTable<u32>,
    hasher: SeedableRandomState,
    chunks: Vec<Vec<Option<Flow<T>>>>,
    free: Vec<u32>,
    classes: [List; 4],
    waiting: List,
}

impl<T> Table<T> {
    /// A table that never needs to be hashed anew as long as it holds no more than `capacity` flows.
    pub(crate) fn new(capacity: usize, seed: Option<u64>) -> Self {
        let hasher = match seed {
            Some(seed) => SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            None => SeedableRandomState::random(),
        };
        let empty = List { first: NONE, last: NONE };
        Self {
            index: HashTable::with_capacity(capacity),
            hasher,
            chunks: Vec::new(),
            free: Vec::new(),
            classes: [empty; 4],
            waiting: empty,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Flow<T>> {
        slot_mut(&mut self.chunks, id)?.as_mut()
    }

    pub(crate) fn find(&self, key: &Key) -> Option<u32> {
        let is_it = |id: &u32| slot(&self.chunks, *id).is_some_and(|flow| flow.key == *key);
        self.index.find(self.hasher.hash_one(key), is_it).copied()
    }

    /// Puts a flow in, as the most recently used of its class.
    pub(crate) fn insert(&mut self, flow: Flow<T>, now: Time) -> u32 {
        let (key, class) = (flow.key, flow.class);
        let id = self.free.pop().unwrap_or_else(|| {
            let id = self.chunks.iter().map(Vec::len).sum::<usize>();
            if id.is_multiple_of(CHUNK) {
                self.chunks.push(Vec::with_capacity(CHUNK));
            }
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.push(None);
            }
            id as u32
        });
        if let Some(slot) = slot_mut(&mut self.chunks, id) {
            *slot = Some(flow);
        }
        let (hasher, chunks) = (&self.hasher, &self.chunks);
        let rehash = |id: &u32| slot(chunks, *id).map_or(0, |flow| hasher.hash_one(flow.key));
        self.index.insert_unique(hasher.hash_one(key), id, rehash);
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
        if let Ok(entry) = self.index.find_entry(self.hasher.hash_one(key), |found| *found == id) {
            entry.remove();
        }
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
