//! Each message stands alone: whose it is, what is told of it, and what never leaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::packet::ACK;
use support::{FromClient, FromServer, Play, cc, email, iri, login};
use writ_intercept::Warrant;
use writ_intercept::record::Body;

const HELLO: &str = "S: 220 mx\nC: EHLO client\nS: 250-mx\nS: 250 CHUNKING\n";

fn message(sender: &str, recipient: &str, text: &str) -> String {
    format!(
        "C: MAIL FROM:<{sender}>\nS: 250 ok\nC: RCPT TO:<{recipient}>\nS: 250 ok\nC: DATA\nS: 354 go\n\
         C: Message-ID: <{text}>\nC:\nC: {text}\nC: .\nS: 250 queued\n"
    )
}

fn alice() -> Vec<Warrant> {
    vec![cc("ALICE", [email("alice@example.org")])]
}

fn failed_too(warrant: Warrant) -> Warrant {
    Warrant { report_failed_sends: true, ..warrant }
}

fn count(play: &Play, event: &str) -> usize {
    play.events().iter().filter(|told| told.contains(event)).count()
}

#[test]
fn another_senders_messages_in_the_session_are_never_handed_over() {
    let script = [
        HELLO.to_owned(),
        message("bob@example.net", "carol@example.com", "bobs-first"),
        message("alice@example.org", "dave@example.com", "alices-own"),
        message("bob@example.net", "carol@example.com", "bobs-second"),
        "C: RSET\nS: 250 ok\n".to_owned(),
        message("bob@example.net", "carol@example.com", "bobs-third"),
        message("alice@example.org", "dave@example.com", "alices-next"),
        "C: QUIT\nS: 221 bye".to_owned(),
    ]
    .concat();
    let play = Play::run(alice(), &script);
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "Continue Send Unknown", "Continue Send Unknown", "End Logoff Succeeded"]
    );
    for foreign in ["bob@example.net", "bobs-", "carol@example.com"] {
        play.nowhere(foreign);
    }
    let own = |text: &str| {
        format!(
            ">MAIL FROM:<alice@example.org>\n<250 ok\n>RCPT TO:<dave@example.com>\n<250 ok\n>DATA\n<354 go\n\
             >Message-ID: <{text}>\n\n{text}\n.\n<250 queued\n"
        )
    };
    assert_eq!(play.content("ALICE"), own("alices-own") + &own("alices-next"));
}

#[test]
fn pipelined_transactions_of_two_senders_in_one_segment_are_told_apart() {
    // Three envelopes without a message in one segment, their replies in another.
    let script = format!(
        "{HELLO}
        C: MAIL FROM:<bob@example.net>
        C: RCPT TO:<carol@example.com>
        C: RSET
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<dave@example.com>
        C: RSET
        C: MAIL FROM:<bob@example.net>
        C: RCPT TO:<carol@example.com>
        C: DATA
        S: 250 bob
        S: 250 carol
        S: 250 rset-1
        S: 250 alice
        S: 250 dave
        S: 250 rset-2
        S: 250 bob
        S: 250 carol
        S: 354 go
        C: bobs-text
        C: .
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<dave@example.com>
        C: DATA
        S: 250 queued-bob
        S: 250 alice
        S: 250 dave
        S: 354 go
        C: alices-text
        C: .
        C: QUIT
        S: 250 queued-alice
        S: 221 bye"
    );
    let play = Play::run(alice(), &script);
    // Within a packet, what crossed the wire together stays together.
    let (envelope, replies) =
        (">MAIL FROM:<alice@example.org>\nRCPT TO:<dave@example.com>\n", "<250 alice\n250 dave\n");
    assert_eq!(
        play.content("ALICE"),
        format!(
            "{envelope}RSET\n{replies}250 rset-2\n{envelope}DATA\n{replies}354 go\n>alices-text\n.\n<250 queued-alice\n"
        )
    );
    for foreign in ["bob@example.net", "bobs-text", "carol@example.com", "queued-bob", "rset-1", "QUIT"] {
        play.nowhere(foreign);
    }
    assert_eq!(count(&play, "Send"), 1);
}

