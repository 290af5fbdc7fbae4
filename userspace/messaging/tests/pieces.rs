//! Content that comes apart from its event: what becomes of it where the event is not known, or is not known any more. Of whatever
//! is said here a target's and a bystander's fare alike.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::*;
use writ_intercept::record::{Body, Record};
use writ_intercept::{TargetIndex, Warrant};
use writ_messaging::Settings;
use writ_wire::Time;

fn piece(of: &Value, sequence: u32) -> Value {
    json!({
        "of": of["id"], "system": of["system"], "time": "2026-11-22T10:05:00Z",
        "content": { "type": "audio/wav", "sequence": sequence, "data": base64(&[b'0' + sequence as u8]) },
    })
}

/// A message that is left by the target, and one by somebody else.
fn two(room: &mut Room) -> [Value; 2] {
    let mut of_others = room.event("message", "deposit");
    of_others["parties"] = json!([party("originating-party", OTHER)]);
    [room.event("message", "deposit"), of_others]
}

/// What a piece made, and whether it was refused.
fn say(room: &mut Room, request: &Value) -> (usize, bool) {
    let taken = room.say(request);
    let records = std::mem::take(&mut room.records);
    (records.len(), taken[0].is_unknown)
}

fn later(room: &mut Room, seconds: u64) {
    room.now = Time::from_parts(room.now.seconds() + seconds, 0);
    let now = room.now;
    room.messaging.tick(&room.index, now, &mut room.records);
    room.records.retain(|record| !matches!(record.body, Body::Closed));
}

#[test]
fn a_piece_before_its_event_is_refused_and_taken_after_it() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    for (event, covered) in two(&mut room).iter().zip([1, 0]) {
        assert_eq!(say(&mut room, &piece(event, 0)), (0, true));
        assert_eq!(say(&mut room, event), (covered, false));
        assert_eq!(say(&mut room, &piece(event, 0)), (covered, false));
        assert_eq!(say(&mut room, &piece(event, 0)), (0, false), "a repetition");
    }
    assert_eq!(room.messaging.counters().messaging_pieces_unknown, 2);
}

/// Whether a piece is refused does not depend on when the clock ticks.
#[test]
fn a_piece_is_taken_until_the_idle_time_has_passed_since_anything_was_heard_of_its_event() {
    for ticks in [true, false] {
        let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
        let events = two(&mut room);
        events.iter().for_each(|event| drop(room.of(event)));
        for (number, wait, taken) in [(0, 900, true), (1, 900, true), (2, 901, false)] {
            if ticks {
                later(&mut room, wait);
            } else {
                room.now = Time::from_parts(room.now.seconds() + wait, 0);
            }
            for (event, covered) in events.iter().zip([1, 0]) {
                let expected = (if taken { covered } else { 0 }, !taken);
                assert_eq!(say(&mut room, &piece(event, number)), expected, "piece {number}");
            }
        }
        // What was taken is not refused when it is said once more.
        for event in &events {
            assert_eq!(say(&mut room, &piece(event, 1)), (0, false));
        }
    }
}

fn cins(records: &[Record]) -> Vec<(u32, u32)> {
    let of = |record: &Record| match &record.body {
        Body::MessagingIri(iri) => (record.cin.0, iri.event_identifier),
        Body::MessagingCc(cc) => (record.cin.0, cc.event_identifier),
        other => panic!("{other:?}"),
    };
    records.iter().map(of).collect()
}

/// A repetition stays one; what is to have more content is said anew, whole and in a sequence of its own.
#[test]
fn an_event_that_is_over_is_told_anew_where_its_system_says_so() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut events = two(&mut room);
    for event in &mut events {
        event["contents"] = json!([{ "type": "audio/wav", "sequence": 0, "data": base64(b"0") }]);
    }
    assert_eq!(cins(&room.of(&events[0])), [(1, 1), (1, 1)]);
    room.of(&events[1]);
    later(&mut room, 901);
    for event in &events {
        assert_eq!(say(&mut room, event), (0, false), "a late repetition");
        assert_eq!(say(&mut room, &piece(event, 1)), (0, true), "which takes no content");
    }
    for event in &mut events {
        event["again"] = json!(true);
    }
    assert_eq!(cins(&room.of(&events[0])), [(2, 1), (2, 1)], "its content too");
    assert_eq!(cins(&room.of(&piece(&events[0], 1))), [(2, 1)]);
    assert_eq!(say(&mut room, &events[0]), (0, false), "and a repetition of that is one");
    assert_eq!(say(&mut room, &events[1]), (0, false));
    assert_eq!(say(&mut room, &piece(&events[1], 1)), (0, false));
}

