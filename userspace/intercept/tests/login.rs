//! Authentication data: what a warrant lets go, and that no password goes otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::{FromClient, Play, cc, email, ip, iri, login, packets};
use writ_intercept::Warrant;
use writ_intercept::warrant::AuthenticationData::{self, Full, None, Username};

const HELLO: &str = "S: 220 mx\nC: EHLO client\nS: 250 AUTH PLAIN LOGIN\n";
const PASSWORD: &str = "s3cret-pw";
const PLAIN: &str = "C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n";
const LOGIN: &str =
    "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0LXB3\nS: 235 yes\n";
const SEND: &str = "
    C: MAIL FROM:<alice@example.org>
    S: 250 ok
    C: RCPT TO:<dave@example.com>
    S: 250 ok
    C: DATA
    S: 354 go
    C: text
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye";

fn allowing(data: AuthenticationData, warrant: Warrant) -> Warrant {
    Warrant { authentication_data: data, ..warrant }
}

fn aaa(data: AuthenticationData, exchange: &str) -> Vec<Option<String>> {
    let play = Play::run(vec![allowing(data, iri("WARRANT", [login("alice")]))], &format!("{HELLO}{exchange}{SEND}"));
    play.told().iter().map(|line| line.split_once("aaa=").map(|(_, aaa)| aaa.to_owned())).collect()
}

#[test]
fn authentication_data_goes_as_far_as_the_warrant_says() {
    let all = |text: &str| vec![Some(text.to_owned()), Some(text.to_owned()), Option::None];
    assert_eq!(aaa(None, PLAIN), [Option::None, Option::None, Option::None]);
    assert_eq!(aaa(Username, PLAIN), all("alice/Undefined/Succeeded"));
    assert_eq!(aaa(Full, PLAIN), all("alice/Undefined/Succeeded/AGFsaWNlAHMzY3JldC1wdw=="));
    assert_eq!(aaa(Full, LOGIN), all("alice/Undefined/Succeeded/VXNlcm5hbWU6/czNjcmV0LXB3"));
    let cram =
        "C: AUTH CRAM-MD5\nS: 334 PDEuMkBteD4=\nC: YWxpY2UgYjkxM2E2MDJjN2VkYTdhNDk1YjRlNmU3MzM0ZDM4OTA=\nS: 235 yes\n";
    assert_eq!(aaa(Username, cram), all("alice/CramMd5/Succeeded"));
    assert_eq!(
        aaa(Full, cram),
        all("alice/CramMd5/Succeeded/PDEuMkBteD4=/YWxpY2UgYjkxM2E2MDJjN2VkYTdhNDk1YjRlNmU3MzM0ZDM4OTA=")
    );
    let digest = "C: AUTH DIGEST-MD5\nS: 334 bm9uY2U=\nC: dXNlcm5hbWU9ImFsaWNlIg==\nS: 235 yes\n";
    assert_eq!(aaa(Full, digest), all("alice/DigestMd5/Succeeded/bm9uY2U=/dXNlcm5hbWU9ImFsaWNlIg=="));
}

#[test]
fn a_receipt_tells_nothing_of_the_senders_login() {
    let play =
        Play::run(vec![allowing(Full, cc("WARRANT", [email("dave@example.com")]))], &format!("{HELLO}{PLAIN}{SEND}"));
    assert_eq!(play.events(), ["Report Receive Unknown"]);
    assert!(play.iris()[0].aaa.is_none());
    play.nowhere(PASSWORD);
    play.nowhere("AUTH");
}

#[test]
fn content_has_the_exchange_where_login_made_the_match_with_the_password_overwritten() {
    let content = |data, target, exchange: &str| {
        let play = Play::run(vec![allowing(data, cc("WARRANT", [target]))], &format!("{HELLO}{exchange}{SEND}"));
        let content = play.content("WARRANT");
        content.split("MAIL FROM").next().unwrap().trim_end_matches('>').to_owned()
    };
    assert_eq!(content(None, login("alice"), PLAIN), ">AUTH PLAIN ************************\n<235 yes\n");
    // `alice`, a zero, and the password as stars.
    assert_eq!(content(Username, login("alice"), PLAIN), ">AUTH PLAIN AGFsaWNlACoqKioqKioqKg==\n<235 yes\n");
    assert_eq!(content(Full, login("alice"), PLAIN), ">AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\n<235 yes\n");
    assert_eq!(
        content(Username, login("alice"), LOGIN),
        ">AUTH LOGIN\n<334 VXNlcm5hbWU6\n>YWxpY2U=\n<334 UGFzc3dvcmQ6\n>************\n<235 yes\n"
    );
    assert_eq!(content(Full, login("alice"), LOGIN).matches("czNjcmV0LXB3").count(), 1);
    for target in [ip("192.0.2.10"), email("alice@example.org"), email("dave@example.com")] {
        assert_eq!(content(Full, target, PLAIN).replace('<', ""), "", "login did not make the match");
    }
}

