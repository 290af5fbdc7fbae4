//! POP3: TS 102 232-2 annex B.

mod support;

use support::*;
use writ_intercept::Warrant;
use writ_intercept::warrant::AuthenticationData;

const SERVER: &str = "198.51.100.110:110";

/// A whole session on the port of POP3.
fn run(warrants: Vec<Warrant>, script: &str) -> Play {
    Play::new(warrants).between("192.0.2.10:40000", SERVER).open().say(script).fin().finish()
}

/// The same, with the user's name.
fn named(warrant: Warrant) -> Vec<Warrant> {
    vec![Warrant { authentication_data: AuthenticationData::Username, ..warrant }]
}

/// B.6, with mail in the places that the standard leaves open.
const EXAMPLE: &str = "S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
    C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
    S: +OK mrose's maildrop has 2 messages (320 octets)
    C: STAT
    S: +OK 2 320
    C: LIST
    S: +OK 2 messages (320 octets)
    S: 1 120
    S: 2 200
    S: .
    C: RETR 1
    S: +OK 120 octets
    S: From: Alice <alice@example.org>
    S: Message-ID: <1@example.org>
    S:
    S: ..a line with a dot
    S: .
    C: DELE 1
    S: +OK message 1 deleted
    C: TOP 2 10
    S: +OK top of message follows
    S: From: bob@example.net
    S: Message-ID: <2@example.net>
    S:
    S: .
    C: DELE 2
    S: +OK message 2 deleted
    C: QUIT
    S: +OK dewey POP3 server signing off (maildrop empty)";

#[test]
fn the_example_of_annex_b() {
    let play = run(named(cc("MROSE", [login("mrose")])), EXAMPLE);
    assert_eq!(
        play.sequence("MROSE"),
        [
            "Begin Logon Succeeded to=mrose n=1 aaa=mrose/Undefined/Succeeded 45+50",
            ">APOP mrose ********************************|",
            "<+OK mrose's maildrop has 2 messages (320 octets)|",
            ">STAT|",
            "<+OK 2 320|",
            ">LIST|",
            "<+OK 2 messages (320 octets)|1 120|2 200|.|",
            "Continue Download Succeeded from=<alice@example.org> to=mrose n=1 id=<1@example.org> aaa=mrose/Undefined/Succeeded 8+104",
            ">RETR 1|",
            "<+OK 120 octets|From: Alice <alice@example.org>|Message-ID: <1@example.org>||..a line with a dot|.|",
            ">DELE 1|",
            "<+OK message 1 deleted|",
            "Continue PartialDownload Succeeded from=<bob@example.net> to=mrose n=1 id=<2@example.net> aaa=mrose/Undefined/Succeeded 10+85",
            ">TOP 2 10|",
            "<+OK top of message follows|From: bob@example.net|Message-ID: <2@example.net>||.|",
            ">DELE 2|",
            "<+OK message 2 deleted|",
            "End Logoff Succeeded to=mrose n=1 6+52",
            ">QUIT|",
            "<+OK dewey POP3 server signing off (maildrop empty)|",
            "closed 0",
        ]
    );
    let iris = play.iris();
    assert!(iris.iter().all(|iri| iri.server.to_string() == SERVER && iri.client.to_string() == "192.0.2.10:40000"));
    // An IRI warrant has the same events and nothing else.
    let told = run(named(iri("MROSE", [login("mrose")])), EXAMPLE).told();
    assert_eq!(told, play.told());
}

#[test]
fn however_the_octets_are_cut_events_and_content_are_the_same() {
    let whole = run(vec![cc("MROSE", [login("mrose")])], EXAMPLE).sequence("MROSE");
    for size in [1, 2, 3, 7] {
        let mut play = Play::new(vec![cc("MROSE", [login("mrose")])]).between("192.0.2.10:40000", SERVER).open();
        for line in EXAMPLE.lines().map(str::trim_start) {
            let from = if line.starts_with("C:") { FromClient } else { FromServer };
            let text = format!("{}\r\n", line[2..].strip_prefix(' ').unwrap_or_default());
            text.as_bytes().chunks(size).for_each(|part| play.raw(from, 0x10, part));
        }
        assert_eq!(play.fin().finish().sequence("MROSE"), whole, "segments of {size}");
    }
}

