//! Lines as they crossed the wire, packet by packet.

use std::ops::Range;

use writ_wire::{Direction, Time};
use zeroize::Zeroize;

use crate::access::{Event, Octets, Spoken, Tell};
use crate::line::{At, Line, LineReader};
use crate::repeated::overwrite_texts;
use crate::sasl::Step;

/// A line that is cut into more packets than this is told with the times of the first so many.
const MAX_PARTS: usize = 64;

/// A line, and which packets carried it. Zeroised when dropped: it can hold a password.
pub(super) struct Said {
    pub(super) line: Line,
    /// Where the octets of each further packet begin, and its time.
    later: Vec<(usize, Time)>,
}

impl Drop for Said {
    fn drop(&mut self) {
        self.line.octets.zeroize();
    }
}

impl Said {
    pub(super) fn text(&self) -> &[u8] {
        self.line.text()
    }

    /// What it takes to hold it.
    pub(super) fn cost(&self) -> usize {
        self.line.octets.len() + self.later.capacity() * size_of::<(usize, Time)>() + size_of::<Self>()
    }

    /// Tells its octets, those of each packet with that packet's time.
    pub(super) fn tell(&self, from: Direction, tell: Tell<'_>) {
        let octets: &[u8] = &self.line.octets;
        let (mut start, mut time) = (0, self.line.first);
        for (next, later) in self.later.iter().copied().chain([(octets.len(), self.line.last)]) {
            let end = next.min(octets.len());
            if let Some(octets) = octets.get(start..end).filter(|octets| !octets.is_empty()) {
                let begin = self.line.offset + start as u64;
                tell(Event::Octets(Octets {
                    from,
                    time,
                    wire: begin..begin + octets.len() as u64,
                    inflated: false,
                    octets,
                }));
            }
            (start, time) = (end, later);
        }
        if self.line.cut > 0 {
            tell(Event::Lost { from, time: self.line.last, octets: self.line.cut, in_literal: false });
        }
    }

    /// Overwrites all but the line's end.
    pub(super) fn mask(&mut self) {
        let end = self.line.text().len();
        if let Some(text) = self.line.octets.get_mut(..end) {
            text.fill(b'*');
        }
    }

    /// Overwrites a part of it.
    pub(super) fn mask_part(&mut self, part: Range<usize>) {
        if let Some(part) = self.line.octets.get_mut(part) {
            part.fill(b'*');
        }
    }

    /// Overwrites the text behind the status of a response.
    pub(super) fn mask_text(&mut self) {
        overwrite_texts(&mut self.line.octets);
    }

    /// The same as a step of a login.
    pub(super) fn into_step(mut self, from: Direction, payload: Range<usize>) -> Step {
        let (offset, first, last) = (self.line.offset, self.line.first, self.line.last);
        Step { from, offset, first, last, octets: std::mem::take(&mut self.line.octets), payload }
    }

    pub(super) fn into_spoken(self, from: Direction, name: Range<usize>, secret: Range<usize>) -> Spoken {
        Spoken { step: self.into_step(from, 0..0), name, secret }
    }
}

/// Collects octets into lines.
#[derive(Default)]
pub(super) struct Lines {
    reader: LineReader,
    later: Vec<(usize, Time)>,
    /// Octets of the unfinished line, and the time of the packet with the last of them.
    length: usize,
    last: Time,
}

impl Lines {
    /// Takes octets up to and with the next LF off `input`, which holds some; gives the line when it is whole.
    pub(super) fn take(&mut self, at: At, input: &mut &[u8], limit: usize) -> Option<Said> {
        if self.is_empty() {
            self.length = 0;
        } else if at.time != self.last && self.later.len() < MAX_PARTS {
            self.later.push((self.length, at.time));
        }
        self.last = at.time;
        let before = input.len();
        let line = self.reader.take(at, input, limit);
        self.length += before - input.len();
        line.map(|line| Said { line, later: std::mem::take(&mut self.later) })
    }

    /// Whether no part of a line is held.
    pub(super) fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.reader.held() + self.later.capacity() * size_of::<(usize, Time)>()
    }

    /// Gives what is held of an unfinished line.
    pub(super) fn take_unfinished(&mut self) -> Option<Said> {
        let line = self.reader.take_unfinished(self.last)?;
        Some(Said { line, later: std::mem::take(&mut self.later) })
    }
}
