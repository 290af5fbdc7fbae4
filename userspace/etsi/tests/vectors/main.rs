//! PDUs that two independent ASN.1 compilers encoded to the same octets: what each says, written down here as a value,
//! must encode to those octets, and they must decode to that value and encode back unchanged.
//!
//! The octets are those of `vectors.json`, which is not part of the tree: where it is at hand, in `WRIT_VECTORS` or in
//! `shared/spec` beside the checkout, not one of its vectors may be missing here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod octets;

use std::collections::BTreeMap;
use std::path::PathBuf;

use octets::VECTORS;
use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::*;

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn string(text: &str) -> OctetString {
    OctetString::from(text.as_bytes().to_vec())
}

fn header(profile: Profile, sequence_number: u32) -> PsHeader {
    PsHeader {
        li_ps_domain_id: profile.li_ps_domain_id(),
        lawful_interception_identifier: string("LIID-MAIL-0001"),
        authorization_country_code: Some("NL".to_owned().try_into().unwrap()),
        communication_identifier: CommunicationIdentifier {
            network_identifier: NetworkIdentifier {
                operator_identifier: string("OP001"),
                network_element_identifier: Some(string("mta1")),
                additions: Additions::NONE,
            },
            communication_identity_number: Some(42),
            delivery_country_code: Some("NL".to_owned().try_into().unwrap()),
            additions: Additions::NONE,
        },
        sequence_number,
        time_stamp: None,
        interception_point_id: Some("ip1".to_owned().try_into().unwrap()),
        micro_second_time_stamp: Some(stamp(123_456)),
        time_stamp_qualifier: Some(TimeStampQualifier::TimeOfInterception),
        additions: Additions::NONE,
    }
}

fn stamp(micro_seconds: u32) -> MicroSecondTimeStamp {
    MicroSecondTimeStamp { seconds: 1_351_782_000, micro_seconds, additions: Additions::NONE }
}

fn record(iri_type: IriType, iri_contents: IriContents) -> Payload {
    Payload::IriPayloadSequence(vec![IriPayload {
        iri_type: Some(iri_type),
        time_stamp: None,
        iri_contents,
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    }])
}

fn send_iri(profile: Profile) -> Payload {
    let client = IpAddress::host("192.0.2.10".parse().unwrap(), Some(IpAssignment::Dynamic));
    record(
        IriType::Continue,
        IriContents::EmailIri(Box::new(EmailIri {
            email_iri_obj_id: profile.object_id(ObjectIdOf::EmailIri),
            event_type: EmailEvent::Send,
            client_address: Some(client),
            server_address: Some(IpAddress::host("198.51.100.25".parse().unwrap(), None)),
            client_port: Some(51_234),
            server_port: Some(25),
            server_octets_sent: 312,
            client_octets_sent: 4096,
            protocol_id: EmailProtocol::Smtp,
            e_mail_sender: Some("alice@example.org".into()),
            e_mail_recipients: Some(vec!["bob@example.net".into(), "jürgen@example.net".into()]),
            status: EmailStatus::OperationSucceeded,
            total_recipient_count: Some(2),
            message_id: Some(string("<1234@example.org>")),
            national_parameter: None,
            national_em_asn1_parameters: None,
            aaa_information: Some(AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
                username: "alice".into(),
                auth_method: AaaAuthMethod::CramMd5,
                challenge: Some(string("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+")),
                response: Some(string("YWxpY2UgMDEyMw==")),
                aaa_result: Some(AaaResult::AaaSucceeded),
                additions: Additions::NONE,
            })),
            e_mail_sender_validity: Some(EmailSenderValidity::NonValidated),
            additions: Additions::NONE,
        })),
    )
}

fn cc_of_both_directions(profile: Profile) -> Payload {
    let piece = |direction, stamp, text| CcPayload {
        payload_direction: Some(direction),
        time_stamp: None,
        cc_contents: CcContents::EmailCc(EmailCc {
            email_cc_obj_id: profile.object_id(ObjectIdOf::EmailCc),
            email_format: EmailFormat::Application,
            content: string(text),
        }),
        micro_second_time_stamp: stamp,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    };
    Payload::CcPayloadSequence(vec![
        piece(PayloadDirection::FromTarget, None, "MAIL FROM:<alice@example.org>\r\n"),
        piece(PayloadDirection::ToTarget, Some(stamp(999_999)), "250 2.1.0 Ok\r\n"),
    ])
}