#[test]
fn chunks_ahead_of_every_reply_are_told_apart_too() {
    let one = |sender: &str, text: &str| {
        format!("C: MAIL FROM:<{sender}>\nC: RCPT TO:<dave@example.com>\nC: BDAT {} LAST\nC: {text}\\\n", text.len())
    };
    let script = [
        HELLO,
        &one("bob@example.net", "bobs-text"),
        &one("alice@example.org", "alices-text"),
        &one("bob@example.net", "bobs-other-text"),
        "C: QUIT\nS: 250 ok\nS: 250 ok\nS: 250 one\nS: 250 ok\nS: 250 ok\nS: 250 two\nS: 550 who\nS: 503 no\nS: 503 no\nS: 221 bye",
    ]
    .concat();
    let play = Play::run(alice(), &script);
    assert_eq!(
        play.content("ALICE"),
        ">MAIL FROM:<alice@example.org>\nRCPT TO:<dave@example.com>\nBDAT 11 LAST\nalices-text<250 ok\n250 ok\n250 two\n"
    );
    assert_eq!((count(&play, "Send"), play.iris()[1].client_octets), (1, 31 + 28 + 14 + 11));
    play.nowhere("bob@example.net");
    play.nowhere("bobs-");
    // Under the client's address each is the target's, and the last was refused.
    let play = Play::run(vec![cc("CLIENT", [support::ip("192.0.2.10")])], &script);
    assert_eq!(count(&play, "Send"), 2);
    assert!(play.content("CLIENT").contains("bobs-text") && play.content("CLIENT").contains("alices-text"));
    // And the recipient of all has three texts, of which one was not accepted.
    let play = Play::run(vec![cc("DAVE", [email("dave@example.com")])], &script);
    assert_eq!(count(&play, "Receive"), 2);
    play.nowhere("bobs-other-text");
}

#[test]
fn only_accepted_recipients_count() {
    let script = format!(
        "{HELLO}
        C: MAIL FROM:<bob@example.net>
        S: 250 ok
        C: RCPT TO:<alice@example.org>
        S: 550 no such user
        C: RCPT TO:<carol@example.com>
        S: 250 ok
        C: RCPT TO:<dave@example.com>
        S: 251 will forward
        C: RCPT TO:<erin@example.com>
        S: 252 will try
        C: RCPT TO:<frank@example.com>
        S: 452 later
        C: DATA
        S: 354 go
        C: x
        C: .
        S: 250 queued
        C: QUIT
        S: 221 bye"
    );
    let play = Play::run(alice(), &script);
    assert!(play.room.records.is_empty(), "refused as a recipient");
    for name in ["carol", "dave", "erin"] {
        let play = Play::run(vec![cc("RECIPIENT", [email(&format!("{name}@example.com"))])], &script);
        assert_eq!(
            play.told(),
            ["RECIPIENT#0 @19 Report Receive Unknown from=<bob@example.net> \
              to=carol@example.com,dave@example.com,erin@example.com n=3 NonValidated"]
        );
        // The refused ones are part of the dialogue: content from MAIL to the end.
        assert!(play.content("RECIPIENT").starts_with("<MAIL FROM:<bob@example.net>\n>250 ok\n<RCPT TO:<alice"));
    }
}

