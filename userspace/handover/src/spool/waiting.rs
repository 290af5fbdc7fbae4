//! PDUs that wait in memory to be put on disk: filled by the intake, emptied by the thread of the spool.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, bounded};

use super::state::Lost;
use crate::consignment::Kept;
use crate::counters::LinkCounters;
use crate::pdu::Pdu;

/// What holding a PDU takes beyond its octets.
const OVERHEAD: usize = size_of::<Pdu>() + 64;

/// Shared by both.
pub(super) struct Waiting {
    limit: usize,
    held: Mutex<Held>,
    wake: Sender<()>,
    woken: Receiver<()>,
    /// Woken when some need not wait any more.
    went: Condvar,
    counters: Arc<LinkCounters>,
}

#[derive(Default)]
struct Held {
    pdus: VecDeque<Pdu>,
    octets: usize,
    /// When the first of them came.
    since: Option<Instant>,
    /// What there was no room for, after all of them.
    lost: Lost,
    /// By when everything should have gone.
    finish: Option<Instant>,
    closed: bool,
    /// How many ever came, and how many of these need not wait any more.
    came: u64,
    done: u64,
    /// The places of the last of these that was dropped, and that went by another way; 0 for none.
    dropped_at: u64,
    passed_at: u64,
    /// What was neither on disk nor taken by the LEMF at the end.
    left: Lost,
}

/// How it stands.
pub(super) struct Standing {
    pub(super) pdus: usize,
    pub(super) since: Option<Instant>,
    pub(super) finish: Option<Instant>,
    pub(super) closed: bool,
}

impl Waiting {
    pub(super) fn new(limit: usize, counters: Arc<LinkCounters>) -> Self {
        let (wake, woken) = bounded(1);
        Self { limit, held: Mutex::default(), wake, woken, went: Condvar::new(), counters }
    }

    /// Wakes the thread when something is sent on it.
    pub(super) fn waker(&self) -> Sender<()> {
        self.wake.clone()
    }

    /// Waits until something happened, no longer than until then.
    pub(super) fn wait(&self, until: Instant) {
        // Its other end is held here.
        let _ = self.woken.recv_deadline(until);
    }

    pub(super) fn push(&self, pdus: impl IntoIterator<Item = Pdu>) {
        let mut held = self.lock();
        for pdu in pdus {
            self.counters.encoded(pdu.kind, pdu.octets.len());
            let cost = pdu.octets.len() + OVERHEAD;
            // One gap, not a thousand: nothing is taken before the loss is told.
            if !held.lost.is_none() || held.octets + cost > self.limit && !held.pdus.is_empty() {
                self.counters.dropped_pdus.one();
                self.counters.dropped_octets.add(pdu.octets.len() as u64);
                if held.lost.is_none() {
                    self.counters.full_episodes.one();
                }
                held.lost.add(Lost { pdus: 1, octets: pdu.octets.len() as u64 });
                held.dropped_at = held.came + 1;
                continue;
            }
            held.octets += cost;
            held.pdus.push_back(pdu);
            held.came += 1;
            held.since.get_or_insert_with(Instant::now);
        }
        drop(held);
        self.wake();
    }

    /// The first of them, no more than so many and so many octets, which stay until they are [`taken`](Self::taken).
    pub(super) fn front(&self, pdus: usize, octets: usize) -> Vec<Pdu> {
        let mut total = 0_usize;
        let held = self.lock();
        let within = held.pdus.iter().take(pdus).take_while(|pdu| {
            let first = total == 0;
            total += pdu.octets.len();
            first || total <= octets
        });
        within.cloned().collect()
    }

    /// Whether so many octets more would be taken, or there never is more room than now.
    pub(super) fn has_room_for(&self, octets: usize) -> bool {
        let held = self.lock();
        held.lost.is_none() && (held.pdus.is_empty() || held.octets + OVERHEAD + octets <= self.limit)
    }

    /// How many ever came.
    pub(super) fn place(&self) -> u64 {
        self.lock().came
    }

