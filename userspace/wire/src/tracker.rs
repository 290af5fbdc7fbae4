//! The life of flows: which segment opens one, which ends one, and which one gives way.

use crate::aside::Order;
use crate::conn::{Received, Scope};
use crate::flow::{Class, Flow, Key};
use crate::settings::Settings;
use crate::streams::{Close, Direction, Flags, Streams};
use crate::table::Table;
use crate::tcp::Segment;
use crate::{Counters, Time};

/// After so many segments in a row that are far off its window, a flow is taken for over.
const MANY_STRAYS: u8 = 16;

/// In place of the flow of a packet that has none.
pub(crate) const NO_FLOW: u32 = u32::MAX;

/// The flows and their clock.
pub(crate) struct Tracker<S: Streams> {
    pub(crate) table: Table<S::Session>,
    /// Octets held in all flows.
    pub(crate) held: usize,
    /// The latest time seen.
    pub(crate) now: Time,
    /// The flows of the last packets, as long as each of these was far from the clock.
    pub(crate) far_off: Vec<u32>,
    /// What was not yet taken of what is to be done about connections that are let go.
    pub(crate) orders: Vec<Order>,
}

/// A segment to or from a server port, and which flow is its.
pub(crate) struct Keyed<'a> {
    pub(crate) segment: Segment<'a>,
    pub(crate) vlans: u32,
    key: Key,
    /// Whether the lower end of the key sent it.
    is_low: bool,
    pub(crate) hash: u32,
}

