//! Only what the warrant covers: its days, its kind of delivery, its authentication data, its targets, and nobody else.

use base64::Engine as _;
use serde_json::Value;
use writ_tests::{Comparison, Oracle, Replay, Writ, by_writ, in_tree, in_tree_named};

/// A warrant as the captures' days have it; `change` replaces lines by their key.
fn warrant(liid: &str, targets: &str, change: &[(&str, &str)]) -> String {
    let mut text = String::from("[[warrant]]\n");
    let lines = [
        ("liid", format!("\"{liid}\"")),
        ("authorization_country", "\"NL\"".to_owned()),
        ("start", "2026-01-01T00:00:00Z".to_owned()),
        ("end", "2026-12-31T00:00:00Z".to_owned()),
        ("deliver", "\"iri+cc\"".to_owned()),
        ("cc_format", "\"application\"".to_owned()),
        ("authentication_data", "\"username\"".to_owned()),
        ("lemf", "\"lea-1\"".to_owned()),
        ("targets", format!("[{targets}]")),
    ];
    for (key, value) in lines {
        let value = change.iter().find(|(name, _)| *name == key).map_or(value, |(_, new)| (*new).to_owned());
        text += &format!("{key} = {value}\n");
    }
    text + "\n"
}

const ALICE: &str = r#"{ email = "alice@example.org" }"#;

/// Every octet of content in the records, all directions together.
fn content(records: &[Value]) -> Vec<u8> {
    let decode =
        |text: &Value| base64::engine::general_purpose::STANDARD.decode(text.as_str().expect("text")).expect("base64");
    records.iter().filter(|record| record["kind"] == "cc").flat_map(|record| decode(&record["content"])).collect()
}

fn has(octets: &[u8], words: &[u8]) -> bool {
    octets.windows(words.len()).any(|window| window == words)
}

#[test]
fn a_warrant_for_iri_yields_no_content() {
    let Some(oracle) = Oracle::find("a_warrant_for_iri_yields_no_content") else { return };
    let options = ["--deliver", "iri", "--authentication-data", "full"];
    let replay = Replay::of_all_in(oracle, &in_tree(), &options);
    assert!(by_writ(&replay).iter().all(|record| record["kind"] == "iri"));
    replay.compare(oracle, Comparison::Exact).expect("IRI is the same as with content");
    for words in [&b"See you at nine"[..], b"minutes", b"Subject"] {
        assert!(!has(&replay.octets(), words), "{}", String::from_utf8_lossy(words));
    }
}

#[test]
fn a_relay_session_yields_the_targets_mail_alone() {
    let replay = Replay::under(&warrant("A", ALICE, &[]), &[in_tree_named("demo")]);
    let octets = replay.octets();
    for theirs in ["demo-2@example.com", "demo-4@example.org", "demo-5@example.org", "demo-7@example.com"] {
        assert!(has(&octets, theirs.as_bytes()), "{theirs} is the target's");
    }
    for others in ["demo-1@", "demo-3@", "demo-6@", "demo-8@", "Invoice 4471", "last chance", "lunch tomorrow"] {
        assert!(!has(&octets, others.as_bytes()), "{others} is nobody's business");
    }
}

