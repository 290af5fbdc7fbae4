//! Every value of the standard, in both profiles.

use super::*;

#[test]
fn every_word_has_the_number_and_the_name_that_it_has_in_the_module() {
    macro_rules! same {
        ($($said:ty => $etsi:ty),+ $(,)?) => {$(
            let said: Vec<_> = <$said>::ALL.iter().map(|word| (word.number(), Some(word.name()))).collect();
            let etsi: Vec<_> = <$etsi>::NAMED.iter().map(|word| (word.value(), word.name())).collect();
            assert_eq!(said, etsi, stringify!($said));
        )+};
    }
    same! {
        MessageEvent => MessagingEvent,
        BoxEvent => MessagingBoxEvent,
        NotificationEvent => MessagingNotificationEvent,
        said::CallEvent => MessagingCallEvent,
        Status => MessagingStatus,
        said::Qualifier => MessagingPartyQualifier,
        said::Validity => MessagingPartyValidity,
        said::CopyQualifier => MessagingCopyQualifier,
        said::Trigger => MessagingTrigger,
        said::Priority => MessagingPriority,
        said::GreetingType => MessagingGreetingType,
        NotificationType => MessagingNotificationType,
        said::MessageStatus => MessagingMessageStatus,
        said::RequestedReports => MessagingRequestedReports,
    }
    for word in PayloadDirection::ALL {
        assert_eq!(direction(*word).name(), Some(word.name()));
    }
}

#[test]
fn numbers_are_written_as_map_and_isup_write_them() {
    let number = |text| Number::parse(text).unwrap();
    assert_eq!(&address_string(&number("+31612345678"))[..], [0x91, 0x13, 0x16, 0x32, 0x54, 0x76, 0xf8]);
    assert_eq!(address_string(&number("123456789012345")).len(), 9, "the longest fits");
    assert_eq!(&party_number(&number("+31612345678"))[..], [0x84, 0x13, 0x13, 0x16, 0x32, 0x54, 0x76, 0x08]);
    assert_eq!(&party_number(&number("12345678"))[..], [0x04, 0x13, 0x21, 0x43, 0x65, 0x87]);
    assert_eq!(tbcd("204080123456789"), [0x02, 0x04, 0x08, 0x21, 0x43, 0x65, 0x87, 0xf9]);
    assert_eq!(&imei("35145120840121")[..], [0x53, 0x41, 0x15, 0x02, 0x48, 0x10, 0x12, 0xff]);
}

/// One of each property; those before the last seven are in both profiles.
fn properties() -> Vec<Property<Content, Secret>> {
    use writ_intercept::record::Deliver;
    let warrant = writ_intercept::Warrant {
        mandate: std::sync::Arc::new(writ_intercept::record::Mandate {
            liid: "W".into(),
            authorization_country: "NL".into(),
            lemf: 0,
        }),
        start: writ_wire::Time::MIN,
        end: writ_wire::Time::MAX,
        deliver: Deliver::IriAndCc,
        cc_format: writ_intercept::record::CcFormat::Application,
        authentication_data: writ_intercept::warrant::AuthenticationData::Full,
        report_failed_sends: false,
        form: writ_intercept::address::Form::default(),
        targets: Vec::new(),
        revoked: false.into(),
    };
    let (content, secret) = (warrant.grant().unwrap(), warrant.secret_grant().unwrap());
    let time = writ_wire::Time::from_parts(1_795_342_500, 0);
    vec![
        Property::Pincode(secret.secret("4711".into())),
        Property::Priority(said::Priority::High),
        Property::GreetingType(said::GreetingType::Name),
        Property::NotificationType(NotificationType::LostCall),
        Property::Language("nl".into()),
        Property::NotificationType(NotificationType::ReadReport),
        Property::MessageIdentifier("<1@a>".into()),
        Property::Subject(content.content(bytes::Bytes::from_static("hëllo".as_bytes()))),
        Property::UserAgent("agent".into()),
        Property::Password(secret.secret("geheim".into())),
        Property::MessageStatus(said::MessageStatus::Read),
        Property::RequestedReports(said::RequestedReports::Delivery),
        Property::Expires(time),
        Property::MessageDate(time),
    ]
}

fn identities() -> Vec<Identity> {
    let number = || Number::parse("+31612345678").unwrap();
    vec![
        Identity::Msisdn(number()),
        Identity::E164(number()),
        Identity::EmailAddress(vec!["a@b".into(), "c@d".into()]),
        Identity::IpAddress("192.0.2.1".parse().unwrap()),
        Identity::Alphanumeric("Bank".into()),
        Identity::IpAddressAndPort("[2001:db8::1]:5060".parse().unwrap()),
        Identity::Imsi("204080123456789".into()),
        Identity::Imei("35145120840121".into()),
        Identity::FaxUrl("fax:+1".into()),
        Identity::TelUrl("tel:+1".into()),
        Identity::ModemUrl("modem:+1".into()),
        Identity::SipUri("sip:a@b".into()),
        Identity::SipsUri("sips:a@b".into()),
        Identity::Nai("a@b".into()),
    ]
}

/// Everything that an event can have.
fn whole() -> said::MessagingIri {
    let party = |identity| Party {
        qualifier: said::Qualifier::Terminating,
        identity,
        validity: Some(said::Validity::Trusted),
        copy: Some(said::CopyQualifier::Bcc),
    };
    said::MessagingIri {
        record_type: writ_intercept::record::IriType::Report,
        system: "vm-1".into(),
        category: Some(Category::Message(MessageEvent::Calendar)),
        status: Status::Lost,
        parties: identities().into_iter().map(party).collect(),
        trigger: said::Trigger::SystemOperator,
        properties: properties(),
        event_identifier: 7,
        original_message: None,
        box_identifier: Some("1001".into()),
        total_recipients: Some(3),
    }
}

