//! RELATIVE-OID, which `rasn` has no type for.

use rasn::types::{Constraints, Identifier, OctetString, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

/// An object identifier relative to a root that the module names (X.680 §33, X.690 §8.20).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativeOid(OctetString);

impl RelativeOid {
    /// The identifier of these arcs.
    #[must_use]
    pub fn new(arcs: &[u32]) -> Self {
        let mut octets = Vec::with_capacity(arcs.len());
        for &arc in arcs {
            // Base 128, most significant group first, bit 8 set on all but the last.
            for group in (1..5).rev().filter(|group| arc >> (7 * group) != 0) {
                octets.push(0x80 | (arc >> (7 * group)) as u8);
            }
            octets.push((arc & 0x7f) as u8);
        }
        Self(OctetString::from(octets))
    }

    /// The arcs. `None` where the octets from the wire are no list of arcs, or an arc does not fit 32 bits.
    #[must_use]
    pub fn arcs(&self) -> Option<Vec<u32>> {
        let mut arcs = Vec::new();
        let mut arc = 0u32;
        let mut complete = true;
        for &octet in self.0.iter() {
            arc = arc.checked_mul(128)? | u32::from(octet & 0x7f);
            complete = octet & 0x80 == 0;
            if complete {
                arcs.push(core::mem::take(&mut arc));
            }
        }
        complete.then_some(arcs)
    }

    /// The contents octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl AsnType for RelativeOid {
    const TAG: Tag = Tag::new(rasn::types::Class::Universal, 13);
}

impl Decode for RelativeOid {
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        tag: Tag,
        constraints: &Constraints,
    ) -> Result<Self, D::Error> {
        OctetString::decode_with_tag_and_constraints(decoder, tag, constraints).map(Self)
    }
}

impl Encode for RelativeOid {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        tag: Tag,
        constraints: &Constraints,
        identifier: Identifier,
    ) -> Result<(), E::Error> {
        self.0.encode_with_tag_and_constraints(encoder, tag, constraints, identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_become_base_128_groups() {
        let oid = RelativeOid::new(&[5, 2, 20, 127, 128, 16_384, u32::MAX]);
        assert_eq!(oid.octets(), [5, 2, 20, 0x7f, 0x81, 0x00, 0x81, 0x80, 0x00, 0x8f, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(oid.arcs().unwrap(), [5, 2, 20, 127, 128, 16_384, u32::MAX]);
    }

    #[test]
    fn octets_that_are_no_arcs_have_none() {
        for octets in [&[0x81][..], &[0x90, 0x80, 0x80, 0x80, 0x00]] {
            assert_eq!(RelativeOid(OctetString::from(octets)).arcs(), None);
        }
    }
}
