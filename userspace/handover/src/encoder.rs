//! From records to encoded PS-PDUs. Pure: the time comes with the record.
//!
//! # Numbering
//! Every PDU under an LIID and a CIN has a place in one of two sequences, each counted from 0: that of HI2, with the
//! IRI and the messages to the LEMF about the communication, and that of HI3, with the CC and its segment flags. TRI
//! PDUs take a number like any other because an LEMF can then see that one is missing, put a flag back in its place
//! when it reads what it stored, and tell every PDU of a communication from every other. A number is taken only by a
//! PDU that was encoded: what cannot be encoded leaves no gap. What is dropped later, at a full buffer, does leave one,
//! and that is the LEMF's own evidence of it.
//!
//! # The way of a payload
//! Aggregation, encryption, the header, the hash: each only where it was agreed. A hash is over the PDU as it goes.

mod unchecked;

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use writ_etsi::asn1::{Additions, OctetString, RelativeOid};
use writ_etsi::{
    CcContents, CcPayload, EmailCc, EmailFormat, EncodeError, IntegrityCheck, IriContents, IriPayload, MessagePriority,
    ObjectIdOf, OperatorLeaMessage, Payload, PayloadDirection, Profile, PsPdu, TimeStampQualifier, TriPayload,
};
use writ_intercept::messaging::MessagingCc;
use writ_intercept::record::{self, Body, CcFormat, Direction, Mandate, Notice, Record};
use writ_wire::Time;

use crate::aggregation::{Aggregation, Piece, Waiting};
use crate::agreement::Agreement;
use crate::email_iri::{EmailIriMapping, iri_type};
use crate::encryption::{ByteCounter, Encryption};
use crate::header::{EncodedHeaders, HeaderFields, HeaderTemplate, country};
use crate::integrity::{Check, Due, Integrity, Unchecked};
use crate::messaging::{self, MessagingMapping};
use crate::pdu::{Interface, Kind, Pdu};
use crate::sequence::{Line, Sequences};
use crate::settings::{HandoverSettings, SettingsError};

/// Octets of a payload of IRI, for the sum of those that wait: an estimate, without encoding it twice.
const IRI_OCTETS: usize = 400;
/// Octets of a payload of CC around its content.
const CC_OCTETS: usize = 40;

/// Encodes the records for one LEMF.
pub struct Encoder {
    headers: EncodedHeaders,
    mapping: EmailIriMapping,
    messaging: MessagingMapping,
    profile: Profile,
    cc_object_id: RelativeOid,
    max_content: usize,
    sequences: Sequences,
    aggregation: Option<Aggregation>,
    integrity: Option<Integrity>,
    encryption: Option<Encryption>,
    byte_counter: ByteCounter,
    /// The latest time that it was told.
    clock: Time,
    /// What another run has left without a check.
    unchecked: Vec<(Interface, Unchecked)>,
}

/// What the PDUs of one record have in common.
struct Origin<'a> {
    mandate: &'a Arc<Mandate>,
    line: Line,
    time: Time,
}

impl Encoder {
    /// An encoder for an LEMF of this profile, with which nothing else was agreed.
    ///
    /// # Errors
    /// When a setting of the header does not hold.
    pub fn new(settings: &HandoverSettings, profile: Profile) -> Result<Self, SettingsError> {
        Self::agreed(settings, profile, Agreement::default())
    }

    /// An encoder for an LEMF of this profile, by what was agreed with it.
    ///
    /// # Errors
    /// When a setting of the header does not hold.
    pub fn agreed(settings: &HandoverSettings, profile: Profile, agreement: Agreement) -> Result<Self, SettingsError> {
        let mut mapping = EmailIriMapping::new(profile);
        mapping.national_parameter = agreement.national_parameter;
        mapping.national = agreement.national;
        Ok(Self {
            headers: EncodedHeaders::new(HeaderTemplate::new(settings, profile)?),
            mapping,
            messaging: MessagingMapping::new(profile),
            profile,
            cc_object_id: profile.object_id(ObjectIdOf::EmailCc),
            max_content: settings.max_content,
            sequences: Sequences::new(settings.sequence_numbers),
            aggregation: agreement.aggregate.map(Aggregation::new),
            integrity: agreement.integrity.map(Integrity::new),
            encryption: agreement.encryption,
            byte_counter: ByteCounter::default(),
            clock: Time::MIN,
            unchecked: Vec::new(),
        })
    }

