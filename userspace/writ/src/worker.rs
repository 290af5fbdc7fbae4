//! A worker: everything from a frame to the record, run to completion on one core.

use std::sync::Arc;

use arc_swap::ArcSwap;
use crossbeam::channel::{Sender, TrySendError};
use writ_handover::cin::CinAllocator;
use writ_handover::latency::Latency;
use writ_handover::stages::Stage;
use writ_intercept::record::Record;
use writ_intercept::{Counters, Interception, Settings, TargetIndex};
use writ_wire::Wire;

use crate::clock::now;

/// What a full queue to the delivery core means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The record is dropped and counted: the wire does not wait.
    Drop,
    /// The worker waits: a capture file does.
    Wait,
}

/// The warrants in force, which a reload swaps.
pub type Targets = Arc<ArcSwap<TargetIndex>>;

/// A worker's flows.
pub type Flows = Wire<Interception<CinAllocator>>;

/// What a worker keeps besides its flows.
pub struct Worker {
    targets: Targets,
    /// With the index of the batch at hand.
    interception: Interception<CinAllocator>,
    delivery: Sender<Record>,
    when_full: WhenFull,
    records_dropped: u64,
    /// Where it is counted how long records took, live.
    latency: Option<Arc<Latency>>,
}

impl Worker {
    /// A worker whose records go to `delivery`.
    pub fn new(
        targets: Targets,
        settings: Arc<Settings>,
        cins: CinAllocator,
        delivery: Sender<Record>,
        when_full: WhenFull,
    ) -> Self {
        let interception = Interception::new(targets.load_full(), settings, cins);
        Self { targets, interception, delivery, when_full, records_dropped: 0, latency: None }
    }

    /// The same, which counts how long its records took since their packets.
    pub fn timed(self, latency: Arc<Latency>) -> Self {
        Self { latency: Some(latency), ..self }
    }

    /// Where the streams of its flows go.
    pub fn streams(&mut self) -> &mut Interception<CinAllocator> {
        &mut self.interception
    }

    /// Hands the batch's records on, and takes up a change of warrants: gives whether there was one.
    pub fn end_batch(&mut self) -> bool {
        if let Some(latency) = self.latency.as_ref().filter(|_| !self.interception.records.is_empty()) {
            let times = self.interception.records.iter().map(|record| record.time);
            latency.stages.record(Stage::Read, now(), times);
        }
        for record in self.interception.records.drain(..) {
            match self.when_full {
                // Delivery is gone only when the program is ending, and then it has counted what it left.
                WhenFull::Wait => self.records_dropped += u64::from(self.delivery.send(record).is_err()),
                WhenFull::Drop => match self.delivery.try_send(record) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.records_dropped += 1,
                },
            }
        }
        let is_changed = !std::ptr::eq(Arc::as_ptr(&self.interception.index), Arc::as_ptr(&self.targets.load()));
        if is_changed {
            self.interception.index = self.targets.load_full();
        }
        is_changed
    }

    /// What interception counted.
    pub fn counters(&self) -> &Counters {
        &self.interception.counters
    }

    /// Records that delivery had no room for.
    pub fn records_dropped(&self) -> u64 {
        self.records_dropped
    }
}
