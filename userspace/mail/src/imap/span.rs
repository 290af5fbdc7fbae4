//! Where octets of a session stand, also when they were inflated.

use std::ops::Range;

use writ_wire::{Direction, Time};

use crate::access::{Event, Octets, Tell};
use crate::line::At;

/// Where a piece of the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The time of the packet that carried it.
    pub(super) time: Time,
    /// Offset of its first octet in the dialogue: on the wire, or in what was inflated.
    pub(super) offset: u64,
    /// The octets on the wire that it was inflated from.
    pub(super) inflated_from: Option<(u64, u64)>,
    /// Whether it was told already, as it was on the wire.
    pub(super) told: bool,
}

impl Span {
    /// Of octets that are read as they crossed the wire.
    pub(super) fn plain(at: At) -> Self {
        Self { time: at.time, offset: at.offset, inflated_from: None, told: false }
    }

    /// The same piece, `octets` further on.
    pub(super) fn plus(self, octets: usize) -> Self {
        Self { offset: self.offset + octets as u64, ..self }
    }

    fn wire(self, length: usize) -> Range<u64> {
        match self.inflated_from {
            Some((from, to)) => from..to,
            None => self.offset..self.offset + length as u64,
        }
    }

    /// Tells octets that stand here, unless they were told.
    pub(super) fn tell(self, from: Direction, octets: &[u8], tell: Tell<'_>) {
        if !self.told && !octets.is_empty() {
            let wire = self.wire(octets.len());
            let inflated = self.inflated_from.is_some();
            tell(Event::Octets(Octets { from, time: self.time, wire, inflated, octets }));
        }
    }
}

/// The octets with `*` in place of each, but for the ends of lines.
pub(super) fn masked(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|&octet| if matches!(octet, b'\r' | b'\n') { octet } else { b'*' }).collect()
}

/// Octets of which it is not known yet what they are. What holds them bounds their number.
#[derive(Default)]
pub(super) struct Partial {
    octets: Vec<u8>,
    pieces: Vec<(Span, usize)>,
}

impl Partial {
    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.octets.capacity() + self.pieces.capacity() * size_of::<(Span, usize)>()
    }

    pub(super) fn push(&mut self, span: Span, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        self.octets.extend_from_slice(octets);
        match self.pieces.last_mut() {
            Some((last, length)) if last.plus(*length) == span => *length += octets.len(),
            _ => self.pieces.push((span, octets.len())),
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Tells what is held, and holds nothing any more.
    pub(super) fn tell(&mut self, from: Direction, tell: Tell<'_>) {
        self.take(|span, octets| span.tell(from, octets, tell));
    }

    /// Gives what is held piece by piece, and holds nothing any more.
    pub(super) fn take(&mut self, mut give: impl FnMut(Span, &[u8])) {
        let mut rest: &[u8] = &self.octets;
        for &(span, length) in &self.pieces {
            let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            give(span, piece);
        }
        // An idle session holds no memory.
        *self = Self::default();
    }

    /// Where the first octet stands.
    pub(super) fn start(&self) -> Option<Span> {
        self.pieces.first().map(|&(span, _)| span)
    }

    /// What stands from this offset on was not told as it was on the wire, after all.
    pub(super) fn untell_from(&mut self, offset: u64) {
        for (span, _) in &mut self.pieces {
            span.told &= span.offset < offset;
        }
    }
}
