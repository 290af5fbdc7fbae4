//! What was received, and what was lost on the way.

use std::sync::atomic::{AtomicU64, Ordering};

use writ_filter::verdict::Verdict;
use xsk_rs::socket::XdpStatistics;

/// Counters of a queue's socket, shared between its worker, who writes them, and whoever reads them.
///
/// All only ever grow. The ring statistics are the kernel's, copied whenever the queue is idle and at least every
/// [`super::BATCHES_A_STATISTIC`] batches.
#[derive(Debug, Default)]
pub struct QueueCounters {
    frames: AtomicU64,
    octets: AtomicU64,
    too_long: AtomicU64,
    no_frame: AtomicU64,
    rx_invalid_descs: AtomicU64,
    rx_ring_full: AtomicU64,
    rx_fill_ring_empty_descs: AtomicU64,
}

/// The values of [`QueueCounters`] at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Frames visited.
    pub frames: u64,
    /// Octets in them.
    pub octets: u64,
    /// Redirected packets that the kernel dropped since they are too long for a UMEM frame.
    pub too_long: u64,
    /// Redirected packets that it dropped for want of a free frame to copy them to.
    pub no_frame: u64,
    /// Descriptors of the fill ring that the kernel refused; none, unless there is a bug. No packet is lost by that.
    pub rx_invalid_descs: u64,
    /// Redirected packets dropped because the receive ring was full: the worker is too slow.
    pub rx_ring_full: u64,
    /// Times that the kernel found no free frame in the fill ring.
    pub rx_fill_ring_empty_descs: u64,
}

impl QueueCounters {
    /// The values now.
    pub fn read(&self) -> QueueCounts {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        QueueCounts {
            frames: value(&self.frames),
            octets: value(&self.octets),
            too_long: value(&self.too_long),
            no_frame: value(&self.no_frame),
            rx_invalid_descs: value(&self.rx_invalid_descs),
            rx_ring_full: value(&self.rx_ring_full),
            rx_fill_ring_empty_descs: value(&self.rx_fill_ring_empty_descs),
        }
    }

    pub(super) fn add_batch(&self, frames: u64, octets: u64) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    pub(super) fn set_statistics(&self, statistics: &XdpStatistics, takes_several: bool) {
        let (too_long, no_frame) =
            dropped(statistics.rx_dropped(), statistics.rx_fill_ring_empty_descs(), takes_several);
        self.too_long.store(too_long, Ordering::Relaxed);
        self.no_frame.store(no_frame, Ordering::Relaxed);
        self.rx_invalid_descs.store(statistics.rx_invalid_descs(), Ordering::Relaxed);
        self.rx_ring_full.store(statistics.rx_ring_full(), Ordering::Relaxed);
        self.rx_fill_ring_empty_descs.store(statistics.rx_fill_ring_empty_descs(), Ordering::Relaxed);
    }
}

/// Tells apart what the kernel counts as one: packets too long for a frame, and packets without a free one.
///
/// Where it copies, it counts for each of the latter that it found the fill ring empty; where it does not copy, none is of either
/// kind. A socket that takes packets of several frames has none that is too long.
fn dropped(rx_dropped: u64, found_empty: u64, takes_several: bool) -> (u64, u64) {
    let no_frame = if takes_several { rx_dropped } else { rx_dropped.min(found_empty) };
    (rx_dropped - no_frame, no_frame)
}

/// Packets of one queue with one verdict, as the XDP program counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictCount {
    /// The receive queue; `None` for all queues past the last one that can have a socket.
    pub queue: Option<u32>,
    /// What became of the packets; [`Verdict::name`] is its name.
    pub verdict: Verdict,
    /// How many packets.
    pub packets: u64,
    /// Their octets from the Ethernet header on.
    pub octets: u64,
}
