//! Enumerations that keep a value they have no name for.

/// Defines an ENUMERATED type: each alternative with its value and its name in the ASN.1 module, and `Unrecognised`
/// for a value that a newer version, or a faulty sender, wrote.
macro_rules! enumerated {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal $asn:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $asn, "(", stringify!($value), ")`")] $variant,)+
            /// A value without a name in this version of the module.
            Unrecognised(i64),
        }

        impl $name {
            /// Every alternative that has a name.
            pub const NAMED: &'static [Self] = &[$(Self::$variant),+];

            /// The value that goes over the wire.
            #[must_use]
            pub const fn value(self) -> i64 {
                match self {
                    $(Self::$variant => $value,)+
                    Self::Unrecognised(value) => value,
                }
            }

            /// The alternative of a value from the wire.
            #[must_use]
            pub const fn from_value(value: i64) -> Self {
                match value {
                    $($value => Self::$variant,)+
                    value => Self::Unrecognised(value),
                }
            }

            /// The name in the ASN.1 module, if there is one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($asn),)+
                    Self::Unrecognised(_) => None,
                }
            }
        }

        impl rasn::AsnType for $name {
            const TAG: rasn::types::Tag = rasn::types::Tag::ENUMERATED;
        }

        impl rasn::Decode for $name {
            fn decode_with_tag_and_constraints<D: rasn::Decoder>(
                decoder: &mut D,
                tag: rasn::types::Tag,
                constraints: &rasn::types::Constraints,
            ) -> Result<Self, D::Error> {
                // ENUMERATED is encoded as the INTEGER of its value (X.690 §8.4).
                decoder.decode_integer::<i64>(tag, constraints).map(Self::from_value)
            }
        }

        impl rasn::Encode for $name {
            fn encode_with_tag_and_constraints<'b, E: rasn::Encoder<'b>>(
                &self,
                encoder: &mut E,
                tag: rasn::types::Tag,
                constraints: &rasn::types::Constraints,
                identifier: rasn::types::Identifier,
            ) -> Result<(), E::Error> {
                encoder.encode_integer(tag, constraints, &self.value(), identifier).map(drop)
            }
        }
    };
}
pub(crate) use enumerated;
