//! Octets as text that can be checked against the tables by eye, and the PDU that the tests wrap them in.
#![allow(dead_code, reason = "each test file uses a part of it")]

use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::*;

/// `pSHeader`: li-psDomainId `{0 4 0 2 2 5 1 43}`, LIID `L1`, operator `O`, CIN 7, sequence number 0.
pub const HEADER: &str = "a1 { 80 {04000202 05012b}  81 {4c31}  a3 { a0 { 80 {4f} } 81 {07} }  84 {00} }";

/// Turns hex digits into octets; braces enclose the contents of a value and stand for its length octets.
pub fn octets(text: &str) -> Vec<u8> {
    let mut open: Vec<Vec<u8>> = vec![vec![]];
    let mut digits = text.chars().filter(|c| !c.is_whitespace());
    while let Some(first) = digits.next() {
        match first {
            '{' => open.push(vec![]),
            '}' => {
                let contents = open.pop().unwrap();
                open.last_mut().unwrap().extend(with_length(&contents));
            }
            digit => {
                let both: String = [digit, digits.next().unwrap()].iter().collect();
                open.last_mut().unwrap().push(u8::from_str_radix(&both, 16).unwrap());
            }
        }
    }
    assert_eq!(open.len(), 1, "braces come in pairs");
    open.pop().unwrap()
}

fn with_length(contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut octets = match length {
        0..128 => vec![length as u8],
        128..256 => vec![0x81, length as u8],
        _ => vec![0x82, (length >> 8) as u8, length as u8],
    };
    octets.extend(contents);
    octets
}

pub fn header() -> PsHeader {
    PsHeader {
        li_ps_domain_id: Profile::Current.li_ps_domain_id(),
        lawful_interception_identifier: OctetString::from(&b"L1"[..]),
        authorization_country_code: None,
        communication_identifier: CommunicationIdentifier {
            network_identifier: NetworkIdentifier {
                operator_identifier: OctetString::from(&b"O"[..]),
                network_element_identifier: None,
                additions: Additions::NONE,
            },
            communication_identity_number: Some(7),
            delivery_country_code: None,
            additions: Additions::NONE,
        },
        sequence_number: 0,
        time_stamp: None,
        interception_point_id: None,
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    }
}

pub fn pdu(payload: Payload) -> PsPdu {
    PsPdu { ps_header: header(), payload }
}

pub fn iri(iri_contents: IriContents) -> Payload {
    Payload::IriPayloadSequence(vec![IriPayload {
        iri_type: Some(IriType::Begin),
        time_stamp: None,
        iri_contents,
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    }])
}

pub fn cc(cc_contents: CcContents) -> Payload {
    Payload::CcPayloadSequence(vec![CcPayload {
        payload_direction: Some(PayloadDirection::ToTarget),
        time_stamp: None,
        cc_contents,
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    }])
}

/// An `EmailIRI` with the mandatory fields alone; its octets are [`EMAIL_IRI`].
pub fn email_iri() -> EmailIri {
    EmailIri {
        email_iri_obj_id: Profile::Current.object_id(ObjectIdOf::EmailIri),
        event_type: EmailEvent::Logon,
        client_address: None,
        server_address: None,
        client_port: None,
        server_port: None,
        server_octets_sent: 0,
        client_octets_sent: 200,
        protocol_id: EmailProtocol::Undefined,
        e_mail_sender: None,
        e_mail_recipients: None,
        status: EmailStatus::StatusUnknown,
        total_recipient_count: None,
        message_id: None,
        national_parameter: None,
        national_em_asn1_parameters: None,
        aaa_information: None,
        e_mail_sender_validity: None,
        additions: Additions::NONE,
    }
}

pub const EMAIL_IRI: &str = "80 {05021401}  81 {05}  86 {00}  87 {00c8}  88 {00ff}  8b {01}";

pub fn messaging_iri() -> MessagingIri {
    MessagingIri {
        messaging_iri_obj_id: Profile::Current.object_id(ObjectIdOf::MessagingIri),
        system_type: MessagingSystemType::UnifiedMessaging,
        system_identifier: None,
        category: None,
        status: MessagingStatus::OperationLost,
        party_information: None,
        trigger: MessagingTrigger::System,
        properties: None,
        event_identifier: None,
        original_message: None,
        box_identifier: None,
        total_recipient_count: None,
        additions: Additions::NONE,
    }
}
