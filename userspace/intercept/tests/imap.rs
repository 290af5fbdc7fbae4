//! IMAP4: TS 102 232-2 annex C.

mod support;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use support::*;
use writ_intercept::Warrant;
use writ_intercept::record::CcFormat;
use writ_intercept::warrant::AuthenticationData;

const SERVER: &str = "198.51.100.143:143";

fn open(warrants: Vec<Warrant>) -> Play {
    Play::new(warrants).between("192.0.2.10:40000", SERVER).open()
}

/// A whole session on the port of IMAP4.
fn run(warrants: Vec<Warrant>, script: &str) -> Play {
    open(warrants).say(script).fin().finish()
}

fn named(warrant: Warrant) -> Vec<Warrant> {
    vec![Warrant { authentication_data: AuthenticationData::Username, ..warrant }]
}

const LOGIN: &str = "S: * OK ready\nC: a1 LOGIN alice wonder\nS: a1 OK in\n";
const LOGOUT: &str = "\nC: z LOGOUT\nS: * BYE\nS: z OK bye";

/// C.4, its header shortened.
const EXAMPLE: &str = "S: * OK IMAP4rev1 Service Ready
    C: a001 login mrc secret
    S: a001 OK LOGIN completed
    C: a002 select inbox
    S: * 18 EXISTS
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * 2 RECENT
    S: * OK [UNSEEN 17] Message 17 is the first unseen message
    S: * OK [UIDVALIDITY 3857529045] UIDs valid
    S: a002 OK [READ-WRITE] SELECT completed
    C: a003 fetch 12 full
    S: * 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) NIL NIL NIL \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))
    S: a003 OK FETCH completed
    C: a004 fetch 12 body[header]
    S: * 12 FETCH (BODY[HEADER] {84}
    S: From: Terry Gray <gray@cac.washington.edu>
    S: Message-Id: <B27397@cac.washington.edu>
    S:
    S: )
    S: a004 OK FETCH completed
    C: a005 store 12 +flags \\deleted
    S: * 12 FETCH (FLAGS (\\Seen \\Deleted))
    S: a005 OK +FLAGS completed
    C: a006 logout
    S: * BYE IMAP4rev1 server terminating connection
    S: a006 OK LOGOUT completed";

#[test]
fn the_example_of_annex_c() {
    let play = run(named(cc("MRC", [login("mrc")])), &EXAMPLE.replace("{84}", "{87}"));
    let sequence = play.sequence("MRC");
    let kinds: Vec<String> = sequence
        .iter()
        .map(|line| match line.as_bytes()[0] {
            b'<' | b'>' => line.chars().take(12).collect(),
            _ => line.split(" from").next().unwrap().split(" to").next().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "Begin Logon Succeeded",
            ">a001 login ",
            "<a001 OK LOG",
            ">a002 select",
            "<* 18 EXISTS",
            "Report PartialDownload Succeeded",
            ">a003 fetch ",
            "<* 12 FETCH ",
            "Report PartialDownload Succeeded",
            ">a004 fetch ",
            "<* 12 FETCH ",
            ">a005 store ",
            "<* 12 FETCH ",
            "End Logoff Succeeded",
            ">a006 logout",
            "<* BYE IMAP4",
            "closed 0",
        ],
        "{sequence:#?}"
    );
    assert_eq!(sequence[1], ">a001 login mrc ******|");
    assert!(
        sequence[5].contains("from=<gray@cac.washington.edu> to=mrc n=1 id=<B27397-0100000@cac.washington.edu>"),
        "{}",
        sequence[5]
    );
    assert!(
        sequence[8].contains("from=<gray@cac.washington.edu> to=mrc n=1 id=<B27397@cac.washington.edu>"),
        "{}",
        sequence[8]
    );
    let iri = &play.iris()[2];
    assert_eq!(iri.client_octets, "a004 fetch 12 body[header]\r\n".len() as u64);
    assert_eq!(play.told(), run(named(iri_alone("MRC")), &EXAMPLE.replace("{84}", "{87}")).told());
    play.nowhere("secret");
}

fn iri_alone(liid: &str) -> Warrant {
    iri(liid, [login("mrc")])
}

#[test]
fn however_the_octets_are_cut_events_and_content_are_the_same() {
    let example = EXAMPLE.replace("{84}", "{87}");
    let whole = run(named(cc("MRC", [login("mrc")])), &example).sequence("MRC");
    for size in [1, 2, 3, 7, 100] {
        let mut play = open(named(cc("MRC", [login("mrc")])));
        for line in example.lines().map(str::trim_start) {
            let from = if line.starts_with("C:") { FromClient } else { FromServer };
            let text = format!("{}\r\n", line[2..].strip_prefix(' ').unwrap_or_default());
            text.as_bytes().chunks(size).for_each(|part| play.raw(from, 0x10, part));
        }
        assert_eq!(play.fin().finish().sequence("MRC"), whole, "segments of {size}");
    }
}

