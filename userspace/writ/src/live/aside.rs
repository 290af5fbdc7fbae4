//! What a worker does about connections that are let go: tells the XDP programs, and takes back what they counted.

use std::sync::Arc;

use writ_capture::afxdp::{AfxdpError, FlowKey, LetGoTable};
use writ_wire::Order;

use super::gone::Gone;

/// The connections of one worker that are let go.
pub struct Aside {
    /// One for each interface: the two directions of a connection may come in by different ones.
    tables: Arc<[LetGoTable]>,
    gone: Gone,
    counts: Counts,
    has_failed: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Packets that the programs counted of connections that were taken back since.
    pub let_go_packets: u64,
    /// Times that a program could not be told: its packets went on to come in.
    pub let_go_failed: u64,
    /// Connections taken back before their end to make room for others.
    pub let_go_gave_way: u64,
    /// Connections that a program had given up by itself, with what it had counted of them.
    pub let_go_evicted: u64,
    /// Connections that were not let go, for want of room.
    pub let_go_no_room: u64,
}

impl Aside {
    /// None is let go yet.
    pub fn new(tables: Arc<[LetGoTable]>) -> Self {
        Self { tables, gone: Gone::default(), counts: Counts::default(), has_failed: false }
    }

    /// What came of it so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Does what the flows ask for.
    pub fn carry_out(&mut self, orders: impl Iterator<Item = Order>) {
        for order in orders {
            match order {
                Order::LetGo { key, reached } => self.let_go(key, reached),
                Order::TakeBack(key) => self.take_back(&key),
            }
        }
    }

    /// Takes every one back: there are other warrants, and what nobody wanted may be wanted now.
    pub fn take_all_back(&mut self) {
        while let Some(key) = self.gone.any() {
            self.take_back(&key);
        }
    }

    fn let_go(&mut self, key: FlowKey, reached: (u32, u32)) {
        // It came in though it was let go: its entry is gone, or it is to begin anew; what was counted is not to be lost.
        self.take_back(&key);
        if self.tables.iter().any(LetGoTable::is_full) && !self.make_room() {
            self.counts.let_go_no_room += 1;
            return;
        }
        self.gone.insert(key);
        for table in self.tables.iter() {
            let done = table.let_go(&key, reached);
            note(done, &mut self.counts, &mut self.has_failed);
        }
    }

    /// Takes one back that was silent for long; false where this worker has none.
    fn make_room(&mut self) -> bool {
        let Self { tables, gone, .. } = self;
        // What cannot be asked is as good as silent.
        let seen =
            |key: &FlowKey| tables.iter().filter_map(|table| table.last_seen(key).ok().flatten()).max().unwrap_or(0);
        let Some(silent) = gone.silent(seen) else { return false };
        self.take_back(&silent);
        self.counts.let_go_gave_way += 1;
        true
    }

    fn take_back(&mut self, key: &FlowKey) {
        if !self.gone.remove(key) {
            return;
        }
        let Self { tables, counts, has_failed, .. } = self;
        let mut is_evicted = false;
        for table in tables.iter() {
            match note(table.take_back(key), counts, has_failed) {
                Some(Some(totals)) => counts.let_go_packets += totals.packets,
                Some(None) => is_evicted = true,
                None => {}
            }
        }
        counts.let_go_evicted += u64::from(is_evicted);
    }
}

/// Counts a failure, and logs the first.
fn note<T>(done: Result<T, AfxdpError>, counts: &mut Counts, has_failed: &mut bool) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            counts.let_go_failed += 1;
            if !std::mem::replace(has_failed, true) {
                tracing::warn!("encrypted connections cannot be let go: {error}");
            }
            None
        }
    }
}
