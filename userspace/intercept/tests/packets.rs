//! Content as IP packets: those that carried a transaction, acknowledgements included, and nobody else's octets in them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::packet::{self, ACK};
use support::{FromClient, FromServer, Play, cc, email, ip, login, packets};
use writ_intercept::record::{Body, CcFormat};
use writ_intercept::{Target, Warrant};

const HELLO: &str = "S: 220 mx\nC: EHLO client\nS: 250 mx\n";

fn message(sender: &str, text: &str) -> String {
    format!(
        "C: MAIL FROM:<{sender}>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\n\
         C: {text}\nC: .\nS: 250 queued\n"
    )
}

fn alice() -> Vec<Warrant> {
    vec![packets("ALICE", [email("alice@example.org")])]
}

/// The packets handed over are captured ones: the same but for payload octets that are overwritten.
fn check(play: &Play) {
    for record in &play.room.records {
        let Body::Cc(cc) = &record.body else { continue };
        assert_eq!(cc.format, CcFormat::IpPacket);
        let got = &cc.content.octets()[..];
        let as_captured = |packet: &Vec<u8>| {
            let head = packet.len() - packet::payload(packet).len();
            packet.len() == got.len()
                && packet[..head] == got[..head]
                && packet[head..].iter().zip(&got[head..]).all(|(was, is)| was == is || *is == b'*')
        };
        assert!(play.captured.iter().any(as_captured), "{}", String::from_utf8_lossy(got));
    }
}

#[test]
fn the_packets_of_a_transaction_and_their_acknowledgements() {
    let script =
        [HELLO, &message("bob@example.net", "bobs"), &message("alice@example.org", "alices"), "C: QUIT\nS: 221 bye"]
            .concat();
    let mut play = Play::new(alice());
    play.acknowledged = true;
    let play = play.open().say(&script).fin().finish();
    check(&play);
    assert_eq!(
        play.packets("ALICE"),
        [
            "@12 >MAIL FROM:<alice@example.org>\n",
            "@12 <",
            "@13 <250 ok\n",
            "@13 >",
            "@14 >RCPT TO:<dave@example.com>\n",
            "@14 <",
            "@15 <250 ok\n",
            "@15 >",
            "@16 >DATA\n",
            "@16 <",
            "@17 <354 go\n",
            "@17 >",
            "@18 >alices\n.\n",
            "@18 <",
            "@19 <250 queued\n",
            "@19 >"
        ]
    );
    play.nowhere("bob");
}

#[test]
fn a_receiver_has_the_packets_the_other_way_round() {
    let script = [HELLO, &message("bob@example.net", "bobs"), "C: QUIT\nS: 221 bye"].concat();
    let play = Play::run(vec![packets("DAVE", [email("dave@example.com")])], &script);
    assert_eq!(play.packets("DAVE")[..2], ["@4 <MAIL FROM:<bob@example.net>\n", "@5 >250 ok\n"]);
    assert_eq!(play.packets("DAVE").len(), 8);
}

#[test]
fn foreign_octets_in_a_shared_packet_are_overwritten() {
    let script = format!(
        "{HELLO}
        C: MAIL FROM:<bob@example.net>
        C: RSET
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<dave@example.com>
        C: DATA
        S: 250 bob-ok
        S: 250 reset
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: alices
        C: .
        C: MAIL FROM:<bob@example.net>
        S: 250 queued
        S: 250 bob-ok
        C: QUIT
        S: 221 bye"
    );
    let play = Play::run(alice(), &script);
    check(&play);
    assert_eq!(
        play.packets("ALICE"),
        [
            format!("@4 >{}MAIL FROM:<alice@example.org>\nRCPT TO:<dave@example.com>\nDATA\n", "*".repeat(29 + 6)),
            format!("@5 <{}250 ok\n250 ok\n354 go\n", "*".repeat(12 + 11)),
            format!("@6 >alices\n.\n{}", "*".repeat(29)),
            format!("@7 <250 queued\n{}", "*".repeat(12)),
        ]
    );
    play.nowhere("bob");
}

#[test]
fn a_command_in_many_packets_is_all_of_them() {
    let script = [
        HELLO,
        &message("alice@example.org", "text").replace("FROM:<ali", "FROM:<ali\\\n--\nC: "),
        "C: QUIT\nS: 221 bye",
    ];
    let play = Play::run(alice(), &script.concat());
    check(&play);
    assert_eq!(play.packets("ALICE")[..2], ["@4 >MAIL FROM:<ali", "@5 >ce@example.org>\n"]);
}

