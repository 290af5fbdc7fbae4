//! One time a packet.

use crate::Time;

/// A time stands for a packet further on: octets of one time came in one packet, and may be handed over as one. But captures give
/// many packets one time: a file whose clock counts microseconds or less, or a batch of frames that is read at once.
///
/// So packets of one time are set a nanosecond apart, in the order in which they came, and less than a microsecond from what the
/// clock gave: a PDU tells no more (`MicroSecondTimeStamp`, TS 102 232-1).
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    /// As the clock gave it, and as it was told.
    last: (Time, Time),
}

/// Beyond so many packets of one time the others have the last one's.
const MOST: u64 = 999;

impl Ticks {
    /// The time of the next packet, by the time that the capture gave it.
    pub(crate) fn next(&mut self, given: Time) -> Time {
        let (last_given, last_told) = self.last;
        let told = if (last_given..=last_told).contains(&given) {
            Time::from_nanos(last_told.as_nanos().saturating_add(1).min(given.as_nanos().saturating_add(MOST)))
        } else {
            given
        };
        self.last = (given, told);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(given: &[u64]) -> Vec<u64> {
        let mut ticks = Ticks::default();
        given.iter().map(|nanos| ticks.next(Time::from_nanos(*nanos)).as_nanos()).collect()
    }

    #[test]
    fn packets_of_one_time_are_set_apart() {
        assert_eq!(told(&[5_000, 5_000, 5_000, 6_000, 6_000]), [5_000, 5_001, 5_002, 6_000, 6_001]);
        // The next batch begins before the last one's packets are all told.
        assert_eq!(told(&[5_000, 5_000, 5_000, 5_001, 5_001, 5_010]), [5_000, 5_001, 5_002, 5_003, 5_004, 5_010]);
    }

    #[test]
    fn a_clock_that_goes_back_is_followed() {
        assert_eq!(told(&[5_000, 5_000, 4_000, 4_000, 5_000]), [5_000, 5_001, 4_000, 4_001, 5_000]);
    }

    #[test]
    fn no_packet_leaves_its_microsecond() {
        let many = told(&[7_000; 2_500]);
        assert!(many.iter().all(|nanos| (7_000..8_000).contains(nanos)));
        assert!(many.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(told(&[u64::MAX; 3]), [u64::MAX; 3]);
    }
}
