//! `MessagingIRI` and `MessagingCC` as JSON.

use serde_json::Value;
use writ_etsi::asn1::OctetString;
use writ_etsi::{
    MessagingCc, MessagingEventCategory, MessagingIri, MessagingPartyIdentity, MessagingPartyInformation,
    MessagingProperty,
};

use super::fields::{Fields, alternative, named, raw, relative_oid, string};
use super::ip_address;
use crate::show::number;
use crate::show::octets::hex;
use crate::show::time::of_generalized;

pub(super) fn iri(iri: &MessagingIri) -> Value {
    Fields::new()
        .add("messaging-iri-obj-id", relative_oid(&iri.messaging_iri_obj_id))
        .add("system-type", named!(iri.system_type))
        .add_optional("system-identifier", iri.system_identifier.as_ref(), string)
        .add_optional("category", iri.category.as_ref(), category)
        .add("status", named!(iri.status))
        .add_optional("party-information", iri.party_information.as_deref(), |parties| {
            parties.iter().map(party).collect()
        })
        .add("trigger", named!(iri.trigger))
        .add_optional("properties", iri.properties.as_deref(), |properties| properties.iter().map(property).collect())
        .add_optional("event-identifier", iri.event_identifier, Value::from)
        .add_optional("original-message", iri.original_message.as_ref(), string)
        .add_optional("box-identifier", iri.box_identifier.as_ref(), string)
        .add_optional("total-recipient-count", iri.total_recipient_count, Value::from)
        .additions(&iri.additions)
}

pub(super) fn cc(cc: &MessagingCc) -> Value {
    Fields::new()
        .add("messaging-cc-obj-id", relative_oid(&cc.messaging_cc_obj_id))
        .add("event-identifier", cc.event_identifier)
        .add_optional("content-identifier", cc.content_identifier, Value::from)
        .add_optional("sequence-number", cc.sequence_number, Value::from)
        .add("end-of-sequence", cc.end_of_sequence)
        .add("content-type", string(&cc.content_type))
        .add("content", string(&cc.content))
        .add_optional("content-transfer-encoding", cc.content_transfer_encoding.as_ref(), string)
        .additions(&cc.additions)
}

fn category(category: &MessagingEventCategory) -> Value {
    let value = match category {
        MessagingEventCategory::Message(event) => named!(event),
        MessagingEventCategory::MessageBox(event) => named!(event),
        MessagingEventCategory::MessageNotification(event) => named!(event),
        MessagingEventCategory::Call(event) => named!(event),
        MessagingEventCategory::Unrecognised(value) => raw(value),
    };
    alternative(category.name(), value)
}

fn party(party: &MessagingPartyInformation) -> Value {
    use MessagingPartyIdentity as Identity;
    let identity = match &party.party_identity {
        Identity::EmailAddress(addresses) => Value::from(addresses.as_slice()),
        Identity::IpAddress(address) => ip_address(address),
        Identity::IpAddressAndPort(both) => {
            Fields::new().add("IPAddress", ip_address(&both.ip_address)).add("port", both.port).done()
        }
        Identity::Alphanumeric(text) => Value::from(text.as_str()),
        Identity::Msisdn(octets) => with_number(octets, number::of_msisdn(octets)),
        Identity::E164Format(octets) => with_number(octets, number::of_e164(octets)),
        Identity::Imsi(octets) | Identity::Imei(octets) => with_number(octets, number::of_tbcd(octets)),
        Identity::FaxUrl(octets)
        | Identity::TelUrl(octets)
        | Identity::ModemUrl(octets)
        | Identity::SipUri(octets)
        | Identity::SipsUri(octets)
        | Identity::Nai(octets) => string(octets),
        Identity::Unrecognised(value) => raw(value),
    };
    Fields::new()
        .add("party-qualifier", named!(party.party_qualifier))
        .add("party-identity", alternative(party.party_identity.name(), identity))
        .add_optional("party-validity", party.party_validity, |validity| named!(validity))
        .add_optional("copy-qualifier", party.copy_qualifier, |qualifier| named!(qualifier))
        .additions(&party.additions)
}

/// A number is shown with its digits beside the octets.
fn with_number(octets: &OctetString, number: Option<String>) -> Value {
    match number {
        Some(number) => Fields::new().add("hex", hex(octets)).add("number", number).done(),
        None => string(octets),
    }
}

fn property(property: &MessagingProperty) -> Value {
    use MessagingProperty as Property;
    let value = match property {
        Property::Priority(priority) => named!(priority),
        Property::GreetingType(kind) => named!(kind),
        Property::NotificationType(kind) => named!(kind),
        Property::MessageStatus(status) => named!(status),
        Property::RequestedReports(reports) => named!(reports),
        Property::Subject(text) | Property::UserAgent(text) => Value::from(text.as_str()),
        Property::Expires(time) | Property::MessageDate(time) => Value::from(of_generalized(time)),
        Property::Pincode(octets)
        | Property::Language(octets)
        | Property::MessageIdentifier(octets)
        | Property::Password(octets) => string(octets),
        Property::Unrecognised(value) => raw(value),
    };
    alternative(property.name(), value)
}
