//! Only what the warrant covers: its time, its targets, what it lets go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::*;
use writ_intercept::messaging::Property;
use writ_intercept::record::Body;
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{Target, TargetIndex, Warrant};
use writ_messaging::Settings;

#[test]
fn the_time_of_the_event_decides() {
    for (time, covered) in [
        ("2025-12-31T23:59:59.999999999Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-01-01T00:59:59+01:00", false),
        ("2026-12-31T23:59:59.999999Z", true),
        ("2027-01-01T00:00:00Z", false),
        ("2027-01-01T00:59:59+01:00", true),
    ] {
        let mut room = Room::new(vec![iri("W", [number(TARGET)])]);
        let mut said = room.event("message", "deposit");
        said["time"] = json!(time);
        assert_eq!(room.of(&said).len(), usize::from(covered), "{time}");
        assert_eq!(room.messaging.counters().messaging_outside_interval, u64::from(!covered));
    }
}

fn piece(of: &Value, sequence: u32, time: &str) -> Value {
    json!({
        "of": of["id"], "system": of["system"], "time": time,
        "content": { "type": "audio/wav", "sequence": sequence, "data": base64(b"voice") },
    })
}

#[test]
fn content_is_covered_by_its_own_time() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message", "deposit");
    said["time"] = json!("2026-12-31T23:59:00Z");
    room.of(&said);
    assert_eq!(room.of(&piece(&said, 0, "2026-12-31T23:59:59.999Z")).len(), 1);
    assert_eq!(room.of(&piece(&said, 1, "2027-01-01T00:00:00Z")).len(), 0);
    assert_eq!(room.of(&piece(&said, 2, "2025-12-31T23:59:59Z")).len(), 0);
}

#[test]
fn a_warrant_that_is_taken_back_covers_nothing_more() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let said = room.event("message", "deposit");
    assert_eq!(room.of(&said).len(), 1);
    room.index = std::sync::Arc::new(TargetIndex::new(Warrant::replace(room.index.warrants(), vec![])));
    assert_eq!(room.of(&piece(&said, 0, "2026-11-22T10:00:02Z")).len(), 0, "not even of an event that it covered");
    let next = room.event("message", "deposit");
    assert_eq!(room.of(&next).len(), 0);
}

/// Under `iri`: no content, and nothing that is content.
#[test]
fn iri_carries_no_content() {
    let mut room =
        Room::with(vec![iri("W", [number(TARGET)])], Settings { original_message_to: vec![0], ..Settings::default() });
    let mut said = room.event("message", "deposit");
    said["contents"] = json!([{ "type": "text/plain", "sequence": 0, "data": base64(b"SECRET") }]);
    said["properties"] = json!([{ "subject": "SECRET" }, { "language": "nl" }]);
    said["original_message"] = json!(base64(b"SECRET"));
    let records = room.of(&said);
    let iri = only(&records);
    assert!(iri.original_message.is_none());
    assert!(matches!(&iri.properties[..], [Property::Language(_)]));
    assert!(room.of(&piece(&said, 1, "2026-11-22T10:00:02Z")).is_empty());
    let connect = room.event("message-box", "connect");
    room.of(&connect);
    let leg = json!({
        "of": connect["id"], "system": "vm-1", "time": "2026-11-22T10:00:03Z",
        "rtp": { "from": "user", "sequence": 0, "packets": ["gAAAAQAAAAAAAAABdm9pY2U="] },
    });
    assert!(room.of(&leg).is_empty());
    assert_eq!(room.messaging.counters().messaging_cc_records, 0);
}

#[test]
fn credentials_go_along_only_under_full() {
    for (data, goes) in
        [(AuthenticationData::None, 0), (AuthenticationData::Username, 0), (AuthenticationData::Full, 2)]
    {
        let mut room = Room::new(vec![Warrant { authentication_data: data, ..cc("W", [number(TARGET)]) }]);
        let mut said = room.event("message-box", "pin-change");
        said["properties"] = json!([{ "pincode": "4711" }, { "password": "geheim" }]);
        assert_eq!(only(&room.of(&said)).properties.len(), goes);

        let mut reminder = room.event("message-notification", "sms-pin-reminder");
        reminder["contents"] = json!([{ "type": "text/plain", "data": base64("Your PIN is 4711.".as_bytes()) }]);
        let records = room.of(&reminder);
        let expected = if goes > 0 { "Your PIN is 4711." } else { "Your PIN is ****." };
        assert_eq!(cc_of(&records[1]).content.octets()[..], *expected.as_bytes());
        reminder["id"] = json!("encoded");
        reminder["contents"][0]["transfer_encoding"] = json!("base64");
        let expected = if goes > 0 { "Your PIN is 4711." } else { "*****************" };
        assert_eq!(cc_of(&room.of(&reminder)[1]).content.octets()[..], *expected.as_bytes());
    }
}

