//! Bounds on a PDU's octets, checked before any of it is decoded.
//!
//! Decoding makes a value of some hundred octets from a handful on the wire, and goes down a level of the stack with
//! each level of nesting. Both are the sender's to choose, so both are bounded here, in one pass without recursion
//! over nothing but identifier and length octets.

use crate::DecodeError;
use crate::frame::{Length, MAX_PDU_OCTETS, header};

/// How much a PDU may hold for [`crate::decode_within`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Octets of the whole PDU.
    pub octets: usize,
    /// Values inside values. The deepest that the modules define, an address in a party of a messaging IRI, is 13.
    pub depth: usize,
    /// Values in the PDU, of whatever kind.
    pub values: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { octets: MAX_PDU_OCTETS, depth: 32, values: 131_072 }
    }
}

/// Checks that `octets` are one whole BER value within `limits`.
pub(crate) fn scan(octets: &[u8], limits: DecodeLimits) -> Result<(), DecodeError> {
    if octets.len() > limits.octets {
        return Err(DecodeError::TooLong { max: limits.octets });
    }
    // Where each open value ends; None for an indefinite length.
    let mut open: Vec<Option<usize>> = Vec::with_capacity(limits.depth.min(64));
    let mut position = 0;
    let mut values = 0usize;
    loop {
        // How far the innermost value with a definite length reaches: whatever is inside must end by there.
        let bound = open.iter().rev().find_map(|end| *end).unwrap_or(octets.len());
        let rest = octets.get(position..bound).unwrap_or_default();
        let Some(header) = header(rest, position)? else {
            return Err(DecodeError::Truncated { at: position });
        };
        let contents = position + header.octets;
        match header.length {
            Length::EndOfContents => {
                if open.pop() != Some(None) {
                    return Err(DecodeError::StrayEndOfContents { at: position });
                }
                position = contents;
            }
            _ if values >= limits.values => return Err(DecodeError::TooMany { at: position, max: limits.values }),
            _ if header.constructed && open.len() >= limits.depth => {
                return Err(DecodeError::TooDeep { at: position, max: limits.depth });
            }
            Length::Indefinite => {
                values += 1;
                open.push(None);
                position = contents;
            }
            Length::Definite(length) => {
                values += 1;
                let end = contents
                    .checked_add(length)
                    .filter(|end| *end <= bound)
                    .ok_or(DecodeError::Truncated { at: position })?;
                if header.constructed {
                    open.push(Some(end));
                    position = contents;
                } else {
                    position = end;
                }
            }
        }
        while open.last() == Some(&Some(position)) {
            open.pop();
        }
        if open.is_empty() {
            return if position == octets.len() { Ok(()) } else { Err(DecodeError::TrailingOctets { at: position }) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(depth: usize, values: usize) -> DecodeLimits {
        DecodeLimits { octets: 1000, depth, values }
    }

    #[test]
    fn whole_values_pass() {
        for octets in [
            &[0x30, 0x00][..],
            &[0x30, 0x03, 0x02, 0x01, 0x05],
            &[0x30, 0x80, 0x02, 0x01, 0x05, 0x00, 0x00],
            // Definite in indefinite in definite, and a constructed string of two segments.
            &[0x30, 0x09, 0xa1, 0x80, 0xa2, 0x03, 0x02, 0x01, 0x05, 0x00, 0x00],
            &[0x30, 0x81, 0x08, 0x24, 0x06, 0x04, 0x01, b'a', 0x04, 0x01, b'b'],
        ] {
            scan(octets, limits(4, 10)).unwrap();
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [[0x30, 0x80].repeat(depth), [0, 0].repeat(depth)].concat();
        scan(&nested(32), limits(32, 100)).unwrap();
        assert!(matches!(scan(&nested(33), limits(32, 100)), Err(DecodeError::TooDeep { at: 64, max: 32 })));
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let octets = [vec![0x30, 20], [0x05, 0x00].repeat(10)].concat();
        scan(&octets, limits(4, 11)).unwrap();
        assert!(matches!(scan(&octets, limits(4, 10)), Err(DecodeError::TooMany { at: 20, max: 10 })));
    }

    #[test]
    fn values_must_end_where_what_holds_them_ends() {
        let refused = |octets: &[u8]| scan(octets, limits(4, 10)).unwrap_err();
        assert!(matches!(refused(&[]), DecodeError::Truncated { at: 0 }));
        assert!(matches!(refused(&[0x30, 0x05, 0x02, 0x01, 0x05]), DecodeError::Truncated { at: 0 }));
        assert!(matches!(refused(&[0x30, 0x03, 0x02, 0x02, 0x05, 0x05]), DecodeError::Truncated { at: 2 }));
        assert!(matches!(refused(&[0x30, 0x80, 0x02, 0x01, 0x05]), DecodeError::Truncated { at: 5 }));
        assert!(matches!(refused(&[0x30, 0x03, 0xa1, 0x80, 0x00, 0x00]), DecodeError::Truncated { at: 4 }));
        assert!(matches!(refused(&[0x30, 0x02, 0x00, 0x00]), DecodeError::StrayEndOfContents { at: 2 }));
        assert!(matches!(refused(&[0x30, 0x00, 0x30]), DecodeError::TrailingOctets { at: 2 }));
    }
}
