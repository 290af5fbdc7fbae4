//! Both directions of a connection, and the order between them.
//!
//! A segment that acknowledges up to A was sent by an end that had received everything before A. So its octets are delivered
//! only after the other direction has been delivered up to A, and whoever reads both directions sees them as the ends did, even
//! when the capture put them out of order. Nothing waits for longer than the limits allow: what is missing then becomes a gap.

use crate::delivery::{deliver, end};
use crate::settings::Settings;
use crate::stream::{Half, Span};
use crate::streams::{Direction, Flags, Packet, Streams};
use crate::tcp::Segment;
use crate::{Counters, Time};

/// How far beyond what was sent an RST may lie: the receiver of an RST takes it anywhere in its window, which is at least
/// this much when the capture missed what came before.
const RESET_SLACK: u64 = 65_535;

/// How far back a segment may lie and still be a retransmission: more than any sender keeps to send again.
const LATE: u64 = 16 << 20;

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
        here.believed = false;
        here.absent = false;
        // A server that keeps no state for half-open connections may answer a repeated SYN with another number.
        let is_new_answer =
            syn && here.is_vacant() && flags.has(Flags::ACK) && segment.acknowledgement == there.origin as u32;
        if !here.is_known() || is_new_answer {
            here.start(sequence);
            // The SYN's own number is not acknowledged yet.
            here.acked -= u64::from(syn);
        }
        let mut span = Span { at: here.position(sequence), octets: segment.payload, cut: segment.cut };
        // Where the capture began in mid-stream, a NUL alone is no start: so a keep-alive probe looks that sends an octet which the
        // stream does not have (RFC 9293 §3.8.4).
        if !here.anchored && here.is_vacant() && span.octets == [0] {
            scope.counters.keep_alives += 1;
            span = span.within(span.end(), u64::MAX);
        }
        let has_payload = span.end() > span.at;
        let jump = u64::from(scope.settings.max_jump);
        let is_far = span.at.saturating_sub(here.next) > jump || span.end() + LATE < here.next;
        let is_far = is_far && (here.anchored || here.held.is_some());
        // Until a direction's start is settled, the earliest octet that came is its start.
        if syn && (!here.anchored || here.is_untouched() && span.at < here.next) {
            here.place(span.at);
            here.anchored = true;
        } else if has_payload && !is_far && !here.anchored && (span.at < here.next || here.held.is_none()) {
            here.place(span.at);
        }

        let mut need = 0;
        if flags.has(Flags::ACK) && !is_far {
            // A SYN-ACK, and the first packet that answers one, acknowledge the SYN and nothing more.
            let is_first = syn || here.anchored && here.is_untouched() && span.at == here.origin;
            let distance = there.position(segment.acknowledgement).abs_diff(there.next);
            if !there.is_known() || is_first && there.is_vacant() && there.acked < there.next && distance > jump {
                there.start(segment.acknowledgement);
                there.anchored = is_first;
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
            fragments: segment.fragments,
            payload_at: segment.payload_at,
            payload: segment.payload,
            offset: here.offset(span.at),
            acknowledges: (need >= there.origin && need != 0).then(|| there.offset(there.needed(need))),
            flags,
        };
        scope.streams.packet(scope.session, &packet);
        if is_far {
            scope.counters.off_window += 1;
            return Received::OffWindow;
        }
        here.sent = here.sent.max(span.end());

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
        if here.anchored && fin == here.next && here.held.as_ref().is_none_or(|held| held.pieces.is_empty()) {
            // Another FIN that waited further ahead was none.
            here.held = None;
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
            fragments: segment.fragments,
            payload_at: segment.payload_at,
            payload: segment.payload,
            offset: here.offset(at),
            acknowledges: answers.then(|| there.offset(there.needed(acknowledged))),
            flags: segment.flags,
        };
        scope.streams.packet(scope.session, &packet);
        if !is_believed {
            return Received::OffWindow;
        }
        here.sent = here.sent.max(at);
        Received::Reset
    }
}
