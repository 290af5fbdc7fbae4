//! Records whose sender waits until they are safe: what an ingest endpoint has, which must not say that it has taken something
//! before it has.
//!
//! Safe is what is in the spool and synced; where an LEMF has none, what is in its buffer.

use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::Sender;
use writ_intercept::record::Record;

use crate::buffer::Buffer;
use crate::pdu::Interface;
use crate::spool::{Spool, Ticket};

/// Records that go together.
pub struct Consignment {
    /// In their order.
    pub records: Vec<Record>,
    /// The LEMFs for whose spools the receipt stands, also where none of the records is for them.
    pub lemfs: Vec<usize>,
    /// Takes the receipt, where one is wanted.
    pub receipt: Option<Sender<Receipt>>,
}

/// What became of a consignment.
#[derive(Default)]
pub struct Receipt {
    /// LEMFs whose buffer was full: some of it was dropped.
    pub(crate) dropped: Vec<usize>,
    /// Places in spools that are to be synced.
    pub(crate) tickets: Vec<(usize, Ticket)>,
}

/// Whether a consignment is safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody {
    /// LEMFs that do not get all of it: a buffer or a spool was full, and something went, as its policy has it. That is counted, and
    /// the LEMF is told.
    pub dropped: Vec<usize>,
    /// LEMFs for which it is on its way and not on disk.
    pub unsettled: Vec<usize>,
}

impl Custody {
    /// Whether all of it is where it is to be: safe, or gone by the policy of its LEMF and told.
    pub fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }
}

impl Receipt {
    /// Waits until all of it is safe or cannot be, no longer than until then.
    pub fn wait(self, deadline: Instant) -> Custody {
        let mut custody = Custody { dropped: self.dropped, unsettled: Vec::new() };
        for (lemf, ticket) in self.tickets {
            match ticket.wait(deadline) {
                Kept::Synced => {}
                Kept::Dropped => custody.dropped.push(lemf),
                Kept::Unsettled => custody.unsettled.push(lemf),
            }
        }
        custody
    }
}

/// What became of PDUs that were given to a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are on disk, synced.
    Synced,
    /// Some were not taken.
    Dropped,
    /// Some are not on disk, or not yet.
    Unsettled,
}

/// Where PDUs for a connection go in.
#[derive(Clone)]
pub(crate) enum Entrance {
    Buffer(Arc<Buffer>),
    Spool(Arc<Spool>),
}

/// Whether there is room for what is to come, of each LEMF in the order of the outlets.
#[derive(Clone, Default)]
pub struct Rooms(pub(crate) Vec<Vec<(Interface, Entrance)>>);

/// How an LEMF stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// There is room.
    Free,
    /// There is none: the LEMF takes less than comes. What comes goes by its policy.
    Full,
    /// There is none at the moment: the disk takes less than comes.
    Busy,
}

impl Rooms {
    /// Whether an LEMF has room for records with so many octets of content, and some more around them. It may be another the next
    /// moment: this keeps a burst from being faster than a disk, and the receipt tells how it ended.
    pub fn room(&self, lemf: usize, content_octets: usize) -> Room {
        let of = |(interface, entrance): &(Interface, Entrance)| {
            let octets = match interface {
                Interface::Hi2 => 0,
                Interface::Hi3 => content_octets,
            };
            // Headers of segments, parties of an event.
            let octets = octets + octets / 64 + MARGIN;
            match entrance {
                Entrance::Buffer(buffer) if buffer.has_room_for(octets) => Room::Free,
                Entrance::Buffer(_) => Room::Full,
                Entrance::Spool(spool) => spool.room_for(octets),
            }
        };
        self.0.get(lemf).into_iter().flatten().map(of).max().unwrap_or(Room::Free)
    }
}

/// Octets of an event's IRI, generously.
const MARGIN: usize = 128 * 1024;
