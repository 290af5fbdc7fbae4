//! Any valid BER decodes, what a newer sender adds is kept, and what is no PDU is told apart with an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod notation;

use notation::*;
use writ_etsi::asn1::OctetString;
use writ_etsi::*;

fn whole(payload: &str) -> Vec<u8> {
    octets(&format!("30 {{ {HEADER} {payload} }}"))
}

fn email_content(pdu: &PsPdu) -> Vec<u8> {
    let Payload::CcPayloadSequence(pieces) = &pdu.payload else { panic!("expected CC") };
    let CcContents::EmailCc(cc) = &pieces[0].cc_contents else { panic!("expected e-mail") };
    cc.content.to_vec()
}

#[test]
fn lengths_longer_than_they_need_be() {
    let octets = octets(
        "30 83 00002a  a1 81 1b  80 81 07 04000202 05012b  81 02 4c31  a3 08 a0 03 80 01 4f 81 01 07  84 01 00 \
         a2 84 00000006 a2 82 0002 83 00",
    );
    assert_eq!(pdu_length(&octets).unwrap(), Some(octets.len()));
    assert!(decode(&octets).unwrap() == pdu(Payload::TriPayload(TriPayload::KeepAlive)));
}

#[test]
fn indefinite_lengths_at_every_level() {
    let octets = octets(
        "30 80 a1 80 80 {04000202 05012b} 81 {4c31} a3 80 a0 80 80 {4f} 0000 81 {07} 0000 84 {00} 0000 \
         a2 80 a2 80 83 {} 0000 0000 0000",
    );
    assert_eq!(pdu_length(&octets).unwrap(), Some(octets.len()));
    assert!(decode(&octets).unwrap() == pdu(Payload::TriPayload(TriPayload::KeepAlive)));
}

#[test]
fn strings_in_pieces() {
    let pieces = whole(
        "a2 { a1 { 30 { 80 {01} a2 { a1 { 80 {05021402} 81 {02} a2 80 04 {5155} 24 80 04 {49} 0000 04 {540d0a} 0000 } } } } }",
    );
    assert_eq!(email_content(&decode(&pieces).unwrap()), b"QUIT\r\n");
    let pieces =
        whole("a2 { a1 { 30 { 80 {01} a2 { a1 { 80 {05021402} 81 {02} a2 { 04 {5155} 04 {49540d0a} } } } } } }");
    assert_eq!(email_content(&decode(&pieces).unwrap()), b"QUIT\r\n");
}

#[test]
fn integers_with_needless_sign_octets() {
    let padded = octets(
        "30 { a1 { 80 {04000202 05012b} 81 {4c31} a3 { a0 { 80 {4f} } 81 {000000000007} } 84 {0000} } a2 { a2 { 83 {} } } }",
    );
    assert!(decode(&padded).unwrap() == pdu(Payload::TriPayload(TriPayload::KeepAlive)));
}

#[test]
fn true_is_any_octet_but_zero() {
    let octets = whole("a2 { a1 { 30 { 80 {01} a2 { ae { 80 {05021404} 81 {05} 84 {01} 85 {} 86 {} } } } } }");
    let Payload::CcPayloadSequence(pieces) = decode(&octets).unwrap().payload else { panic!("expected CC") };
    let CcContents::MessagingCc(cc) = &pieces[0].cc_contents else { panic!("expected messaging") };
    assert!(cc.end_of_sequence);
}

#[test]
fn sizes_past_the_constraint_are_read_and_not_written() {
    let liid = "61".repeat(26);
    let octets = octets(&format!(
        "30 {{ a1 {{ 80 {{04000202 05012b}} 81 {{{liid}}} a3 {{ a0 {{ 80 {{4f}} }} }} 84 {{00}} }} a2 {{ a2 {{ 83 {{}} }} }} }}"
    ));
    let pdu = decode(&octets).unwrap();
    assert_eq!(pdu.ps_header.lawful_interception_identifier.len(), 26);
    assert_eq!(
        encode(&pdu),
        Err(EncodeError::Size { field: "lawfulInterceptionIdentifier", min: 1, max: 25, actual: 26 })
    );
}

#[test]
fn additions_of_a_newer_version_are_kept() {
    // [9] and [10] after the header's last field, [18] after the EmailIRI's, [6] in an address, [5] in a record.
    let octets = octets(&format!(
        "30 {{ a1 {{ 80 {{04000202 05012c}} 81 {{4c31}} a3 {{ a0 {{ 80 {{4f}} 85 {{01}} }} 89 {{}} }} 84 {{00}} 89 {{61}} aa {{ 80 {{}} }} }} \
         a2 {{ a0 {{ 30 {{ 80 {{01}} a2 {{ a1 {{ {EMAIL_IRI} 92 {{00}} }} }} 85 {{78}} }} }} }} }}"
    ));
    let pdu = decode(&octets).unwrap();
    let additions: Vec<&[u8]> = pdu.ps_header.additions.values().iter().map(|value| value.octets()).collect();
    assert_eq!(additions, [&[0x89, 1, b'a'][..], &[0xaa, 2, 0x80, 0]]);
    assert_eq!(encode(&pdu).unwrap(), octets);
}

