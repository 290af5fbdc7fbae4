//! Forward without download: what a submission server fetches for a message (BURL, RFC 4468; URLFETCH, RFC 4467).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::sync::Arc;

use support::{FromClient, FromServer, Line, Play, at, cc, email, iri, login, packets};
use writ_intercept::Warrant;

const URL: &str = "imap://alice@mail.example.org/Drafts;UIDVALIDITY=3/;UID=7;urlauth=submit+alice:internal:91354a47";
const OTHER: &str =
    "imap://alice@mail.example.org/INBOX;UIDVALIDITY=3/;UID=2/;SECTION=2;urlauth=submit+alice:internal:beef";
const MESSAGE: &str = "From: alice@example.org\r\nMessage-ID: <7@example.org>\r\n\r\nfetched\r\n";
/// The client's session up to the envelope.
const ENVELOPE: &str = "S: 220 mx
    C: EHLO client
    S: 250-CHUNKING
    S: 250 BURL imap
    C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==
    S: 235 yes
    C: MAIL FROM:<alice@example.org>
    S: 250 ok
    C: RCPT TO:<bob@example.com>
    S: 250 ok";

/// The connection of the submission server to the mailbox.
fn imap() -> Line {
    Line::between("198.51.100.25:45000", "198.51.100.143:143")
}

const LOGIN: &str = "S: * OK ready\nC: a LOGIN submit s3cret\nS: a OK in\n";

/// What says that this is fetched.
fn fetched(parts: &[(&str, &str)]) -> String {
    let urls: Vec<_> = parts.iter().map(|(url, _)| format!(" \"{url}\"")).collect();
    let octets = parts.iter().map(|(url, octets)| format!(" \"{url}\" {{{}}}\r\n{octets}", octets.len()));
    let said = octets.collect::<String>();
    let lines: String = said.split("\r\n").map(|line| format!("\nS: {line}")).collect();
    format!("C: b URLFETCH{}\nS: * URLFETCH\\{}\nS: b OK done", urls.concat(), lines.replacen("\nS: ", "\nS:", 1))
}

fn submit(warrants: Vec<Warrant>) -> Play {
    Play::new(warrants).between("192.0.2.10:40000", "198.51.100.25:587").open().say(ENVELOPE)
}

/// A message that is one URL.
fn whole(warrants: Vec<Warrant>) -> Play {
    submit(warrants)
        .say(&format!("C: BURL {URL} LAST"))
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])))
        .say("S: 250 queued\nC: QUIT\nS: 221 bye")
        .fin()
        .finish()
}

#[test]
fn what_the_submission_server_fetched_is_content_of_the_send() {
    let play =
        whole(vec![cc("CC", [login("alice")]), iri("IRI", [login("alice")]), cc("BOB", [email("bob@example.com")])]);
    let content = play.content("CC");
    let sent = content.split_once("RCPT TO:<bob@example.com>\n").unwrap().1;
    assert_eq!(
        sent,
        format!(
            "<250 ok\n>BURL {URL} LAST\n* URLFETCH \"{URL}\" {{{}}}\n{}\n<250 queued\n",
            MESSAGE.len(),
            MESSAGE.replace("\r\n", "\n")
        )
    );
    assert!(play.content("BOB").contains("\nfetched\n"), "{}", play.content("BOB"));
    assert_eq!(play.content("IRI"), "");
    for told in ["CC", "IRI"] {
        let line = play.told().into_iter().find(|line| line.starts_with(told) && line.contains("Send")).unwrap();
        assert!(line.contains("id=<7@example.org>"), "{line}");
    }
    // What was fetched crossed another connection.
    let send = play.iris().into_iter().find(|iri| iri.total_recipients.is_some()).unwrap();
    assert_eq!(
        send.client_octets as usize,
        format!("MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nBURL {URL} LAST\r\n").len()
    );
    let counters = &play.room.counters;
    assert_eq!((counters.urls_seen, counters.urls_not_seen, counters.urls_given_up), (1, 0, 0));
    // The submission server's own session is nobody's.
    play.nowhere("LOGIN submit");
}

