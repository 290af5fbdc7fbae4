//! One direction of a connection: where it is, and what is held because something before it is missing.

use std::collections::BTreeMap;

use crate::{Counters, Time};

/// What a held piece costs beside its octets: its node in the tree and its allocation.
pub(crate) const PIECE_OVERHEAD: usize = 96;

/// One direction of a connection.
///
/// Places in the stream are 64-bit *positions* whose low 32 bits are the sequence number, so that a stream may be longer than
/// 4 GiB. The stream offset of a position is its distance from `origin`.
#[derive(Default)]
pub(crate) struct Half {
    /// Everything before this was delivered, or reported as a gap. Zero until anything is known of this direction.
    pub(crate) next: u64,
    /// The position of offset 0.
    pub(crate) origin: u64,
    /// The other end acknowledged everything before this.
    pub(crate) acked: u64,
    /// The highest position that this end has shown to have reached, by the sequence numbers of its packets.
    pub(crate) sent: u64,
    /// When this end was last heard.
    pub(crate) heard: Time,
    /// What cannot be delivered yet.
    pub(crate) held: Option<Box<Held>>,
    /// Whether `origin` is settled: by a SYN, by an acknowledgement of one, or because nothing earlier came for `hold_time`.
    pub(crate) anchored: bool,
    /// Whether a packet of this end was captured.
    pub(crate) seen: bool,
    /// Whether its silence was taken for that nothing arrived, and it has not been heard since. Once: it may be that its packets
    /// are not captured any more.
    pub(crate) believed: bool,
    /// Whether the other end went on without a packet of this one: there is no point in waiting for it.
    pub(crate) absent: bool,
    /// Whether its FIN was reached. The FIN's position is `next` then.
    pub(crate) ended: bool,
}

/// Octets that wait, and a FIN that does.
#[derive(Default)]
pub(crate) struct Held {
    /// By position; apart from one another.
    pub(crate) pieces: BTreeMap<u64, Piece>,
    /// Position of the FIN.
    pub(crate) fin: Option<u64>,
    /// Since when the first of them has waited.
    pub(crate) since: Time,
    /// Octets of memory.
    pub(crate) cost: usize,
}

/// A piece of the stream that was captured before something that precedes it.
pub(crate) struct Piece {
    pub(crate) octets: Box<[u8]>,
    /// Octets that were on the wire after these and that the capture cut.
    pub(crate) cut: u32,
    /// Position in the other direction that its segment acknowledged up to: what the sender had seen. 0 for none.
    pub(crate) need: u64,
    /// The time of its packet.
    pub(crate) time: Time,
    /// The time it came, by the clock of the table.
    pub(crate) arrived: Time,
}

impl Piece {
    pub(crate) fn length(&self) -> u64 {
        self.octets.len() as u64 + u64::from(self.cut)
    }

    fn cost(&self) -> usize {
        self.octets.len() + PIECE_OVERHEAD
    }
}

/// Part of a segment: its octets, and how many that the capture cut come after them.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) at: u64,
    pub(crate) octets: &'a [u8],
    pub(crate) cut: u32,
}

impl<'a> Span<'a> {
    pub(crate) fn end(&self) -> u64 {
        self.at + self.octets.len() as u64 + u64::from(self.cut)
    }

    /// The part between two positions, which may lie outside it.
    pub(crate) fn within(&self, from: u64, to: u64) -> Span<'a> {
        let (from, to) = (from.clamp(self.at, self.end()), to.clamp(self.at, self.end()));
        let length = self.octets.len();
        let start = usize::try_from(from - self.at).unwrap_or(length).min(length);
        let end = usize::try_from(to.max(from) - self.at).unwrap_or(length).min(length);
        let octets = self.octets.get(start..end).unwrap_or_default();
        Span { at: from, octets, cut: (to.max(from) - from - octets.len() as u64) as u32 }
    }
}

impl Half {
    /// Whether anything is known of this direction's sequence numbers.
    pub(crate) fn is_known(&self) -> bool {
        self.next != 0
    }

