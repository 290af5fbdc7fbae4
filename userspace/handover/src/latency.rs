//! How long a record takes from the wire to the LEMF's socket.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use writ_wire::Time;

use crate::pdu::Pdu;
use crate::stages::{Stage, Stages};

/// Upper bounds of the buckets, in microseconds; above the last there is one more without bound.
pub const BOUNDS_MICROS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 10_000_000, 60_000_000];

/// A histogram of times from interception to the socket, which any thread may read while one writes. Its buckets are
/// fixed so that a scrape of it is exact and cheap.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
    /// The same by stages of the way.
    pub stages: Stages,
}

/// What a [`Latency`] held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySnapshot {
    /// How many lie in each bucket of [`BOUNDS_MICROS`], and in the one above; not cumulative.
    pub buckets: [u64; BOUNDS_MICROS.len() + 1],
    /// Of all, microseconds.
    pub sum_micros: u64,
}

impl LatencySnapshot {
    /// How many were measured.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Latency {
    /// Counts PDUs that the socket took now.
    pub(crate) fn written<'a>(&self, now: Time, pdus: impl Iterator<Item = &'a Pdu> + Clone) {
        pdus.clone().for_each(|pdu| self.record(now.since(pdu.time)));
        self.stages.record(Stage::Written, now, pdus.filter_map(Pdu::intercepted));
    }

    /// Counts one.
    fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|&bound| bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        // Replayed captures are years old: the sum must not wrap into nonsense within a run.
        self.sum_micros.fetch_add(micros.min(1 << 40), Ordering::Relaxed);
    }

    /// What it holds now.
    pub fn snapshot(&self) -> LatencySnapshot {
        let mut buckets = [0; BOUNDS_MICROS.len() + 1];
        for (copy, bucket) in buckets.iter_mut().zip(&self.buckets) {
            *copy = bucket.load(Ordering::Relaxed);
        }
        LatencySnapshot { buckets, sum_micros: self.sum_micros.load(Ordering::Relaxed) }
    }
}

/// The clock of the machine as the capture tells time.
pub(crate) fn now() -> Time {
    Time::since_epoch(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_belongs_to_its_own_bucket() {
        let latency = Latency::default();
        for micros in [0, 50, 51, 60_000_000, 60_000_001] {
            latency.record(Duration::from_micros(micros));
        }
        let snapshot = latency.snapshot();
        assert_eq!((snapshot.buckets[0], snapshot.buckets[1]), (2, 1));
        assert_eq!((snapshot.buckets[13], snapshot.buckets[14]), (1, 1));
        assert_eq!((snapshot.count(), snapshot.sum_micros), (5, 120_000_102));
    }
}
