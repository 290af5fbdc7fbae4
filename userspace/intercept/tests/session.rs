//! What is told of the session itself: `e-mail-logon`, `e-mail-logon-failure`, `e-mail-logoff`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use support::{FromClient, FromServer, Play, cc, email, iri, login};
use writ_intercept::Warrant;
use writ_intercept::warrant::AuthenticationData;

const ALICE: &str = "C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n";
const REFUSED: &str = "C: AUTH PLAIN AGFsaWNlAHdyMG5nLXB3\nS: 535 no\n";
const SEND: &str = "
    C: MAIL FROM:<alice@example.org>
    S: 250 ok
    C: RCPT TO:<bob@example.net>
    S: 250 ok
    C: DATA
    S: 354 go
    C: hello
    C: .
    S: 250 queued\n";

fn by_ip() -> Vec<Warrant> {
    vec![iri("WARRANT", [support::ip("192.0.2.10")])]
}

fn by_login() -> Vec<Warrant> {
    vec![iri("WARRANT", [login("alice")])]
}

fn by_sender() -> Vec<Warrant> {
    vec![iri("WARRANT", [email("alice@example.org")])]
}

/// Events without the LIID: the session is the only one.
fn told(play: &Play) -> Vec<String> {
    let brief = |line: String| line.trim_start_matches("WARRANT#0 ").split(" from=").next().unwrap().to_owned();
    play.told().into_iter().map(brief).collect()
}

#[test]
fn begin_is_told_when_the_client_is_known_with_time_and_octets_of_the_hello() {
    let script =
        format!("S: 220 mx\nC: EHLO client.example\nS: 250-mx\nS: 250 AUTH PLAIN\n{ALICE}{SEND}C: QUIT\nS: 221 bye");
    for (warrants, known) in [(by_ip(), 3), (by_login(), 5), (by_sender(), 7)] {
        let mut play = Play::new(warrants).open();
        for (second, line) in script.lines().filter(|line| line.contains(':')).scan(("", 0), |(last, second), line| {
            let side = line.trim_start().get(..1).unwrap();
            *second += u32::from(*last != side);
            *last = side;
            Some((*second, line))
        }) {
            if second > known {
                break;
            }
            play.speak(&format!("@{second}\n{line}"));
        }
        // The reply to EHLO has two lines: they were two segments here, and the record's time is that of the second.
        assert_eq!(told(&play), ["@3 Begin Logon Succeeded"], "known at {known}");
        let iri = play.iris()[0];
        assert_eq!((iri.client_octets, iri.server_octets), (21, 24));
    }
}

#[test]
fn the_end_is_told_at_quit_or_however_else_the_session_ends() {
    let script = format!("S: 220 mx\nC: EHLO client\nS: 250 mx\n{SEND}");
    let begun = |warrants| Play::new(warrants).open().say(&script);
    let quit = |reply: &str| format!("C: QUIT\nS: {reply}");
    for warrants in [by_ip, by_sender] {
        let end = |play: Play| {
            let play = play.finish();
            let told = told(&play);
            let iri = play.iris().into_iter().last().unwrap();
            (told.last().unwrap().clone(), iri.client_octets, iri.server_octets, told.len())
        };
        let ended = |text: &str, client, server| (text.to_owned(), client, server, 3);
        let last = "@13 End Logoff Succeeded";
        assert_eq!(end(begun(warrants()).say(&quit("221 bye")).fin()), ended(last, 6, 9));
        assert_eq!(end(begun(warrants()).say(&quit("221 bye")).rst(FromClient)), ended(last, 6, 9));
        assert_eq!(
            end(begun(warrants()).say(&quit("221 bye"))),
            ended(last, 6, 9),
            "before the FIN, the capture's end"
        );
        assert_eq!(end(begun(warrants()).say(&quit("421 busy")).fin()), ended("@13 End Logoff Unknown", 6, 10));
        assert_eq!(end(begun(warrants()).say("C: QUIT").fin()), ended("@13 End Logoff Unknown", 6, 0));
        assert_eq!(end(begun(warrants()).fin()), ended("@12 End Logoff Unknown", 0, 0));
        assert_eq!(end(begun(warrants()).rst(FromClient)), ended("@12 End Logoff Unknown", 0, 0));
        assert_eq!(end(begun(warrants()).rst(FromServer)), ended("@12 End Logoff Unknown", 0, 0));
        assert_eq!(end(begun(warrants()).say("S: 421 idle too long").fin()), ended("@13 End Logoff Unknown", 0, 0));
        assert_eq!(end(begun(warrants()).pass(4000)), ended("@3611 End Logoff Unknown", 0, 0));
        let dropped = end(begun(warrants()));
        assert_eq!(dropped, ("@11 End Logoff Unknown".to_owned(), 0, 0, 4), "a notice, then the end");
    }
}

