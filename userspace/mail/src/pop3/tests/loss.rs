//! Octets that were not captured.

use super::*;

#[test]
fn lost_octets_of_a_message_do_not_lose_the_session() {
    let after = ["C DELE 1|", "S +OK|", ";"];
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S:
        S? 100
        S: text
        S: .
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[3..6], ["S text|.|", "RETR Succeeded 8+127 a@x -", ";"]);
    assert_eq!(notes[6..], after);
    // The end is lost.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S? 100
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[3..], [&["RETR Unknown 8+116 - -", ";"][..], &after].concat());
    // All of it is lost, or its beginning.
    let notes = run_in_mailbox("C: RETR 1\nS? 600\nC: DELE 1\nS: +OK");
    assert_eq!(notes, [&["lost FromServer 600", "C RETR 1|", ";", "RETR Unknown 8+600 - -", ";"][..], &after].concat());
    let notes = run_in_mailbox("C: RETR 1\nS? 20\nS: +OK\nS: .\nC: DELE 1\nS: +OK");
    assert_eq!(notes[3..], [&["S +OK|.|", "RETR Unknown 8+28 - -", ";"][..], &after].concat());
    // It may have been refused.
    let notes = run_in_mailbox("C: RETR 1\nS? 20\nC: DELE 1\nS: +OK");
    assert_eq!(notes, [&["lost FromServer 20", "C RETR 1|", ";", ";"][..], &after].concat());
}

#[test]
fn where_answers_were_lost_nothing_is_said_of_those_that_wait() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        C: RETR 2
        C: RETR 3
        S: +OK
        S? 100
        S: text
        S: .
        S: +OK
        S: other text
        S: .
        C: RETR 4
        S: +OK
        S: .
        C: QUIT
        S: +OK",
    );
    assert_eq!(notes.iter().filter(|note| note.starts_with("RETR")).collect::<Vec<_>>(), ["RETR Unknown 8+114 - -"]);
    assert!(notes.contains(&"logoff Unknown 6+0".to_owned()));
}

#[test]
fn a_gap_in_a_message_of_one_who_sends_ahead_may_hold_more_than_its_end() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S? 100
        S! text
        C: RETR 2
        S: text
        S: .
        S: +OK
        S: From: b@x
        S: .",
    );
    let transfers: Vec<_> = notes.iter().filter(|note| note.starts_with("RETR")).collect();
    assert_eq!(transfers, ["RETR Unknown 8+129 - -"]);
}

#[test]
fn logins_whose_answers_were_lost() {
    // What was lost before a login says nothing of it.
    let notes = run("S? 5\nC: USER alice\nS: +OK\nC: PASS s3cret");
    assert_eq!(notes[2..], ["login alice BrokenOff USER alice|+OK|PASS ******|", ";"]);
    let notes = run("S: +OK\nC: USER alice\nS? 5\nC: PASS s3cret\nS: +OK\nC: NOOP\nS: +OK");
    assert_eq!(notes[2..5], ["lost FromServer 5", ";", "login alice Succeeded USER alice|PASS ******|+OK|"]);
    let notes = run("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS? 5\nC: NOOP\nS: +OK");
    assert_eq!(
        notes[2..],
        ["lost FromServer 5", "login alice Unknown USER alice|+OK|PASS ******|", ";", ";", "C NOOP|", "S +OK|", ";"]
    );
    // A challenge was lost: the response is no command.
    let notes = run("S: +OK\nC: AUTH PLAIN\nS? 4\nC: AGFsaWNlAHMzY3JldA==\nS: +OK\nC: NOOP\nS: +OK");
    assert_eq!(notes[3..5], ["sasl alice Succeeded AUTH PLAIN|AGFsaWNlACoqKioqKg==|+OK|", ";"]);
    assert_eq!(notes[5..], ["C NOOP|", "S +OK|", ";"]);
    // The last answer was lost: the next command ends the exchange.
    let notes = run("S: +OK\nC: AUTH PLAIN AGFsaWNlAHMzY3JldA==\nS? 5\nC: NOOP\nS: +OK");
    assert_eq!(notes[3..], ["sasl alice Unknown AUTH PLAIN AGFsaWNlACoqKioqKg==|", ";", "C NOOP|", "S +OK|", ";"]);
}

#[test]
fn lost_octets_of_the_client() {
    // In the middle of a password: what is left of its line is not told.
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C! PASS s3
        C? 2
        C: et
        S: +OK
        C: STAT
        S: +OK 1 1
        C: RETR 1
        S: +OK
        S: .");
    assert_eq!(
        notes[2..],
        [
            "lost FromClient 9",
            "login alice BrokenOff USER alice|+OK|",
            ";",
            "C **|",
            "S +OK|",
            ";",
            "C STAT|",
            "S +OK 1 1|",
            ";",
            "C RETR 1|",
            "S +OK|.|",
            "RETR Succeeded 8+8 - -",
            ";",
        ]
    );
    // An AUTH LOGIN was lost: its responses are not told.
    let notes = run("
        S: +OK
        C? 12
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: czNjcmV0
        S: +OK");
    assert!(!notes.concat().contains("YWx") && !notes.concat().contains("czN"), "{notes:?}");
    // A command of one who sends ahead: what answers what is not known.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        C? 8
        C: ...
        C: RETR 3
        S: +OK
        S: .
        S: +OK
        S: text
        S: .
        S: +OK
        S: .",
    );
    assert_eq!(notes.iter().filter(|note| note.starts_with("RETR")).collect::<Vec<_>>(), ["RETR Succeeded 8+8 - -"]);
}