#[test]
fn digits_of_every_script_are_a_pin() {
    let told = |kind: &str, text: &str| {
        let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
        let mut reminder = room.event("message-notification", "sms-pin-reminder");
        reminder["contents"] = json!([{ "type": kind, "data": base64(text.as_bytes()) }]);
        let records = room.of(&reminder);
        String::from_utf8(cc_of(&records[1]).content.octets().to_vec()).unwrap()
    };
    for (text, expected) in [("PIN ٤٧١١!", "PIN ****!"), ("PIN ４７11", "PIN ****"), ("für Ⅶ", "für *")] {
        assert_eq!(told("text/plain; charset=UTF-8", text), expected);
    }
    // Where it says what octets mean that is not known here, none is shown.
    for kind in ["text/plain; charset=utf-7", "text/plain; charset=ibm037"] {
        assert_eq!(told(kind, "+ADQANwAxADE-"), "*".repeat(13), "{kind}");
    }
}

#[test]
fn two_warrants_of_one_liid_are_each_served() {
    let mut room = Room::new(vec![iri("SAME", [number(TARGET)]), cc("SAME", [number(TARGET)])]);
    let mut deposit = room.event("message", "deposit");
    deposit["contents"] = json!([{ "type": "text/plain", "data": base64(b"hello") }]);
    let records = room.of(&deposit);
    assert_eq!(records.iter().filter(|record| matches!(record.body, Body::MessagingIri(_))).count(), 2);
    assert_eq!(records.iter().filter(|record| matches!(record.body, Body::MessagingCc(_))).count(), 1);
    assert!(room.of(&deposit).is_empty(), "and told once");
}

fn email(address: &str) -> Target {
    Target::Address(address.into())
}

fn in_system(identifier: &str, system: &str) -> Target {
    Target::Box { identifier: identifier.into(), system: Some(system.into()) }
}

/// An event with one party who acts.
fn with(identity: Value) -> Value {
    json!({
        "id": "e", "system": "vm-1", "time": "2026-11-22T10:00:00Z", "status": "unknown", "trigger": "user",
        "parties": [{ "qualifier": "originating-party", "identity": identity }],
    })
}

#[test]
fn targets_are_found_as_people_write_them() {
    let cases = [
        (number("31612345678"), with(json!({ "msisdn": "+31612345678" })), true),
        (number("+31 6 1234 5678"), with(json!({ "e164-format": "0031612345678" })), true),
        (number("31612345678"), with(json!({ "tel-url": "tel:+31-6-12345678;ext=1" })), true),
        (number("31612345678"), with(json!({ "sip-uri": "sip:+31612345678@ims.example;user=phone" })), true),
        (number("31612345678"), with(json!({ "sip-uri": "sip:31612345678@ims.example" })), false),
        (number("31612345678"), with(json!({ "msisdn": "+31612345679" })), false),
        (number("31612345678"), with(json!({ "alphanumeric": "31612345678" })), false),
        (email("Alice@Example.ORG"), with(json!({ "email-address": ["bob@example.org", "alice@example.org"] })), true),
        (email("alice@example.org"), with(json!({ "sips-uri": "sips:alice@example.org:5061;x=y" })), true),
        (email("alice@example.org"), with(json!({ "nai": "alice@example.org" })), true),
        (email("alice@example.org"), with(json!({ "email-address": ["alice@example.com"] })), false),
        (Target::Email("alice@example.org".into()), with(json!({ "email-address": ["alice@example.org"] })), false),
        (Target::Login("alice".into()), with(json!({ "alphanumeric": "alice" })), false),
        (Target::Ip("192.0.2.1".parse().unwrap(), 32), with(json!({ "ip-address": "192.0.2.1" })), false),
    ];
    for (target, said, covered) in cases {
        let mut room = Room::new(vec![iri("W", [target])]);
        assert_eq!(room.of(&said).len(), usize::from(covered), "{said}");
    }
}

