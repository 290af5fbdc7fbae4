//! Any value within the constraints becomes octets that decode to the same value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod notation;

use notation::{messaging_iri, pdu};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use writ_etsi::asn1::{Additions, GeneralizedTime, OctetString, PrintableString, RawValue};
use writ_etsi::*;

fn string(size: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = OctetString> {
    vec(any::<u8>(), size).prop_map(OctetString::from)
}

fn printable(pattern: &'static str) -> impl Strategy<Value = PrintableString> {
    pattern.prop_map(|text: String| PrintableString::try_from(text).unwrap())
}

fn time() -> impl Strategy<Value = GeneralizedTime> {
    // Years 1970 to 2200, to the millisecond.
    (0i64..7_258_118_400, 0u32..1000).prop_map(|(seconds, millis)| {
        let epoch: GeneralizedTime = "1970-01-01T00:00:00Z".parse().unwrap();
        epoch + std::time::Duration::new(seconds.try_into().unwrap(), millis * 1_000_000)
    })
}

/// What a newer version might add after the last field: tags that no version has used.
fn additions() -> impl Strategy<Value = Additions> {
    vec((25u8..31, vec(any::<u8>(), 0..20)), 0..3).prop_map(|values| {
        let raw = values.into_iter().map(|(tag, contents)| {
            let mut octets = vec![0x80 | tag, contents.len() as u8];
            octets.extend(contents);
            RawValue::new(octets)
        });
        Additions::from(raw.collect::<Vec<_>>())
    })
}

/// A value with a name, or now and then one without.
macro_rules! enumeration {
    ($name:ty) => {
        prop_oneof![
            8 => proptest::sample::select(<$name>::NAMED),
            1 => any::<i64>().prop_map(<$name>::from_value),
        ]
    };
}

fn stamp() -> impl Strategy<Value = MicroSecondTimeStamp> {
    (any::<u64>(), 0u32..1_000_000, additions()).prop_map(|(seconds, micro_seconds, additions)| MicroSecondTimeStamp {
        seconds,
        micro_seconds,
        additions,
    })
}

fn header() -> impl Strategy<Value = PsHeader> {
    let network = (string(1..=16), of(string(1..=16)), additions());
    let communication = (network, of(any::<u32>()), of(printable("[A-Z]{2}")), additions());
    let rest = (of(time()), of(printable("[a-z]{1,8}")), of(stamp()), of(enumeration!(TimeStampQualifier)));
    ("[a-zA-Z0-9._-]{1,25}", of(printable("[A-Z]{2}")), communication, any::<u32>(), rest, additions()).prop_map(
        |(liid, country, communication, sequence_number, rest, additions)| PsHeader {
            li_ps_domain_id: Profile::Current.li_ps_domain_id(),
            lawful_interception_identifier: liid.into_bytes().into(),
            authorization_country_code: country,
            communication_identifier: CommunicationIdentifier {
                network_identifier: NetworkIdentifier {
                    operator_identifier: communication.0.0,
                    network_element_identifier: communication.0.1,
                    additions: communication.0.2,
                },
                communication_identity_number: communication.1,
                delivery_country_code: communication.2,
                additions: communication.3,
            },
            sequence_number,
            time_stamp: rest.0,
            interception_point_id: rest.1,
            micro_second_time_stamp: rest.2,
            time_stamp_qualifier: rest.3,
            additions,
        },
    )
}

fn address() -> impl Strategy<Value = IpAddress> {
    let host = (any::<std::net::IpAddr>(), of(enumeration!(IpAssignment)));
    (host, of(any::<bool>()), additions()).prop_map(|((host, assignment), ip_nat_translated, additions)| IpAddress {
        ip_nat_translated,
        additions,
        ..IpAddress::host(host, assignment)
    })
}

fn authentication() -> impl Strategy<Value = AaaInformation> {
    let password = (".{0,64}", of(".{0,64}"), of(enumeration!(AaaResult)), additions());
    let challenge =
        (".{0,64}", enumeration!(AaaAuthMethod), of(string(0..200)), of(string(0..200)), of(enumeration!(AaaResult)));
    prop_oneof![
        password.prop_map(|(username, password, aaa_result, additions)| {
            AaaInformation::Pop3AaaInformation(Pop3AaaInformation { username, password, aaa_result, additions })
        }),
        challenge.prop_map(|(username, auth_method, challenge, response, aaa_result)| {
            AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
                username,
                auth_method,
                challenge,
                response,
                aaa_result,
                additions: Additions::NONE,
            })
        }),
    ]
}

