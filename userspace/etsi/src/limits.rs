//! The size and value constraints of the modules, checked before a PDU is encoded.

use crate::EncodeError;
use crate::asn1::{OctetString, PrintableString, Utf8String};
use crate::{
    AaaInformation, CcContents, CcPayload, EmailIri, IpAddress, IpValue, IriContents, IriPayload, MessagingIri,
    MessagingPartyIdentity, MessagingProperty, MicroSecondTimeStamp, Payload, PsHeader, PsPdu, TriPayload,
};

type Checked = Result<(), EncodeError>;

/// The most addresses in a list, and characters in an address (TS 102 232-2 annex D, `E-mail-Address-List`).
const ADDRESSES: usize = 1023;
const ADDRESS: usize = 255;

/// Checks every constraint on a PDU.
pub(crate) fn check(pdu: &PsPdu) -> Checked {
    header(&pdu.ps_header)?;
    payload(&pdu.payload)
}

/// Checks every constraint on a payload.
pub(crate) fn payload(payload: &Payload) -> Checked {
    match payload {
        Payload::IriPayloadSequence(records) => records.iter().try_for_each(iri),
        Payload::CcPayloadSequence(pieces) => pieces.iter().try_for_each(cc),
        Payload::TriPayload(TriPayload::OperatorLeaMessage(words)) => octets("message", &words.message, 1, 255),
        Payload::TriPayload(_)
        | Payload::Hi1Operation(_)
        | Payload::EncryptionContainer(_)
        | Payload::Unrecognised(_) => Ok(()),
    }
}

/// Checks every constraint on a header.
pub(crate) fn header(header: &PsHeader) -> Checked {
    let liid = &header.lawful_interception_identifier;
    octets("lawfulInterceptionIdentifier", liid, 1, 25)?;
    if !liid.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(octet)) {
        return Err(EncodeError::Alphabet {
            field: "lawfulInterceptionIdentifier",
            expected: "characters of a-z A-Z 0-9 - _ .",
        });
    }
    country("authorizationCountryCode", header.authorization_country_code.as_ref())?;
    let communication = &header.communication_identifier;
    country("deliveryCountryCode", communication.delivery_country_code.as_ref())?;
    let network = &communication.network_identifier;
    octets("operatorIdentifier", &network.operator_identifier, 1, 16)?;
    optional(network.network_element_identifier.as_ref(), |element| {
        octets("networkElementIdentifier", element, 1, 16)
    })?;
    optional(header.interception_point_id.as_ref(), |point| size("interceptionPointID", point.as_bytes().len(), 1, 8))?;
    optional(header.micro_second_time_stamp.as_ref(), time_stamp)
}

fn iri(record: &IriPayload) -> Checked {
    optional(record.micro_second_time_stamp.as_ref(), time_stamp)?;
    match &record.iri_contents {
        IriContents::EmailIri(iri) => email_iri(iri),
        IriContents::MessagingIri(iri) => messaging_iri(iri),
        IriContents::UndefinedIri(_) | IriContents::Unrecognised(_) => Ok(()),
    }
}

fn cc(piece: &CcPayload) -> Checked {
    optional(piece.micro_second_time_stamp.as_ref(), time_stamp)?;
    match &piece.cc_contents {
        CcContents::EmailCc(_)
        | CcContents::MessagingCc(_)
        | CcContents::MessagingMmCc(_)
        | CcContents::UndefinedCc(_)
        | CcContents::Unrecognised(_) => Ok(()),
    }
}

fn email_iri(iri: &EmailIri) -> Checked {
    optional(iri.client_address.as_ref(), ip_address)?;
    optional(iri.server_address.as_ref(), ip_address)?;
    optional(iri.e_mail_sender.as_ref(), |sender| characters("e-mail-Sender", sender, ADDRESS))?;
    optional(iri.e_mail_recipients.as_deref(), |list| addresses("e-mail-Recipients", list))?;
    optional(iri.national_em_asn1_parameters.as_ref(), |national| {
        country("countryCode", Some(&national.country_code))
    })?;
    optional(iri.aaa_information.as_ref(), |aaa| {
        let (username, password) = match aaa {
            AaaInformation::Pop3AaaInformation(pop3) => (&pop3.username, pop3.password.as_ref()),
            AaaInformation::ImapAaaInformation(imap) => (&imap.username, imap.password.as_ref()),
            AaaInformation::AsmtpAaaInformation(smtp) => (&smtp.username, None),
            AaaInformation::Unrecognised(_) => return Ok(()),
        };
        characters("username", username, 64)?;
        optional(password, |password| characters("password", password, 64))
    })
}

