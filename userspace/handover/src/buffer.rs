//! What waits for one connection: PDUs between the intake, which encodes, and the link, which sends. In memory and
//! bounded.
//!
//! A PDU waits until it is acknowledged: by the LEMF, where that was agreed (TS 102 232-1, `pDUAcknowledgementRequest`),
//! and it is let go then; else by TCP, all of it. In that case it may still be lost, in the memory of an LEMF that
//! dies before it reads it; nobody tells. So the youngest of those that were acknowledged are kept, up to an eighth of
//! the buffer and as long as nothing else wants the room, until the LEMF has shown that it read them: it answered a later
//! keep-alive, or closed in order, which TCP lets nobody do who has octets unread. If the connection is reset instead
//! they go again, with caution: a few at a time, and a keep-alive after them that the LEMF has to answer. Each reset
//! without any progress makes them fewer, down to one. A PDU that was alone and is not confirmed after [`PATIENT_RESETS`]
//! of them is what the LEMF cannot take: it is counted as unconfirmed, and what comes after it has its turn. That holds
//! for an LEMF that ends its connections. One that is slow, and reads or answers nothing in time, is tried again for
//! ever, and so is one that acknowledges PDUs.
//!
//! PDUs have places here, in the order in which they came: 0 for the first one ever.
//!
//! # When it is full
//! What comes is dropped and counted until an eighth of the buffer is free again, and then the LEMF is told, by a
//! message in the place of what is missing. What is older stays: it was numbered first, and part of it may be on its
//! way. Without the eighth the buffer would take one PDU here and one there; one gap is better evidence than a
//! thousand.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam::channel::Sender;
use tokio::sync::Notify;

use crate::counters::LinkCounters;
use crate::link_pdu::LinkPdus;
use crate::pdu::{Kind, Pdu};

/// What holding a PDU takes beyond its octets.
const OVERHEAD: usize = size_of::<Pdu>() + 64;

/// PDUs that go between two keep-alives after a first reset.
const CAUTIOUS_PDUS: usize = 128;
/// Resets at one PDU before it is given up: by then it has gone alone in the last three.
const PATIENT_RESETS: u32 = 7;
/// How many of these the LEMF must have made.
const RESETS_OF_LEMF: u32 = 3;

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
    /// Woken when PDUs were acknowledged.
    room: Condvar,
    counters: Arc<LinkCounters>,
    link_pdus: Arc<LinkPdus>,
    /// Of the spool that feeds it, if there is one: sent to when PDUs were acknowledged or let go.
    feeder: OnceLock<Sender<()>>,
}

#[derive(Default)]
struct Held {
    /// First those that were acknowledged, then those that were not.
    pdus: VecDeque<Pdu>,
    /// The place of the first.
    first: u64,
    acknowledged: Share,
    waiting: Share,
    /// Every place below it was returned by a reset once.
    returned: u64,
    /// The first place that was not confirmed at the last reset, and how many resets found it there.
    stuck_at: u64,
    resets: u32,
    /// How many of them the LEMF made.
    resets_of_lemf: u32,
    /// PDUs that were acknowledged, ever.
    taken: u64,
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

/// PDUs that stand together.
#[derive(Clone, Copy, Default)]
struct Share {
    pdus: usize,
    octets: usize,
}

impl Share {
    fn cost(self) -> usize {
        self.octets + self.pdus * OVERHEAD
    }

    fn add(&mut self, octets: usize) {
        self.pdus += 1;
        self.octets += octets;
    }

    fn remove(&mut self, octets: usize) {
        self.pdus -= 1;
        self.octets -= octets;
    }
}

impl Held {
    fn append(&mut self, pdu: Pdu, limit: usize) {
        self.waiting.add(pdu.octets.len());
        self.pdus.push_back(pdu);
        while self.acknowledged.pdus > 0 && self.acknowledged.cost() + self.waiting.cost() > limit {
            self.let_go();
        }
    }

    /// The place of the first PDU that waits.
    fn next(&self) -> u64 {
        self.first + self.acknowledged.pdus as u64
    }

    /// Lets go the first of the acknowledged.
    fn let_go(&mut self) {
        if self.acknowledged.pdus > 0
            && let Some(pdu) = self.pdus.pop_front()
        {
            self.acknowledged.remove(pdu.octets.len());
            self.first += 1;
        }
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
            feeder: OnceLock::new(),
        }
    }

    /// A spool feeds it, and is told when there is room.
    pub(crate) fn tell(&self, feeder: Sender<()>) {
        // There is one at most.
        let _ = self.feeder.set(feeder);
    }

    /// Whether a spool may [`feed`](Self::feed) another PDU: while half is free, so that one of any length fits.
    pub(crate) fn has_room(&self) -> bool {
        let held = self.lock();
        held.waiting.pdus == 0 || held.waiting.cost() < self.limit / 2
    }

    /// Takes a PDU in that a spool has counted. Gives the place after it.
    pub(crate) fn feed(&self, pdu: Pdu) -> u64 {
        let mut held = self.lock();
        held.append(pdu, self.limit);
        let after = held.first + held.pdus.len() as u64;
        self.gauge(&held);
        drop(held);
        self.filled.notify_one();
        after
    }

    /// Every PDU before this place was let go: the LEMF has it.
    pub(crate) fn let_go_before(&self) -> u64 {
        self.lock().first
    }

    /// Whether so many octets more would not be dropped.
    pub(crate) fn has_room_for(&self, octets: usize) -> bool {
        let held = self.lock();
        held.dropped.is_none() && held.waiting.cost() + OVERHEAD + octets <= self.limit
    }