#[test]
fn a_message_of_chunks_and_urls_is_handed_over_in_its_order() {
    let play = submit(vec![cc("CC", [login("alice")])])
        .say(&format!(
            "C: BDAT 29
            C: Message-ID: <1@example.org>
            C: BURL {OTHER}"
        ))
        .say("S: 250 ok\nS: 250 ok")
        .say(&format!("C: BURL {URL}\nS: 250 ok\nC: BDAT 6 LAST\nC: --x-"))
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(OTHER, "second"), (URL, "third\r\n")])))
        .say("S: 250 queued\nC: QUIT\nS: 221 bye")
        .fin()
        .finish();
    let content = play.content("CC");
    let (first, rest) = content.split_once("Message-ID: <1@example.org>\n").unwrap();
    assert!(first.ends_with("BDAT 29\n"), "{content}");
    let places: Vec<_> = ["BURL imap", "--x-", "{6}\nsecond\n", "{7}\nthird\n\n", "<250 queued"]
        .iter()
        .map(|part| rest.find(part).unwrap_or_else(|| panic!("{part} in {content}")))
        .collect();
    assert!(places.is_sorted(), "{places:?} {content}");
    assert!(play.told().iter().any(|line| line.contains("Send") && line.contains("id=<1@example.org>")));
}

#[test]
fn the_head_of_a_message_that_begins_with_a_url_is_what_it_names() {
    let run = |parts: &[(&str, &str)]| {
        let play = submit(vec![cc("CC", [login("alice")])])
            .say(&format!("C: BURL {URL}"))
            .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(parts)))
            .say("S: 250 ok\nC: BDAT 24 LAST\nC: Message-ID: <no@example>\\\nS: 250 queued")
            .fin()
            .finish();
        play.told().into_iter().find(|line| line.contains("Send")).unwrap()
    };
    assert!(run(&[(URL, MESSAGE)]).contains("id=<7@example.org>"));
    // It was not seen, and what follows it is text.
    assert!(!run(&[(OTHER, MESSAGE)]).contains("id="));
}

#[test]
fn a_part_that_was_not_seen_leaves_its_url() {
    let play = submit(vec![cc("CC", [login("alice")])])
        .say(&format!("C: BURL {URL} LAST\nS: 250 queued\nC: QUIT\nS: 221 bye"))
        .fin()
        .finish();
    assert!(
        play.content("CC").ends_with(&format!("<250 ok\n>BURL {URL} LAST\n<250 queued\n")),
        "{}",
        play.content("CC")
    );
    assert!(play.events().contains(&"Continue Send Unknown".to_owned()), "{:?}", play.events());
    assert_eq!((play.room.counters.urls_seen, play.room.counters.urls_not_seen), (0, 1));
}

#[test]
fn nothing_is_fetched_for_anybody_else() {
    let strangers = [URL.replace("91354a47", "00000000"), URL.to_lowercase(), format!("{URL}0"), OTHER.to_owned()];
    for other in &strangers {
        let play = submit(vec![cc("CC", [login("alice")])])
            .say(&format!("C: BURL {URL} LAST"))
            .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(other, MESSAGE)])))
            .say("S: 250 queued")
            .fin()
            .finish();
        play.nowhere("fetched");
    }
    // Somebody else's message in the same room, and the target's once it is over.
    let play = submit(vec![cc("CC", [email("carol@example.com")])])
        .say(&format!("C: BURL {URL} LAST"))
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])))
        .say("S: 250 queued\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: RCPT TO:<carol@example.com>\nS: 250 ok")
        .say(&format!("C: BURL {OTHER} LAST\nS: 250 queued"))
        .say_on(
            &mut Line::between("198.51.100.25:45001", "198.51.100.143:143"),
            &format!("{LOGIN}{}", fetched(&[(OTHER, MESSAGE)])),
        )
        .fin()
        .finish();
    play.nowhere("fetched");
    assert!(play.content("CC").contains(OTHER), "{}", play.content("CC"));
    // Of the message that nobody is to have nothing was waited for.
    assert_eq!((play.room.counters.urls_seen, play.room.counters.urls_not_seen), (0, 1));
}

