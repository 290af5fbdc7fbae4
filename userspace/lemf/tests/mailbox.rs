//! What becomes of sessions of POP3 and IMAP4 on the disk, and of octets that were not captured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::fs;

use support::*;
use writ_etsi::*;
use writ_lemf::record::{RecordSettings, Recorder};

/// Lines of both ends, `C:` and `S:`, each with CR LF; `C?` and `S?` are the operator's words about so many missing octets.
/// Gives each file's name and what it holds, and the transcript's lines about files.
fn record(script: &str, piece: usize) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(root.path(), RecordSettings::default(), Box::new(Lines::default())).unwrap();
    let mut sender = Sender::new("L", 1);
    for (number, line) in script.lines().map(str::trim_start).enumerate() {
        let (mark, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        let mut send = |pdu: PsPdu| recorder.pdu(&encode(&pdu).unwrap(), &pdu).unwrap();
        if let Some(end) = mark.strip_suffix('?') {
            let end = if end == "C" { "client" } else { "server" };
            send(sender.hi2(Payload::TriPayload(TriPayload::OperatorLeaMessage(OperatorLeaMessage {
                message_priority: MessagePriority::Error,
                message: asn1::OctetString::from(
                    format!("{text} octets sent by the {end} in this communication were not captured.").as_bytes(),
                ),
                additions: asn1::Additions::NONE,
            }))));
            continue;
        }
        // `C!` is without a line end.
        let text = if mark.ends_with('!') { text.to_owned() } else { format!("{text}\r\n") };
        // The first line tells the protocol.
        let piece = if number == 0 { text.len() } else { piece };
        for octets in text.as_bytes().chunks(piece) {
            send(if mark.starts_with('C') { sender.cc_from_target(octets) } else { sender.cc_to_target(octets) });
        }
    }
    recorder.finish().unwrap();
    let messages = root.path().join("messages");
    let mut found: Vec<String> = names(&messages)
        .into_iter()
        .map(|name| {
            let octets = fs::read(messages.join(&name)).unwrap();
            format!("{name}: {}", String::from_utf8_lossy(&octets).replace("\r\n", "|"))
        })
        .collect();
    let transcript = fs::read_to_string(root.path().join("sessions/L-1.txt")).unwrap();
    let of_files = transcript.lines().filter(|line| line.contains(" message") || line.contains("(message"));
    found.extend(of_files.filter_map(|line| line.split_once(' ').map(|(_, rest)| rest.to_owned())));
    found
}

fn assert_recorded(script: &str, expected: &[&str]) {
    for piece in [1, 5, 10_000] {
        assert_eq!(record(script, piece), expected, "pieces of {piece}");
    }
}

const LOGIN: &str = "C: a LOGIN x y\nS: a OK\n";

#[test]
fn an_upload_that_is_refused_before_it_comes_leaves_no_file() {
    let script =
        format!("{LOGIN}C: b APPEND INBOX {{5}}\nS: b NO full\nC: c APPEND INBOX {{5}}\nS: + go\nC: abc\nC:\nS: c OK");
    assert_recorded(&script, &["L-1-1.eml: abc|", "C: (message of 5 octets in L-1-1.eml)"]);
    let script =
        format!("{LOGIN}C: b APPEND {{5}}\nS: b BAD no\nC: c NOOP\nS: c OK\nS: * 1 FETCH (BODY[] {{3}}\nS! abc\nS: )");
    assert_recorded(&script, &["L-1-1.eml: abc", "S: (message of 3 octets in L-1-1.eml)"]);
}

#[test]
fn a_gap_in_a_literal_ends_with_it() {
    let script = format!(
        "{LOGIN}S: * 1 FETCH (BODY[] {{10}}\nS! abc\nS? 4\nS! def\nS: )\nS: * 2 FETCH (BODY[] {{3}}\nS! xyz\nS: )\nS: b OK"
    );
    assert_recorded(
        &script,
        &[
            "L-1-1.partial.eml: abcdef",
            "L-1-2.eml: xyz",
            "S: (part of a message, 6 octets, in L-1-1.partial.eml)",
            "S: (message of 3 octets in L-1-2.eml)",
        ],
    );
    // The literal's end is missing too, and the line after it.
    let script =
        format!("{LOGIN}S: * 1 FETCH (BODY[] {{10}}\nS! abc\nS? 12\nS: b OK\nS: * 2 FETCH (BODY[] {{3}}\nS! xyz\nS: )");
    assert_eq!(record(&script, 7)[..2], ["L-1-1.partial.eml: abc", "L-1-2.eml: xyz"]);
    // Of an upload.
    let script = format!("{LOGIN}C: b APPEND x {{6}}\nS: + go\nC! abc\nC? 3\nC:\nS: b OK\nC: c NOOP\nS: c OK");
    assert_eq!(record(&script, 7)[0], "L-1-1.partial.eml: abc");
}

