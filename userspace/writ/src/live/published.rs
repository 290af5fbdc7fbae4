//! What a lane lets others see of it.

use std::sync::{Arc, Mutex};

use writ_capture::afxdp::{QueueCounters, QueueCounts, QueueSource};

use crate::report::Tally;
use crate::sources::Skipped;
use crate::worker::{Flows, Worker};

/// The counters of one lane, as they were a moment ago.
pub struct Published {
    /// The interface's name.
    pub interface: String,
    /// The queue's number.
    pub queue: u32,
    ring: Arc<QueueCounters>,
    tally: Mutex<Tally>,
}

impl Published {
    /// Nothing counted yet.
    pub fn new(source: &QueueSource) -> Self {
        Self {
            interface: source.interface().to_owned(),
            queue: source.queue(),
            ring: source.counters(),
            tally: Mutex::default(),
        }
    }

    /// Puts the lane's counters here. A worker never waits: while somebody reads, it comes again later.
    pub fn set(&self, wire: &Flows, worker: &Worker, skipped: Skipped) {
        if let Ok(mut tally) = self.tally.try_lock() {
            *tally = Tally::read(wire, worker, skipped);
        }
    }

    /// What the ring of the queue counted.
    pub fn ring(&self) -> QueueCounts {
        self.ring.read()
    }

    /// What the worker counted.
    pub fn tally(&self) -> Tally {
        self.tally.lock().map(|tally| tally.clone()).unwrap_or_default()
    }
}
