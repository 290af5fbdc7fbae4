//! Contents of events, and pieces of them.

use writ_intercept::messaging::{Category, NotificationEvent};

use super::place::{Malformed, Object, Place, Value};
use crate::event::{Part, RtpPiece};
use crate::rtp::{self, Packet};

/// Contents of one event.
const CONTENTS: usize = 256;
/// RTP packets of one piece.
const PACKETS: usize = 4096;
/// Octets of a MIME type with its parameters.
const CONTENT_TYPE: usize = 255;

/// The contents of an event. Those of several have a number each, so that they can be told apart (clause 8.1).
pub(super) fn contents(value: Value<'_, '_>, category: Option<Category>) -> Result<Vec<Part>, Malformed> {
    let is_sms = matches!(
        category,
        Some(Category::Notification(
            NotificationEvent::Sms
                | NotificationEvent::SmsDeposit
                | NotificationEvent::SmsSlamdown
                | NotificationEvent::SmsPinReminder
        ))
    );
    let parts = value.list(0, CONTENTS, |value| {
        let at = value.place.to_string();
        let part = part(value)?;
        // Clause 8.1: the content of an SMS message is signalled as text/plain.
        if is_sms && essence(&part.content_type) != "text/plain" {
            return Err(Malformed::at_place(at, "type", "text/plain, with or without a charset: it is an SMS"));
        }
        Ok((at, part))
    })?;
    let several = parts.len() > 1;
    let mut seen: Vec<u32> = Vec::new();
    for (at, part) in &parts {
        match part.identifier {
            Some(identifier) if seen.contains(&identifier) => {
                return Err(Malformed::at_place(at.clone(), "id", "a number that no other content of the event has"));
            }
            Some(identifier) => seen.push(identifier),
            None if several => {
                return Err(Malformed::at_place(at.clone(), "id", "a number: there are several contents"));
            }
            None => {}
        }
    }
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

/// A content, or a piece of one.
pub(super) fn part(value: Value<'_, '_>) -> Result<Part, Malformed> {
    let (mut object, place) = value.object()?;
    let identifier = object.take("id", &place).map(Value::number).transpose()?;
    let content_type = content_type(object.require("type", &place)?)?;
    let transfer_encoding = object.take("transfer_encoding", &place).map(|value| {
        value.parsed("a token (RFC 2045 §6.1), such as quoted-printable", |text| {
            (text.len() <= 64 && is_token(text)).then(|| text.to_owned())
        })
    });
    let transfer_encoding = transfer_encoding.transpose()?;
    let sequence = sequence(&mut object, &place)?;
    let octets = object.require("data", &place)?.base64()?;
    object.finish(&place, "id, type, transfer_encoding, sequence, end, data")?;
    Ok(Part { identifier, content_type, transfer_encoding, sequence, octets })
}

fn sequence(object: &mut Object<'_>, place: &Place<'_>) -> Result<Option<(u32, bool)>, Malformed> {
    let number = object.take("sequence", place).map(Value::number).transpose()?;
    let end = object.take("end", place).map(Value::flag).transpose()?;
    match (number, end) {
        (Some(number), end) => Ok(Some((number, end.unwrap_or(false)))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(place.expected("the key sequence beside end")),
    }
}

/// A piece of a leg of a call.
pub(super) fn rtp(value: Value<'_, '_>) -> Result<RtpPiece, Malformed> {
    let (mut object, place) = value.object()?;
    let from_user =
        object.require("from", &place)?.word(&[true, false], |user| if user { "user" } else { "system" })?;
    let (number, is_last) = sequence(&mut object, &place)?.ok_or_else(|| place.expected("the key sequence"))?;
    let types = object.take("payload_types", &place).map_or(Ok(Vec::new()), |value| {
        value.list(0, 32, |value| {
            let (mut object, place) = value.object()?;
            let number = object.require("number", &place)?.number()?;
            let number = u8::try_from(number).ok().filter(|number| (96..=127).contains(number));
            let number = number.ok_or_else(|| place.key("number").expected("a dynamic payload type, 96 to 127"))?;
            let name = content_type(object.require("type", &place)?)?;
            object.finish(&place, "number, type")?;
            Ok((number, name))
        })
    })?;
    let name = |payload_type: u8| {
        let dynamic = types.iter().find(|(number, _)| *number == payload_type).map(|(_, name)| name.clone());
        dynamic.or_else(|| rtp::static_type(payload_type).map(str::to_owned))
    };
    let packets = object.require("packets", &place)?.list(1, PACKETS, |value| {
        let at = value.place.to_string();
        let wrong = |expected| Malformed::at_place(at.clone(), "", expected);
        let packet = Packet::read(value.base64()?).ok_or_else(|| wrong("a packet of RTP (RFC 3550 §5.1)"))?;
        match name(packet.payload_type) {
            Some(_) => Ok(packet),
            None => Err(wrong("a payload type of RFC 3551, or one of payload_types")),
        }
    })?;
    object.finish(&place, "from, sequence, end, payload_types, packets")?;
    Ok(RtpPiece { from_user, number, is_last, runs: rtp::runs(packets, name) })
}

/// A MIME type with its parameters (RFC 2045 §5.1).
fn content_type(value: Value<'_, '_>) -> Result<String, Malformed> {
    value.parsed("a MIME type (RFC 2045 §5.1), such as audio/PCMU or text/plain;charset=utf-8", |text| {
        let (kind, subtype) = text.split_once(';').map_or(text, |(essence, _)| essence).trim_end().split_once('/')?;
        let printable = text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
        (text.len() <= CONTENT_TYPE && printable && is_token(kind) && is_token(subtype)).then(|| text.to_owned())
    })
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// RFC 2045 §5.1, `token`.
fn is_token(text: &str) -> bool {
    let good = |octet: u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet);
    !text.is_empty() && text.bytes().all(good)
}
