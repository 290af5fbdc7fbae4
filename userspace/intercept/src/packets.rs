//! Content as IP packets: the packets of a session are held until it is known what of their payload is covered.
//!
//! A packet can carry octets of two transactions, of which one is covered. It goes out whole, as the form asks, with
//! every octet overwritten that is not covered; and the same is done with a password. Checksums stay as they were.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use writ_wire::{Direction as From, Fragment, Packet, Time};

use crate::context::Context;
use crate::cover::{Cover, Covers, Piece, Side};

/// Ranges kept of what was decided, for each direction: enough for retransmissions and acknowledgements that come late.
const MAX_RANGES: usize = 64;
/// No packet is longer.
const LONGEST_PACKET: u64 = 64 * 1024;
/// What it takes to know a packet by its number, and by what it waits for.
const INDEX_COST: usize = 2 * size_of::<(u64, u64)>();
/// Ranges kept while packets wait for a decision. A range takes a command at least, and the packets that are held have an end.
const MAX_WAITING_RANGES: usize = 16 * 1024;

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
        let shown = piece.redacted.then(|| piece.octets.clone());
        self.add_range(piece.from, side, piece.offset, piece.on_wire, shown);
    }

    /// Adds octets as they crossed the wire.
    pub(crate) fn extend(&mut self, from: From, side: Side, offset: u64, octets: u64) {
        self.add_range(from, side, offset, octets, None);
    }

    fn add_range(&mut self, from: From, side: Side, start: u64, octets: u64, shown: Option<Bytes>) {
        let ranges = match from {
            From::FromClient => &mut self.from_client,
            From::FromServer => &mut self.from_server,
        };
        if octets == 0 {
            return;
        }
        let end = start + octets;
        match ranges.back_mut() {
            Some(last) if last.end == start && last.side == side && last.shown.is_none() && shown.is_none() => {
                last.end = end
            }
            _ => {
                ranges.push_back(Range { start, end, side, shown });
                if ranges.len() > MAX_WAITING_RANGES {
                    ranges.pop_front();
                }
            }
        }
    }

    /// How many octets of it are behind these offsets, the client's and the server's: packets with them may still be held.
    pub(crate) fn behind(&self, (client, server): (u64, u64)) -> u64 {
        let behind = |ranges: &VecDeque<Range>, upto: u64| {
            let waiting = ranges.iter().rev().take_while(|range| range.end > upto);
            waiting.map(|range| range.end - range.start.max(upto)).sum::<u64>()
        };
        behind(&self.from_client, client) + behind(&self.from_server, server)
    }

    /// Forgets what stands before these offsets, the client's and the server's: only packets that were decided on can have needed it.
    fn trim(&mut self, (client, server): Offsets) {
        for (ranges, before) in [(&mut self.from_client, client), (&mut self.from_server, server)] {
            while ranges.len() > MAX_RANGES && ranges.pop_front_if(|range| range.end <= before).is_some() {}
            if ranges.capacity() > 4 * MAX_RANGES.max(ranges.len()) {
                ranges.shrink_to(MAX_RANGES);
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
    /// The offset of the other direction up to which it acknowledges.
    acknowledges: Option<u64>,
    ip: Vec<u8>,
    /// What it came in, if it did not come whole.
    fragments: Vec<HeldFragment>,
}

/// A fragment as it was captured: the form asks for packets as they were.
struct HeldFragment {
    time: Time,
    ip: Vec<u8>,
    payload_at: usize,
    /// Where its payload lies in the whole packet.
    at: usize,
}

impl HeldFragment {
    /// The fragment with nothing in it but what `shown` has of its packet.
    fn of(&self, shown: &[u8]) -> Bytes {
        let mut ip = self.ip.clone();
        if let Some(payload) = ip.get_mut(self.payload_at..) {
            let part = shown.get(self.at..).unwrap_or_default();
            let part = part.get(..payload.len()).unwrap_or(part);
            let (inside, past) = payload.split_at_mut(part.len());
            inside.copy_from_slice(part);
            past.fill(b'*');
        }
        Bytes::from(ip)
    }
}

impl Held {
    /// What it takes to hold it.
    fn cost(&self) -> usize {
        let fragments = self.fragments.iter().map(|fragment| fragment.ip.len() + size_of::<HeldFragment>());
        self.ip.len() + size_of::<Self>() + INDEX_COST + fragments.sum::<usize>()
    }

    /// The stream that says what becomes of it, and the offset up to which that must be known: the end of what it carries, or else
    /// of what it acknowledges of the other direction.
    fn awaits(&self) -> (From, u64) {
        match self.acknowledges {
            _ if self.payload > 0 => (self.from, self.offset + self.payload as u64),
            Some(upto) => (self.from.flip(), upto),
            None => (self.from, 0),
        }
    }
}

/// Offsets of the client's and of the server's stream.
type Offsets = (u64, u64);

fn of(from: From, (client, server): Offsets) -> u64 {
    match from {
        From::FromClient => client,
        From::FromServer => server,
    }
}

/// The packets of one session that are not yet decided on.
///
/// Each waits for its own octets alone, and not for the packets before it: a command goes without an answer for as long as a
/// mail takes, and one packet that says it stands far ahead, which anybody can send, must not stop what comes behind it.
#[derive(Default)]
pub(crate) struct Tape {
    /// By the order in which they were captured.
    packets: BTreeMap<u64, Box<Held>>,
    /// What they wait for, of the client's stream and of the server's: the offset, and the packet.
    client: BTreeSet<(u64, u64)>,
    server: BTreeSet<(u64, u64)>,
    /// Packets that were captured.
    captured: u64,
    octets: usize,
    /// What each end acknowledged in packets that were decided on, the client first.
    acknowledged: Offsets,
    /// Octets of packets that had to be let go undecided.
    let_go: u64,
}

impl Tape {
    /// Holds a packet.
    pub(crate) fn hold(&mut self, packet: &Packet<'_>, limit: usize) {
        let fragment = |fragment: &Fragment<'_>| HeldFragment {
            time: fragment.time,
            ip: fragment.ip.to_vec(),
            payload_at: fragment.payload_at,
            at: fragment.at,
        };
        let held = Box::new(Held {
            from: packet.from,
            time: packet.time,
            offset: packet.offset,
            payload_at: packet.payload_at,
            payload: packet.payload.len(),
            acknowledges: packet.acknowledges,
            ip: packet.ip.to_vec(),
            fragments: packet.fragments.iter().map(fragment).collect(),
        });
        self.captured += 1;
        self.octets += held.cost();
        let (stream, upto) = held.awaits();
        let number = self.captured;
        self.waiting(stream).insert((upto, number));
        self.packets.insert(number, held);
        while self.octets > limit {
            let Some((number, first)) = self.packets.pop_first() else { return };
            let (stream, upto) = first.awaits();
            self.waiting(stream).remove(&(upto, number));
            self.octets = self.octets.saturating_sub(first.cost());
            self.let_go += first.ip.len() as u64;
        }
    }

    fn waiting(&mut self, stream: From) -> &mut BTreeSet<(u64, u64)> {
        match stream {
            From::FromClient => &mut self.client,
            From::FromServer => &mut self.server,
        }
    }

    /// Octets that it takes to hold them.
    pub(crate) fn held(&self) -> usize {
        self.octets
    }

    /// Octets of packets that were let go undecided since this was last asked.
    pub(crate) fn take_let_go(&mut self) -> u64 {
        std::mem::take(&mut self.let_go)
    }

    /// Hands over what is covered, and drops the rest: no octet of either stream before `decided` (client, server) will ever be
    /// decided on otherwise. Of what can go, the order is that of the capture.
    pub(crate) fn decide(&mut self, covers: &mut Covers, ctx: &mut Context<'_>, decided: Offsets) {
        let mut ready = Vec::new();
        for stream in [From::FromClient, From::FromServer] {
            let upto = of(stream, decided);
            let waiting = self.waiting(stream);
            while waiting.first().is_some_and(|(awaited, _)| *awaited <= upto) {
                ready.extend(waiting.pop_first().map(|(_, number)| number));
            }
        }
        ready.sort_unstable();
        for number in ready {
            let Some(held) = self.packets.remove(&number) else { continue };
            self.octets = self.octets.saturating_sub(held.cost());
            let new = self.new_in(&held, decided);
            hand_over(&held, new, covers, ctx);
        }
        covers.decided(decided);
        if self.packets.is_empty() {
            // Most sessions have nothing that waits for most of the time.
            (self.packets, self.client, self.server) = Default::default();
        }
        let needed = (Self::needed(&self.client, decided.0), Self::needed(&self.server, decided.1));
        covers.iter_mut().for_each(|cover| cover.granted.trim(needed));
    }

    /// Where a packet that waits, or is still to come, may begin.
    fn needed(waiting: &BTreeSet<(u64, u64)>, decided: u64) -> u64 {
        waiting.first().map_or(decided, |(awaited, _)| decided.min(awaited.saturating_sub(LONGEST_PACKET)))
    }

    /// What a packet acknowledges that was not acknowledged before, from and up to; the same number twice where it says nothing
    /// new.
    fn new_in(&mut self, held: &Held, decided: Offsets) -> Option<(u64, u64)> {
        // Nobody can acknowledge what was not sent.
        let upto = held.acknowledges.filter(|upto| *upto <= of(held.from.flip(), decided))?;
        let before = match held.from {
            From::FromClient => &mut self.acknowledged.0,
            From::FromServer => &mut self.acknowledged.1,
        };
        let from = (*before).min(upto);
        *before = upto.max(*before);
        Some((from, upto))
    }
}

fn hand_over(held: &Held, acknowledges: Option<(u64, u64)>, covers: &mut Covers, ctx: &mut Context<'_>) {
    let part = |(at, cover): (usize, &Cover)| Some((at, covered_part(held, acknowledges, &cover.granted)?));
    let covered: Vec<_> = covers.iter().enumerate().filter_map(part).collect();
    for (at, (side, packet)) in covered {
        let direction = side.direction(held.from);
        if held.fragments.is_empty() {
            covers.tell_packet(at, ctx, direction, held.time, packet);
            continue;
        }
        for fragment in &held.fragments {
            covers.tell_packet(at, ctx, direction, fragment.time, fragment.of(&packet));
        }
    }
}

/// The packet as it may be handed over; `None` where nothing of it is covered.
fn covered_part(held: &Held, acknowledges: Option<(u64, u64)>, granted: &Granted) -> Option<(Side, Bytes)> {
    if held.payload == 0 {
        let (from, upto) = acknowledges?;
        let is_new = |range: &&Range| range.start < upto && from < range.end;
        let is_again = |range: &&Range| range.start < upto && upto <= range.end;
        let mut ranges = granted.of(held.from.flip()).iter();
        let range = if from < upto { ranges.find(is_new) } else { ranges.find(is_again) }?;
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
