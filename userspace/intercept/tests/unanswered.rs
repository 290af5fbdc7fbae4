//! Lines that the server does not answer: no reply to the next of them may be taken for that to another, and nobody becomes
//! a target by a refusal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::{FromClient, Play, cc, email, login};
use writ_intercept::Warrant;

const GREETING: &str = "S: 220 mx\nC: EHLO client\nS: 250 mx\n";
/// Alice and a password.
const PLAIN: &str = "AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==";
/// Carol's message to Dave, which the server takes.
const CAROL: &str = "C: MAIL FROM:<carol@example.net>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\n\
                     S: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye";
/// The same, with Alice refused as a recipient before Dave is taken.
const ALICE_REFUSED: &str = "C: MAIL FROM:<carol@example.net>\nS: 250 ok\nC: RCPT TO:<alice@example.org>\nS: 550 no\n\
                             C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\n\
                             C: QUIT\nS: 221 bye";

fn targets() -> Vec<Warrant> {
    vec![cc("WARRANT", [email("alice@example.org"), login("alice")])]
}

fn headers() -> [(&'static str, Vec<u8>); 3] {
    let second = |more: &[u8]| {
        let length = u16::try_from(12 + more.len()).unwrap().to_be_bytes();
        let addresses = [198, 51, 100, 7, 203, 0, 113, 25, 0x9c, 0x40, 0, 25];
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, &addresses, more].concat()
    };
    [
        ("version 1", b"PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\r\n".to_vec()),
        ("version 2", second(b"")),
        ("version 2 and more", second(&[b'\n'; 300])),
    ]
}

/// A session that begins with these octets of the client, in pieces of this size.
fn after(octets: &[u8], piece: usize, script: &str) -> Play {
    let mut play = Play::new(targets()).open();
    for octets in octets.chunks(piece) {
        play.send(FromClient, octets);
    }
    play.say(script).fin().finish()
}

#[test]
fn what_a_proxy_says_before_the_greeting_is_no_command() {
    for (case, header) in headers() {
        for piece in [1, 7, 1000] {
            let play = after(&header, piece, &format!("{GREETING}{ALICE_REFUSED}"));
            assert_eq!(play.events(), [""; 0], "{case}");
            let play = after(&header, piece, &format!("{GREETING}C: {PLAIN}\nS: 535 no\n{CAROL}"));
            assert_eq!(play.events(), ["Report LogonFailure Failed"], "{case}");
            let play =
                after(&header, piece, &format!("{GREETING}{}", CAROL.replace("dave@example.com", "alice@example.org")));
            assert_eq!(play.events(), ["Report Receive Unknown"], "{case}");
            assert!(!play.content("WARRANT").contains("PROXY"), "{case}");
        }
        // The first command right behind it.
        let header = [&header[..], b"EHLO client\r\n"].concat();
        let script = "S: 220 mx\nS: 250 mx\n";
        let play =
            after(&header, 1000, &format!("{script}{}", CAROL.replace("carol@example.net", "alice@example.org")));
        assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"], "{case}");
    }
}

#[test]
fn what_only_begins_like_a_proxys_header_is_a_command() {
    let sent = CAROL.replace("carol@example.net", "alice@example.org");
    for line in ["PROXIMITY", "", "P"] {
        let script = format!("S: 220 mx\nS: 500 what\nC: EHLO client\nS: 250 mx\n{sent}");
        let play = after(format!("{line}\r\n").as_bytes(), 1, &script);
        assert_eq!(
            play.events(),
            ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"],
            "{line:?}"
        );
    }
}

#[test]
fn only_235_is_a_login() {
    let play = Play::run(targets(), &format!("{GREETING}C: {PLAIN}\nS: 250 fine\n{CAROL}"));
    assert_eq!(play.events(), ["Report LogonAttempt Unknown"]);
    let play = Play::run(targets(), &format!("{GREETING}C: {PLAIN}\nS: 235 yes\n{CAROL}"));
    assert_eq!(play.events()[0], "Begin Logon Succeeded");
}

#[test]
fn a_line_that_is_passed_over_makes_nobody_a_target() {
    for line in ["", "   ", "\nC: ", "XFOO", "XFOO\nC: ", "\nC: XFOO"] {
        for script in [
            format!("C: {PLAIN}\nS: 535 no\n{CAROL}"),
            format!("C: {PLAIN}\nS: 504 no\nC: AUTH PLAIN AGNhcm9sAHMzY3JldC1wdw==\nS: 235 yes\n{CAROL}"),
            format!("C: AUTH LOGIN\nS: 504 no\n{CAROL}"),
            ALICE_REFUSED.to_owned(),
            // Refused by a code that might be meant for the line.
            ALICE_REFUSED.replace("550", "500"),
            format!("C: RSET\nS: 250 ok\n{ALICE_REFUSED}"),
            format!("C: MAIL FROM:<alice@example.org>\nS: 550 no\n{CAROL}"),
            format!("C: NOOP\nS: 250 ok\n{ALICE_REFUSED}"),
        ] {
            let play = Play::run(targets(), &format!("{GREETING}C: {line}\n{script}"));
            let told = play.events();
            assert!(told.iter().all(|event| event.contains("LogonFailure")), "{line:?} {script} {told:?}");
            assert_eq!(play.content("WARRANT"), "", "{line:?} {script}");
        }
        // In the midst of a transaction, before the recipient that is refused.
        let play = Play::run(
            targets(),
            &format!(
                "{GREETING}{}",
                ALICE_REFUSED
                    .replace("S: 250 ok\nC: RCPT TO:<alice", &format!("S: 250 ok\nC: {line}\nC: RCPT TO:<alice"))
            ),
        );
        assert_eq!(play.events(), [""; 0], "{line:?}");
    }
}

#[test]
fn a_blank_line_that_is_passed_over_hides_nobody() {
    for line in ["", " ", "\nC: \nC: "] {
        let sent = CAROL.replace("carol@example.net", "alice@example.org");
        let play = Play::run(targets(), &format!("{GREETING}C: {line}\n{sent}"));
        assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
        let play = Play::run(targets(), &format!("{GREETING}C: {line}\nC: {PLAIN}\nS: 235 yes\n{CAROL}"));
        assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
    }
}

#[test]
fn a_line_that_is_answered_hides_nobody() {
    // All that the client has to say at once.
    let script = format!(
        "{GREETING}C: XFOO\nC: \nC: MAIL FROM:<alice@example.org>\nC: RCPT TO:<dave@example.com>\nC: DATA\nS: 500 what\n\
         S: 500 what\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye"
    );
    let play = Play::run(targets(), &script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
    let play = Play::run(targets(), &format!("{GREETING}C: XFOO\nC: {PLAIN}\nS: 500 what\nS: 235 yes\n{CAROL}"));
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
}

#[test]
fn a_doubt_ends_when_the_server_has_answered_all() {
    let sent = CAROL.replace("carol@example.net", "alice@example.org");
    // After the message whose 354 tells where the dialogue stands.
    let first = CAROL.replace("C: QUIT\nS: 221 bye", "");
    let play = Play::run(targets(), &format!("{GREETING}C: XFOO\n{first}{sent}"));
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
}