#[test]
fn the_same_pipelined_is_the_same() {
    let pipelined = "S: +OK ready\nC: CAPA\nS: +OK\nS: PIPELINING\nS: .\nC: USER alice\nC: PASS secret-1\nC: STAT\nC: RETR 1\nC: RETR 9\nC: QUIT
        S: +OK\nS: +OK in\nS: +OK 1 9\nS: +OK\nS: From: b@example.net\nS: .\nS: -ERR none\nS: +OK bye";
    let play = run(named(cc("ALICE", [login("alice")])), pipelined);
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "Continue Download Succeeded", "End Logoff Succeeded"],
        "a RETR that failed has no event (B.2.2)"
    );
    let content: String = play.content("ALICE");
    for line in
        ["CAPA", "USER alice", "PASS ********", "STAT", "RETR 1", "RETR 9", "QUIT", "PIPELINING", "bye", "-ERR none"]
    {
        assert_eq!(content.matches(line).count(), 1, "{line}: {content}");
    }
    play.nowhere("secret-1");
}

#[test]
fn a_login_by_user_and_pass_with_its_authentication_data() {
    let script = "S: +OK\nC: USER alice@example.org\nS: +OK\nC: PASS open sesame\nS: +OK\nC: QUIT\nS: +OK";
    let by = |data| {
        let warrant = Warrant { authentication_data: data, ..cc("W", [email("alice@example.org")]) };
        run(vec![warrant], script)
    };
    let full = by(AuthenticationData::Full);
    assert_eq!(
        full.told().first().map(String::as_str),
        Some(
            "W#0 @5 Begin Logon Succeeded to=alice@example.org n=1 aaa=alice@example.org/Undefined/Succeeded/password=open sesame"
        )
    );
    assert!(full.content("W").starts_with(">USER alice@example.org\n<+OK\n>PASS open sesame\n<+OK\n"));
    let username = by(AuthenticationData::Username);
    assert!(username.told()[0].ends_with("aaa=alice@example.org/Undefined/Succeeded"));
    assert!(username.content("W").starts_with(">USER alice@example.org\n<+OK\n>PASS ***********\n<+OK\n"));
    username.nowhere("sesame");
    let none = by(AuthenticationData::None);
    assert!(!none.told()[0].contains("aaa="));
    assert!(none.content("W").starts_with(">USER *****************\n<+OK\n>PASS ***********\n<+OK\n"));
}

#[test]
fn a_login_that_fails_is_a_report_and_its_content_waits_for_one_that_succeeds() {
    let failed = "S: +OK\nC: USER alice\nS: +OK\nC: PASS wrong-1\nS: -ERR no\n";
    let play = run(vec![cc("ALICE", [login("alice")])], &format!("{failed}C: QUIT\nS: +OK"));
    assert_eq!(play.sequence("ALICE"), ["Report LogonFailure Failed to=alice n=1 26+14", "closed 0"]);
    let then = format!("{failed}C: USER alice\nS: +OK\nC: PASS right-1\nS: +OK in\nC: QUIT\nS: +OK bye");
    let play = run(vec![cc("ALICE", [login("alice")])], &then);
    assert_eq!(play.events(), ["Report LogonFailure Failed", "Begin Logon Succeeded", "End Logoff Succeeded"]);
    assert!(play.content("ALICE").contains("PASS *******\n<-ERR no\n>USER *****\n"), "{}", play.content("ALICE"));
    // Who is somebody else's failure is nothing to the one who comes in.
    let other = then.replace("USER alice\nS: +OK\nC: PASS wrong-1", "USER mallory\nS: +OK\nC: PASS wrong-1");
    let play = run(vec![cc("ALICE", [login("alice")])], &other);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
    play.nowhere("mallory");
    let play = run(vec![cc("MALLORY", [login("mallory")])], &other);
    assert_eq!(play.events(), ["Report LogonFailure Failed"]);
    assert_eq!(play.content("MALLORY"), "");
}

#[test]
fn a_connection_that_ends_before_the_answer_is_an_attempt() {
    for script in
        ["S: +OK\nC: USER alice\nS: +OK\nC: PASS secret-1", "S: +OK\nC: APOP alice c4c9334bac560ecc979e58001b3e22fb"]
    {
        let play = run(vec![cc("ALICE", [login("alice")])], script);
        assert_eq!(play.events(), ["Report LogonAttempt Unknown"], "{script}");
        assert_eq!(play.content("ALICE"), "");
    }
}