#[test]
fn status_says_succeeded_only_where_the_server_is_the_end_point() {
    let status = |recipients: &[(&str, u16)], target: &str| {
        let rcpt: String =
            recipients.iter().map(|(name, code)| format!("C: RCPT TO:<{name}>\nS: {code} ok\n")).collect();
        let script = format!(
            "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{rcpt}C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye"
        );
        let play = Play::new(vec![iri("WARRANT", [email(target)])]);
        let play = play.with(|settings| settings.deliver_here("Bücher.example"));
        let events = play.open().say(&script).fin().finish().events();
        events.into_iter().find(|event| event.contains("Send") || event.contains("Receive")).unwrap()
    };
    let here = ("bob@xn--bcher-kva.example", 250);
    let away = ("carol@example.com", 250);
    assert_eq!(status(&[here], "bob@bücher.example"), "Report Receive Succeeded");
    assert_eq!(status(&[here, away], "bob@bücher.example"), "Report Receive Succeeded");
    assert_eq!(status(&[here, away], "carol@example.com"), "Report Receive Unknown");
    assert_eq!(status(&[here], "alice@example.org"), "Continue Send Succeeded");
    assert_eq!(status(&[here, away], "alice@example.org"), "Continue Send Unknown");
    // The domain is here, and the server says that the mailbox is not.
    assert_eq!(status(&[(here.0, 251)], "bob@bücher.example"), "Report Receive Unknown");
    assert_eq!(status(&[here, ("eve@bücher.example", 252)], "alice@example.org"), "Continue Send Unknown");
}

#[test]
fn past_1023_recipients_the_count_goes_on_and_the_target_is_named() {
    let rcpt: String = (0..1099).map(|number| format!("C: RCPT TO:<user{number}@example.com>\n")).collect();
    let ok = "S: 250 ok\n".repeat(1101);
    let script = format!(
        "{HELLO}C: MAIL FROM:<bob@example.net>\n{rcpt}C: RCPT TO:<alice@example.org>\nC: DATA\n{ok}S: 354 go\nC: x\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye"
    );
    let play = Play::run(alice(), &script);
    let iri = play.iris()[0];
    assert_eq!((iri.recipients.len(), iri.total_recipients), (1023, Some(1100)));
    assert_eq!(iri.recipients[1021], "user1021@example.com");
    assert_eq!(iri.recipients[1022], "alice@example.org");
    let play = Play::run(vec![iri_of("BOB", "bob@example.net")], &script);
    assert_eq!(play.iris()[1].recipients[1022], "user1022@example.com");
    assert_eq!(play.iris()[1].total_recipients, Some(1100));
}

fn iri_of(liid: &str, target: &str) -> Warrant {
    iri(liid, [email(target)])
}

/// Dialogues in which a message from alice to dave is tried and not taken, and what is told of it where failures are.
fn failures() -> Vec<(&'static str, String, usize)> {
    let mail = "C: MAIL FROM:<alice@example.org>\nS: 250 ok\n";
    let rcpt = "C: RCPT TO:<dave@example.com>\nS: 250 ok\n";
    let data = "C: DATA\nS: 354 go\nC: Message-ID: <1@x>\nC:\nC: text\nC: .\n";
    let quit = "C: QUIT\nS: 221 bye";
    vec![
        ("MAIL refused", format!("{HELLO}C: MAIL FROM:<alice@example.org>\nS: 550 no\n{quit}"), 1),
        ("RCPT refused", format!("{HELLO}{mail}C: RCPT TO:<dave@example.com>\nS: 550 no\n{quit}"), 1),
        ("DATA refused", format!("{HELLO}{mail}{rcpt}C: DATA\nS: 554 no\n{quit}"), 2),
        ("message refused", format!("{HELLO}{mail}{rcpt}{data}S: 554 no\n{quit}"), 2),
        ("421 to the message", format!("{HELLO}{mail}{rcpt}{data}S: 421 no"), 2),
        ("broken off in DATA", format!("{HELLO}{mail}{rcpt}C: DATA\nS: 354 go\nC: half"), 2),
        ("never answered", format!("{HELLO}{mail}{rcpt}{data}"), 2),
        ("chunk refused", format!("{HELLO}{mail}{rcpt}C: BDAT 4 LAST\nC: text\\\nS: 552 no\n{quit}"), 2),
        ("broken off between chunks", format!("{HELLO}{mail}{rcpt}C: BDAT 4\nC: text\\\nS: 250 ok\n{quit}"), 2),
        (
            "reset between chunks",
            format!("{HELLO}{mail}{rcpt}C: BDAT 4\nC: text\\\nS: 250 ok\nC: RSET\nS: 250 ok\n{quit}"),
            2,
        ),
    ]
}

