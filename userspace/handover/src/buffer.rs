//! What waits for one connection: PDUs between the intake, which encodes, and the link, which sends. In memory and
//! bounded.
//!
//! A PDU leaves only by [`sent`](Buffer::sent), once the socket took all of it. What the kernel took and the LEMF has
//! not read is not here any more: without acknowledgement of PDUs (TS 102 232-1, `pDUAcknowledgementRequest`) it is
//! lost if the connection breaks then.
//!
//! # When it is full
//! What comes is dropped and counted until an eighth of the buffer is free again, and then the LEMF is told, by a
//! message in the place of what is missing. What is older stays: it was numbered first, and part of it may be on its
//! way. Without the eighth the buffer would take one PDU here and one there; one gap is better evidence than a
//! thousand.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::counters::LinkCounters;
use crate::link_pdu::LinkPdus;
use crate::pdu::{Kind, Pdu};

/// What holding a PDU takes beyond its octets.
const OVERHEAD: usize = size_of::<Pdu>() + 64;

/// The PDUs waiting for one LEMF and interface.
pub(crate) struct Buffer {
    lemf: String,
    /// Octets, each PDU's [`OVERHEAD`] included.
    limit: usize,
    /// How long [`push`](Self::push) waits for the LEMF to take anything before it drops. Zero where time does not
    /// wait.
    patience: Duration,
    held: Mutex<Held>,
    /// Woken when PDUs came.
    filled: Notify,
    /// Woken when PDUs left.
    room: Condvar,
    counters: Arc<LinkCounters>,
    link_pdus: Arc<LinkPdus>,
}

#[derive(Default)]
struct Held {
    pdus: VecDeque<Pdu>,
    octets: usize,
    /// PDUs that have left, ever.
    left: u64,
    /// Since when the buffer is full, if it is: what was dropped.
    dropped: Option<Dropped>,
    /// Nobody waits for room any more.
    hurried: bool,
}

#[derive(Default)]
struct Dropped {
    pdus: u64,
    octets: u64,
}

impl Held {
    fn cost(&self) -> usize {
        self.octets + self.pdus.len() * OVERHEAD
    }

    fn append(&mut self, pdu: Pdu) {
        self.octets += pdu.octets.len();
        self.pdus.push_back(pdu);
    }
}

impl Buffer {
    pub(crate) fn new(
        lemf: String,
        limit: usize,
        patience: Duration,
        counters: Arc<LinkCounters>,
        link_pdus: Arc<LinkPdus>,
    ) -> Self {
        Self {
            lemf,
            limit,
            patience,
            held: Mutex::default(),
            filled: Notify::new(),
            room: Condvar::new(),
            counters,
            link_pdus,
        }
    }

    /// Takes PDUs in, in order.
    pub(crate) fn push(&self, pdus: impl IntoIterator<Item = Pdu>) {
        let mut held = self.lock();
        for pdu in pdus {
            self.counters.encoded(pdu.kind, pdu.octets.len());
            if held.dropped.is_none() && !self.fits(&held, &pdu) {
                held = self.wait(held, &pdu);
            }
            self.settle(&mut held);
            if held.dropped.is_none() && self.fits(&held, &pdu) {
                held.append(pdu);
            } else {
                self.drop_pdu(&mut held, &pdu);
            }
        }
        self.gauge(&held);
        drop(held);
        self.filled.notify_one();
    }

    /// The PDUs at the front, to be sent: at most so many, and after the first only as long as they stay within so many
    /// octets.
    pub(crate) fn front(&self, pdus: usize, octets: usize) -> Vec<Pdu> {
        let mut total = 0_usize;
        let held = self.lock();
        let within = held.pdus.iter().take(pdus).take_while(|pdu| {
            let first = total == 0;
            total += pdu.octets.len();
            first || total <= octets
        });
        within.cloned().collect()
    }

    /// Lets go the first `count` PDUs: the socket took all of them.
    pub(crate) fn sent(&self, count: usize) {
        let mut held = self.lock();
        for _ in 0..count {
            let Some(pdu) = held.pdus.pop_front() else { break };
            held.octets -= pdu.octets.len();
            held.left += 1;
        }
        self.settle(&mut held);
        self.gauge(&held);
        drop(held);
        self.room.notify_all();
    }

    /// Waits until PDUs may have come since the last call.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// How many PDUs wait, and their octets.
    pub(crate) fn held(&self) -> (u64, u64) {
        let held = self.lock();
        (held.pdus.len() as u64, held.octets as u64)
    }

    /// From now on `push` drops rather than waits: the process is to end.
    pub(crate) fn hurry(&self) {
        self.lock().hurried = true;
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // A panic elsewhere cannot leave the queue half changed: nothing in here calls out while it is.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fits(&self, held: &Held, pdu: &Pdu) -> bool {
        // A PDU larger than the whole buffer goes alone, or it would never go.
        held.pdus.is_empty() || held.cost() + OVERHEAD + pdu.octets.len() <= self.limit
    }

    /// Waits for room as long as the LEMF takes something in each `patience`.
    fn wait<'a>(&'a self, mut held: MutexGuard<'a, Held>, pdu: &Pdu) -> MutexGuard<'a, Held> {
        while !self.patience.is_zero() && !held.hurried && !self.fits(&held, pdu) {
            // What this call has put in must be seen, or nobody would make room.
            self.filled.notify_one();
            self.gauge(&held);
            let left = held.left;
            let (again, waited) = self.room.wait_timeout(held, self.patience).unwrap_or_else(PoisonError::into_inner);
            held = again;
            if waited.timed_out() && held.left == left {
                break;
            }
        }
        held
    }

    fn drop_pdu(&self, held: &mut Held, pdu: &Pdu) {
        if held.dropped.is_none() {
            self.counters.full_episodes.one();
            tracing::warn!(lemf = self.lemf, interface = pdu.interface.name(), "delivery buffer full: dropping PDUs");
        }
        let dropped = held.dropped.get_or_insert_default();
        dropped.pdus += 1;
        dropped.octets += pdu.octets.len() as u64;
        self.counters.dropped_pdus.one();
        self.counters.dropped_octets.add(pdu.octets.len() as u64);
    }

    /// Ends the episode of a full buffer once an eighth is free, with the message to the LEMF.
    fn settle(&self, held: &mut Held) {
        if held.cost() > self.limit - self.limit / 8 && !held.pdus.is_empty() {
            return;
        }
        let Some(dropped) = held.dropped.take() else { return };
        tracing::warn!(
            lemf = self.lemf,
            pdus = dropped.pdus,
            octets = dropped.octets,
            "delivery buffer has room again"
        );
        if let Ok(message) = self.link_pdus.dropped(dropped.pdus, dropped.octets) {
            self.counters.encoded(Kind::Tri, message.octets.len());
            held.append(message);
        }
    }

    fn gauge(&self, held: &Held) {
        self.counters.buffered_pdus.set(held.pdus.len() as u64);
        self.counters.buffered_octets.set(held.octets as u64);
    }
}

#[cfg(test)]
mod tests;
