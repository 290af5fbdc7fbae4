//! Telephone numbers in octet strings.

/// The digits of an `msisdn`, as MAP writes it (TS 29.002, AddressString): the kind of number, then two digits an octet.
pub(super) fn of_msisdn(octets: &[u8]) -> Option<String> {
    let (kind, digits) = octets.split_first().filter(|(kind, _)| **kind & 0x80 != 0)?;
    Some(written(kind >> 4 & 7 == 1, &of_pairs(digits)?))
}

/// The digits of an `e164-format`, as ISUP writes it (Q.763 §3.10): the kind of number and whether there is an odd number of
/// digits, the plan, then two digits an octet.
pub(super) fn of_e164(octets: &[u8]) -> Option<String> {
    let (kind, rest) = octets.split_first()?;
    let (_, digits) = rest.split_first().filter(|(plan, _)| **plan >> 4 & 7 == 1)?;
    let mut digits = of_pairs(digits)?;
    (1..=4).contains(&(kind & 0x7f)).then_some(())?;
    if kind & 0x80 != 0 {
        digits.pop().filter(|filler| *filler == '0')?;
    }
    Some(written(kind & 0x7f == 4, &digits))
}

/// The digits of an `imsi` or an `imei`.
pub(super) fn of_tbcd(octets: &[u8]) -> Option<String> {
    of_pairs(octets)
}

fn written(is_international: bool, digits: &str) -> String {
    if is_international { format!("+{digits}") } else { digits.to_owned() }
}

/// Two digits an octet, the first in the lower half; `F` after the last.
fn of_pairs(octets: &[u8]) -> Option<String> {
    let halves = octets.iter().flat_map(|octet| [octet & 0xf, octet >> 4]);
    let mut digits = String::with_capacity(octets.len() * 2);
    let mut is_over = false;
    for half in halves {
        match half {
            0xf => is_over = true,
            _ if is_over => return None,
            _ => digits.push(char::from_digit(half.into(), 10)?),
        }
    }
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_what_is_none_is_not() {
        assert_eq!(of_msisdn(&[0x91, 0x13, 0x16, 0x32, 0x54, 0x76, 0xf8]).as_deref(), Some("+31612345678"));
        assert_eq!(of_msisdn(&[0x81, 0x21, 0x43]).as_deref(), Some("1234"));
        assert_eq!(of_e164(b"31612345678"), None);
        assert_eq!(of_e164(&[0x84, 0x13, 0x13, 0x16, 0x32, 0x54, 0x76, 0x08]).as_deref(), Some("+31612345678"));
        assert_eq!(of_e164(&[0x04, 0x13, 0x21, 0x43]).as_deref(), Some("+1234"));
        assert_eq!(of_tbcd(&[0x02, 0xf4]).as_deref(), Some("204"));
        for octets in [&[][..], &[0x91], &[0x91, 0xab], &[0x91, 0x1f], b"31612345678"] {
            assert_eq!(of_msisdn(octets), None, "{octets:x?}");
        }
        assert_eq!(of_e164(b"31612345678"), None);
        assert_eq!(of_e164(&[0x84, 0x13, 0x13, 0x16]), None, "an odd number of digits has a filler");
    }
}
