//! Identifier and length octets, in the fewest (X.690 §10.1), and integers in the fewest octets (X.690 §8.3.2).

/// Octets of a value with `contents` octets, identifier and length among them.
pub(super) const fn with_head(contents: usize) -> usize {
    1 + length_octets(contents) + contents
}

const fn length_octets(length: usize) -> usize {
    if length < 128 { 1 } else { 1 + octets_of(length as u64) }
}

/// Octets that hold the number, without a sign.
const fn octets_of(number: u64) -> usize {
    (64 - number.leading_zeros() as usize).div_ceil(8)
}

/// Octets of the contents of an INTEGER: with room for the sign.
pub(super) const fn integer_octets(number: u64) -> usize {
    (64 - number.leading_zeros() as usize) / 8 + 1
}

/// Appends identifier and length octets.
pub(super) fn put_head(octets: &mut Vec<u8>, identifier: u8, length: usize) {
    if let Ok(short @ 0..128) = u8::try_from(length) {
        octets.extend_from_slice(&[identifier, short]);
        return;
    }
    octets.push(identifier);
    let count = octets_of(length as u64);
    octets.push(0x80 | count as u8);
    octets.extend((0..count).rev().map(|group| (length >> (8 * group)) as u8));
}

/// Appends an INTEGER.
pub(super) fn put_integer(octets: &mut Vec<u8>, identifier: u8, number: u64) {
    if let Ok(small @ 0..128) = u8::try_from(number) {
        octets.extend_from_slice(&[identifier, 1, small]);
        return;
    }
    let count = integer_octets(number);
    put_head(octets, identifier, count);
    octets.extend((0..count).rev().map(|group| octet_of(number, group)));
}

/// The octet of a number that has so many octets below it; 0 beyond its 64 bits.
pub(super) const fn octet_of(number: u64, below: usize) -> u8 {
    if below < 8 { (number >> (8 * below)) as u8 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_take_the_fewest_octets() {
        for (length, expected) in [
            (0, &[0x30, 0][..]),
            (127, &[0x30, 127]),
            (128, &[0x30, 0x81, 128]),
            (255, &[0x30, 0x81, 255]),
            (256, &[0x30, 0x82, 1, 0]),
            (65_535, &[0x30, 0x82, 255, 255]),
            (65_536, &[0x30, 0x83, 1, 0, 0]),
        ] {
            let mut octets = Vec::new();
            put_head(&mut octets, 0x30, length);
            assert_eq!(octets, expected);
            assert_eq!(with_head(length), expected.len() + length);
        }
        for (number, expected) in [
            (0, &[0x80, 1, 0][..]),
            (127, &[0x80, 1, 127]),
            (128, &[0x80, 2, 0, 128]),
            (32_767, &[0x80, 2, 127, 255]),
            (32_768, &[0x80, 3, 0, 128, 0]),
            (u64::MAX, &[0x80, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            let mut octets = Vec::new();
            put_integer(&mut octets, 0x80, number);
            assert_eq!(octets, expected);
        }
    }
}
