//! Any octets: items, or one line that says what is wrong and where, without a value in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use proptest::prelude::*;
use serde_json::{Value, json};
use writ_messaging::read;

fn wrong(text: &str) -> String {
    read(text.as_bytes()).expect_err(text).to_string()
}

fn event() -> Value {
    json!({
        "id": "ZQXJ", "system": "ZQXJ", "time": "2026-11-22T10:00:00Z", "status": "unknown", "trigger": "user",
        "event": { "message": "deposit" }, "box": "ZQXJ", "session": "ZQXJ",
        "parties": [{ "qualifier": "originating-party", "identity": { "alphanumeric": "ZQXJ" } }],
        "properties": [{ "subject": "ZQXJ" }],
        "contents": [{ "id": 1, "type": "a/b", "data": "ZQXJ" }],
    })
}

#[test]
fn what_is_no_json_is_said_with_its_place() {
    for (text, expected) in [
        ("", "line 1, column 0: expected JSON"),
        ("{", "line 1, column 1: expected JSON"),
        ("{}\n{}", "line 2, column 1: expected JSON"),
        ("\"\\ud800\"", "line 1, column 8: expected JSON"),
        ("nul", "line 1, column 3: expected JSON"),
        ("1e999", "line 1, column 5: expected JSON"),
        ("{\"ZQXJ\": 1, \"ZQXJ\": 2}", "line 1, column 18: expected each key of an object once"),
    ] {
        assert_eq!(wrong(text), expected, "{text}");
    }
    assert!(read(b"\xff").unwrap_err().to_string().ends_with("expected JSON"));
    assert!(read(b"\"\xff\"").unwrap_err().to_string().ends_with("expected JSON"));
}

