//! How long it takes from the packet to each stage on the way to the LEMF.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use writ_wire::Time;

/// The longest time that is told from longer ones: an hour, in microseconds.
const LONGEST_MICROS: u64 = 3_600_000_000;
/// Significant digits of a time.
const DIGITS: u8 = 3;

/// How far something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A worker has made a record of it, and hands it on: after whatever it was held for until it was known whom it concerns.
    Read,
    /// It is a PDU.
    Encoded,
    /// It waits for the LEMF: in memory, or where there is a spool, on disk.
    Queued,
    /// The LEMF's socket has taken all of it.
    Written,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Read, Self::Encoded, Self::Queued, Self::Written];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Encoded => "encoded",
            Self::Queued => "queued",
            Self::Written => "written",
        }
    }
}

/// Shares of the times that lie below the quantile of [`StageSnapshot::quantiles_micros`].
pub const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// The times to each stage, of records (read) and of PDUs with IRI or CC (the others).
///
/// A batch takes one lock, which nobody else holds but a scrape.
#[derive(Debug, Default)]
pub struct Stages([OneStage; Stage::ALL.len()]);

#[derive(Debug)]
struct OneStage(Mutex<Times>);

#[derive(Debug)]
struct Times {
    /// None where the library refuses the bounds, which it does not.
    histogram: Option<Histogram<u64>>,
    sum_micros: u64,
}

impl Default for OneStage {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).ok();
        Self(Mutex::new(Times { histogram, sum_micros: 0 }))
    }
}

/// What was counted of a stage until one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageSnapshot {
    /// How many came that far.
    pub count: u64,
    /// Their times, together, microseconds.
    pub sum_micros: u64,
    /// The times below which the shares of [`QUANTILES`] lie, microseconds.
    pub quantiles_micros: [u64; QUANTILES.len()],
}

impl Stages {
    /// Counts what has come to a stage now, by the times of the packets.
    pub fn record(&self, stage: Stage, now: Time, times: impl Iterator<Item = Time>) {
        let mut times = times.peekable();
        if times.peek().is_none() {
            return;
        }
        let mut counted = self.lock(stage);
        for time in times {
            let micros = u64::try_from(now.since(time).as_micros()).unwrap_or(u64::MAX).min(LONGEST_MICROS);
            counted.sum_micros += micros;
            if let Some(histogram) = &mut counted.histogram {
                histogram.saturating_record(micros);
            }
        }
    }

    /// What was counted of a stage until now.
    pub fn snapshot(&self, stage: Stage) -> StageSnapshot {
        let counted = self.lock(stage);
        let Some(histogram) = &counted.histogram else { return StageSnapshot::default() };
        StageSnapshot {
            count: histogram.len(),
            sum_micros: counted.sum_micros,
            quantiles_micros: QUANTILES.map(|share| histogram.value_at_quantile(share)),
        }
    }

    fn lock(&self, stage: Stage) -> MutexGuard<'_, Times> {
        let Self([read, encoded, queued, written]) = self;
        let OneStage(times) = match stage {
            Stage::Read => read,
            Stage::Encoded => encoded,
            Stage::Queued => queued,
            Stage::Written => written,
        };
        times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_stage_that_they_were_counted_for() {
        let stages = Stages::default();
        assert_eq!(stages.snapshot(Stage::Read), StageSnapshot::default());
        let now = Time::from_parts(100, 0);
        let ago = |micros: u64| Time::from_nanos(now.as_nanos() - micros * 1000);
        stages.record(Stage::Read, now, (1..=1000).map(ago));
        stages.record(
            Stage::Queued,
            now,
            [ago(7), now.after(std::time::Duration::from_secs(1)), Time::MIN].into_iter(),
        );
        let read = stages.snapshot(Stage::Read);
        assert_eq!(read, StageSnapshot { count: 1000, sum_micros: 500_500, quantiles_micros: [500, 900, 990, 999] });
        let queued = stages.snapshot(Stage::Queued);
        assert_eq!((queued.count, queued.quantiles_micros[0]), (3, 7));
        // A clock that steps is no time, and what is longer than an hour is longer than an hour.
        assert_eq!(queued.sum_micros, 7 + 100_000_000);
        assert_eq!(stages.snapshot(Stage::Written).count, 0);
    }
}
