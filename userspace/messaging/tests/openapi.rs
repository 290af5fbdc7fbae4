//! The description says what is accepted: every key, word and limit of it is tried against the reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use writ_messaging::{OPENAPI, read};

fn description() -> Value {
    serde_json::from_str(OPENAPI).expect("the description is JSON")
}

/// A schema, followed to where it stands.
fn schema(of: &Value) -> Value {
    let Some(name) = of["$ref"].as_str() else { return of.clone() };
    let mut found = description().pointer(name.trim_start_matches('#')).expect("a schema").clone();
    for (key, value) in of.as_object().unwrap().iter().filter(|(key, _)| *key != "$ref") {
        found[key] = value.clone();
    }
    found
}

fn component(name: &str) -> Value {
    schema(&json!({ "$ref": format!("#/components/schemas/{name}") }))
}

/// Something that a schema allows, all of its keys in it or only those that it requires.
fn example(of: &Value, whole: bool) -> Value {
    let of = schema(of);
    if let Some(first) = of["examples"].get(0).or_else(|| of["enum"].get(0)) {
        return first.clone();
    }
    if of["type"].is_null() {
        return example(&of["oneOf"][0], whole);
    }
    match of["type"].as_str().unwrap() {
        "object" => {
            let mut object = Map::new();
            for (key, value) in of["properties"].as_object().unwrap() {
                let is_required = of["required"].as_array().unwrap().iter().any(|required| required == key);
                let is_first_of_either = of["oneOf"][0]["required"][0] == *key;
                let is_other = of["oneOf"][1]["required"][0] == *key;
                if (whole && !is_other) || is_required || is_first_of_either {
                    object.insert(key.clone(), example(value, whole));
                }
            }
            Value::Object(object)
        }
        "array" => {
            let least = of["minItems"].as_u64().unwrap_or(0).max(u64::from(whole));
            (0..least).map(|_| example(&of["items"], whole)).collect()
        }
        "integer" => of["minimum"].clone(),
        "boolean" => json!(true),
        "string" if of["contentEncoding"] == "base64" => packet(),
        "string" => match of["pattern"].as_str() {
            Some(_) => json!("35145120840121"),
            None if of["minLength"] == 3 => json!("a/b"),
            None => json!("x".repeat(of["minLength"].as_u64().unwrap_or(0) as usize)),
        },
        other => panic!("a type that no schema has: {other}"),
    }
}

/// Good as a content, and as a packet of RTP.
fn packet() -> Value {
    json!("gAAAAQAAAAAAAAABdm9pY2U=")
}

fn is_accepted(item: &Value) -> Result<(), String> {
    read(item.to_string().as_bytes()).map(drop).map_err(|error| error.to_string())
}

/// Whole items that have each schema in them, and where.
fn carriers() -> Vec<(&'static str, Value, &'static str)> {
    let event = example(&component("Event"), true);
    let piece = example(&component("Piece"), true);
    let mut leg = example(&component("Piece"), false);
    leg.as_object_mut().unwrap().remove("content");
    leg["rtp"] = example(&component("Rtp"), true);
    vec![
        ("Event", event.clone(), ""),
        ("Party", event.clone(), "/parties/0"),
        ("Content", event, "/contents/0"),
        ("Piece", piece.clone(), ""),
        ("Content", piece, "/content"),
        ("Piece", leg.clone(), ""),
        ("Rtp", leg.clone(), "/rtp"),
    ]
}

fn at<'v>(item: &'v mut Value, place: &str) -> &'v mut Value {
    item.pointer_mut(place).expect("a place")
}

#[test]
fn what_it_describes_is_accepted_whole_and_at_its_least() {
    for name in ["Event", "Piece"] {
        for whole in [true, false] {
            let mut item = example(&component(name), whole);
            if name == "Piece" {
                item["content"]["sequence"] = json!(0);
            }
            is_accepted(&item).unwrap_or_else(|error| panic!("{name}: {error}"));
            is_accepted(&json!([item, item])).unwrap();
        }
    }
}