    /// Goes on along LIIDs from the numbers that another run has left in a spool.
    pub(crate) fn go_on_from(&mut self, interface: Interface, numbers: &HashMap<String, u32>) {
        self.sequences.go_on_from(interface, numbers);
    }

    /// Appends the PDUs of a record, in the order in which they go; where payloads are aggregated, perhaps none yet.
    ///
    /// # Errors
    /// When the record has no encoding. Then `pdus` holds in its place a message to the LEMF that something is missing,
    /// if even that can be encoded.
    pub fn encode(&mut self, record: &Record, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let encoded = self.encode_body(record, pdus);
        self.mark(pdus);
        encoded
    }

    fn encode_body(&mut self, record: &Record, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let Record { mandate, cin, time, body } = record;
        let mut on =
            |interface| Origin { mandate, line: self.sequences.line(&mandate.liid, cin.0, interface), time: *time };
        let (hi2, hi3) = (on(Interface::Hi2), on(Interface::Hi3));
        match body {
            Body::Iri(iri) => {
                let recipients: usize = iri.recipients.iter().map(|recipient| recipient.len() + 4).sum();
                let contents = IriContents::EmailIri(Box::new(self.mapping.map(iri)));
                self.iri(&hi2, iri.record_type, contents, IRI_OCTETS + recipients, pdus)
            }
            Body::Cc(cc) => self.cc(&hi3, cc.content.octets(), pdus, |encoder, octets| {
                encoder.email_cc(cc.direction, cc.format, octets)
            }),
            Body::MessagingIri(iri) => {
                let contents = IriContents::MessagingIri(Box::new(self.messaging.iri(iri)));
                self.iri(&hi2, iri.record_type, contents, messaging::octets_of(iri), pdus)
            }
            Body::MessagingCc(cc) => {
                self.cc(&hi3, cc.content.octets(), pdus, |encoder, octets| encoder.messaging_cc(cc, octets))
            }
            Body::Notice(notice) => self.message(&hi2, &text(*notice), pdus),
            Body::Closed => {
                let closed = self.settle(hi2.line, pdus).and(self.settle(hi3.line, pdus));
                self.sequences.close(&mandate.liid, cin.0);
                closed
            }
        }
        .inspect_err(|_| {
            let text = "A record of this communication could not be encoded and was not delivered.";
            // Where the header itself is at fault this fails too: the caller counts either way.
            let _ = self.message(&hi2, text, pdus);
        })
    }

