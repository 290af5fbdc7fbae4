//! What a worker does about connections that are let go: tells the XDP programs, and takes back what they counted.

use std::collections::HashSet;
use std::sync::Arc;

use writ_capture::afxdp::{AfxdpError, FlowKey, LetGoTable};
use writ_wire::Order;

/// The connections of one worker that are let go.
pub struct Aside {
    /// One for each interface: the two directions of a connection may come in by different ones.
    tables: Arc<[LetGoTable]>,
    gone: HashSet<FlowKey>,
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
}

impl Aside {
    /// None is let go yet.
    pub fn new(tables: Arc<[LetGoTable]>) -> Self {
        Self { tables, gone: HashSet::new(), counts: Counts::default(), has_failed: false }
    }

    /// What came of it so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Does what the flows ask for.
    pub fn carry_out(&mut self, orders: impl Iterator<Item = Order>) {
        for order in orders {
            match order {
                Order::LetGo { key, reached } => {
                    for table in self.tables.iter() {
                        let done = table.let_go(&key, reached);
                        note(done, &mut self.counts, &mut self.has_failed);
                    }
                    self.gone.insert(key);
                }
                Order::TakeBack(key) => {
                    self.gone.remove(&key);
                    take_back(&self.tables, &key, &mut self.counts, &mut self.has_failed);
                }
            }
        }
    }

    /// Takes every one back: there are other warrants, and what nobody wanted may be wanted now.
    pub fn take_all_back(&mut self) {
        for key in self.gone.drain() {
            take_back(&self.tables, &key, &mut self.counts, &mut self.has_failed);
        }
    }
}

fn take_back(tables: &[LetGoTable], key: &FlowKey, counts: &mut Counts, has_failed: &mut bool) {
    for table in tables {
        if let Some(totals) = note(table.take_back(key), counts, has_failed).flatten() {
            counts.let_go_packets += totals.packets;
        }
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
