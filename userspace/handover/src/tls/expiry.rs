//! When a certificate ends: `notAfter` (RFC 5280 §4.1.2.5), so that somebody is told before nothing is delivered any more.

use rustls::pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Seconds since 1970. None where it is not to be found, or before 1970.
pub(super) fn not_after(certificate: &CertificateDer<'_>) -> Option<u64> {
    let (_, certificate, _) = value(certificate)?;
    let (_, mut rest, _) = value(certificate)?;
    // version, which may be left out, serialNumber, signature, issuer
    let (tag, _, after) = value(rest)?;
    if tag == VERSION {
        rest = after;
    }
    for _ in 0..3 {
        rest = value(rest)?.2;
    }
    let (tag, validity, _) = value(rest)?;
    let (_, _, after) = value(validity)?;
    let (of_time, time, _) = value(after)?;
    if tag == SEQUENCE { seconds(of_time, time) } else { None }
}

/// Tag, contents and what follows, in DER.
fn value(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = octets.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (length.into(), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked((length & 0x7f).into())?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

fn seconds(tag: u8, time: &[u8]) -> Option<u64> {
    let time = str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = time.split_at_checked(2)?;
            let year = year.parse::<i64>().ok()?;
            // RFC 5280 §4.1.2.5.1
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = time.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut numbers = [0_i64; 5];
    let mut rest = rest;
    for number in &mut numbers {
        let (digits, after) = rest.split_at_checked(2)?;
        (*number, rest) = (digits.parse().ok()?, after);
    }
    let [month, day, hour, minute, second] = numbers;
    u64::try_from(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that a leap day is the last of one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_found() {
        for (year, month, day, expected) in [
            (2026, 11, 22, 1_795_305_600),
            (2049, 12, 31, 2_524_521_600),
            // From 2050 on the time is of the other type.
            (2050, 1, 1, 2_524_608_000),
            (2104, 3, 1, 4_233_772_800),
        ] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut parameters = rcgen::CertificateParams::new(vec!["lemf.example".to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(year, month, day);
            let certificate = parameters.self_signed(&key).unwrap();
            assert_eq!(not_after(certificate.der()), Some(expected), "{year}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["lemf.example".to_owned()]).unwrap();
        let octets = parameters.self_signed(&key).unwrap().der().to_vec();
        for end in 0..100 {
            assert_eq!(not_after(&octets[..end].into()), None);
        }
        assert_eq!(not_after(&vec![0x30; 100].into()), None);
    }
}
