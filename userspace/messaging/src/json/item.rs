//! Events, and pieces that come after them.

use writ_intercept::messaging::{
    BoxEvent, CallEvent, Category, CopyQualifier, GreetingType, MessageEvent, MessageStatus, NotificationEvent,
    NotificationType, Party, Priority, Property, Qualifier, RequestedReports, Status, Trigger, Validity,
};

use super::content;
use super::identity;
use super::place::{Malformed, Object, Place, Value};
use super::tree::Json;
use crate::event::{Event, Item, Piece, PieceBody};

/// The most octets of what a system calls an event or a session.
const NAME: usize = 128;
/// Of a `system`.
const SYSTEM: usize = 64;
/// Of a `box`.
const BOX: usize = 255;
/// Of an original message, in base64: 64 KiB. It goes in one PDU.
pub(super) const ORIGINAL: usize = 65_536;
/// Parties of an event.
const PARTIES: usize = 1024;
/// Properties of an event.
const PROPERTIES: usize = 64;

/// Octets of the text of all properties of an event. It goes in one PDU, with the rest of the event.
const PROPERTY_OCTETS: usize = 65_536;

/// Reads an item.
pub(super) fn read(json: Json<'_>, place: &Place<'_>) -> Result<Item, Malformed> {
    let Json::Object(_) = json else { return Err(place.expected("an object, or a list of objects")) };
    let (object, _) = Value::new(json, Place::root()).object()?;
    if object.has("of") { piece(object, place) } else { event(object, place) }
}

fn piece(mut object: Object<'_>, place: &Place<'_>) -> Result<Item, Malformed> {
    let of = object.require("of", place)?.text(1, NAME)?.into_owned();
    let system = object.require("system", place)?.text(1, SYSTEM)?.into_owned();
    let time = object.require("time", place)?.time()?;
    let body = match (object.take("content", place), object.take("rtp", place)) {
        (Some(value), None) => {
            let part = content::part(value)?;
            if part.sequence.is_none() {
                return Err(place.key("content").expected("the key sequence: the content comes in pieces"));
            }
            PieceBody::Part(part)
        }
        (None, Some(value)) => PieceBody::Rtp(content::rtp(value)?),
        _ => return Err(place.expected("the key content or the key rtp")),
    };
    object.finish(place, "of, system, time, content, rtp")?;
    Ok(Item::Piece(Box::new(Piece { of, time, system, body })))
}

fn event(mut object: Object<'_>, place: &Place<'_>) -> Result<Item, Malformed> {
    let id = object.require("id", place)?.text(1, NAME)?.into_owned();
    let is_again = object.take("again", place).map(Value::flag).transpose()?.unwrap_or(false);
    let system = object.require("system", place)?.text(1, SYSTEM)?.into_owned();
    let time = object.require("time", place)?.time()?;
    let status = object.require("status", place)?.word(Status::ALL, Status::name)?;
    let trigger = object.require("trigger", place)?.word(Trigger::ALL, Trigger::name)?;
    let session = object.take("session", place).map(|value| value.text(1, NAME)).transpose()?;
    let box_identifier = object.take("box", place).map(|value| value.text(1, BOX)).transpose()?;
    let category = object.take("event", place).map(category).transpose()?;
    let parties = object.take("parties", place).map_or(Ok(Vec::new()), |value| value.list(0, PARTIES, party))?;
    let addresses: usize = parties.iter().map(identity::addresses).sum();
    if addresses > identity::ADDRESSES {
        return Err(place.key("parties").expected("at most 4096 addresses in all"));
    }
    if parties.iter().map(identity::octets).sum::<usize>() > identity::OCTETS {
        return Err(place.key("parties").expected("identities of at most 262144 octets in all"));
    }
    let properties = object.take("properties", place);
    let properties = properties.map_or(Ok(Vec::new()), |value| value.list(0, PROPERTIES, property))?;
    if properties.iter().map(octets_of_property).sum::<usize>() > PROPERTY_OCTETS {
        return Err(place.key("properties").expected("text of at most 65536 octets in all"));
    }
    let original_message = object.take("original_message", place).map(|value| {
        let place_of = place.key("original_message");
        let octets = value.base64()?;
        if octets.len() <= ORIGINAL { Ok(octets) } else { Err(place_of.expected("at most 65536 octets")) }
    });
    let original_message = original_message.transpose()?;
    let total_recipients = object.take("total_recipient_count", place).map(Value::number).transpose()?;
    let contents = object.take("contents", place).map_or(Ok(Vec::new()), |value| content::contents(value, category))?;
    object.finish(
        place,
        "id, again, time, system, session, box, event, status, trigger, parties, properties, original_message, \
         total_recipient_count, contents",
    )?;
    Ok(Item::Event(Box::new(Event {
        id,
        is_again,
        time,
        system,
        session: session.map(Into::into),
        box_identifier: box_identifier.map(Into::into),
        category,
        status,
        trigger,
        parties,
        properties,
        original_message,
        total_recipients,
        contents,
    })))
}

