//! The room's front: streams in, records out.

use std::sync::Arc;

use writ_wire::{Close, Connection, Direction, Packet, Streams, Time};

use crate::context::{CinSource, Context};
use crate::counters::Counters;
use crate::forward::Forwards;
use crate::index::TargetIndex;
use crate::record::{Record, join_content};
use crate::session::Session;
use crate::settings::Settings;

/// What one worker does with the streams of its flows.
pub struct Interception<C> {
    /// Who is a target. To be replaced when warrants change.
    pub index: Arc<TargetIndex>,
    /// What the operator says.
    pub settings: Arc<Settings>,
    /// What is counted.
    pub counters: Counters,
    /// Records that were made and not yet taken.
    pub records: Vec<Record>,
    forwards: Forwards,
    cins: C,
    /// Octets that the sessions hold together, as far as they were weighed.
    held: usize,
}

impl<C: CinSource> Interception<C> {
    /// Nothing intercepted yet.
    pub fn new(index: Arc<TargetIndex>, settings: Arc<Settings>, cins: C) -> Self {
        Self {
            index,
            settings,
            counters: Counters::default(),
            records: Vec::new(),
            forwards: Forwards::default(),
            cins,
            held: 0,
        }
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            index: &self.index,
            settings: &self.settings,
            cins: &self.cins,
            counters: &mut self.counters,
            records: &mut self.records,
            forwards: &mut self.forwards,
        }
    }

    /// Gives a session up that holds more than all others leave: so a few that hold much go before many that hold little, and
    /// who would fill the memory only fills a share of it.
    fn limit(&mut self, session: &mut Session, time: Time) {
        let held = self.weigh(session);
        if held > self.settings.held_octets.saturating_sub(self.held) {
            self.counters.sessions_given_up += 1;
            session.close(time, Close::Evicted, &mut self.context());
            self.weigh(session);
        }
    }

    /// Counts what the session holds now; gives how much that is.
    fn weigh(&mut self, session: &mut Session) -> usize {
        let (before, held) = session.weigh();
        self.held = self.held.saturating_sub(before) + held;
        held
    }
}

impl<C: CinSource> Streams for Interception<C> {
    type Session = Session;

    fn open(&mut self, connection: &Connection, time: Time) -> Session {
        Session::open(connection, time, &mut self.context())
    }

    fn prefetch(&self, session: &Session) {
        session.prefetch();
    }

    fn packet(&mut self, session: &mut Session, packet: &Packet<'_>) {
        session.packet(packet, &mut self.context());
        // Else a packet by itself makes no session hold more.
        if self.index.wants_packets() {
            self.limit(session, packet.time);
        }
    }

    fn octets(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, octets: &[u8]) {
        let start = self.records.len();
        session.octets(from, time, offset, octets, &mut self.context());
        self.counters.cc_records -= join_content(&mut self.records, start);
        self.limit(session, time);
    }

    fn gap(&mut self, session: &mut Session, from: Direction, time: Time, offset: u64, length: u64) {
        session.gap(from, time, offset, length, &mut self.context());
        self.limit(session, time);
    }

    fn is_unwanted(&self, session: &Session) -> bool {
        session.is_unwanted()
    }

    fn aside(&mut self, session: &mut Session, from: Direction, length: u64) {
        session.aside(from, length);
    }

    fn close(&mut self, mut session: Session, _connection: &Connection, time: Time, how: Close) {
        session.close(time, how, &mut self.context());
        self.weigh(&mut session);
    }
}
