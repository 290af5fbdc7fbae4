//! The life of flows: which segment opens one, which ends one, and which one gives way.

use std::time::Duration;

use crate::conn::{Received, Scope};
use crate::flow::{Class, Flow, Key, Table};
use crate::settings::Settings;
use crate::streams::{Close, Direction, Flags, Streams};
use crate::tcp::Segment;
use crate::{Counters, Time};

/// How many flows of a class are looked at for one that was not used since it was put in its list, before one is evicted
/// that was. It bounds what one new flow can cost.
const EVICTION_LOOKS: usize = 8;
/// A flow in a list is looked at again after its time-out divided by this, so that a time-out is late by that part at most.
const LOOKS_A_TIMEOUT: u32 = 8;
/// A packet time that is further than this from the one before may be a broken time stamp: real captures have some, decades
/// ahead or at zero.
const STEP: Duration = Duration::from_secs(600);
/// How many packets in a row must be that far ahead before the clock follows them …
const STEP_AHEAD: usize = 16;
/// … and that far back, which ends every flow that was open before.
const STEP_BACK: usize = 64;

/// In place of the flow of a packet that has none.
const NO_FLOW: u32 = u32::MAX;

/// The flows and their clock.
pub(crate) struct Tracker<S: Streams> {
    table: Table<S::Session>,
    /// Octets held in all flows.
    held: usize,
    /// The latest time seen.
    now: Time,
    /// The flows of the last packets, as long as each of these was far from the clock.
    far_off: Vec<u32>,
}

impl<S: Streams> Tracker<S> {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { table: Table::new(settings.max_flows, settings.hash_seed), held: 0, now: Time::MIN, far_off: Vec::new() }
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

    /// Moves the clock to the time of a packet. It does not go back for packets that come late; but when many in a row are far in
    /// the past, this is another capture, and what was open in the last one is closed.
    pub(crate) fn advance_clock(&mut self, time: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        let is_near = time.since(self.now).max(self.now.since(time)) < STEP;
        if is_near || self.now == Time::MIN {
            self.far_off.clear();
            self.now = self.now.max(time);
            return;
        }
        let is_back = time < self.now;
        if self.far_off.len() < if is_back { STEP_BACK } else { STEP_AHEAD } {
            // Its flow is noted when it is known, if it has one.
            self.far_off.push(NO_FLOW);
            return;
        }
        let recent = std::mem::take(&mut self.far_off);
        if is_back {
            self.close_all(&recent, settings, counters, streams);
        }
        self.now = time;
        // By the old clock these were heard long ago, or will be.
        for id in recent {
            self.table.refresh(id, time);
        }
    }