    /// The first so many need not wait any more, and what became of them.
    pub(super) fn taken(&self, pdus: usize, kept: Kept) {
        let mut held = self.lock();
        for _ in 0..pdus {
            let Some(pdu) = held.pdus.pop_front() else { break };
            held.octets -= pdu.octets.len() + OVERHEAD;
        }
        held.since = (!held.pdus.is_empty()).then(Instant::now);
        held.done += pdus as u64;
        match kept {
            Kept::Synced => {}
            Kept::Dropped => held.dropped_at = held.done,
            Kept::Unsettled => held.passed_at = held.done,
        }
        drop(held);
        self.went.notify_all();
    }

    /// Whether any went by another way than the disk, of which the LEMF has not yet shown that it has them.
    pub(super) fn is_unsettled(&self) -> bool {
        self.lock().passed_at > 0
    }

    /// The LEMF has all that went by another way.
    pub(super) fn settled(&self) {
        self.lock().passed_at = 0;
    }

    /// What was lost at the end of them, once they are all taken.
    pub(super) fn lost(&self) -> Lost {
        let mut held = self.lock();
        if held.pdus.is_empty() { std::mem::take(&mut held.lost) } else { Lost::default() }
    }

    pub(super) fn standing(&self) -> Standing {
        let held = self.lock();
        Standing { pdus: held.pdus.len(), since: held.since, finish: held.finish, closed: held.closed }
    }

    pub(super) fn finish(&self, deadline: Instant) {
        self.lock().finish = Some(deadline);
        self.wake();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.went.notify_all();
        self.wake();
    }

    /// At the end: these are lost, and what still waits is.
    pub(super) fn leave(&self, more: Lost) {
        let mut held = self.lock();
        let mut left = more;
        held.pdus.iter().for_each(|pdu| left.add(Lost { pdus: 1, octets: pdu.octets.len() as u64 }));
        held.left = left;
    }

    /// What is lost at the end.
    pub(super) fn left(&self) -> Lost {
        self.lock().left
    }

    fn wake(&self) {
        // One is enough.
        let _ = self.wake.try_send(());
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for PDUs that wait: those after one place, up to another.
pub(crate) struct Ticket {
    waiting: Arc<Waiting>,
    after: u64,
    up_to: u64,
}

impl Ticket {
    /// For those that came after `after`, and until now.
    pub(super) fn new(waiting: &Arc<Waiting>, after: u64) -> Self {
        Self { waiting: Arc::clone(waiting), after, up_to: waiting.place() }
    }

    /// Waits until all of them, and all before them, need not wait any more; says what became of them.
    pub(crate) fn wait(self, deadline: Instant) -> Kept {
        let mut held = self.waiting.lock();
        while held.done < self.up_to {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || held.closed {
                return Kept::Unsettled;
            }
            let waited = self.waiting.went.wait_timeout(held, left);
            held = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        // Who brings nothing asks of what was brought before, wherever that stands.
        let asked_from = if self.after == self.up_to { 0 } else { self.after };
        // Others of a later place may be meant; then it is said once too often, and never once too little.
        match () {
            () if held.dropped_at > self.after => Kept::Dropped,
            () if held.passed_at > asked_from => Kept::Unsettled,
            () => Kept::Synced,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use writ_wire::Time;

    use super::*;
    use crate::pdu::{Interface, Kind};

    #[test]
    fn who_brings_nothing_new_is_told_of_what_was_brought_before() {
        let waiting = Arc::new(Waiting::new(1 << 20, Arc::default()));
        let pdu = Pdu {
            interface: Interface::Hi2,
            kind: Kind::Iri,
            time: Time::MIN,
            octets: vec![0; 9].into(),
            checked: None,
        };
        let soon = || Instant::now() + Duration::from_secs(5);
        let before = waiting.place();
        waiting.push([pdu]);
        let first = Ticket::new(&waiting, before);
        waiting.taken(1, Kept::Unsettled);
        assert_eq!(first.wait(soon()), Kept::Unsettled);
        // The same is said again, and makes no PDU.
        assert_eq!(Ticket::new(&waiting, waiting.place()).wait(soon()), Kept::Unsettled);
        waiting.settled();
        assert_eq!(Ticket::new(&waiting, waiting.place()).wait(soon()), Kept::Synced);
    }
}