fn messaging_iri(iri: &MessagingIri) -> Checked {
    for party in iri.party_information.iter().flatten() {
        match &party.party_identity {
            MessagingPartyIdentity::Msisdn(number) => octets("msisdn", number, 1, 9)?,
            MessagingPartyIdentity::E164Format(number) => octets("e164-format", number, 1, 25)?,
            MessagingPartyIdentity::EmailAddress(list) => addresses("email-address", list)?,
            MessagingPartyIdentity::IpAddress(address) => ip_address(address)?,
            MessagingPartyIdentity::IpAddressAndPort(both) => ip_address(&both.ip_address)?,
            MessagingPartyIdentity::Imsi(imsi) => octets("imsi", imsi, 3, 8)?,
            MessagingPartyIdentity::Imei(imei) => octets("imei", imei, 8, 8)?,
            MessagingPartyIdentity::Alphanumeric(_)
            | MessagingPartyIdentity::FaxUrl(_)
            | MessagingPartyIdentity::TelUrl(_)
            | MessagingPartyIdentity::ModemUrl(_)
            | MessagingPartyIdentity::SipUri(_)
            | MessagingPartyIdentity::SipsUri(_)
            | MessagingPartyIdentity::Nai(_)
            | MessagingPartyIdentity::Unrecognised(_) => {}
        }
    }
    for property in iri.properties.iter().flatten() {
        if let MessagingProperty::Pincode(pin) = property {
            octets("pincode", pin, 1, 32)?;
        }
    }
    Ok(())
}

fn ip_address(address: &IpAddress) -> Checked {
    match &address.ip_value {
        IpValue::Binary(binary) => octets("iPBinaryAddress", binary, 4, 16)?,
        IpValue::Text(text) => size("iPTextAddress", text.as_iso646_bytes().len(), 7, 45)?,
        IpValue::Unrecognised(_) => {}
    }
    optional(address.ipv4_subnet_mask.as_ref(), |mask| octets("iPv4SubnetMask", mask, 4, 4))?;
    optional(address.ipv6_prefix_length.as_ref(), |length| range("iPv6PrefixLength", *length, 1, 128))
}

fn time_stamp(stamp: &MicroSecondTimeStamp) -> Checked {
    range("microSeconds", stamp.micro_seconds, 0, 999_999)
}

fn addresses(field: &'static str, list: &[Utf8String]) -> Checked {
    size(field, list.len(), 0, ADDRESSES)?;
    list.iter().try_for_each(|address| characters(field, address, ADDRESS))
}

fn country(field: &'static str, code: Option<&PrintableString>) -> Checked {
    optional(code, |code| size(field, code.as_bytes().len(), 2, 2))
}

fn optional<T: ?Sized>(value: Option<&T>, check: impl FnOnce(&T) -> Checked) -> Checked {
    value.map_or(Ok(()), check)
}

fn octets(field: &'static str, string: &OctetString, min: usize, max: usize) -> Checked {
    size(field, string.len(), min, max)
}

/// The SIZE of a character string counts characters (X.680 §51.5).
fn characters(field: &'static str, string: &Utf8String, max: usize) -> Checked {
    if string.len() <= max { Ok(()) } else { size(field, string.chars().count(), 0, max) }
}

fn size(field: &'static str, actual: usize, min: usize, max: usize) -> Checked {
    if (min..=max).contains(&actual) { Ok(()) } else { Err(EncodeError::Size { field, min, max, actual }) }
}

fn range(field: &'static str, value: u32, min: u32, max: u32) -> Checked {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(EncodeError::Range { field, min: u64::from(min), max: u64::from(max) })
    }
}