fn email_iri() -> impl Strategy<Value = EmailIri> {
    let ends = (of(address()), of(address()), of(any::<u32>()), of(any::<u32>()), any::<u64>(), any::<u64>());
    let addresses = (of(".{0,255}"), of(vec(".{0,40}", 0..20)), of(any::<u32>()));
    let identifiers = (of(string(0..300)), of(string(0..10)), of(printable("[A-Z]{2}")), of(authentication()));
    let kinds = (
        enumeration!(EmailEvent),
        enumeration!(EmailProtocol),
        enumeration!(EmailStatus),
        of(enumeration!(EmailSenderValidity)),
    );
    (ends, addresses, identifiers, kinds, additions()).prop_map(|(ends, addresses, identifiers, kinds, additions)| {
        EmailIri {
            email_iri_obj_id: Profile::Current.object_id(ObjectIdOf::EmailIri),
            event_type: kinds.0,
            client_address: ends.0,
            server_address: ends.1,
            client_port: ends.2,
            server_port: ends.3,
            server_octets_sent: ends.4,
            client_octets_sent: ends.5,
            protocol_id: kinds.1,
            e_mail_sender: addresses.0,
            e_mail_recipients: addresses.1,
            status: kinds.2,
            total_recipient_count: addresses.2,
            message_id: identifiers.0,
            national_parameter: identifiers.1,
            national_em_asn1_parameters: identifiers
                .2
                .map(|country_code| NationalEmAsn1Parameters { country_code, additions: Additions::NONE }),
            aaa_information: identifiers.3,
            e_mail_sender_validity: kinds.3,
            additions,
        }
    })
}

fn messaging() -> impl Strategy<Value = MessagingIri> {
    let identity = prop_oneof![
        string(1..=9).prop_map(MessagingPartyIdentity::Msisdn),
        vec(".{0,30}", 0..4).prop_map(MessagingPartyIdentity::EmailAddress),
        address().prop_map(MessagingPartyIdentity::IpAddress),
        (address(), any::<u32>()).prop_map(|(ip_address, port)| MessagingPartyIdentity::IpAddressAndPort(
            IpAddressAndPort { ip_address, port }
        )),
    ];
    let party =
        (enumeration!(MessagingPartyQualifier), identity, of(enumeration!(MessagingCopyQualifier)), additions())
            .prop_map(|(party_qualifier, party_identity, copy_qualifier, additions)| MessagingPartyInformation {
                party_qualifier,
                party_identity,
                party_validity: None,
                copy_qualifier,
                additions,
            });
    let property = prop_oneof![
        string(1..=32).prop_map(MessagingProperty::Pincode),
        enumeration!(MessagingPriority).prop_map(MessagingProperty::Priority),
        ".{0,30}".prop_map(MessagingProperty::Subject),
        time().prop_map(MessagingProperty::Expires),
    ];
    let category = prop_oneof![
        enumeration!(MessagingEvent).prop_map(MessagingEventCategory::Message),
        enumeration!(MessagingBoxEvent).prop_map(MessagingEventCategory::MessageBox),
    ];
    (of(category), enumeration!(MessagingStatus), of(vec(party, 0..4)), of(vec(property, 0..5)), of(any::<u32>()))
        .prop_map(|(category, status, party_information, properties, event_identifier)| MessagingIri {
            category,
            status,
            party_information,
            properties,
            event_identifier,
            ..messaging_iri()
        })
}

