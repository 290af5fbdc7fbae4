//! Choices that keep an alternative they have no name for.

/// Defines a CHOICE type whose alternatives all have context tags: first those that hold a value, then those that are
/// NULL. A tag on the whole choice is EXPLICIT even in a module of implicit tags (X.680 §31.2.7), which
/// `encode_with_tag…` and `decode_with_tag…` see to: no field that holds a choice has to say so.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident {
        $($variant:ident($held:ty) = $tag:literal $asn:literal),* $(,)?
        $(; $($null:ident = $null_tag:literal $null_asn:literal),+ $(,)?)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $asn, " [", stringify!($tag), "]`")] $variant($held),)*
            $($(#[doc = concat!("`", $null_asn, " [", stringify!($null_tag), "] NULL`")] $null,)+)?
            /// An alternative without a name in this version of the module: its encoding, whole.
            Unrecognised($crate::asn1::RawValue),
        }

        impl $name {
            /// The name of the alternative in the ASN.1 module, if it has one.
            #[must_use]
            pub const fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some($asn),)*
                    $($(Self::$null => Some($null_asn),)+)?
                    Self::Unrecognised(_) => None,
                }
            }
        }

        $crate::asn1::opaque_debug!($name);

        impl rasn::AsnType for $name {
            const TAG: rasn::types::Tag = rasn::types::Tag::EOC;
            const TAG_TREE: rasn::types::TagTree = rasn::types::TagTree::Choice(
                <Self as rasn::types::Choice>::VARIANTS,
            );
            const IS_CHOICE: bool = true;
        }

        impl rasn::types::Choice for $name {
            const VARIANTS: &'static [rasn::types::TagTree] = &[
                $(rasn::types::TagTree::Leaf(rasn::types::Tag::new(rasn::types::Class::Context, $tag)),)*
                $($(rasn::types::TagTree::Leaf(rasn::types::Tag::new(rasn::types::Class::Context, $null_tag)),)+)?
            ];
            const VARIANCE_CONSTRAINT: rasn::types::Constraints = rasn::types::Constraints::NONE;
            const IDENTIFIERS: &'static [&'static str] = &[$($asn,)* $($($null_asn,)+)?];
        }

        impl rasn::types::DecodeChoice for $name {
            fn from_tag<D: rasn::Decoder>(decoder: &mut D, tag: rasn::types::Tag) -> Result<Self, D::Error> {
                if tag.class == rasn::types::Class::Context {
                    match tag.value {
                        $($tag => return <$held as rasn::Decode>::decode_with_tag(decoder, tag).map(Self::$variant),)*
                        $($($null_tag => return decoder.decode_null(tag).map(|()| Self::$null),)+)?
                        _ => {}
                    }
                }
                decoder.decode_any(rasn::types::Tag::EOC).map(|any| {
                    Self::Unrecognised($crate::asn1::RawValue::new(any.into_bytes()))
                })
            }
        }

        impl rasn::Decode for $name {
            fn decode_with_tag_and_constraints<D: rasn::Decoder>(
                decoder: &mut D,
                tag: rasn::types::Tag,
                constraints: &rasn::types::Constraints,
            ) -> Result<Self, D::Error> {
                if tag == rasn::types::Tag::EOC {
                    decoder.decode_choice(constraints)
                } else {
                    // The decoder's own way with an explicit tag takes a primitive one, whose contents were not
                    // counted when the limits were checked. As a SEQUENCE OF one it must be constructed.
                    let mut held = decoder.decode_sequence_of(tag, &rasn::types::Constraints::NONE)?;
                    match (held.pop(), held.is_empty()) {
                        (Some(only), true) => Ok(only),
                        _ => Err(rasn::de::Error::custom("expected one value", decoder.codec())),
                    }
                }
            }
        }

        impl rasn::Encode for $name {
            fn encode_with_tag_and_constraints<'b, E: rasn::Encoder<'b>>(
                &self,
                encoder: &mut E,
                tag: rasn::types::Tag,
                _: &rasn::types::Constraints,
                identifier: rasn::types::Identifier,
            ) -> Result<(), E::Error> {
                if tag != rasn::types::Tag::EOC {
                    return encoder.encode_explicit_prefix(tag, self, identifier).map(drop);
                }
                match self {
                    $(Self::$variant(held) => rasn::Encode::encode_with_tag(
                        held,
                        encoder,
                        rasn::types::Tag::new(rasn::types::Class::Context, $tag),
                    ),)*
                    $($(Self::$null => encoder.encode_null(
                        rasn::types::Tag::new(rasn::types::Class::Context, $null_tag),
                        identifier,
                    ).map(drop),)+)?
                    Self::Unrecognised(value) => rasn::Encode::encode(value, encoder),
                }
            }
        }
    };
}
pub(crate) use choice;