#[test]
fn every_spelling_of_a_login_is_the_login_and_shows_no_password() {
    for spelled in [
        "C: a1 LOGIN alice@example.org wonder\nS: a1 OK in\n",
        "C: a1 LOGIN \"alice@example.org\" \"wonder\"\nS: a1 OK in\n",
        "C: a1 login {17+}\nC: alice@example.org {6+}\nC: wonder\nS: a1 OK in\n",
        "C: a1 LOGIN {17}\nS: + go\nC: alice@example.org {6}\nS: + go\nC: wonder\nS: a1 OK in\n",
        "C: a1 AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcg==\nS: a1 OK in\n",
        "C: a1 AUTHENTICATE PLAIN\nS: + \nC: AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcg==\nS: a1 OK in\n",
        "C: a1 AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2VAZXhhbXBsZS5vcmc=\nS: + UGFzc3dvcmQ6\nC: d29uZGVy\nS: a1 OK in\n",
    ] {
        let script = format!("S: * OK ready\n{spelled}{LOGOUT}");
        let play = run(named(cc("ALICE", [email("alice@example.org")])), &script);
        assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"], "{spelled}");
        assert!(
            play.told()[0].contains("to=alice@example.org n=1 aaa=alice@example.org/Undefined/Succeeded"),
            "{:?}",
            play.told()
        );
        play.nowhere("wonder");
        let full =
            Warrant { authentication_data: AuthenticationData::Full, ..cc("ALICE", [email("alice@example.org")]) };
        let play = run(vec![full], &script);
        assert!(play.told()[0].ends_with("/password=wonder"), "{:?}", play.told());
        let content = play.content("ALICE");
        for line in spelled.lines() {
            assert!(content.contains(line[2..].trim_start()), "{line} in {content}");
        }
    }
}

#[test]
fn downloads_and_uploads_are_told_each_with_what_the_server_said() {
    let script = format!(
        "{LOGIN}C: b UID FETCH 7:8 (UID BODY.PEEK[])
        S: * 1 FETCH (UID 7 BODY[] {{46}}
        S: From: bob@example.net
        S: Message-ID: <1@x>
        S:
        S: )
        S: * 2 FETCH (UID 8 BODY[] {{2}}
        S: ab)
        S: b OK
        C: c FETCH 1 FLAGS
        S: * 1 FETCH (FLAGS ())
        S: c OK
        C: d FETCH 9 BODY[]
        S: d NO no such message
        C: e APPEND Sent {{25+}}
        C: From: alice@example.org
        C:
        S: e OK
        C: f APPEND Sent {{4}}
        S: f NO full{LOGOUT}"
    );
    let play = run(named(iri("ALICE", [login("alice")])), &script);
    assert_eq!(
        play.events(),
        [
            "Begin Logon Succeeded",
            "Report Download Succeeded",
            "Report Download Succeeded",
            "Report PartialDownload Succeeded",
            "Report Download Failed",
            "Report Upload Succeeded",
            "Report Upload Failed",
            "End Logoff Succeeded",
        ],
        "{:#?}",
        play.sequence("ALICE")
    );
    assert!(play.told()[1].contains("from=<bob@example.net> to=alice n=1 id=<1@x>"), "{:?}", play.told());
    assert!(play.told()[5].contains("from=<alice@example.org>"), "{:?}", play.told());
}

#[test]
fn a_login_that_fails_and_one_that_succeeds_in_one_session() {
    let script = format!("S: * OK\nC: a LOGIN alice wrong-1\nS: a NO\nC: b LOGIN alice right-1\nS: b OK{LOGOUT}");
    let play = run(named(cc("ALICE", [login("alice")])), &script);
    assert_eq!(play.events(), ["Report LogonFailure Failed", "Begin Logon Succeeded", "End Logoff Succeeded"]);
    assert!(play.content("ALICE").starts_with(">a LOGIN alice *******\n<a NO\n>b LOGIN alice *******\n<b OK\n"));
    let other = script.replacen("alice wrong-1", "mallory wrong-1", 1);
    let play = run(named(cc("ALICE", [login("alice")])), &other);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    play.nowhere("mallory");
    let play = run(named(cc("MALLORY", [login("mallory")])), &other);
    assert_eq!(play.events(), ["Report LogonFailure Failed"]);
    assert_eq!(play.content("MALLORY"), "");
}

#[test]
fn a_login_without_an_answer_is_an_attempt() {
    let play = run(vec![iri("ALICE", [login("alice")])], "S: * OK\nC: a LOGIN alice x");
    assert_eq!(play.events(), ["Report LogonAttempt Unknown"]);
}

