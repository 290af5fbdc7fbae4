//! Octets to PDUs and back.

use rasn::error::{BerDecodeErrorKind, CodecDecodeError, DecodeErrorKind};

use crate::scan::{DecodeLimits, scan};
use crate::{EncryptedPayload, FrameError, Profile, PsPdu, limits, pdu_length, profile_fields};

/// Why a PDU cannot be encoded. No value is in the text: it would be the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string, or a list, is longer or shorter than its size constraint.
    #[error("{field}: expected a size from {min} to {max}, found {actual}")]
    Size {
        /// The field, as the ASN.1 module names it.
        field: &'static str,
        /// The smallest size.
        min: usize,
        /// The largest size.
        max: usize,
        /// The size found: octets, characters of a character string, or elements of a list.
        actual: usize,
    },
    /// A number is outside its value range.
    #[error("{field}: expected a value from {min} to {max}")]
    Range {
        /// The field, as the ASN.1 module names it.
        field: &'static str,
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// A character that the field does not allow.
    #[error("{field}: expected {expected}")]
    Alphabet {
        /// The field, as the ASN.1 module names it.
        field: &'static str,
        /// What it allows.
        expected: &'static str,
    },
    /// The profile does not have this field, alternative or value.
    #[error("{item}: not part of the profile")]
    NotInProfile {
        /// The field, alternative or value, as the ASN.1 module names it.
        item: &'static str,
    },
    /// The encoder refused a value that passed every check here.
    #[error("a value has no encoding in BER")]
    Codec,
}

/// Why octets are no PDU. No value is in the text: it would be the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Identifier or length octets that cannot stand there.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// More octets than the limit.
    #[error("expected a PDU of at most {max} octets")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// More levels of values in values than the limit.
    #[error("octet {at}: expected values nested at most {max} deep")]
    TooDeep {
        /// Octets from the start of the PDU.
        at: usize,
        /// The limit.
        max: usize,
    },
    /// More values than the limit.
    #[error("octet {at}: expected at most {max} values in a PDU")]
    TooMany {
        /// Octets from the start of the PDU.
        at: usize,
        /// The limit.
        max: usize,
    },
    /// A value reaches past the end of the PDU, or of the value it is in.
    #[error("octet {at}: expected a whole value, found its end missing")]
    Truncated {
        /// Octets from the start of the PDU.
        at: usize,
    },
    /// End-of-contents octets where no indefinite length is open.
    #[error("octet {at}: expected a value, found end-of-contents octets")]
    StrayEndOfContents {
        /// Octets from the start of the PDU.
        at: usize,
    },
    /// Octets after the end of the PDU.
    #[error("octet {at}: expected the end of the PDU")]
    TrailingOctets {
        /// Octets from the start of the PDU.
        at: usize,
    },
    /// Sound BER, and not what the module defines.
    #[error("{field}: expected {expected}")]
    Value {
        /// The field, as `Type.field`; `PsPdu` where none was reached.
        field: &'static str,
        /// What it allows.
        expected: &'static str,
    },
}

/// Encodes a PDU in definite lengths, each as short as can be (DER, X.690 §10.1).
///
/// # Errors
/// Where a size or a value is outside what the modules allow.
pub fn encode(pdu: &PsPdu) -> Result<Vec<u8>, EncodeError> {
    limits::check(pdu)?;
    rasn::der::encode(pdu).map_err(|_| EncodeError::Codec)
}

/// As [`encode`], and refuses what `profile` does not have: a sender of one profile never emits what only the other
/// one's receiver knows.
///
/// # Errors
/// As [`encode`], or where a field, alternative or value is not part of the profile.
pub fn encode_as(profile: Profile, pdu: &PsPdu) -> Result<Vec<u8>, EncodeError> {
    profile_fields::check(profile, pdu)?;
    encode(pdu)
}

