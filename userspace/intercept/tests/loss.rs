//! What the tap did not see: gaps, one direction alone, and more than can be held.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::{FromClient, FromServer, Play, cc, email, ip, iri, login};
use writ_intercept::Warrant;

const HELLO: &str = "S: 220 mx\nC: EHLO client\nS: 250 mx\n";
const ENVELOPE: &str =
    "C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\n";

fn alice() -> Vec<Warrant> {
    vec![cc("ALICE", [email("alice@example.org")])]
}

#[test]
fn octets_lost_of_a_covered_message_are_told_to_its_warrants_alone() {
    let mut play = Play::new(vec![
        cc("ALICE", [email("alice@example.org")]),
        iri("DAVE", [email("dave@example.com")]),
        cc("CAROL", [email("carol@example.org")]),
    ])
    .open();
    play.speak(&format!("{HELLO}{ENVELOPE}C: Message-ID: <1@x>\nC:\nC: first"));
    play.lose(FromClient, 100);
    play.speak("C: last\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    let notices: Vec<_> = play.told().into_iter().filter(|line| line.contains("missed")).collect();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].starts_with("ALICE#0 ") && notices[0].ends_with("missed 100 client"));
    assert!(notices[1].starts_with("DAVE#1 ") && notices[1].ends_with("missed 100 client"));
    assert!(play.content("ALICE").ends_with("<354 go\n>Message-ID: <1@x>\n\nfirst\nlast\n.\n<250 queued\n"));
    assert_eq!(play.room.counters.covered_octets_missed, 200);
    assert_eq!(play.iris()[1].message_id.as_deref(), Some(&b"<1@x>"[..]));
}

#[test]
fn each_lost_octet_is_told_once() {
    let mut play = Play::new(alice()).open();
    play.speak(&format!("{HELLO}{ENVELOPE}C: a"));
    play.lose(FromClient, 100);
    play.speak("C: b");
    play.lose(FromClient, 50);
    play.speak("C: c\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    let missed: Vec<_> =
        play.told().iter().filter_map(|line| line.split_once("missed ").map(|(_, rest)| rest.to_owned())).collect();
    assert_eq!(missed, ["100 client", "50 client"]);
}

#[test]
fn the_end_of_a_message_in_a_gap_is_told_by_the_reply() {
    let mut play = Play::new(alice()).open();
    play.speak(&format!("{HELLO}{ENVELOPE}C: text"));
    play.lose(FromClient, 20);
    play.speak("S: 250 queued\nC: MAIL FROM:<bob@example.net>\nS: 250 ok\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    assert!(play.events().contains(&"Continue Send Unknown".to_owned()));
    play.nowhere("bob");
}

#[test]
fn commands_pipelined_after_a_lost_end_are_not_handed_over() {
    let next = "MAIL FROM:<bob@example.net>\r\nRCPT TO:<bobs-friend@example.com>\r\nDATA\r\n";
    for lost in 0..next.len() - 20 {
        let mut play = Play::new(alice()).open();
        play.speak(&format!("{HELLO}{ENVELOPE}C: alices-text"));
        play.lose(FromClient, 3 + lost);
        play.send(FromClient, &next.as_bytes()[lost..]);
        play.speak(
            "S: 250 queued\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: bobs-text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye",
        );
        let play = play.fin().finish();
        assert!(play.events().contains(&"Continue Send Unknown".to_owned()), "{lost}");
        assert!(play.content("ALICE").ends_with(">alices-text\n<250 queued\n"), "{lost}: {}", play.content("ALICE"));
        play.nowhere("bobs-");
        play.nowhere("@example.net");
    }
}

#[test]
fn after_lost_commands_a_transaction_may_be_anothers() {
    // RSET, and the next MAIL, are in the gap.
    let lossy = |warrants: Vec<Warrant>| {
        let mut play = Play::new(warrants).open();
        play.speak(&format!("{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok"));
        play.lose(FromClient, 35);
        play.speak("S: 250 reset\nS: 250 ok\nC: RCPT TO:<bobs-friend@example.com>\nS: 250 ok\nC: DATA\nS: 354 go");
        play.speak("C: bobs-text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
        play.fin().finish()
    };
    let play = lossy(alice());
    play.nowhere("bobs-");
    assert!(!play.events().iter().any(|event| event.contains("Send")));
    assert!(play.told().iter().any(|line| line.ends_with("missed 35 client")), "{:?}", play.told());
    // A recipient after the gap is no better.
    let play = lossy(vec![cc("FRIEND", [email("bobs-friend@example.com")])]);
    assert!(play.room.records.is_empty());
    // The client's own warrant has it all.
    let play = lossy(vec![cc("CLIENT", [ip("192.0.2.10")])]);
    assert!(play.events().contains(&"Continue Send Unknown".to_owned()), "{:?}", play.events());
    assert!(play.content("CLIENT").contains("bobs-text"));
}

#[test]
fn loss_outside_messages_is_told_to_whom_the_session_belongs() {
    let lossy = |warrant: Warrant, between: &str| {
        let mut play = Play::new(vec![warrant]).open();
        play.speak("S: 220 mx");
        play.lose(FromClient, 13);
        play.speak("S: 250 mx");
        play.speak(&format!("{between}{ENVELOPE}C: x\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye"));
        play.fin().finish().told()
    };
    let told = lossy(iri("CLIENT", [ip("192.0.2.10")]), "");
    assert!(told[0].ends_with("missed 13 client"), "{told:?}");
    assert_eq!(told.len(), 3, "no begin, for nobody saw the HELO: {told:?}");
    // Nobody is a target by lines that may be text, until two turns have proved that they are not.
    let told = lossy(iri("SENDER", [email("alice@example.org")]), "");
    assert_eq!(told.len(), 0, "{told:?}");
    let told = lossy(iri("SENDER", [email("alice@example.org")]), "C: NOOP\nS: 250 ok\nC: RSET\nS: 250 ok\n");
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_capture_of_the_client_alone_counts_lost_replies_as_yes_and_says_unknown() {
    let script =
        format!("{HELLO}{ENVELOPE}C: Message-ID: <1@x>\nC:\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
    let one_sided = |unseen, warrants| {
        let mut play = Play::new(warrants).with(|settings| settings.deliver_here("example.com"));
        play.unseen = Some(unseen);
        play.open().say(&script).fin().finish()
    };
    let events = |play: Play| play.events();
    assert_eq!(
        events(one_sided(FromServer, vec![iri("W", [ip("192.0.2.10")])])),
        ["Begin Logon Unknown", "Continue Send Unknown", "End Logoff Unknown"]
    );
    assert_eq!(
        events(one_sided(FromServer, vec![iri("W", [email("alice@example.org")])])),
        ["Begin Logon Unknown", "Continue Send Unknown", "End Logoff Unknown"]
    );
    let play = one_sided(FromServer, vec![cc("DAVE", [email("dave@example.com")])]);
    assert_eq!(play.events(), ["Report Receive Unknown"]);
    assert_eq!(
        play.content("DAVE"),
        "<MAIL FROM:<alice@example.org>\nRCPT TO:<dave@example.com>\nDATA\nMessage-ID: <1@x>\n\ntext\n.\n"
    );
    // Of the server alone there is no message to see.
    assert!(events(one_sided(FromClient, alice())).is_empty());
    let told = one_sided(FromClient, vec![iri("W", [ip("192.0.2.10")])]).told();
    let (end, notices) = told.split_last().unwrap();
    assert!(end.ends_with("End Logoff Unknown") && notices.iter().all(|line| !line.contains(" Begin")), "{told:?}");
}

#[test]
fn a_login_is_known_from_the_client_alone() {
    for exchange in [
        "C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n",
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0LXB3\nS: 235 yes\n",
        "C: AUTH CRAM-MD5\nS: 334 PDEuMkBteD4=\nC: YWxpY2UgYjkxM2E2MDJjN2VkYTdhNDk1YjRlNmU3MzM0ZDM4OTA=\nS: 235 yes\n",
    ] {
        let script = format!("{HELLO}{exchange}{ENVELOPE}C: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
        let mut play = Play::new(vec![cc("ALICE", [login("alice")])]);
        play.unseen = Some(FromServer);
        let play = play.open().say(&script).fin().finish();
        assert_eq!(play.events(), ["Begin Logon Unknown", "Continue Send Unknown", "End Logoff Unknown"], "{exchange}");
        assert!(play.content("ALICE").starts_with(">AUTH"));
        play.nowhere("s3cret-pw");
        play.nowhere("b913a602");
    }
}

#[test]
fn a_login_whose_reply_was_lost_makes_nobody_a_target() {
    for (between, mail) in [
        ("", "mallory@example.net"),
        ("C: AUTH PLAIN AGFsaWNlAGd1ZXNzLTI=\nS: 535 no\n", "mallory@example.net"),
        ("C: RSET\nS: 250 ok\n", "alice@example.com"),
    ] {
        let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).open();
        play.speak(&format!("{HELLO}C: AUTH PLAIN AGFsaWNlAGd1ZXNzLTE="));
        play.lose(FromServer, 20);
        play.speak(between);
        play.speak(&ENVELOPE.replace("alice@example.org", mail));
        let play = play.say("C: text-of-somebody\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye").fin().finish();
        play.nowhere("text-of-somebody");
        play.nowhere("guess");
        // The attempt itself is told.
        let failure = if between.contains("535") { vec!["Report LogonFailure Failed"] } else { vec![] };
        assert_eq!(play.events(), [&["Report LogonAttempt Unknown"][..], &failure].concat());
    }
}

#[test]
fn a_lost_reply_to_a_second_login_leaves_the_first_as_it_is() {
    let mut play = Play::new(vec![cc("ALICE", [login("alice")]), cc("CAROL", [login("carol")])]).open();
    play.speak(&format!("{HELLO}C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\nC: AUTH PLAIN AGNhcm9sAHgteS16"));
    play.lose(FromServer, 20);
    play.speak(ENVELOPE);
    let play = play.say("C: alices-text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye").fin().finish();
    assert!(play.content("ALICE").contains("alices-text"));
    assert_eq!(play.content("CAROL"), "");
}

#[test]
fn a_login_known_from_the_client_alone_ends_where_the_server_is_heard() {
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]);
    play.unseen = Some(FromServer);
    let mut play = play.open().say(&format!("{HELLO}C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 535 no"));
    play.unseen = None;
    play.speak("C: RSET\nS: 250 ok");
    play.speak(&ENVELOPE.replace("alice", "mallory"));
    let play = play.say("C: text-of-somebody\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye").fin().finish();
    play.nowhere("text-of-somebody");
}

#[test]
fn a_lost_reply_to_the_message_leaves_its_fate_open() {
    let mut play = Play::new(alice()).with(|settings| settings.deliver_here("example.com")).open();
    play.speak(&format!("{HELLO}{ENVELOPE}C: text\nC: ."));
    play.lose(FromServer, 12);
    play.speak("C: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    let told = play.told();
    assert!(told.iter().any(|line| line.contains("Continue Send Unknown")), "{told:?}");
    assert!(told.iter().any(|line| line.ends_with("missed 12 server")), "{told:?}");
}

#[test]
fn what_cannot_be_held_is_told_to_those_who_come_after() {
    let rcpt: String = (0..200).map(|number| format!("C: RCPT TO:<user{number}@example.com>\nS: 250 ok\n")).collect();
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{rcpt}C: RCPT TO:<dave@example.com>\nS: 250 ok\n\
         C: DATA\nS: 354 go\nC: text\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye"
    );
    let warrants = vec![
        cc("ALICE", [email("alice@example.org")]),
        cc("DAVE", [email("dave@example.com")]),
        iri("IRI", [email("dave@example.com")]),
    ];
    let play = Play::new(warrants).with(|settings| settings.hold_octets = 4_000);
    let play = play.open().say(&script).fin().finish();
    // The sender was known from the start and has all of it.
    let (all, rest) = (play.content("ALICE"), play.content("DAVE"));
    assert!(all.contains("user0@") && all.contains("user199@") && all.contains("dave@"));
    assert!(!rest.contains("user199@") && rest.ends_with("<text\n.\n>250 ok\n"));
    let notices: Vec<_> = play.told().into_iter().filter(|line| line.contains("not held")).collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let told: u64 = notices[0].split("not held ").nth(1).unwrap().parse().unwrap();
    assert!(notices[0].starts_with("DAVE"));
    assert_eq!(play.content_octets("ALICE") - play.content_octets("DAVE"), told);
    assert!(play.room.counters.octets_not_held >= told);
}

#[test]
fn a_line_without_end_is_told_as_missing_past_its_limit() {
    let long = "x".repeat(100_000);
    let script = format!("{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n");
    let mut play = Play::new(alice()).open().say(&script);
    for piece in long.as_bytes().chunks(1_000) {
        play.raw(FromClient, support::packet::ACK, piece);
    }
    let play = play
        .say(&format!("C:\nS: 500 what\n{}", ENVELOPE.split_once("ok\n").unwrap().1))
        .say("C: text\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    let missing = 100_002 - 64 * 1024;
    assert!(play.told().iter().any(|line| line.ends_with(&format!("not held {missing}"))), "{:?}", play.told());
    assert_eq!(play.iris()[1].client_octets, 31 + 100_002 + 28 + 6 + 9);
}
