//! Both directions of a connection, and the order between them.
//!
//! A segment that acknowledges up to A was sent by an end that had received everything before A. So its octets are delivered
//! only after the other direction has been delivered up to A, and whoever reads both directions sees them as the ends did, even
//! when the capture put them out of order. Nothing waits for longer than the limits allow: what is missing then becomes a gap.

use crate::settings::Settings;
use crate::stream::{Half, Span};
use crate::streams::{Direction, Flags, Packet, Streams};
use crate::tcp::Segment;
use crate::{Counters, Time};

/// How far beyond what was sent an RST may lie: the receiver of an RST takes it anywhere in its window, which is at least
/// this much when the capture missed what came before.
const RESET_SLACK: u64 = 65_535;

/// Both directions of a connection.
#[derive(Default)]
pub(crate) struct Conn {
    pub(crate) client: Half,
    pub(crate) server: Half,
}

/// What delivery needs beside the connection.
pub(crate) struct Scope<'a, S: Streams> {
    pub(crate) streams: &'a mut S,
    pub(crate) session: &'a mut S::Session,
    pub(crate) counters: &'a mut Counters,
    pub(crate) settings: &'a Settings,
    /// Octets held in all flows.
    pub(crate) held: &'a mut usize,
    /// The table's clock.
    pub(crate) now: Time,
    /// Whether to wait for nothing any more.
    pub(crate) flush: bool,
}

/// Why a direction cannot go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stall {
    /// It is not known yet where it starts.
    Start,
    /// Octets before the first held piece are missing.
    Hole,
    /// The first held piece acknowledges octets of the other direction that are missing.
    Peer,
}

/// What a segment did to its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// It belongs to it.
    Taken,
    /// It is too far away to belong to it.
    OffWindow,
    /// It is an RST that the other end will believe.
    Reset,
}

impl Conn {
    pub(crate) fn half(&self, from: Direction) -> &Half {
        match from {
            Direction::FromClient => &self.client,
            Direction::FromServer => &self.server,
        }
    }

    /// The half that `from` sends, and the other.
    pub(crate) fn pair(&mut self, from: Direction) -> (&mut Half, &mut Half) {
        match from {
            Direction::FromClient => (&mut self.client, &mut self.server),
            Direction::FromServer => (&mut self.server, &mut self.client),
        }
    }

    /// Whether anything is held.
    pub(crate) fn is_waiting(&self) -> bool {
        self.client.held.is_some() || self.server.held.is_some()
    }

