//! Any value within the constraints becomes octets that decode to the same value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod notation;

use notation::pdu;
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
    prop_oneof![4 => Just(Additions::NONE), 1 => vec(raw(), 1..3).prop_map(Additions::from)]
}

/// A value under a tag that no version has used.
fn raw() -> impl Strategy<Value = RawValue> {
    (25u8..31, vec(any::<u8>(), 0..20)).prop_map(|(tag, contents)| {
        let mut octets = vec![0x80 | tag, contents.len() as u8];
        octets.extend(contents);
        RawValue::new(octets)
    })
}

/// A value of a module that is not read here, under its own tag.
fn other_module(tag: u8) -> impl Strategy<Value = RawValue> {
    vec(any::<u8>(), 0..100).prop_map(move |contents| {
        let mut octets = vec![tag, contents.len() as u8 + 2, 0x04, contents.len() as u8];
        octets.extend(contents);
        RawValue::new(octets)
    })
}

/// Numbers of every length.
fn number() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0u32..32).prop_map(|(number, shift)| number >> shift)
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::V331), Just(Profile::Current)]
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
    let named = (profile(), "[a-zA-Z0-9._-]{1,25}");
    (named, of(printable("[A-Z]{2}")), communication, any::<u32>(), rest, additions()).prop_map(
        |((profile, liid), country, communication, sequence_number, rest, additions)| PsHeader {
            li_ps_domain_id: profile.li_ps_domain_id(),
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
    let host =
        (any::<std::net::IpAddr>(), of(enumeration!(IpAssignment))).prop_map(|(ip, how)| IpAddress::host(ip, how));
    let value = prop_oneof![
        string(4..=16).prop_map(IpValue::Binary),
        "[0-9a-f.:]{7,45}".prop_map(|text: String| IpValue::Text(text.try_into().unwrap())),
        raw().prop_map(IpValue::Unrecognised),
    ];
    let whole = (enumeration!(IpType), value, of(1u32..=128), of(string(4..=4))).prop_map(
        |(ip_type, ip_value, ipv6_prefix_length, ipv4_subnet_mask)| IpAddress {
            ip_type,
            ip_value,
            ip_assignment: None,
            ipv6_prefix_length,
            ipv4_subnet_mask,
            ip_nat_translated: None,
            additions: Additions::NONE,
        },
    );
    (prop_oneof![host, whole], of(any::<bool>()), additions())
        .prop_map(|(address, ip_nat_translated, additions)| IpAddress { ip_nat_translated, additions, ..address })
}

fn authentication() -> impl Strategy<Value = AaaInformation> {
    let password = || (".{0,64}", of(".{0,64}"), of(enumeration!(AaaResult)), additions());
    let challenge = (
        ".{0,64}",
        enumeration!(AaaAuthMethod),
        of(string(0..200)),
        of(string(0..200)),
        of(enumeration!(AaaResult)),
        additions(),
    );
    prop_oneof![
        password().prop_map(|(username, password, aaa_result, additions)| {
            AaaInformation::Pop3AaaInformation(Pop3AaaInformation { username, password, aaa_result, additions })
        }),
        password().prop_map(|(username, password, aaa_result, additions)| {
            AaaInformation::ImapAaaInformation(ImapAaaInformation { username, password, aaa_result, additions })
        }),
        challenge.prop_map(|(username, auth_method, challenge, response, aaa_result, additions)| {
            AaaInformation::AsmtpAaaInformation(AsmtpAaaInformation {
                username,
                auth_method,
                challenge,
                response,
                aaa_result,
                additions,
            })
        }),
        raw().prop_map(AaaInformation::Unrecognised),
    ]
}

fn email_iri() -> impl Strategy<Value = EmailIri> {
    let ends = (of(address()), of(address()), of(any::<u32>()), of(any::<u32>()), any::<u64>(), any::<u64>());
    let addresses = (of(".{0,255}"), of(vec(".{0,40}", 0..20)), of(any::<u32>()));
    let national = (printable("[A-Z]{2}"), additions())
        .prop_map(|(country_code, additions)| NationalEmAsn1Parameters { country_code, additions });
    let identifiers = (of(string(0..300)), of(string(0..10)), of(national), of(authentication()));
    let kinds = (
        profile(),
        enumeration!(EmailEvent),
        enumeration!(EmailProtocol),
        enumeration!(EmailStatus),
        of(enumeration!(EmailSenderValidity)),
    );
    (ends, addresses, identifiers, kinds, additions()).prop_map(|(ends, addresses, identifiers, kinds, additions)| {
        EmailIri {
            email_iri_obj_id: kinds.0.object_id(ObjectIdOf::EmailIri),
            event_type: kinds.1,
            client_address: ends.0,
            server_address: ends.1,
            client_port: ends.2,
            server_port: ends.3,
            server_octets_sent: ends.4,
            client_octets_sent: ends.5,
            protocol_id: kinds.2,
            e_mail_sender: addresses.0,
            e_mail_recipients: addresses.1,
            status: kinds.3,
            total_recipient_count: addresses.2,
            message_id: identifiers.0,
            national_parameter: identifiers.1,
            national_em_asn1_parameters: identifiers.2,
            aaa_information: identifiers.3,
            e_mail_sender_validity: kinds.4,
            additions,
        }
    })
}

fn party() -> impl Strategy<Value = MessagingPartyInformation> {
    let identity = prop_oneof![
        string(1..=9).prop_map(MessagingPartyIdentity::Msisdn),
        string(1..=25).prop_map(MessagingPartyIdentity::E164Format),
        vec(".{0,30}", 0..4).prop_map(MessagingPartyIdentity::EmailAddress),
        address().prop_map(MessagingPartyIdentity::IpAddress),
        ".{0,30}".prop_map(MessagingPartyIdentity::Alphanumeric),
        (address(), any::<u32>()).prop_map(|(ip_address, port)| MessagingPartyIdentity::IpAddressAndPort(
            IpAddressAndPort { ip_address, port }
        )),
        string(3..=8).prop_map(MessagingPartyIdentity::Imsi),
        string(8..=8).prop_map(MessagingPartyIdentity::Imei),
        string(0..40).prop_map(MessagingPartyIdentity::FaxUrl),
        string(0..40).prop_map(MessagingPartyIdentity::TelUrl),
        string(0..40).prop_map(MessagingPartyIdentity::ModemUrl),
        string(0..40).prop_map(MessagingPartyIdentity::SipUri),
        string(0..40).prop_map(MessagingPartyIdentity::SipsUri),
        string(0..40).prop_map(MessagingPartyIdentity::Nai),
        raw().prop_map(MessagingPartyIdentity::Unrecognised),
    ];
    let of_profile = (of(enumeration!(MessagingPartyValidity)), of(enumeration!(MessagingCopyQualifier)));
    (enumeration!(MessagingPartyQualifier), identity, of_profile, additions()).prop_map(
        |(party_qualifier, party_identity, (party_validity, copy_qualifier), additions)| MessagingPartyInformation {
            party_qualifier,
            party_identity,
            party_validity,
            copy_qualifier,
            additions,
        },
    )
}

fn property() -> impl Strategy<Value = MessagingProperty> {
    prop_oneof![
        string(1..=32).prop_map(MessagingProperty::Pincode),
        enumeration!(MessagingPriority).prop_map(MessagingProperty::Priority),
        enumeration!(MessagingGreetingType).prop_map(MessagingProperty::GreetingType),
        enumeration!(MessagingNotificationType).prop_map(MessagingProperty::NotificationType),
        string(0..10).prop_map(MessagingProperty::Language),
        string(0..60).prop_map(MessagingProperty::MessageIdentifier),
        ".{0,30}".prop_map(MessagingProperty::Subject),
        ".{0,30}".prop_map(MessagingProperty::UserAgent),
        string(0..30).prop_map(MessagingProperty::Password),
        enumeration!(MessagingMessageStatus).prop_map(MessagingProperty::MessageStatus),
        enumeration!(MessagingRequestedReports).prop_map(MessagingProperty::RequestedReports),
        time().prop_map(MessagingProperty::Expires),
        time().prop_map(MessagingProperty::MessageDate),
        raw().prop_map(MessagingProperty::Unrecognised),
    ]
}

fn messaging() -> impl Strategy<Value = MessagingIri> {
    let category = prop_oneof![
        enumeration!(MessagingEvent).prop_map(MessagingEventCategory::Message),
        enumeration!(MessagingBoxEvent).prop_map(MessagingEventCategory::MessageBox),
        enumeration!(MessagingNotificationEvent).prop_map(MessagingEventCategory::MessageNotification),
        enumeration!(MessagingCallEvent).prop_map(MessagingEventCategory::Call),
        raw().prop_map(MessagingEventCategory::Unrecognised),
    ];
    let kinds = (
        profile(),
        enumeration!(MessagingSystemType),
        of(category),
        enumeration!(MessagingStatus),
        enumeration!(MessagingTrigger),
    );
    let lists = (of(vec(party(), 0..4)), of(vec(property(), 0..5)));
    let identifiers = (of(string(0..40)), of(any::<u32>()), of(string(0..2_000)), of(string(0..40)), of(any::<u32>()));
    (kinds, lists, identifiers, additions()).prop_map(|(kinds, lists, identifiers, additions)| MessagingIri {
        messaging_iri_obj_id: kinds.0.object_id(ObjectIdOf::MessagingIri),
        system_type: kinds.1,
        system_identifier: identifiers.0,
        category: kinds.2,
        status: kinds.3,
        party_information: lists.0,
        trigger: kinds.4,
        properties: lists.1,
        event_identifier: identifiers.1,
        original_message: identifiers.2,
        box_identifier: identifiers.3,
        total_recipient_count: identifiers.4,
        additions,
    })
}

fn iri() -> impl Strategy<Value = Payload> {
    let contents = prop_oneof![
        email_iri().prop_map(|iri| IriContents::EmailIri(Box::new(iri))),
        messaging().prop_map(|iri| IriContents::MessagingIri(Box::new(iri))),
        string(0..50).prop_map(IriContents::UndefinedIri),
        raw().prop_map(IriContents::Unrecognised),
    ];
    let stamps = (of(time()), of(stamp()), of(enumeration!(TimeStampQualifier)));
    let record = (of(enumeration!(IriType)), stamps, contents, additions()).prop_map(
        |(iri_type, (time_stamp, micro_second_time_stamp, time_stamp_qualifier), iri_contents, additions)| IriPayload {
            iri_type,
            time_stamp,
            iri_contents,
            micro_second_time_stamp,
            time_stamp_qualifier,
            additions,
        },
    );
    vec(record, 0..4).prop_map(Payload::IriPayloadSequence)
}

fn email_cc() -> impl Strategy<Value = EmailCc> {
    // Across the lengths at which a length takes an octet more.
    let content = prop_oneof![string(0..2_000), string(90..300), string(65_400..65_600)];
    (profile(), enumeration!(EmailFormat), content).prop_map(|(profile, email_format, content)| EmailCc {
        email_cc_obj_id: profile.object_id(ObjectIdOf::EmailCc),
        email_format,
        content,
    })
}

fn messaging_cc() -> impl Strategy<Value = MessagingCc> {
    let numbers = (any::<u32>(), of(any::<u32>()), of(any::<u32>()), any::<bool>());
    let contents = (string(0..30), string(0..2_000), of(string(0..20)));
    (profile(), numbers, contents, additions()).prop_map(|(profile, numbers, contents, additions)| MessagingCc {
        messaging_cc_obj_id: profile.object_id(ObjectIdOf::MessagingCc),
        event_identifier: numbers.0,
        content_identifier: numbers.1,
        sequence_number: numbers.2,
        end_of_sequence: numbers.3,
        content_type: contents.0,
        content: contents.1,
        content_transfer_encoding: contents.2,
        additions,
    })
}

fn cc() -> impl Strategy<Value = Payload> {
    let contents = prop_oneof![
        4 => email_cc().prop_map(CcContents::EmailCc),
        4 => messaging_cc().prop_map(|cc| CcContents::MessagingCc(Box::new(cc))),
        1 => string(0..50).prop_map(CcContents::UndefinedCc),
        1 => other_module(0x30).prop_map(CcContents::MessagingMmCc),
        1 => raw().prop_map(CcContents::Unrecognised),
    ];
    let stamps = (of(time()), of(stamp()), of(enumeration!(TimeStampQualifier)));
    let piece = (of(enumeration!(PayloadDirection)), stamps, contents, additions()).prop_map(
        |(payload_direction, (time_stamp, micro_second_time_stamp, time_stamp_qualifier), cc_contents, additions)| {
            CcPayload {
                payload_direction,
                time_stamp,
                cc_contents,
                micro_second_time_stamp,
                time_stamp_qualifier,
                additions,
            }
        },
    );
    vec(piece, 0..4).prop_map(Payload::CcPayloadSequence)
}

fn options() -> impl Strategy<Value = Vec<TransportOption>> {
    vec(prop_oneof![Just(TransportOption::PduAcknowledgement), raw().prop_map(TransportOption::Unrecognised)], 0..3)
}

fn integrity_check() -> impl Strategy<Value = IntegrityCheck> {
    let kinds = (
        enumeration!(CheckType),
        of(enumeration!(DataType)),
        of(enumeration!(HashAlgorithm)),
        of(enumeration!(SignatureAlgorithm)),
    );
    (vec(any::<u32>(), 0..50), kinds, string(0..80), additions()).prop_map(
        |(included_sequence_numbers, kinds, check_value, additions)| IntegrityCheck {
            included_sequence_numbers,
            check_type: kinds.0,
            data_type: kinds.1,
            check_value,
            hash_algorithm: kinds.2,
            signature_algorithm: kinds.3,
            additions,
        },
    )
}

/// One of each alternative of `TRIPayload`.
fn transport() -> impl Strategy<Value = Payload> {
    let words = (enumeration!(MessagePriority), string(1..=255), additions()).prop_map(
        |(message_priority, message, additions)| {
            TriPayload::OperatorLeaMessage(OperatorLeaMessage { message_priority, message, additions })
        },
    );
    let request = (options(), additions()).prop_map(|(requested_options, additions)| {
        TriPayload::OptionRequest(OptionRequest { requested_options, additions })
    });
    let response = (options(), options(), additions()).prop_map(|(accepted_options, declined_options, additions)| {
        TriPayload::OptionResponse(OptionResponse { accepted_options, declined_options, additions })
    });
    let nothing = proptest::sample::select(vec![
        TriPayload::TestPdu,
        TriPayload::KeepAlive,
        TriPayload::KeepAliveResponse,
        TriPayload::FirstSegmentFlag,
        TriPayload::LastSegmentFlag,
        TriPayload::CinReset,
        TriPayload::OptionComplete,
        TriPayload::PduAcknowledgementRequest,
        TriPayload::PduAcknowledgementResponse,
    ]);
    prop_oneof![
        2 => integrity_check().prop_map(TriPayload::IntegrityCheck),
        2 => words,
        1 => request,
        1 => response,
        3 => nothing,
        1 => string(0..100).prop_map(TriPayload::PaddingPdu),
        1 => raw().prop_map(TriPayload::Unrecognised),
    ]
    .prop_map(Payload::TriPayload)
}

fn others() -> impl Strategy<Value = Payload> {
    let container =
        (enumeration!(EncryptionType), string(0..2_000), of(enumeration!(EncryptedPayloadType)), additions()).prop_map(
            |(encryption_type, encrypted_payload, encrypted_payload_type, additions)| {
                Payload::EncryptionContainer(EncryptionContainer {
                    encryption_type,
                    encrypted_payload,
                    encrypted_payload_type,
                    additions,
                })
            },
        );
    prop_oneof![
        3 => container,
        1 => other_module(0xa1).prop_map(Payload::Hi1Operation),
        1 => raw().prop_map(Payload::Unrecognised),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![3 => iri(), 3 => cc(), 2 => transport(), 1 => others()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_value_survives_the_wire(ps_header in header(), payload in payload()) {
        let value = PsPdu { ps_header, payload };
        let octets = encode(&value).unwrap();
        prop_assert_eq!(pdu_length(&octets), Ok(Some(octets.len())));
        prop_assert!(decode(&octets).unwrap() == value);
    }

    /// What a profile does not have is refused, and what it has is the same in both.
    #[test]
    fn a_profile_refuses_or_encodes_the_same(ps_header in header(), payload in payload()) {
        let value = PsPdu { ps_header, payload };
        prop_assert!(encode_as(Profile::Current, &value) == encode(&value));
        match encode_as(Profile::V331, &value) {
            Ok(octets) => prop_assert!(decode(&octets).unwrap() == value),
            Err(error) => prop_assert!(matches!(error, EncodeError::NotInProfile { .. }), "{}", error),
        }
    }

    /// Numbers are set one after another in the same header, so that each finds what the one before left.
    #[test]
    fn a_patched_header_and_what_is_written_behind_it_are_octet_for_octet_the_general_encoders(
        ps_header in header(),
        profile in profile(),
        steps in vec((number(), number(), any::<u64>().prop_map(|at| at >> (at & 63)), 0u32..1_000_000, payload()), 1..4),
    ) {
        let Ok(mut encoded) = EncodedHeader::new(profile, ps_header.clone()) else {
            let value = PsPdu { ps_header, payload: Payload::TriPayload(TriPayload::TestPdu) };
            prop_assert!(encode_as(profile, &value).is_err());
            return Ok(());
        };
        let mut value = PsPdu { ps_header, payload: Payload::TriPayload(TriPayload::TestPdu) };
        for (cin, sequence_number, seconds, micro_seconds, payload) in steps {
            value.payload = payload;
            prop_assert!(encoded.pdu(&value.payload) == encode_as(profile, &value));
            encoded.set(cin, sequence_number, seconds, micro_seconds).unwrap();
            let header = &mut value.ps_header;
            header.communication_identifier.communication_identity_number = Some(cin);
            header.sequence_number = sequence_number;
            let additions = Additions::NONE;
            header.micro_second_time_stamp = Some(MicroSecondTimeStamp { seconds, micro_seconds, additions });
            prop_assert!(encoded.pdu(&value.payload) == encode_as(profile, &value));
        }
    }

    #[test]
    fn an_encrypted_payload_survives(byte_counter in any::<u64>(), payload in payload(), additions in additions()) {
        let value = EncryptedPayload { byte_counter, payload, additions };
        let octets = encode_encrypted_payload(&value).unwrap();
        prop_assert!(decode_encrypted_payload(&octets).unwrap() == value);
        // What a block cipher fills its last block with is not part of it.
        let padded = [octets.as_slice(), &[7; 7]].concat();
        prop_assert!(decode_encrypted_payload(&padded).unwrap() == value);
    }

    #[test]
    fn integers_at_their_bounds(seconds in prop_oneof![Just(u64::MAX), Just(0), any::<u64>()]) {
        let mut value = pdu(Payload::TriPayload(TriPayload::TestPdu));
        value.ps_header.micro_second_time_stamp =
            Some(MicroSecondTimeStamp { seconds, micro_seconds: 999_999, additions: Additions::NONE });
        prop_assert!(decode(&encode(&value).unwrap()).unwrap() == value);
    }
}