fn iri() -> impl Strategy<Value = Payload> {
    let contents = prop_oneof![
        email_iri().prop_map(|iri| IriContents::EmailIri(Box::new(iri))),
        messaging().prop_map(|iri| IriContents::MessagingIri(Box::new(iri))),
        string(0..50).prop_map(IriContents::UndefinedIri),
    ];
    let record = (of(enumeration!(IriType)), of(time()), contents, of(stamp()), additions()).prop_map(
        |(iri_type, time_stamp, iri_contents, micro_second_time_stamp, additions)| IriPayload {
            iri_type,
            time_stamp,
            iri_contents,
            micro_second_time_stamp,
            time_stamp_qualifier: None,
            additions,
        },
    );
    vec(record, 0..4).prop_map(Payload::IriPayloadSequence)
}

fn cc() -> impl Strategy<Value = Payload> {
    let email = (enumeration!(EmailFormat), string(0..2_000)).prop_map(|(email_format, content)| {
        CcContents::EmailCc(EmailCc {
            email_cc_obj_id: Profile::V331.object_id(ObjectIdOf::EmailCc),
            email_format,
            content,
        })
    });
    let message = (any::<u32>(), of(any::<u32>()), any::<bool>(), string(0..30), string(0..2_000)).prop_map(
        |(event_identifier, sequence_number, end_of_sequence, content_type, content)| {
            CcContents::MessagingCc(Box::new(MessagingCc {
                messaging_cc_obj_id: Profile::V331.object_id(ObjectIdOf::MessagingCc),
                event_identifier,
                content_identifier: None,
                sequence_number,
                end_of_sequence,
                content_type,
                content,
                content_transfer_encoding: None,
                additions: Additions::NONE,
            }))
        },
    );
    let piece = (of(enumeration!(PayloadDirection)), prop_oneof![email, message], of(stamp()), additions()).prop_map(
        |(payload_direction, cc_contents, micro_second_time_stamp, additions)| CcPayload {
            payload_direction,
            time_stamp: None,
            cc_contents,
            micro_second_time_stamp,
            time_stamp_qualifier: None,
            additions,
        },
    );
    vec(piece, 0..4).prop_map(Payload::CcPayloadSequence)
}

fn transport() -> impl Strategy<Value = Payload> {
    let check = (
        vec(any::<u32>(), 0..50),
        enumeration!(CheckType),
        of(enumeration!(DataType)),
        string(0..80),
        of(enumeration!(HashAlgorithm)),
    )
        .prop_map(|(included_sequence_numbers, check_type, data_type, check_value, hash_algorithm)| {
            TriPayload::IntegrityCheck(IntegrityCheck {
                included_sequence_numbers,
                check_type,
                data_type,
                check_value,
                hash_algorithm,
                signature_algorithm: None,
                additions: Additions::NONE,
            })
        });
    let words = (enumeration!(MessagePriority), string(1..=255)).prop_map(|(message_priority, message)| {
        TriPayload::OperatorLeaMessage(OperatorLeaMessage { message_priority, message, additions: Additions::NONE })
    });
    prop_oneof![check, words, Just(TriPayload::KeepAlive), string(0..100).prop_map(TriPayload::PaddingPdu)]
        .prop_map(Payload::TriPayload)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_value_survives_the_wire(ps_header in header(), payload in prop_oneof![iri(), cc(), transport()]) {
        let value = PsPdu { ps_header, payload };
        let octets = encode(&value).unwrap();
        prop_assert_eq!(pdu_length(&octets), Ok(Some(octets.len())));
        prop_assert!(decode(&octets).unwrap() == value);
    }

    #[test]
    fn integers_at_their_bounds(seconds in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()]) {
        let mut value = pdu(Payload::TriPayload(TriPayload::TestPdu));
        value.ps_header.micro_second_time_stamp =
            Some(MicroSecondTimeStamp { seconds, micro_seconds: 999_999, additions: Additions::NONE });
        prop_assert!(decode(&encode(&value).unwrap()).unwrap() == value);
    }
}