#[test]
fn a_line_right_after_lost_octets_is_a_command_if_it_reads_like_one() {
    // The PASS and its refusal were lost, and another comes: what is accepted is the other's.
    let bob = "login bob Succeeded USER bob|+OK|PASS ******|+OK|";
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C? 12
        S? 6
        C: USER bob
        S: +OK
        C: PASS s3cret
        S: +OK");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    assert_eq!(logins, ["login alice BrokenOff USER alice|+OK|", bob]);
    // So it is where USER was sent ahead.
    let notes = run("S: +OK\nC: USER alice\nC? 12\nS: +OK\nS: -ERR\nC: PASS s3cret\nS: +OK");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    assert_eq!(logins, ["login alice BrokenOff USER alice|+OK|", "login - Succeeded PASS ******|+OK|"]);
    // The capabilities were asked for by what was lost.
    let notes = run("S: +OK\nC? 6\nS: +OK\nS: .\nC: USER bob\nS: +OK\nC: PASS s3cret\nS: +OK");
    assert!(notes.contains(&bob.to_owned()), "{notes:?}");
    // What has more to it can be a password.
    let notes = run("S: +OK\nC? 6\nC: STAT s3cret\nS: +OK");
    assert!(!notes.concat().contains("s3cret"), "{notes:?}");
}

#[test]
fn an_exchange_that_was_sent_ahead_is_not_ended_by_what_answers_another() {
    let after = "
        C: CAPA
        S: +OK
        S: USER
        S: .";
    for lost in ["C: AUTH LOGIN\nC: YWxpY2U=\nC: czNjcmV0\nS? 20", "C: AUTH LOGIN\nS? 20\nC: YWxpY2U=\nC: czNjcmV0"] {
        let notes = run(&format!("S: +OK\n{lost}{after}"));
        assert!(notes.iter().any(|note| note.starts_with("sasl") && note.contains(" Unknown ")), "{notes:?}");
        assert!(!notes.concat().contains("Succeeded") && !notes.concat().contains("czN"), "{notes:?}");
    }
}

#[test]
fn a_capture_that_begins_in_mid_stream() {
    let run = |script: &str| {
        let turns = dialogue(script);
        let whole = notes_of(false, &turns, usize::MAX).lines;
        for piece in [1, 2, 3, 7] {
            assert_eq!(notes_of(false, &turns, piece).lines, whole, "in pieces of {piece}");
        }
        whole
    };
    let notes = run("
        S: cret text
        S: .
        C: DELE 1
        S: +OK
        C: RETR 2
        S: +OK
        S: .");
    assert_eq!(notes, ["C DELE 1|", ";", "S +OK|", ";", "C RETR 2|", "S +OK|.|", "RETR Succeeded 8+8 - -", ";"]);
    assert_eq!(run("C: PASS s3cret\nS: +OK"), ["login - Unknown PASS ******|", ";", "S +OK|", ";"]);
    assert_eq!(run("C: cret\nS: +OK\nC: s3cret"), Vec::<String>::new());
    assert_eq!(run("C! \u{17}\u{3}\u{3}\nS: +OK"), ["dark"]);
}

#[test]
fn a_client_that_is_seen_to_wait_is_read_again() {
    let batch = "C: STAT\nC: UIDL\nS? 10\nS: +OK\nS: 1 a\nS: .\n";
    let list = "C: LIST\nS: +OK\nS: 1 9\nS: .\n";
    let message = "C: RETR 1\nS: +OK\nS: From: a@x\nS: .\n";
    let is_read = |turns: &str| {
        run_in_mailbox(&format!("{batch}{turns}{message}")).iter().any(|note| note.starts_with("RETR Succeeded"))
    };
    assert!(is_read(&format!("C: NOOP\nS: +OK\n{list}")));
    assert!(is_read("C: NOOP\nS: -ERR\nC: STAT\nS: +OK\n"));
    // One turn may be chance; a response that the command does not have is another's; commands that are sent together say nothing.
    assert!(!is_read("C: NOOP\nS: +OK\n"));
    assert!(!is_read(&format!("C: NOOP\nS: +OK\n1 9\nS: .\n{list}")));
    assert!(!is_read("C: NOOP\nC: NOOP\nS: +OK\nS: +OK\nC: STAT\nS: +OK\n"));
    assert!(!is_read("C: NOOP\nS: +OK\nC: STAT\nC: NOOP\nS: +OK\nS: +OK\nC: STAT\nS: +OK\n"));
    assert!(!is_read("C: NOOP\nS: +OK\nC: LIST\nS: +OK\n"));
}

#[test]
fn what_answers_quit_is_told_before_the_session_is_over() {
    let batch = "C: STAT\nC: UIDL\nS? 10\nS: +OK\nS: 1 a\nS: .\n";
    let notes = run_in_mailbox(&format!("{batch}C: QUIT\nS: +OK bye"));
    assert_eq!(notes[notes.len() - 6..], [";", "C QUIT|", ";", "S +OK bye|", ";", "logoff Unknown 6+0"]);
}
