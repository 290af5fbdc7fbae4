//! Content as IP packets: the packets of a session are held until it is known what of their payload is covered.
//!
//! A packet can carry octets of two transactions, of which one is covered. It goes out whole, as the form asks, with
//! every octet overwritten that is not covered; and the same is done with a password. Checksums stay as they were.

use std::collections::VecDeque;

use bytes::Bytes;
use writ_wire::{Direction as From, Packet, Time};

use crate::context::Context;
use crate::cover::{Covers, Piece, Side};

/// Ranges kept for each direction: enough for retransmissions and acknowledgements that come late.
const MAX_RANGES: usize = 64;

/// A range of a stream that may be handed over.
struct Range {
    start: u64,
    end: u64,
    side: Side,
    /// The octets to show instead of those of the packet.
    shown: Option<Bytes>,
}

/// What of both streams may be handed over under one warrant.
#[derive(Default)]
pub(crate) struct Granted {
    from_client: VecDeque<Range>,
    from_server: VecDeque<Range>,
}

impl Granted {
    fn of(&self, from: From) -> &VecDeque<Range> {
        match from {
            From::FromClient => &self.from_client,
            From::FromServer => &self.from_server,
        }
    }

    /// Adds what `piece` covers.
    pub(crate) fn add(&mut self, side: Side, piece: &Piece) {
        let ranges = match piece.from {
            From::FromClient => &mut self.from_client,
            From::FromServer => &mut self.from_server,
        };
        let (start, end) = (piece.offset, piece.offset + piece.octets.len() as u64);
        let shown = piece.redacted.then(|| piece.octets.clone());
        match ranges.back_mut() {
            Some(last) if last.end == start && last.side == side && last.shown.is_none() && shown.is_none() => {
                last.end = end
            }
            _ => {
                ranges.push_back(Range { start, end, side, shown });
                if ranges.len() > MAX_RANGES {
                    ranges.pop_front();
                }
            }
        }
    }
}

struct Held {
    from: From,
    time: Time,
    offset: u64,
    payload_at: usize,
    payload: usize,
    acknowledges: Option<u64>,
    ip: Vec<u8>,
}

/// The packets of one session that are not yet decided on.
#[derive(Default)]
pub(crate) struct Tape {
    packets: VecDeque<Held>,
    octets: usize,
    /// Octets of packets that had to be let go undecided.
    let_go: u64,
}

impl Tape {
    /// Holds a packet.
    pub(crate) fn hold(&mut self, packet: &Packet<'_>, limit: usize) {
        self.octets += packet.ip.len() + size_of::<Held>();
        self.packets.push_back(Held {
            from: packet.from,
            time: packet.time,
            offset: packet.offset,
            payload_at: packet.payload_at,
            payload: packet.payload.len(),
            acknowledges: packet.acknowledges,
            ip: packet.ip.to_vec(),
        });
        while self.octets > limit {
            let Some(first) = self.packets.pop_front() else { return };
            self.octets -= first.ip.len() + size_of::<Held>();
            self.let_go += first.ip.len() as u64;
        }
    }

    /// Octets of packets that were let go undecided since this was last asked.
    pub(crate) fn take_let_go(&mut self) -> u64 {
        std::mem::take(&mut self.let_go)
    }

    /// Hands over what is covered, and drops the rest: the session's reading has caught up with `caught_up` of each
    /// direction (client, server), so packets up to there will never be decided otherwise.
    pub(crate) fn decide(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, caught_up: (u64, u64)) {
        let mut waiting = VecDeque::new();
        for held in self.packets.drain(..) {
            let upto = match held.from {
                From::FromClient => caught_up.0,
                From::FromServer => caught_up.1,
            };
            if held.payload > 0 && held.offset + held.payload as u64 > upto {
                waiting.push_back(held);
                continue;
            }
            self.octets = self.octets.saturating_sub(held.ip.len() + size_of::<Held>());
            hand_over(&held, covers, ctx);
        }
        self.packets = waiting;
    }
}

fn hand_over(held: &Held, covers: &mut Covers, ctx: &mut Context<'_>) {
    let covered: Vec<_> =
        covers.iter().enumerate().filter_map(|(at, cover)| Some((at, covered_part(held, &cover.granted)?))).collect();
    for (at, (side, packet)) in covered {
        covers.tell_packet(at, ctx, side.direction(held.from), held.time, packet);
    }
}

/// The packet as it may be handed over; `None` where nothing of it is covered.
fn covered_part(held: &Held, granted: &Granted) -> Option<(Side, Bytes)> {
    if held.payload == 0 {
        let upto = held.acknowledges?;
        let range = granted.of(held.from.flip()).iter().find(|range| range.start < upto && upto <= range.end)?;
        return Some((range.side, Bytes::copy_from_slice(&held.ip)));
    }
    let end = held.offset + held.payload as u64;
    let mut shown: Option<(Side, Vec<u8>)> = None;
    for range in granted.of(held.from) {
        let (from, to) = (range.start.max(held.offset), range.end.min(end));
        if from >= to {
            continue;
        }
        let (_, packet) = shown.get_or_insert_with(|| {
            let mut packet = held.ip.clone();
            if let Some(payload) = packet.get_mut(held.payload_at..) {
                payload.fill(b'*');
            }
            (range.side, packet)
        });
        let place = |offset: u64| held.payload_at + (offset - held.offset) as usize;
        let source = match &range.shown {
            Some(octets) => octets.get((from - range.start) as usize..(to - range.start) as usize),
            None => held.ip.get(place(from)..place(to)),
        };
        if let (Some(source), Some(target)) = (source, packet.get_mut(place(from)..place(to))) {
            target.copy_from_slice(source);
        }
    }
    shown.map(|(side, packet)| (side, Bytes::from(packet)))
}
