//! The time of a packet.

use std::time::Duration;

/// Days from 1970-01-01 to a date of the Gregorian calendar: years start in March, so that a leap day ends one.
pub const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, as the capture gave it.
///
/// Writ judges everything by the time of the packet, never by a clock of its own, so that a replay decides exactly as
/// the live tap did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The earliest time there is.
    pub const MIN: Self = Self(0);
    /// The latest time there is.
    pub const MAX: Self = Self(u64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch and nanoseconds within the second.
    pub const fn from_parts(seconds: u64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as u64))
    }

    /// From the time since the epoch.
    pub const fn since_epoch(since: Duration) -> Self {
        Self::from_parts(since.as_secs(), since.subsec_nanos())
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Microseconds within the second, 0 to 999,999.
    pub const fn subsec_micros(self) -> u32 {
        ((self.0 % 1_000_000_000) / 1_000) as u32
    }

    /// The time that has passed since `earlier`; zero when `earlier` is later, since clocks of taps step.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `duration`.
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_nanos() as u64))
    }
}
