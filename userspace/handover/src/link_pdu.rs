//! PDUs about the connection itself rather than about a communication: keep-alive, `cINReset`, messages to the LEMF
//! (TS 102 232-1, `TRIPayload`).

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use writ_etsi::asn1::Additions;
use writ_etsi::{
    EncodeError, MessagePriority, OptionRequest, Payload, Profile, PsPdu, TimeStampQualifier, TransportOption,
    TriPayload,
};

use crate::encoder::operator_message;
use crate::header::{HeaderFields, HeaderTemplate};
use crate::latency::now;
use crate::pdu::{Interface, Kind, Pdu};
use crate::settings::{HandoverSettings, SettingsError};

/// The LIID of a PDU that is under no warrant: the field is mandatory and has at least one octet. It names nobody.
pub const LINK_LIID: &str = "-";

/// Makes the PDUs of one connection. They have no CIN, and a sequence of their own that goes on from one connection to
/// the next.
pub(crate) struct LinkPdus {
    template: HeaderTemplate,
    interface: Interface,
    next: AtomicU32,
}

impl LinkPdus {
    pub(crate) fn new(
        settings: &HandoverSettings,
        profile: Profile,
        interface: Interface,
    ) -> Result<Self, SettingsError> {
        Ok(Self { template: HeaderTemplate::new(settings, profile)?, interface, next: AtomicU32::new(0) })
    }

    /// The number of the next one.
    pub(crate) fn next(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// Goes on from this number at least.
    pub(crate) fn go_on_from(&self, next: u32) {
        self.next.fetch_max(next, Ordering::Relaxed);
    }

    /// `operatorLeaMessage`: so many PDUs at this place cannot be read back from the disk.
    pub(crate) fn unreadable(&self, pdus: u64) -> Result<Pdu, EncodeError> {
        let text = format!("The spool was damaged: {pdus} PDUs before this one could not be delivered.");
        self.pdu(operator_message(MessagePriority::Error, &text))
    }

    /// `operatorLeaMessage`: so many PDUs at this place are missing from the broker.
    pub(crate) fn missing(&self, pdus: u64) -> Result<Pdu, EncodeError> {
        let text = format!("The broker has lost PDUs: {pdus} before this one could not be delivered.");
        self.pdu(operator_message(MessagePriority::Error, &text))
    }

    /// `keep-alive`. It is never buffered.
    pub(crate) fn keep_alive(&self) -> Result<Bytes, EncodeError> {
        self.pdu(Payload::TriPayload(TriPayload::KeepAlive)).map(|pdu| pdu.octets)
    }

    /// `optionRequest` for `pDUAcknowledgement`. As all that settles how PDUs are acknowledged it is never buffered.
    pub(crate) fn option_request(&self) -> Result<Bytes, EncodeError> {
        let request = OptionRequest {
            requested_options: vec![TransportOption::PduAcknowledgement],
            additions: Additions::default(),
        };
        self.pdu(Payload::TriPayload(TriPayload::OptionRequest(request))).map(|pdu| pdu.octets)
    }

    /// `optionComplete`.
    pub(crate) fn option_complete(&self) -> Result<Bytes, EncodeError> {
        self.pdu(Payload::TriPayload(TriPayload::OptionComplete)).map(|pdu| pdu.octets)
    }

    /// `pDUAcknowledgementRequest`, and its number, by which the response is known.
    pub(crate) fn acknowledgement_request(&self) -> Result<(u32, Bytes), EncodeError> {
        let payload = Payload::TriPayload(TriPayload::PduAcknowledgementRequest);
        self.numbered(payload).map(|(number, pdu)| (number, pdu.octets))
    }

    /// `cINReset`: CINs start anew.
    pub(crate) fn cin_reset(&self) -> Result<Pdu, EncodeError> {
        self.pdu(Payload::TriPayload(TriPayload::CinReset))
    }

    /// `operatorLeaMessage`: the buffer was full and so many PDUs are missing at this place.
    pub(crate) fn dropped(&self, pdus: u64, octets: u64) -> Result<Pdu, EncodeError> {
        let text =
            format!("The delivery buffer was full: {pdus} PDUs ({octets} octets) before this one were not delivered.");
        self.pdu(operator_message(MessagePriority::Error, &text))
    }

    fn pdu(&self, payload: Payload) -> Result<Pdu, EncodeError> {
        self.numbered(payload).map(|(_, pdu)| pdu)
    }

    fn numbered(&self, payload: Payload) -> Result<(u32, Pdu), EncodeError> {
        let time = now();
        let sequence_number = self.next.fetch_add(1, Ordering::Relaxed);
        let ps_header = self.template.header(HeaderFields {
            liid: LINK_LIID,
            authorization_country: None,
            cin: None,
            sequence_number,
            time,
            qualifier: TimeStampQualifier::TimeOfMediation,
        });
        let octets = writ_etsi::encode_as(self.template.profile(), &PsPdu { ps_header, payload })?;
        Ok((
            sequence_number,
            Pdu { interface: self.interface, kind: Kind::Tri, time, octets: octets.into(), checked: None },
        ))
    }
}