#[test]
fn a_password_is_in_no_record_unless_the_warrant_says_full() {
    let early = "C: AUTH LOGIN\nC: YWxpY2U=\nC: czNjcmV0LXB3\n";
    for (case, exchange) in [
        ("plain", PLAIN.to_owned()),
        ("login", LOGIN.to_owned()),
        ("refused first", format!("{}{PLAIN}", PLAIN.replace("235", "535"))),
        ("all at once", format!("{early}S: 334 VXNlcm5hbWU6\nS: 334 UGFzc3dvcmQ6\nS: 235 yes\n")),
        ("all at once, and AUTH refused", format!("{early}S: 503 no\nS: 500 what\nS: 500 what\n{PLAIN}")),
        (
            "in a transaction",
            format!(
                "C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{early}S: 503 no\nS: 500 what\nS: 500 what\nC: RSET\nS: 250 ok\n{PLAIN}"
            ),
        ),
        (
            "in a transaction, something else between",
            format!(
                "C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: AUTH LOGIN\nS: 503 no\nC: NOOP\nS: 250 ok\nC: czNjcmV0LXB3\nS: 500 what\nC: a b {PASSWORD}\nS: 500 what\nC: RSET\nS: 250 ok\n{PLAIN}"
            ),
        ),
        (
            "in the next transaction",
            format!(
                "C: AUTH LOGIN\nS: 503 no\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: czNjcmV0LXB3\nS: 500 what\nC: RSET\nS: 250 ok\n{PLAIN}"
            ),
        ),
        (
            "by another name",
            format!(
                "C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: XAUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 500 what\nC: pass {PASSWORD}\nS: 500 what is pass {PASSWORD}\nC: a1 LOGIN alice {PASSWORD}\nS: 500 what\nC: RSET\nS: 250 ok\n{PLAIN}"
            ),
        ),
        (
            "a long line",
            format!(
                "C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw=={}\nS: 500 long\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok\n{PLAIN}",
                "A".repeat(70_000)
            ),
        ),
        ("old form", "C: AUTH=PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n".to_owned()),
        ("no mechanism", format!("C: AUTH AGFsaWNlAHMzY3JldC1wdw==\nS: 504 what\n{PLAIN}")),
        ("no base64", format!("C: AUTH LOGIN alice {PASSWORD}\nS: 501 what\n{PLAIN}")),
        ("one zero", format!("C: AUTH PLAIN YWxpY2UAczNjcmV0LXB3\nS: 535 no\n{PLAIN}")),
        ("cut in two", PLAIN.replace("HMzY3", "HMz\\\n--\nC: Y3")),
    ] {
        for data in [None, Username] {
            for target in [login("alice"), ip("192.0.2.10"), email("alice@example.org"), email("dave@example.com")] {
                for warrant in [iri, cc, packets].map(|kind| kind("WARRANT", [target.clone()])) {
                    let mut play = Play::new(vec![allowing(data, warrant)]);
                    play.acknowledged = true;
                    let play = play.open().say(&format!("{HELLO}{exchange}{SEND}")).fin().finish();
                    assert!(!play.events().is_empty(), "{case}");
                    play.nowhere(PASSWORD);
                    play.nowhere("s3cr");
                    play.nowhere("et-pw");
                    if data == None {
                        assert!(play.told().iter().all(|line| !line.contains("aaa=")));
                    }
                }
            }
        }
    }
}

#[test]
fn what_may_be_a_password_in_the_wrong_place_is_overwritten() {
    let plain = "AGFsaWNlAHMzY3JldC1wdw==";
    let word = "czNjcmV0LXB3";
    for (case, lines) in [
        ("not asked for", format!("C: XAUTH LOGIN\nS: 500 what\nC: YWxpY2U=\nS: 500 what\nC: {word}\nS: 500 what")),
        ("all at once", format!("C: XAUTH LOGIN\nC: YWxpY2U=\nC: {word}\nS: 500 what\nS: 500 what\nS: 500 what")),
        ("as in IMAP4", format!("C: a1 AUTHENTICATE PLAIN\nS: 500 what\nC: {word}\nS: 500 what")),
        ("in one word", format!("C: AUTHPLAIN\nS: 500 what\nC: {word}\nS: 500 what")),
        ("refused STARTTLS", format!("C: STARTTLS\nS: 454 no\nC: {word}\nS: 500 what")),
        ("once more", format!("C: AUTH PLAIN\nS: 334 \nC: {plain}\nS: 235 yes\nC: {word}\nS: 500 what")),
        (
            "refused, two words",
            format!(
                "C: AUTH\nS: 501 no\nC: RSET\nS: 250 ok\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: PLAIN {word}\nS: 500 what"
            ),
        ),
        ("NOOP", format!("C: NOOP AUTH PLAIN {plain}\nS: 250 ok AUTH PLAIN {plain}")),
        ("NOOP after a login", format!("C: AUTH LOGIN\nS: 504 no\nC: NOOP {word}\nS: 250 ok")),
        ("HELP", format!("C: HELP {plain}\nS: 250 ok")),
        ("a parameter", format!("C: MAIL FROM:<alice@example.org> AUTH PLAIN {word}\nS: 501 no")),
        ("a parameter of RCPT", format!("C: RCPT TO:<dave@example.com> SIZE=1 X={plain}\nS: 501 no")),
        ("behind an address without an end", format!("C: RCPT TO:<dave@example.com AUTH PLAIN {plain}\nS: 250 ok")),
        ("the same with a quote", format!("C: RCPT TO:<\"dave@example.com AUTH PLAIN {plain}\nS: 250 ok")),
        ("behind RSET", format!("C: RSET {word}\nS: 500 what")),
        ("by itself", format!("C: {plain}\nS: 500 what")),
        ("after a backspace", format!("C: AU\u{8}UTH PLAIN {word}\nS: 500 what")),
        (
            "quoted later",
            format!(
                "C: AUTH LOGIN\nS: 504 no\nC: {word}\nS: 500 what\nC: RCPT TO:<a@b>\nS: 503-last was\nS: 503 {word}"
            ),
        ),
        ("quoted at once", format!("C: AUTH PLAIN {plain}\nS: 235-AUTH PLAIN {plain}\nS: 235 {PASSWORD}")),
    ] {
        for data in [None, Username] {
            for target in [login("alice"), ip("192.0.2.10"), email("alice@example.org"), email("dave@example.com")] {
                for warrant in [cc, packets].map(|kind| kind("WARRANT", [target.clone()])) {
                    let sent = SEND.replace("    C: MAIL FROM:<alice@example.org>\n    S: 250 ok\n", "");
                    let script = format!("{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{lines}{sent}");
                    let play = Play::run(vec![allowing(data, warrant)], &script);
                    println!("{case}");
                    play.nowhere(PASSWORD);
                }
            }
        }
    }
}

