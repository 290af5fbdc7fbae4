//! Nothing captured outside [start, end) is handed over, packet by packet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::sync::Arc;

use support::{FromClient, FromServer, Play, at, cc, email, ip, iri, login, packets};
use writ_intercept::record::Body;
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{Target, Warrant};

/// Second by second, one segment each.
const SCRIPT: &str = "
    S: 220 mx
    C: EHLO client
    S: 250 mx
    C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==
    S: 235 yes
    C: MAIL FROM:<alice@example.org>
    S: 250 alice
    C: RCPT TO:<dave@example.com>
    S: 250 dave
    C: DATA
    S: 354 go
    C: Message-ID: <1@x>
    C:
    C: first\\
    --
    C: second
    --
    C: third
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye";

const LAST: u64 = 17;

fn limited(start: u64, end: u64, warrant: Warrant) -> Warrant {
    let data = AuthenticationData::Full;
    Warrant { start: at(start), end: at(end), authentication_data: data, report_failed_sends: true, ..warrant }
}

fn run(warrant: Warrant) -> Play {
    let mut play = Play::new(vec![warrant]);
    play.acknowledged = true;
    play.open().say(SCRIPT).fin().finish()
}

fn targets() -> [Target; 4] {
    [ip("192.0.2.10"), login("alice"), email("alice@example.org"), email("dave@example.com")]
}

/// The seconds in which content was captured, and whether any record is of a time outside.
fn content_seconds(play: &Play, start: u64, end: u64) -> Vec<u64> {
    let mut seconds = Vec::new();
    for record in &play.room.records {
        if matches!(record.body, Body::Closed) {
            continue;
        }
        assert!(at(start) <= record.time && record.time < at(end), "{start}..{end}: {:?}", play.told());
        if matches!(record.body, Body::Cc(_)) {
            seconds.push(record.time.seconds() - support::START);
        }
    }
    seconds
}

#[test]
fn no_record_is_of_a_time_outside_wherever_the_interval_begins_and_ends() {
    for target in targets() {
        for start in 0..=LAST + 2 {
            for end in start + 1..=LAST + 3 {
                for warrant in [cc("WARRANT", [target.clone()]), packets("WARRANT", [target.clone()])] {
                    let is_packets = warrant.cc_format == writ_intercept::record::CcFormat::IpPacket;
                    let play = run(limited(start, end, warrant));
                    let seconds = content_seconds(&play, start, end);
                    // The message is covered if its MAIL, and the reply to what made the match, are inside.
                    let receipt = target == targets()[3];
                    let known = if receipt { 9 } else { 7 };
                    let from = if start <= 6 && known < end { 6 } else { u64::MAX };
                    let auth = target == targets()[1] && start <= 4 && 5 < end;
                    let due: Vec<u64> = (1..=LAST)
                        .filter(|second| (from..=15).contains(second) || auth && (4..=5).contains(second))
                        .filter(|second| (start..end).contains(second))
                        .collect();
                    let mut seconds = seconds;
                    seconds.dedup();
                    if is_packets {
                        // A packet of the greeting's dialogue is there for its acknowledgement alone.
                        assert_eq!(seconds, due, "{start}..{end} as packets");
                    } else {
                        assert_eq!(seconds, due, "{start}..{end}");
                    }
                }
            }
        }
    }
}

#[test]
fn each_event_needs_all_that_it_tells_of_inside() {
    for target in targets() {
        let receipt = target == targets()[3];
        for start in 0..=LAST + 2 {
            for end in start + 1..=LAST + 3 {
                let play = run(limited(start, end, iri("WARRANT", [target.clone()])));
                let inside = |first: u64, last: u64| start <= first && last < end;
                let events = play.events();
                let has = |event: &str| events.iter().any(|told| told.contains(event));
                if receipt {
                    assert_eq!(has("Receive Unknown"), inside(6, 15), "{start}..{end}: {events:?}");
                    assert_eq!(events.len(), usize::from(inside(6, 15)));
                    continue;
                }
                assert_eq!(has("Send Unknown"), inside(6, 15), "{start}..{end}: {events:?}");
                let known = [3, 5, 7][targets().iter().position(|known| *known == target).unwrap()];
                let login_inside = target != targets()[1] || start <= 4;
                assert_eq!(has("Begin Logon"), inside(2, known.max(3)) && login_inside, "{start}..{end}: {events:?}");
                let told_before = has("Begin") || has("Send");
                assert_eq!(has("End Logoff"), inside(16, 17) && told_before, "{start}..{end}: {events:?}");
                for told in play.told().iter().filter(|told| told.contains("Send Unknown")) {
                    // AUTH was at 4 and 5.
                    assert_eq!(told.contains("aaa="), start <= 4, "{start}..{end}: {told}");
                    assert_eq!(told.contains("Validated"), start <= 4, "{start}..{end}: {told}");
                }
            }
        }
    }
}

#[test]
fn the_boundary_is_exact_to_the_nanosecond() {
    let start_of_mail = at(6).as_nanos();
    for (start, covered) in [(start_of_mail, true), (start_of_mail + 1, false)] {
        let warrant =
            Warrant { start: writ_wire::Time::from_nanos(start), ..cc("WARRANT", [email("alice@example.org")]) };
        assert_eq!(run(warrant).content("WARRANT").contains("MAIL"), covered);
    }
    let queued = at(15).as_nanos();
    for (end, covered) in [(queued, false), (queued + 1, true)] {
        let warrant = Warrant { end: writ_wire::Time::from_nanos(end), ..cc("WARRANT", [email("alice@example.org")]) };
        let play = run(warrant);
        assert_eq!(play.content("WARRANT").contains("queued"), covered);
        assert_eq!(play.events().contains(&"Continue Send Unknown".to_owned()), covered);
    }
}