#[test]
fn what_the_server_did_not_accept_is_told_only_where_failures_are() {
    for (case, script, told) in failures() {
        let targets = [email("alice@example.org"), email("dave@example.com")];
        let play = Play::run(vec![iri("PLAIN", targets.clone()), failed_too(iri("FAILED", targets))], &script);
        let events_of = |liid: &str| {
            let records = play.room.records.iter().filter(|record| record.mandate.liid == liid);
            let iris = records.filter_map(|r| if let Body::Iri(iri) = &r.body { Some(&**iri) } else { None });
            iris.filter(|iri| iri.sender.is_some())
                .map(|iri| format!("{:?} {:?}", iri.event, iri.status))
                .collect::<Vec<_>>()
        };
        assert!(events_of("PLAIN").is_empty(), "{case}");
        let expected = ["Send Failed", "Receive Failed"];
        assert_eq!(events_of("FAILED"), expected[..told], "{case}");
    }
}

#[test]
fn a_client_that_changes_its_mind_tried_nothing() {
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok\nC: RSET\nS: 250 ok\n\
         C: QUIT\nS: 221 bye"
    );
    let play = Play::run(vec![failed_too(iri("FAILED", [email("alice@example.org")]))], &script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
}

#[test]
fn what_was_read_of_a_message_that_broke_off_is_told() {
    let (_, script, _) = failures().remove(5);
    let script = script.replace("C: half", "C: Message-ID: <1@x>\nC:\nC: half");
    let play = Play::run(vec![failed_too(iri("FAILED", [email("alice@example.org")]))], &script);
    assert_eq!(play.iris()[1].message_id.as_deref(), Some(&b"<1@x>"[..]));
}

#[test]
fn content_goes_as_it_comes_also_of_what_is_refused_then() {
    let (_, script, _) = failures().remove(3);
    let play = Play::run(vec![cc("DAVE", [email("dave@example.com")])], &script);
    assert_eq!(count(&play, "Receive"), 0);
    assert!(play.content("DAVE").ends_with(".\n>554 no\n"));
}

#[test]
fn a_nested_mail_is_refused_and_the_first_goes_on() {
    let script = format!(
        "{HELLO}
        C: MAIL FROM:<alice@example.org>
        S: 250 ok
        C: MAIL FROM:<alice@example.com>
        S: 503 nested
        C: RCPT TO:<dave@example.com>
        S: 250 ok
        C: DATA
        S: 354 go
        C: x
        C: .
        S: 250 queued
        C: QUIT
        S: 221 bye"
    );
    let play = Play::run(vec![failed_too(cc("ALICE", [email("alice@example.org")]))], &script);
    assert_eq!(
        play.told()[1],
        "ALICE#0 @13 Continue Send Unknown from=<alice@example.org> to=dave@example.com n=1 NonValidated"
    );
    assert_eq!(play.iris()[1].client_octets, 31 + 31 + 28 + 6 + 6);
    assert!(
        play.content("ALICE")
            .starts_with(">MAIL FROM:<alice@example.org>\n<250 ok\n>MAIL FROM:<alice@example.com>\n<503")
    );
    // Who was refused is no sender.
    let play = Play::run(vec![cc("OTHER", [email("alice@example.com")])], &script);
    assert!(play.room.records.is_empty());
    // The same with everything ahead of the replies.
    let ahead = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org>\nC: MAIL FROM:<alice@example.com>\nC: RCPT TO:<dave@example.com>\n\
         C: BDAT 4 LAST\nC: text\\\nS: 250 ok\nS: 503 nested\nS: 250 ok\nS: 250 queued\nC: QUIT\nS: 221 bye"
    );
    let play = Play::run(vec![cc("DAVE", [email("dave@example.com")])], &ahead);
    assert_eq!(
        play.told(),
        ["DAVE#0 @5 Report Receive Unknown from=<alice@example.org> to=dave@example.com n=1 NonValidated"]
    );
    // Ahead of the replies only the order within each direction is that of the wire.
    let content = play.content("DAVE");
    assert!(
        content.contains("<MAIL FROM:<alice@example.org>\nMAIL FROM:<alice@example.com>\nRCPT TO:<dave@example.com>\nBDAT 4 LAST\ntext"),
        "{content}"
    );
    assert!(content.ends_with(">250 ok\n503 nested\n250 ok\n250 queued\n"), "{content}");
}

