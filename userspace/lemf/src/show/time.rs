//! Moments in RFC 3339, to the microsecond.

use writ_etsi::MicroSecondTimeStamp;
use writ_etsi::asn1::GeneralizedTime;

/// The last second that four digits of a year can tell: 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;

/// Seconds and microseconds since 1970-01-01T00:00:00Z as `2026-01-01T00:00:00.123456Z`. `None` where RFC 3339 has no
/// form for it: past the year 9999, or with a million microseconds or more.
#[must_use]
pub fn rfc3339(seconds: u64, micro_seconds: u32) -> Option<String> {
    if seconds > LAST || micro_seconds > 999_999 {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro_seconds:06}Z"))
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Count from 1 March of the year 0: a leap day then ends its year, and the months' lengths repeat every 5.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

pub(crate) fn of_stamp(stamp: &MicroSecondTimeStamp) -> Option<String> {
    rfc3339(stamp.seconds, stamp.micro_seconds)
}

pub(super) fn of_generalized(time: &GeneralizedTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_351_782_000, "2012-11-01T15:00:00.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
            (LAST, "9999-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(rfc3339(seconds, 0).as_deref(), Some(expected));
        }
        assert_eq!(rfc3339(1, 999_999).as_deref(), Some("1970-01-01T00:00:01.999999Z"));
        assert_eq!(rfc3339(LAST + 1, 0), None);
        assert_eq!(rfc3339(0, 1_000_000), None);
    }

    #[test]
    fn generalized_time_keeps_its_zone() {
        let time: GeneralizedTime = "2012-11-01T16:00:00.123+01:00".parse().unwrap();
        assert_eq!(of_generalized(&time), "2012-11-01T16:00:00.123000+01:00");
    }
}
