//! Octets to PDUs and back.

use crate::PsPdu;

/// Why a PDU cannot be encoded. No value is in the text: it would be the target's.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The encoder refused a value.
    #[error("a value has no encoding")]
    Codec,
}

/// Why octets are no PDU. No value is in the text: it would be the target's.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The octets are BER, and not a `PS-PDU`.
    #[error("not a PS-PDU")]
    NotAPsPdu,
}

/// Encodes a PDU in definite lengths, each as short as can be (DER, X.690 §10.1).
///
/// # Errors
/// Where the value has no encoding.
pub fn encode(pdu: &PsPdu) -> Result<Vec<u8>, EncodeError> {
    rasn::der::encode(pdu).map_err(|_| EncodeError::Codec)
}

/// Decodes one PDU: any valid BER.
///
/// # Errors
/// Where the octets are not one whole `PS-PDU`, or exceed the bounds.
pub fn decode(octets: &[u8]) -> Result<PsPdu, DecodeError> {
    rasn::ber::decode(octets).map_err(|_| DecodeError::NotAPsPdu)
}