fn messaging_iri(profile: Profile) -> Payload {
    record(
        IriType::Report,
        IriContents::MessagingIri(Box::new(MessagingIri {
            messaging_iri_obj_id: profile.object_id(ObjectIdOf::MessagingIri),
            system_type: MessagingSystemType::UnifiedMessaging,
            system_identifier: None,
            category: Some(MessagingEventCategory::MessageBox(MessagingBoxEvent::GreetingPlay)),
            status: MessagingStatus::OperationSucceeded,
            party_information: Some(vec![MessagingPartyInformation {
                party_qualifier: MessagingPartyQualifier::Originating,
                party_identity: MessagingPartyIdentity::EmailAddress(vec!["alice@example.org".into()]),
                party_validity: None,
                copy_qualifier: None,
                additions: Additions::NONE,
            }]),
            trigger: MessagingTrigger::User,
            properties: Some(vec![
                MessagingProperty::Priority(MessagingPriority::High),
                MessagingProperty::Language(string("en")),
            ]),
            event_identifier: Some(5),
            original_message: None,
            box_identifier: None,
            total_recipient_count: None,
            additions: Additions::NONE,
        })),
    )
}

fn hash(profile: Profile) -> TriPayload {
    let (octets, hash_algorithm) = match profile {
        Profile::V331 => (20, None),
        Profile::Current => (32, Some(HashAlgorithm::Sha256)),
    };
    TriPayload::IntegrityCheck(IntegrityCheck {
        included_sequence_numbers: vec![0, 1, 2, 128, u32::MAX],
        check_type: CheckType::Hash,
        data_type: Some(DataType::Iri),
        check_value: (0..octets).collect::<Vec<u8>>().into(),
        hash_algorithm,
        signature_algorithm: None,
        additions: Additions::NONE,
    })
}

/// What the vector of that name says.
fn value(name: &str) -> (Profile, PsPdu) {
    let (versions, what) = name.split_once('/').unwrap();
    let profile = match versions {
        "A_email9_hdr14" => Profile::V331,
        "B_email20_hdr43" => Profile::Current,
        other => panic!("{other}: versions without a profile"),
    };
    let (sequence_number, payload) = match what {
        "smtp_send_iri" => (7, send_iri(profile)),
        "email_cc_application" => (3, cc_of_both_directions(profile)),
        "messaging_iri" => (7, messaging_iri(profile)),
        _ => {
            let payload = match what {
                "tri_keep-alive" => TriPayload::KeepAlive,
                "tri_keep-aliveResponse" => TriPayload::KeepAliveResponse,
                "tri_lastSegmentFlag" => TriPayload::LastSegmentFlag,
                "tri_cINReset" => TriPayload::CinReset,
                "tri_testPDU" => TriPayload::TestPdu,
                "tri_integrityCheck_hash" => hash(profile),
                "tri_optionRequest" => TriPayload::OptionRequest(OptionRequest {
                    requested_options: vec![TransportOption::PduAcknowledgement],
                    additions: Additions::NONE,
                }),
                other => panic!("{other}: no value is written down for it"),
            };
            (1, Payload::TriPayload(payload))
        }
    };
    (profile, PsPdu { ps_header: header(profile, sequence_number), payload })
}

#[test]
fn every_vector_is_the_octets_of_its_value_and_the_other_way_round() {
    for (name, hex) in VECTORS {
        let octets = octets(hex);
        let (profile, value) = value(name);
        assert_eq!(encode_as(profile, &value).unwrap(), octets, "{name}");
        assert_eq!(pdu_length(&octets).unwrap(), Some(octets.len()), "{name}");
        let decoded = decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(decoded == value, "{name}");
        assert_eq!(encode(&decoded).unwrap(), octets, "{name}");
    }
}

#[test]
fn no_vector_of_the_file_is_left_out() {
    let named = std::env::var_os("WRIT_VECTORS").map(PathBuf::from);
    let must = named.is_some();
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/vectors.json"));
    let path = named.unwrap_or_else(beside);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if must => panic!("WRIT_VECTORS: {}: {error}", path.display()),
        // The octets themselves are in the tree, and the test above is on all of them.
        Err(_) => return,
    };
    let file: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).expect("a JSON object");
    let here: BTreeMap<&str, &str> = VECTORS.iter().copied().collect();
    for (name, vector) in &file {
        assert_eq!(here.get(name.as_str()).copied(), vector["hex"].as_str(), "{name}");
    }
    assert_eq!(file.len(), here.len());
}