impl<S: Streams> Tracker<S> {
    /// A segment with its key.
    pub(crate) fn key<'a>(&self, segment: Segment<'a>, vlans: u32, settings: &Settings) -> Keyed<'a> {
        let key_vlans = if settings.vlan_in_key { vlans } else { 0 };
        let (key, is_low) = Key::of(&segment, key_vlans);
        Keyed { segment, vlans, key, is_low, hash: self.table.hash(&key) }
    }

    pub(crate) fn new(settings: &Settings) -> Self {
        Self { table: Table::new(settings.hash_seed), held: 0, now: Time::MIN, far_off: Vec::new(), orders: Vec::new() }
    }

    pub(crate) fn open_flows(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn held_octets(&self) -> usize {
        self.held
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Takes it in.
    pub(crate) fn segment(
        &mut self,
        segment: &Keyed<'_>,
        time: Time,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        let Keyed { ref segment, vlans, key, is_low, hash } = *segment;
        let mut found = self.table.find(&key, hash);
        if let Some(id) = found
            && self.is_replaced(id, segment, is_low, settings, counters, streams)
        {
            found = None;
        }
        let id = match found {
            Some(id) => id,
            None => {
                let Some(client_is_low) = client_is_low(segment, is_low, settings) else {
                    counters.without_flow += 1;
                    return;
                };
                let started_by_syn = segment.flags.has(Flags::SYN);
                let mut flow = Flow::new(key, client_is_low, started_by_syn, vlans);
                flow.session = Some(streams.open(&flow.connection(), time));
                counters.flows_opened += 1;
                counters.flows_midstream += u64::from(!started_by_syn);
                self.make_room(settings, counters, streams);
                self.table.insert(flow, hash, self.now)
            }
        };
        if let Some(last) = self.far_off.last_mut() {
            *last = id;
        }
        self.receive(id, segment, is_low, time, settings, counters, streams);
        self.consider(id, segment, is_low, settings, counters, streams);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one packet, taken apart once")]
    fn receive(
        &mut self,
        id: u32,
        segment: &Segment<'_>,
        is_low: bool,
        time: Time,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let from = direction(flow, is_low);
        Self::go_on(flow, from, segment, counters, streams);
        let Some(session) = &mut flow.session else {
            counters.after_close += 1;
            let (here, _) = flow.conn.pair(from);
            here.heard = here.heard.max(now);
            return;
        };
        let mut scope = Scope { streams, session, counters, settings, held: &mut self.held, now, flush: false };
        let received = flow.conn.receive(from, segment, time, &mut scope);
        flow.is_established |= !segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::RST);
        flow.has_payload |= !segment.payload.is_empty();
        let here = flow.conn.half(from);
        match received {
            // Whoever sent an RST has forgotten the connection: if it goes on all the same, the RST was forged.
            Received::Taken if flow.reset_by == Some(from) && here.sent > flow.reset_at => flow.reset_by = None,
            Received::Taken => flow.strays = 0,
            Received::Reset if flow.reset_by.is_none() => {
                flow.reset_by = Some(from);
                flow.reset_at = here.top();
                flow.over = time;
            }
            Received::Reset => {}
            Received::OffWindow if segment.flags.has(Flags::RST) => counters.resets_off_window += 1,
            Received::OffWindow => flow.strays = flow.strays.saturating_add(1),
        }
        let is_refused = flow.reset_by.is_some() && !flow.is_established;
        let is_over = flow.is_over();
        let must_wait = flow.must_wait();
        let (class, due) = (flow.class, flow.due_class());
        if is_over || is_refused {
            let how = if is_refused { Close::Reset } else { Close::Fin };
            self.close(id, time, how, settings, counters, streams);
            self.table.reclass(id, Class::Ending, now);
            return;
        }
        if class != due {
            self.table.reclass(id, due, now);
        }
        if must_wait {
            self.table.wait(id, now);
        }
    }

    /// Whether the segment belongs to a new connection, for which this flow was taken away.
    fn is_replaced(
        &mut self,
        id: u32,
        segment: &Segment<'_>,
        is_low: bool,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) -> bool {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return false };
        let from = direction(flow, is_low);
        let flags = segment.flags;
        let here = flow.conn.half(from);
        let challenger = flow.challenger;
        let is_new = if flags.has(Flags::RST) {
            false
        } else if flags.has(Flags::SYN) && !flags.has(Flags::ACK) {
            let start = segment.sequence.wrapping_add(1);
            let is_same = !here.is_known() || here.origin as u32 == start
                // Not settled yet where it starts: a SYN that comes late says so.
                || !here.anchored && here.position(start).abs_diff(here.next) <= settings.hold_octets as u64;
            // The old connection is over, or never was one: nobody can be misled. Otherwise anybody could end it
            // with a SYN of their own making, so the server has the last word.
            let is_free = flow.class == Class::Ending || flow.class == Class::HalfOpen;
            if !is_same && !is_free {
                flow.challenger = Some(segment.sequence);
            }
            !is_same && is_free
        } else if flags.has(Flags::SYN) {
            // A SYN-ACK that accepts the challenger, or one of a connection whose SYN was not captured.
            let accepts = challenger.is_some_and(|isn| segment.acknowledgement == isn.wrapping_add(1));
            let is_other = here.anchored && here.origin as u32 != segment.sequence.wrapping_add(1);
            is_other && (accepts || flow.class == Class::Ending)
        } else {
            // Many in a row far away: this is another connection, of which nobody captured the SYN.
            let is_lost = flow.strays >= MANY_STRAYS && !segment.payload.is_empty();
            // The client goes on from its new SYN, in a capture without the server's side; or payload after the end: of a
            // connection that an RST did not end after all, or whose SYN was not captured.
            let answers = challenger.is_some_and(|isn| segment.sequence == isn.wrapping_add(1));
            let is_revived = flow.session.is_none()
                && (flow.reset_by == Some(from) || flow.reset_by.is_none() && !flow.is_over())
                && here.position(segment.sequence) >= here.next
                && !segment.payload.is_empty();
            is_lost || answers || is_revived
        };
        if is_new {
            self.close(id, now, Close::Reused, settings, counters, streams);
            self.table.remove(id);
        }
        is_new
    }
}

pub(crate) fn direction<T>(flow: &Flow<T>, sender_is_low: bool) -> Direction {
    if flow.client_is_low == sender_is_low { Direction::FromClient } else { Direction::FromServer }
}

/// Whether the client of a new flow is the lower end of its key; `None` for a segment that opens no flow: an RST, or one from the
/// middle of a connection that carries nothing.
fn client_is_low(segment: &Segment<'_>, sender_is_low: bool, settings: &Settings) -> Option<bool> {
    let flags = segment.flags;
    let sender_is_client = if flags.has(Flags::RST) {
        return None;
    } else if flags.has(Flags::SYN) {
        !flags.has(Flags::ACK)
    } else if segment.payload.is_empty() {
        return None;
    } else {
        let (source, destination) = (segment.source_port, segment.destination_port);
        match (settings.server_ports.contains(source), settings.server_ports.contains(destination)) {
            (true, false) => false,
            (false, true) => true,
            // Between two mail servers that bind the port they send from, the lower port is the listening one as a rule (25 of 25
            // and 587); between equal ports, whoever is captured first is taken for the client.
            _ => destination <= source,
        }
    };
    Some(sender_is_client == sender_is_low)
}