#[test]
fn on_one_connection_each_user_has_a_session_of_his_own() {
    let user = |name: &str, text: &str| {
        format!(
            "C: a LOGIN {name} pw-{name}\nS: a OK\nC: b FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{{}}}\nS: {text})\nS: b OK\n\
             C: c UNAUTHENTICATE\nS: c OK\n",
            text.len()
        )
    };
    let script = format!(
        "S: * OK\n{}{}{}C: z LOGOUT\nS: * BYE\nS: z OK",
        user("alice", "alices-first"),
        user("mallory", "mallorys-own"),
        user("alice", "alices-second")
    );
    let play = run(named(cc("ALICE", [login("alice")])), &script);
    let session = ["Begin Logon Succeeded", "Report Download Succeeded", "End Logoff Succeeded"];
    assert_eq!(play.events(), [session, session].concat());
    play.nowhere("mallory");
    let cins: Vec<u32> = play.room.records.iter().map(|record| record.cin.0).collect();
    assert!(cins.contains(&0) && cins.contains(&1) && !cins.contains(&2), "{cins:?}");
    let content = play.content("ALICE");
    assert!(
        content.contains("alices-first") && content.contains("alices-second") && !content.contains("LOGOUT"),
        "{content}"
    );
    let packets = run(vec![packets("ALICE", [login("alice")])], &script);
    packets.nowhere("mallory");
    assert!(packets.packets("ALICE").iter().any(|line| line.contains("alices-second")));
    // Who has the client's address has all of them, one after the other.
    let play = run(vec![iri("IP", [ip("192.0.2.10")])], &script);
    assert_eq!(play.events(), [session, session, session].concat());
}

#[test]
fn where_the_next_user_may_have_come_in_a_gap_nothing_more_is_handed_over() {
    let start = "S: * OK\nC: a LOGIN mallory x\nS: a OK\nC: b UNAUTHENTICATE\nS: b OK\nC: c LOGIN alice y\nS: c OK\nC: d NOOP\nS: d OK\n";
    let mut play = open(vec![cc("ALICE", [login("alice")])]).say(start);
    play.lose(FromClient, 60);
    let play =
        play.say("C: g FETCH 1 BODY[]\nS: e OK\nS: f OK\nS: * 1 FETCH (BODY[] {6}\nS: bob's!)\nS: g OK").fin().finish();
    assert!(play.content("ALICE").contains("d NOOP"));
    play.nowhere("bob's!");
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Unknown"]);
}

#[test]
fn what_comes_while_the_client_idles_goes_out_at_once() {
    let mut play = open(vec![cc("ALICE", [login("alice")])]).say(LOGIN).say("C: b IDLE\nS: + idling");
    play.now = at(1000);
    play.send(FromServer, b"* 5 EXISTS\r\n");
    assert!(play.content("ALICE").ends_with("* 5 EXISTS\n"), "{}", play.content("ALICE"));
    let play = play.say("C: DONE\nS: b OK").say(LOGOUT.trim_start()).fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
}

#[test]
fn a_compressed_session_is_read_and_handed_over_inflated() {
    let mut play = open(named(cc("ALICE", [login("alice")]))).say(LOGIN).say("C: b COMPRESS DEFLATE\nS: b OK");
    let mut client = DeflateEncoder::new(Vec::new(), Compression::default());
    let mut server = DeflateEncoder::new(Vec::new(), Compression::default());
    let mut say = |play: &mut Play, from, text: &str| {
        let encoder = if from == FromClient { &mut client } else { &mut server };
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.flush().unwrap();
        let octets = std::mem::take(encoder.get_mut());
        play.send(from, &octets);
    };
    say(&mut play, FromClient, "c FETCH 1 BODY[]\r\n");
    say(&mut play, FromServer, "* 1 FETCH (BODY[] {25}\r\nFrom: bob@example.net\r\n\r\n)\r\nc OK\r\n");
    say(&mut play, FromClient, "d LOGOUT\r\n");
    say(&mut play, FromServer, "* BYE\r\nd OK\r\n");
    let play = play.fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Report Download Succeeded", "End Logoff Succeeded"]);
    assert!(play.content("ALICE").contains("From: bob@example.net"), "{}", play.content("ALICE"));
    assert!(play.told()[1].contains("from=<bob@example.net>"));
}

#[test]
fn after_starttls_a_target_by_address_has_what_there_is() {
    let script = "S: * OK\nC: a STARTTLS\nS: a OK go\nC: \u{16}\u{3}\u{1}3456789\nS: \u{16}\u{3}\u{3}34";
    let play = run(vec![packets("IP", [ip("192.0.2.10")]), cc("ALICE", [login("alice")])], script);
    assert_eq!(play.events(), ["Begin Logon Unknown", "End Logoff Unknown"]);
    let last = play.iris().last().map(|iri| (iri.client_octets, iri.server_octets));
    assert_eq!(last, Some((12, 7)));
    assert!(play.packets("IP").iter().any(|line| line.contains("3456789")));
}