    /// Whether nothing of the stream was delivered yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.next == self.origin
    }

    /// Takes `sequence` for the start of the stream, as far as is known.
    pub(crate) fn start(&mut self, sequence: u32) {
        // One turn above zero, so that what lies before it has a position as well.
        self.place(1 << 32 | u64::from(sequence));
        (self.acked, self.sent) = (self.next, self.next);
    }

    /// Puts the start of the stream at `position`.
    pub(crate) fn place(&mut self, position: u64) {
        self.next = position;
        self.origin = position;
    }

    /// The position of a sequence number: of all that it can stand for, the one nearest to `next`.
    pub(crate) fn position(&self, sequence: u32) -> u64 {
        let ahead = sequence.wrapping_sub(self.next as u32) as i32;
        self.next.saturating_add_signed(i64::from(ahead))
    }

    /// The stream offset of a position.
    pub(crate) fn offset(&self, position: u64) -> u64 {
        position.saturating_sub(self.origin)
    }

    /// The highest position that the sender is known to have reached.
    pub(crate) fn top(&self) -> u64 {
        self.sent.max(self.next)
    }

    /// Whether no octet has come yet that says where the stream is.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is_untouched() && self.held.is_none()
    }

    /// Where the FIN is, if one was seen.
    pub(crate) fn fin(&self) -> Option<u64> {
        if self.ended { Some(self.next) } else { self.held.as_ref()?.fin }
    }

    /// What this half needs to have reached for an acknowledgement up to `position`: the FIN has a sequence number, but no
    /// octet.
    pub(crate) fn needed(&self, position: u64) -> u64 {
        self.fin().map_or(position, |fin| position.min(fin))
    }

    /// Whether one sequence number is missing before `position`.
    pub(crate) fn misses_one(&self, position: u64) -> bool {
        position == self.next + 1
    }

    /// The position of the first held thing: a piece, or a FIN alone.
    pub(crate) fn first_held(&self) -> Option<u64> {
        let held = self.held.as_ref()?;
        held.pieces.keys().next().copied().or(held.fin)
    }

    /// Notes that the other end has everything before `position`.
    pub(crate) fn acknowledge(&mut self, position: u64, now: Time) {
        if position > self.acked {
            // From here on it is known that a missing octet was not lost on the network but not captured, or captured late.
            let is_hole = self.first_held().is_some_and(|first| first > self.next);
            if is_hole
                && self.acked <= self.next
                && position > self.next
                && let Some(held) = &mut self.held
            {
                held.since = held.since.max(now);
            }
            self.acked = position;
        }
    }

    /// Holds what of a span is not held already; the first copy stays. Returns by how much the memory held has grown.
    pub(crate) fn hold(
        &mut self,
        span: Span<'_>,
        need: u64,
        time: Time,
        arrived: Time,
        counters: &mut Counters,
    ) -> usize {
        let held = self.held.get_or_insert_with(|| Box::new(Held { since: arrived, ..Held::default() }));
        let before = held.cost;
        held.insert(span, need, time, arrived, counters);
        held.cost - before
    }

    /// Notes a FIN that cannot be reached yet. Of two, the nearer one that lies past all that is held: anybody can send one from
    /// further ahead, and it must not stand in the way of that of the sender.
    pub(crate) fn hold_fin(&mut self, position: u64, arrived: Time) {
        let held = self.held.get_or_insert_with(|| Box::new(Held { since: arrived, ..Held::default() }));
        let reached = held.pieces.last_key_value().map_or(0, |(at, piece)| at + piece.length());
        if held.fin.is_none_or(|fin| position < fin && position >= reached) {
            held.fin = Some(position);
        }
    }

    /// Whether a FIN alone is held, past all that the other end acknowledged.
    pub(crate) fn holds_unacknowledged_fin(&self) -> bool {
        let fin = self.held.as_ref().filter(|held| held.pieces.is_empty()).and_then(|held| held.fin);
        fin.is_some_and(|fin| fin > self.next && fin > self.acked)
    }
}

impl Held {
    /// Takes the first piece out.
    pub(crate) fn pop(&mut self) -> Option<(u64, Piece)> {
        let (at, piece) = self.pieces.pop_first()?;
        self.cost -= piece.cost();
        Some((at, piece))
    }

    fn insert(&mut self, span: Span<'_>, need: u64, time: Time, arrived: Time, counters: &mut Counters) {
        let (mut at, end) = (span.at, span.end());
        // The piece that starts before the span can reach into it; the others that touch it start within. One walk over these,
        // for a look-up each would make a segment over many small pieces dear.
        let before = self.pieces.range(..at).next_back().map_or(at, |(start, _)| *start);
        let mut missing: Vec<(u64, u64)> = Vec::new();
        for (start, piece) in self.pieces.range_mut(before..end) {
            let piece_end = start + piece.length();
            if piece_end <= at {
                continue;
            }
            if *start > at {
                missing.push((at, *start));
                at = *start;
            }
            let to = piece_end.min(end);
            counters.duplicate_octets += to - at;
            let here = span.within(at, to).octets;
            let there = Span { at: *start, octets: &piece.octets, cut: piece.cut }.within(at, to).octets;
            let both = here.len().min(there.len());
            counters.overlaps_disagreeing += u64::from(here.get(..both) != there.get(..both));
            // A retransmission acknowledges more than the original did: what the sender had seen when it first sent these octets
            // is the least of them.
            piece.need = piece.need.min(need);
            at = to;
        }
        if at < end {
            missing.push((at, end));
        }
        for (from, to) in missing {
            let part = span.within(from, to);
            let piece = Piece { octets: part.octets.into(), cut: part.cut, need, time, arrived };
            self.cost += piece.cost();
            self.pieces.insert(from, piece);
        }
    }
}