#[test]
fn the_login_goes_with_its_password_overwritten() {
    let script = [
        HELLO,
        "C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n",
        &message("x@example.net", "text"),
        "C: QUIT\nS: 221 bye",
    ]
    .concat();
    let play = Play::run(vec![packets("ALICE", [login("alice")])], &script);
    check(&play);
    let stars = format!("@4 >AUTH PLAIN {}\n", "*".repeat(24));
    assert_eq!(play.packets("ALICE")[..2], [stars, "@5 <235 yes\n".to_owned()]);
    play.nowhere("s3cret-pw");
    // In one segment with what follows it, and in two halves.
    let early = script.replace("S: 235 yes\n", "").replace("S: 250 ok\nC: RCPT", "S: 235 yes\nS: 250 ok\nC: RCPT");
    for script in [early, script.replace("HMzY3", "HMz\\\n--\nC: Y3")] {
        let play = Play::run(vec![packets("ALICE", [login("alice")])], &script);
        check(&play);
        assert!(play.packets("ALICE").concat().contains("AUTH PLAIN ***"), "{:?}", play.packets("ALICE"));
        play.nowhere("s3cret-pw");
    }
}

#[test]
fn retransmissions_go_along_and_stay_overwritten() {
    let mut play = Play::new(alice()).open().say(HELLO);
    let (client, server) = (1_001 + 13, 5_001 + 16);
    play.speak("C: MAIL FROM:<bob@example.net>\nC: RSET\nC: MAIL FROM:<alice@example.org>\nS: 250 bob\nS: 250 reset\nS: 250 ok");
    let segment = "MAIL FROM:<bob@example.net>\r\nRSET\r\nMAIL FROM:<alice@example.org>\r\n";
    play.packet(FromClient, client, server, ACK, segment.as_bytes());
    play.packet(FromClient, client + 29, server, ACK, &segment.as_bytes()[29..]);
    play.speak("C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    check(&play);
    let told: Vec<_> = play.packets("ALICE").into_iter().filter(|packet| packet.contains("alice")).collect();
    let (foreign, own) = ("*".repeat(35), "MAIL FROM:<alice@example.org>\n");
    assert_eq!(
        told,
        [format!("@4 >{foreign}{own}"), format!("@5 >{foreign}{own}"), format!("@5 >{}{own}", "*".repeat(6))]
    );
    play.nowhere("bob");
}

#[test]
fn packets_out_of_order_wait_for_what_is_before_them() {
    let mut play = Play::new(alice()).open().say(HELLO);
    let (client, server) = (1_001 + 13, 5_001 + 16);
    let segment = b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<dave@example.com>\r\nDATA\r\n";
    for piece in [40..65, 10..40, 0..10] {
        play.packet(FromClient, client + piece.start as u32, server, ACK, &segment[piece]);
    }
    play.lose(FromClient, segment.len());
    play.speak("S: 250 ok\nS: 250 ok\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye");
    let play = play.fin().finish();
    check(&play);
    let piece = |piece: std::ops::Range<usize>| {
        format!("@3 >{}", String::from_utf8_lossy(&segment[piece]).replace("\r\n", "\n"))
    };
    assert_eq!(play.packets("ALICE")[..3], [piece(40..65), piece(10..40), piece(0..10)]);
    assert_eq!(play.events().len(), 3);
}

#[test]
fn both_forms_of_one_session_say_the_same() {
    let script = [
        HELLO,
        &message("bob@example.net", "bobs"),
        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0LXB3\nS: 235 yes\n",
        &message("alice@example.org", "alices"),
        "C: NOOP\nS: 250 ok\n",
        &message("bob@example.net", "bobs-second"),
        "C: QUIT\nS: 221 bye",
    ]
    .concat();
    let all: [&dyn Fn() -> Target; 4] =
        [&|| email("alice@example.org"), &|| email("dave@example.com"), &|| login("alice"), &|| ip("192.0.2.10")];
    for target in all {
        let play = Play::run(vec![packets("PACKETS", [target()])], &script);
        check(&play);
        let payloads: String = play
            .packets("PACKETS")
            .iter()
            .map(|packet| packet.split_once(' ').unwrap().1)
            .scan('\0', |last, packet| {
                let (arrow, rest) = packet.split_at(1);
                let is_new = std::mem::replace(last, arrow.chars().next().unwrap()) != *last;
                Some(if is_new { packet.to_owned() } else { rest.to_owned() })
            })
            .collect();
        let other = Play::run(vec![cc("CONTENT", [target()])], &script);
        assert_eq!(payloads.replace(['<', '>'], ""), other.content("CONTENT").replace(['<', '>'], ""));
        assert_eq!(play.events(), other.events());
    }
}

#[test]
fn what_waits_for_a_decision_is_bounded_and_its_loss_is_told() {
    let play = Play::new(alice()).with(|settings| settings.hold_octets = 2_000);
    let rcpt: String = (0..100).map(|number| format!("C: RCPT TO:<user{number}@example.com>\nS: 250 ok\n")).collect();
    let script = format!(
        "{HELLO}C: MAIL FROM:<alice@example.org>\nS: 250 ok\n{rcpt}C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 ok\nC: QUIT\nS: 221 bye"
    );
    let play = play.open().say(&script).fin().finish();
    check(&play);
    assert!(play.told().iter().any(|line| line.contains("not held")), "{:?}", play.told());
    assert!(play.room.counters.octets_not_held > 1_000);
    assert!(play.events().contains(&"Continue Send Unknown".to_owned()));
}

#[test]
fn a_packet_that_came_in_fragments_goes_out_in_fragments() {
    let lines = "MAIL FROM:<bob@example.net>\r\nRSET\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<dave@example.com>\r\nDATA\r\n";
    let replies = "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n";
    for in_disorder in [false, true] {
        let mut play = Play::new(alice()).open().say(HELLO);
        let whole = packet::tcp(play.client, play.server, play.next(FromClient), 0, 0x08, lines.as_bytes());
        let cut = packet::fragments(&whole, 24);
        let order: Vec<_> = if in_disorder { cut.iter().rev().collect() } else { cut.iter().collect() };
        order.iter().for_each(|fragment| play.frame(fragment));
        play.lose(FromClient, lines.len());
        let play = play.say(&format!("{replies}C: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye")).fin().finish();
        let handed: Vec<&[u8]> = play
            .room
            .records
            .iter()
            .filter_map(|record| match &record.body {
                Body::Cc(cc) => Some(&cc.content.octets()[..]),
                _ => None,
            })
            .collect();
        let mut shown = String::new();
        for (got, was) in handed.iter().zip(&order) {
            assert_eq!(got[..20], was[..20], "its own header");
            assert_eq!(got.len(), was.len());
        }
        let mut parts: Vec<&[u8]> = handed[..cut.len()].to_vec();
        parts.sort_by_key(|part| u16::from_be_bytes([part[6], part[7]]) & 0x1fff);
        parts.iter().for_each(|part| shown += &String::from_utf8_lossy(&part[20..]));
        let hidden = "*".repeat("MAIL FROM:<bob@example.net>\r\nRSET\r\n".len());
        assert!(
            shown
                .ends_with(&format!("{hidden}MAIL FROM:<alice@example.org>\r\nRCPT TO:<dave@example.com>\r\nDATA\r\n")),
            "{shown}"
        );
        play.nowhere("bob");
    }
}

const POP3: &str = "198.51.100.25:110";
const IMAP4: &str = "198.51.100.25:143";

/// Who has all of the session by his login.
fn in_mailbox(server: &str) -> Play {
    let play = Play::new(vec![packets("ALICE", [login("alice")])]).between("192.0.2.10:40000", server).open();
    if server == POP3 {
        play.say("S: +OK\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK in")
    } else {
        play.say("S: * OK ready\nC: a LOGIN alice x\nS: a OK in")
    }
}

/// The end of such a session.
fn logged_out(play: Play, server: &str) -> Play {
    play.say(if server == POP3 { "C: QUIT\nS: +OK" } else { "C: z LOGOUT\nS: * BYE\nS: z OK bye" }).fin().finish()
}

/// One end sends as many octets, in packets as large as they come; gives how many of these there are.
fn send_all(play: &mut Play, from: writ_wire::Direction, octets: &[u8]) -> usize {
    octets.chunks(1400).for_each(|segment| play.send(from, segment));
    octets.chunks(1400).len()
}

#[test]
fn a_mail_that_is_longer_than_what_is_held_goes_out_while_it_is_transferred() {
    let mail = "line of a mail\r\n".repeat(20_000);
    for (server, before, from, after) in [
        (POP3, "C: RETR 1\nS: +OK".to_owned(), FromServer, "S: ."),
        (IMAP4, format!("C: b FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{{}}}", mail.len()), FromServer, "S: )\nS: b OK"),
        (IMAP4, format!("C: b APPEND x {{{}}}\nS: + go", mail.len()), FromClient, "C:\nS: b OK"),
    ] {
        let mut play = in_mailbox(server).with(|settings| settings.hold_octets = 100_000).say(&before);
        let sent = send_all(&mut play, from, mail.as_bytes());
        let so_far = play.packets("ALICE").iter().filter(|packet| packet.contains("line of a mail")).count();
        assert!(so_far + 60 > sent, "{so_far} of {sent}");
        let play = logged_out(play.say(after), server);
        check(&play);
        let told = play.packets("ALICE").iter().filter(|packet| packet.contains("line of a mail")).count();
        assert_eq!((told, play.room.counters.octets_not_held), (sent, 0), "{before:.20}");
    }
}

#[test]
fn commands_sent_ahead_hold_no_answers_back() {
    let mut play = in_mailbox(POP3).with(|settings| settings.hold_octets = 100_000);
    let asked: String = (1..=100).map(|number| format!("RETR {number}\r\n")).collect();
    play.send(FromClient, asked.as_bytes());
    let answers = format!("+OK\r\n{}.\r\n", "line of a mail\r\n".repeat(200)).repeat(100);
    let sent = send_all(&mut play, FromServer, answers.as_bytes());
    let play = logged_out(play, POP3);
    check(&play);
    let packets = play.packets("ALICE");
    assert_eq!(packets.iter().filter(|packet| packet.contains("line of a mail")).count(), sent);
    assert!(packets.iter().any(|packet| packet.contains("RETR 1\n") && packet.contains("RETR 99\n")));
    assert_eq!(play.room.counters.octets_not_held, 0);
}

#[test]
fn one_packet_that_says_it_stands_far_ahead_stops_nothing() {
    for (from, payload) in [(FromClient, &b""[..]), (FromServer, b""), (FromClient, b"xxxx"), (FromServer, b"xxxx")] {
        let mut play = in_mailbox(IMAP4);
        play.acknowledged = true;
        let (seq, ack) = (play.next(from), play.next(from.flip()));
        let ahead = |number: u32, is_so: bool| if is_so { number.wrapping_add(50_000) } else { number };
        play.packet(from, ahead(seq, !payload.is_empty()), ahead(ack, payload.is_empty()), ACK, payload);
        let before = play.packets("ALICE").len();
        let mut play = play.say("C: n NOOP\nS: n OK");
        // The server's line and the acknowledgements of both.
        assert_eq!(play.packets("ALICE").len(), before + 4, "{:?}", play.packets("ALICE"));
        // Also once the stream has come to where it said it stood.
        let mail = "line of a mail\r\n".repeat(5_000);
        play.speak(&format!("C: b FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{{}}}", mail.len()));
        let sent = send_all(&mut play, FromServer, mail.as_bytes());
        let play = logged_out(play.say("S: )\nS: b OK"), IMAP4);
        let lines: Vec<_> =
            play.packets("ALICE").into_iter().filter(|packet| packet.contains("line of a mail")).collect();
        assert_eq!(lines.len(), sent);
    }
    // In SMTP too.
    let mut play = Play::new(alice()).open().say(HELLO);
    let (seq, ack) = (play.next(FromClient), play.next(FromServer));
    play.packet(FromClient, seq, ack.wrapping_add(50_000), ACK, b"");
    let play = play.say(&message("alice@example.org", "alices"));
    assert_eq!(play.packets("ALICE").len(), 8);
}

#[test]
fn what_many_users_of_one_connection_had_goes_out_or_is_told_to_be_missing() {
    for users in [24, 600] {
        let asked: String = (0..users)
            .map(|user| format!("l{user} LOGIN alice x\r\nf{user} FETCH 1 BODY[]\r\nu{user} UNAUTHENTICATE\r\n"))
            .collect();
        let answers: String = (0..users)
            .map(|user| format!("l{user} OK in\r\n* 1 FETCH (BODY[] {{5}}\r\nmail\n)\r\nf{user} OK\r\nu{user} OK\r\n"))
            .collect();
        let mut play = Play::new(vec![packets("ALICE", [login("alice")])]).between("192.0.2.10:40000", IMAP4).open();
        play.speak("S: * OK [CAPABILITY IMAP4rev1 UNAUTHENTICATE] ready");
        // All of it in one packet of each end, as long as one can be.
        play.send(FromClient, asked.as_bytes());
        play.send(FromServer, answers.as_bytes());
        let play = play.fin().finish();
        check(&play);
        let (mut with_content, mut with_notice) = (std::collections::HashSet::new(), std::collections::HashSet::new());
        for record in &play.room.records {
            match &record.body {
                Body::Cc(_) => with_content.insert(record.cin.0),
                Body::Notice(_) => with_notice.insert(record.cin.0),
                _ => false,
            };
        }
        let told = |user: &u32| with_content.contains(user) || with_notice.contains(user);
        assert!((0..users).all(|user| told(&user)), "{} {}", with_content.len(), with_notice.len());
        assert_eq!(with_notice.is_empty(), users == 24, "{}", with_notice.len());
    }
}