#[test]
fn a_session_that_breaks_off_ends() {
    let script = "S: +OK\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: RETR 1\nS: +OK\nS: From: b@example.net\n";
    let play = run(vec![cc("ALICE", [login("alice")])], script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Download Unknown", "End Logoff Unknown"]);
    assert!(play.content("ALICE").ends_with("From: b@example.net\n"), "{}", play.content("ALICE"));
}

#[test]
fn a_target_by_address_has_all_of_the_session_and_every_login() {
    let script = "S: +OK hello\nC: CAPA\nS: +OK\nS: .\nC: USER bob\nS: +OK\nC: PASS x\nS: -ERR\nC: USER carol\nS: +OK\nC: PASS y\nS: +OK\nC: QUIT\nS: +OK";
    let play = run(vec![cc("IP", [ip("192.0.2.0/24")])], script);
    assert_eq!(play.events(), ["Report LogonFailure Failed", "Begin Logon Succeeded", "End Logoff Succeeded"]);
    assert_eq!(
        play.content("IP"),
        ">CAPA\n<+OK\n.\n>USER ***\n<+OK\n>PASS *\n<-ERR\n>USER *****\n<+OK\n>PASS *\n<+OK\n>QUIT\n<+OK\n"
    );
}

#[test]
fn a_download_goes_out_while_it_is_downloaded() {
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER).open();
    play.speak("S: +OK\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: RETR 1\nS: +OK");
    for _ in 0..200 {
        play.send(FromServer, &[b'x'; 1000]);
    }
    let so_far = play.content_octets("ALICE");
    assert!(so_far > 150_000, "{so_far}");
    let play = play.say("S:\nS: .\nC: QUIT\nS: +OK").fin().finish();
    assert_eq!(play.content_octets("ALICE"), 200_000 + 59);
    let records = play.sequence("ALICE").len();
    assert!(records < 25, "{records} records for 200 kB");
}

#[test]
fn what_a_warrant_for_packets_has_is_what_one_for_content_has() {
    let warrants = vec![packets("PACKETS", [login("mrose")]), cc("CONTENT", [login("mrose")])];
    let play = run(warrants, EXAMPLE);
    let of_content =
        play.sequence("CONTENT").into_iter().filter(|line| line.starts_with(['<', '>'])).collect::<String>();
    let payloads: String = play
        .packets("PACKETS")
        .into_iter()
        .filter_map(|line| line.split_once(' ').map(|(_, rest)| rest.replace('\n', "|")))
        .filter(|rest| rest.len() > 1)
        .collect();
    assert_eq!(payloads, of_content);
}

#[test]
fn after_stls_there_is_a_begin_and_an_end_for_a_target_by_address_alone() {
    let script = "S: +OK\nC: STLS\nS: +OK go\nC: 0123456789\nS: 01234";
    let play = run(vec![cc("IP", [ip("192.0.2.10")]), cc("ALICE", [login("alice")])], script);
    assert_eq!(play.events(), ["Begin Logon Unknown", "End Logoff Unknown"]);
    assert_eq!(play.content("IP"), ">STLS\n<+OK go\n");
    assert_eq!(play.room.counters.upgraded_sessions, 1);
}

#[test]
fn where_the_answer_to_a_login_is_missing_a_download_tells() {
    let start = "S: +OK\nC: USER alice\nS: +OK\nC: PASS secret-1";
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER).open().say(start);
    play.lose(FromServer, 5);
    let told = play
        .say("C: STAT\nS: +OK 1 1\nC: RETR 1\nS: +OK\nS: From: b@example.net\nS: .\nC: QUIT\nS: +OK")
        .fin()
        .finish();
    assert_eq!(told.events(), ["Begin Logon Unknown", "Continue Download Succeeded", "End Logoff Succeeded"]);
    assert!(told.content("ALICE").contains("PASS ********"), "{}", told.content("ALICE"));
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER).open().say(start);
    play.lose(FromServer, 5);
    let told = play.say("C: QUIT\nS: +OK").fin().finish();
    assert_eq!(told.events(), ["Report LogonAttempt Unknown"]);
}

#[test]
fn what_may_be_a_password_is_overwritten_in_packets_too() {
    let script = "S: +OK\nC: AUTH LOGIN\nS: -ERR no\nC: c2VjcmV0LXdvcmQ=\nS: -ERR what\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK";
    let play = run(vec![packets("IP", [ip("192.0.2.10")])], script);
    play.nowhere("secret-word");
    assert!(play.packets("IP").iter().any(|line| line.contains("****************")), "{:?}", play.packets("IP"));
}

