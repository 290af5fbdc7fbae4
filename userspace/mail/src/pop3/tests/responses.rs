//! Which lines answer which command, and where a response ends.

use super::*;

#[test]
fn a_server_of_bare_line_feeds() {
    let notes = run_in_mailbox(
        "
        C~ RETR 1
        S~ +OK
        S~ Message-ID: <1@x>
        S~
        S~ .
        C~ RETR 2
        S: +OK
        S~ text
        S~ .
        S~ +OK
        S: .",
    );
    assert_eq!(
        notes,
        [
            "C RETR 1/",
            "S +OK/Message-ID: <1@x>//./",
            "RETR Succeeded 7+25 - <1@x>",
            ";",
            "C RETR 2/",
            "S +OK|text/./+OK/.|",
            "RETR Unknown 7+19 - -",
            ";",
        ]
    );
    // What ends its status line as all do and then forgets: the client's next command tells.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S~ text
        S: .
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[2..], ["RETR Succeeded 8+13 - -", ";", "C DELE 1|", "S +OK|", ";"]);
}

#[test]
fn lines_that_nobody_announced() {
    let notes = run_in_mailbox(
        "
        C: XTND XLST
        C: NOOP
        S: +OK
        S: 1 Subject
        S: .
        S: +OK
        C: XTND
        S: +OK
        C: STAT
        S: +OK 1 1",
    );
    assert_eq!(
        notes,
        [
            "C XTND XLST|",
            "S +OK|",
            ";",
            "S 1 Subject|.|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
            "C XTND|",
            "S +OK|",
            ";",
            "C STAT|",
            "S +OK 1 1|",
            ";"
        ]
    );
    assert_eq!(run_in_mailbox("S: -ERR idle for too long"), ["S -ERR idle for too long|", "! unasked_reply", ";"]);
}

#[test]
fn a_connection_that_ends_in_a_message() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S:
        S! te",
    );
    assert_eq!(notes[2..], ["RETR Unknown 8+20 a@x -", ";"]);
    // Half a field is not believed.
    assert_eq!(run_in_mailbox("C: RETR 1\nS: +OK\nS! From: a@exam")[2..], ["RETR Unknown 8+17 - -", ";"]);
    assert_eq!(run_in_mailbox("C: RETR 1\nS: +OK")[2..], [";"]);
    assert_eq!(run_in_mailbox("C: RETR 1\nC: QUIT"), ["C RETR 1|", ";", "C QUIT|", "logoff Unknown 6+0", ";"]);
}

#[test]
fn a_quit_that_is_refused_ends_the_session_all_the_same() {
    let notes = run_in_mailbox("C: QUIT\nS: -ERR some were not removed");
    assert_eq!(notes, ["C QUIT|", "S -ERR some were not removed|", "logoff Failed 6+28", ";"]);
}

/// The messages and logins of a session with lines of nothing in it.
fn among_blanks(script: &str) -> Vec<String> {
    let notes = run(&format!("S: +OK\n{script}"));
    notes.into_iter().filter(|note| ["RETR", "login"].iter().any(|word| note.starts_with(word))).collect()
}

#[test]
fn a_server_may_refuse_a_line_of_nothing_or_pass_over_it() {
    let into = "C: USER alice\nS: +OK\nC: PASS x\nS: +OK\n";
    let message = "S: +OK\nS: From: a@x\nS:\nS: .\n";
    for (script, expected) in [
        // It refuses it.
        (format!("{into}C:\nS: -ERR\nC: RETR 1\n{message}"), vec!["RETR Succeeded 8+21 a@x -"]),
        (format!("{into}C:\nC: RETR 1\nS: -ERR\n{message}"), vec!["RETR Succeeded 8+21 a@x -"]),
        (format!("{into}C:\nC: RETR 1\nS: -ERR\nS: -ERR\nC: RETR 22\n{message}"), vec!["RETR Succeeded 9+21 a@x -"]),
        // It passes over it, which the first acceptance shows.
        (
            format!("{into}C:\nC:\nC: RETR 1\n{message}C:\nC: RETR 22\nS: -ERR\nC: RETR 333\n{message}"),
            vec!["RETR Succeeded 8+21 a@x -", "RETR Succeeded 10+21 a@x -"],
        ),
        // So does that the client goes on after a refusal.
        (format!("{into}C:\nC: RETR 1\nS: -ERR\nC: RETR 22\n{message}"), vec!["RETR Succeeded 9+21 a@x -"]),
    ] {
        assert_eq!(among_blanks(&script)[1..], expected, "{script}");
    }
    let tried = "C:\nC: USER alice\nS: +OK\nC: PASS x\nS: -ERR\nC: USER carol\nS: +OK\nC: PASS x\nS: +OK";
    assert_eq!(
        among_blanks(tried),
        ["login alice Failed USER alice|+OK|PASS *|-ERR|", "login carol Succeeded USER carol|+OK|PASS *|+OK|"]
    );
    // Who was refused is not taken for accepted.
    let tried = "C: USER alice\nS: +OK\nC:\nC: PASS x\nS: -ERR\nC: USER carol\nS: +OK\nC: PASS x\nS: +OK";
    assert_eq!(
        among_blanks(tried),
        ["login alice Failed USER alice|+OK|PASS *|", "login carol Succeeded USER carol|+OK|PASS *|+OK|"]
    );
}
