//! TS 102 232-2 clause 8, clause by clause and row by row.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::*;
use writ_intercept::messaging::{
    BoxEvent, CallEvent, Category, GreetingType, Identity, MessageEvent, NotificationEvent, NotificationType,
    PayloadDirection, Priority, Property, Qualifier, Status, Trigger,
};
use writ_intercept::record::{Body, Deliver, IriType};
use writ_intercept::{Target, Warrant};
use writ_messaging::Settings;

const CATEGORIES: [(&str, usize); 4] = [("message", 7), ("message-box", 32), ("message-notification", 8), ("call", 1)];

/// Every event of a category, by its name.
fn events(kind: &str) -> Vec<&'static str> {
    match kind {
        "message" => MessageEvent::ALL.iter().map(|event| event.name()).collect(),
        "message-box" => BoxEvent::ALL.iter().map(|event| event.name()).collect(),
        "message-notification" => NotificationEvent::ALL.iter().map(|event| event.name()).collect(),
        _ => CallEvent::ALL.iter().map(|event| event.name()).collect(),
    }
}

fn name_of(category: Category) -> (&'static str, &'static str) {
    match category {
        Category::Message(event) => ("message", event.name()),
        Category::Box(event) => ("message-box", event.name()),
        Category::Notification(event) => ("message-notification", event.name()),
        Category::Call(event) => ("call", event.name()),
    }
}

/// Clauses 8.2 to 8.5: each event is told as what it is.
#[test]
fn each_event_is_told_in_its_category() {
    for (kind, count) in CATEGORIES {
        let events = events(kind);
        assert_eq!(events.len(), count);
        for event in events {
            let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
            let said = room.event(kind, event);
            let records = room.of(&said);
            assert_eq!(name_of(only(&records).category.unwrap()), (kind, event));
        }
    }
}

/// Clause 8: an event that cannot be translated has no category, and is told all the same.
#[test]
fn an_event_without_a_category_is_told() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut said = room.event("call", "callout");
    said.as_object_mut().unwrap().remove("event");
    let records = room.of(&said);
    assert_eq!((only(&records).category, only(&records).record_type), (None, IriType::Report));
}

/// Clause 8: every status; clause 8.6: every trigger.
#[test]
fn status_and_trigger_are_told_as_said() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    for (status, trigger) in Status::ALL.iter().zip(Trigger::ALL.iter().cycle()) {
        let mut said = room.event("message", "save");
        (said["status"], said["trigger"]) = (json!(status.name()), json!(trigger.name()));
        let records = room.of(&said);
        assert_eq!((only(&records).status, only(&records).trigger), (*status, *trigger));
    }
}

/// Clause 8: system, box, and what is agreed of the original message; clause 8.6: parties, in their order.
#[test]
fn what_is_said_of_an_event_is_told() {
    let mut room =
        Room::with(vec![cc("W", [number(TARGET)])], Settings { original_message_to: vec![0], ..Settings::default() });
    let mut said = room.event("message", "deposit");
    said["box"] = json!("31612345678");
    said["total_recipient_count"] = json!(3);
    said["original_message"] = json!(base64(b"CDR;1;2"));
    said["parties"] = json!([
        party("unknown-party", OTHER),
        party("originating-party", TARGET),
        { "qualifier": "terminating-party", "identity": { "email-address": ["a@example.org", "b@example.org"] } },
        { "qualifier": "associated-party", "identity": { "alphanumeric": "Bank" } },
        { "qualifier": "terminating-party", "identity": { "ip-address": "2001:db8::1" } },
    ]);
    let records = room.of(&said);
    let iri = only(&records);
    assert_eq!((iri.system.as_str(), iri.box_identifier.as_deref()), ("vm-1", Some("31612345678")));
    assert_eq!(iri.total_recipients, Some(3));
    assert_eq!(iri.original_message.as_ref().unwrap().octets()[..], b"CDR;1;2"[..]);
    let qualifiers: Vec<_> = iri.parties.iter().map(|party| party.qualifier).collect();
    assert_eq!(
        qualifiers,
        [
            Qualifier::Unknown,
            Qualifier::Originating,
            Qualifier::Terminating,
            Qualifier::Associated,
            Qualifier::Terminating
        ]
    );
    assert!(matches!(&iri.parties[2].identity, Identity::EmailAddress(addresses) if addresses.len() == 2));
    assert!(matches!(&iri.parties[3].identity, Identity::Alphanumeric(text) if text == "Bank"));
    assert!(matches!(&iri.parties[4].identity, Identity::IpAddress(address) if address.is_ipv6()));
    assert_eq!(records[0].time.seconds(), 1_795_341_601, "the time of the event");
}

