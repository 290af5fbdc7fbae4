//! From what a record says of unified messaging to `MessagingIRI` and `MessagingCC`, field by field (TS 102 232-2 annex D and
//! clause 8).
//!
//! # Profile `v3.3.1`
//! What came with later versions is said in the words of the older one where it has any, left out where it may be, and counted
//! as cut: an event without a category can still be read from its parties, its box and its original message (clause 8).

use std::net::IpAddr;

use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::{
    IpAddress, IpAddressAndPort, MessagingBoxEvent, MessagingCallEvent, MessagingCc, MessagingCopyQualifier,
    MessagingEvent, MessagingEventCategory, MessagingGreetingType, MessagingIri, MessagingMessageStatus,
    MessagingNotificationEvent, MessagingNotificationType, MessagingPartyIdentity, MessagingPartyInformation,
    MessagingPartyQualifier, MessagingPartyValidity, MessagingPriority, MessagingProperty, MessagingRequestedReports,
    MessagingStatus, MessagingSystemType, MessagingTrigger, ObjectIdOf, Profile,
};
use writ_intercept::messaging::{
    self as said, BoxEvent, Category, Identity, MessageEvent, NotificationEvent, NotificationType, Number, Party,
    PayloadDirection, Property, Secret, Status,
};
use writ_intercept::record::Content;

use crate::aggregation::generalized;

/// Maps to the types of one profile.
pub(crate) struct MessagingMapping {
    profile: Profile,
    /// Fields that the profile does not have, since the start.
    pub(crate) fields_cut: u64,
}