    /// Takes in a segment.
    pub(crate) fn receive<S: Streams>(
        &mut self,
        from: Direction,
        segment: &Segment<'_>,
        time: Time,
        scope: &mut Scope<'_, S>,
    ) -> Received {
        let (here, there) = self.pair(from);
        let flags = segment.flags;
        let (syn, reset) = (flags.has(Flags::SYN), flags.has(Flags::RST));
        let sequence = segment.sequence.wrapping_add(u32::from(syn));
        here.heard = here.heard.max(scope.now);
        if reset {
            return self.receive_reset(from, segment, time, scope);
        }
        here.seen = true;
        here.absent = false;
        if !here.is_known() {
            here.start(sequence);
        }
        let mut span = Span { at: here.position(sequence), octets: segment.payload, cut: segment.cut };
        let has_payload = !segment.payload.is_empty() || segment.cut > 0;
        let jump = u64::from(scope.settings.max_jump);
        let far = span.at.abs_diff(here.next) > jump;
        // Until a direction's start is settled, the earliest octet that came is its start.
        if syn && (!here.anchored || here.is_untouched() && span.at < here.next) {
            here.place(span.at);
            here.anchored = true;
        } else if has_payload && !far && !here.anchored && (span.at < here.next || here.held.is_none()) {
            here.place(span.at);
        }

        let mut need = 0;
        if flags.has(Flags::ACK) && !far {
            if !there.is_known() {
                there.start(segment.acknowledgement);
                // A SYN-ACK, and the first packet that answers one, acknowledge the SYN and nothing more.
                there.anchored = syn || here.anchored && here.is_untouched() && span.at == here.origin;
            }
            let position = there.position(segment.acknowledgement);
            if position > there.top().saturating_add(jump) {
                scope.counters.acks_unbelieved += 1;
            } else {
                need = position;
                there.acknowledge(position, scope.now);
            }
        }
        let packet = Packet {
            from,
            time,
            ip: segment.ip,
            payload_at: segment.payload_at,
            payload: segment.payload,
            offset: here.offset(span.at),
            acknowledges: (need >= there.origin && need != 0).then(|| there.offset(there.needed(need))),
            flags,
        };
        scope.streams.packet(scope.session, &packet);
        if far {
            scope.counters.off_window += 1;
            return Received::OffWindow;
        }

        let fin = flags.has(Flags::FIN).then(|| span.end());
        if here.anchored && !syn && fin.is_none() && span.at + 1 == here.next && span.end() <= here.next {
            scope.counters.keep_alives += 1;
        }
        if here.anchored && span.at < here.next {
            scope.counters.retransmitted_octets += here.next.min(span.end()) - span.at;
            span = span.within(here.next, u64::MAX);
        }
        let passes_fin = span.end() > span.at && here.fin().is_some_and(|fin| span.end() > fin);
        if passes_fin && here.ended && here.acked > here.next {
            // The receiver took the FIN, so it takes nothing after it.
            scope.counters.after_close += 1;
            return Received::Taken;
        }
        if passes_fin {
            // A FIN that the sender itself goes past was none.
            here.ended = false;
            if let Some(held) = &mut here.held {
                held.fin = None;
            }
        }
        if span.end() > span.at {
            self.take(from, span, need, time, scope);
        }
        if let Some(fin) = fin {
            self.take_fin(from, fin, time, scope);
        }
        if self.is_waiting() {
            self.advance(scope);
        }
        Received::Taken
    }

    /// Delivers octets where they lie, or holds a copy.
    fn take<S: Streams>(&mut self, from: Direction, span: Span<'_>, need: u64, time: Time, scope: &mut Scope<'_, S>) {
        let (here, there) = self.pair(from);
        let in_order = here.anchored && span.at == here.next;
        let peer_is_there = there.next >= there.needed(need);
        if in_order && peer_is_there && here.first_held().is_none_or(|first| first >= span.end()) {
            deliver(here, from, span, time, scope);
            return;
        }
        if !in_order {
            scope.counters.out_of_order += 1;
        } else if !peer_is_there {
            scope.counters.ahead_of_peer += 1;
        }
        *scope.held += here.hold(span, need, time, scope.now, scope.counters);
    }

    fn take_fin<S: Streams>(&mut self, from: Direction, fin: u64, time: Time, scope: &mut Scope<'_, S>) {
        let (here, _) = self.pair(from);
        if here.ended || here.anchored && fin < here.next {
            return;
        }
        if here.anchored && fin == here.next && here.held.is_none() {
            end(here, from, time, scope);
        } else {
            here.hold_fin(fin, scope.now);
        }
    }

    /// An RST is believed where its receiver would believe it (RFC 9293 §3.10.7.4): in the window, or, when nothing is known of
    /// its sender, when it acknowledges what the other end sent.
    fn receive_reset<S: Streams>(
        &mut self,
        from: Direction,
        segment: &Segment<'_>,
        time: Time,
        scope: &mut Scope<'_, S>,
    ) -> Received {
        let (here, there) = self.pair(from);
        let at = here.position(segment.sequence);
        let acknowledged = there.position(segment.acknowledgement);
        let answers = segment.flags.has(Flags::ACK) && (there.next..=there.top()).contains(&acknowledged);
        let is_believed = if here.is_known() {
            (here.acked.min(here.next)..=here.top() + RESET_SLACK).contains(&at)
        } else {
            there.is_known() && answers
        };
        let packet = Packet {
            from,
            time,
            ip: segment.ip,
            payload_at: segment.payload_at,
            payload: segment.payload,
            offset: here.offset(at),
            acknowledges: answers.then(|| there.offset(there.needed(acknowledged))),
            flags: segment.flags,
        };
        scope.streams.packet(scope.session, &packet);
        if is_believed { Received::Reset } else { Received::OffWindow }
    }

