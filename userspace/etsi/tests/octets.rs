//! Each type against octets written down by hand from the tables of TS 102 232-1 and -2: the value encodes to the
//! octets, and the octets decode to the value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod notation;

use notation::*;
use writ_etsi::asn1::{Additions, Ia5String, OctetString, PrintableString, RelativeOid};
use writ_etsi::*;

#[track_caller]
fn agree(payload_octets: &str, payload: Payload) {
    let expected = octets(&format!("30 {{ {HEADER} {payload_octets} }}"));
    let value = pdu(payload);
    let encoded = encode(&value).unwrap();
    assert_eq!(encoded, expected, "{encoded:02x?}");
    assert!(decode(&expected).unwrap() == value);
}

fn string(text: &str) -> OctetString {
    OctetString::from(text.as_bytes())
}

fn tri(payload: TriPayload) -> Payload {
    Payload::TriPayload(payload)
}

#[track_caller]
fn agree_email_iri(fields: &str, value: EmailIri) {
    agree(
        &format!("a2 {{ a0 {{ 30 {{ 80 {{01}} a2 {{ a1 {{ {fields} }} }} }} }} }}"),
        iri(IriContents::EmailIri(Box::new(value))),
    );
}

#[test]
fn every_field_of_the_header() {
    let expected = octets(
        "30 { a1 { 80 {04000202 05010e} 81 {4c31} 82 {4e4c} \
         a3 { a0 { 80 {4f} 81 {6d7461} } 81 {00ffffffff} 82 {4445} } 84 {0080} \
         85 {32303132313130313135303030302e3132335a} 86 {697031} \
         a7 { 80 {50928e70} 81 {0f423f} } 88 {01} } a2 { a2 { 81 {} } } }",
    );
    let printable = |text: &str| Some(PrintableString::try_from(text.to_string()).unwrap());
    let mut value = pdu(tri(TriPayload::TestPdu));
    value.ps_header = PsHeader {
        li_ps_domain_id: Profile::V331.li_ps_domain_id(),
        authorization_country_code: printable("NL"),
        communication_identifier: CommunicationIdentifier {
            network_identifier: NetworkIdentifier {
                operator_identifier: string("O"),
                network_element_identifier: Some(string("mta")),
                additions: Additions::NONE,
            },
            communication_identity_number: Some(u32::MAX),
            delivery_country_code: printable("DE"),
            additions: Additions::NONE,
        },
        sequence_number: 128,
        time_stamp: Some("2012-11-01T15:00:00.123Z".parse().unwrap()),
        interception_point_id: printable("ip1"),
        micro_second_time_stamp: Some(MicroSecondTimeStamp {
            seconds: 1_351_782_000,
            micro_seconds: 999_999,
            additions: Additions::NONE,
        }),
        time_stamp_qualifier: Some(TimeStampQualifier::TimeOfInterception),
        ..header()
    };
    assert_eq!(encode(&value).unwrap(), expected);
    assert!(decode(&expected).unwrap() == value);
}

#[test]
fn transport_payloads_that_are_null() {
    agree("a2 04 a2 02 81 00", tri(TriPayload::TestPdu));
    agree("a2 04 a2 02 83 00", tri(TriPayload::KeepAlive));
    agree("a2 04 a2 02 84 00", tri(TriPayload::KeepAliveResponse));
    agree("a2 04 a2 02 85 00", tri(TriPayload::FirstSegmentFlag));
    agree("a2 04 a2 02 86 00", tri(TriPayload::LastSegmentFlag));
    agree("a2 04 a2 02 87 00", tri(TriPayload::CinReset));
    agree("a2 04 a2 02 8b 00", tri(TriPayload::OptionComplete));
    agree("a2 04 a2 02 8c 00", tri(TriPayload::PduAcknowledgementRequest));
    agree("a2 04 a2 02 8d 00", tri(TriPayload::PduAcknowledgementResponse));
}

#[test]
fn padding() {
    agree("a2 06 a2 04 82 02 0000", tri(TriPayload::PaddingPdu(OctetString::from(&[0, 0][..]))));
}