    /// Takes in a segment to or from a server port.
    pub(crate) fn segment(
        &mut self,
        segment: &Segment<'_>,
        vlans: u32,
        time: Time,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        let key_vlans = if settings.vlan_in_key { vlans } else { 0 };
        let (key, is_low) = Key::of(segment, key_vlans);
        let mut found = self.table.find(&key);
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
                self.table.insert(flow, self.now)
            }
        };
        if let Some(last) = self.far_off.last_mut() {
            *last = id;
        }
        self.receive(id, segment, is_low, time, settings, counters, streams);
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
        match received {
            // Whoever sent an RST has forgotten the connection: if it goes on all the same, the RST was forged.
            Received::Taken if flow.reset_by == Some(from) && !segment.payload.is_empty() => flow.reset_by = None,
            Received::Reset if flow.reset_by.is_none() => {
                flow.reset_by = Some(from);
                flow.over = time;
            }
            Received::OffWindow if segment.flags.has(Flags::RST) => counters.resets_off_window += 1,
            _ => {}
        }
        let is_refused = flow.reset_by.is_some() && !flow.is_established;
        let is_over = flow.is_over();
        let must_wait = flow.conn.is_waiting() || flow.reset_by.is_some();
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
            // The client goes on from its new SYN, in a capture without the server's side; or payload after the end: of a
            // connection that an RST did not end after all, or whose SYN was not captured.
            let answers = challenger.is_some_and(|isn| segment.sequence == isn.wrapping_add(1));
            let is_revived = flow.session.is_none()
                && flow.reset_by == Some(from)
                && here.position(segment.sequence) >= here.next
                && !segment.payload.is_empty();
            answers || is_revived
        };
        if is_new {
            self.close(id, now, Close::Reused, settings, counters, streams);
            self.table.remove(id);
        }
        is_new
    }

    /// Moves the clock, and ends the waits and the flows whose time is up.
    pub(crate) fn tick(&mut self, now: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        self.now = self.now.max(now);
        let now = self.now;
        while let Some((id, since)) = self.table.waiting()
            && now.since(since) >= settings.hold_time / LOOKS_A_TIMEOUT
        {
            self.table.stop_waiting(id);
            self.look_again(id, settings, counters, streams);
        }
        for class in Class::ALL {
            let patience = timeout(class, settings);
            while let Some((id, since)) = self.table.oldest(class)
                && now.since(since) >= patience / LOOKS_A_TIMEOUT
            {
                let heard = self.table.get_mut(id).map_or(Time::MIN, |flow| flow.heard());
                if now.since(heard) < patience {
                    self.table.reclass(id, class, now);
                    continue;
                }
                self.close(id, heard.after(patience), Close::Idle, settings, counters, streams);
                self.table.remove(id);
            }
        }
    }

    /// Ends everything.
    pub(crate) fn finish(&mut self, now: Time, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        self.tick(now, settings, counters, streams);
        self.close_all(&[], settings, counters, streams);
        debug_assert_eq!(self.held, 0, "every octet held was given back");
        self.held = 0;
    }

    /// Closes every flow but some.
    fn close_all(&mut self, except: &[u32], settings: &Settings, counters: &mut Counters, streams: &mut S) {
        for class in Class::ALL {
            let mut kept = 0;
            while let Some((id, _)) = self.table.oldest(class)
                && kept <= except.len()
            {
                if except.contains(&id) {
                    kept += 1;
                    self.table.reclass(id, class, self.now);
                    continue;
                }
                self.close(id, self.now, Close::Shutdown, settings, counters, streams);
                self.table.remove(id);
            }
        }
    }

    /// A flow that waited: is it late?
    fn look_again(&mut self, id: u32, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let Some(session) = &mut flow.session else { return };
        let mut scope = Scope { streams, session, counters, settings, held: &mut self.held, now, flush: false };
        flow.conn.advance(&mut scope);
        // By the clock, and not by the packet's own time, which may be broken.
        let reset_at = flow.reset_by.map(|from| flow.conn.half(from).heard);
        let is_reset = reset_at.is_some_and(|at| now.since(at) >= settings.hold_time);
        let must_wait = flow.conn.is_waiting() || flow.reset_by.is_some();
        let (class, due, over) = (flow.class, flow.due_class(), flow.over);
        if is_reset {
            self.close(id, over, Close::Reset, settings, counters, streams);
            self.table.reclass(id, Class::Ending, now);
        } else if flow.is_over() {
            let time = flow.heard();
            self.close(id, time, Close::Fin, settings, counters, streams);
            self.table.reclass(id, Class::Ending, now);
        } else {
            if class != due {
                self.table.reclass(id, due, now);
            }
            if must_wait {
                self.table.wait(id, now);
            }
        }
    }

    /// Hands over all that is held, reports what was never captured, and ends the session. The flow stays in the table.
    fn close(
        &mut self,
        id: u32,
        time: Time,
        how: Close,
        settings: &Settings,
        counters: &mut Counters,
        streams: &mut S,
    ) {
        let now = self.now;
        let Some(flow) = self.table.get_mut(id) else { return };
        let Some(mut session) = flow.session.take() else { return };
        let mut scope =
            Scope { streams, session: &mut session, counters, settings, held: &mut self.held, now, flush: true };
        flow.conn.advance(&mut scope);
        flow.conn.report_tails(&mut scope);
        // What was seen of its end says more than what made the table give it up.
        let (how, time) = match how {
            _ if flow.reset_by.is_some() => (Close::Reset, flow.over.max(Time::MIN)),
            Close::Idle | Close::Reused if flow.conn.client.ended || flow.conn.server.ended => (Close::Fin, time),
            Close::Shutdown | Close::Evicted if flow.conn.client.ended && flow.conn.server.ended => (Close::Fin, time),
            how => (how, time),
        };
        match how {
            Close::Fin => counters.flows_closed_fin += 1,
            Close::Reset => counters.flows_closed_reset += 1,
            Close::Idle => counters.flows_closed_idle += 1,
            Close::Reused => counters.flows_closed_reused += 1,
            Close::Evicted => counters.flows_evicted += 1,
            Close::Shutdown => counters.flows_closed_shutdown += 1,
        }
        let connection = flow.connection();
        self.table.stop_waiting(id);
        streams.close(session, &connection, time, how);
    }

    /// Makes a place in the table, when it is full, at the expense of the flow that is missed least.
    fn make_room(&mut self, settings: &Settings, counters: &mut Counters, streams: &mut S) {
        if self.table.len() < settings.max_flows.max(1) {
            return;
        }
        for class in Class::ALL {
            for look in 0..=EVICTION_LOOKS {
                let Some((id, since)) = self.table.oldest(class) else { break };
                let was_used = self.table.get_mut(id).is_some_and(|flow| flow.heard() > since);
                if was_used && look < EVICTION_LOOKS {
                    self.table.reclass(id, class, self.now);
                    continue;
                }
                self.close(id, self.now, Close::Evicted, settings, counters, streams);
                self.table.remove(id);
                return;
            }
        }
    }
}

fn direction<T>(flow: &Flow<T>, sender_is_low: bool) -> Direction {
    if flow.client_is_low == sender_is_low { Direction::FromClient } else { Direction::FromServer }
}

fn timeout(class: Class, settings: &Settings) -> Duration {
    match class {
        Class::Ending => settings.linger_time,
        Class::HalfOpen => settings.half_open_time,
        Class::Quiet | Class::Active => settings.idle_time,
    }
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
