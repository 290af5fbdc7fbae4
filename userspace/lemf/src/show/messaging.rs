//! What a PDU of unified messaging holds, in a few words.

use writ_etsi::{
    MessagingCc, MessagingEventCategory, MessagingIri, MessagingPartyIdentity as Identity, MessagingPartyQualifier,
};

use super::line::{clip, short};
use super::number;

/// An event: what, how it ended, between whom.
pub(super) fn iri(iri: &MessagingIri) -> String {
    let mut line = format!("messaging {} {}", event(iri.category.as_ref()), iri.status.name().unwrap_or("?"));
    if let Some(identifier) = iri.event_identifier {
        line.push_str(&format!(" event {identifier}"));
    }
    for (qualifier, word) in [
        (MessagingPartyQualifier::Originating, "from"),
        (MessagingPartyQualifier::Terminating, "to"),
        (MessagingPartyQualifier::Unknown, "with"),
    ] {
        let parties = iri.party_information.iter().flatten();
        let mut of = parties.filter(|party| party.party_qualifier == qualifier);
        if let Some(party) = of.next() {
            line.push_str(&format!(" {word} <{}>", identity(&party.party_identity)));
            let more = of.count();
            if more > 0 {
                line.push_str(&format!(" and {more} more"));
            }
        }
    }
    if let Some(identifier) = &iri.box_identifier {
        line.push_str(&format!(" box {}", short(identifier)));
    }
    line
}

fn event(category: Option<&MessagingEventCategory>) -> String {
    let name = match category {
        None => return "event".to_owned(),
        Some(MessagingEventCategory::Message(event)) => event.name(),
        Some(MessagingEventCategory::MessageBox(event)) => event.name(),
        Some(MessagingEventCategory::MessageNotification(event)) => event.name(),
        Some(MessagingEventCategory::Call(event)) => event.name(),
        Some(MessagingEventCategory::Unrecognised(_)) => None,
    };
    let category = category.and_then(MessagingEventCategory::name).unwrap_or("?");
    format!("{category} {}", name.unwrap_or("?"))
}

fn identity(identity: &Identity) -> String {
    let of_number = |octets: &[u8], read: fn(&[u8]) -> Option<String>| read(octets).unwrap_or_else(|| short(octets));
    match identity {
        Identity::Msisdn(octets) => of_number(octets, number::of_msisdn),
        Identity::E164Format(octets) => of_number(octets, number::of_e164),
        Identity::Imsi(octets) | Identity::Imei(octets) => of_number(octets, number::of_tbcd),
        Identity::EmailAddress(addresses) => addresses.first().map_or_else(String::new, |address| clip(address)),
        Identity::IpAddress(address) => address.address().map_or_else(|| "?".to_owned(), |address| address.to_string()),
        Identity::IpAddressAndPort(both) => {
            let address = both.ip_address.address();
            address.map_or_else(|| "?".to_owned(), |address| format!("{address} port {}", both.port))
        }
        Identity::Alphanumeric(text) => clip(text),
        Identity::FaxUrl(octets)
        | Identity::TelUrl(octets)
        | Identity::ModemUrl(octets)
        | Identity::SipUri(octets)
        | Identity::SipsUri(octets)
        | Identity::Nai(octets) => short(octets),
        Identity::Unrecognised(_) => "?".to_owned(),
    }
}

/// A content, or a piece of one.
pub(super) fn cc(cc: &MessagingCc) -> String {
    let mut line = format!("messaging event {}", cc.event_identifier);
    if let Some(identifier) = cc.content_identifier {
        line.push_str(&format!(" content {identifier}"));
    }
    if let Some(number) = cc.sequence_number {
        line.push_str(&format!(" piece {number}{}", if cc.end_of_sequence { ", the last" } else { "" }));
    }
    line.push_str(&format!(" {} {} octets", short(&cc.content_type), cc.content.len()));
    line
}
