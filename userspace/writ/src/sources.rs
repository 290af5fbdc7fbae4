//! Frames from any source, into the flows.

use std::time::Instant;

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

/// Reads one batch; gives what the source said, and the time of the last frame.
pub fn read_batch(
    source: &mut dyn Source,
    wire: &mut Flows,
    worker: &mut Worker,
    skipped: &mut Skipped,
    latest: &mut Time,
    mut pace: Option<&mut Pace>,
) -> Result<Batch, CaptureError> {
    let batch = source.next_batch(&mut |frame| {
        let time = Time::from_nanos(frame.time_nanos);
        let Some(link) = Link::from_dlt(frame.link) else {
            skipped.unknown_link += 1;
            return;
        };
        *latest = time.max(*latest);
        if let Some(pace) = &mut pace {
            // What the frames before made goes out before this one's turn.
            worker.end_batch();
            pace.wait_for(time);
        }
        wire.frame(&Frame { time, link, octets: frame.octets, wire_len: frame.wire_len }, worker.streams());
    });
    worker.end_batch();
    batch
}