#[test]
fn a_session_that_is_logged_in_from_the_start_is_the_addresss_alone() {
    let script =
        format!("S: * PREAUTH ready\nC: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{2}}\nS: ab)\nS: a OK{LOGOUT}");
    let play = run(vec![iri("IP", [ip("192.0.2.10")]), iri("ALICE", [login("alice")])], &script);
    assert_eq!(play.events(), ["Begin Logon Unknown", "Report Download Succeeded", "End Logoff Succeeded"]);
}

#[test]
fn what_somebody_else_tries_in_the_targets_session_is_not_the_targets() {
    let script = format!("{LOGIN}C: b LOGIN bob pw-of-bob\nS: b NO not now\nC: c NOOP\nS: c OK{LOGOUT}");
    let full = Warrant { authentication_data: AuthenticationData::Full, ..cc("ALICE", [login("alice")]) };
    let play = run(vec![full], &script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    play.nowhere("bob");
    let full = Warrant { authentication_data: AuthenticationData::Full, ..cc("IP", [ip("192.0.2.10")]) };
    let play = run(vec![full, iri("BOB", [login("bob")])], &script);
    assert!(play.content("IP").contains("b LOGIN bob pw-of-bob"));
    assert!(
        play.told().iter().any(|line| line.starts_with("BOB#1") && line.contains("LogonFailure Failed")),
        "{:?}",
        play.told()
    );
}

#[test]
fn what_was_held_of_one_users_attempt_is_not_given_to_the_next() {
    let mut play = open(named(cc("ALICE", [login("alice")]))).say("S: * OK\nC: a LOGIN bob pw-of-bob");
    play.lose(FromServer, 8);
    let script = format!("C: b LIST bobs-folder\nS: * LIST bobs-folder\nS: b OK\nC: c LOGIN alice x\nS: c OK{LOGOUT}");
    let play = play.say(&script).fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    play.nowhere("bob");
}

/// Alice's session up to a gap of the client, and what follows it; the server's octets in segments of `size`.
fn with_a_gap_of_the_client(start: &str, size: usize) -> Play {
    let mut play = open(named(cc("ALICE", [login("alice")])));
    for line in start.lines() {
        let from = if line.starts_with("C:") { FromClient } else { FromServer };
        let text = format!("{}\r\n", line[2..].trim_start());
        text.as_bytes().chunks(size).for_each(|part| play.raw(from, 0x10, part));
    }
    play.lose(FromClient, 60);
    play.say("C: g FETCH 1 BODY[]\nS: e OK\nS: f OK\nS: * 1 FETCH (BODY[] {6}\nS: bob's!)\nS: g OK").fin().finish()
}

#[test]
fn where_the_server_lets_users_change_a_gap_of_the_client_ends_what_is_handed_over() {
    const OFFER: &str = "CAPABILITY IMAP4rev1 UNAUTHENTICATE";
    let into = "C: a LOGIN alice x\nS: a OK";
    for start in [
        format!("S: * OK [{OFFER}] ready\n{into}\nC: b NOOP\nS: b OK\n"),
        format!("S: * OK ready\nC: c CAPABILITY\nS: * {OFFER}\nS: c OK\n{into}\nC: b NOOP\nS: b OK\n"),
        format!("S: * OK ready\n{into} [{OFFER}] in\nC: b NOOP\nS: b OK\n"),
        format!("S: * OK [CAPABILITY IMAP4rev1]\n{into}\nC: b CAPABILITY\nS: * {OFFER}\nS: b OK\n"),
        // What was not said is not known.
        format!("S: * OK ready\n{into}\nC: b NOOP\nS: b OK\n"),
    ] {
        for size in [1, 7, 29, usize::MAX] {
            let play = with_a_gap_of_the_client(&start, size);
            play.nowhere("bob's!");
            assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Unknown"], "{start} in {size}");
        }
    }
    let mut play = open(named(cc("ALICE", [login("alice")])));
    play.lose(FromServer, 60);
    play.speak("C: a LOGIN alice x\nS: a OK\nC: b NOOP\nS: b OK");
    play.lose(FromClient, 60);
    let play =
        play.say("C: g FETCH 1 BODY[]\nS: e OK\nS: f OK\nS: * 1 FETCH (BODY[] {6}\nS: bob's!)\nS: g OK").fin().finish();
    play.nowhere("bob's!");
}

#[test]
fn where_the_server_says_what_it_can_and_users_cannot_change_a_gap_changes_nothing() {
    for size in [1, 7, 29, usize::MAX] {
        let start = "S: * OK [CAPABILITY IMAP4rev1 IDLE] UNAUTHENTICATE\nC: a LOGIN alice x\nS: a OK\n";
        let play = with_a_gap_of_the_client(start, size);
        assert!(play.content("ALICE").contains("bob's!"), "in {size}");
    }
}

#[test]
fn of_a_compressed_session_no_packet_goes_out_and_the_lemf_is_told() {
    let mut play = open(vec![packets("ALICE", [login("alice")])]).say(LOGIN).say("C: b COMPRESS DEFLATE\nS: b OK");
    let mut client = DeflateEncoder::new(Vec::new(), Compression::default());
    client.write_all(b"c NOOP\r\nd UNAUTHENTICATE\r\ne LOGIN bob pw-of-bob\r\n").unwrap();
    client.flush().unwrap();
    let octets = client.get_ref().clone();
    play.send(FromClient, &octets);
    let play = play.fin().finish();
    let compressed =
        |line: &String| line.as_bytes().windows(8).any(|window| octets.windows(8).any(|known| known == window));
    assert!(!play.packets("ALICE").iter().any(compressed));
    assert!(play.told().iter().any(|line| line.contains("not held 26")), "{:?}", play.told());
}

#[test]
fn an_upload_put_together_from_urls_has_them_in_its_content() {
    let url = "/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=2";
    let head = "From: a@x.example\r\nMessage-ID: <1@x>\r\n\r\n";
    let script = format!(
        "{LOGIN}C: b APPEND Sent (\\Seen) CATENATE (TEXT {{{}+}}\nC: {} URL \"{url}\" TEXT {{3+}}\nC: --x)\nS: b OK{LOGOUT}",
        head.len(),
        head.replace("\r\n", "\nC: "),
    );
    let play = run(named(cc("ALICE", [login("alice")])), &script);
    let upload = play.told().into_iter().find(|line| line.contains("Upload")).unwrap();
    assert!(upload.contains("from=<a@x.example>") && upload.contains("id=<1@x>"), "{upload}");
    assert!(play.content("ALICE").contains(&format!("URL \"{url}\" TEXT {{3+}}\n--x)")), "{}", play.content("ALICE"));
    assert_eq!(play.content("ALICE").matches(url).count(), 1);
}

#[test]
fn the_targets_own_urlfetch_of_a_message_is_a_download_of_it() {
    let script = format!(
        "{LOGIN}C: b URLFETCH \"imap://x/INBOX/;UID=2;URLAUTH=user+alice:internal:91\"
        S: * URLFETCH \"imap://x/INBOX/;UID=2;URLAUTH=user+alice:internal:91\" {{42}}
        S: From: a@x.example
        S: Message-ID: <2@x>
        S:
        S: hi
        S: b OK{LOGOUT}"
    );
    let play = run(named(iri("ALICE", [login("alice")])), &script);
    let told = play.told().into_iter().find(|line| line.contains("Download")).unwrap();
    assert!(told.contains(" Download Succeeded from=<a@x.example> to=alice n=1 id=<2@x>"), "{told}");
}

#[test]
fn whoever_tried_is_not_the_one_who_got_in_behind_octets_that_were_not_captured() {
    let mut play =
        open(named(cc("ALICE", [login("alice")]))).say("S: * OK [CAPABILITY IMAP4rev1]\nC: a0 LOGIN alice bad");
    play.lose(FromServer, 14);
    play.raw(FromClient, 0x10, b"");
    let mut play = play.pass(10);
    play.lose(FromClient, 24);
    let script =
        "S: a1 OK in\nC: s SELECT INBOX\nS: s OK\nC: a2 FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {6}\nS: bob's!)\nS: a2 OK";
    let play = play.say(script).fin().finish();
    play.nowhere("bob's!");
    assert_eq!(play.events(), ["Report LogonAttempt Unknown"]);
}

#[test]
fn a_login_that_names_nobody_and_is_refused_in_a_session_is_of_its_content() {
    let script = format!("{LOGIN}C: x AUTHENTICATE PLAIN\nS: x BAD already authenticated{LOGOUT}");
    for data in [AuthenticationData::Username, AuthenticationData::Full] {
        let warrant = Warrant { authentication_data: data, ..cc("ALICE", [login("alice")]) };
        let play = run(vec![warrant], &script);
        let content = play.content("ALICE");
        assert!(content.contains("x AUTHENTICATE PLAIN") && content.contains("x BAD"), "{content}");
        assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    }
    // Of somebody else's exchange without a name the command is all that is told.
    let script = format!("{LOGIN}C: x AUTHENTICATE GSSAPI\nS: + \nC: c2VjcmV0\nS: x NO c2VjcmV0{LOGOUT}");
    let full = Warrant { authentication_data: AuthenticationData::Full, ..cc("ALICE", [login("alice")]) };
    let play = run(vec![full], &script);
    play.nowhere("c2VjcmV0");
    assert!(play.content("ALICE").contains("x AUTHENTICATE GSSAPI"), "{}", play.content("ALICE"));
}

#[test]
fn a_logout_after_a_login_that_failed_ends_the_addresss_session() {
    let script = format!("S: * OK\nC: a LOGIN alice x\nS: a NO{LOGOUT}");
    let play = run(vec![cc("IP", [ip("192.0.2.10")])], &script);
    assert_eq!(play.events(), ["Report LogonFailure Failed", "End Logoff Succeeded"]);
    let play = run(vec![iri("IP", [ip("192.0.2.10")])], &script);
    assert_eq!(play.events(), ["Report LogonFailure Failed", "End Logoff Succeeded"]);
    // A try is no session of whoever was named.
    let play = run(named(cc("ALICE", [login("alice")])), &script);
    assert_eq!(play.events(), ["Report LogonFailure Failed"]);
    // The connection ends what the client does not.
    let script = "S: * OK\nC: a CAPABILITY\nS: a OK";
    assert_eq!(run(vec![cc("IP", [ip("192.0.2.10")])], script).events(), ["End Logoff Unknown"]);
    assert!(run(vec![iri("IP", [ip("192.0.2.10")])], script).events().is_empty());
}

#[test]
fn a_refused_logout_is_the_end_where_the_connection_is_over_with_it() {
    let play = run(named(iri("ALICE", [login("alice")])), &format!("{LOGIN}C: z LOGOUT\nS: z NO"));
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Failed"]);
    let last = play.iris().last().map(|iri| (iri.client_octets, iri.server_octets));
    assert_eq!(last, Some((10, 6)));
}

#[test]
fn whose_address_is_the_target_has_one_communication_whatever_was_lost() {
    let mut play = open(vec![cc("IP", [ip("192.0.2.10")])]).say(LOGIN).say("C: b NOOP\nS: b OK");
    play.lose(FromClient, 20);
    let play = play.say("S: * 1 FETCH (BODY[] {6}\nS: alice!)\nS: c OK\nC: d NOOP\nS: d OK").fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Report Download Succeeded", "End Logoff Unknown"]);
    assert!(play.told().iter().all(|line| line.starts_with("IP#0")), "{:?}", play.told());
    // Somebody who is seen to log in after that has a session of his own.
    let mut play = open(vec![cc("IP", [ip("192.0.2.10")])]).say(LOGIN).say("C: b NOOP\nS: b OK");
    play.lose(FromClient, 20);
    play.raw(FromServer, 0x10, b"");
    let play = play.say("C: d LOGIN bob y\nS: d OK").fin().finish();
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "End Logoff Unknown", "Begin Logon Succeeded", "End Logoff Unknown"]
    );
}