#[test]
fn a_box_is_that_of_its_system() {
    for (target, identifier, covered) in [
        (mailbox("1001"), "1001", true),
        (mailbox("+31612345678"), "31612345678", true),
        (mailbox("1001"), "01001", false),
        (mailbox("Alice"), "alice", false),
        (mailbox("+a"), "a", false),
        (in_system("1001", "vm-1"), "1001", true),
        (in_system("1001", "vm-2"), "1001", false),
    ] {
        let mut room = Room::new(vec![iri("W", [target])]);
        let mut said = with(json!({ "msisdn": OTHER }));
        said["box"] = json!(identifier);
        assert_eq!(room.of(&said).len(), usize::from(covered), "{identifier}");
    }
}

/// Clause 8.6, NOTE: whoever is associated with an event is mentioned in it, and takes no part.
#[test]
fn an_associated_party_is_not_covered() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut said = room.event("message", "retrieve");
    said["parties"] = json!([party("originating-party", OTHER), party("associated-party", TARGET)]);
    assert!(room.of(&said).is_empty());
}

#[test]
fn what_comes_again_is_not_told_again() {
    let mut room = Room::new(vec![cc("A", [number(TARGET)]), cc("B", [number(OTHER)])]);
    let mut said = room.event("message", "deposit");
    said["parties"] = json!([party("originating-party", OTHER), party("terminating-party", TARGET)]);
    said["contents"] = json!([{ "type": "text/plain", "sequence": 0, "data": base64(b"x") }]);
    let more = piece(&said, 1, "2026-11-22T10:00:02Z");
    assert_eq!((room.of(&said).len(), room.of(&more).len()), (4, 2));
    assert_eq!((room.of(&said).len(), room.of(&more).len()), (0, 0));
    assert_eq!(room.messaging.counters().messaging_repeated, 4);
    // Another system's event of the same name is another event.
    said["system"] = json!("vm-2");
    assert_eq!(room.of(&said).len(), 4);
}

#[test]
fn what_was_not_kept_may_be_told_again_and_the_rest_not() {
    let mut room = Room::new(vec![cc("A", [number(TARGET)])]);
    let said = room.event("message", "deposit");
    let taken = room.say(&said);
    let told = &taken[0].told;
    assert_eq!(told.len(), 1);
    room.messaging.forget(told);
    room.records.clear();
    assert_eq!(room.of(&said).len(), 1);
    assert_eq!(room.of(&said).len(), 0);
    // What is safe only when it is said once more is known as told then.
    let taken = room.say(&said);
    assert_eq!((taken[0].told.len(), taken[0].told_before.len()), (0, 1));
}

/// At a limit the pieces of what was forgotten are refused, and alike those of what is covered and of what is not.
#[test]
fn limits_hold_and_are_counted() {
    let settings = Settings { sequences: 2, events: 5, said: 6, remembered: 3, ..Settings::default() };
    let mut room = Room::with(vec![cc("W", [number(TARGET)])], settings);
    let mut of_others = room.event("message", "deposit");
    of_others["parties"] = json!([party("originating-party", OTHER)]);
    room.say(&of_others);
    let mut said = Vec::new();
    for session in 0..3 {
        let mut event = room.event("message", "deposit");
        event["session"] = json!(format!("{session}"));
        room.say(&event);
        said.push(event);
    }
    assert_eq!((room.messaging.sequences(), room.messaging.counters().messaging_sequences_given_up), (2, 1));
    let closed = room.records.iter().filter(|record| matches!(record.body, Body::Closed)).count();
    assert_eq!(closed, 1);
    let mut is_unknown = |of: &Value| room.say(&piece(of, 0, "2026-11-22T10:00:02Z"))[0].is_unknown;
    assert!(is_unknown(&said[0]), "its sequence was closed");
    assert!(is_unknown(&of_others), "nor has anything been heard of this one since");
    assert!(!is_unknown(&said[1]));
    assert_eq!(room.messaging.counters().messaging_events_forgotten, 2);
    for _ in 0..4 {
        let mut event = room.event("message", "save");
        event["session"] = json!("2");
        room.say(&event);
    }
    assert_eq!(room.messaging.counters().messaging_events_forgotten, 3);
    assert!(room.say(&piece(&said[2], 0, "2026-11-22T10:00:02Z"))[0].is_unknown, "the one not heard of for longest");
    let now = room.now;
    room.messaging.tick(&room.index, now, &mut room.records);
    assert_eq!(room.messaging.counters().messaging_keys_forgotten, 3 + 5);
}