impl MessagingMapping {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, fields_cut: 0 }
    }

    pub(crate) fn iri(&mut self, iri: &said::MessagingIri) -> MessagingIri {
        let parties: Vec<_> = iri.parties.iter().map(|party| self.party(party)).collect();
        let properties: Vec<_> = iri.properties.iter().filter_map(|property| self.property(property)).collect();
        MessagingIri {
            messaging_iri_obj_id: self.profile.object_id(ObjectIdOf::MessagingIri),
            system_type: MessagingSystemType::UnifiedMessaging,
            system_identifier: Some(octets(&iri.system)),
            category: iri.category.and_then(|category| self.category(category)),
            status: self.status(iri.status),
            party_information: (!parties.is_empty()).then_some(parties),
            trigger: MessagingTrigger::from_value(iri.trigger.number()),
            properties: (!properties.is_empty()).then_some(properties),
            event_identifier: Some(iri.event_identifier),
            original_message: iri.original_message.as_ref().map(|message| message.octets().clone().into()),
            box_identifier: iri.box_identifier.as_deref().map(octets),
            total_recipient_count: iri.total_recipients.filter(|_| self.keeps()),
            additions: Additions::NONE,
        }
    }

    /// A piece of content, with the octets of it that go in one PDU.
    pub(crate) fn cc(&mut self, cc: &said::MessagingCc, content: OctetString) -> MessagingCc {
        MessagingCc {
            messaging_cc_obj_id: self.profile.object_id(ObjectIdOf::MessagingCc),
            event_identifier: cc.event_identifier,
            content_identifier: cc.content_identifier,
            sequence_number: cc.sequence_number,
            end_of_sequence: cc.end_of_sequence,
            content_type: octets(&cc.content_type),
            content,
            content_transfer_encoding: cc.transfer_encoding.as_deref().filter(|_| self.keeps()).map(octets),
            additions: Additions::NONE,
        }
    }

    /// Whether what only `current` has can go; counted where it cannot.
    fn keeps(&mut self) -> bool {
        let keeps = self.profile == Profile::Current;
        self.fields_cut += u64::from(!keeps);
        keeps
    }

    fn category(&mut self, category: Category) -> Option<MessagingEventCategory> {
        let is_newer = match category {
            Category::Message(event) => matches!(event, MessageEvent::Calendar | MessageEvent::Contact),
            Category::Box(event) => {
                let older = BoxEvent::Login.number()..=BoxEvent::PinSecurityDisable.number();
                !older.contains(&event.number())
            }
            Category::Notification(event) => matches!(event, NotificationEvent::Mms | NotificationEvent::Generic),
            Category::Call(_) => false,
        };
        if is_newer && !self.keeps() {
            return None;
        }
        Some(match category {
            Category::Message(event) => MessagingEventCategory::Message(MessagingEvent::from_value(event.number())),
            Category::Box(event) => MessagingEventCategory::MessageBox(MessagingBoxEvent::from_value(event.number())),
            Category::Notification(event) => {
                MessagingEventCategory::MessageNotification(MessagingNotificationEvent::from_value(event.number()))
            }
            Category::Call(event) => MessagingEventCategory::Call(MessagingCallEvent::from_value(event.number())),
        })
    }

    /// `operation-lost` is none of the older words: what became of the operation is then not known.
    fn status(&mut self, status: Status) -> MessagingStatus {
        if status == Status::Lost && !self.keeps() {
            return MessagingStatus::Unknown;
        }
        MessagingStatus::from_value(status.number())
    }

    fn party(&mut self, party: &Party) -> MessagingPartyInformation {
        MessagingPartyInformation {
            party_qualifier: MessagingPartyQualifier::from_value(party.qualifier.number()),
            party_identity: self.identity(&party.identity),
            party_validity: party
                .validity
                .filter(|_| self.keeps())
                .map(|validity| MessagingPartyValidity::from_value(validity.number())),
            copy_qualifier: party
                .copy
                .filter(|_| self.keeps())
                .map(|copy| MessagingCopyQualifier::from_value(copy.number())),
            additions: Additions::NONE,
        }
    }

    /// An identity. The older profile has an IP address without its port, and any text as `alphanumeric`.
    fn identity(&mut self, identity: &Identity) -> MessagingPartyIdentity {
        use MessagingPartyIdentity as To;
        let (text, newer) = match identity {
            Identity::Msisdn(number) => return To::Msisdn(address_string(number)),
            Identity::E164(number) => return To::E164Format(party_number(number)),
            Identity::EmailAddress(addresses) => return To::EmailAddress(addresses.clone()),
            Identity::IpAddress(address) => return To::IpAddress(host(*address)),
            Identity::Alphanumeric(text) => return To::Alphanumeric(text.clone()),
            Identity::IpAddressAndPort(both) if self.keeps() => {
                return To::IpAddressAndPort(IpAddressAndPort {
                    ip_address: host(both.ip()),
                    port: both.port().into(),
                });
            }
            Identity::IpAddressAndPort(both) => return To::IpAddress(host(both.ip())),
            Identity::Imsi(digits) => (digits, To::Imsi(tbcd(digits).into())),
            Identity::Imei(digits) => (digits, To::Imei(imei(digits))),
            Identity::FaxUrl(text) => (text, To::FaxUrl(octets(text))),
            Identity::TelUrl(text) => (text, To::TelUrl(octets(text))),
            Identity::ModemUrl(text) => (text, To::ModemUrl(octets(text))),
            Identity::SipUri(text) => (text, To::SipUri(octets(text))),
            Identity::SipsUri(text) => (text, To::SipsUri(octets(text))),
            Identity::Nai(text) => (text, To::Nai(octets(text))),
        };
        if self.keeps() { newer } else { To::Alphanumeric(text.clone()) }
    }

    fn property(&mut self, property: &Property<Content, Secret>) -> Option<MessagingProperty> {
        use MessagingProperty as To;
        let newer = match property {
            Property::Pincode(pin) => return Some(To::Pincode(octets(pin.text()))),
            Property::Priority(priority) => {
                return Some(To::Priority(MessagingPriority::from_value(priority.number())));
            }
            Property::GreetingType(kind) => {
                return Some(To::GreetingType(MessagingGreetingType::from_value(kind.number())));
            }
            Property::Language(language) => return Some(To::Language(octets(language))),
            Property::NotificationType(kind) => {
                let to = To::NotificationType(MessagingNotificationType::from_value(kind.number()));
                if matches!(kind, NotificationType::EmptyCall | NotificationType::LostCall) {
                    return Some(to);
                }
                to
            }
            Property::MessageIdentifier(text) => To::MessageIdentifier(octets(text)),
            Property::Subject(subject) => To::Subject(String::from_utf8_lossy(subject.octets()).into_owned()),
            Property::UserAgent(text) => To::UserAgent(text.clone()),
            Property::Password(password) => To::Password(octets(password.text())),
            Property::MessageStatus(status) => To::MessageStatus(MessagingMessageStatus::from_value(status.number())),
            Property::RequestedReports(reports) => {
                To::RequestedReports(MessagingRequestedReports::from_value(reports.number()))
            }
            Property::Expires(time) => To::Expires(generalized(*time)?),
            Property::MessageDate(time) => To::MessageDate(generalized(*time)?),
        };
        self.keeps().then_some(newer)
    }
}