#[test]
fn integrity_check() {
    let check = |check_type, hash_algorithm, signature_algorithm| {
        tri(TriPayload::IntegrityCheck(IntegrityCheck {
            included_sequence_numbers: vec![0, 128],
            check_type,
            data_type: Some(DataType::Cc),
            check_value: OctetString::from(&[0xab, 0xcd][..]),
            hash_algorithm,
            signature_algorithm,
            additions: Additions::NONE,
        }))
    };
    agree(
        "a2 { a2 { a0 { a0 { 02 {00} 02 {0080} } 81 {01} 82 {02} 83 {abcd} } } }",
        check(CheckType::Hash, None, None),
    );
    agree(
        "a2 { a2 { a0 { a0 { 02 {00} 02 {0080} } 81 {01} 82 {02} 83 {abcd} 84 {02} } } }",
        check(CheckType::Hash, Some(HashAlgorithm::Sha256), None),
    );
    agree(
        "a2 { a2 { a0 { a0 { 02 {00} 02 {0080} } 81 {02} 82 {02} 83 {abcd} 84 {04} 85 {03} } } }",
        check(CheckType::Signature, Some(HashAlgorithm::Sha512), Some(SignatureAlgorithm::EdDsa)),
    );
}

#[test]
fn operator_message() {
    agree(
        "a2 { a2 { a8 { 80 {01} 81 {6f6b} } } }",
        tri(TriPayload::OperatorLeaMessage(OperatorLeaMessage {
            message_priority: MessagePriority::Error,
            message: string("ok"),
            additions: Additions::NONE,
        })),
    );
}

#[test]
fn options() {
    let acknowledgement = || vec![TransportOption::PduAcknowledgement];
    agree(
        "a2 { a2 { a9 { a0 { 80 {} } } } }",
        tri(TriPayload::OptionRequest(OptionRequest {
            requested_options: acknowledgement(),
            additions: Additions::NONE,
        })),
    );
    agree(
        "a2 { a2 { aa { a0 { 80 {} } a1 {} } } }",
        tri(TriPayload::OptionResponse(OptionResponse {
            accepted_options: acknowledgement(),
            declined_options: vec![],
            additions: Additions::NONE,
        })),
    );
}

#[test]
fn encryption_container() {
    agree(
        "a2 { a4 { 80 {04} 81 {01020304} 82 {02} } }",
        Payload::EncryptionContainer(EncryptionContainer {
            encryption_type: EncryptionType::Aes256Cbc,
            encrypted_payload: OctetString::from(&[1, 2, 3, 4][..]),
            encrypted_payload_type: Some(EncryptedPayloadType::Part2),
            additions: Additions::NONE,
        }),
    );
}

#[test]
fn contents_that_no_standard_defines() {
    agree("a2 { a0 { 30 { 80 {01} a2 { 80 {78} } } } }", iri(IriContents::UndefinedIri(string("x"))));
    agree("a2 { a1 { 30 { 80 {01} a2 { 80 {78} } } } }", cc(CcContents::UndefinedCc(string("x"))));
}

#[test]
fn email_iri_with_what_it_must_have() {
    agree_email_iri(EMAIL_IRI, email_iri());
}

