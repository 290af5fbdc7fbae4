//! PDUs for people, and files of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::json;
use support::*;
use writ_etsi::asn1::{Additions, OctetString, RawValue};
use writ_etsi::*;
use writ_lemf::{DecodeSummary, End, decode_reader, show};

#[test]
fn every_field_has_its_name() {
    let mut sender = Sender::new("MAIL-0001", 7);
    let mut pdu = sender.event(EmailEvent::Send, IriType::Continue);
    if let Payload::IriPayloadSequence(records) = &mut pdu.payload
        && let IriContents::EmailIri(iri) = &mut records[0].iri_contents
    {
        iri.message_id = Some(OctetString::from(&b"<\xff>"[..]));
        iri.aaa_information = Some(AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
            username: "alice".into(),
            auth_method: AaaAuthMethod::CramMd5,
            challenge: None,
            response: Some(OctetString::from(&b"YQ=="[..])),
            aaa_result: Some(AaaResult::Unrecognised(9)),
            additions: Additions::NONE,
        }));
        iri.additions = Additions::from(vec![RawValue::new(vec![0x99, 0x01, 0x41])]);
    }
    let value = show::json(&pdu);
    assert_eq!(
        value,
        json!({
            "pSHeader": {
                "li-psDomainId": "0.4.0.2.2.5.1.43",
                "lawfulInterceptionIdentifier": "MAIL-0001",
                "communicationIdentifier": {
                    "networkIdentifier": { "operatorIdentifier": "OP" },
                    "communicationIdentityNumber": 7
                },
                "sequenceNumber": 0,
                "microSecondTimeStamp": {
                    "seconds": 1_767_225_601, "microSeconds": 250_000, "time": "2026-01-01T00:00:01.250000Z"
                },
                "timeStampQualifier": "timeOfInterception"
            },
            "payload": { "iRIPayloadSequence": [{
                "iRIType": "iRI-Continue",
                "iRIContents": { "emailIRI": {
                    "emailIRIObjId": "5.2.20.1",
                    "eventType": "e-mail-send",
                    "client-Address": { "iP-type": "iPV4", "iP-value": { "iPBinaryAddress": "192.0.2.10" } },
                    "server-Address": {
                        "iP-type": "iPV6", "iP-value": { "iPBinaryAddress": "2001:db8::25" }, "iPv6PrefixLength": 128
                    },
                    "client-Port": 51234,
                    "server-Port": 25,
                    "server-Octets-Sent": 312,
                    "client-Octets-Sent": 4096,
                    "protocol-ID": "smtp",
                    "e-mail-Sender": "alice@example.org",
                    "e-mail-Recipients": ["bob@example.net", "jürgen@example.net"],
                    "status": "operation-succeeded",
                    "total-Recipient-Count": 2,
                    "message-ID": { "hex": "3cff3e" },
                    "aAAInformation": { "aSMTPAAAInformation": {
                        "username": "alice", "authMethod": "cramMD5", "response": "YQ==", "aAAResult": 9
                    } },
                    "unrecognised-additions": [{ "hex": "990141" }]
                } }
            }] }
        })
    );
    // The order is that of the module.
    let text = show::json_line(&value);
    assert!(text.starts_with(r#"{"pSHeader":{"li-psDomainId":"#), "{text}");
    assert!(text.find("eventType").unwrap() < text.find("client-Address").unwrap());
}

#[test]
fn the_listing_shows_nesting_lines_and_hex() {
    let mut sender = Sender::new("L", 1);
    let text = show::text(&sender.cc_from_target(b"MAIL FROM:<a@b>\r\nbare\nnone"));
    assert!(text.starts_with("PS-PDU\n  pSHeader\n    li-psDomainId: 0.4.0.2.2.5.1.43\n"), "{text}");
    let content = "            content: 26 octets of text\n\
        \x20             | MAIL FROM:<a@b>\n\
        \x20             | bare\\n\n\
        \x20             | none (no end of line)\n";
    assert!(text.ends_with(content), "{text}");
    let text = show::text(&sender.cc_from_target(&[0xff; 33]));
    assert!(text.ends_with(&format!("| {}\n{}| ff\n", "ff".repeat(32), " ".repeat(14))), "{text}");
    let text = show::text(&sender.keep_alive(0));
    assert!(text.ends_with("  payload\n    tRIPayload\n      keep-alive\n"), "{text}");
}

#[test]
fn one_line_says_what_it_is() {
    let mut sender = Sender::new("L", 1);
    assert_eq!(
        show::line(&sender.cc_to_target(b"250 ok\r\n")),
        "2026-01-01T00:00:01.250000Z L cin 1 seq 0 CC toTarget application 8 octets"
    );
    assert_eq!(show::line(&sender.keep_alive(3)), "2026-01-01T00:00:02.250000Z L cin 1 seq 3 TRI keep-alive");
    let mut long = sender.event(EmailEvent::Send, IriType::Continue);
    if let Payload::IriPayloadSequence(records) = &mut long.payload
        && let IriContents::EmailIri(iri) = &mut records[0].iri_contents
    {
        iri.e_mail_sender = Some("\u{1b}[2J\n".repeat(10_000));
    }
    let line = show::line(&long);
    assert!(line.len() < 1000 && !line.contains(['\u{1b}', '\n']), "{line}");
}

fn decoded(octets: &[u8]) -> (DecodeSummary, Vec<u64>) {
    let mut offsets = vec![];
    let summary = decode_reader(octets, |found| {
        offsets.push(found.offset);
        ControlFlow::Continue(())
    });
    (summary.unwrap(), offsets)
}

#[test]
fn files_are_read_to_their_end_or_to_where_they_stop_making_sense() {
    let pdus = data_session(&mut Sender::new("L", 1), b"x\r\n", 100);
    let whole = octets(&pdus);
    let (summary, offsets) = decoded(&whole);
    assert!(summary.is_clean());
    assert_eq!((summary.decoded, summary.octets, offsets.len()), (7, whole.len() as u64, 7));
    assert_eq!(offsets[1], encode(&pdus[0]).unwrap().len() as u64);

    // Cut off.
    let (summary, _) = decoded(&whole[..whole.len() - 3]);
    let last = encode(&pdus[6]).unwrap().len();
    let offset = (whole.len() - last) as u64;
    assert_eq!(summary.end, End::CutOff { offset, present: last - 3, expected: Some(last) });
    assert_eq!(summary.decoded, 6);
    assert_eq!(
        summary.end.to_string(),
        format!("offset {offset}: expected a whole PDU, found {} octets of it ({last} in all)", last - 3)
    );

    // Something else in between.
    let mut broken = whole.clone();
    broken.splice(offsets[2] as usize..offsets[2] as usize, *b"xyz");
    let (summary, _) = decoded(&broken);
    assert_eq!(summary.decoded, 2);
    let expected = format!("offset {}: expected a PS-PDU (SEQUENCE, 30), found an octet 78", offsets[2]);
    assert_eq!(summary.end.to_string(), expected);

    // A frame that holds something else: the rest is read.
    let mut odd = whole.clone();
    odd.splice(offsets[2] as usize..offsets[2] as usize, [0x30, 0x02, 0x05, 0x00]);
    let (summary, _) = decoded(&odd);
    assert_eq!((summary.decoded, summary.malformed, summary.end), (7, 1, End::Whole));

    assert_eq!(decoded(b"").0, DecodeSummary { decoded: 0, malformed: 0, octets: 0, end: End::Whole });
}

#[test]
fn a_claimed_length_reserves_nothing() {
    // 16 MiB announced, nothing there.
    let (summary, _) = decoded(&[0x30, 0x83, 0xff, 0xff, 0x00]);
    assert_eq!(summary.end, End::CutOff { offset: 0, present: 5, expected: Some(0xff_ff00 + 5) });
    let (summary, _) = decoded(&[0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(summary.end, End::NoPdu { offset: 0, .. }));
}

#[test]
fn reading_stops_when_asked() {
    let whole = octets(&data_session(&mut Sender::new("L", 1), b"x\r\n", 100));
    let summary = decode_reader(&whole[..], |_| ControlFlow::Break(())).unwrap();
    assert_eq!(summary.decoded, 1);
    assert!(matches!(summary.end, End::Stopped { offset } if offset > 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn whatever_decodes_is_shown_and_never_obeyed(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut octets = octets(&data_session(&mut Sender::new("L", 1), "x\u{9b}\r\n".as_bytes(), 3));
        for (at, value) in changes {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        let summary = decode_reader(&octets[..], |found| {
            if let Ok(pdu) = &found.pdu {
                let value = show::json(pdu);
                for text in [show::json_line(&value), show::line(pdu)] {
                    assert!(!text.chars().any(char::is_control), "{text:?}");
                }
                for text in [show::json_pretty(&value), show::text(pdu)] {
                    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
                }
                assert_eq!(serde_json::from_str::<serde_json::Value>(&show::json_line(&value)).unwrap(), value);
            }
            ControlFlow::Continue(())
        });
        prop_assert!(summary.is_ok());
    }
}