#[test]
fn what_is_lost_within_a_literal_ends_nothing() {
    let upload = |lost: usize| {
        let mut play = open(named(cc("ALICE", [login("alice")]))).say(LOGIN).say("C: b APPEND x {40+}");
        play.send(FromClient, b"0123456789");
        play.lose(FromClient, lost);
        play.send(FromClient, b"0123456789\r\n");
        play.say(&format!("S: b OK\nC: c FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{6}}\nS: alice!)\nS: c OK{LOGOUT}"))
            .fin()
            .finish()
    };
    let play = upload(20);
    assert!(play.content("ALICE").contains("alice!"), "{:?}", play.told());
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "Report Upload Succeeded", "Report Download Succeeded", "End Logoff Succeeded"]
    );
    // Past its end anything may have been said.
    upload(60).nowhere("alice!");
}

#[test]
fn of_a_mail_that_deflate_makes_long_not_all_is_handed_over_and_the_session_goes_on() {
    const LONG: usize = 40 << 20;
    let mut play = open(named(cc("ALICE", [login("alice")]))).say(LOGIN).say("C: b COMPRESS DEFLATE\nS: b OK");
    let (mut client, mut server) = (
        DeflateEncoder::new(Vec::new(), Compression::default()),
        DeflateEncoder::new(Vec::new(), Compression::default()),
    );
    let mut say = |client_says: &[u8], server_says: &[&[u8]]| {
        client.write_all(client_says).unwrap();
        client.flush().unwrap();
        play.send(FromClient, &std::mem::take(client.get_mut()));
        server_says.iter().for_each(|part| server.write_all(part).unwrap());
        server.flush().unwrap();
        let sent = std::mem::take(server.get_mut());
        sent.chunks(1400).for_each(|part| play.raw(FromServer, 0x10, part));
        sent.len()
    };
    let begin = format!("* 1 FETCH (BODY[] {{{LONG}}}\r\n");
    let sent = say(b"c FETCH 1 BODY[]\r\n", &[begin.as_bytes(), &vec![b'0'; LONG], b")\r\nc OK\r\n"]);
    say(b"d FETCH 2 BODY[]\r\n", &[b"* 2 FETCH (BODY[] {6}\r\nalice!)\r\nd OK\r\n"]);
    let play = play.fin().finish();
    let told = play.content("ALICE").len();
    assert!(told < (8 << 20) + 20 * (sent + 1000) && told > 8 << 20, "{told} of {sent}");
    assert!(play.content("ALICE").contains("alice!"));
    assert_eq!(play.events()[1..3], ["Report Download Succeeded", "Report Download Succeeded"]);
    assert!(play.told().iter().any(|line| line.contains("not held")), "{:?}", play.told());
}