#[test]
fn email_iri_with_everything() {
    agree_email_iri(
        "80 {05020901} 81 {01} \
         a2 { 81 {00} a2 { 81 {c0000201} } 83 {01} } \
         a3 { 81 {01} a2 { 81 {20010db8000000000000000000000001} } 84 {0080} } \
         84 {00c822} 85 {19} 86 {0138} 87 {1000} 88 {01} 89 {6140622e63} \
         aa { 0c {c3a940622e63} 0c {} } 8b {03} 8c {02} 8d {3c3140623e} 8e {00ff} \
         af { 81 {4e4c} } b0 { a0 { 80 {61} 81 {70} 82 {03} } } 91 {00}",
        EmailIri {
            email_iri_obj_id: RelativeOid::new(&[5, 2, 9, 1]),
            event_type: EmailEvent::Send,
            client_address: Some(IpAddress::host("192.0.2.1".parse().unwrap(), Some(IpAssignment::Static))),
            server_address: Some(IpAddress::host("2001:db8::1".parse().unwrap(), None)),
            client_port: Some(51234),
            server_port: Some(25),
            server_octets_sent: 312,
            client_octets_sent: 4096,
            protocol_id: EmailProtocol::Smtp,
            e_mail_sender: Some("a@b.c".into()),
            e_mail_recipients: Some(vec!["é@b.c".into(), "".into()]),
            status: EmailStatus::OperationSucceeded,
            total_recipient_count: Some(2),
            message_id: Some(string("<1@b>")),
            national_parameter: Some(OctetString::from(&[0, 0xff][..])),
            national_em_asn1_parameters: Some(NationalEmAsn1Parameters {
                country_code: PrintableString::try_from("NL".to_string()).unwrap(),
                additions: Additions::NONE,
            }),
            aaa_information: Some(AaaInformation::Pop3AaaInformation(Pop3AaaInformation {
                username: "a".into(),
                password: Some("p".into()),
                aaa_result: Some(AaaResult::AaaSucceeded),
                additions: Additions::NONE,
            })),
            e_mail_sender_validity: Some(EmailSenderValidity::Validated),
            additions: Additions::NONE,
        },
    );
}

#[test]
fn authentication_by_each_protocol() {
    agree_email_iri(
        &format!("{EMAIL_IRI} b0 {{ a1 {{ 80 {{61}} 81 {{01}} 82 {{6140}} 83 {{6a}} 84 {{02}} }} }}"),
        EmailIri {
            aaa_information: Some(AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
                username: "a".into(),
                auth_method: AaaAuthMethod::Undefined,
                challenge: Some(string("a@")),
                response: Some(string("j")),
                aaa_result: Some(AaaResult::AaaFailed),
                additions: Additions::NONE,
            })),
            ..email_iri()
        },
    );
    agree_email_iri(
        &format!("{EMAIL_IRI} b0 {{ a2 {{ 80 {{61}} }} }}"),
        EmailIri {
            aaa_information: Some(AaaInformation::ImapAaaInformation(ImapAaaInformation {
                username: "a".into(),
                password: None,
                aaa_result: None,
                additions: Additions::NONE,
            })),
            ..email_iri()
        },
    );
}

#[test]
fn an_address_in_text_with_its_mask() {
    agree_email_iri(
        "80 {05021401} 81 {05} a2 { 81 {00} a2 { 82 {3139322e302e322e31} } 85 {ffffff00} 86 {ff} } \
         86 {00} 87 {00c8} 88 {00ff} 8b {01}",
        EmailIri {
            client_address: Some(IpAddress {
                ip_type: IpType::Ipv4,
                ip_value: IpValue::Text(Ia5String::try_from("192.0.2.1".to_string()).unwrap()),
                ip_assignment: None,
                ipv6_prefix_length: None,
                ipv4_subnet_mask: Some(OctetString::from(&[255, 255, 255, 0][..])),
                ip_nat_translated: Some(true),
                additions: Additions::NONE,
            }),
            ..email_iri()
        },
    );
}

#[test]
fn time_stamps_of_single_records() {
    let stamp = MicroSecondTimeStamp { seconds: 1, micro_seconds: 2, additions: Additions::NONE };
    let time = Some("2026-01-01T00:00:00Z".parse().unwrap());
    agree(
        "a2 { a0 { 30 { 80 {04} 81 {32303236303130313030303030305a} a2 { 80 {} } a3 { 80 {01} 81 {02} } 84 {03} } } }",
        Payload::IriPayloadSequence(vec![IriPayload {
            iri_type: Some(IriType::Report),
            time_stamp: time,
            iri_contents: IriContents::UndefinedIri(string("")),
            micro_second_time_stamp: Some(stamp.clone()),
            time_stamp_qualifier: Some(TimeStampQualifier::TimeOfAggregation),
            additions: Additions::NONE,
        }]),
    );
    agree(
        "a2 { a1 { 30 { 80 {03} 81 {32303236303130313030303030305a} a2 { 80 {} } a3 { 80 {01} 81 {02} } 84 {02} } } }",
        Payload::CcPayloadSequence(vec![CcPayload {
            payload_direction: Some(PayloadDirection::Combined),
            time_stamp: time,
            cc_contents: CcContents::UndefinedCc(string("")),
            micro_second_time_stamp: Some(stamp),
            time_stamp_qualifier: Some(TimeStampQualifier::TimeOfMediation),
            additions: Additions::NONE,
        }]),
    );
}