/// Clause 8: without agreement no original message goes along.
#[test]
fn an_original_message_goes_only_where_it_is_agreed() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message", "deposit");
    said["original_message"] = json!(base64(b"CDR"));
    assert!(only(&room.of(&said)).original_message.is_none());
}

/// Clause 8.7: every property that says something of the event alone.
#[test]
fn properties_are_told() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message-box", "greeting-play");
    let mut properties: Vec<Value> = Vec::new();
    properties.extend(Priority::ALL.iter().map(|word| json!({ "priority": word.name() })));
    properties.extend(GreetingType::ALL.iter().map(|word| json!({ "greeting-type": word.name() })));
    properties.extend(NotificationType::ALL.iter().map(|word| json!({ "notification-type": word.name() })));
    properties.push(json!({ "language": "nl" }));
    properties.push(json!({ "subject": "hello" }));
    said["properties"] = json!(properties);
    let records = room.of(&said);
    let told: Vec<_> = only(&records)
        .properties
        .iter()
        .map(|property| match property {
            Property::Priority(word) => json!({ "priority": word.name() }),
            Property::GreetingType(word) => json!({ "greeting-type": word.name() }),
            Property::NotificationType(word) => json!({ "notification-type": word.name() }),
            Property::Language(text) => json!({ "language": text }),
            Property::Subject(text) => json!({ "subject": std::str::from_utf8(text.octets()).unwrap() }),
            _ => panic!("another property"),
        })
        .collect();
    assert_eq!(told, properties);
}

/// Clause 8.1, table 5: every event with content, and CC for exactly those of the table.
#[test]
fn content_is_told_for_exactly_the_events_of_table_5() {
    let mut told = 0;
    for (kind, _) in CATEGORIES {
        for event in events(kind) {
            let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
            let mut said = room.event(kind, event);
            said["contents"] = json!([{ "type": "text/plain;charset=utf-8", "data": base64(b"hello") }]);
            let records = room.of(&said);
            let category = iri_of(&records[0]).category.unwrap();
            let contents = &records[1..];
            assert_eq!(contents.len(), usize::from(category.triggers_content()), "{kind} {event}");
            told += contents.len();
            for record in contents {
                let cc = cc_of(record);
                assert_eq!(cc.event_identifier, iri_of(&records[0]).event_identifier);
                assert_eq!((record.cin, record.time), (records[0].cin, records[0].time));
                assert_eq!((cc.content_identifier, cc.sequence_number, cc.end_of_sequence), (None, None, false));
            }
            assert_eq!(room.messaging.counters().messaging_contents_not_due, u64::from(contents.is_empty()));
        }
    }
    assert_eq!(told, 16, "rows of table 5");
}

/// Clause 8.1: several contents of one event.
#[test]
fn contents_of_one_event_are_told_apart() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message", "retrieve");
    said["contents"] = json!([
        { "id": 0, "type": "text/plain", "data": base64(b"look") },
        { "id": 7, "type": "image/png", "transfer_encoding": "binary", "data": base64(b"\x89PNG") },
    ]);
    let records = room.of(&said);
    let told: Vec<_> = records[1..]
        .iter()
        .map(cc_of)
        .map(|cc| (cc.event_identifier, cc.content_identifier, cc.content_type.as_str(), &cc.content.octets()[..]))
        .collect();
    assert_eq!(told, [(1, Some(0), "text/plain", &b"look"[..]), (1, Some(7), "image/png", b"\x89PNG")]);
    assert_eq!(cc_of(&records[2]).transfer_encoding.as_deref(), Some("binary"));
}

/// Clause 8.1: content that is streamed comes in pieces, numbered from 0, and the last says so.
#[test]
fn streamed_content_keeps_its_numbers_and_its_end() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message", "deposit");
    said["contents"] = json!([{ "id": 3, "type": "audio/wav", "sequence": 0, "data": base64(b"0") }]);
    let mut records = room.of(&said);
    for (number, end) in [(1, false), (2, true)] {
        let piece = json!({
            "of": said["id"], "system": "vm-1", "time": "2026-11-22T10:20:00Z",
            "content": { "id": 3, "type": "audio/wav", "sequence": number, "end": end, "data": base64(&[b'0' + number]) },
        });
        records.extend(room.of(&piece));
    }
    let told: Vec<_> = records[1..]
        .iter()
        .map(|record| (record.cin.0, cc_of(record)))
        .map(|(cin, cc)| (cin, cc.event_identifier, cc.content_identifier, cc.sequence_number, cc.end_of_sequence))
        .collect();
    assert_eq!(
        told,
        [(1, 1, Some(3), Some(0), false), (1, 1, Some(3), Some(1), false), (1, 1, Some(3), Some(2), true)]
    );
    let octets: Vec<u8> = records[1..].iter().flat_map(|record| cc_of(record).content.octets().to_vec()).collect();
    assert_eq!(octets, b"012");
}