#[test]
fn a_gap_in_a_message_of_pop3_leaves_a_part() {
    let script = "C: USER x\nS: +OK\nC: PASS y\nS: +OK\nC: RETR 1\nS: +OK\nS: abc\nS? 20\nS: def\nS: .\nC: RETR 2\nS: +OK\nS: x\nS: .";
    assert_recorded(
        script,
        &[
            "L-1-1.partial.eml: abc|def|",
            "L-1-2.eml: x|",
            "S: (part of a message, 10 octets, in L-1-1.partial.eml)",
            "S: (message of 3 octets in L-1-2.eml)",
        ],
    );
}

#[test]
fn a_gap_in_a_message_of_smtp_leaves_a_part() {
    let script = "C: MAIL FROM:<a@b>\nS: 250 ok\nC: DATA\nS: 354 go\nC: abc\nC? 9\nC: def\nC: .\nS: 250 ok\nC: BDAT 9 LAST\nC! abc\nC? 4\nC:\nC: MAIL FROM:<a@b>\nS: 250 ok\nS: 250 ok";
    assert_eq!(record(script, 7)[..2], ["L-1-1.partial.eml: abc|def|", "L-1-2.partial.eml: abc|"]);
}

#[test]
fn what_catenate_puts_together_is_one_message() {
    let texts = "C: b APPEND x CATENATE (TEXT {3+}\nC! abc\nC:  TEXT {3+}\nC! def\nC: )\nS: b OK";
    assert_recorded(&format!("{LOGIN}{texts}"), &["L-1-1.eml: abcdef", "C: (message of 6 octets in L-1-1.eml)"]);
    // A part that is named by a URL is not there.
    for script in [
        "C: b APPEND x CATENATE (URL \"/a;UID=1\" TEXT {3+}\nC! abc\nC: )\nS: b OK",
        "C: b APPEND x CATENATE (TEXT {3+}\nC! abc\nC:  URL \"/a;UID=1\")\nS: b OK",
    ] {
        assert_recorded(
            &format!("{LOGIN}{script}"),
            &["L-1-1.partial.eml: abc", "C: (part of a message, 3 octets, in L-1-1.partial.eml)"],
        );
    }
    let two = "C: b APPEND x CATENATE (TEXT {3+}\nC! abc\nC: ) CATENATE (URL \"/a\" TEXT {3+}\nC! def\nC: ) (\\Seen) {3+}\nC! ghi\nC:\nS: b OK";
    assert_eq!(
        record(&format!("{LOGIN}{two}"), 7)[..3],
        ["L-1-1.eml: abc", "L-1-2.partial.eml: def", "L-1-3.eml: ghi"]
    );
    let refused = "C: b APPEND x CATENATE (TEXT {3}\nS: + go\nC! abc\nC:  TEXT {9}\nS: b NO\nC: c NOOP\nS: c OK";
    assert_eq!(record(&format!("{LOGIN}{refused}"), 7)[0], "L-1-1.refused.eml: abc");
}

#[test]
fn other_messages_of_imap4_have_files_too() {
    let script = format!(
        "{LOGIN}C: b REPLACE 4 Drafts {{3+}}\nC! abc\nC:\nS: b OK\nC: c UID REPLACE 4 Drafts {{3+}}\nC! abd\nC:\nS: c OK\n\
         S: * 1 FETCH (BODY[TEXT] \"quoted \\\"x\\\"\" BODY[] \"all\" UID 3)\n\
         S: * URLFETCH \"imap://h/;uid=1\" {{3}}\nS! url\nS: \nS: * URLFETCH \"imap://h/;uid=2\" \"quo\" \"imap://h/;uid=3\" NIL\nS: d OK"
    );
    assert_recorded(
        &script,
        &[
            "L-1-1.eml: abc",
            "L-1-2.eml: abd",
            "L-1-3.partial.eml: quoted \"x\"",
            "L-1-4.eml: all",
            "L-1-5.partial.eml: url",
            "L-1-6.partial.eml: quo",
            "C: (message of 3 octets in L-1-1.eml)",
            "C: (message of 3 octets in L-1-2.eml)",
            "S: (part of a message, 10 octets, in L-1-3.partial.eml)",
            "S: (message of 3 octets in L-1-4.eml)",
            "S: (part of a message, 3 octets, in L-1-5.partial.eml)",
            "S: (part of a message, 3 octets, in L-1-6.partial.eml)",
        ],
    );
}
