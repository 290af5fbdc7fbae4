//! From records to encoded PS-PDUs. Pure: the time comes with the record.
//!
//! # Numbering
//! Every PDU under an LIID and a CIN has a place in one of two sequences, each counted from 0: that of HI2, with the
//! IRI and the messages to the LEMF about the communication, and that of HI3, with the CC and its segment flags. TRI
//! PDUs take a number like any other because an LEMF can then see that one is missing, put a flag back in its place
//! when it reads what it stored, and tell every PDU of a communication from every other. A number is taken only by a
//! PDU that was encoded: what cannot be encoded leaves no gap. What is dropped later, at a full buffer, does leave one,
//! and that is the LEMF's own evidence of it.

use bytes::Bytes;
use hashbrown::HashMap;
use writ_etsi::asn1::{Additions, OctetString, PrintableString};
use writ_etsi::{
    CcContents, CcPayload, EmailCc, EmailFormat, EncodeError, IriContents, IriPayload, MessagePriority, ObjectIdOf,
    OperatorLeaMessage, Payload, PayloadDirection, Profile, PsPdu, TimeStampQualifier, TriPayload,
};
use writ_intercept::record::{Body, CcFormat, Cin, Direction, Iri, Mandate, Notice, Record};
use writ_wire::Time;

use crate::email_iri::{EmailIriMapping, iri_type};
use crate::header::{HeaderFields, HeaderTemplate, printable};
use crate::pdu::{Interface, Kind, Pdu};
use crate::sequence::Sequences;
use crate::settings::{HandoverSettings, SettingsError};

/// Encodes the records for one LEMF.
pub struct Encoder {
    template: HeaderTemplate,
    mapping: EmailIriMapping,
    max_content: usize,
    sequences: Sequences,
    /// Authorization countries that were left out: they are no PrintableString of two.
    countries_cut: u64,
}

/// What the PDUs of one record have in common.
struct Origin<'a> {
    mandate: &'a Mandate,
    cin: u32,
    time: Time,
    interface: Interface,
    country: Option<PrintableString>,
    /// The number of the record's first PDU.
    first: u32,
    /// How many PDUs the record has become.
    count: u32,
}

impl Encoder {
    /// An encoder for an LEMF of this profile.
    ///
    /// # Errors
    /// When a setting of the header does not hold.
    pub fn new(settings: &HandoverSettings, profile: Profile) -> Result<Self, SettingsError> {
        Ok(Self {
            template: HeaderTemplate::new(settings, profile)?,
            mapping: EmailIriMapping::new(profile),
            max_content: settings.max_content,
            sequences: Sequences::new(settings.sequence_numbers),
            countries_cut: 0,
        })
    }

    /// Goes on along LIIDs from the numbers that another run has left in a spool.
    pub(crate) fn go_on_from(&mut self, interface: Interface, numbers: &HashMap<String, u32>) {
        self.sequences.go_on_from(interface, numbers);
    }

    /// Appends the PDUs of a record, in the order in which they go.
    ///
    /// # Errors
    /// When the record has no encoding. Then `pdus` holds in its place a message to the LEMF that something is missing,
    /// if even that can be encoded.
    pub fn encode(&mut self, record: &Record, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let Record { mandate, cin, time, body } = record;
        match body {
            Body::Iri(iri) => self.iri(mandate, *cin, *time, iri, pdus),
            Body::Cc(cc) => self.cc(mandate, *cin, *time, cc.direction, cc.format, cc.content.octets(), pdus),
            Body::Notice(notice) => self.message(mandate, *cin, *time, &text(*notice), pdus),
            Body::Closed => {
                self.sequences.close(&mandate.liid, cin.0);
                Ok(())
            }
        }
        .inspect_err(|_| {
            let text = "A record of this communication could not be encoded and was not delivered.";
            // Where the header itself is at fault this fails too: the caller counts either way.
            let _ = self.message(mandate, *cin, *time, text, pdus);
        })
    }

    /// How many fields were cut to the length that their type allows, or left out, since the start.
    pub fn fields_cut(&self) -> u64 {
        self.mapping.fields_cut + self.countries_cut
    }

    /// How many sequences are open.
    pub fn sequences(&self) -> usize {
        self.sequences.len()
    }