fn rtp(payload_type: u8, sequence: u16, payload: &[u8]) -> String {
    let [high, low] = sequence.to_be_bytes();
    base64(&[&[0x80, payload_type, high, low, 0, 0, 0, 0, 0, 0, 0, 1], payload].concat())
}

fn leg(of: &Value, from: &str, sequence: u32, packets: &[String]) -> Value {
    json!({
        "of": of, "system": "vm-1", "time": "2026-11-22T10:20:00Z",
        "rtp": {
            "from": from, "sequence": sequence, "packets": packets,
            "payload_types": [{ "number": 96, "type": "audio/AMR;rate=8000" }],
        },
    })
}

/// Clause 8.1, table 6, row by row.
#[test]
fn legs_of_a_call_are_told_as_table_6_says() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let connect = room.event("message-box", "connect");
    let mut records = room.of(&connect);
    records.extend(room.of(&leg(&connect["id"], "user", 0, &[rtp(8, 11, b"lo"), rtp(8, 10, b"hel")])));
    records.extend(room.of(&leg(&connect["id"], "system", 0, &[rtp(0, 1, b"press")])));
    records.extend(room.of(&leg(&connect["id"], "user", 1, &[rtp(96, 12, b"a"), rtp(96, 13, b"b")])));
    let mut last = leg(&connect["id"], "system", 1, &[rtp(0, 2, b"1")]);
    last["rtp"]["end"] = json!(true);
    records.extend(room.of(&last));
    let told: Vec<_> = records[1..]
        .iter()
        .map(cc_of)
        .map(|cc| {
            let number = (cc.content_identifier, cc.sequence_number, cc.end_of_sequence);
            (cc.direction, cc.event_identifier, number, cc.content_type.as_str(), &cc.content.octets()[..])
        })
        .collect();
    use PayloadDirection::{FromTarget, ToTarget};
    let amr = "audio/AMR;rate=8000";
    let event = iri_of(&records[0]).event_identifier;
    assert_eq!(
        told,
        [
            (FromTarget, event, (Some(0), Some(0), false), "audio/PCMA", &b"hello"[..]),
            (ToTarget, event, (Some(1), Some(0), false), "audio/PCMU", b"press"),
            (FromTarget, event, (Some(0), Some(1), false), amr, b"a"),
            (FromTarget, event, (Some(0), Some(2), false), amr, b"b"),
            (ToTarget, event, (Some(1), Some(1), true), "audio/PCMU", b"1"),
        ]
    );
    assert!(records.iter().all(|record| record.cin == records[0].cin));
}

/// Table 6: where somebody else has called the target's box, what he says goes to the target.
#[test]
fn directions_are_those_of_the_target() {
    for (warrant, from) in [
        (cc("W", [number(TARGET)]), PayloadDirection::ToTarget),
        (cc("W", [mailbox("1001")]), PayloadDirection::ToTarget),
        (cc("W", [number(OTHER)]), PayloadDirection::FromTarget),
    ] {
        let mut room = Room::new(vec![warrant]);
        let mut connect = room.event("message-box", "connect");
        connect["box"] = json!("1001");
        connect["parties"] = json!([party("originating-party", OTHER), party("terminating-party", TARGET)]);
        room.of(&connect);
        let records = room.of(&leg(&connect["id"], "user", 0, &[rtp(0, 1, b"x")]));
        let identifier = u32::from(from == PayloadDirection::ToTarget);
        assert_eq!((cc_of(&records[0]).direction, cc_of(&records[0]).content_identifier), (from, Some(identifier)));
    }
}

/// Clause 8.1: the legs are correlated to the connect event, and to no other.
#[test]
fn legs_of_another_event_are_not_told() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let login = room.event("message-box", "login");
    room.of(&login);
    assert!(room.of(&leg(&login["id"], "user", 0, &[rtp(0, 1, b"x")])).is_empty());
    assert_eq!(room.messaging.counters().messaging_contents_not_due, 1);
}