    /// Delivers all that can be, and turns into gaps what has been waited for long enough.
    pub(crate) fn advance<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        use Direction::{FromClient, FromServer};
        loop {
            if self.drain(FromClient, scope) | self.drain(FromServer, scope) {
                continue;
            }
            let stalls = (self.stall(FromClient), self.stall(FromServer));
            if stalls == (Some(Stall::Peer), Some(Stall::Peer)) {
                self.untie(scope);
                continue;
            }
            let late = [(FromClient, stalls.0), (FromServer, stalls.1)].into_iter().find_map(|(from, stall)| {
                stall.filter(|stall| self.is_late(from, *stall, scope)).map(|stall| (from, stall))
            });
            match late {
                Some((from, stall)) => self.resolve(from, stall, scope),
                None => break,
            }
        }
    }

    /// Reports what the ends acknowledged and nobody captured at the end of the streams. When the FIN was not captured
    /// either, its sequence number is counted as an octet, for nothing tells it from one.
    pub(crate) fn report_tails<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        for from in [Direction::FromClient, Direction::FromServer] {
            let (here, _) = self.pair(from);
            let to = here.needed(here.acked);
            if here.is_known() && to > here.next {
                gap(here, from, to, scope.now, scope);
            }
        }
    }

    /// Delivers the held pieces of one direction that nothing stands before any more.
    fn drain<S: Streams>(&mut self, from: Direction, scope: &mut Scope<'_, S>) -> bool {
        let (here, there) = self.pair(from);
        let mut moved = false;
        while here.anchored
            && let Some(held) = &mut here.held
        {
            let Some((at, piece)) = held.pieces.first_key_value() else {
                let (fin, since) = (held.fin, held.since);
                if fin.is_none_or(|fin| fin <= here.next) {
                    here.held = None;
                    if fin == Some(here.next) {
                        end(here, from, since, scope);
                    }
                    return true;
                }
                break;
            };
            let is_old = at + piece.length() <= here.next;
            if !is_old && (*at > here.next || there.next < there.needed(piece.need)) {
                break;
            }
            moved = true;
            deliver_first(here, from, scope);
        }
        moved
    }

    fn stall(&self, from: Direction) -> Option<Stall> {
        let here = self.half(from);
        let first = here.first_held()?;
        Some(match here.anchored {
            false => Stall::Start,
            true if first > here.next => Stall::Hole,
            true => Stall::Peer,
        })
    }

    /// Whether a direction has waited for long enough.
    fn is_late<S: Streams>(&self, from: Direction, stall: Stall, scope: &mut Scope<'_, S>) -> bool {
        let (here, there) = (self.half(from), self.half(from.flip()));
        let Some(held) = &here.held else { return false };
        if scope.flush || stall == Stall::Peer && there.absent {
            return true;
        }
        if held.cost > scope.settings.hold_octets || *scope.held > scope.settings.held_octets {
            scope.counters.hold_limits += 1;
            return true;
        }
        let patience = if stall == Stall::Hole && self.is_unacknowledged(from) {
            scope.settings.retransmit_time
        } else {
            scope.settings.hold_time
        };
        scope.now.since(held.since) >= patience
    }

    /// Whether the receiver is heard and lacks what is missing here as well.
    fn is_unacknowledged(&self, from: Direction) -> bool {
        let (here, there) = (self.half(from), self.half(from.flip()));
        here.acked <= here.next && here.held.as_ref().is_some_and(|held| there.heard > held.since)
    }

    /// Ends a direction's wait.
    fn resolve<S: Streams>(&mut self, from: Direction, stall: Stall, scope: &mut Scope<'_, S>) {
        let is_lost = stall == Stall::Hole
            && self.is_unacknowledged(from)
            && self
                .half(from)
                .held
                .as_ref()
                .is_some_and(|held| !scope.flush && scope.now.since(held.since) >= scope.settings.retransmit_time);
        let (here, there) = self.pair(from);
        let Some(held) = &here.held else { return };
        let (since, first) = (held.since, held.pieces.first_key_value());
        let (time, need) = first.map_or((since, 0), |(_, piece)| (piece.time, piece.need));
        match stall {
            Stall::Start => here.anchored = true,
            // Nobody sent the missing octets again, and nobody asked for them: what is held never arrived, or was never meant
            // to (a segment made to be seen by a tap alone).
            Stall::Hole if is_lost => {
                scope.counters.unacknowledged_octets +=
                    held.pieces.values().map(|piece| piece.octets.len() as u64).sum::<u64>();
                *scope.held -= held.cost;
                here.held = None;
            }
            Stall::Hole => {
                let to = here.first_held().unwrap_or(here.next);
                gap(here, from, to, time, scope);
            }
            Stall::Peer if !there.anchored => {
                there.anchored = true;
                there.absent = there.heard <= since;
            }
            Stall::Peer => {
                there.absent = there.heard <= since;
                let need = there.needed(need);
                let to = there.first_held().map_or(need, |first| first.min(need));
                gap(there, from.flip(), to, time, scope);
            }
        }
    }

    /// Each direction's first piece acknowledges octets of the other's that were not delivered: one of the two is a
    /// retransmission, which acknowledges what the original could not know. That is the one captured later.
    fn untie<S: Streams>(&mut self, scope: &mut Scope<'_, S>) {
        let time = |half: &Half| {
            half.held.as_ref().and_then(|held| held.pieces.first_key_value()).map(|(_, piece)| piece.time)
        };
        let from = if time(&self.client) > time(&self.server) { Direction::FromClient } else { Direction::FromServer };
        deliver_first(self.pair(from).0, from, scope);
    }
}