#[test]
fn what_the_server_repeats_of_a_password_is_overwritten_too() {
    let script = "S: +OK\nC: AUTH LOGIN\nS: -ERR no\nC: secret-word\nS: -ERR what is secret-word?\nC: USER alice\nS: +OK\nC: PASS secret-word\nS: -ERR not Secret-Word\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK";
    for warrant in [cc("W", [ip("192.0.2.10")]), cc("W", [login("alice")]), packets("W", [ip("192.0.2.10")])] {
        let play = run(named(warrant), script);
        play.nowhere("secret-word");
        play.nowhere("Secret-Word");
    }
    let play = run(named(cc("IP", [ip("192.0.2.10")])), script);
    assert!(play.content("IP").contains(">***********\n<-ERR ********************\n"), "{}", play.content("IP"));
    // `full` lets go of a login, and of what answers it.
    let full = Warrant { authentication_data: AuthenticationData::Full, ..cc("IP", [ip("192.0.2.10")]) };
    assert!(run(vec![full], script).content("IP").contains(">PASS secret-word\n<-ERR not Secret-Word\n"));
}

#[test]
fn a_login_that_names_nobody_is_in_the_content_with_what_follows_it() {
    let tries =
        "C: AUTH LOGIN\nS: -ERR no\nC: c2VjcmV0LXdvcmQ=\nS: -ERR what\nC: AUTH PLAIN =secret-word\nS: -ERR no\n";
    let shown = ">AUTH LOGIN\n<-ERR no\n>****************\n<-ERR ****\n>AUTH PLAIN ************\n<-ERR no\n";
    let alice = "C: USER alice\nS: +OK\nC: PASS x\nS: +OK\n";
    let full = |warrant| Warrant { authentication_data: AuthenticationData::Full, ..warrant };
    for warrant in [cc("ALICE", [login("alice")]), full(cc("ALICE", [login("alice")]))] {
        // Before a login, and in the mailbox.
        let play = run(vec![warrant], &format!("S: +OK\n{tries}{alice}{tries}C: QUIT\nS: +OK"));
        assert_eq!(play.content("ALICE").matches(shown).count(), 2, "{}", play.content("ALICE"));
        assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Succeeded"]);
        play.nowhere("secret-word");
    }
}

#[test]
fn whoever_tried_is_not_the_one_who_got_in_behind_octets_that_were_not_captured() {
    let play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", "198.51.100.110:110").open();
    let mut play = play.say("S: +OK\nC: USER alice\nS: +OK\nC: PASS bad");
    play.lose(FromServer, 6);
    play.raw(FromClient, 0x10, b"");
    let mut play = play.pass(10);
    play.lose(FromClient, 10);
    play.speak("S: +OK");
    play.lose(FromClient, 8);
    let play = play.say("S: +OK\nC: RETR 1\nS: +OK\nS: bob's!\nS: .\nC: QUIT\nS: +OK").fin().finish();
    play.nowhere("bob's!");
    assert_eq!(play.events(), ["Report LogonAttempt Unknown"]);
}

/// A session in which octets of the client were lost, each before what the server said next; where it is acknowledged, that is known
/// before.
fn behind_lost_lines(before: &str, turns: &[(usize, &str)], is_acknowledged: bool) -> Play {
    let mut play =
        Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER).open().say(before);
    for (lost, answer) in turns {
        play.lose(FromClient, *lost);
        if is_acknowledged {
            play.raw(FromServer, 0x10, b"");
        }
        play.speak(answer);
    }
    play.say("C: RETR 1\nS: +OK\nS: bob's!\nS: .\nC: QUIT\nS: +OK").fin().finish()
}

#[test]
fn whoever_is_let_in_behind_missing_octets_of_the_client_is_nobody() {
    let user = "S: +OK\nC: USER alice\nS: +OK";
    let refused = format!("{user}\nC: PASS bad\nS: -ERR");
    let auth = "S: +OK\nC: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6";
    let plain = "S: +OK\nC: AUTH PLAIN\nS: + ";
    for (before, turns, expected) in [
        (user, &[(8, "S: -ERR"), (10, "S: +OK"), (8, "S: +OK")][..], "Report LogonAttempt Unknown"),
        (user, &[(26, "S: -ERR\nS: +OK\nS: +OK")], "Report LogonAttempt Unknown"),
        (user, &[(10, "S: +OK"), (8, "S: +OK")], "Report LogonAttempt Unknown"),
        (user, &[(8, "S: -ERR"), (30, "S: +OK in")], "Report LogonAttempt Unknown"),
        (&refused, &[(10, "S: +OK"), (8, "S: +OK")], "Report LogonFailure Failed"),
        (auth, &[(10, "S: -ERR"), (10, "S: +OK"), (8, "S: +OK")], "Report LogonAttempt Unknown"),
        (auth, &[(10, "S: +OK")], "Report LogonAttempt Unknown"),
        (plain, &[(10, "S: +OK")], ""),
    ] {
        for is_acknowledged in [true, false] {
            let play = behind_lost_lines(before, turns, is_acknowledged);
            play.nowhere("bob's!");
            let told = play.events();
            // A refusal that is seen at once is that of who tried.
            let may_be = [expected, "Report LogonFailure Failed"];
            assert!(told.len() <= 1 && told.iter().all(|told| may_be.contains(&told.as_str())), "{before} {told:?}");
        }
    }
}

