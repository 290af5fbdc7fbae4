//! The encoding of what makes up the volume, without the general encoder: a header that was encoded once and is patched
//! in place, and the fields of `EmailIRI` and `EmailCC` written as they come.
//!
//! Every octet is what [`crate::encode_as`] gives, which a property test holds. What is not written here (payloads other
//! than these, values that no version names, a `GeneralizedTime`) goes through the general encoder, behind the same
//! header.

mod cc;
mod encoded_header;
mod iri;
mod length;
mod reversed;

pub use encoded_header::EncodedHeader;

use crate::Payload;
use length::{put_head, with_head};

/// A whole `PS-PDU` of an encoded header and a payload that this module can write; `None` where it cannot.
fn written(header: &[u8], payload: &Payload) -> Option<Vec<u8>> {
    match payload {
        Payload::CcPayloadSequence(pieces) => cc::pdu(header, pieces),
        Payload::IriPayloadSequence(records) => {
            let reversed = iri::records(records)?;
            let mut pdu = begin(header, with_head(reversed.len()));
            put_head(&mut pdu, 0xa0, reversed.len());
            reversed.append_to(&mut pdu);
            Some(pdu)
        }
        _ => None,
    }
}

/// A whole `PS-PDU` of an encoded header and the encoding of a payload.
fn joined(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut pdu = begin(header, payload.len());
    pdu.extend_from_slice(payload);
    pdu
}

/// Everything before the payload's alternative, with room for the `payload` octets of that.
fn begin(header: &[u8], payload: usize) -> Vec<u8> {
    let contents = header.len() + with_head(payload);
    let mut pdu = Vec::with_capacity(with_head(contents));
    put_head(&mut pdu, 0x30, contents);
    pdu.extend_from_slice(header);
    // The tag of the payload is EXPLICIT, for Payload is a CHOICE (X.680 §31.2.7).
    put_head(&mut pdu, 0xa2, payload);
    pdu
}