#[test]
fn alternatives_of_a_newer_version_are_kept() {
    for payload in [
        "a2 { a7 { 80 {01} } }",                         // of Payload
        "a2 { a3 { a0 { 80 {01} } } }",                  // hI1-Operation, which is not defined here
        "a2 { a2 { 9f 2a {01} } }",                      // of TRIPayload, [42]
        "a2 { a2 { a9 { a0 { 81 {} } } } }",             // of Option
        "a2 { a0 { 30 { a2 { a2 { 80 {01} } } } } }",    // of IRIContents
        "a2 { a1 { 30 { a2 { b2 { 80 {01} } } } } }",    // messagingMMCC, whose fields are not defined here
        "a2 { a1 { 30 { a2 { bf 21 { 80 {01} } } } } }", // of CCContents, [33]
    ] {
        let octets = whole(payload);
        let pdu = decode(&octets).unwrap_or_else(|error| panic!("{payload}: {error}"));
        assert_eq!(encode(&pdu).unwrap(), octets, "{payload}");
    }
}

#[test]
fn values_without_a_name_are_kept() {
    let octets = whole("a2 { a0 { 30 { 80 {09} a2 { 80 {} } } } }");
    let pdu = decode(&octets).unwrap();
    let Payload::IriPayloadSequence(records) = &pdu.payload else { panic!("expected IRI") };
    assert_eq!(records[0].iri_type, Some(IriType::Unrecognised(9)));
    assert_eq!(encode(&pdu).unwrap(), octets);
}