#[test]
fn a_name_behind_missing_octets_is_no_password_of_who_tried_before_them() {
    // Alice's password, its refusal and the next AUTH LOGIN are missing.
    let before = "S: +OK\nC: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6";
    let mut play =
        Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER).open().say(before);
    play.lose(FromClient, 22);
    play.lose(FromServer, 6);
    let after = "S: + VXNlcm5hbWU6\nC: Ym9i\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0\nS: +OK\nC: RETR 1\nS: +OK\nS: bob's!\nS: .\nC: QUIT\nS: +OK";
    let play = play.say(after).fin().finish();
    assert_eq!(play.events(), ["Report LogonAttempt Unknown"]);
    assert_eq!(play.content("ALICE"), "");
}

/// What the client says, and nothing else of the connection but what its acknowledgements tell.
fn client_alone(turns: &[(&str, usize)]) -> Play {
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER);
    play.raw(FromClient, 0x02, b"");
    play.lose(FromServer, 1);
    for (said, answered) in turns {
        play.lose(FromServer, *answered);
        play.raw(FromClient, 0x10, b"");
        let said = format!("{said}\r\n");
        play.raw(FromClient, 0x18, said.as_bytes());
    }
    play.lose(FromServer, 5);
    play.raw(FromClient, 0x11, b"");
    play.finish()
}

#[test]
fn a_session_of_which_the_client_alone_was_captured() {
    let alice = [("USER alice", 9), ("PASS secret-1", 5)];
    let rest = [("RETR 1", 5), ("TOP 2 1", 90), ("QUIT", 900)];
    let play = client_alone(&[&alice[..], &rest].concat());
    let download = ["Continue Download Unknown", "Continue PartialDownload Unknown"];
    assert_eq!(play.events(), [&["Begin Logon Unknown"][..], &download, &["End Logoff Unknown"]].concat());
    let content = play.content("ALICE");
    assert!(
        content.contains("PASS ********") && content.contains("RETR 1\n") && content.contains("QUIT\n"),
        "{content}"
    );
    // Somebody else tries again, so that she was refused.
    let play = client_alone(&[&alice[..], &[("USER bob", 6), ("PASS secret-2", 5)], &rest].concat());
    assert_eq!(play.events(), ["Begin Logon Unknown", "End Logoff Unknown"]);
    play.nowhere("RETR");
    // His may be among what is missing.
    let mut play = Play::new(vec![cc("ALICE", [login("alice")])]).between("192.0.2.10:40000", SERVER);
    play.raw(FromClient, 0x02, b"");
    play.lose(FromServer, 10);
    for said in ["USER alice", "PASS x", "", "RETR 1"] {
        if said.is_empty() {
            play.lose(FromClient, 20);
        } else {
            play.raw(FromClient, 0x18, format!("{said}\r\n").as_bytes());
        }
        play.lose(FromServer, 5);
    }
    let play = play.pass(20).finish();
    play.nowhere("RETR");
}

#[test]
fn an_attempt_is_told_only_where_the_connection_ends_before_an_answer() {
    for (script, expected) in [
        ("S: +OK\nC: USER alice\nS: +OK", vec!["Report LogonAttempt Unknown"]),
        ("S: +OK\nC: USER alice\nS: +OK\nC: QUIT\nS: +OK", vec!["Report LogonAttempt Unknown"]),
        ("S: +OK\nC: USER alice\nS: +OK\nC: USER bob\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK", vec![]),
        ("S: +OK\nC: USER alice\nS: +OK\nC: STLS\nS: +OK", vec![]),
    ] {
        let play = run(vec![iri("ALICE", [login("alice")])], script);
        assert_eq!(play.events(), expected, "{script}");
    }
}

#[test]
fn a_refused_quit_is_an_end_that_failed() {
    let script = "S: +OK\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: -ERR";
    let play = run(vec![iri("ALICE", [login("alice")])], script);
    assert_eq!(play.events(), ["Begin Logon Succeeded", "End Logoff Failed"]);
}
