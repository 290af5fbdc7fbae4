use std::net::SocketAddr;
use std::sync::Arc;

use writ_etsi::{AaaInformation, AaaResult, EmailEvent, EmailIri, EmailProtocol, EmailStatus, IriType, decode};
use writ_intercept::record::{self, Aaa, AuthMethod, Cin, Iri, MailEvent, Protocol, SenderValidity, Status};

use super::*;
use crate::settings::Numbering;

mod agreed;
mod vectors;

const TIME: Time = Time::from_parts(1_351_782_000, 123_456_789);

fn settings() -> HandoverSettings {
    HandoverSettings {
        operator_identifier: "OP001".into(),
        network_element_identifier: Some("mta1".into()),
        delivery_country: Some("NL".into()),
        interception_point: Some("ip1".into()),
        ..HandoverSettings::default()
    }
}

fn encoder(profile: Profile) -> Encoder {
    Encoder::new(&settings(), profile).unwrap()
}

fn mandate(liid: &str) -> Arc<Mandate> {
    Arc::new(Mandate { liid: liid.into(), authorization_country: "NL".into(), lemf: 0 })
}

fn iri() -> Iri {
    Iri {
        record_type: record::IriType::Continue,
        event: MailEvent::Send,
        protocol: Protocol::Smtp,
        client: "192.0.2.10:51234".parse().unwrap(),
        server: "198.51.100.25:25".parse().unwrap(),
        client_octets: 4096,
        server_octets: 312,
        sender: Some("alice@example.org".into()),
        recipients: vec!["bob@example.net".into(), "jürgen@example.net".into()],
        total_recipients: Some(2),
        status: Status::Succeeded,
        message_id: Some(b"<1234@example.org>".to_vec()),
        aaa: Some(Aaa {
            username: "alice".into(),
            password: None,
            method: AuthMethod::CramMd5,
            challenge: Some(b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+".to_vec()),
            response: Some(b"YWxpY2UgMDEyMw==".to_vec()),
            result: record::AaaResult::Succeeded,
        }),
        sender_validity: Some(SenderValidity::NonValidated),
    }
}

fn record(liid: &str, cin: u32, body: Body) -> Record {
    Record { mandate: mandate(liid), cin: Cin(cin), time: TIME, body }
}

fn iri_record(cin: u32) -> Record {
    record("LIID-MAIL-0001", cin, Body::Iri(Box::new(iri())))
}

/// The PDUs of a record, decoded.
fn pdus(encoder: &mut Encoder, record: &Record) -> Vec<PsPdu> {
    let mut pdus = Vec::new();
    encoder.encode(record, &mut pdus).unwrap();
    pdus.iter().map(|pdu| decode(&pdu.octets).unwrap()).collect()
}

fn email_iri(pdu: &PsPdu) -> &EmailIri {
    match &pdu.payload {
        Payload::IriPayloadSequence(records) => match &records[0].iri_contents {
            IriContents::EmailIri(iri) => iri,
            _ => panic!("no EmailIRI"),
        },
        _ => panic!("no IRI"),
    }
}

fn mapped(iri: Iri) -> EmailIri {
    let mut encoder = encoder(Profile::Current);
    let pdus = pdus(&mut encoder, &record("L", 1, Body::Iri(Box::new(iri))));
    email_iri(&pdus[0]).clone()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The CC of `content` as the encoder makes it.
fn cc(encoder: &mut Encoder, cin: u32, content: &'static [u8]) -> Vec<Pdu> {
    let mut pdus = Vec::new();
    let line = encoder.sequences.line("LIID-MAIL-0001", cin, Interface::Hi3);
    let origin = Origin { mandate: &mandate("LIID-MAIL-0001"), line, time: TIME };
    let content = Bytes::from_static(content);
    encoder
        .cc(&origin, &content, &mut pdus, |encoder, octets| {
            encoder.email_cc(Direction::FromTarget, CcFormat::Application, octets)
        })
        .unwrap();
    pdus
}

/// Takes so many numbers of CIN 42.
fn skip(encoder: &mut Encoder, interface: Interface, count: u32) {
    let line = encoder.sequences.line("LIID-MAIL-0001", 42, interface);
    encoder.sequences.advance(line, count);
}

fn numbers(pdus: &[Pdu]) -> Vec<u32> {
    pdus.iter().map(|pdu| decode(&pdu.octets).unwrap().ps_header.sequence_number).collect()
}

#[test]
fn iri_is_octet_for_octet_what_other_compilers_make() {
    for (profile, vector) in [(Profile::V331, vectors::SEND_IRI_V331), (Profile::Current, vectors::SEND_IRI_CURRENT)] {
        let mut encoder = encoder(profile);
        skip(&mut encoder, Interface::Hi2, 7);
        let mut pdus = Vec::new();
        encoder.encode(&iri_record(42), &mut pdus).unwrap();
        // The vector says that the client's address was assigned dynamically, which a tap cannot know.
        let mut expected = decode(&unhex(vector)).unwrap();
        let Payload::IriPayloadSequence(records) = &mut expected.payload else { panic!() };
        let IriContents::EmailIri(iri) = &mut records[0].iri_contents else { panic!() };
        assert!(iri.client_address.as_mut().unwrap().ip_assignment.take().is_some());
        assert_eq!(pdus[0].octets, writ_etsi::encode(&expected).unwrap());
        assert_eq!((pdus[0].interface, pdus[0].kind, pdus[0].time), (Interface::Hi2, Kind::Iri, TIME));
    }
}

#[test]
fn cc_is_octet_for_octet_what_other_compilers_make() {
    for (profile, vector) in [(Profile::V331, vectors::CC_V331), (Profile::Current, vectors::CC_CURRENT)] {
        let mut encoder = encoder(profile);
        skip(&mut encoder, Interface::Hi3, 3);
        let pdus = cc(&mut encoder, 42, b"MAIL FROM:<alice@example.org>\r\n");
        // The vector holds two payloads, of which the first is this one.
        let mut expected = decode(&unhex(vector)).unwrap();
        let Payload::CcPayloadSequence(payloads) = &mut expected.payload else { panic!() };
        payloads.truncate(1);
        assert_eq!(pdus[0].octets, writ_etsi::encode(&expected).unwrap());
        assert_eq!((pdus.len(), pdus[0].interface, pdus[0].kind), (1, Interface::Hi3, Kind::Cc));
    }
}

#[test]
fn a_segment_flag_is_octet_for_octet_what_other_compilers_make() {
    for (profile, vector) in
        [(Profile::V331, vectors::LAST_SEGMENT_V331), (Profile::Current, vectors::LAST_SEGMENT_CURRENT)]
    {
        let mut encoder = encoder(profile);
        encoder.max_content = 1;
        // Two pieces and two flags, so numbered that the last flag has the vector's 1: past the end of the range.
        skip(&mut encoder, Interface::Hi3, u32::MAX - 1);
        let pdus = cc(&mut encoder, 42, b"ab");
        assert_eq!(numbers(&pdus), [u32::MAX - 1, u32::MAX, 0, 1]);
        assert_eq!(pdus[3].octets, unhex(vector));
    }
}

#[test]
fn content_past_the_limit_is_cut_between_flags_that_have_a_place_in_the_sequence() {
    let mut encoder = Encoder::new(&HandoverSettings { max_content: 512, ..settings() }, Profile::Current).unwrap();
    let content: &'static [u8] = Vec::leak((0..1300_u32).map(|at| at as u8).collect());
    assert_eq!(cc(&mut encoder, 1, &content[..512]).len(), 1, "as much as the limit is not cut");
    let pieces = cc(&mut encoder, 1, content);
    assert_eq!(numbers(&pieces), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&cc(&mut encoder, 1, b"next")), [6]);

    let decoded: Vec<_> = pieces.iter().map(|pdu| decode(&pdu.octets).unwrap()).collect();
    assert!(matches!(decoded[0].payload, Payload::TriPayload(TriPayload::FirstSegmentFlag)));
    assert!(matches!(decoded[4].payload, Payload::TriPayload(TriPayload::LastSegmentFlag)));
    let mut whole = Vec::new();
    for pdu in &decoded[1..4] {
        let Payload::CcPayloadSequence(payloads) = &pdu.payload else { panic!("no CC") };
        let CcContents::EmailCc(cc) = &payloads[0].cc_contents else { panic!("no EmailCC") };
        assert!(cc.content.len() <= 512);
        whole.extend_from_slice(&cc.content);
    }
    assert_eq!(whole, content);
    for pdu in &decoded {
        assert_eq!(pdu.ps_header.communication_identifier.communication_identity_number, Some(1));
        assert_eq!(&pdu.ps_header.lawful_interception_identifier[..], b"LIID-MAIL-0001");
    }
    assert!(pieces.iter().all(|pdu| pdu.interface == Interface::Hi3));
}

#[test]
fn empty_content_is_handed_over_too() {
    let pdus = cc(&mut encoder(Profile::Current), 1, b"");
    assert_eq!(numbers(&pdus), [0]);
}

#[test]
fn iri_and_cc_are_numbered_apart_and_messages_along_with_iri() {
    let mut encoder = encoder(Profile::Current);
    let mut all = Vec::new();
    encoder.encode(&iri_record(1), &mut all).unwrap();
    all.extend(cc(&mut encoder, 1, b"x"));
    encoder.encode(&record("LIID-MAIL-0001", 1, Body::Notice(Notice::SessionDropped)), &mut all).unwrap();
    encoder.encode(&iri_record(1), &mut all).unwrap();
    encoder.encode(&iri_record(2), &mut all).unwrap();
    assert_eq!(numbers(&all), [0, 0, 1, 2, 0]);
    assert_eq!(encoder.sequences(), 2);
    encoder.encode(&record("LIID-MAIL-0001", 1, Body::Closed), &mut all).unwrap();
    assert_eq!((all.len(), encoder.sequences()), (5, 1));
}

#[test]
fn numbering_along_the_liid_is_a_setting() {
    let settings = HandoverSettings { sequence_numbers: Numbering::PerLiid, ..settings() };
    let mut encoder = Encoder::new(&settings, Profile::Current).unwrap();
    let mut all = Vec::new();
    for cin in 1..=3 {
        encoder.encode(&iri_record(cin), &mut all).unwrap();
        encoder.encode(&record("LIID-MAIL-0001", cin, Body::Closed), &mut all).unwrap();
    }
    assert_eq!(numbers(&all), [0, 1, 2]);
}

#[test]
fn every_event_protocol_and_status_has_its_own() {
    let events = [
        (MailEvent::Send, EmailEvent::Send),
        (MailEvent::Receive, EmailEvent::Receive),
        (MailEvent::Download, EmailEvent::Download),
        (MailEvent::LogonAttempt, EmailEvent::LogonAttempt),
        (MailEvent::Logon, EmailEvent::Logon),
        (MailEvent::LogonFailure, EmailEvent::LogonFailure),
        (MailEvent::Logoff, EmailEvent::Logoff),
        (MailEvent::PartialDownload, EmailEvent::PartialDownload),
        (MailEvent::Upload, EmailEvent::Upload),
    ];
    for (event, expected) in events {
        assert_eq!(mapped(Iri { event, ..iri() }).event_type, expected);
    }
    for (protocol, expected) in [
        (Protocol::Smtp, EmailProtocol::Smtp),
        (Protocol::Pop3, EmailProtocol::Pop3),
        (Protocol::Imap4, EmailProtocol::Imap4),
    ] {
        assert_eq!(mapped(Iri { protocol, ..iri() }).protocol_id, expected);
    }
    for (status, expected) in [
        (Status::Unknown, EmailStatus::StatusUnknown),
        (Status::Failed, EmailStatus::OperationFailed),
        (Status::Succeeded, EmailStatus::OperationSucceeded),
    ] {
        assert_eq!(mapped(Iri { status, ..iri() }).status, expected);
    }
    for (record_type, expected) in [
        (record::IriType::Begin, IriType::Begin),
        (record::IriType::End, IriType::End),
        (record::IriType::Continue, IriType::Continue),
        (record::IriType::Report, IriType::Report),
    ] {
        let pdus =
            pdus(&mut encoder(Profile::Current), &record("L", 1, Body::Iri(Box::new(Iri { record_type, ..iri() }))));
        let Payload::IriPayloadSequence(records) = &pdus[0].payload else { panic!() };
        assert_eq!(records[0].iri_type, Some(expected));
    }
}

#[test]
fn what_an_event_lacks_is_left_out() {
    let bare = mapped(Iri {
        sender: None,
        recipients: Vec::new(),
        total_recipients: None,
        message_id: None,
        aaa: None,
        sender_validity: None,
        ..iri()
    });
    assert!(bare.e_mail_sender.is_none() && bare.e_mail_recipients.is_none() && bare.total_recipient_count.is_none());
    assert!(bare.message_id.is_none() && bare.aaa_information.is_none() && bare.e_mail_sender_validity.is_none());
    assert_eq!(mapped(Iri { sender: Some(String::new()), ..iri() }).e_mail_sender.as_deref(), Some(""));
}

#[test]
fn addresses_are_binary_and_mapped_ones_are_ipv4() {
    let client: SocketAddr = "[2001:db8::7]:1024".parse().unwrap();
    let server: SocketAddr = "[::ffff:192.0.2.1]:25".parse().unwrap();
    let mapped = mapped(Iri { client, server, ..iri() });
    let client_address = mapped.client_address.unwrap();
    assert_eq!(client_address.address(), Some(client.ip()));
    assert_eq!(client_address.ipv6_prefix_length, Some(128));
    let server_address = mapped.server_address.unwrap();
    assert_eq!(server_address.address(), Some("192.0.2.1".parse().unwrap()));
    assert_eq!(server_address.ipv6_prefix_length, None);
    assert_eq!((mapped.client_port, mapped.server_port), (Some(1024), Some(25)));
}

#[test]
fn authentication_takes_the_form_of_its_protocol() {
    let with_password =
        Aaa { password: Some("secret".into()), result: record::AaaResult::Failed, ..iri().aaa.unwrap() };
    let of = |protocol| mapped(Iri { protocol, aaa: Some(with_password.clone()), ..iri() }).aaa_information.unwrap();
    match of(Protocol::Pop3) {
        AaaInformation::Pop3AaaInformation(aaa) => {
            assert_eq!((aaa.username.as_str(), aaa.password.as_deref()), ("alice", Some("secret")));
            assert_eq!(aaa.aaa_result, Some(AaaResult::AaaFailed));
        }
        _ => panic!("not POP3"),
    }
    assert!(
        matches!(of(Protocol::Imap4), AaaInformation::ImapAaaInformation(aaa) if aaa.password.as_deref() == Some("secret"))
    );
    assert!(matches!(of(Protocol::Smtp), AaaInformation::AsmtpAaaInformation(aaa) if aaa.username == "alice"));
}

#[test]
fn what_a_field_cannot_hold_is_cut_and_counted_and_never_costs_the_record() {
    let long = "é".repeat(300);
    let mut encoder = encoder(Profile::Current);
    let record = record(
        "L",
        1,
        Body::Iri(Box::new(Iri {
            sender: Some(long.clone()),
            recipients: std::iter::repeat_n(long.clone(), 2000).collect(),
            total_recipients: Some(2000),
            aaa: Some(Aaa { username: long.clone(), password: Some(long), ..iri().aaa.unwrap() }),
            protocol: Protocol::Imap4,
            ..iri()
        })),
    );
    let pdus = pdus(&mut encoder, &record);
    let iri = email_iri(&pdus[0]);
    assert_eq!(iri.e_mail_sender.as_deref(), Some("é".repeat(255).as_str()));
    let recipients = iri.e_mail_recipients.as_ref().unwrap();
    assert_eq!(recipients.len(), 1023);
    assert!(recipients.iter().all(|recipient| recipient.chars().count() == 255));
    assert_eq!(iri.total_recipient_count, Some(2000));
    assert!(
        matches!(&iri.aaa_information, Some(AaaInformation::ImapAaaInformation(aaa)) if aaa.username.chars().count() == 64)
    );
    assert_eq!(encoder.fields_cut(), 1023 + 4);
}

#[test]
fn a_notice_is_a_message_of_at_most_255_octets() {
    let mut encoder = encoder(Profile::Current);
    for notice in [
        Notice::OctetsMissed { octets: u64::MAX, from_client: true },
        Notice::OctetsMissed { octets: 3, from_client: false },
        Notice::OctetsNotHeld { octets: u64::MAX },
        Notice::SessionDropped,
    ] {
        let pdus = pdus(&mut encoder, &record("SECRET", 9, Body::Notice(notice)));
        assert_eq!(pdus[0].ps_header.communication_identifier.communication_identity_number, Some(9));
        let Payload::TriPayload(TriPayload::OperatorLeaMessage(message)) = &pdus[0].payload else { panic!() };
        let text = str::from_utf8(&message.message).unwrap();
        assert!(text.ends_with('.') && text.is_ascii() && !text.contains("SECRET"), "{text}");
        assert_eq!(message.message_priority, MessagePriority::Error);
    }
}

#[test]
fn what_cannot_be_encoded_is_told_and_takes_no_number() {
    let mut encoder = encoder(Profile::Current);
    let mut all = Vec::new();
    // No LIID: not even the message can go.
    assert!(encoder.encode(&record("", 1, Body::Iri(Box::new(iri()))), &mut all).is_err());
    assert!(all.is_empty());
    let long = "x".repeat(26);
    assert!(encoder.encode(&record(&long, 1, Body::Iri(Box::new(iri()))), &mut all).is_err());
    assert!(all.is_empty());
    // An authorization country that is none is left out.
    let odd = Record {
        mandate: Arc::new(Mandate { liid: "L".into(), authorization_country: "€".into(), lemf: 0 }),
        ..iri_record(1)
    };
    encoder.encode(&odd, &mut all).unwrap();
    assert_eq!(decode(&all[0].octets).unwrap().ps_header.authorization_country_code, None);
    assert_eq!((numbers(&all), encoder.fields_cut()), (vec![0], 1));
    encoder.encode(&Record { mandate: Arc::clone(&odd.mandate), ..iri_record(1) }, &mut all).unwrap();
    assert_eq!(numbers(&all), [0, 1]);
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let mut pdus = Vec::new();
    encoder(Profile::Current).encode(&iri_record(1), &mut pdus).unwrap();
    let text = format!("{pdus:?}");
    assert!(!text.contains("LIID") && !text.contains("alice") && text.contains("Iri"), "{text}");
}