#[test]
fn octets_missed_before_it_is_known_whose_session_it_is_are_told_to_whom_it_is() {
    let rest = "C: s SELECT INBOX\nS: s OK\nC: b FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {2}\nS: ab)\nS: b OK";
    // The answer; a go-ahead before it; what the client sent before it logged in is no part of the session.
    for (before, lost, after, told) in [
        ("S: * OK ready\nC: a1 LOGIN alice wonder", 10, "", 10),
        ("S: * OK ready\nC: a1 LOGIN {5}", 7, "C: alice wonder\nS: a1 OK in", 7),
        ("S: * OK ready\nC: c CAPABILITY", 30, "C: n NOOP\nS: n OK\nC: a1 LOGIN alice wonder\nS: a1 OK in", 0),
    ] {
        let mut play = open(vec![cc("ALICE", [login("alice")])]).say(before);
        play.lose(FromServer, lost);
        let mut play = play.pass(10);
        play.speak(&format!("{after}\n{rest}{LOGOUT}"));
        let play = play.fin().finish();
        let missed = play.told().iter().filter(|line| line.contains(&format!("missed {lost}"))).count();
        assert_eq!(missed, usize::from(told > 0), "{before}: {:?}", play.told());
        assert!(play.content("ALICE").contains("BODY[]"));
    }
}

