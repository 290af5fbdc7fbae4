//! A `PSHeader` that was encoded once, and in which what differs from PDU to PDU is patched.

use core::ops::Range;

use super::length::{integer_octets, octet_of};
use crate::asn1::Additions;
use crate::frame::{self, Length};
use crate::{EncodeError, MicroSecondTimeStamp, Payload, Profile, PsHeader, limits, profile_fields};

/// An encoded `pSHeader`. CIN, sequence number and time are patched in place as long as each takes as many octets as
/// before; otherwise, as after the 127th PDU, it is encoded anew.
///
/// It holds an LIID, which its `Debug` does not show.
pub struct EncodedHeader {
    profile: Profile,
    header: PsHeader,
    octets: Vec<u8>,
    /// Where the contents of each number are; `None` where the header has no such field.
    places: Option<Places>,
}

struct Places {
    cin: Range<usize>,
    sequence_number: Range<usize>,
    seconds: Range<usize>,
    micro_seconds: Range<usize>,
}

crate::asn1::opaque_debug!(EncodedHeader);

impl EncodedHeader {
    /// Encodes a header for PDUs of a profile.
    ///
    /// # Errors
    /// Where a size or a value is outside what the modules allow, or not part of the profile.
    pub fn new(profile: Profile, header: PsHeader) -> Result<Self, EncodeError> {
        limits::header(&header)?;
        profile_fields::check_header(profile, &header)?;
        let mut encoded = Self { profile, header, octets: Vec::new(), places: None };
        encoded.encode_anew()?;
        Ok(encoded)
    }

    /// Sets what differs from PDU to PDU: CIN, `sequenceNumber` and `microSecondTimeStamp`.
    ///
    /// # Errors
    /// Where `micro_seconds` is no part of a second.
    pub fn set(&mut self, cin: u32, sequence_number: u32, seconds: u64, micro_seconds: u32) -> Result<(), EncodeError> {
        if let Some(places) = &self.places
            && micro_seconds < 1_000_000
        {
            let numbers = [
                (&places.cin, u64::from(cin)),
                (&places.sequence_number, sequence_number.into()),
                (&places.seconds, seconds),
                (&places.micro_seconds, micro_seconds.into()),
            ];
            if numbers.iter().all(|(place, number)| place.len() == integer_octets(*number)) {
                for (place, number) in numbers {
                    if let Some(place) = self.octets.get_mut(place.clone()) {
                        place.iter_mut().rev().enumerate().for_each(|(below, octet)| *octet = octet_of(number, below));
                    }
                }
                return Ok(());
            }
        }
        self.header.communication_identifier.communication_identity_number = Some(cin);
        self.header.sequence_number = sequence_number;
        self.header.micro_second_time_stamp =
            Some(MicroSecondTimeStamp { seconds, micro_seconds, additions: Additions::NONE });
        limits::header(&self.header)?;
        self.encode_anew()
    }

    /// The whole `PS-PDU` of this header and a payload: octet for octet what [`crate::encode_as`] gives.
    ///
    /// # Errors
    /// Where a size or a value is outside what the modules allow, or not part of the profile.
    pub fn pdu(&self, payload: &Payload) -> Result<Vec<u8>, EncodeError> {
        limits::payload(payload)?;
        profile_fields::check_payload(self.profile, payload)?;
        match super::written(&self.octets, payload) {
            Some(pdu) => Ok(pdu),
            None => {
                let payload = rasn::der::encode(payload).map_err(|_| EncodeError::Codec)?;
                Ok(super::joined(&self.octets, &payload))
            }
        }
    }

    fn encode_anew(&mut self) -> Result<(), EncodeError> {
        self.octets = rasn::der::encode(&self.header).map_err(|_| EncodeError::Codec)?;
        // pSHeader [1]: IMPLICIT, so that its identifier stands in the place of that of a SEQUENCE.
        if let Some(identifier) = self.octets.first_mut() {
            *identifier = 0xa1;
        }
        // What a later edition added to the stamp does not go on under another time.
        let stamp = self.header.micro_second_time_stamp.as_ref();
        let is_plain = stamp.is_some_and(|stamp| stamp.additions.is_empty());
        self.places = if is_plain { places(&self.octets) } else { None };
        Ok(())
    }
}

/// Finds the numbers in an encoded header.
fn places(octets: &[u8]) -> Option<Places> {
    let header = values(octets, 0..octets.len()).next()?.1;
    let within = |range: Range<usize>, identifier: u8| {
        values(octets, range).find(|(found, _)| *found == identifier).map(|(_, contents)| contents)
    };
    let communication = within(header.clone(), 0xa3)?;
    let stamp = within(header.clone(), 0xa7)?;
    Some(Places {
        cin: within(communication, 0x81)?,
        sequence_number: within(header, 0x84)?,
        seconds: within(stamp.clone(), 0x80)?,
        micro_seconds: within(stamp, 0x81)?,
    })
}

/// The values that stand one after another in a part of the octets: the identifier of each, and where its contents are.
fn values(octets: &[u8], part: Range<usize>) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = part.start;
    core::iter::from_fn(move || {
        let rest = octets.get(at..part.end)?;
        let identifier = *rest.first()?;
        let head = frame::header(rest, at).ok()??;
        let Length::Definite(length) = head.length else { return None };
        let contents = at + head.octets..at + head.octets + length;
        at = contents.end;
        Some((identifier, contents))
    })
}