#[test]
fn a_body_is_cut_octet_for_octet_and_a_command_is_whole_or_not_there() {
    let play = run(limited(0, 14, cc("WARRANT", [email("alice@example.org")])));
    assert!(play.content("WARRANT").ends_with(">Message-ID: <1@x>\n\nfirstsecond\n"), "{}", play.content("WARRANT"));
    // RCPT comes in two halves, and the second is too late.
    let halves = SCRIPT.replace("C: RCPT TO:<dave@example.com>", "C: RCPT TO:<da\\\n--\nC: ve@example.com>");
    let warrant = limited(0, 9, cc("WARRANT", [email("alice@example.org")]));
    let play = Play::new(vec![warrant]).open().say(&halves).fin().finish();
    assert!(play.content("WARRANT").ends_with("<250 alice\n"), "{}", play.content("WARRANT"));
}

#[test]
fn an_ehlo_inside_is_a_logon_though_one_before_was_not() {
    let again = SCRIPT.replace("C: MAIL", "C: EHLO again\n    S: 250 mx\n    C: MAIL");
    let play = Play::new(vec![limited(5, 100, iri("WARRANT", [ip("192.0.2.10")]))]).open().say(&again).fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
    assert!(play.told()[0].starts_with("WARRANT#0 @7 "));
}

#[test]
fn a_revoked_warrant_covers_nothing_from_then_on() {
    let warrant = Arc::new(cc("WARRANT", [ip("192.0.2.10")]));
    let mut play = Play::new(Vec::new());
    play.swap(vec![Arc::clone(&warrant)]);
    let mut play = play.open().say(SCRIPT.split("C: second").next().unwrap());
    let next = Warrant::replace(&[warrant], Vec::new());
    play.swap(next);
    let before = play.room.records.len();
    let play = play.say(&format!("C: second{}", SCRIPT.split("C: second").nth(1).unwrap())).fin().finish();
    let after: Vec<_> = play.room.records[before..].iter().map(|record| matches!(record.body, Body::Closed)).collect();
    assert_eq!(after, [true], "only that its number is free of further records");
    play.nowhere("second");
}

#[test]
fn a_new_warrant_takes_effect_in_an_open_session_with_the_next_message() {
    let one = SCRIPT.split("C: QUIT").next().unwrap();
    let next = format!("C: MAIL{}", SCRIPT.split("C: MAIL").nth(1).unwrap()).replace("first", "next");
    for target in targets() {
        let is_receipt = target == targets()[3];
        for (warrant, is_packets) in
            [(cc("WARRANT", [target.clone()]), false), (packets("WARRANT", [target.clone()]), true)]
        {
            let mut play = Play::new(vec![iri("OTHER", [email("nobody@example.org")])]).open().say(one);
            play.swap(vec![Arc::new(warrant)]);
            let play = play.say(&next).fin().finish();
            let events = play.events();
            assert_eq!(events.len(), if is_receipt { 1 } else { 3 }, "{events:?}");
            let content = if is_packets { play.packets("WARRANT").concat() } else { play.content("WARRANT") };
            assert!(content.contains("nextsecond") || content.contains("next") && is_packets, "{content}");
            play.nowhere("first");
        }
    }
}

#[test]
fn a_warrant_that_says_the_same_goes_on_under_its_number() {
    let warrant = || cc("WARRANT", [ip("192.0.2.10")]);
    let first = Warrant::replace(&[], vec![warrant(), cc("GONE", [email("carol@example.org")])]);
    let mut play = Play::new(Vec::new());
    play.swap(first.clone());
    let mut play = play.open().say(SCRIPT.split("C: DATA").next().unwrap());
    play.swap(Warrant::replace(&first, vec![cc("NEW", [ip("192.0.2.10")]), warrant()]));
    let rest = format!("C: DATA{}", SCRIPT.split("C: DATA").nth(1).unwrap());
    let play = play.say(&rest).fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
    assert!(play.room.records.iter().all(|record| record.cin.0 == 0 && record.mandate.liid == "WARRANT"));
}

#[test]
fn a_start_in_mid_stream_covers_what_begins_after_it() {
    let mut play = Play::new(vec![cc("WARRANT", [ip("192.0.2.10")])]);
    play.send(FromClient, b"text of somebody's message\r\n.\r\n");
    play.send(FromServer, b"250 queued\r\n");
    let play = play.say(&format!("C: MAIL{}", SCRIPT.split("C: MAIL").nth(1).unwrap())).fin().finish();
    assert_eq!(play.events(), ["Continue Send Unknown", "End Logoff Succeeded"]);
    assert!(play.content("WARRANT").starts_with(">MAIL"));
    play.nowhere("somebody");
    // MAIL itself was not captured: whose message it is nobody knows.
    let rest = format!("C: RCPT{}", SCRIPT.split("C: RCPT").nth(1).unwrap());
    for target in targets() {
        let play = Play::new(vec![cc("WARRANT", [target])]).say(&rest).fin().finish();
        assert!(!play.events().iter().any(|event| event.contains("Send") || event.contains("Receive")));
        play.nowhere("first");
    }
}