#[test]
fn what_is_too_much_is_refused() {
    for open in ["[", "{\"a\":"] {
        assert!(wrong(&open.repeat(100_000)).ends_with("expected JSON"), "nesting is bounded");
    }
    assert!(wrong(&format!("[{}0]", "0,".repeat(300_000))).ends_with("expected at most 262144 values"));
    let keys: Vec<String> = (0..65).map(|key| format!("\"{key}\":0")).collect();
    assert!(wrong(&format!("{{{}}}", keys.join(","))).ends_with("expected at most 64 keys in an object"));
    let many: Value = (0..1025).map(|_| event()).collect();
    assert_eq!(wrong(&many.to_string()), "expected 1 to 1024 items");
    assert_eq!(wrong("[]"), "expected 1 to 1024 items");
    let mut addresses = event();
    let list: Vec<_> = (0..1000).map(|_| json!("a@b")).collect();
    let party = json!({ "qualifier": "unknown-party", "identity": { "email-address": list } });
    addresses["parties"] = (0..5).map(|_| party.clone()).collect();
    assert_eq!(wrong(&addresses.to_string()), "parties: expected at most 4096 addresses in all");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_without_its_value() {
    let cases: [(&str, Value, &str); 22] = [
        ("/id", json!(7), "id: expected text of 1 to 128 octets, without control characters"),
        ("/id", json!("ZQXJ\u{7}"), "id: expected text of 1 to 128 octets, without control characters"),
        (
            "/time",
            json!("ZQXJ"),
            "time: expected a date and time with an offset (RFC 3339), such as 2026-01-01T00:00:00Z",
        ),
        ("/time", json!(1_795_342_500), "time: expected a date and time with an offset"),
        ("/status", json!("ZQXJ"), "status: expected \"unknown\", \"not-applicable\","),
        ("/event", json!({ "ZQXJ": "deposit" }), "event: expected one key of message, message-box,"),
        ("/event", json!({ "message": "deposit", "call": "callout" }), "event: expected one key of"),
        ("/event/message", json!("ZQXJ"), "event.message: expected \"deposit\","),
        ("/parties", json!({}), "parties: expected a list of 0 to 1024"),
        ("/parties/0", json!("ZQXJ"), "parties[0]: expected an object"),
        (
            "/parties/0/identity",
            json!({ "msisdn": "ZQXJ" }),
            "parties[0].identity.msisdn: expected an international number",
        ),
        (
            "/parties/0/identity",
            json!({ "msisdn": "0612345678" }),
            "parties[0].identity.msisdn: expected an international",
        ),
        ("/parties/0/identity", json!({ "imei": "1" }), "parties[0].identity.imei: expected 14 to 16 digits"),
        (
            "/parties/0/identity",
            json!({ "ip-address": "ZQXJ" }),
            "parties[0].identity.ip-address: expected an IP address",
        ),
        (
            "/parties/0/identity",
            json!({ "email-address": ["a", 7] }),
            "parties[0].identity.email-address[1]: expected text",
        ),
        (
            "/properties/0",
            json!({ "priority": "ZQXJ" }),
            "properties[0].priority: expected \"low\", \"medium\", \"high\", \"private\"",
        ),
        ("/contents/0/data", json!("ZQXJ!"), "contents[0].data: expected base64 (RFC 4648 §4), with its padding"),
        ("/contents/0/data", json!("ZQXJZ"), "contents[0].data: expected base64"),
        ("/contents/0/type", json!("ZQXJ"), "contents[0].type: expected a MIME type"),
        ("/contents/0/id", json!(4_294_967_296_u64), "contents[0].id: expected a whole number from 0 to 4294967295"),
        ("/contents/0/id", json!(-1), "contents[0].id: expected a whole number from 0 to 4294967295"),
        ("/contents/0/id", json!(1e300), "contents[0].id: expected a whole number from 0 to 4294967295"),
    ];
    for (place, value, expected) in cases {
        let mut said = event();
        *said.pointer_mut(place).unwrap() = value;
        for (said, before) in [(said.clone(), ""), (json!([event(), said]), "[1].")] {
            let error = wrong(&said.to_string());
            assert!(error.starts_with(&format!("{before}{expected}")), "{error}");
            assert!(!error.contains("ZQXJ") && error.lines().count() == 1, "{error}");
        }
    }
}

/// An event's IRI goes in one PDU, whose length is bounded so that every buffer takes it.
#[test]
fn an_event_that_makes_no_pdu_of_bounded_length_is_refused() {
    let list = |count: usize, octets: usize| json!({ "email-address": vec!["x".repeat(octets); count] });
    let with = |identities: Vec<Value>| {
        let party = |identity| json!({ "qualifier": "terminating-party", "identity": identity });
        let mut said = event();
        said["parties"] = json!(identities.into_iter().map(party).collect::<Vec<_>>());
        said
    };
    assert!(writ_messaging::read(with(vec![list(1023, 255)]).to_string().as_bytes()).is_ok());
    let error = wrong(&with(vec![list(1023, 255), list(6, 255)]).to_string());
    assert_eq!(error, "parties: expected identities of at most 262144 octets in all");
    let with = |subjects: usize| {
        let mut said = event();
        said["properties"] = json!(vec![json!({ "subject": "x".repeat(4096) }); subjects]);
        said
    };
    assert!(writ_messaging::read(with(16).to_string().as_bytes()).is_ok());
    assert_eq!(wrong(&with(17).to_string()), "properties: expected text of at most 65536 octets in all");
}

#[test]
fn a_key_that_is_not_known_is_not_quoted() {
    let mut said = event();
    said["ZQXJ"] = json!(1);
    let error = wrong(&said.to_string());
    assert!(error.starts_with("expected no keys but id, again, time, system,") && !error.contains("ZQXJ"), "{error}");
}

#[test]
fn pieces_say_what_they_are_of() {
    let piece = json!({ "of": "a", "system": "s", "time": "2026-11-22T10:00:00Z" });
    assert_eq!(wrong(&piece.to_string()), "expected the key content or the key rtp");
    let with = |key: &str, value: Value| {
        let mut piece = piece.clone();
        piece[key] = value;
        wrong(&piece.to_string())
    };
    assert_eq!(
        with("content", json!({ "type": "a/b", "data": "" })),
        "content: expected the key sequence: the content comes in pieces"
    );
    assert_eq!(
        with("content", json!({ "type": "a/b", "data": "", "end": true })),
        "content: expected the key sequence beside end"
    );
    let leg = |packets: Value| with("rtp", json!({ "from": "user", "sequence": 0, "packets": packets }));
    assert_eq!(leg(json!([])), "rtp.packets: expected a list of 1 to 4096");
    assert_eq!(leg(json!(["AAAA"])), "rtp.packets[0]: expected a packet of RTP (RFC 3550 §5.1)");
    let dynamic = "gGAAAQAAAAAAAAABdm9pY2U=";
    assert_eq!(leg(json!([dynamic])), "rtp.packets[0]: expected a payload type of RFC 3551, or one of payload_types");
}

#[test]
fn contents_have_names_of_their_own() {
    let mut said = event();
    let content = |id: Value| json!({ "id": id, "type": "a/b", "data": "" });
    said["contents"] = json!([content(json!(1)), content(json!(1))]);
    assert_eq!(wrong(&said.to_string()), "contents[1].id: expected a number that no other content of the event has");
    said["contents"] = json!([content(json!(1)), { "type": "a/b", "data": "" }]);
    assert_eq!(wrong(&said.to_string()), "contents[1].id: expected a number: there are several contents");
}

/// JSON of any shape, with the words of the description in it.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "id",
        "system",
        "time",
        "event",
        "message",
        "deposit",
        "parties",
        "identity",
        "msisdn",
        "contents",
        "type",
        "data",
        "of",
        "rtp",
        "packets",
        "2026-11-22T10:00:00Z",
        "ZQXJ",
        "unknown",
        "user",
        "a/b",
        "gAAAAQAAAAAAAAABdm9pY2U=",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..8)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&octets);
    }

    #[test]
    fn any_json_is_read_or_refused_in_one_line(value in any_json()) {
        if let Err(error) = read(value.to_string().as_bytes()) {
            let error = error.to_string();
            prop_assert!(error.lines().count() == 1 && !error.contains("ZQXJ"), "{}", error);
        }
    }
}