#[test]
fn what_is_no_pdu() {
    for (octets, field) in [
        (vec![0x30, 0x00], "PsPdu.ps_header"),
        (octets(&format!("30 {{ {HEADER} }}")), "PsPdu.payload"),
        (octets("30 { a1 { 80 {04000202 05012b} } a2 { a2 { 83 {} } } }"), "PsHeader.lawful_interception_identifier"),
        (
            octets("30 { a1 { 80 {04000202 05012b} 81 {4c31} a3 { a0 { 80 {4f} } } 84 {ff} } a2 { a2 { 83 {} } } }"),
            "PsHeader.sequence_number",
        ),
        // More than 32 bits.
        (
            octets(
                "30 { a1 { 80 {04000202 05012b} 81 {4c31} a3 { a0 { 80 {4f} } } 84 {0100000000} } a2 { a2 { 83 {} } } }",
            ),
            "PsHeader.sequence_number",
        ),
        // A sender that is no UTF-8.
        (
            whole("a2 { a0 { 30 { a2 { a1 { 80 {05021401} 81 {05} 86 {00} 87 {00} 88 {01} 89 {ff} 8b {01} } } } } }"),
            "EmailIri.e_mail_sender",
        ),
        // Nothing follows the two fields of a PS-PDU, which has no extension marker.
        (whole("a2 { a2 { 83 {} } } 85 {}"), "PsPdu"),
    ] {
        match decode(&octets) {
            Err(DecodeError::Value { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn errors_quote_nothing_from_the_wire() {
    let octets = whole("a2 { a0 { 30 { 81 {616c696365} a2 { 80 {} } } } }");
    let error = decode(&octets).unwrap_err();
    assert_eq!(error.to_string(), "IriPayload.time_stamp: expected a GeneralizedTime");
    assert!(!format!("{error:?}").contains("alice"));
}

#[test]
fn debug_shows_neither_identity_nor_content() {
    let mut value = pdu(cc(CcContents::EmailCc(EmailCc {
        email_cc_obj_id: Profile::Current.object_id(ObjectIdOf::EmailCc),
        email_format: EmailFormat::Application,
        content: OctetString::from(&b"SECRET"[..]),
    })));
    value.ps_header.lawful_interception_identifier = OctetString::from(&b"SECRET"[..]);
    for text in [format!("{value:?}"), format!("{:?}", value.ps_header), format!("{:?}", value.payload)] {
        assert!(!text.contains("SECRET") && !text.contains("83, 69"), "{text}");
    }
}

#[test]
fn constraints_on_encoding() {
    let refused = |change: &dyn Fn(&mut EmailIri)| {
        let mut value = email_iri();
        change(&mut value);
        encode(&pdu(iri(IriContents::EmailIri(Box::new(value))))).err()
    };
    let size = |field, max, actual| Some(EncodeError::Size { field, min: 0, max, actual });
    assert_eq!(refused(&|iri| iri.e_mail_sender = Some("é".repeat(255))), None, "characters count, not octets");
    assert_eq!(refused(&|iri| iri.e_mail_sender = Some("é".repeat(256))), size("e-mail-Sender", 255, 256));
    assert_eq!(refused(&|iri| iri.e_mail_recipients = Some(vec!["a".into(); 1023])), None);
    assert_eq!(
        refused(&|iri| iri.e_mail_recipients = Some(vec!["a".into(); 1024])),
        size("e-mail-Recipients", 1023, 1024)
    );
    assert_eq!(
        refused(&|iri| {
            let mut address = IpAddress::host("2001:db8::1".parse().unwrap(), None);
            address.ipv6_prefix_length = Some(129);
            iri.client_address = Some(address);
        }),
        Some(EncodeError::Range { field: "iPv6PrefixLength", min: 1, max: 128 })
    );
    let mut value = pdu(Payload::TriPayload(TriPayload::KeepAlive));
    value.ps_header.lawful_interception_identifier = OctetString::from(&b"L 1"[..]);
    assert!(matches!(encode(&value), Err(EncodeError::Alphabet { .. })));
}

#[test]
fn the_older_profile_has_no_newer_fields() {
    let refused = |payload: Payload| encode_as(Profile::V331, &pdu(payload)).err();
    let not = |item| Some(EncodeError::NotInProfile { item });
    assert_eq!(refused(Payload::TriPayload(TriPayload::KeepAlive)), None);
    assert_eq!(refused(Payload::TriPayload(TriPayload::OptionComplete)), not("optionComplete"));
    let mail = |change: &dyn Fn(&mut EmailIri)| {
        let mut value = email_iri();
        change(&mut value);
        iri(IriContents::EmailIri(Box::new(value)))
    };
    assert_eq!(refused(mail(&|_| ())), None);
    assert_eq!(refused(mail(&|iri| iri.protocol_id = EmailProtocol::Webmail)), not("webmail"));
    let lost = iri(IriContents::MessagingIri(Box::new(messaging_iri())));
    assert_eq!(refused(lost.clone()), not("operation-lost"));
    assert!(encode_as(Profile::Current, &pdu(lost)).is_ok());
}

mod frame {
    use super::*;

    #[test]
    fn a_pdu_is_found_octet_by_octet() {
        let first = whole("a2 { a2 { 83 {} } }");
        let indefinite = octets("30 80 a1 80 80 { 04 } 0000 a2 80 82 {0000} 0000 0000");
        let stream = [first.clone(), indefinite.clone(), first.clone()].concat();
        let mut scanner = FrameScanner::new(1000);
        let mut found = vec![];
        let mut buffer = vec![];
        let mut length = None;
        for octet in stream {
            buffer.push(octet);
            if length.is_none() {
                length = scanner.length(&buffer).unwrap();
            }
            if length.is_some_and(|length| buffer.len() == length) {
                found.push(std::mem::take(&mut buffer));
                length = None;
            }
        }
        assert_eq!(found, [first.clone(), indefinite, first]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_definite_length_is_known_before_the_pdu_is_there() {
        assert_eq!(pdu_length(&[0x30]), Ok(None));
        assert_eq!(pdu_length(&[0x30, 0x82, 0x01]), Ok(None));
        assert_eq!(pdu_length(&[0x30, 0x82, 0x01, 0x00]), Ok(Some(260)));
    }

    #[test]
    fn lengths_beyond_the_limit_are_refused_at_once() {
        let too_long = |octets: &[u8]| matches!(pdu_length(octets), Err(FrameError::TooLong { .. }));
        assert!(too_long(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]));
        assert!(too_long(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
        assert!(too_long(&[&[0x30, 0x90][..], &[0xff; 16]].concat()));
        assert!(too_long(&[0x30, 0x80, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xff]));
    }

    #[test]
    fn an_endless_indefinite_length_is_refused_at_the_limit() {
        let mut scanner = FrameScanner::new(10_000);
        let mut buffer = vec![0x30, 0x80];
        let error = loop {
            buffer.extend([0x05, 0x00]);
            match scanner.length(&buffer) {
                Ok(None) => assert!(buffer.len() <= 10_004),
                Ok(Some(_)) => panic!("there is no end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, FrameError::TooLong { max: 10_000 });
    }

    #[test]
    fn what_starts_no_pdu() {
        assert_eq!(pdu_length(b"GET / HTTP/1.1"), Err(FrameError::NotASequence { found: b'G' }));
        assert_eq!(pdu_length(&[0x30, 0xff]), Err(FrameError::Length { at: 1 }));
        assert_eq!(pdu_length(&[0x30, 0x80, 0x04, 0x80]), Err(FrameError::Length { at: 3 }));
        assert_eq!(pdu_length(&[]), Ok(None));
    }
}
