//! A PDU as JSON: every field under its name in the ASN.1 modules, nested as it is there.
//!
//! - A CHOICE is an object with one field, named as the alternative; `null` where the alternative is NULL.
//! - An ENUMERATED is its name, or a number where the module has no name for the value.
//! - An octet string is a string where it is text, and `{"hex": "…"}` where it is not.
//! - A telephone number, an IMSI and an IMEI have `number`, their digits, beside their octets.
//! - A binary IP address is written out; a time stamp has `time`, in RFC 3339, beside its numbers.

mod email;
mod fields;
mod messaging;
mod tri;

use serde_json::Value;
use writ_etsi::{
    CcContents, CcPayload, CommunicationIdentifier, IpAddress, IpValue, IriContents, IriPayload, MicroSecondTimeStamp,
    NetworkIdentifier, Payload, PsHeader, PsPdu,
};

use self::fields::{Fields, alternative, named, object_identifier, printable, raw, string};
use super::time::{of_generalized, of_stamp};

/// The whole PDU as a JSON object.
#[must_use]
pub fn json(pdu: &PsPdu) -> Value {
    Fields::new().add("pSHeader", header(&pdu.ps_header)).add("payload", payload(&pdu.payload)).done()
}

fn header(header: &PsHeader) -> Value {
    Fields::new()
        .add("li-psDomainId", object_identifier(&header.li_ps_domain_id))
        .add("lawfulInterceptionIdentifier", string(&header.lawful_interception_identifier))
        .add_optional("authorizationCountryCode", header.authorization_country_code.as_ref(), printable)
        .add("communicationIdentifier", communication(&header.communication_identifier))
        .add("sequenceNumber", header.sequence_number)
        .add_optional("timeStamp", header.time_stamp.as_ref(), |time| Value::from(of_generalized(time)))
        .add_optional("interceptionPointID", header.interception_point_id.as_ref(), printable)
        .add_optional("microSecondTimeStamp", header.micro_second_time_stamp.as_ref(), stamp)
        .add_optional("timeStampQualifier", header.time_stamp_qualifier, |qualifier| named!(qualifier))
        .additions(&header.additions)
}

fn communication(communication: &CommunicationIdentifier) -> Value {
    Fields::new()
        .add("networkIdentifier", network(&communication.network_identifier))
        .add_optional("communicationIdentityNumber", communication.communication_identity_number, Value::from)
        .add_optional("deliveryCountryCode", communication.delivery_country_code.as_ref(), printable)
        .additions(&communication.additions)
}

fn network(network: &NetworkIdentifier) -> Value {
    Fields::new()
        .add("operatorIdentifier", string(&network.operator_identifier))
        .add_optional("networkElementIdentifier", network.network_element_identifier.as_ref(), string)
        .additions(&network.additions)
}

fn stamp(stamp: &MicroSecondTimeStamp) -> Value {
    Fields::new()
        .add("seconds", stamp.seconds)
        .add("microSeconds", stamp.micro_seconds)
        .add_optional("time", of_stamp(stamp), Value::from)
        .additions(&stamp.additions)
}

fn payload(payload: &Payload) -> Value {
    let value = match payload {
        Payload::IriPayloadSequence(records) => records.iter().map(iri).collect(),
        Payload::CcPayloadSequence(pieces) => pieces.iter().map(cc).collect(),
        Payload::TriPayload(payload) => tri::payload(payload),
        Payload::EncryptionContainer(container) => tri::encryption_container(container),
        Payload::Hi1Operation(value) | Payload::Unrecognised(value) => raw(value),
    };
    alternative(payload.name(), value)
}

fn iri(record: &IriPayload) -> Value {
    let contents = match &record.iri_contents {
        IriContents::UndefinedIri(octets) => string(octets),
        IriContents::EmailIri(iri) => email::iri(iri),
        IriContents::MessagingIri(iri) => messaging::iri(iri),
        IriContents::Unrecognised(value) => raw(value),
    };
    Fields::new()
        .add_optional("iRIType", record.iri_type, |kind| named!(kind))
        .add_optional("timeStamp", record.time_stamp.as_ref(), |time| Value::from(of_generalized(time)))
        .add("iRIContents", alternative(record.iri_contents.name(), contents))
        .add_optional("microSecondTimeStamp", record.micro_second_time_stamp.as_ref(), stamp)
        .add_optional("timeStampQualifier", record.time_stamp_qualifier, |qualifier| named!(qualifier))
        .additions(&record.additions)
}

fn cc(piece: &CcPayload) -> Value {
    let contents = match &piece.cc_contents {
        CcContents::UndefinedCc(octets) => string(octets),
        CcContents::EmailCc(cc) => email::cc(cc),
        CcContents::MessagingCc(cc) => messaging::cc(cc),
        CcContents::MessagingMmCc(value) | CcContents::Unrecognised(value) => raw(value),
    };
    Fields::new()
        .add_optional("payloadDirection", piece.payload_direction, |direction| named!(direction))
        .add_optional("timeStamp", piece.time_stamp.as_ref(), |time| Value::from(of_generalized(time)))
        .add("cCContents", alternative(piece.cc_contents.name(), contents))
        .add_optional("microSecondTimeStamp", piece.micro_second_time_stamp.as_ref(), stamp)
        .add_optional("timeStampQualifier", piece.time_stamp_qualifier, |qualifier| named!(qualifier))
        .additions(&piece.additions)
}

fn ip_address(address: &IpAddress) -> Value {
    let value = match (&address.ip_value, address.address()) {
        (IpValue::Binary(_), Some(address)) => Value::from(address.to_string()),
        (IpValue::Binary(octets), None) => string(octets),
        (IpValue::Text(text), _) => super::octets::octets(text.as_iso646_bytes()),
        (IpValue::Unrecognised(value), _) => raw(value),
    };
    Fields::new()
        .add("iP-type", named!(address.ip_type))
        .add("iP-value", alternative(address.ip_value.name(), value))
        .add_optional("iP-assignment", address.ip_assignment, |assignment| named!(assignment))
        .add_optional("iPv6PrefixLength", address.ipv6_prefix_length, Value::from)
        .add_optional("iPv4SubnetMask", address.ipv4_subnet_mask.as_ref(), |mask| {
            <[u8; 4]>::try_from(&mask[..])
                .map_or_else(|_| string(mask), |mask| Value::from(std::net::Ipv4Addr::from(mask).to_string()))
        })
        .add_optional("iP-NAT-translated", address.ip_nat_translated, Value::from)
        .additions(&address.additions)
}