/// Clause 8.1: which way the content of each event of table 5 goes.
#[test]
fn content_of_events_has_its_direction() {
    use PayloadDirection::{FromTarget, NotApplicable, ToTarget};
    let cases = [
        ("message", "deposit", FromTarget, ToTarget),
        ("message", "retrieve", ToTarget, ToTarget),
        ("message", "delete", NotApplicable, NotApplicable),
        ("message", "save", NotApplicable, NotApplicable),
        ("message-box", "greeting-record", FromTarget, FromTarget),
        ("message-box", "greeting-change", FromTarget, FromTarget),
        ("message-box", "greeting-delete", NotApplicable, NotApplicable),
        ("message-box", "greeting-enable", NotApplicable, NotApplicable),
        ("message-box", "greeting-disable", NotApplicable, NotApplicable),
        ("message-box", "greeting-play", ToTarget, FromTarget),
        ("message-notification", "sms", ToTarget, ToTarget),
        ("message-notification", "fax-to-email", ToTarget, ToTarget),
    ];
    for (kind, event, acting, receiving) in cases {
        for (qualifier, expected) in [("originating-party", acting), ("terminating-party", receiving)] {
            let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
            let mut said = room.event(kind, event);
            said["parties"] = json!([party(qualifier, TARGET)]);
            said["contents"] = json!([{ "type": "text/plain", "data": "" }]);
            assert_eq!(cc_of(&room.of(&said)[1]).direction, expected, "{event} {qualifier}");
        }
    }
}

/// Clause 8.1: one CIN from login to logout, each event with an identifier of its own in it.
#[test]
fn a_sequence_is_one_communication() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut records = Vec::new();
    for (kind, event) in [
        ("message-box", "login"),
        ("message", "retrieve"),
        ("message-box", "greeting-change"),
        ("message-box", "logout"),
        ("message-box", "login"),
        ("message-box", "logout"),
        ("message", "save"),
    ] {
        let said = room.event(kind, event);
        records.extend(room.of(&said));
    }
    use IriType::{Begin, Continue, End, Report};
    assert_eq!(
        placed(&records),
        [(1, Begin, 1), (1, Continue, 2), (1, Continue, 3), (1, End, 4), (2, Begin, 1), (2, End, 2), (3, Report, 1)]
    );
}

#[test]
fn a_call_is_one_communication_from_connect_to_disconnect() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut records = Vec::new();
    for event in ["connect", "login", "disconnect", "connect", "connect"] {
        let said = room.event("message-box", event);
        records.extend(room.of(&said));
    }
    use IriType::{Begin, Continue, End};
    assert_eq!(placed(&records), [(1, Begin, 1), (1, Continue, 2), (1, End, 3), (2, Begin, 1), (3, Begin, 1)]);
}

/// A refused login begins nothing.
#[test]
fn a_refused_login_is_a_report() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut refused = room.event("message-box", "login");
    refused["status"] = json!("operation-failed");
    let login = room.event("message-box", "login");
    let mut records = room.of(&refused);
    records.extend(room.of(&login));
    assert_eq!(placed(&records), [(1, IriType::Report, 1), (2, IriType::Begin, 1)]);
}

/// Clause 8.1: what its system calls a session is one sequence, whoever takes part and however it is ordered.
#[test]
fn a_named_session_is_one_communication() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut records = Vec::new();
    for (session, kind, event) in [
        ("call-1", "message-box", "connect"),
        ("call-2", "message-box", "connect"),
        ("call-1", "message", "deposit"),
        ("call-2", "message", "slamdown"),
        ("call-2", "message-box", "disconnect"),
        ("call-1", "message-box", "disconnect"),
        ("call-1", "message", "deposit"),
    ] {
        let mut said = room.event(kind, event);
        said["session"] = json!(session);
        said["parties"] = json!([party("originating-party", OTHER), party("terminating-party", TARGET)]);
        records.extend(room.of(&said));
    }
    use IriType::{Begin, Continue, End, Report};
    assert_eq!(
        placed(&records),
        [(1, Begin, 1), (2, Begin, 1), (1, Continue, 2), (2, Continue, 2), (2, End, 3), (1, End, 3), (1, Report, 4)]
    );
}

/// Clause 8.1: all events of a call are one sequence, named or not, also those after a logout in it. Whoever hangs up ends it, and what
/// is told of it after that is told as its own; a name that is used for the next call stands for that.
#[test]
fn a_logout_in_a_call_is_not_its_end() {
    use IriType::{Begin, Continue, End, Report};
    for session in [Some("call"), None] {
        let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
        let mut records = Vec::new();
        for event in ["connect", "login", "logout", "login", "logout", "disconnect", "unlock", "connect", "disconnect"]
        {
            let mut said = room.event("message-box", event);
            session.iter().for_each(|session| said["session"] = json!(session));
            records.extend(room.of(&said));
        }
        let call = [(1, Begin, 1), (1, Continue, 2), (1, Continue, 3), (1, Continue, 4), (1, Continue, 5), (1, End, 6)];
        let after = if session.is_some() {
            [(1, Report, 7), (2, Begin, 1), (2, End, 2)]
        } else {
            [(2, Report, 1), (3, Begin, 1), (3, End, 2)]
        };
        assert_eq!(placed(&records), [&call[..], &after[..]].concat());
    }
}