/// What an earlier run has said and told is known; its sequences are over with it.
#[test]
fn after_a_restart_repetitions_are_known_and_pieces_are_refused() {
    let mut before = Room::new(vec![cc("W", [number(TARGET)])]);
    let events = two(&mut before);
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    for item in events.iter().chain([&piece(&events[0], 0), &piece(&events[1], 0)]) {
        for taken in before.say(item) {
            let now = before.now;
            taken.said.into_iter().for_each(|said| room.messaging.recall(said, false, now));
            let of_events = taken.told.iter().filter(|told| told.is_event);
            of_events.for_each(|told| room.messaging.recall(told.key, true, now));
        }
    }
    assert_eq!(before.records.len(), 2);
    for event in &events {
        assert_eq!(say(&mut room, event), (0, false));
        assert_eq!(say(&mut room, &piece(event, 0)), (0, false));
        assert_eq!(say(&mut room, &piece(event, 1)), (0, true));
    }
    let mut again = events[0].clone();
    again["again"] = json!(true);
    assert_eq!((say(&mut room, &again), say(&mut room, &piece(&again, 1))), ((1, false), (1, false)));
}

fn change(room: &mut Room, warrants: Vec<Warrant>) {
    room.index = Arc::new(TargetIndex::new(Warrant::replace(room.index.warrants(), warrants)));
}

#[test]
fn a_warrant_that_is_extended_goes_on_with_its_sequences() {
    let mut room = Room::new(vec![cc("W", [number(TARGET)])]);
    let mut events = two(&mut room);
    for event in &mut events {
        event["session"] = json!("one");
        room.of(event);
    }
    let mut longer = cc("W", [number(TARGET), number("+4930123456")]);
    longer.end = Time::from_parts(1_900_000_000, 0);
    change(&mut room, vec![longer]);
    assert_eq!(cins(&room.of(&piece(&events[0], 0))), [(1, 1)]);
    assert_eq!(say(&mut room, &piece(&events[1], 0)), (0, false));
    let mut next = room.event("message", "save");
    next["session"] = json!("one");
    assert_eq!(cins(&room.of(&next)), [(1, 2)]);
    // Under `iri` from now on.
    change(&mut room, vec![iri("W", [number(TARGET), number("+4930123456")])]);
    assert_eq!(say(&mut room, &piece(&events[0], 1)), (0, false));
}

/// Nobody can say whether it still covers what it covered: whoever's it is, it is to be said again and judged.
#[test]
fn after_a_warrant_lost_a_target_every_event_is_to_be_said_again() {
    let mut room = Room::new(vec![cc("W", [number(TARGET), number("+4930123456")])]);
    let mut events = two(&mut room);
    events.iter().for_each(|event| drop(room.of(event)));
    change(&mut room, vec![cc("W", [number(TARGET)])]);
    for (event, covered) in events.iter_mut().zip([1, 0]) {
        assert_eq!(say(&mut room, &piece(event, 0)), (0, true));
        event["again"] = json!(true);
        assert_eq!(say(&mut room, event), (covered, false));
        assert_eq!(say(&mut room, &piece(event, 0)), (covered, false));
    }
}

/// Clause 8.1, NOTE 2: with some LEMFs it is agreed that content of what the target does with its own box does not go along.
#[test]
fn content_of_own_access_is_left_out_where_it_is_agreed() {
    let retrieves = |room: &mut Room| room.event("message", "retrieve");
    let called = |room: &mut Room| {
        let mut said = room.event("message", "deposit");
        said["parties"] = json!([party("originating-party", OTHER), party("terminating-party", TARGET)]);
        said
    };
    let leaves = |room: &mut Room| room.event("message", "deposit");
    let connects = |room: &mut Room| room.event("message-box", "connect");
    let calls = |room: &mut Room| {
        let mut said = room.event("message-box", "connect");
        said["parties"] = json!([party("originating-party", TARGET), party("terminating-party", OTHER)]);
        said
    };
    type Say<'s> = &'s dyn Fn(&mut Room) -> Value;
    let cases: [(Say<'_>, bool); 5] =
        [(&retrieves, false), (&called, true), (&leaves, true), (&connects, false), (&calls, true)];
    for agreed in [true, false] {
        for (at, (event, told)) in cases.iter().enumerate() {
            let without_own_access = if agreed { vec![0] } else { vec![1] };
            let settings = Settings { without_own_access, ..Settings::default() };
            let mut room = Room::with(vec![cc("W", [number(TARGET)])], settings);
            let mut said = event(&mut room);
            let is_call = said["event"]["message-box"] == "connect";
            said["contents"] = if is_call { json!([]) } else { json!([{ "type": "text/plain", "data": "" }]) };
            let mut records = room.of(&said);
            if is_call {
                let packet = base64(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7]);
                records.extend(room.of(&json!({
                    "of": said["id"], "system": "vm-1", "time": "2026-11-22T10:20:00Z",
                    "rtp": { "from": "user", "sequence": 0, "packets": [packet] },
                })));
            }
            let goes = *told || !agreed;
            assert_eq!(records.len(), 1 + usize::from(goes), "case {at}, agreed: {agreed}");
            assert_eq!(room.messaging.counters().messaging_own_access, u64::from(!goes));
        }
    }
}
