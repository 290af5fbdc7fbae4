//! One lane: a receive queue and the worker behind it.
//!
//! Where both directions of a connection do not come in on one queue, each frame is carried to the worker that the pair of
//! hosts belongs to, so that one worker sees all of a session. The frame stays where it is: its descriptor is lent.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use writ_capture::Batch;
use writ_capture::afxdp::QueueSource;
use writ_wire::{Frame, Link, Settings, Time, Wire, steering};

use super::aside::Aside;
use super::published::Published;
use crate::clock::now;
use crate::sources::Skipped;
use crate::worker::{Flows, Worker};

/// How often counters are published.
const PUBLISH: Duration = Duration::from_millis(100);
/// How long what is left in the rings may take to read at the end.
const LAST_READ: Duration = Duration::from_secs(2);
/// How often a lane looks, at the end, whether others have lent it something still.
const LAST_STEP: Duration = Duration::from_millis(1);

/// Which lane of all a frame belongs to.
#[derive(Clone, Copy)]
pub struct Junction {
    /// The lane's own number.
    pub own: usize,
    /// How many there are.
    pub lanes: usize,
}

impl Junction {
    /// The lane that a frame belongs to, if it is another.
    fn elsewhere(self, frame: &writ_capture::Frame<'_>) -> Option<usize> {
        if self.lanes < 2 {
            return None;
        }
        let lane = steering(&read(*frame)?)? as usize % self.lanes;
        (lane != self.own).then_some(lane)
    }
}

/// A receive queue, its worker and its flows.
pub struct Lane {
    source: QueueSource,
    worker: Worker,
    wire: Flows,
    junction: Junction,
    aside: Aside,
    published: Arc<Published>,
    stop: Arc<AtomicBool>,
    /// Let go of when the lane ends.
    _alive: mpsc::Sender<Infallible>,
    skipped: Skipped,
}

impl Lane {
    /// A lane that is not yet driven.
    #[expect(clippy::too_many_arguments, reason = "what a lane is made of, put together in one place")]
    pub fn new(
        source: QueueSource,
        worker: Worker,
        settings: Settings,
        junction: Junction,
        aside: Aside,
        published: Arc<Published>,
        stop: Arc<AtomicBool>,
        alive: mpsc::Sender<Infallible>,
    ) -> Self {
        Self {
            source,
            worker,
            wire: Wire::new(settings),
            junction,
            aside,
            published,
            stop,
            _alive: alive,
            skipped: Skipped::default(),
        }
    }

    /// Reads until told to stop, then what is left, and closes every session.
    pub fn drive(mut self) {
        let mut publish_at = Instant::now();
        while !self.stop.load(Ordering::Acquire) {
            if self.batch() == Batch::End {
                break;
            }
            if Instant::now() >= publish_at {
                self.published.set(&self.wire, &self.worker, self.skipped);
                publish_at = Instant::now() + PUBLISH;
            }
        }
        let until = Instant::now() + LAST_READ;
        while Instant::now() < until && matches!(self.batch(), Batch::Frames(_)) {}
        self.end();
    }

    /// One batch of the queue, and what other lanes carried here.
    fn batch(&mut self) -> Batch {
        let Self { source, worker, wire, junction, skipped, .. } = self;
        let batch = source.next_batch_steered(&mut |frame| junction.elsewhere(frame), &mut |frame| {
            take(frame, wire, worker, skipped);
        });
        source.read_lent(&mut |frame| take(frame, wire, worker, skipped));
        let lent = source.lent();
        (skipped.carried, skipped.carry_dropped) = (lent.frames, lent.refused);
        self.wire.tick(now(), self.worker.streams());
        let is_changed = self.worker.end_batch();
        self.aside.carry_out(self.wire.orders());
        if is_changed {
            self.aside.take_all_back();
        }
        self.skipped.aside = self.aside.counts();
        match batch {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(interface = self.source.interface(), queue = self.source.queue(), "{error}");
                Batch::End
            }
        }
    }

    fn end(mut self) {
        match self.source.give_up() {
            Ok(packets) => self.skipped.given_up += packets,
            Err(error) => tracing::error!(interface = self.source.interface(), queue = self.source.queue(), "{error}"),
        }
        self.source.leave();
        while !self.source.is_left_alone() {
            let Self { source, worker, wire, skipped, .. } = &mut self;
            if source.read_lent(&mut |frame| take(frame, wire, worker, skipped)) == 0 {
                std::thread::sleep(LAST_STEP);
            }
            self.worker.end_batch();
        }
        self.wire.finish(now(), self.worker.streams());
        self.worker.end_batch();
        self.aside.carry_out(self.wire.orders());
        self.aside.take_all_back();
        self.skipped.aside = self.aside.counts();
        self.published.set(&self.wire, &self.worker, self.skipped);
    }
}

/// A captured frame as the flows take it; `None` where its link layer is not read.
fn read(frame: writ_capture::Frame<'_>) -> Option<Frame<'_>> {
    let link = Link::from_dlt(frame.link)?;
    let time = Time::from_nanos(frame.time_nanos);
    Some(Frame { time, link, octets: frame.octets, wire_len: frame.wire_len })
}

fn take(frame: writ_capture::Frame<'_>, wire: &mut Flows, worker: &mut Worker, skipped: &mut Skipped) {
    match read(frame) {
        Some(frame) => wire.frame(&frame, worker.streams()),
        None => skipped.unknown_link += 1,
    }
}
