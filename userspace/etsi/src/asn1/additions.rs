//! Values that this version of the module does not name, kept as they came.

use rasn::types::{Any, Constraints, Identifier, Tag};
use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

use crate::frame::{Length, header};
use crate::scan::{DecodeLimits, scan};

/// One encoded value, identifier and length octets included, that is carried and not understood.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawValue(Any);

impl RawValue {
    /// Takes the octets of one whole BER value. They are written as they are: octets that are no BER value make a
    /// PDU that nobody can read.
    #[must_use]
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Any::new(octets))
    }

    /// Takes octets that are whole BER values in definite lengths, one after another. `None` where they are not.
    #[must_use]
    pub fn sequence(octets: &[u8]) -> Option<Vec<Self>> {
        let mut values = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let head = header(rest, 0).ok()??;
            let Length::Definite(length) = head.length else { return None };
            let value = rest.get(..head.octets.checked_add(length)?)?;
            scan(value, DecodeLimits::default()).ok()?;
            rest = rest.get(value.len()..)?;
            values.push(Self::new(value.to_vec()));
        }
        Some(values)
    }

    /// The number of its tag, where that is of the class context and below 31.
    #[must_use]
    pub fn context_tag(&self) -> Option<u8> {
        let identifier = self.octets().first()?;
        (identifier & 0xc0 == 0x80 && identifier & 0x1f != 0x1f).then_some(identifier & 0x1f)
    }

    /// The octets of the whole value.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl core::fmt::Debug for RawValue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RawValue({} octets)", self.octets().len())
    }
}

impl AsnType for RawValue {
    const TAG: Tag = Tag::EOC;
}

impl Decode for RawValue {
    fn decode_with_tag_and_constraints<D: Decoder>(
        decoder: &mut D,
        tag: Tag,
        _: &Constraints,
    ) -> Result<Self, D::Error> {
        if tag == Tag::EOC {
            return decoder.decode_any(tag).map(Self);
        }
        // Under a tag of its own it is a SEQUENCE or a CHOICE of a module that is not read here: constructed in either
        // case, so that the limits were checked of what is in it. The tag is not kept.
        let values: Vec<Self> = decoder.decode_sequence_of(tag, &Constraints::NONE)?;
        Ok(Self::new(values.iter().flat_map(|value| value.octets()).copied().collect()))
    }
}

impl Encode for RawValue {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        tag: Tag,
        _: &Constraints,
        identifier: Identifier,
    ) -> Result<(), E::Error> {
        encoder.encode_any(tag, &self.0, identifier).map(drop)
    }
}

/// The extension additions of a SEQUENCE that come after the last field named here (X.680 §25.1, `…`).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Additions(Vec<RawValue>);

impl Additions {
    /// No additions: what a sender of this version writes.
    pub const NONE: Self = Self(Vec::new());

    /// The additions, in the order they came.
    #[must_use]
    pub fn values(&self) -> &[RawValue] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<RawValue>> for Additions {
    fn from(values: Vec<RawValue>) -> Self {
        Self(values)
    }
}

impl core::fmt::Debug for Additions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl AsnType for Additions {
    const TAG: Tag = Tag::EOC;
}

impl Decode for Additions {
    fn decode_with_tag_and_constraints<D: Decoder>(decoder: &mut D, _: Tag, _: &Constraints) -> Result<Self, D::Error> {
        let mut values = Vec::new();
        // A tag of EOC stands for "whatever comes next"; the answer is None at the end of the SEQUENCE alone.
        while let Some(value) = decoder.decode_optional_with_tag::<RawValue>(Tag::EOC)? {
            values.push(value);
        }
        Ok(Self(values))
    }
}

impl Encode for Additions {
    fn encode_with_tag_and_constraints<'b, E: Encoder<'b>>(
        &self,
        encoder: &mut E,
        _: Tag,
        _: &Constraints,
        _: Identifier,
    ) -> Result<(), E::Error> {
        self.0.iter().try_for_each(|value| value.encode(encoder))
    }
}