#[test]
fn where_nothing_of_the_server_was_captured_who_logged_in_has_the_session_as_far_as_that_goes() {
    let mut play = open(named(cc("ALICE", [login("alice")])));
    play.send(FromClient, b"a LOGIN alice wonder\r\n");
    play.lose(FromServer, 10);
    play.raw(FromClient, 0x10, b"");
    let mut play = play.pass(10);
    play.send(FromClient, b"b APPEND Sent {4+}\r\nmine\r\n");
    play.lose(FromServer, 8);
    play.send(FromClient, b"c LOGIN bob pw-of-bob\r\n");
    play.lose(FromServer, 8);
    let mut play = play.pass(10);
    play.send(FromClient, b"d APPEND Sent {4+}\r\nbobs\r\n");
    let play = play.pass(10).fin().finish();
    assert_eq!(play.events()[0], "Begin Logon Unknown", "{:?}", play.told());
    assert_eq!(play.events().last().unwrap(), "End Logoff Unknown");
    assert!(play.content("ALICE").contains("mine"), "{}", play.content("ALICE"));
    play.nowhere("bobs");
    play.nowhere("wonder");
}

#[test]
fn a_session_of_more_commands_than_is_read_is_given_up_and_the_lemf_is_told() {
    for target in [login("alice"), ip("192.0.2.10")] {
        let mut play = open(vec![cc("ALICE", [target])]).say(LOGIN).say("C: b COMPRESS DEFLATE\nS: b OK");
        let mut client = DeflateEncoder::new(Vec::new(), Compression::best());
        client.write_all("a NOOP\r\n".repeat(400_000).as_bytes()).unwrap();
        client.flush().unwrap();
        client.get_ref().chunks(1400).for_each(|octets| play.send(FromClient, octets));
        let play = play.fin().finish();
        let told = play.told();
        assert!(told.iter().any(|line| line.contains("dropped")), "{told:?}");
        assert!(told.iter().any(|line| line.contains("not held")), "{told:?}");
        assert_eq!(play.events().last().unwrap(), "End Logoff Unknown");
    }
}