/// Octets of the payload of an IRI, for the sum of those that wait: an estimate, without encoding it twice.
pub(crate) fn octets_of(iri: &said::MessagingIri) -> usize {
    let parties: usize = iri.parties.iter().map(|party| 24 + text_of(&party.identity)).sum();
    let original = iri.original_message.as_ref().map_or(0, |message| message.octets().len());
    200 + parties + original + iri.properties.len() * 40
}

fn text_of(identity: &Identity) -> usize {
    match identity {
        Identity::EmailAddress(addresses) => addresses.iter().map(|address| address.len() + 4).sum(),
        Identity::Alphanumeric(text)
        | Identity::FaxUrl(text)
        | Identity::TelUrl(text)
        | Identity::ModemUrl(text)
        | Identity::SipUri(text)
        | Identity::SipsUri(text)
        | Identity::Nai(text) => text.len(),
        _ => 24,
    }
}

/// An IPv4 address that a socket API wrote as IPv6 goes as what it was on the wire.
fn host(address: IpAddr) -> IpAddress {
    IpAddress::host(address.to_canonical(), None)
}

/// `payloadDirection`.
pub(crate) fn direction(direction: PayloadDirection) -> writ_etsi::PayloadDirection {
    writ_etsi::PayloadDirection::from_value(direction.number())
}

fn octets(text: &str) -> OctetString {
    OctetString::from(text.as_bytes().to_vec())
}

/// Digits two to an octet, the first in the lower half; `F` where the last has none beside it (TS 29.002, TBCD-STRING).
fn tbcd(digits: &str) -> Vec<u8> {
    pairs(digits, 0xf)
}

fn pairs(digits: &str, filler: u8) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().map(|digit| digit & 0xf).collect();
    digits
        .chunks(2)
        .map(|pair| pair.first().copied().unwrap_or(filler) | pair.get(1).copied().unwrap_or(filler) << 4)
        .collect()
}

/// `msisdn`: an AddressString of MAP (TS 29.002): international number, numbering plan of E.164, and the digits.
fn address_string(number: &Number) -> OctetString {
    [&[0x91][..], &tbcd(number.digits())].concat().into()
}

/// `e164-format`: as the calling party number of ISUP (Q.763 §3.10): whether the number of digits is odd, and that the number is
/// international; numbering plan of E.164, presentation allowed, provided by the network; and the digits.
fn party_number(number: &Number) -> OctetString {
    let odd = if number.digits().len() % 2 == 1 { 0x80 } else { 0 };
    [&[0x04 | odd, 0x13][..], &pairs(number.digits(), 0)].concat().into()
}

/// `imei`: eight octets, whether it has a check digit, a version or neither (TS 29.002).
fn imei(digits: &str) -> OctetString {
    let mut octets = tbcd(digits);
    octets.resize(8, 0xff);
    octets.into()
}

#[cfg(test)]
mod tests;