/// Clause 8.1: without a name for them, events belong together as long as the idle time is not over; what others do towards the
/// target is apart from what it does itself, and each of the others apart.
#[test]
fn without_a_name_the_idle_time_ends_a_sequence() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let mut at = |time: &str, qualifier: &str, other: &str| {
        let mut said = room.event("message", "deposit");
        said["time"] = json!(time);
        said["parties"] = json!([party(qualifier, TARGET), party("originating-party", other)]);
        placed(&room.of(&said))[0].0
    };
    assert_eq!(at("2026-11-22T10:00:00Z", "terminating-party", OTHER), 1);
    assert_eq!(at("2026-11-22T10:15:00Z", "terminating-party", OTHER), 1);
    assert_eq!(at("2026-11-22T10:15:01Z", "originating-party", OTHER), 2);
    assert_eq!(at("2026-11-22T10:15:02Z", "terminating-party", "+31301234567"), 3);
    assert_eq!(at("2026-11-22T10:20:00Z", "terminating-party", OTHER), 1);
    assert_eq!(at("2026-11-22T10:35:00.1Z", "terminating-party", OTHER), 4);
}

#[test]
fn sequences_that_are_over_are_closed_once_their_content_can_be_over() {
    let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
    let said = room.event("message-box", "login");
    room.of(&said);
    let later = |seconds: u64| writ_wire::Time::from_parts(1_795_342_500 + seconds, 0);
    for (seconds, sequences) in [(900, 1), (901, 0)] {
        room.messaging.tick(&room.index, later(seconds), &mut room.records);
        assert_eq!(room.messaging.sequences(), sequences);
    }
    let [record] = &room.records[..] else { panic!() };
    assert!(matches!(record.body, Body::Closed) && record.cin.0 == 1);
}

/// Clause 8.1: an SMS message is text/plain.
#[test]
fn an_sms_is_plain_text() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    for event in ["sms", "sms-deposit", "sms-slamdown", "sms-pin-reminder"] {
        let mut said = room.event("message-notification", event);
        said["contents"] = json!([{ "type": "application/vnd.3gpp.sms", "data": "" }]);
        let error = writ_messaging::read(said.to_string().as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "contents[0].type: expected text/plain, with or without a charset: it is an SMS");
        said["contents"][0]["type"] = json!("Text/Plain; charset=utf-8");
        assert_eq!(room.of(&said).len(), 2);
    }
}

/// Clause 8.1, NOTE 1, and an event under several warrants: each is served apart.
#[test]
fn warrants_are_served_apart() {
    let of = |liid: &str, lemf: usize, deliver: Deliver, target: Target| -> Warrant {
        let mut warrant = support::warrant(liid, deliver, [target]);
        warrant.mandate = std::sync::Arc::new(writ_intercept::record::Mandate {
            liid: liid.into(),
            authorization_country: "NL".into(),
            lemf,
        });
        warrant
    };
    let mut room = Room::new(vec![
        of("A", 0, Deliver::IriAndCc, number(TARGET)),
        of("B", 1, Deliver::Iri, mailbox("1001")),
        of("C", 1, Deliver::IriAndCc, number(OTHER)),
        of("D", 0, Deliver::IriAndCc, number("+4930123456")),
    ]);
    let mut said = room.event("message", "deposit");
    said["box"] = json!("1001");
    said["parties"] = json!([party("originating-party", OTHER), party("terminating-party", TARGET)]);
    said["contents"] = json!([{ "type": "audio/wav", "data": base64(b"voice") }]);
    let records = room.of(&said);
    let told: Vec<_> = records
        .iter()
        .map(|record| (record.mandate.liid.as_str(), record.cin.0, matches!(record.body, Body::MessagingCc(_))))
        .collect();
    assert_eq!(told, [("C", 1, false), ("C", 1, true), ("A", 2, false), ("A", 2, true), ("B", 3, false)]);
    assert_eq!(cc_of(&records[1]).direction, PayloadDirection::FromTarget);
    assert_eq!(cc_of(&records[3]).direction, PayloadDirection::ToTarget);
}