#[test]
fn its_keys_are_those_that_are_accepted() {
    for (name, item, place) in carriers() {
        is_accepted(&item).unwrap_or_else(|error| panic!("{name}: {error}"));
        let required = component(name)["required"].as_array().unwrap().clone();
        let keys: Vec<String> = item.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut without = item.clone();
            at(&mut without, place).as_object_mut().unwrap().remove(&key);
            let either = name == "Piece" && (key == "content" || key == "rtp");
            // Two rules that the description has in words.
            let in_words = key == "sequence" && (name == "Rtp" || place == "/content" || place == "/contents/0");
            let needed = required.iter().any(|required| *required == key) || either || in_words;
            assert_eq!(is_accepted(&without).is_err(), needed, "{name} without {key}");
            let mut twisted = item.clone();
            at(&mut twisted, place)[&key] = Value::Null;
            assert!(is_accepted(&twisted).is_err(), "{name} with {key} as null");
        }
        let mut more = item.clone();
        at(&mut more, place)["x"] = json!(1);
        let error = is_accepted(&more).unwrap_err();
        for key in component(name)["properties"].as_object().unwrap().keys() {
            assert!(error.contains(key.as_str()), "{name}: {key} is not among {error}");
        }
    }
}

/// Puts a value into an event.
type Carry = fn(Value) -> Value;

fn with(key: &str, value: Value) -> Value {
    let mut event =
        json!({ "id": "a", "system": "s", "time": "2026-01-01T00:00:00Z", "status": "unknown", "trigger": "user" });
    event[key] = value;
    event
}