fn category(value: Value<'_, '_>) -> Result<Category, Malformed> {
    let (object, place) = value.object()?;
    let (key, json) = object.only(&place, &["message", "message-box", "message-notification", "call"])?;
    let value = Value::new(json, place.key(key));
    match key {
        "message" => value.word(MessageEvent::ALL, MessageEvent::name).map(Category::Message),
        "message-box" => value.word(BoxEvent::ALL, BoxEvent::name).map(Category::Box),
        "message-notification" => {
            value.word(NotificationEvent::ALL, NotificationEvent::name).map(Category::Notification)
        }
        _ => value.word(CallEvent::ALL, CallEvent::name).map(Category::Call),
    }
}

fn party(value: Value<'_, '_>) -> Result<Party, Malformed> {
    let (mut object, place) = value.object()?;
    let qualifier = object.require("qualifier", &place)?.word(Qualifier::ALL, Qualifier::name)?;
    let identity = identity::read(object.require("identity", &place)?)?;
    let validity =
        object.take("validity", &place).map(|value| value.word(Validity::ALL, Validity::name)).transpose()?;
    let copy =
        object.take("copy", &place).map(|value| value.word(CopyQualifier::ALL, CopyQualifier::name)).transpose()?;
    object.finish(&place, "qualifier, identity, validity, copy")?;
    Ok(Party { qualifier, identity, validity, copy })
}

/// The names of the properties, as the standard has them.
pub(super) const PROPERTY: [&str; 13] = [
    "pincode",
    "priority",
    "greeting-type",
    "notification-type",
    "language",
    "message-identifier",
    "subject",
    "user-agent",
    "password",
    "message-status",
    "requested-reports",
    "expires",
    "message-date",
];

fn property(value: Value<'_, '_>) -> Result<Property<String, String>, Malformed> {
    let (object, place) = value.object()?;
    let (key, json) = object.only(&place, &PROPERTY)?;
    let value = Value::new(json, place.key(key));
    Ok(match key {
        "pincode" => Property::Pincode(value.text(1, 32)?.into_owned()),
        "priority" => Property::Priority(value.word(Priority::ALL, Priority::name)?),
        "greeting-type" => Property::GreetingType(value.word(GreetingType::ALL, GreetingType::name)?),
        "notification-type" => Property::NotificationType(value.word(NotificationType::ALL, NotificationType::name)?),
        "language" => Property::Language(value.text(1, 64)?.into_owned()),
        "message-identifier" => Property::MessageIdentifier(value.text(1, 998)?.into_owned()),
        "subject" => Property::Subject(value.text(0, 4096)?.into_owned()),
        "user-agent" => Property::UserAgent(value.text(1, 1024)?.into_owned()),
        "password" => Property::Password(value.text(1, 255)?.into_owned()),
        "message-status" => Property::MessageStatus(value.word(MessageStatus::ALL, MessageStatus::name)?),
        "requested-reports" => Property::RequestedReports(value.word(RequestedReports::ALL, RequestedReports::name)?),
        "expires" => Property::Expires(value.time()?),
        _ => Property::MessageDate(value.time()?),
    })
}

fn octets_of_property(property: &Property<String, String>) -> usize {
    match property {
        Property::Pincode(text)
        | Property::Language(text)
        | Property::MessageIdentifier(text)
        | Property::Subject(text)
        | Property::UserAgent(text)
        | Property::Password(text) => text.len(),
        Property::Priority(_)
        | Property::GreetingType(_)
        | Property::NotificationType(_)
        | Property::MessageStatus(_)
        | Property::RequestedReports(_)
        | Property::Expires(_)
        | Property::MessageDate(_) => 16,
    }
}
