//! A PDU as one short line.

use writ_etsi::{
    CcContents, CcPayload, EmailEvent, EmailIri, IpAddress, IriContents, IriPayload, Payload, PsHeader, PsPdu,
    TriPayload,
};

use super::escape::escape;
use super::messaging;
use super::octets::{as_text, hex};
use super::time::{of_generalized, of_stamp};

/// Characters of any one thing from the wire that the line has room for.
const ROOM: usize = 60;

/// Time, LIID, CIN, sequence number and what the PDU holds, on one line without its end.
#[must_use]
pub fn line(pdu: &PsPdu) -> String {
    let header = &pdu.ps_header;
    let cin = header.communication_identifier.communication_identity_number;
    format!(
        "{} {} cin {} seq {} {}",
        time(header),
        short(&header.lawful_interception_identifier),
        cin.map_or_else(|| "-".to_owned(), |cin| cin.to_string()),
        header.sequence_number,
        payload(&pdu.payload)
    )
}

fn time(header: &PsHeader) -> String {
    let stamp = header.micro_second_time_stamp.as_ref();
    stamp
        .map(|stamp| of_stamp(stamp).unwrap_or_else(|| format!("{}.{:06}", stamp.seconds, stamp.micro_seconds)))
        .or_else(|| header.time_stamp.as_ref().map(of_generalized))
        .unwrap_or_else(|| "(no time)".to_owned())
}

/// What a PDU holds, without its header.
pub(crate) fn payload(payload: &Payload) -> String {
    match payload {
        Payload::IriPayloadSequence(records) => each("IRI", records, iri),
        Payload::CcPayloadSequence(pieces) => each("CC", pieces, cc),
        Payload::TriPayload(TriPayload::IntegrityCheck(check)) => format!(
            "TRI integrityCheck {} of {} PDUs of {}",
            check.check_type.name().unwrap_or("?"),
            check.included_sequence_numbers.len(),
            check.data_type.and_then(|kind| kind.name()).unwrap_or("?")
        ),
        Payload::TriPayload(TriPayload::OperatorLeaMessage(words)) => {
            format!(
                "TRI operatorLeaMessage {}: {}",
                words.message_priority.name().unwrap_or("?"),
                short(&words.message)
            )
        }
        Payload::TriPayload(payload) => format!("TRI {}", payload.name().unwrap_or("unrecognised")),
        Payload::EncryptionContainer(container) => {
            format!("encrypted, {} octets", container.encrypted_payload.len())
        }
        Payload::Hi1Operation(_) | Payload::Unrecognised(_) => payload.name().unwrap_or("unrecognised").to_owned(),
    }
}

fn each<T>(kind: &str, values: &[T], show: impl Fn(&T) -> String) -> String {
    match values {
        [] => format!("{kind} (empty)"),
        [one] => format!("{kind} {}", show(one)),
        [first, rest @ ..] => format!("{kind} {} and {} more", show(first), rest.len()),
    }
}

fn iri(record: &IriPayload) -> String {
    let kind = record.iri_type.and_then(|kind| kind.name()).map_or("?", |name| name.trim_start_matches("iRI-"));
    let contents = match &record.iri_contents {
        IriContents::EmailIri(iri) => email_iri(iri),
        IriContents::MessagingIri(iri) => messaging::iri(iri),
        IriContents::UndefinedIri(octets) => format!("undefined, {} octets", octets.len()),
        IriContents::Unrecognised(_) => "unrecognised".to_owned(),
    };
    format!("{kind} {contents}")
}

fn email_iri(iri: &EmailIri) -> String {
    let mut line = format!(
        "{} {} {} > {}",
        iri.event_type.name().unwrap_or("?"),
        iri.protocol_id.name().unwrap_or("?"),
        end(iri.client_address.as_ref(), iri.client_port),
        end(iri.server_address.as_ref(), iri.server_port),
    );
    if let Some(sender) = &iri.e_mail_sender {
        line.push_str(&format!(" from <{}>", clip(sender)));
    }
    if let Some(recipients) = &iri.e_mail_recipients {
        let count = iri.total_recipient_count.map_or(recipients.len(), |count| count as usize);
        match recipients.first() {
            Some(first) if count > 1 => line.push_str(&format!(" to <{}> and {} more", clip(first), count - 1)),
            Some(first) => line.push_str(&format!(" to <{}>", clip(first))),
            None => line.push_str(&format!(" to {count}")),
        }
    }
    if let Some(message_id) = &iri.message_id {
        line.push_str(&format!(" id {}", short(message_id)));
    }
    // What the status of a logon says is in the event itself.
    if !matches!(iri.event_type, EmailEvent::Logon | EmailEvent::Logoff | EmailEvent::LogonFailure) {
        line.push_str(&format!(" {}", iri.status.name().unwrap_or("?")));
    }
    line.push_str(&format!(" octets {}/{}", iri.client_octets_sent, iri.server_octets_sent));
    line
}

fn end(address: Option<&IpAddress>, port: Option<u32>) -> String {
    let address = match address {
        Some(address) => match address.address() {
            Some(std::net::IpAddr::V6(v6)) if port.is_some() => format!("[{v6}]"),
            Some(address) => address.to_string(),
            None => "?".to_owned(),
        },
        None => "-".to_owned(),
    };
    port.map_or_else(|| address.clone(), |port| format!("{address}:{port}"))
}

fn cc(piece: &CcPayload) -> String {
    let direction = piece.payload_direction.and_then(|direction| direction.name()).unwrap_or("?");
    let contents = match &piece.cc_contents {
        CcContents::EmailCc(cc) => {
            format!("{} {} octets", cc.email_format.name().unwrap_or("?"), cc.content.len())
        }
        CcContents::MessagingCc(cc) => messaging::cc(cc),
        CcContents::UndefinedCc(octets) => format!("undefined {} octets", octets.len()),
        CcContents::MessagingMmCc(_) | CcContents::Unrecognised(_) => "unrecognised".to_owned(),
    };
    format!("{direction} {contents}")
}

/// Octets as text that a terminal can have, or in hex, cut to the room there is.
pub(super) fn short(octets: &[u8]) -> String {
    match as_text(octets) {
        Some(text) => clip(text),
        None => clip(&format!("0x{}", hex(octets.get(..ROOM).unwrap_or(octets)))),
    }
}

pub(super) fn clip(text: &str) -> String {
    let mut clipped = escape(&text.chars().take(ROOM).collect::<String>());
    if text.chars().nth(ROOM).is_some() {
        clipped.push('…');
    }
    clipped
}
