//! Times as systems write them: RFC 3339.

use writ_wire::{Time, days_since_epoch};

/// Reads `2026-11-22T10:15:00.123456Z`, or with an offset. A leap second is the one before it. `None` for anything else, and for
/// times before 1970.
pub(crate) fn rfc3339(text: &str) -> Option<Time> {
    let octets = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = octets.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let is = |at: usize, expected: &[u8]| octets.get(at).is_some_and(|octet| expected.contains(octet));
    let punctuation = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut at = 19;
    let mut nanos = 0;
    if is(at, b".") {
        let digits = octets.get(at + 1..)?.iter().take_while(|octet| octet.is_ascii_digit()).count();
        (1..=9).contains(&digits).then_some(())?;
        nanos = number(at + 1, at + 1 + digits)? * 10_i64.pow(9 - digits as u32);
        at += 1 + digits;
    }
    let (offset, end) = if is(at, b"Zz") {
        (0, at + 1)
    } else {
        let sign = if is(at, b"+") { 1 } else { is(at, b"-").then_some(-1)? };
        let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
        (is(at + 3, b":") && hours < 24 && minutes < 60).then_some(())?;
        (sign * (hours * 60 + minutes), at + 6)
    };
    let possible = punctuation
        && end == octets.len()
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    possible.then_some(())?;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second.min(59);
    Some(Time::from_parts(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?))
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_3339_writes_them() {
        let at = |text| rfc3339(text).map(|time| (time.seconds(), time.subsec_micros()));
        assert_eq!(at("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(at("2026-11-22T10:15:00.123456Z"), Some((1_795_342_500, 123_456)));
        assert_eq!(at("2026-11-22T11:15:00.5+01:00"), Some((1_795_342_500, 500_000)));
        assert_eq!(at("2026-11-22t10:15:00z"), Some((1_795_342_500, 0)));
        assert_eq!(at("2024-02-29T23:59:60Z"), Some((1_709_251_199, 0)));
        assert_eq!(at("2026-01-01T00:30:00+01:00"), Some((1_767_223_800, 0)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026",
            "2026-11-22",
            "2026-11-22T10:15:00",
            "2026-11-22T10:15Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T10:60:00Z",
            "2026-11-22T10:15:61Z",
            "2026-11-22T10:15:00.Z",
            "2026-11-22T10:15:00.1234567890Z",
            "2026-11-22T10:15:00+0100",
            "2026-11-22T10:15:00+24:00",
            "2026-11-22T10:15:00Zx",
            "1969-12-31T23:59:59Z",
            "2026-11-22T1é:15:00Z",
            "+026-11-22T10:15:00Z",
            "-1-11-22T10:15:00Z",
            "１２３４-11-22T10:15:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