    fn wake_feeder(&self) {
        if let Some(feeder) = self.feeder.get() {
            let _ = feeder.try_send(());
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
                held.append(pdu, self.limit);
            } else {
                self.drop_pdu(&mut held, &pdu);
            }
        }
        self.gauge(&held);
        drop(held);
        self.filled.notify_one();
    }

    /// Where a new connection begins: the place of the first PDU that waits.
    pub(crate) fn next(&self) -> u64 {
        self.lock().next()
    }

    /// The PDUs from this place on, to be sent: at most so many, and after the first only as long as they stay within
    /// so many octets.
    pub(crate) fn from(&self, place: u64, pdus: usize, octets: usize) -> Vec<Pdu> {
        let mut total = 0_usize;
        let held = self.lock();
        let before = usize::try_from(place.saturating_sub(held.first)).unwrap_or(usize::MAX);
        let within = held.pdus.iter().skip(before).take(pdus).take_while(|pdu| {
            let first = total == 0;
            total += pdu.octets.len();
            first || total <= octets
        });
        within.cloned().collect()
    }

    /// TCP, or the LEMF, has acknowledged every PDU before this place.
    pub(crate) fn acknowledged(&self, place: u64) {
        let mut held = self.lock();
        while held.next() < place {
            let Some(octets) = held.pdus.get(held.acknowledged.pdus).map(|pdu| pdu.octets.len()) else { break };
            held.waiting.remove(octets);
            held.acknowledged.add(octets);
            held.taken += 1;
            self.counters.pdus_sent.one();
        }
        while held.acknowledged.cost() > self.limit / 8 {
            held.let_go();
        }
        self.settle(&mut held);
        self.gauge(&held);
        drop(held);
        self.room.notify_all();
        self.wake_feeder();
    }

    /// The LEMF has read every PDU before this place that was acknowledged.
    pub(crate) fn confirmed(&self, place: u64) {
        let mut held = self.lock();
        while held.first < place && held.acknowledged.pdus > 0 {
            held.let_go();
        }
        drop(held);
        self.wake_feeder();
    }

    /// The connection was reset, by the LEMF or since nothing was heard of it: what was acknowledged and may not have
    /// been read waits again.
    pub(crate) fn reset(&self, by_lemf: bool) {
        let mut held = self.lock();
        if held.acknowledged.pdus == 0 {
            return;
        }
        if held.stuck_at != held.first {
            (held.stuck_at, held.resets, held.resets_of_lemf) = (held.first, 0, 0);
        }
        held.resets = held.resets.saturating_add(1);
        held.resets_of_lemf += u32::from(by_lemf);
        if held.resets >= PATIENT_RESETS && held.resets_of_lemf >= RESETS_OF_LEMF {
            held.let_go();
            self.counters.pdus_unconfirmed.one();
        }
        held.returned = held.returned.max(held.next());
        let back = std::mem::take(&mut held.acknowledged);
        held.waiting.pdus += back.pdus;
        held.waiting.octets += back.octets;
        self.counters.pdus_returned.add(back.pdus as u64);
        self.gauge(&held);
    }

    /// The connection is over, and the LEMF, which acknowledges PDUs, has not acknowledged all that went before this
    /// place: that goes again, with caution. However often: an LEMF that cannot store says so in this way.
    pub(crate) fn unacknowledged(&self, sent: u64) {
        let mut held = self.lock();
        let back = sent.saturating_sub(held.next());
        if back == 0 {
            return;
        }
        if held.stuck_at != held.first {
            (held.stuck_at, held.resets, held.resets_of_lemf) = (held.first, 0, 0);
        }
        held.resets = held.resets.saturating_add(1);
        held.returned = held.returned.max(sent);
        self.counters.pdus_returned.add(back);
    }

    /// How many PDUs may go from this place on before the LEMF has to show that it read them. None: any number.
    pub(crate) fn caution(&self, place: u64) -> Option<usize> {
        let held = self.lock();
        let resets = if held.stuck_at == held.first { held.resets } else { 1 };
        let fewer = CAUTIOUS_PDUS.checked_shr(2 * resets.saturating_sub(1)).unwrap_or(0).max(1);
        (place < held.returned).then_some(fewer)
    }

    /// Waits until PDUs may have come since the last call.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// How many PDUs wait to be acknowledged, and their octets.
    pub(crate) fn held(&self) -> (u64, u64) {
        let Share { pdus, octets } = self.lock().waiting;
        (pdus as u64, octets as u64)
    }

    /// Octets that it holds at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit
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
        // Those that were acknowledged make room.
        held.waiting.pdus == 0 || held.waiting.cost() + OVERHEAD + pdu.octets.len() <= self.limit
    }

    /// Waits for room as long as the LEMF takes something in each `patience`.
    fn wait<'a>(&'a self, mut held: MutexGuard<'a, Held>, pdu: &Pdu) -> MutexGuard<'a, Held> {
        while !self.patience.is_zero() && !held.hurried && !self.fits(&held, pdu) {
            // What this call has put in must be seen, or nobody would make room.
            self.filled.notify_one();
            self.gauge(&held);
            let taken = held.taken;
            let (again, waited) = self.room.wait_timeout(held, self.patience).unwrap_or_else(PoisonError::into_inner);
            held = again;
            if waited.timed_out() && held.taken == taken {
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
        if held.waiting.cost() > self.limit - self.limit / 8 && held.waiting.pdus > 0 {
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
            held.append(message, self.limit);
        }
    }

    fn gauge(&self, held: &Held) {
        self.counters.buffered_pdus.set(held.waiting.pdus as u64);
        self.counters.buffered_octets.set(held.waiting.octets as u64);
    }
}

#[cfg(test)]
mod tests;