#[test]
fn email_cc() {
    agree(
        "a2 { a1 { 30 { 80 {01} a2 { a1 { 80 {05021402} 81 {02} 82 {515549540d0a} } } } } }",
        cc(CcContents::EmailCc(EmailCc {
            email_cc_obj_id: Profile::Current.object_id(ObjectIdOf::EmailCc),
            email_format: EmailFormat::Application,
            content: string("QUIT\r\n"),
        })),
    );
}

#[test]
fn messaging_cc() {
    let value = |end_of_sequence, rest: bool| {
        cc(CcContents::MessagingCc(Box::new(MessagingCc {
            messaging_cc_obj_id: Profile::Current.object_id(ObjectIdOf::MessagingCc),
            event_identifier: 5,
            content_identifier: rest.then_some(1),
            sequence_number: rest.then_some(0),
            end_of_sequence,
            content_type: string("a/b"),
            content: string("x"),
            content_transfer_encoding: rest.then(|| string("8bit")),
            additions: Additions::NONE,
        })))
    };
    // `end-of-sequence DEFAULT FALSE` is left out when false.
    agree("a2 { a1 { 30 { 80 {01} a2 { ae { 80 {05021404} 81 {05} 85 {612f62} 86 {78} } } } } }", value(false, false));
    agree(
        "a2 { a1 { 30 { 80 {01} a2 { ae { 80 {05021404} 81 {05} 82 {01} 83 {00} 84 {ff} 85 {612f62} 86 {78} \
         87 {38626974} } } } } }",
        value(true, true),
    );
}

#[track_caller]
fn agree_messaging_iri(fields: &str, value: MessagingIri) {
    agree(
        &format!("a2 {{ a0 {{ 30 {{ 80 {{01}} a2 {{ ae {{ {fields} }} }} }} }} }}"),
        iri(IriContents::MessagingIri(Box::new(value))),
    );
}

#[test]
fn messaging_iri_with_and_without_its_options() {
    agree_messaging_iri("80 {05021403} 81 {01} 84 {06} 86 {03}", messaging_iri());
    agree_messaging_iri(
        "80 {05021403} 81 {01} 82 {73} a3 { 81 {12} } 84 {06} a5 {} 86 {03} a7 {} 88 {05} 89 {6d} 8a {62} 8b {03}",
        MessagingIri {
            system_identifier: Some(string("s")),
            category: Some(MessagingEventCategory::MessageBox(MessagingBoxEvent::GreetingPlay)),
            party_information: Some(vec![]),
            properties: Some(vec![]),
            event_identifier: Some(5),
            original_message: Some(string("m")),
            box_identifier: Some(string("b")),
            total_recipient_count: Some(3),
            ..messaging_iri()
        },
    );
}

#[test]
fn categories_of_messaging_events() {
    for (octets, category) in [
        ("80 {07}", MessagingEventCategory::Message(MessagingEvent::Contact)),
        ("81 {00}", MessagingEventCategory::MessageBox(MessagingBoxEvent::Unknown)),
        ("82 {06}", MessagingEventCategory::MessageNotification(MessagingNotificationEvent::FaxToEmail)),
        ("83 {01}", MessagingEventCategory::Call(MessagingCallEvent::Callout)),
    ] {
        agree_messaging_iri(
            &format!("80 {{05021403}} 81 {{01}} a3 {{ {octets} }} 84 {{06}} 86 {{03}}"),
            MessagingIri { category: Some(category), ..messaging_iri() },
        );
    }
}

