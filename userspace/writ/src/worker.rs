//! A worker: everything from a frame to the record, run to completion on one core.

use std::sync::Arc;

use arc_swap::ArcSwap;
use crossbeam::channel::{Sender, TrySendError};
use writ_handover::cin::CinAllocator;
use writ_intercept::record::{Cin, Record};
use writ_intercept::{CinSource, Context, Counters, Session, Settings, TargetIndex};
use writ_wire::{Close, Connection, Direction, Packet, Streams, Time};

/// What a full queue to the delivery core means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The record is dropped and counted: the wire does not wait.
    Drop,
    /// The worker waits: a capture file does.
    Wait,
}

/// The warrants in force, which a reload swaps.
pub type Targets = Arc<ArcSwap<TargetIndex>>;

struct Cins(CinAllocator);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.allocate()
    }
}

/// What a worker keeps besides the flows.
pub struct Worker {
    targets: Targets,
    /// The index of the batch at hand.
    index: Arc<TargetIndex>,
    settings: Arc<Settings>,
    cins: Cins,
    counters: Counters,
    records: Vec<Record>,
    delivery: Sender<Record>,
    when_full: WhenFull,
    records_dropped: u64,
}

impl Worker {
    /// A worker whose records go to `delivery`.
    pub fn new(
        targets: Targets,
        settings: Arc<Settings>,
        cins: CinAllocator,
        delivery: Sender<Record>,
        when_full: WhenFull,
    ) -> Self {
        Self {
            index: targets.load_full(),
            targets,
            settings,
            cins: Cins(cins),
            counters: Counters::default(),
            records: Vec::new(),
            delivery,
            when_full,
            records_dropped: 0,
        }
    }

    /// Hands the batch's records on, and takes up a change of warrants.
    pub fn end_batch(&mut self) {
        for record in self.records.drain(..) {
            match self.when_full {
                // Delivery is gone only when the program is ending, and then it has counted what it left.
                WhenFull::Wait => self.records_dropped += u64::from(self.delivery.send(record).is_err()),
                WhenFull::Drop => match self.delivery.try_send(record) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.records_dropped += 1,
                },
            }
        }
        if !std::ptr::eq(Arc::as_ptr(&self.index), Arc::as_ptr(&self.targets.load())) {
            self.index = self.targets.load_full();
        }
    }

    /// What interception counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Records that delivery had no room for.
    pub fn records_dropped(&self) -> u64 {
        self.records_dropped
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            index: &self.index,
            settings: &self.settings,
            cins: &self.cins,
            counters: &mut self.counters,
            records: &mut self.records,
        }
    }
}

impl Streams for Worker {
    type Session = Session;

    fn open(&mut self, connection: &Connection, _time: Time) -> Session {
        Session::open(connection, &mut self.context())
    }

    fn packet(&mut self, session: &mut Session, packet: &Packet<'_>) {
        session.packet(packet, &mut self.context());
    }

    fn octets(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, octets: &[u8]) {
        session.octets(from, time, offset, octets, &mut self.context());
    }

    fn gap(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, length: u64) {
        session.gap(from, time, offset, length, &mut self.context());
    }

    fn close(&mut self, session: Session, _connection: &Connection, time: Time, how: Close) {
        session.close(time, how, &mut self.context());
    }
}