#[test]
fn no_target_no_record() {
    let replay = Replay::under(&warrant("N", r#"{ email = "nobody-in-particular@example.org" }"#, &[]), &in_tree());
    assert!(replay.octets().is_empty());
}

#[test]
fn the_days_of_the_warrant_are_exact() {
    let Some(oracle) = Oracle::find("the_days_of_the_warrant_are_exact") else { return };
    let capture = in_tree_named("message-ids");
    // A message ends in each of these microseconds; the first packet is at 2026-03-02T09:00:00Z.
    let ends: Vec<u64> = by_writ(&Replay::under(&warrant("W", ALICE, &[]), std::slice::from_ref(&capture)))
        .iter()
        .filter(|record| record["event"] == "receive")
        .map(|record| record["time"].as_u64().expect("a time"))
        .collect();
    assert_eq!(ends.len(), 8);
    let stamp =
        |time: u64| format!("2026-03-02T09:00:{:02}.{:06}Z", time / 1_000_000 - 1_772_442_000, time % 1_000_000);
    for (end, due) in [(ends[3], 3), (ends[3] + 1, 4)] {
        let warrants = warrant("W", ALICE, &[("end", &stamp(end))]);
        let replay = Replay::under(&warrants, std::slice::from_ref(&capture));
        let records = by_writ(&replay);
        assert_eq!(records.iter().filter(|record| record["event"] == "receive").count(), due, "end {}", stamp(end));
        assert!(
            records.iter().all(|record| record["time"].as_u64().expect("a time") < end),
            "nothing is of the end or after it"
        );
        replay.compare(oracle, Comparison::AtMost).expect("what is there is true");
    }
    let replay = Replay::under(&warrant("W", ALICE, &[("start", &stamp(ends[3] + 1))]), std::slice::from_ref(&capture));
    let records = by_writ(&replay);
    assert_eq!(records.iter().filter(|record| record["event"] == "receive").count(), 4);
    assert!(
        records.iter().all(|record| record["time"].as_u64().expect("a time") > ends[3]),
        "nothing is of before the start"
    );
    let replay = Replay::under(&warrant("W", ALICE, &[("start", "2026-03-03T00:00:00Z")]), &[capture]);
    assert!(replay.octets().is_empty(), "nothing of the day before");
}

#[test]
fn passwords_go_only_where_the_warrant_says_so() {
    // What the client sent in clear or in base64, whichever way its mechanism has it.
    let secret: [(&str, &[u8]); 5] = [
        ("auth-plain", b"AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcmxhbmQtNw=="),
        ("auth-login", b"d29uZGVybGFuZC03"),
        ("auth-failed-then-good", b"AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcmxhbmQtNw=="),
        ("auth-xoauth2", b"dXNlcj1hbGljZUBleGFtcGxlLm9yZwFhdXRoPUJlYXJlciB"),
        ("mutt", b"YWxpY2VAZXhhbXBsZS5vcmcAYWxpY2VAZXhhbXBsZS5vcmcAd29uZGVybGFuZC03"),
    ];
    for (name, octets) in secret {
        let wire = std::fs::read(in_tree_named(name)).expect("a capture");
        assert!(has(&wire, octets), "{name}: the capture has it");
        for (kept, there) in [("none", false), ("username", false), ("full", true)] {
            let change = format!("\"{kept}\"");
            let replay =
                Replay::under(&warrant("P", ALICE, &[("authentication_data", &change)]), &[in_tree_named(name)]);
            assert!(!replay.octets().is_empty());
            assert_eq!(has(&content(&by_writ(&replay)), octets), there, "{name}, {kept}: in content");
            if !there {
                for words in [octets, b"wonderland-7", b"d29uZGVybGFuZC03", b"looking-glass"] {
                    assert!(!has(&replay.octets(), words), "{name}, {kept}: anywhere");
                }
            }
        }
    }
}

#[test]
fn what_is_overwritten_keeps_its_length() {
    let lengths: Vec<usize> = ["none", "username", "full"]
        .iter()
        .map(|kept| {
            let change = format!("\"{kept}\"");
            let replay = Replay::under(
                &warrant("P", ALICE, &[("authentication_data", &change)]),
                &[in_tree_named("auth-login")],
            );
            content(&by_writ(&replay)).len()
        })
        .collect();
    assert_eq!(lengths[0], lengths[2]);
    assert_eq!(lengths[1], lengths[2]);
}

#[test]
fn the_user_name_goes_as_the_warrant_says() {
    for (kept, username) in [("none", Value::Null), ("username", Value::from("alice@example.org"))] {
        let change = format!("\"{kept}\"");
        let replay =
            Replay::under(&warrant("U", ALICE, &[("authentication_data", &change)]), &[in_tree_named("auth-cram-md5")]);
        let records = by_writ(&replay);
        let logon = records.iter().find(|record| record["event"] == "logon").expect("a logon");
        assert_eq!(logon["aaa"]["username"], username, "{kept}");
        assert!(logon["aaa"]["challenge"].is_null() && logon["aaa"]["response"].is_null(), "{kept}");
    }
}

#[test]
fn logins_and_addresses_and_networks_are_targets() {
    let Some(oracle) = Oracle::find("logins_and_addresses_and_networks_are_targets") else { return };
    let cases = [
        (r#"{ login = "alice" }"#, "auth-other-identity", 3),
        (r#"{ login = "alice@example.org" }"#, "auth-failed-then-good", 4),
        (r#"{ ip = "192.0.2.10" }"#, "rset-between", 4),
        (r#"{ ip = "198.51.100.0/24" }"#, "relay-three-senders", 5),
        (r#"{ ip = "2001:db8:1::/64" }"#, "ipv6", 6),
        (r#"{ ip = "2001:db8:1::11" }"#, "ipv6", 0),
        (r#"{ email = "ALICE@Example.ORG" }"#, "plain", 1),
        (r#"{ email = "alice@bücher.example.org" }"#, "smtputf8", 1),
        (r#"{ email = "Älice@xn--bcher-kva.example.org" }"#, "smtputf8", 1),
        (r#"{ email = "mallory@example.org" }"#, "plain", 0),
    ];
    for (target, name, iri) in cases {
        let replay = Replay::under(&warrant("T", target, &[]), &[in_tree_named(name)]);
        let found = by_writ(&replay).iter().filter(|record| record["kind"] == "iri").count();
        assert_eq!(found, iri, "{target} in {name}: {:#?}", by_writ(&replay));
        if target.is_ascii() {
            replay.compare(oracle, Comparison::Exact).unwrap_or_else(|wrong| panic!("{target} in {name}: {wrong}"));
        }
    }
}

#[test]
fn warrants_for_the_same_target_are_served_apart() {
    let Some(oracle) = Oracle::find("warrants_for_the_same_target_are_served_apart") else { return };
    let warrants = warrant("ONE", ALICE, &[])
        + &warrant("TWO", ALICE, &[("deliver", "\"iri\""), ("lemf", "\"lea-2\"")])
        + &warrant("THREE", &format!("{ALICE}, {{ ip = \"192.0.2.20\" }}"), &[("authentication_data", "\"none\"")]);
    let replay = Replay::under(&warrants, &[in_tree_named("demo"), in_tree_named("relay-three-senders")]);
    replay.compare(oracle, Comparison::Exact).expect("each as if it were alone");
    let records = by_writ(&replay);
    for liid in ["ONE", "TWO", "THREE"] {
        assert!(records.iter().any(|record| record["liid"] == liid), "{liid}");
    }
    assert!(records.iter().all(|record| record["liid"] != "TWO" || record["kind"] == "iri"));
}

#[test]
fn past_1023_recipients_the_count_still_says_how_many() {
    let replay = Replay::under(&warrant("R", ALICE, &[]), &[in_tree_named("recipients-1100")]);
    let records = by_writ(&replay);
    let received = records.iter().find(|record| record["event"] == "receive").expect("alice, the 1100th, got it");
    assert_eq!(received["total"], 1100);
    assert_eq!(received["recipients"].as_array().map(Vec::len), Some(1023));
}

#[test]
fn status_is_known_only_where_the_server_is_the_end() {
    let replay = Replay::under(&warrant("S", ALICE, &[]), &[in_tree_named("plain")]);
    let records = by_writ(&replay);
    let received = records.iter().find(|record| record["event"] == "receive").expect("alice got it");
    assert_eq!(received["status"], "unknown");
    let config = "[intercept]\ndelivered_here = [\"Example.ORG\"]\n";
    let replay =
        Replay::with(&warrant("S", ALICE, &[]), &[in_tree_named("plain"), in_tree_named("auth-plain")], Some(config));
    let status = |event: &str| {
        let records = by_writ(&replay);
        records.iter().find(|record| record["event"] == event).expect("there is one")["status"].clone()
    };
    assert_eq!(status("receive"), "succeeded", "her mailbox is here");
    assert_eq!(status("send"), "unknown", "where it went is not");
}

#[test]
fn a_login_without_domain_is_the_address_in_the_default_domain() {
    let replay = |config| Replay::with(&warrant("L", ALICE, &[]), &[in_tree_named("auth-other-identity")], config);
    assert!(replay(None).octets().is_empty(), "alice is anybody's name");
    let records = by_writ(&replay(Some("[intercept]\ndefault_domain = \"example.org\"\n")));
    assert!(records.iter().any(|record| record["event"] == "logon"));
    assert!(records.iter().any(|record| record["event"] == "send" && record["sender"] == "sales@example.org"));
}

#[test]
fn a_warrant_for_packets_yields_the_packets() {
    let replay = Replay::under(&warrant("I", ALICE, &[("cc_format", "\"ip-packet\"")]), &[in_tree_named("plain")]);
    let records = by_writ(&replay);
    let packets: Vec<Vec<u8>> = records
        .iter()
        .filter(|record| record["kind"] == "cc")
        .map(|record| content(std::slice::from_ref(record)))
        .collect();
    assert!(!packets.is_empty());
    let wire = std::fs::read(in_tree_named("plain")).expect("a capture");
    for packet in &packets {
        assert_eq!(packet[0] >> 4, 4, "an IP packet starts with its version");
        assert!(has(&wire, packet), "each packet is one that crossed the wire");
    }
    assert!(packets.iter().any(|packet| has(packet, b"See you at nine.")));
    assert!(!packets.iter().any(|packet| has(packet, b"EHLO ")), "no packet of before the transaction");
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("warrants.toml");
    let run = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        Writ::new("check").args(["--warrants".as_ref(), file.as_os_str()]).output()
    };
    assert_eq!(run(&warrant("GOOD", ALICE, &[])).status.code(), Some(0));
    for (key, value) in [
        ("liid", "\"\""),
        ("authorization_country", "\"Netherlands\""),
        ("deliver", "\"all\""),
        ("end", "2025-01-01T00:00:00Z"),
        ("targets", "[]"),
        ("targets", "[{ ip = \"192.0.2.0/40\" }]"),
        ("cc_format", "\"pcap\""),
    ] {
        let output = run(&warrant("BAD", ALICE, &[(key, value)]));
        assert_eq!(output.status.code(), Some(2), "{key} = {value}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("warrants.toml"), "the file is named: {said}");
        assert!(!said.contains("alice"), "no target is named: {said}");
    }
}

#[test]
fn nothing_that_is_said_names_a_target() {
    let Some(oracle) = Oracle::find("nothing_that_is_said_names_a_target") else { return };
    let replay = Replay::of_all_in(oracle, &[in_tree_named("demo"), in_tree_named("auth-plain")], &[]);
    for word in ["alice", "mallory", "example.org", "MAIL-000"] {
        assert!(!replay.said.contains(word), "{word} in\n{}", replay.said);
    }
}