#[test]
fn what_a_proxy_says_before_the_session_changes_nothing_in_it() {
    let line = b"PROXY TCP4 203.0.113.7 198.51.100.25 40000 143\r\n".to_vec();
    let binary = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[7; 12]].concat();
    let pop3 = "S: +OK\nC: USER alice\nS: +OK\nC: PASS wrong\nS: -ERR no\nC: USER bob\nS: +OK\nC: PASS x\nS: +OK in\n\
                C: RETR 1\nS: +OK\nS: bobs mail\nS: .\nC: USER alice\nS: -ERR\nC: QUIT\nS: +OK";
    let imap = "S: * OK ready\nC: a LOGIN alice wrong\nS: a NO no\nC: b LOGIN alice wonder\nS: b OK in\nC: c IDLE\nS: + idling\n\
                S: * 5 EXISTS\nC: DONE\nS: c OK\nC: z LOGOUT\nS: * BYE\nS: z OK bye";
    for (server, script) in [("198.51.100.25:110", pop3), (SERVER, imap)] {
        let warrants: [&dyn Fn() -> Warrant; 3] =
            [&|| cc("ALICE", [login("alice")]), &|| packets("ALICE", [login("alice")]), &|| {
                cc("ALICE", [ip("192.0.2.10")])
            }];
        for warrant in warrants {
            let played = |header: &[u8]| {
                let mut play = Play::new(vec![warrant()]).between("192.0.2.10:40000", server).open();
                if !header.is_empty() {
                    play.send(FromClient, header);
                }
                let play = play.say(script).fin().finish();
                let content = if warrant().cc_format == CcFormat::IpPacket {
                    // Their times are a second later behind a header.
                    play.packets("ALICE")
                        .iter()
                        .filter_map(|packet| Some(packet.split_once(' ')?.1.to_owned()))
                        .collect()
                } else {
                    vec![play.content("ALICE")]
                };
                (play.events(), content)
            };
            let without = played(b"");
            assert_eq!(played(&line), without);
            assert_eq!(played(&binary), without);
        }
    }
}

#[test]
fn what_comes_while_the_client_idles_behind_a_proxy_goes_out_at_once() {
    let mut play = open(vec![cc("ALICE", [login("alice")])]);
    play.send(FromClient, b"PROXY TCP4 203.0.113.7 198.51.100.25 40000 143\r\n");
    let play = play.say(LOGIN).say("C: b IDLE\nS: + idling\n--\nS: * 5 EXISTS");
    assert!(play.content("ALICE").ends_with("* 5 EXISTS\n"), "{}", play.content("ALICE"));
}

#[test]
fn what_came_far_ahead_of_a_login_is_handed_over_with_it() {
    let ahead = |name: &str, answers: &str| {
        let mut play = open(named(cc("ALICE", [login("alice")]))).say("S: * OK");
        let start = format!("a LOGIN {name} pw\r\nb APPEND x {{400000+}}\r\n");
        play.send(FromClient, start.as_bytes());
        for _ in 0..400 {
            play.send(FromClient, &[b'x'; 1000]);
        }
        play.send(FromClient, b"\r\n");
        play.say(&format!("{answers}{LOGOUT}")).fin().finish()
    };
    let play = ahead("alice", "S: a OK\nS: b OK");
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Report Upload Succeeded", "End Logoff Succeeded"]);
    let content = play.content("ALICE");
    let place = |text: &str| content.find(text).unwrap();
    assert!(place("LOGIN alice") < place("b APPEND") && content.contains(&"x".repeat(1000)));
    // What had no room is told as missing.
    assert!(play.told().iter().any(|line| line.starts_with("ALICE") && line.contains("not held")), "{:?}", play.told());
    // Of whom is refused, whoever comes next has nothing.
    let play = ahead("mallory", "S: a NO\nS: b BAD\nC: c LOGIN alice pw\nS: c OK");
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    play.nowhere("xxxx");
    play.nowhere("APPEND");
}

#[test]
fn who_becomes_another_by_proxyauth_ends_one_session_and_begins_the_next() {
    let fetch = |tag: &str, text: &str| {
        format!("C: {tag} FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{{}}}\nS: {text})\nS: {tag} OK\n", text.len())
    };
    let script = format!(
        "S: * OK\nC: a LOGIN admin pw\nS: a OK\n{}C: p PROXYAUTH alice\nS: p OK\n{}C: q PROXYAUTH bob\nS: q OK\n{}C: z LOGOUT\nS: * BYE\nS: z OK",
        fetch("b", "of-the-admin"),
        fetch("c", "of-alice"),
        fetch("d", "of-bob")
    );
    let session = ["Begin Logon Succeeded", "Report Download Succeeded", "End Logoff Succeeded"];
    for user in ["admin", "alice", "bob"] {
        let play = run(named(cc("ALICE", [login(user)])), &script);
        assert_eq!(play.events(), session, "{user}");
        let content = play.content("ALICE");
        for (other, text) in [("admin", "of-the-admin"), ("alice", "of-alice"), ("bob", "of-bob")] {
            assert_eq!(content.contains(text), other == user, "{user}: {content}");
        }
    }
}
