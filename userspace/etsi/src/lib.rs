//! The PDUs of TS 102 232-1 (`PS-PDU`, its header and transport payloads) and TS 102 232-2 (e-mail and unified
//! messaging), and their encoding in BER.
//!
//! Types bear the names of the ASN.1 modules in camel case and fields the same in snake case. Sizes and ranges that
//! the modules set are checked when a PDU is encoded; decoding is liberal and keeps what it does not know.

mod aaa;
pub mod asn1;
mod codec;
mod email;
mod fast;
mod frame;
mod header;
mod ip_address;
mod limits;
mod messaging;
mod payload;
mod profile;
mod profile_fields;
mod scan;
mod tri;

pub use aaa::*;
pub use codec::{
    DecodeError, EncodeError, decode, decode_encrypted_payload, decode_within, encode, encode_as,
    encode_encrypted_payload, encode_integrity_check,
};
pub use email::*;
pub use fast::EncodedHeader;
pub use frame::{FrameError, FrameScanner, MAX_PDU_OCTETS, pdu_length};
pub use header::*;
pub use ip_address::*;
pub use messaging::*;
pub use payload::*;
pub use profile::{ObjectIdOf, Profile};
pub use scan::DecodeLimits;
pub use tri::*;