/// 221 answers QUIT and nothing else: another reply may be to a line that the word stands in.
#[test]
fn a_quit_is_over_with_221_alone() {
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\nC: QUIT\nS: 250 ok\n{SEND}C: QUIT\nS: 221 bye");
    let play = Play::run(by_ip(), &script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
    // A line feed in the middle of a line, to a server that ends lines as RFC 5321 has it.
    for line in ["QUIT", "BDAT 999999 LAST"] {
        let mut play = Play::new(by_ip()).open();
        play.speak("S: 220 mx\nC: EHLO c\nS: 250 mx");
        play.send(FromClient, format!("NOOP\n{line}\r\n").as_bytes());
        play.speak(&format!("S: 250 ok\nC: RSET\nS: 250 ok\n{SEND}{SEND}C: QUIT\nS: 221 bye"));
        let events = play.fin().finish().events();
        let sends = events.iter().filter(|event| event.starts_with("Continue Send")).count();
        assert_eq!((sends, events.last().map(String::as_str)), (2, Some("End Logoff Succeeded")), "{line} {events:?}");
    }
}

#[test]
fn a_refused_quit_is_no_end() {
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\nC: QUIT\nS: 503 not now\n{SEND}C: QUIT\nS: 221 bye");
    let play = Play::run(by_ip(), &script);
    assert_eq!(told(&play), ["@3 Begin Logon Succeeded", "@13 Continue Send Unknown", "@15 End Logoff Succeeded"]);
}

#[test]
fn nothing_is_sent_after_the_end() {
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\nC: QUIT\nS: 221 bye\n{SEND}");
    assert_eq!(Play::run(by_ip(), &script).events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
}

#[test]
fn a_refused_hello_is_a_logon_failure_and_the_next_one_the_logon() {
    let script = format!(
        "S: 220 mx\nC: EHLO c\nS: 502 what\nC: HELO c\nS: 501 no\nC: HELO cc\nS: 250 mx\n{SEND}C: QUIT\nS: 221 bye"
    );
    let play = Play::run(by_ip(), &script);
    assert_eq!(
        told(&play),
        [
            "@3 Report LogonFailure Failed",
            "@5 Report LogonFailure Failed",
            "@7 Begin Logon Succeeded",
            "@15 Continue Send Unknown",
            "@17 End Logoff Succeeded"
        ]
    );
    let octets: Vec<_> = play.iris().iter().take(3).map(|iri| (iri.client_octets, iri.server_octets)).collect();
    assert_eq!(octets, [(8, 10), (8, 8), (9, 8)]);
    // Who is known by the sender alone has no session before the message.
    let events = Play::run(by_sender(), &script).events();
    assert_eq!(events, ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
}

#[test]
fn a_second_hello_begins_nothing_anew() {
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\n{SEND}C: EHLO c\nS: 250 mx\n{SEND}C: QUIT\nS: 221 bye");
    for warrants in [by_ip(), by_sender()] {
        let events = Play::run(warrants, &script).events();
        let send = "Continue Send Unknown";
        assert_eq!(events, ["Begin Logon Succeeded", send, send, "End Logoff Succeeded"]);
    }
}

#[test]
fn a_refused_login_is_a_logon_failure_and_the_next_one_counts() {
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\n{REFUSED}{ALICE}{SEND}C: QUIT\nS: 221 bye");
    let data = |warrant: Warrant| Warrant { authentication_data: AuthenticationData::Username, ..warrant };
    let play = Play::run(by_login().into_iter().map(data).collect(), &script);
    assert_eq!(
        play.told(),
        [
            "WARRANT#0 @5 Report LogonFailure Failed aaa=alice/Undefined/Failed",
            "WARRANT#0 @3 Begin Logon Succeeded aaa=alice/Undefined/Succeeded",
            "WARRANT#0 @15 Continue Send Unknown from=<alice@example.org> to=bob@example.net n=1 Validated \
             aaa=alice/Undefined/Succeeded",
            "WARRANT#0 @17 End Logoff Succeeded"
        ]
    );
    let failure = play.iris()[0];
    assert_eq!((failure.client_octets, failure.server_octets), (33, 8));
    play.nowhere("s3cret-pw");
    play.nowhere("wr0ng-pw");
    // A login that nobody accepted makes nobody the target.
    let only_refused = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\n{REFUSED}{SEND}C: QUIT\nS: 221 bye");
    assert_eq!(told(&Play::run(by_login(), &only_refused)), ["@5 Report LogonFailure Failed"]);
    // Under the client's address the same is told, and the session too.
    assert_eq!(Play::run(by_ip(), &only_refused).events().len(), 4);
    // And of somebody else's login nothing.
    let other = only_refused.replace("AGFsaWNlAHdyMG5nLXB3", "AGNhcm9sAHdyMG5nLXB3");
    assert!(Play::run(by_login(), &other).events().is_empty());
}

#[test]
fn a_login_that_was_never_answered_makes_nobody_the_target() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 mx\nC: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==";
    let play = Play::new(vec![cc("WARRANT", [login("alice")])]).open().say(script).rst(FromServer).finish();
    assert!(play.room.records.is_empty());
}

#[test]
fn who_logs_in_later_is_who_sends_later() {
    let carol = "C: AUTH PLAIN AGNhcm9sAHMzY3JldC1wdw==\nS: 235 yes\n";
    let script = format!("S: 220 mx\nC: EHLO c\nS: 250 mx\n{ALICE}{SEND}{carol}{SEND}C: QUIT\nS: 221 bye");
    let sent = |name: &str| {
        let events = Play::run(vec![iri("WARRANT", [login(name)])], &script).events();
        events.iter().filter(|event| event.contains("Send")).count()
    };
    assert_eq!((sent("alice"), sent("carol")), (1, 1));
}

#[test]
fn after_starttls_the_session_is_followed_to_its_end_and_not_read() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n";
    let dark = "C: \u{16}\u{3}\u{1}MAIL FROM:<alice@example.org>\nS: 250 ok\n";
    let play = Play::run(by_ip(), &format!("{script}{dark}{SEND}C: QUIT\nS: 221 bye"));
    assert_eq!(told(&play), ["@3 Begin Logon Succeeded", "@18 End Logoff Unknown"]);
    assert_eq!(play.room.counters.upgraded_sessions, 1);
    assert!(Play::run(by_sender(), &format!("{script}{dark}{SEND}")).room.records.is_empty());
    let refused = script.replace("220 go", "454 not now");
    let play = Play::run(by_sender(), &format!("{refused}{SEND}C: QUIT\nS: 221 bye"));
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
}
