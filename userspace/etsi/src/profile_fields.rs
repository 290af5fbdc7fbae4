//! What profile `current` has and `v3.3.1` has not: a sender of the older profile never emits it.

use crate::{
    CcContents, EmailProtocol, EncodeError, IpAddress, IriContents, MessagingBoxEvent, MessagingEvent,
    MessagingEventCategory, MessagingIri, MessagingNotificationEvent, MessagingNotificationType,
    MessagingPartyIdentity, MessagingProperty, MessagingStatus, Payload, Profile, PsHeader, PsPdu, TimeStampQualifier,
    TriPayload,
};

/// Refuses what `profile` does not have. Profile `current` has everything that the types here can hold.
pub(crate) fn check(profile: Profile, pdu: &PsPdu) -> Result<(), EncodeError> {
    check_header(profile, &pdu.ps_header)?;
    check_payload(profile, &pdu.payload)
}

/// As [`check`], of a header.
pub(crate) fn check_header(profile: Profile, header: &PsHeader) -> Result<(), EncodeError> {
    let newer = header.time_stamp_qualifier == Some(TimeStampQualifier::TimeOfAggregation);
    refuse(profile, || present("timeOfAggregation", newer))
}

/// As [`check`], of a payload.
pub(crate) fn check_payload(profile: Profile, payload: &Payload) -> Result<(), EncodeError> {
    refuse(profile, || newer(payload))
}

fn refuse(profile: Profile, newer: impl FnOnce() -> Option<&'static str>) -> Result<(), EncodeError> {
    match profile {
        Profile::Current => Ok(()),
        Profile::V331 => newer().map_or(Ok(()), |item| Err(EncodeError::NotInProfile { item })),
    }
}

/// The first thing in the payload that LI-PS-PDU 14 and EmailPDU 9 do not have.
fn newer(payload: &Payload) -> Option<&'static str> {
    match payload {
        Payload::IriPayloadSequence(records) => records.iter().find_map(|record| {
            present("iRIPayload.microSecondTimeStamp", record.micro_second_time_stamp.is_some())
                .or_else(|| present("iRIPayload.timeStampQualifier", record.time_stamp_qualifier.is_some()))
                .or_else(|| match &record.iri_contents {
                    IriContents::EmailIri(iri) => present("webmail", iri.protocol_id == EmailProtocol::Webmail)
                        .or_else(|| [&iri.client_address, &iri.server_address].into_iter().flatten().find_map(address)),
                    IriContents::MessagingIri(iri) => messaging(iri),
                    IriContents::UndefinedIri(_) | IriContents::Unrecognised(_) => None,
                })
        }),
        Payload::CcPayloadSequence(pieces) => pieces.iter().find_map(|piece| {
            present("cCPayload.timeStampQualifier", piece.time_stamp_qualifier.is_some()).or_else(|| {
                match &piece.cc_contents {
                    CcContents::MessagingMmCc(_) => Some("messagingMMCC"),
                    CcContents::MessagingCc(cc) => {
                        present("content-transfer-encoding", cc.content_transfer_encoding.is_some())
                    }
                    CcContents::EmailCc(_) | CcContents::UndefinedCc(_) | CcContents::Unrecognised(_) => None,
                }
            })
        }),
        Payload::TriPayload(payload) => match payload {
            TriPayload::IntegrityCheck(check) => present("hashAlgorithm", check.hash_algorithm.is_some())
                .or_else(|| present("signatureAlgorithm", check.signature_algorithm.is_some())),
            TriPayload::OptionRequest(_)
            | TriPayload::OptionResponse(_)
            | TriPayload::OptionComplete
            | TriPayload::PduAcknowledgementRequest
            | TriPayload::PduAcknowledgementResponse => payload.name(),
            _ => None,
        },
        Payload::Hi1Operation(_) | Payload::EncryptionContainer(_) | Payload::Unrecognised(_) => None,
    }
}

fn messaging(iri: &MessagingIri) -> Option<&'static str> {
    let category = match &iri.category {
        Some(MessagingEventCategory::Message(event @ (MessagingEvent::Calendar | MessagingEvent::Contact))) => {
            event.name()
        }
        Some(MessagingEventCategory::MessageBox(event)) => {
            let older = MessagingBoxEvent::Login.value()..=MessagingBoxEvent::PinSecurityDisable.value();
            if older.contains(&event.value()) { None } else { Some("Messaging-Box-Event") }
        }
        Some(MessagingEventCategory::MessageNotification(
            event @ (MessagingNotificationEvent::Mms | MessagingNotificationEvent::Generic),
        )) => event.name(),
        _ => None,
    };
    category
        .or_else(|| present("operation-lost", iri.status == MessagingStatus::OperationLost))
        .or_else(|| present("total-recipient-count", iri.total_recipient_count.is_some()))
        .or_else(|| {
            iri.party_information.iter().flatten().find_map(|party| {
                present("party-validity", party.party_validity.is_some())
                    .or_else(|| present("copy-qualifier", party.copy_qualifier.is_some()))
                    .or_else(|| identity(&party.party_identity))
            })
        })
        .or_else(|| iri.properties.iter().flatten().find_map(property))
}

fn identity(identity: &MessagingPartyIdentity) -> Option<&'static str> {
    match identity {
        MessagingPartyIdentity::IpAddress(ip) => address(ip),
        MessagingPartyIdentity::Msisdn(_)
        | MessagingPartyIdentity::E164Format(_)
        | MessagingPartyIdentity::EmailAddress(_)
        | MessagingPartyIdentity::Alphanumeric(_) => None,
        newer => Some(newer.name().unwrap_or("Messaging-Party-Identity")),
    }
}

fn property(property: &MessagingProperty) -> Option<&'static str> {
    match property {
        MessagingProperty::NotificationType(kind) => match kind {
            MessagingNotificationType::EmptyCall | MessagingNotificationType::LostCall => None,
            newer => Some(newer.name().unwrap_or("notification-type")),
        },
        MessagingProperty::Pincode(_)
        | MessagingProperty::Priority(_)
        | MessagingProperty::GreetingType(_)
        | MessagingProperty::Language(_) => None,
        newer => Some(newer.name().unwrap_or("Messaging-Property")),
    }
}

fn address(address: &IpAddress) -> Option<&'static str> {
    present("iP-NAT-translated", address.ip_nat_translated.is_some())
}

fn present(item: &'static str, present: bool) -> Option<&'static str> {
    present.then_some(item)
}