/// Each place of one of several: under which schema, and in what event.
fn choices() -> [(&'static str, Carry); 3] {
    [
        ("Category", |value| with("event", value)),
        ("Identity", |value| with("parties", json!([{ "qualifier": "originating-party", "identity": value }]))),
        ("Property", |value| with("properties", json!([value]))),
    ]
}

#[test]
fn its_alternatives_are_those_that_are_accepted() {
    for (name, carry) in choices() {
        let alternatives = component(name)["oneOf"].as_array().unwrap().clone();
        for alternative in &alternatives {
            let (key, of) = alternative["properties"].as_object().unwrap().iter().next().unwrap();
            is_accepted(&carry(json!({ key: example(of, true) })))
                .unwrap_or_else(|error| panic!("{name} {key}: {error}"));
            assert!(is_accepted(&carry(json!({ key: [] }))).is_err() || key == "email-address", "{name} {key}");
        }
        let said = is_accepted(&carry(json!({ "x": 1 }))).unwrap_err();
        let listed = said.rsplit_once("one key of ").expect("the alternatives").1.split(", ").collect::<Vec<_>>();
        let described: Vec<_> =
            alternatives.iter().map(|alternative| alternative["required"][0].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, described, "{name}");
    }
}

/// Everywhere that a schema is used in an item, with what it allows there.
fn each_place(item: &Value, of: &Value, place: &str, found: &mut Vec<(String, Value)>) {
    let of = schema(of);
    found.push((place.to_owned(), of.clone()));
    if let Some(properties) = of["properties"].as_object() {
        for (key, of) in properties {
            let place = format!("{place}/{key}");
            if item.pointer(&place).is_some() {
                each_place(item, of, &place, found);
            }
        }
    }
    for alternative in of["oneOf"].as_array().into_iter().flatten() {
        let key = alternative["required"][0].as_str();
        if key.is_some_and(|key| item.pointer(&format!("{place}/{key}")).is_some()) && of["type"].is_null() {
            let mut inner = Vec::new();
            each_place(item, alternative, place, &mut inner);
            found.extend(inner.into_iter().skip(1));
        }
    }
    if of["items"].is_object() && item.pointer(&format!("{place}/0")).is_some() {
        each_place(item, &of["items"], &format!("{place}/0"), found);
    }
}

#[test]
fn its_words_and_limits_are_those_that_are_accepted() {
    let mut items = vec![];
    for (name, item, _) in carriers().into_iter().filter(|(.., place)| place.is_empty()) {
        items.push((name, item));
    }
    for (name, carry) in choices() {
        for alternative in component(name)["oneOf"].as_array().unwrap() {
            let (key, of) = alternative["properties"].as_object().unwrap().iter().next().unwrap();
            items.push(("Event", carry(json!({ key: example(of, true) }))));
        }
    }
    let (mut words, mut limits) = (0, 0);
    for (name, item) in items {
        let mut places = Vec::new();
        each_place(&item, &component(name), "", &mut places);
        for (place, of) in places {
            let tried = |value: Value| {
                let mut item = item.clone();
                *at(&mut item, &place) = value;
                is_accepted(&item)
            };
            for word in of["enum"].as_array().into_iter().flatten() {
                words += 1;
                tried(word.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
            }
            if of["enum"].is_array() {
                let said = tried(json!("no such word")).unwrap_err();
                assert_eq!(said.matches('"').count() / 2, of["enum"].as_array().unwrap().len(), "{place}: {said}");
            }
            if let (Some(least), Some(most)) = (of["minimum"].as_u64(), of["maximum"].as_u64()) {
                limits += 1;
                assert_eq!(tried(json!(most)).is_ok(), tried(json!(least)).is_ok(), "{place}");
                assert!(tried(json!(most + 1)).is_err() && tried(json!(-1)).is_err() && tried(json!(1.5)).is_err());
                assert!(least == 0 || tried(json!(least - 1)).is_err(), "{place}");
            }
            if let Some(most) = of["maxLength"].as_u64() {
                limits += 1;
                let text = |length: u64| match of["minLength"].as_u64() {
                    Some(3) => json!(format!("a/{}", "b".repeat(length as usize - 2))),
                    _ => json!("x".repeat(length as usize)),
                };
                tried(text(most)).unwrap_or_else(|error| panic!("{place}: {error}"));
                assert!(tried(text(most + 1)).is_err(), "{place}");
                assert!(
                    of["minLength"].as_u64().is_none_or(|least| least == 0 || tried(json!("")).is_err()),
                    "{place}"
                );
                let is_long = of["description"] == "Characters.";
                assert_eq!(
                    tried(json!("ö".repeat(most as usize))).is_ok(),
                    is_long,
                    "{place} is in octets or characters"
                );
            }
            if let Some(most) = of["maxItems"].as_u64() {
                limits += 1;
                let mut one = item.pointer(&place).unwrap()[0].clone();
                let list = |count: u64, one: &mut Value| -> Value {
                    (0..count)
                        .map(|number| {
                            if place == "/contents" {
                                one["id"] = json!(number);
                            }
                            one.clone()
                        })
                        .collect()
                };
                let all = list(most, &mut one);
                tried(all).unwrap_or_else(|error| panic!("{place}: {error}"));
                let all = list(most + 1, &mut one);
                assert!(tried(all).is_err(), "{place}");
                assert_eq!(tried(json!([])).is_err(), of["minItems"] == 1, "{place}");
            }
            if of["contentEncoding"] == "base64" {
                assert!(tried(json!("no base64!")).is_err() && tried(json!("YQ")).is_err(), "{place}");
            }
            if of["format"] == "date-time" {
                assert!(tried(json!("2026-01-01T00:00:00")).is_err(), "{place}");
            }
            if of["pattern"].is_string() {
                assert!(tried(json!("3514512084012a")).is_err() && tried(json!("")).is_err(), "{place}");
            }
        }
    }
    assert!(words > 100 && limits > 40, "{words} words, {limits} limits");
}

#[test]
fn its_answers_are_those_that_are_given() {
    let description = description();
    let answers = description["paths"]["/v1/events"]["post"]["responses"].as_object().unwrap();
    let answers: BTreeSet<_> = answers.keys().map(String::as_str).collect();
    assert_eq!(answers, ["200", "400", "408", "409", "413", "415", "503"].into());
}