/// As a PDU, in this profile; and back.
fn encoded(profile: Profile, iri: &said::MessagingIri) -> (MessagingIri, u64) {
    let mut mapping = MessagingMapping::new(profile);
    let mapped = mapping.iri(iri);
    let record = writ_etsi::IriPayload {
        iri_type: Some(writ_etsi::IriType::Report),
        time_stamp: None,
        iri_contents: writ_etsi::IriContents::MessagingIri(Box::new(mapped)),
        micro_second_time_stamp: None,
        time_stamp_qualifier: None,
        additions: Additions::NONE,
    };
    let template = crate::header::HeaderTemplate::new(&crate::settings::HandoverSettings::default(), profile).unwrap();
    let ps_header = template.header(crate::header::HeaderFields {
        liid: "W",
        authorization_country: None,
        cin: Some(1),
        sequence_number: 0,
        time: writ_wire::Time::MIN,
        qualifier: writ_etsi::TimeStampQualifier::TimeOfInterception,
    });
    let payload = writ_etsi::Payload::IriPayloadSequence(vec![record]);
    // Which refuses what the profile does not have.
    let octets = writ_etsi::encode_as(profile, &writ_etsi::PsPdu { ps_header, payload }).unwrap();
    let writ_etsi::Payload::IriPayloadSequence(records) = writ_etsi::decode(&octets).unwrap().payload else { panic!() };
    let writ_etsi::IriContents::MessagingIri(iri) = &records[0].iri_contents else { panic!() };
    ((**iri).clone(), mapping.fields_cut)
}

#[test]
fn all_of_an_event_goes_in_the_current_profile() {
    let (iri, cut) = encoded(Profile::Current, &whole());
    assert_eq!(cut, 0);
    assert!(matches!(iri.category, Some(MessagingEventCategory::Message(MessagingEvent::Calendar))));
    assert_eq!((iri.status, iri.trigger), (MessagingStatus::OperationLost, MessagingTrigger::SystemOperator));
    assert_eq!((iri.event_identifier, iri.total_recipient_count), (Some(7), Some(3)));
    assert_eq!(iri.box_identifier.as_deref(), Some(&b"1001"[..]));
    assert_eq!(iri.system_identifier.as_deref(), Some(&b"vm-1"[..]));
    let parties = iri.party_information.unwrap();
    let names: Vec<_> = parties.iter().map(|party| party.party_identity.name().unwrap()).collect();
    assert_eq!(
        names,
        [
            "msisdn",
            "e164-format",
            "email-address",
            "ip-address",
            "alphanumeric",
            "ip-address-and-port",
            "imsi",
            "imei",
            "fax-url",
            "tel-url",
            "modem-url",
            "sip-uri",
            "sips-uri",
            "nai"
        ]
    );
    for party in &parties {
        assert_eq!(party.party_validity, Some(MessagingPartyValidity::Trusted));
        assert_eq!(party.copy_qualifier, Some(MessagingCopyQualifier::Bcc));
    }
    let properties: Vec<_> = iri.properties.unwrap().iter().map(|property| property.name().unwrap()).collect();
    assert_eq!(properties.len(), 14);
    assert!(matches!(&properties[5..8], ["notification-type", "message-identifier", "subject"]));
}

/// Profile v3.3.1 never has what came later.
#[test]
fn the_older_profile_has_what_it_knows_and_counts_the_rest() {
    let (iri, cut) = encoded(Profile::V331, &whole());
    assert_eq!((iri.category, iri.status, iri.total_recipient_count), (None, MessagingStatus::Unknown, None));
    let parties = iri.party_information.unwrap();
    let names: Vec<_> = parties.iter().map(|party| party.party_identity.name().unwrap()).collect();
    assert_eq!(names[..6], ["msisdn", "e164-format", "email-address", "ip-address", "alphanumeric", "ip-address"]);
    assert!(names[6..].iter().all(|name| *name == "alphanumeric"));
    assert!(
        matches!(&parties[6].party_identity, MessagingPartyIdentity::Alphanumeric(text) if text == "204080123456789")
    );
    let properties: Vec<_> = iri.properties.unwrap().iter().map(|property| property.name().unwrap()).collect();
    assert_eq!(properties, ["pincode", "priority", "greeting-type", "notification-type", "language"]);
    // Category, status, count; validity and copy of 14 parties; 9 identities; 9 properties.
    assert_eq!(cut, 3 + 28 + 9 + 9);
}

#[test]
fn only_what_is_newer_is_left_out_of_the_older_profile() {
    let all = MessageEvent::ALL.iter().map(|event| Category::Message(*event)).collect::<Vec<_>>();
    let boxes = BoxEvent::ALL.iter().map(|event| Category::Box(*event));
    let notifications = NotificationEvent::ALL.iter().map(|event| Category::Notification(*event));
    let kept = all.into_iter().chain(boxes).chain(notifications).filter(|category| {
        let (older, _) = encoded(Profile::V331, &said::MessagingIri { category: Some(*category), ..whole() });
        let (current, _) = encoded(Profile::Current, &said::MessagingIri { category: Some(*category), ..whole() });
        assert!(current.category.is_some());
        older.category.is_some()
    });
    assert_eq!(kept.count(), 5 + 21 + 6, "as many as EmailPDU 9 has");
}
