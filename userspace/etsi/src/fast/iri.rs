//! The records of a PDU of `EmailIRI`, last field first.

use super::reversed::Reversed;
use crate::asn1::{Additions, OctetString};
use crate::{AaaInformation, AaaResult, EmailIri, IpAddress, IpValue, IriContents, IriPayload, MicroSecondTimeStamp};

/// The contents of `iRIPayloadSequence`; `None` where one of the records is not written here.
pub(super) fn records(records: &[IriPayload]) -> Option<Reversed> {
    let mut reversed = Reversed::with_capacity(512);
    for record in records.iter().rev() {
        let iri = plain(record)?;
        reversed.constructed(0x30, |fields| {
            if let Some(qualifier) = record.time_stamp_qualifier {
                fields.enumerated(0x84, qualifier.value());
            }
            if let Some(stamp) = &record.micro_second_time_stamp {
                fields.constructed(0xa3, |fields| {
                    fields.integer(0x81, stamp.micro_seconds.into());
                    fields.integer(0x80, stamp.seconds);
                });
            }
            fields.constructed(0xa2, |fields| fields.constructed(0xa1, |fields| email_iri(fields, iri)));
            if let Some(iri_type) = record.iri_type {
                fields.enumerated(0x80, iri_type.value());
            }
        });
    }
    Some(reversed)
}

/// The `EmailIRI` of a record in which nothing needs the general encoder.
fn plain(record: &IriPayload) -> Option<&EmailIri> {
    let IriContents::EmailIri(iri) = &record.iri_contents else { return None };
    let address = |address: &Option<IpAddress>| {
        address
            .as_ref()
            .is_none_or(|address| address.additions.is_empty() && !matches!(address.ip_value, IpValue::Unrecognised(_)))
    };
    let aaa: Option<&Additions> = match &iri.aaa_information {
        None => Some(&Additions::NONE),
        Some(AaaInformation::Pop3AaaInformation(pop3)) => Some(&pop3.additions),
        Some(AaaInformation::ImapAaaInformation(imap)) => Some(&imap.additions),
        Some(AaaInformation::AsmtpAaaInformation(smtp)) => Some(&smtp.additions),
        Some(AaaInformation::Unrecognised(_)) => None,
    };
    let stamp = |stamp: &Option<MicroSecondTimeStamp>| stamp.as_ref().is_none_or(|stamp| stamp.additions.is_empty());
    let national = iri.national_em_asn1_parameters.as_ref().is_none_or(|national| national.additions.is_empty());
    let is_plain = record.time_stamp.is_none()
        && record.additions.is_empty()
        && stamp(&record.micro_second_time_stamp)
        && iri.additions.is_empty()
        && address(&iri.client_address)
        && address(&iri.server_address)
        && aaa.is_some_and(Additions::is_empty)
        && national;
    is_plain.then_some(iri)
}

fn email_iri(fields: &mut Reversed, iri: &EmailIri) {
    if let Some(validity) = iri.e_mail_sender_validity {
        fields.enumerated(0x91, validity.value());
    }
    if let Some(aaa) = &iri.aaa_information {
        // The tag is EXPLICIT: it stands before a CHOICE.
        fields.constructed(0xb0, |fields| aaa_information(fields, aaa));
    }
    if let Some(national) = &iri.national_em_asn1_parameters {
        fields.constructed(0xaf, |fields| fields.string(0x81, national.country_code.as_bytes()));
    }
    optional(fields, 0x8e, iri.national_parameter.as_ref());
    optional(fields, 0x8d, iri.message_id.as_ref());
    if let Some(count) = iri.total_recipient_count {
        fields.integer(0x8c, count.into());
    }
    fields.enumerated(0x8b, iri.status.value());
    if let Some(recipients) = &iri.e_mail_recipients {
        fields.constructed(0xaa, |fields| {
            recipients.iter().rev().for_each(|recipient| fields.string(0x0c, recipient.as_bytes()));
        });
    }
    if let Some(sender) = &iri.e_mail_sender {
        fields.string(0x89, sender.as_bytes());
    }
    fields.enumerated(0x88, iri.protocol_id.value());
    fields.integer(0x87, iri.client_octets_sent);
    fields.integer(0x86, iri.server_octets_sent);
    if let Some(port) = iri.server_port {
        fields.integer(0x85, port.into());
    }
    if let Some(port) = iri.client_port {
        fields.integer(0x84, port.into());
    }
    for (identifier, address) in [(0xa3, &iri.server_address), (0xa2, &iri.client_address)] {
        if let Some(address) = address {
            fields.constructed(identifier, |fields| ip_address(fields, address));
        }
    }
    fields.enumerated(0x81, iri.event_type.value());
    fields.string(0x80, iri.email_iri_obj_id.octets());
}

fn ip_address(fields: &mut Reversed, address: &IpAddress) {
    if let Some(translated) = address.ip_nat_translated {
        fields.string(0x86, &[if translated { 0xff } else { 0 }]);
    }
    optional(fields, 0x85, address.ipv4_subnet_mask.as_ref());
    if let Some(length) = address.ipv6_prefix_length {
        fields.integer(0x84, length.into());
    }
    if let Some(assignment) = address.ip_assignment {
        fields.enumerated(0x83, assignment.value());
    }
    fields.constructed(0xa2, |fields| match &address.ip_value {
        IpValue::Binary(octets) => fields.string(0x81, octets),
        IpValue::Text(text) => fields.string(0x82, text.as_iso646_bytes()),
        IpValue::Unrecognised(_) => {}
    });
    fields.enumerated(0x81, address.ip_type.value());
}

fn aaa_information(fields: &mut Reversed, aaa: &AaaInformation) {
    let result = |fields: &mut Reversed, identifier: u8, result: Option<AaaResult>| {
        if let Some(result) = result {
            fields.enumerated(identifier, result.value());
        }
    };
    let login = |fields: &mut Reversed, username: &str, password: &Option<String>, outcome: Option<AaaResult>| {
        result(fields, 0x82, outcome);
        if let Some(password) = password {
            fields.string(0x81, password.as_bytes());
        }
        fields.string(0x80, username.as_bytes());
    };
    match aaa {
        AaaInformation::Pop3AaaInformation(pop3) => {
            fields.constructed(0xa0, |fields| login(fields, &pop3.username, &pop3.password, pop3.aaa_result));
        }
        AaaInformation::AsmtpAaaInformation(smtp) => fields.constructed(0xa1, |fields| {
            result(fields, 0x84, smtp.aaa_result);
            optional(fields, 0x83, smtp.response.as_ref());
            optional(fields, 0x82, smtp.challenge.as_ref());
            fields.enumerated(0x81, smtp.auth_method.value());
            fields.string(0x80, smtp.username.as_bytes());
        }),
        AaaInformation::ImapAaaInformation(imap) => {
            fields.constructed(0xa2, |fields| login(fields, &imap.username, &imap.password, imap.aaa_result));
        }
        AaaInformation::Unrecognised(_) => {}
    }
}

fn optional(fields: &mut Reversed, identifier: u8, contents: Option<&OctetString>) {
    if let Some(contents) = contents {
        fields.string(identifier, contents);
    }
}