    fn iri(
        &mut self,
        mandate: &Mandate,
        cin: Cin,
        time: Time,
        iri: &Iri,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let payload = IriPayload {
            iri_type: Some(iri_type(iri.record_type)),
            time_stamp: None,
            iri_contents: IriContents::EmailIri(Box::new(self.mapping.map(iri))),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        };
        self.numbered(mandate, cin, time, Interface::Hi2, pdus, |encoder, origin, pdus| {
            encoder.push(origin, Kind::Iri, Payload::IriPayloadSequence(vec![payload]), pdus)
        })
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of a record of CC")]
    fn cc(
        &mut self,
        mandate: &Mandate,
        cin: Cin,
        time: Time,
        direction: Direction,
        format: CcFormat,
        content: &Bytes,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let max = self.max_content.max(1);
        self.numbered(mandate, cin, time, Interface::Hi3, pdus, |encoder, origin, pdus| {
            if content.len() <= max {
                return encoder.push(origin, Kind::Cc, encoder.email_cc(direction, format, content.clone()), pdus);
            }
            encoder.push(origin, Kind::Tri, Payload::TriPayload(TriPayload::FirstSegmentFlag), pdus)?;
            let mut rest = content.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(max.min(rest.len()));
                encoder.push(origin, Kind::Cc, encoder.email_cc(direction, format, piece), pdus)?;
            }
            encoder.push(origin, Kind::Tri, Payload::TriPayload(TriPayload::LastSegmentFlag), pdus)
        })
    }

    fn message(
        &mut self,
        mandate: &Mandate,
        cin: Cin,
        time: Time,
        text: &str,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        self.numbered(mandate, cin, time, Interface::Hi2, pdus, |encoder, origin, pdus| {
            encoder.push(origin, Kind::Tri, operator_message(MessagePriority::Error, text), pdus)
        })
    }

    /// Runs `push_all` with the place in the sequence, which is taken only if all of it could be encoded.
    fn numbered(
        &mut self,
        mandate: &Mandate,
        cin: Cin,
        time: Time,
        interface: Interface,
        pdus: &mut Vec<Pdu>,
        push_all: impl FnOnce(&Self, &mut Origin<'_>, &mut Vec<Pdu>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let country = printable(&mandate.authorization_country).filter(|_| mandate.authorization_country.len() == 2);
        if country.is_none() {
            self.countries_cut += 1;
        }
        let first = self.sequences.peek(&mandate.liid, cin.0, interface);
        let mut origin = Origin { mandate, cin: cin.0, time, interface, country, first, count: 0 };
        let before = pdus.len();
        match push_all(self, &mut origin, pdus) {
            Ok(()) => {
                self.sequences.advance(&mandate.liid, cin.0, interface, origin.count);
                Ok(())
            }
            Err(error) => {
                pdus.truncate(before);
                Err(error)
            }
        }
    }

    fn push(
        &self,
        origin: &mut Origin<'_>,
        kind: Kind,
        payload: Payload,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let ps_header = self.template.header(HeaderFields {
            liid: &origin.mandate.liid,
            authorization_country: origin.country.clone(),
            cin: Some(origin.cin),
            sequence_number: origin.first.wrapping_add(origin.count),
            time: origin.time,
            qualifier: TimeStampQualifier::TimeOfInterception,
        });
        // As long as what it holds and no longer: the bound of the buffer counts what is held.
        let octets = writ_etsi::encode_as(self.template.profile(), &PsPdu { ps_header, payload })?.into_boxed_slice();
        pdus.push(Pdu { interface: origin.interface, kind, time: origin.time, octets: octets.into() });
        origin.count += 1;
        Ok(())
    }

    fn email_cc(&self, direction: Direction, format: CcFormat, content: Bytes) -> Payload {
        Payload::CcPayloadSequence(vec![CcPayload {
            payload_direction: Some(match direction {
                Direction::FromTarget => PayloadDirection::FromTarget,
                Direction::ToTarget => PayloadDirection::ToTarget,
            }),
            time_stamp: None,
            cc_contents: CcContents::EmailCc(EmailCc {
                email_cc_obj_id: self.template.profile().object_id(ObjectIdOf::EmailCc),
                email_format: match format {
                    CcFormat::IpPacket => EmailFormat::IpPacket,
                    CcFormat::Application => EmailFormat::Application,
                },
                content: content.into(),
            }),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }])
    }
}

/// `operatorLeaMessage`; the text is cut at the 255 octets that the field holds.
pub(crate) fn operator_message(priority: MessagePriority, text: &str) -> Payload {
    let octets: Vec<u8> = text.bytes().take(255).collect();
    Payload::TriPayload(TriPayload::OperatorLeaMessage(OperatorLeaMessage {
        message_priority: priority,
        message: OctetString::from(octets),
        additions: Additions::NONE,
    }))
}

/// What the LEMF reads of a notice. English, ASCII, at most 255 octets.
fn text(notice: Notice) -> String {
    match notice {
        Notice::OctetsMissed { octets, from_client } => {
            let sender = if from_client { "client" } else { "server" };
            format!("{octets} octets sent by the {sender} in this communication were not captured.")
        }
        Notice::OctetsNotHeld { octets } => {
            format!(
                "{octets} octets of content of this communication were captured but could not be held for delivery."
            )
        }
        Notice::SessionDropped => {
            "This communication could not be followed to its end: what came later in it was not delivered.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
