//! Frames from any source, into the flows.

use std::time::Instant;

use arrayvec::ArrayVec;
use writ_capture::{Batch, CaptureError, Source};
use writ_wire::{Frame, Link, Time};

use crate::live::AsideCounts;
use crate::worker::{Flows, Worker};

/// What a source gave that never reached the flows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skipped {
    /// Frames of a link layer that is not read.
    pub unknown_link: u64,
    /// Frames carried to the worker that they belong to (not lost: counted there too).
    pub carried: u64,
    /// Frames that were not carried, since too many were on their way.
    pub carry_dropped: u64,
    /// Frames that waited in the ring at an end that could not wait.
    pub given_up: u64,
    /// What the XDP program kept back.
    pub aside: AsideCounts,
}

/// Keeps to the pace of a capture.
pub struct Pace {
    began: Instant,
    first: Option<Time>,
}

impl Pace {
    /// Begins now.
    pub fn new() -> Self {
        Self { began: Instant::now(), first: None }
    }

    /// Waits until it is this frame's turn.
    fn wait_for(&mut self, time: Time) {
        let first = *self.first.get_or_insert(time);
        let due = self.began + time.since(first);
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(wait);
        }
    }
}

/// Frames that are read together, in one row: the flows read many at a time faster than one by one, by more than a copy costs.
#[derive(Default)]
struct Row {
    octets: Vec<u8>,
    /// Each as it was captured, and where its octets end.
    frames: Vec<(Time, Link, u32, usize)>,
}

impl Row {
    /// So many at the most: their octets stay in the cache.
    const MOST: usize = 64;

    fn push(&mut self, frame: &Frame<'_>) {
        self.octets.extend(frame.octets);
        self.frames.push((frame.time, frame.link, frame.wire_len, self.octets.len()));
    }

    fn read(&mut self, wire: &mut Flows, worker: &mut Worker) {
        let mut rest = self.octets.as_slice();
        let mut begin = 0;
        let frames = self.frames.drain(..).map(|(time, link, wire_len, end)| {
            let (octets, after) = rest.split_at_checked(end - begin).unwrap_or_default();
            (rest, begin) = (after, end);
            Frame { time, link, octets, wire_len }
        });
        wire.frames(&frames.collect::<ArrayVec<_, { Self::MOST }>>(), worker.streams());
        self.octets.clear();
    }
}

/// Reads a source's frames, batch by batch, into the flows.
#[derive(Default)]
pub struct Reading {
    row: Row,
    /// What never reached the flows.
    pub skipped: Skipped,
    /// The time of the last frame.
    pub latest: Time,
}

impl Reading {
    /// Reads one batch; gives what the source said.
    pub fn batch(
        &mut self,
        source: &mut dyn Source,
        wire: &mut Flows,
        worker: &mut Worker,
        mut pace: Option<&mut Pace>,
    ) -> Result<Batch, CaptureError> {
        let Self { row, skipped, latest } = self;
        let batch = source.next_batch(&mut |frame| {
            let time = Time::from_nanos(frame.time_nanos);
            let Some(link) = Link::from_dlt(frame.link) else {
                skipped.unknown_link += 1;
                return;
            };
            *latest = time.max(*latest);
            if row.frames.len() == Row::MOST || pace.is_some() {
                row.read(wire, worker);
            }
            if let Some(pace) = &mut pace {
                // What the frames before made goes out before this one's turn.
                worker.end_batch();
                pace.wait_for(time);
            }
            row.push(&Frame { time, link, octets: frame.octets, wire_len: frame.wire_len });
        });
        self.row.read(wire, worker);
        worker.end_batch();
        batch
    }
}
