//! One lane: a receive queue and the worker behind it.
//!
//! Where both directions of a connection do not come in on one queue, each frame is carried to the worker that the pair of
//! hosts belongs to, so that one worker sees all of a session.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, Sender};
use tokio::sync::mpsc;
use writ_capture::afxdp::QueueSource;
use writ_capture::{Batch, Source as _};
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

/// A frame on its way to another lane.
struct Carried {
    time: Time,
    link: Link,
    wire_len: u32,
    octets: Box<[u8]>,
}

/// The ways between all lanes.
pub struct Road {
    senders: Vec<Sender<Carried>>,
    inboxes: Vec<Receiver<Carried>>,
}

/// What one lane has of the road.
pub struct Junction {
    own: usize,
    /// To every other lane; none to itself, so that the road empties when all have left it.
    to: Vec<Option<Sender<Carried>>>,
    inbox: Receiver<Carried>,
}

impl Road {
    /// A road between so many lanes.
    pub fn new(lanes: usize, room: usize) -> Self {
        let (senders, inboxes) = (0..lanes).map(|_| channel::bounded(room)).unzip();
        Self { senders, inboxes }
    }

    /// What the lane `own` has of it.
    pub fn lane(&self, own: usize) -> Junction {
        let to = self.senders.iter().enumerate().map(|(at, sender)| (at != own).then(|| sender.clone())).collect();
        let inbox = self.inboxes.get(own).cloned().unwrap_or_else(channel::never);
        Junction { own, to, inbox }
    }
}

impl Junction {
    /// The lane that a frame belongs to, if it is another.
    fn elsewhere(&self, frame: &Frame<'_>) -> Option<&Sender<Carried>> {
        if self.to.len() < 2 {
            return None;
        }
        let lane = steering(frame)? as usize % self.to.len();
        if lane == self.own { None } else { self.to.get(lane)?.as_ref() }
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
        let batch = source.next_batch(&mut |frame| {
            let Some(link) = Link::from_dlt(frame.link) else {
                skipped.unknown_link += 1;
                return;
            };
            let time = Time::from_nanos(frame.time_nanos);
            let frame = Frame { time, link, octets: frame.octets, wire_len: frame.wire_len };
            match junction.elsewhere(&frame) {
                None => wire.frame(&frame, worker.streams()),
                Some(lane) => {
                    let carried = Carried { time, link, wire_len: frame.wire_len, octets: frame.octets.into() };
                    match lane.try_send(carried) {
                        Ok(()) => skipped.carried += 1,
                        Err(_) => skipped.carry_dropped += 1,
                    }
                }
            }
        });
        // No more than waits now: what comes meanwhile must not keep the queue from being read.
        for carried in self.junction.inbox.try_iter().take(self.junction.inbox.len()) {
            take(&carried, &mut self.wire, &mut self.worker);
        }
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
        self.junction.to.clear();
        // Ends when every other lane has let go of its way here.
        for carried in &self.junction.inbox {
            take(&carried, &mut self.wire, &mut self.worker);
            self.worker.end_batch();
        }
        self.wire.finish(now(), self.worker.streams());
        self.worker.end_batch();
        self.published.set(&self.wire, &self.worker, self.skipped);
    }
}

fn take(carried: &Carried, wire: &mut Flows, worker: &mut Worker) {
    let Carried { time, link, wire_len, ref octets } = *carried;
    wire.frame(&Frame { time, link, octets, wire_len }, worker.streams());
}
