//! `Messaging-Party-Identity`.

use std::net::{IpAddr, SocketAddr};

use writ_intercept::messaging::{Identity, Number, Party};

use super::place::{Malformed, Value};

/// Addresses of all parties of an event together.
pub(super) const ADDRESSES: usize = 4096;
/// Octets of a URL or a NAI (RFC 7542 §2.2 has 253 for the latter's longest part).
const URL: usize = 512;

/// The names of the alternatives, as the standard has them.
pub(super) const IDENTITY: [&str; 14] = [
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
    "nai",
];

const NUMBER: &str = "an international number of 7 to 15 digits, such as +31612345678; anything else is alphanumeric";

pub(super) fn read(value: Value<'_, '_>) -> Result<Identity, Malformed> {
    let (object, place) = value.object()?;
    let (key, json) = object.only(&place, &IDENTITY)?;
    let value = Value::new(json, place.key(key));
    Ok(match key {
        "msisdn" => Identity::Msisdn(value.parsed(NUMBER, Number::parse)?),
        "e164-format" => Identity::E164(value.parsed(NUMBER, Number::parse)?),
        "email-address" => Identity::EmailAddress(value.list(0, 1023, |address| address.characters(0, 255))?),
        "ip-address" => Identity::IpAddress(value.parsed("an IP address", |text| text.parse::<IpAddr>().ok())?),
        "alphanumeric" => Identity::Alphanumeric(value.characters(1, 255)?),
        "ip-address-and-port" => {
            let expected = "ADDRESS:PORT, an IPv6 address in brackets";
            Identity::IpAddressAndPort(value.parsed(expected, |text| text.parse::<SocketAddr>().ok())?)
        }
        "imsi" => Identity::Imsi(value.parsed("6 to 15 digits", |text| digits(text, 6, 15))?),
        "imei" => Identity::Imei(value.parsed("14 to 16 digits", |text| digits(text, 14, 16))?),
        "fax-url" => Identity::FaxUrl(value.text(1, URL)?.into_owned()),
        "tel-url" => Identity::TelUrl(value.text(1, URL)?.into_owned()),
        "modem-url" => Identity::ModemUrl(value.text(1, URL)?.into_owned()),
        "sip-uri" => Identity::SipUri(value.text(1, URL)?.into_owned()),
        "sips-uri" => Identity::SipsUri(value.text(1, URL)?.into_owned()),
        _ => Identity::Nai(value.text(1, URL)?.into_owned()),
    })
}

fn digits(text: &str, least: usize, most: usize) -> Option<String> {
    let good = (least..=most).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    good.then(|| text.to_owned())
}

/// Octets of what identifies all parties of an event together: they go in one PDU, which is not divided. One party's longest list has
/// room.
pub(super) const OCTETS: usize = 262_144;

/// Octets of what identifies a party.
pub(super) fn octets(party: &Party) -> usize {
    match &party.identity {
        Identity::EmailAddress(addresses) => addresses.iter().map(String::len).sum(),
        Identity::Alphanumeric(text)
        | Identity::FaxUrl(text)
        | Identity::TelUrl(text)
        | Identity::ModemUrl(text)
        | Identity::SipUri(text)
        | Identity::SipsUri(text)
        | Identity::Nai(text) => text.len(),
        Identity::Msisdn(_)
        | Identity::E164(_)
        | Identity::IpAddress(_)
        | Identity::IpAddressAndPort(_)
        | Identity::Imsi(_)
        | Identity::Imei(_) => 16,
    }
}

/// How many addresses a party has.
pub(super) fn addresses(party: &Party) -> usize {
    match &party.identity {
        Identity::EmailAddress(addresses) => addresses.len(),
        _ => 1,
    }
}
