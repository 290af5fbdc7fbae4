//! Interface descriptions of pcapng: what the frames of an interface begin with, and what their times count.

use super::order::ByteOrder;

/// Option codes of an interface description block (draft-ietf-opsawg-pcapng 4.2).
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const OPT_ENDOFOPT: u16 = 0;

/// What packet blocks refer to by an interface's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) link: u32,
    /// Where a simple packet block's frame ends at the latest.
    pub(super) snapshot_len: u32,
    pub(super) clock: Clock,
}

impl Interface {
    /// Reads the body of an interface description block; `None` where it is too short for its fixed fields.
    pub(super) fn of_body(order: ByteOrder, body: &[u8]) -> Option<Self> {
        let link = u32::from(order.u16(body, 0)?);
        // Zero means no limit.
        let snapshot_len = order.u32(body, 4).map(|len| if len == 0 { u32::MAX } else { len })?;
        let mut clock = Clock::default();
        let mut options = body.get(8..)?;
        while let (Some(code), Some(length)) = (order.u16(options, 0), order.u16(options, 2)) {
            // An option that is longer than the block ends the reading of options, as it does in Wireshark.
            let Some(value) = options.get(4..4 + usize::from(length)) else { break };
            match (code, value) {
                (OPT_ENDOFOPT, _) => break,
                (IF_TSRESOL, [resolution, ..]) => clock.units_per_second = units_per_second(*resolution),
                (IF_TSOFFSET, value) => {
                    if let Some(offset) = order.u64(value, 0) {
                        clock.offset_seconds = i64::from_ne_bytes(offset.to_ne_bytes());
                    }
                }
                _ => {}
            }
            let padded = 4 + usize::from(length).next_multiple_of(4);
            options = options.get(padded..).unwrap_or_default();
        }
        Some(Self { link, snapshot_len, clock })
    }
}

/// What an interface's time stamps count, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    units_per_second: u128,
    offset_seconds: i64,
}

/// Microseconds since 1970, as the format has it where nothing else is said.
impl Default for Clock {
    fn default() -> Self {
        Self { units_per_second: 1_000_000, offset_seconds: 0 }
    }
}

impl Clock {
    /// Nanoseconds since 1970; times before, or past the year 2554, are held at those ends.
    pub(super) fn time_nanos(self, ticks: u64) -> u64 {
        // units_per_second is at most 10^38: see units_per_second(); ticks * 10^9 is below 2^94.
        let nanos = u128::from(ticks) * 1_000_000_000 / self.units_per_second;
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX);
        let nanos = nanos.saturating_add(i128::from(self.offset_seconds) * 1_000_000_000);
        u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
    }
}

/// `if_tsresol`: a negative power of ten or, with the first bit set, of two.
fn units_per_second(resolution: u8) -> u128 {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 == 0 {
        // Beyond 10^38 a tick is far under a nanosecond in any 64-bit count: all times are the offset.
        10u128.checked_pow(exponent).unwrap_or(10u128.pow(38))
    } else {
        1u128 << exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_powers_of_ten_or_of_two() {
        let clock = |resolution| Clock { units_per_second: units_per_second(resolution), offset_seconds: 0 };
        assert_eq!(clock(6).time_nanos(1_500_000), 1_500_000_000);
        assert_eq!(clock(9).time_nanos(1_500_000), 1_500_000);
        assert_eq!(clock(3).time_nanos(1_500), 1_500_000_000);
        assert_eq!(clock(0).time_nanos(2), 2_000_000_000);
        assert_eq!(clock(0x80 | 10).time_nanos(1_536), 1_500_000_000);
        assert_eq!(clock(12).time_nanos(1_999), 1);
        assert_eq!(clock(0x7f).time_nanos(u64::MAX), 0);
        assert_eq!(clock(0xff).time_nanos(u64::MAX), 0);
    }

    #[test]
    fn times_outside_the_range_are_held_at_its_ends() {
        let clock = |offset_seconds| Clock { units_per_second: 1, offset_seconds };
        assert_eq!(clock(i64::MIN).time_nanos(5), 0);
        assert_eq!(clock(i64::MAX).time_nanos(u64::MAX), u64::MAX);
        assert_eq!(clock(-5).time_nanos(7), 2_000_000_000);
    }
}