/// Takes the first held piece out, and delivers what of it is new.
fn deliver_first<S: Streams>(here: &mut Half, from: Direction, scope: &mut Scope<'_, S>) {
    let Some(held) = &mut here.held else { return };
    let before = held.cost;
    let Some((at, piece)) = held.pop() else { return };
    *scope.held -= before - held.cost;
    if let Some((_, next)) = held.pieces.first_key_value() {
        held.since = next.arrived;
    }
    let span = Span { at, octets: &piece.octets, cut: piece.cut }.within(here.next, u64::MAX);
    deliver(here, from, span, piece.time, scope);
}

/// Hands on octets that start at `next`, and what the capture cut of them as a gap.
fn deliver<S: Streams>(here: &mut Half, from: Direction, span: Span<'_>, time: Time, scope: &mut Scope<'_, S>) {
    if !span.octets.is_empty() {
        let offset = here.offset(span.at);
        here.next = span.at + span.octets.len() as u64;
        scope.counters.delivered_octets += span.octets.len() as u64;
        scope.streams.octets(scope.session, from, time, offset, span.octets);
    }
    gap(here, from, here.next + u64::from(span.cut), time, scope);
}

/// Goes on at `to`, past octets that were never captured.
fn gap<S: Streams>(here: &mut Half, from: Direction, to: u64, time: Time, scope: &mut Scope<'_, S>) {
    let length = to.saturating_sub(here.next);
    if length > 0 {
        let offset = here.offset(here.next);
        here.next = to;
        here.anchored = true;
        scope.counters.gaps += 1;
        scope.counters.gap_octets += length;
        scope.streams.gap(scope.session, from, time, offset, length);
    }
}

fn end<S: Streams>(here: &mut Half, from: Direction, time: Time, scope: &mut Scope<'_, S>) {
    here.ended = true;
    let offset = here.offset(here.next);
    scope.streams.end(scope.session, from, time, offset);
}