/// Encodes a bare `IntegrityCheck`, over which a signature is made while its `checkValue` is empty (TS 102 232-1).
///
/// # Errors
/// Where a value has no encoding.
pub fn encode_integrity_check(check: &crate::IntegrityCheck) -> Result<Vec<u8>, EncodeError> {
    rasn::der::encode(check).map_err(|_| EncodeError::Codec)
}

/// Encodes an `EncryptedPayload`: what is then encrypted (TS 102 232-1).
///
/// # Errors
/// Where a size or a value is outside what the modules allow.
pub fn encode_encrypted_payload(payload: &EncryptedPayload) -> Result<Vec<u8>, EncodeError> {
    limits::payload(&payload.payload)?;
    rasn::der::encode(payload).map_err(|_| EncodeError::Codec)
}

/// Decodes an `EncryptedPayload` at the start of `octets`. What follows it is the padding of its cipher, and passed over.
///
/// # Errors
/// Where the octets do not begin with one whole `EncryptedPayload`, or it exceeds [`DecodeLimits::default`]. With a
/// wrong key they are random, and this is what comes of them.
pub fn decode_encrypted_payload(octets: &[u8]) -> Result<EncryptedPayload, DecodeError> {
    let length = pdu_length(octets)?.unwrap_or(usize::MAX);
    let value = octets.get(..length).ok_or(DecodeError::Truncated { at: 0 })?;
    scan(value, DecodeLimits::default())?;
    rasn::ber::decode(value).map_err(|error| unexpected(&error))
}

/// Decodes one PDU: any valid BER, within [`DecodeLimits::default`].
///
/// # Errors
/// Where the octets are not one whole `PS-PDU`, or exceed the limits.
pub fn decode(octets: &[u8]) -> Result<PsPdu, DecodeError> {
    decode_within(octets, DecodeLimits::default())
}

/// As [`decode`], with limits of the caller's own. A depth past 120 is refused by the decoder behind this.
///
/// # Errors
/// Where the octets are not one whole `PS-PDU`, or exceed the limits.
pub fn decode_within(octets: &[u8], limits: DecodeLimits) -> Result<PsPdu, DecodeError> {
    scan(octets, limits)?;
    rasn::ber::decode(octets).map_err(|error| unexpected(&error))
}

/// What the decoder expected, and the innermost field where. Its own words are not used: they quote values.
fn unexpected(error: &rasn::error::DecodeError) -> DecodeError {
    let mut field = "PsPdu";
    let mut error = error;
    while let DecodeErrorKind::FieldError { name, nested } = &*error.kind {
        field = name;
        error = nested;
    }
    let expected = match &*error.kind {
        DecodeErrorKind::CodecSpecific { inner: CodecDecodeError::Ber(kind), .. } => match kind {
            BerDecodeErrorKind::MismatchedTag { .. } => "the field's tag",
            BerDecodeErrorKind::InvalidDate { .. } => "a GeneralizedTime",
            BerDecodeErrorKind::InvalidConstructedIdentifier => "a constructed value",
            BerDecodeErrorKind::IndefiniteLengthNotAllowed => "a primitive value",
            BerDecodeErrorKind::InvalidObjectIdentifier | BerDecodeErrorKind::UnsupportedObjectIdentifierArc => {
                "an OBJECT IDENTIFIER of arcs up to 32 bits"
            }
            _ => "valid BER",
        },
        DecodeErrorKind::IntegerOverflow { .. } | DecodeErrorKind::IntegerTypeConversionFailed { .. } => {
            "an INTEGER in the field's range"
        }
        DecodeErrorKind::StringConversionFailed { .. } => "UTF-8",
        DecodeErrorKind::PermittedAlphabetError { .. } => "characters of the string's type",
        DecodeErrorKind::MismatchedLength { .. } => "contents of the length that the type has",
        DecodeErrorKind::UnexpectedExtraData { .. } => "no more fields",
        DecodeErrorKind::Incomplete { .. } | DecodeErrorKind::UnexpectedEmptyInput => "a field that is not there",
        DecodeErrorKind::ExceedsMaxParseDepth => "less nesting",
        _ => "a value of the field's type",
    };
    DecodeError::Value { field, expected }
}