#[test]
fn parties_to_a_message() {
    use MessagingPartyIdentity as Identity;
    let v4 = || IpAddress::host("192.0.2.1".parse().unwrap(), None);
    for (octets, identity) in [
        ("80 {31}", Identity::Msisdn(string("1"))),
        ("81 {32}", Identity::E164Format(string("2"))),
        ("a2 { 0c {6140} 0c {6240} }", Identity::EmailAddress(vec!["a@".into(), "b@".into()])),
        ("a3 { 81 {00} a2 { 81 {c0000201} } }", Identity::IpAddress(v4())),
        ("84 {78}", Identity::Alphanumeric("x".into())),
        (
            "a5 { a0 { 81 {00} a2 { 81 {c0000201} } } 81 {19} }",
            Identity::IpAddressAndPort(IpAddressAndPort { ip_address: v4(), port: 25 }),
        ),
        ("86 {010203}", Identity::Imsi(OctetString::from(&[1, 2, 3][..]))),
        ("87 {0102030405060708}", Identity::Imei(OctetString::from(&[1, 2, 3, 4, 5, 6, 7, 8][..]))),
        ("88 {61}", Identity::FaxUrl(string("a"))),
        ("89 {61}", Identity::TelUrl(string("a"))),
        ("8a {61}", Identity::ModemUrl(string("a"))),
        ("8b {61}", Identity::SipUri(string("a"))),
        ("8c {61}", Identity::SipsUri(string("a"))),
        ("8d {61}", Identity::Nai(string("a"))),
    ] {
        agree_messaging_iri(
            &format!(
                "80 {{05021403}} 81 {{01}} 84 {{06}} \
                 a5 {{ 30 {{ 80 {{02}} a1 {{ {octets} }} 82 {{01}} 83 {{03}} }} }} 86 {{03}}"
            ),
            MessagingIri {
                party_information: Some(vec![MessagingPartyInformation {
                    party_qualifier: MessagingPartyQualifier::Terminating,
                    party_identity: identity,
                    party_validity: Some(MessagingPartyValidity::Trusted),
                    copy_qualifier: Some(MessagingCopyQualifier::Bcc),
                    additions: Additions::NONE,
                }]),
                ..messaging_iri()
            },
        );
    }
}

#[test]
fn properties_of_a_message() {
    use MessagingProperty as Property;
    let time = || "2026-01-01T00:00:00Z".parse().unwrap();
    agree_messaging_iri(
        "80 {05021403} 81 {01} 84 {06} 86 {03} a7 { \
         80 {31323334} 81 {04} 82 {05} 83 {0c} 84 {656e} 85 {6d} 86 {73} 87 {75} 88 {70} 89 {0a} 8a {03} \
         8b {32303236303130313030303030305a} 8c {32303236303130313030303030305a} }",
        MessagingIri {
            properties: Some(vec![
                Property::Pincode(string("1234")),
                Property::Priority(MessagingPriority::Private),
                Property::GreetingType(MessagingGreetingType::Number),
                Property::NotificationType(MessagingNotificationType::NewMessageReminder),
                Property::Language(string("en")),
                Property::MessageIdentifier(string("m")),
                Property::Subject("s".into()),
                Property::UserAgent("u".into()),
                Property::Password(string("p")),
                Property::MessageStatus(MessagingMessageStatus::DeliveryConditionNotMet),
                Property::RequestedReports(MessagingRequestedReports::DeliveryAndRead),
                Property::Expires(time()),
                Property::MessageDate(time()),
            ]),
            ..messaging_iri()
        },
    );
}

#[test]
fn object_identifiers_name_the_module_version() {
    for (of, last) in [
        (ObjectIdOf::EmailIri, 1),
        (ObjectIdOf::EmailCc, 2),
        (ObjectIdOf::MessagingIri, 3),
        (ObjectIdOf::MessagingCc, 4),
        (ObjectIdOf::MessagingMmCc, 5),
    ] {
        assert_eq!(Profile::V331.object_id(of).octets(), [5, 2, 9, last]);
        assert_eq!(Profile::Current.object_id(of).octets(), [5, 2, 0x14, last]);
    }
}