/// Whoever takes part in an event, in some role.
fn anybody() -> impl Strategy<Value = (usize, usize)> {
    (0..4_usize, 0..6_usize)
}

const QUALIFIERS: [&str; 4] = ["unknown-party", "originating-party", "terminating-party", "associated-party"];
const PEOPLE: [&str; 6] =
    ["+31600000001", "+31600000002", "+31600000003", "+31600000004", "+31600000005", "+31600000006"];

proptest! {
    /// Whatever is said, and whatever is a target: a record stands under a warrant only if its target takes part in the event, at
    /// a time that the warrant covers; content only under `iri+cc`; and of an event that covers nobody nothing comes at all.
    #[test]
    fn what_a_warrant_does_not_cover_is_in_no_record(
        events in prop::collection::vec(
            (prop::collection::vec(anybody(), 0..4), 0..3_usize, 2025..2028_u32, prop::bool::ANY, 0..4_usize),
            1..12,
        ),
        targets in prop::collection::vec((0..6_usize, prop::bool::ANY), 1..4),
        boxes in prop::collection::vec(0..3_usize, 0..2),
    ) {
        let mut warrants: Vec<Warrant> = targets
            .iter()
            .enumerate()
            .map(|(at, (person, content))| {
                let of = if *content { cc } else { iri };
                of(&format!("N{at}"), [number(PEOPLE[*person])])
            })
            .collect();
        warrants.extend(boxes.iter().enumerate().map(|(at, of)| cc(&format!("B{at}"), [mailbox(&format!("{of}"))])));
        let mut room = Room::new(warrants);
        for (at, (parties, of_box, year, by_session, kind)) in events.iter().enumerate() {
            let parties: Vec<(usize, usize)> = parties.clone();
            let mark = format!("MARK-{at}-KRAM");
            let (category, event) =
                [("message", "deposit"), ("message-box", "login"), ("message-box", "logout"), ("call", "callout")][*kind];
            let mut said = json!({
                "id": format!("{at}"), "system": "vm-1", "time": format!("{year}-06-01T00:00:{at:02}Z"),
                "event": { category: event }, "status": "unknown", "trigger": "user", "box": format!("{of_box}"),
                "parties": parties.iter().map(|(role, who)| party(QUALIFIERS[*role], PEOPLE[*who])).collect::<Vec<_>>(),
                "properties": [{ "subject": mark }, { "message-identifier": mark }],
                "contents": [{ "type": "text/plain", "sequence": 0, "data": base64(mark.as_bytes()) }],
            });
            if *by_session {
                said["session"] = json!("one");
            }
            let mut records = room.of(&said);
            let after = json!({
                "of": format!("{at}"), "system": "vm-1", "time": format!("{year}-06-01T00:01:00Z"),
                "content": { "type": "text/plain", "sequence": 1, "data": base64(mark.as_bytes()) },
            });
            records.extend(room.of(&after));
            let mut covered: Vec<String> = Vec::new();
            for (liid, person) in targets.iter().enumerate().map(|(at, (person, _))| (format!("N{at}"), person)) {
                if parties.iter().any(|(role, who)| *role < 3 && who == person) {
                    covered.push(liid);
                }
            }
            covered.extend(boxes.iter().enumerate().filter(|(_, of)| *of == of_box).map(|(at, _)| format!("B{at}")));
            if *year != 2026 {
                covered.clear();
            }
            let mut told: Vec<String> = records
                .iter()
                .filter(|record| matches!(record.body, Body::MessagingIri(_)))
                .map(|record| record.mandate.liid.clone())
                .collect();
            told.sort();
            covered.sort();
            prop_assert_eq!(told, covered.clone());
            for record in &records {
                prop_assert!(covered.contains(&record.mandate.liid));
                let with_content = record.mandate.liid.starts_with('B')
                    || targets.iter().enumerate().any(|(at, (_, content))| *content && record.mandate.liid == format!("N{at}"));
                match &record.body {
                    Body::MessagingIri(iri) => {
                        let subjects = iri.properties.iter().filter(|property| matches!(property, Property::Subject(_)));
                        prop_assert_eq!(subjects.count(), usize::from(with_content));
                    }
                    Body::MessagingCc(cc) => {
                        prop_assert!(with_content && *kind == 0);
                        prop_assert_eq!(&cc.content.octets()[..], mark.as_bytes());
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