#[test]
fn commands_ahead_of_every_reply_are_waited_for_too() {
    let play = Play::new(vec![cc("BOB", [email("bob@example.com")]), cc("EVE", [email("eve@example.com")])])
        .between("192.0.2.10:40000", "198.51.100.25:587")
        .open()
        .say("S: 220 mx\nC: EHLO client\nS: 250 BURL")
        .say(&format!(
            "C: MAIL FROM:<alice@example.org>
            C: RCPT TO:<bob@example.com>
            C: RCPT TO:<eve@example.com>
            C: BURL {URL} LAST"
        ))
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])))
        .say("S: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 queued")
        .fin()
        .finish();
    assert!(play.content("BOB").contains("\nfetched\n"), "{}", play.content("BOB"));
    assert!(play.told().iter().any(|line| line.contains("Receive") && line.contains("id=<7@example.org>")));
    assert_eq!(play.content("EVE"), "");
}

#[test]
fn packets_have_none_of_it_and_the_lemf_is_told() {
    let play = whole(vec![packets("IP", [login("alice")])]);
    play.nowhere("fetched");
    let lacks = format!("not held {}", MESSAGE.len());
    assert!(play.told().iter().any(|line| line.contains(&lacks)), "{:?}", play.told());
}

#[test]
fn what_is_fetched_after_the_end_of_the_warrant_stays_out() {
    let until = |end| {
        let mut imap = imap();
        let play = submit(vec![Warrant { end, ..cc("CC", [login("alice")]) }])
            .say(&format!("@20\nC: BURL {URL} LAST"))
            .say_on(&mut imap, LOGIN)
            .say_on(&mut imap, &format!("@30\nC: b URLFETCH \"{URL}\"\n@31\nS: * URLFETCH \"{URL}\" {{20}}\nS: first part\\\n--\n@32\nS: 2nd part\\"))
            .say("@33\nS: 250 queued");
        play.fin().finish().content("CC")
    };
    assert!(until(at(33)).ends_with("{18}\nfirst part2nd part\n"), "{}", until(at(33)));
    assert!(until(at(32)).ends_with("{18}\nfirst part"), "{}", until(at(32)));
    assert!(until(at(31)).ends_with("LAST\n"), "{}", until(at(31)));
}

#[test]
fn octets_of_it_that_were_not_captured_are_told_as_missing() {
    let mut imap = imap();
    let play = submit(vec![cc("CC", [login("alice")])])
        .say(&format!("C: BURL {URL} LAST"))
        .say_on(&mut imap, LOGIN)
        .on(&mut imap, |mut play| {
            play.speak(&format!("C: b URLFETCH \"{URL}\"\nS: * URLFETCH \"{URL}\" {{60}}\nS: Message-ID: <7@exa\\"));
            play.lose(FromServer, 20);
            play.send(FromServer, b"mple.org>\r\n\r\ntext of it\r\nb OK done\r\n");
            play.send(FromClient, b"c NOOP\r\n");
            play.pass(10)
        })
        .say("S: 250 queued")
        .fin()
        .finish();
    let told = play.told();
    assert!(told.iter().any(|line| line.contains("missed 20 client")), "{told:?}");
    assert!(told.iter().any(|line| line.contains("Send") && !line.contains("id=")), "{told:?}");
    assert!(play.content("CC").contains("<7@example.org>"), "{}", play.content("CC"));
}

#[test]
fn of_one_that_was_sent_twice_the_first_that_is_whole_counts() {
    let mut broken = imap();
    let play = submit(vec![cc("CC", [login("alice")])])
        .say(&format!("C: BURL {URL} LAST"))
        .on(&mut broken, |play| {
            play.say(&format!("{LOGIN}C: b URLFETCH \"{URL}\"\nS: * URLFETCH \"{URL}\" {{60}}\nS: broken\\")).fin()
        })
        .say_on(
            &mut Line::between("198.51.100.25:45001", "198.51.100.143:143"),
            &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])),
        )
        .say_on(
            &mut Line::between("198.51.100.25:45002", "198.51.100.143:143"),
            &format!("{LOGIN}{}", fetched(&[(URL, "later")])),
        )
        .say("S: 250 queued")
        .fin()
        .finish();
    assert!(play.content("CC").contains("\nfetched\n"));
    play.nowhere("broken");
    play.nowhere("later");
}