    /// Tells the time, which never goes back, and appends what is due by then: payloads that waited long enough, and
    /// integrity checks.
    ///
    /// # Errors
    /// When something of it has no encoding. What else is due is appended all the same.
    pub fn tick(&mut self, now: Time, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        self.clock = self.clock.max(now);
        let mut outcome = Ok(());
        while let Some(line) = self.aggregation.as_mut().and_then(|aggregation| aggregation.due(self.clock)) {
            outcome = outcome.and(self.release(line, pdus));
        }
        while let Some(due) = self.integrity.as_mut().and_then(|integrity| integrity.due(self.clock)) {
            outcome = outcome.and(match due {
                Due::Hash(line) => self.hash(line, pdus),
                Due::Signature(line) => self.sign(line, pdus),
            });
        }
        self.mark(pdus);
        outcome
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_due(&self) -> Option<Time> {
        let aggregation = self.aggregation.as_ref().and_then(Aggregation::next_due);
        let integrity = self.integrity.as_ref().and_then(Integrity::next_due);
        [aggregation, integrity].into_iter().flatten().min()
    }

    /// Appends everything that still waits, and the checks over what has none: nothing more will come.
    ///
    /// # Errors
    /// When something of it has no encoding. Everything else is appended all the same.
    pub fn finish(&mut self, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let waiting = self.aggregation.as_ref().map(Aggregation::open).unwrap_or_default();
        let mut outcome = Ok(());
        for line in waiting {
            outcome = outcome.and(self.release(line, pdus));
        }
        let unchecked = self.integrity.as_ref().map(Integrity::open).unwrap_or_default();
        for line in unchecked {
            outcome = outcome.and(self.settle(line, pdus));
        }
        self.mark(pdus);
        outcome
    }

    /// Appends what waits to be aggregated, so that nothing of it is in memory alone.
    ///
    /// # Errors
    /// When something of it has no encoding. Everything else is appended all the same.
    pub(crate) fn release_all(&mut self, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let waiting = self.aggregation.as_ref().map(Aggregation::open).unwrap_or_default();
        let mut outcome = Ok(());
        for line in waiting {
            outcome = outcome.and(self.release(line, pdus));
        }
        self.mark(pdus);
        outcome
    }

    /// How many fields were cut to the length that their type allows, or left out, since the start.
    pub fn fields_cut(&self) -> u64 {
        self.mapping.fields_cut + self.messaging.fields_cut + self.headers.countries_cut
    }

    /// How many sequences are open.
    pub fn sequences(&self) -> usize {
        self.sequences.len()
    }

    fn iri(
        &mut self,
        origin: &Origin<'_>,
        record_type: record::IriType,
        iri_contents: IriContents,
        octets: usize,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let record = IriPayload {
            iri_type: Some(iri_type(record_type)),
            time_stamp: None,
            iri_contents,
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        };
        if self.aggregation.is_some() {
            return self.wait(origin, octets, Piece::Iri(record), pdus);
        }
        self.push(origin, Kind::Iri, Payload::IriPayloadSequence(vec![record]), pdus)
    }

    /// Content, in as many pieces as it needs, each made by `piece`.
    fn cc(
        &mut self,
        origin: &Origin<'_>,
        content: &Bytes,
        pdus: &mut Vec<Pdu>,
        piece: impl Fn(&mut Self, Bytes) -> CcPayload,
    ) -> Result<(), EncodeError> {
        let max = self.max_content.max(1);
        if content.len() <= max {
            let piece = piece(self, content.clone());
            if self.aggregation.is_some() {
                return self.wait(origin, CC_OCTETS + content.len(), Piece::Cc(piece), pdus);
            }
            return self.push(origin, Kind::Cc, Payload::CcPayloadSequence(vec![piece]), pdus);
        }
        self.release(origin.line, pdus)?;
        self.push(origin, Kind::Tri, Payload::TriPayload(TriPayload::FirstSegmentFlag), pdus)?;
        let mut rest = content.clone();
        while !rest.is_empty() {
            let piece = piece(self, rest.split_to(max.min(rest.len())));
            self.push(origin, Kind::Cc, Payload::CcPayloadSequence(vec![piece]), pdus)?;
        }
        self.push(origin, Kind::Tri, Payload::TriPayload(TriPayload::LastSegmentFlag), pdus)
    }

    fn message(&mut self, origin: &Origin<'_>, text: &str, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let released = self.release(origin.line, pdus);
        self.push(origin, Kind::Tri, operator_message(MessagePriority::Error, text), pdus)?;
        released
    }

    /// Puts a payload with those that wait, after those for which there is no room beside it went.
    fn wait(
        &mut self,
        origin: &Origin<'_>,
        octets: usize,
        piece: Piece,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let Origin { mandate, line, time } = *origin;
        let now = self.now(time);
        let mut outcome = Ok(());
        if self.aggregation.as_ref().is_some_and(|aggregation| aggregation.is_full(line, octets)) {
            outcome = self.release(line, pdus);
        }
        let add = |aggregation: &mut Aggregation| aggregation.add(line, mandate, time, octets, piece, now);
        if self.aggregation.as_mut().is_some_and(add) {
            outcome = outcome.and(self.release(line, pdus));
        }
        outcome
    }

    /// Sends what waits of a line.
    fn release(&mut self, line: Line, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let Some(waiting) = self.aggregation.as_mut().and_then(|aggregation| aggregation.take(line)) else {
            return Ok(());
        };
        let mandate = Arc::clone(&waiting.mandate);
        let Some((time, payload)) = Waiting::into_payload(waiting, self.profile) else { return Ok(()) };
        let kind = match line.interface {
            Interface::Hi2 => Kind::Iri,
            Interface::Hi3 => Kind::Cc,
        };
        self.push(&Origin { mandate: &mandate, line, time }, kind, payload, pdus)
    }

    /// Sends what waits of a line, and its last checks.
    fn settle(&mut self, line: Line, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        self.release(line, pdus).and(self.hash(line, pdus)).and(self.sign(line, pdus))
    }

    /// Encodes a PDU under the next number of its sequence, which is taken only if it has an encoding.
    fn push(
        &mut self,
        origin: &Origin<'_>,
        kind: Kind,
        payload: Payload,
        pdus: &mut Vec<Pdu>,
    ) -> Result<(), EncodeError> {
        let Origin { mandate, line, time } = *origin;
        let now = self.now(time);
        let number = self.sequences.peek(line);
        let payload = match &self.encryption {
            Some(encryption) if kind != Kind::Tri => {
                let counter = self.byte_counter.value(now.seconds());
                encryption.seal(payload, counter, number)?
            }
            _ => payload,
        };
        let octets = self.headers.of(mandate, line, number, time)?.pdu(&payload)?;
        let octets = self.made(line, kind, time, octets, pdus);
        let is_due =
            self.integrity.as_mut().is_some_and(|integrity| integrity.add(line, mandate, kind, number, &octets, now));
        if is_due { self.hash(line, pdus) } else { Ok(()) }
    }

    /// Takes the number of a PDU that was encoded, and appends it.
    fn made(&mut self, line: Line, kind: Kind, time: Time, octets: Vec<u8>, pdus: &mut Vec<Pdu>) -> Bytes {
        self.sequences.advance(line, 1);
        self.byte_counter.add(octets.len());
        // As long as what it holds and no longer: the bound of the buffer counts what is held.
        let octets = Bytes::from(octets.into_boxed_slice());
        let checked = self.integrity.as_mut().map(|integrity| integrity.placed(line.interface));
        pdus.push(Pdu { interface: line.interface, kind, time, octets: octets.clone(), checked });
        octets
    }

    /// Sends the hash over what has none.
    fn hash(&mut self, line: Line, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let Some(Check { mandate, check }) = self.integrity.as_mut().and_then(|integrity| integrity.hash(line)) else {
            return Ok(());
        };
        let number = self.check(&mandate, line, &check, pdus)?;
        let now = self.clock;
        let is_due = match &mut self.integrity {
            Some(integrity) => integrity.hashed(line, number, &check, now)?,
            None => false,
        };
        if is_due { self.sign(line, pdus) } else { Ok(()) }
    }

    /// Sends the signature over the hashes that have none.
    fn sign(&mut self, line: Line, pdus: &mut Vec<Pdu>) -> Result<(), EncodeError> {
        let signature = self.integrity.as_mut().map(|integrity| integrity.signature(line)).transpose()?;
        let Some(Check { mandate, check }) = signature.flatten() else { return Ok(()) };
        self.check(&mandate, line, &check, pdus).map(drop)
    }

    /// Encodes an integrity check, and gives its number. Its time is that of its making.
    fn check(
        &mut self,
        mandate: &Mandate,
        line: Line,
        check: &IntegrityCheck,
        pdus: &mut Vec<Pdu>,
    ) -> Result<u32, EncodeError> {
        let number = self.sequences.peek(line);
        let time = self.now(pdus.last().map_or(Time::MIN, |pdu| pdu.time));
        let ps_header = self.headers.template().header(HeaderFields {
            liid: &mandate.liid,
            authorization_country: country(mandate),
            cin: Some(line.cin),
            sequence_number: number,
            time,
            qualifier: TimeStampQualifier::TimeOfMediation,
        });
        let payload = Payload::TriPayload(TriPayload::IntegrityCheck(check.clone()));
        let octets = writ_etsi::encode_as(self.profile, &PsPdu { ps_header, payload })?;
        self.made(line, Kind::Tri, time, octets, pdus);
        Ok(number)
    }

    /// What it was told of the time; without that, what the record at hand says. Never the record's where a clock is
    /// told: what stamps packets may be ahead of it, and nothing would be due until the clock has come so far.
    fn now(&self, of_record: Time) -> Time {
        if self.clock == Time::MIN { of_record } else { self.clock }
    }

    fn messaging_cc(&mut self, cc: &MessagingCc, content: Bytes) -> CcPayload {
        CcPayload {
            payload_direction: Some(messaging::direction(cc.direction)),
            time_stamp: None,
            cc_contents: CcContents::MessagingCc(Box::new(self.messaging.cc(cc, content.into()))),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }
    }

    fn email_cc(&self, direction: Direction, format: CcFormat, content: Bytes) -> CcPayload {
        CcPayload {
            payload_direction: Some(match direction {
                Direction::FromTarget => PayloadDirection::FromTarget,
                Direction::ToTarget => PayloadDirection::ToTarget,
            }),
            time_stamp: None,
            cc_contents: CcContents::EmailCc(EmailCc {
                email_cc_obj_id: self.cc_object_id.clone(),
                email_format: match format {
                    CcFormat::IpPacket => EmailFormat::IpPacket,
                    CcFormat::Application => EmailFormat::Application,
                },
                content: content.into(),
            }),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }
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
