//! Reading numbers in network order from octets that may be too few.

/// Two octets at `at`.
pub(crate) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

/// Four octets at `at`.
pub(crate) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// The Internet checksum (RFC 1071) of several pieces, of which all but the last have an even length: 0 when the sum
/// includes a right checksum.
pub(crate) fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for piece in pieces {
        let mut pairs = piece.chunks_exact(2);
        for pair in &mut pairs {
            sum += pair.first_chunk().map_or(0, |two| u64::from(u16::from_be_bytes(*two)));
        }
        sum += pairs.remainder().first().map_or(0, |last| u64::from(*last) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_past_the_end_are_none() {
        assert_eq!(u16_at(&[1, 2, 3], 1), Some(0x0203));
        assert_eq!(u16_at(&[1, 2, 3], 2), None);
        assert_eq!(u32_at(&[1, 2, 3, 4], 0), Some(0x0102_0304));
        assert_eq!(u32_at(&[1, 2, 3, 4], usize::MAX), None);
    }

    #[test]
    fn checksum_of_the_example_in_rfc_1071() {
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&octets]), !0xddf2);
        assert_eq!(checksum(&[&octets[..4], &octets[4..]]), !0xddf2);
        assert_eq!(checksum(&[&[0xab]]), !0xab00);
    }
}