#[test]
fn a_new_mail_hello_or_reset_ends_what_was_open() {
    for between in ["C: RSET\nS: 250 ok\n", "C: EHLO again\nS: 250 mx\n", ""] {
        let script = format!(
            "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{between}{}C: QUIT\nS: 221 bye",
            message("bob@example.net", "carol@example.com", "bobs-text")
        );
        let play = Play::run(alice(), &script);
        assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
        play.nowhere("bob");
    }
}

#[test]
fn validity_is_that_of_the_login() {
    let script = |auth: &str| format!("{HELLO}{auth}{}", message("alice@example.org", "dave@example.com", "1"));
    let validity = |auth: &str| format!("{:?}", Play::run(alice(), &script(auth)).iris()[1].sender_validity.unwrap());
    assert_eq!(validity(""), "NonValidated");
    assert_eq!(validity("C: AUTH PLAIN AGNhcm9sAHMzY3JldC1wdw==\nS: 235 yes\n"), "Validated");
    assert_eq!(validity("C: AUTH PLAIN AGNhcm9sAHMzY3JldC1wdw==\nS: 535 no\n"), "NonValidated");
    assert_eq!(validity("C: AUTH EXTERNAL =\nS: 235 yes\n"), "Validated");
}

#[test]
fn a_message_id_of_a_resending_stands_in_where_there_is_no_other() {
    let id = |head: &str| {
        let script = format!("{HELLO}{}", message("alice@example.org", "dave@example.com", "x"))
            .replace("C: Message-ID: <x>\n", head);
        let play = Play::run(alice(), &script);
        play.iris()[1].message_id.clone().map(|id| String::from_utf8(id).unwrap())
    };
    assert_eq!(id("C: Resent-Message-ID: <2@x>\n").as_deref(), Some("<2@x>"));
    assert_eq!(id("C: Resent-Message-ID: <2@x>\nC: message-id:\nC:  <1@x>\n").as_deref(), Some("<1@x>"));
    assert_eq!(id(""), None);
}

#[test]
fn a_message_that_ends_with_a_bare_line_feed_is_one() {
    let script =
        message("alice@example.org", "dave@example.com", "text").replace("C: text\nC: .\n", "C: text\n.\n\\\n");
    let script = script.replace("C: text\n.\n\\\n", "");
    let mut play = Play::new(alice()).open().say(&format!("{HELLO}{}", script.split("S: 354 go").next().unwrap()));
    play.send(FromServer, b"354 go\r\n");
    play.send(FromClient, b"Message-ID: <1@x>\n\ntext\n.\n");
    play.send(FromServer, b"250 queued\r\n");
    play.send(FromClient, b"MAIL FROM:<bob@example.net>\r\n");
    play.send(FromServer, b"250 ok\r\n");
    let play = play.fin().finish();
    assert_eq!(play.iris()[1].message_id.as_deref(), Some(&b"<1@x>"[..]));
    play.nowhere("bob");
}

#[test]
fn many_targets_in_one_message_are_each_served_once() {
    let names = |number: u32| [email(&format!("user{number}@example.com")), login(&format!("user{number}"))];
    let warrants: Vec<_> =
        (0..40).flat_map(|number| [1, 2].map(|copy| cc(&format!("W-{number}-{copy}"), names(number)))).collect();
    let rcpt: String = (0..40).map(|number| format!("C: RCPT TO:<user{number}@example.com>\nS: 250 ok\n")).collect();
    let script = format!(
        "{HELLO}C: MAIL FROM:<bob@example.net>\nS: 250 ok\n{rcpt}C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye"
    );
    let play = Play::run(warrants, &script);
    assert_eq!(count(&play, "Receive"), 80);
    let first = play.content("W-0-1");
    assert!((0..40).all(|number| [1, 2].iter().all(|copy| play.content(&format!("W-{number}-{copy}")) == first)));
}

