//! PDUs as a sender makes them, and a place for what becomes of them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::*;

/// A communication with its two counters.
#[derive(Clone)]
pub struct Sender {
    pub liid: &'static str,
    pub cin: u32,
    pub hi2: u32,
    pub hi3: u32,
    /// Seconds since 1970, one more with each PDU.
    pub seconds: u64,
}

impl Sender {
    pub fn new(liid: &'static str, cin: u32) -> Self {
        Self { liid, cin, hi2: 0, hi3: 0, seconds: 1_767_225_600 }
    }

    fn header(&mut self, sequence_number: u32) -> PsHeader {
        self.seconds += 1;
        PsHeader {
            li_ps_domain_id: Profile::Current.li_ps_domain_id(),
            lawful_interception_identifier: OctetString::from(self.liid.as_bytes()),
            authorization_country_code: None,
            communication_identifier: CommunicationIdentifier {
                network_identifier: NetworkIdentifier {
                    operator_identifier: OctetString::from(&b"OP"[..]),
                    network_element_identifier: None,
                    additions: Additions::NONE,
                },
                communication_identity_number: Some(self.cin),
                delivery_country_code: None,
                additions: Additions::NONE,
            },
            sequence_number,
            time_stamp: None,
            interception_point_id: None,
            micro_second_time_stamp: Some(MicroSecondTimeStamp {
                seconds: self.seconds,
                micro_seconds: 250_000,
                additions: Additions::NONE,
            }),
            time_stamp_qualifier: Some(TimeStampQualifier::TimeOfInterception),
            additions: Additions::NONE,
        }
    }

    pub fn hi2(&mut self, payload: Payload) -> PsPdu {
        let number = self.hi2;
        self.hi2 += 1;
        PsPdu { ps_header: self.header(number), payload }
    }

    pub fn hi3(&mut self, payload: Payload) -> PsPdu {
        let number = self.hi3;
        self.hi3 += 1;
        PsPdu { ps_header: self.header(number), payload }
    }

    pub fn event(&mut self, event_type: EmailEvent, iri_type: IriType) -> PsPdu {
        self.hi2(Payload::IriPayloadSequence(vec![IriPayload {
            iri_type: Some(iri_type),
            time_stamp: None,
            iri_contents: IriContents::EmailIri(Box::new(email_iri(event_type))),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }]))
    }

    pub fn content(&mut self, direction: PayloadDirection, format: EmailFormat, content: &[u8]) -> PsPdu {
        self.hi3(Payload::CcPayloadSequence(vec![CcPayload {
            payload_direction: Some(direction),
            time_stamp: None,
            cc_contents: CcContents::EmailCc(EmailCc {
                email_cc_obj_id: Profile::Current.object_id(ObjectIdOf::EmailCc),
                email_format: format,
                content: OctetString::from(content),
            }),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }]))
    }

    /// What the target sent, in application format.
    pub fn cc_from_target(&mut self, content: &[u8]) -> PsPdu {
        self.content(PayloadDirection::FromTarget, EmailFormat::Application, content)
    }

    /// What was sent to the target, in application format.
    pub fn cc_to_target(&mut self, content: &[u8]) -> PsPdu {
        self.content(PayloadDirection::ToTarget, EmailFormat::Application, content)
    }

    pub fn keep_alive(&mut self, number: u32) -> PsPdu {
        PsPdu { ps_header: self.header(number), payload: Payload::TriPayload(TriPayload::KeepAlive) }
    }
}

pub fn email_iri(event_type: EmailEvent) -> EmailIri {
    EmailIri {
        email_iri_obj_id: Profile::Current.object_id(ObjectIdOf::EmailIri),
        event_type,
        client_address: Some(IpAddress::host("192.0.2.10".parse().unwrap(), None)),
        server_address: Some(IpAddress::host("2001:db8::25".parse().unwrap(), None)),
        client_port: Some(51234),
        server_port: Some(25),
        server_octets_sent: 312,
        client_octets_sent: 4096,
        protocol_id: EmailProtocol::Smtp,
        e_mail_sender: Some("alice@example.org".into()),
        e_mail_recipients: Some(vec!["bob@example.net".into(), "jürgen@example.net".into()]),
        status: EmailStatus::OperationSucceeded,
        total_recipient_count: Some(2),
        message_id: Some(OctetString::from(&b"<1234@example.org>"[..])),
        national_parameter: None,
        national_em_asn1_parameters: None,
        aaa_information: None,
        e_mail_sender_validity: None,
        additions: Additions::NONE,
    }
}

/// A session of one message through DATA, in pieces of `cut` octets, as a client that is the target has it.
pub fn data_session(sender: &mut Sender, message: &[u8], cut: usize) -> Vec<PsPdu> {
    let mut pdus = vec![sender.event(EmailEvent::Logon, IriType::Begin)];
    pdus.push(sender.cc_from_target(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"));
    pdus.push(sender.cc_to_target(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"));
    let stuffed = stuff(message);
    pdus.extend(stuffed.chunks(cut).map(|piece| sender.cc_from_target(piece)));
    pdus.push(sender.cc_to_target(b"250 2.0.0 Ok: queued\r\n"));
    pdus.push(sender.event(EmailEvent::Send, IriType::Continue));
    pdus.push(sender.event(EmailEvent::Logoff, IriType::End));
    pdus
}

/// A message as it goes after DATA (RFC 5321 §4.5.2).
pub fn stuff(message: &[u8]) -> Vec<u8> {
    let mut wire = vec![];
    let mut at_start = true;
    for (index, &octet) in message.iter().enumerate() {
        if at_start && octet == b'.' {
            wire.push(b'.');
        }
        wire.push(octet);
        at_start = octet == b'\n' && index > 0 && message[index - 1] == b'\r';
    }
    if !at_start {
        wire.extend(b"\r\n");
    }
    wire.extend(b".\r\n");
    wire
}

pub fn octets(pdus: &[PsPdu]) -> Vec<u8> {
    pdus.iter().flat_map(|pdu| encode(pdu).unwrap()).collect()
}

/// Lines about what arrives, for a test to read.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The names in a directory, in order.
pub fn names(directory: impl AsRef<Path>) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

impl Sender {
    /// A content of an event of messaging, or a piece of one.
    pub fn messaging(&mut self, event: u32, content: Option<u32>, piece: Option<(u32, bool)>, octets: &[u8]) -> PsPdu {
        self.hi3(Payload::CcPayloadSequence(vec![CcPayload {
            payload_direction: Some(PayloadDirection::ToTarget),
            time_stamp: None,
            cc_contents: CcContents::MessagingCc(Box::new(MessagingCc {
                messaging_cc_obj_id: Profile::Current.object_id(ObjectIdOf::MessagingCc),
                event_identifier: event,
                content_identifier: content,
                sequence_number: piece.map(|(number, _)| number),
                end_of_sequence: piece.is_some_and(|(_, end)| end),
                content_type: OctetString::from(&b"audio/wav"[..]),
                content: OctetString::from(octets.to_vec()),
                content_transfer_encoding: None,
                additions: Additions::NONE,
            })),
            micro_second_time_stamp: None,
            time_stamp_qualifier: None,
            additions: Additions::NONE,
        }]))
    }
}