#[test]
fn what_is_overwritten_keeps_its_place() {
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org> SIZE=9 XNEW XAUTH=1\nS: 250 ok\nC: what is it\nS: 500-what\nS: 500 is it\nC: NOOP x\nS: 250 ok\n\
         C: RCPT TO:<dave@example.com> NOTIFY=NEVER\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 550 no\nC: RSET\nS: 250 ok"
    );
    let play = Play::run(vec![cc("WARRANT", [email("alice@example.org")])], &script);
    assert_eq!(
        play.content("WARRANT"),
        ">MAIL FROM:<alice@example.org> SIZE=9 **** *******\n<250 **\n>**********\n<500-****\n500 *****\n>NOOP *\n<250 **\n\
         >RCPT TO:<dave@example.com> NOTIFY=NEVER\n<250 ok\n>RCPT TO:<b@example.com>\n<550 **\n>RSET\n<250 ok\n"
    );
}

#[test]
fn a_lost_response_does_not_make_a_password_a_name() {
    let mut play = Play::new(vec![allowing(Username, cc("WARRANT", [ip("192.0.2.10")]))]).open();
    play.speak(&format!("{HELLO}C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6"));
    play.lose(FromClient, 10);
    play.speak("S: 334 UGFzc3dvcmQ6\nC: czNjcmV0LXB3\nS: 235 yes");
    let play = play.say(SEND).fin().finish();
    assert!(play.told().iter().any(|line| line.contains("aaa=/Undefined/Succeeded")), "{:?}", play.told());
    play.nowhere(PASSWORD);
}

#[test]
fn the_login_of_a_session_is_told_with_what_its_senders_send() {
    let play = Play::run(
        vec![allowing(Username, iri("WARRANT", [email("alice@example.org")]))],
        &format!("{HELLO}{}{SEND}", PLAIN.replace("AGFsaWNlAHMzY3JldC1wdw==", "AGNhcm9sAHMzY3JldC1wdw==")),
    );
    assert!(play.told()[1].ends_with("Validated aaa=carol/Undefined/Succeeded"), "{:?}", play.told());
}

#[test]
fn a_line_that_no_server_knows_is_content_unless_a_password_may_be_in_it() {
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: XFOO bar baz\nS: 500 what\nC:\nS: 500 what\nC: RSET\nS: 250 ok"
    );
    let play = Play::run(vec![cc("WARRANT", [email("alice@example.org")])], &script);
    assert!(
        play.content("WARRANT").contains(">XFOO bar baz\n<500 what\n>\n<500 what\n"),
        "{}",
        play.content("WARRANT")
    );
}

#[test]
fn of_a_login_that_is_no_targets_only_the_name_is_kept() {
    let told = |warrant| {
        Play::run(vec![allowing(Full, warrant)], &format!("{HELLO}{PLAIN}{}", SEND.replace("alice@", "carol@"))).told()
    };
    let of_sender = told(iri("WARRANT", [email("carol@example.org")]));
    assert!(of_sender[1].ends_with("Validated aaa=alice/Undefined/Succeeded"), "{of_sender:?}");
    for target in [login("alice"), ip("192.0.2.10")] {
        let of_client = told(iri("WARRANT", [target]));
        assert!(of_client[1].ends_with("aaa=alice/Undefined/Succeeded/AGFsaWNlAHMzY3JldC1wdw=="), "{of_client:?}");
    }
}