#[test]
fn packets_that_a_coarse_clock_gave_one_time_keep_their_order() {
    let mut play = Play::new(vec![cc("W", [email("bob@example.net")])]).open().say("S: 220 mx\nC: EHLO c\nS: 250 mx");
    let dialogue =
        ["MAIL FROM:<alice@example.org>", "250 sender", "RCPT TO:<bob@example.net>", "250 recipient", "DATA", "354 go"];
    // A batch of frames that was read at once.
    for (at, line) in dialogue.iter().enumerate() {
        let from = if at % 2 == 0 { FromClient } else { FromServer };
        play.raw(from, ACK, format!("{line}\r\n").as_bytes());
    }
    let play = play.say("C: x\nC: .\nS: 250 queued").fin().finish();
    let told = play.content("W").replace(['<', '>'], "|");
    let lines = dialogue.map(|line| line.replace(['<', '>'], "|")).join("\n|");
    assert!(told.starts_with(&format!("|{lines}\n|x\n.\n|250 queued")), "{told}");
}

#[test]
fn many_short_lines_of_one_packet_are_one_record() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 mx\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: RCPT TO:<bob@example.net>\nS: 250 ok\n";
    let mut play = Play::new(vec![cc("W", [email("alice@example.org")])]).open().say(script);
    let before = play.room.records.len();
    play.send(FromClient, &b"NOOP\r\n".repeat(700));
    play.send(FromServer, &b"250 noop\r\n".repeat(700));
    let play = play.fin().finish();
    let records = play.room.records.len() - before;
    assert!(records < 10, "{records} records");
    assert!(play.content("W").ends_with(&format!(">{}<{}", "NOOP\n".repeat(700), "250 noop\n".repeat(700))));
    let content = play.room.records.iter().filter(|record| matches!(record.body, writ_intercept::record::Body::Cc(_)));
    assert_eq!(content.count() as u64, play.room.counters.cc_records);
}

#[test]
fn a_message_smuggled_behind_a_dot_is_whose_it_says_where_the_server_took_the_dot() {
    let session = |sender: &str, smuggled: &str, replies: &str| {
        let mut play = Play::new(vec![cc("ALICE", [email("alice@example.org")])]).open();
        play.speak("S: 220 mx\nC: EHLO client\nS: 250 mx");
        play.speak(&format!("C: MAIL FROM:<{sender}>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok"));
        play.speak("C: DATA\nS: 354 go");
        let burst = format!(
            "first-text\n.\r\nMAIL FROM:<{smuggled}>\r\nRCPT TO:<carol@example.com>\r\nDATA\r\nsecond-text\r\n.\r\nQUIT\r\n"
        );
        play.send(FromClient, burst.as_bytes());
        play.speak(replies);
        play.fin().finish()
    };
    let taken = "S: 250 queued\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 queued\nS: 221 bye";
    let not_taken = "S: 250 queued\nS: 221 bye";
    let (alice, bob) = ("alice@example.org", "bob@example.net");
    let sends = |play: &Play| play.events().iter().filter(|event| event.contains(" Send ")).count();

    let play = session(bob, alice, taken);
    assert_eq!(sends(&play), 1);
    play.nowhere("first-text");
    assert!(play.content("ALICE").contains("second-text\n.\n"), "{}", play.content("ALICE"));
    let play = session(alice, bob, taken);
    assert_eq!(sends(&play), 1);
    play.nowhere("second-text");
    play.nowhere("bob@");
    assert!(play.content("ALICE").ends_with("first-text\n.\n<250 queued\n"), "{}", play.content("ALICE"));

    let play = session(bob, alice, not_taken);
    assert!(play.room.records.is_empty());
    let play = session(alice, bob, not_taken);
    assert_eq!(sends(&play), 1);
    assert!(play.content("ALICE").ends_with("second-text\n.\n<250 queued\n"), "{}", play.content("ALICE"));
}