#[test]
fn what_a_room_waits_for_has_an_end() {
    let many: String =
        (0..100).map(|part| format!("C: BURL imap://x/{part};UID=1;urlauth=a:internal:{part}\n")).collect();
    let long = format!("C: BURL imap://x/{};UID=1\n", "x".repeat(2000));
    let play = submit(vec![cc("CC", [login("alice")])])
        .say(&format!("{many}{long}"))
        .say(&"S: 250 ok\n".repeat(101))
        .say("C: RSET\nS: 250 ok")
        .fin()
        .finish();
    assert_eq!(play.room.counters.urls_given_up, 37);
    let warrants = vec![Arc::new(cc("CC", [login("alice")]))];
    let mut play = Play::new(Vec::new()).between("192.0.2.10:40000", "198.51.100.25:587");
    play.swap(warrants);
    play = play.open().say(ENVELOPE).say(&format!("C: BURL {URL}"));
    // Others ask for more than there is room for, and the first gives way.
    for number in 0..20_u32 {
        let mut line = Line::between(&format!("192.0.2.11:{}", 40000 + number), "198.51.100.25:587");
        let urls: String =
            (0..60).map(|part| format!("C: BURL imap://x/{number}-{part};UID=1;urlauth=a:internal:1\n")).collect();
        play = play.say_on(&mut line, &format!("{ENVELOPE}\n--\n{urls}"));
    }
    let play =
        play.say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)]))).say("S: 250 ok").fin().finish();
    play.nowhere("fetched");
    assert_eq!(play.room.counters.urls_given_up, 1201 - 1024);
}

#[test]
fn what_a_stranger_makes_a_server_send_is_not_in_the_targets_message() {
    let mut stranger = Line::between("203.0.113.66:45000", "203.0.113.99:143");
    let play = submit(vec![cc("ALICE", [login("alice")])])
        .say(&format!("C: BURL {URL} LAST"))
        .say_on(&mut stranger, &format!("{LOGIN}{}", fetched(&[(URL, "STRANGE\r\n")])))
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])))
        .say("S: 250 queued\nC: QUIT\nS: 221 bye")
        .fin()
        .finish();
    play.nowhere("STRANGE");
    assert!(play.content("ALICE").contains("\nfetched\n"), "{}", play.content("ALICE"));
}

#[test]
fn what_was_fetched_before_the_url_was_asked_for_again_is_not_what_is_fetched_then() {
    let mut other = Line::between("192.0.2.77:41000", "198.51.100.25:587");
    let mut second = Line::between("198.51.100.25:45001", "198.51.100.143:143");
    let play = Play::new(vec![cc("ALICE", [login("alice")]), cc("DAVE", [email("dave@example.com")])])
        .between("192.0.2.10:40000", "198.51.100.25:587")
        .open()
        .say_on(
            &mut other,
            &format!(
                "S: 220 mx\nC: EHLO c\nS: 250 BURL\nC: MAIL FROM:<m@x.example>\nS: 250 ok\nC: RCPT TO:<dave@example.com>\nS: 250 ok\nC: BURL {URL} LAST"
            ),
        )
        .say_on(&mut imap(), &format!("{LOGIN}{}", fetched(&[(URL, "EARLY\r\n")])))
        .say(ENVELOPE)
        .say(&format!("C: BURL {URL} LAST"))
        .say_on(&mut second, &format!("{LOGIN}{}", fetched(&[(URL, MESSAGE)])))
        .say("S: 250 queued")
        .say_on(&mut other, "S: 250 queued")
        .say("C: QUIT\nS: 221 bye")
        .fin()
        .finish();
    assert!(play.content("ALICE").contains("\nfetched\n"), "{}", play.content("ALICE"));
    assert!(!play.content("ALICE").contains("EARLY"));
    assert!(play.content("DAVE").contains("EARLY"), "{}", play.content("DAVE"));
}
