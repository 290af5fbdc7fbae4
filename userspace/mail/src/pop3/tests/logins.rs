//! Who logs in: USER and PASS, APOP, AUTH, STLS.

use super::*;

#[test]
fn a_login_that_fails_and_one_that_succeeds() {
    let notes = run("
        S: +OK
        C: user alice
        S: +OK
        C: pass wr0ng
        S: -ERR [AUTH] no
        C: USER alice
        S: +OK
        C: PASS s3cret with spaces
        S: +OK
        C: NOOP
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "login alice Failed user alice|+OK|pass *****|-ERR [AUTH] no|",
            ";",
            "login alice Succeeded USER alice|+OK|PASS ******************|+OK|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
        ]
    );
}

#[test]
fn a_user_without_a_pass() {
    // The connection ends, before or after the server's answer.
    assert_eq!(run("S: +OK\nC: USER alice")[2..], ["login alice BrokenOff USER alice|", ";"]);
    assert_eq!(run("S: +OK\nC: USER alice\nS: +OK")[2..], ["login alice BrokenOff USER alice|+OK|", ";"]);
    assert_eq!(run("S: +OK\nC: USER alice\nS: -ERR")[2..], ["login alice Failed USER alice|-ERR|", ";"]);
    // A PASS without an answer.
    assert_eq!(
        run("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret")[2..],
        ["login alice BrokenOff USER alice|+OK|PASS ******|", ";"]
    );
    // Other commands come between, or another login.
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C: CAPA
        S: +OK
        S: USER
        S: .
        C: USER bob
        S: +OK
        C: PASS s3cret
        S: -ERR
        C: USER carol
        S: +OK
        C: QUIT
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "C CAPA|",
            "S +OK|USER|.|",
            ";",
            "login alice GivenUp USER alice|+OK|",
            ";",
            "login bob Failed USER bob|+OK|PASS ******|-ERR|",
            ";",
            "login carol BrokenOff USER carol|+OK|",
            ";",
            "C QUIT|",
            "S +OK|",
            "logoff Succeeded 6+5",
            ";",
        ]
    );
}

#[test]
fn what_follows_a_login_is_not_read_before_its_answer() {
    let notes = run("
        S: +OK
        C: CAPA
        C: USER alice
        C: PASS s3cret
        C: STAT
        C: RETR 1
        C: QUIT
        S: +OK
        S: PIPELINING
        S: .
        S: +OK

        S: +OK in
        S: +OK 1 9
        S: +OK
        S: text
        S: .
        S: +OK bye");
    assert_eq!(
        notes[2..],
        [
            "C CAPA|",
            "S +OK|PIPELINING|.|",
            ";",
            "login alice Succeeded USER alice|+OK|PASS ******|+OK in|",
            ";",
            "C STAT|",
            "S +OK 1 9|",
            ";",
            "C RETR 1|",
            "S +OK|text|.|",
            "RETR Succeeded 8+14 - -",
            ";",
            "C QUIT|",
            "S +OK bye|",
            "logoff Succeeded 6+9",
            ";",
        ]
    );
}

#[test]
fn pipelined_commands_have_their_own_answers() {
    let notes = run_in_mailbox(
        "
        C: LIST
        C: list 2
        C: RETR 9
        C: UIDL
        C: UIDL 1
        C: TOP 1 0
        C: DELE 1
        C: LANG
        S: +OK
        S: 1 10
        S: .
        S: +OK 2 10
        S: -ERR no such message
        S: +OK
        S: 1 +OK
        S: .
        S: +OK 1 x
        S: +OK
        S: -ERR is text here
        S: ..
        S: .
        S: +OK
        S: +OK
        S: en English
        S: .",
    );
    assert_eq!(
        notes,
        [
            "C LIST|",
            "S +OK|1 10|.|",
            ";",
            "C list 2|",
            "S +OK 2 10|",
            ";",
            "C RETR 9|",
            "S -ERR no such message|",
            ";",
            "C UIDL|",
            "S +OK|1 +OK|.|",
            ";",
            "C UIDL 1|",
            "S +OK 1 x|",
            ";",
            "C TOP 1 0|",
            "S +OK|-ERR is text here|..|.|",
            "TOP Succeeded 9+31 - -",
            ";",
            "C DELE 1|",
            "S +OK|",
            ";",
            "C LANG|",
            "S +OK|en English|.|",
            ";",
        ]
    );
}

#[test]
fn sasl_with_and_without_an_initial_response() {
    let notes = run("
        S: +OK
        C: AUTH
        S: +OK
        S: PLAIN
        S: .
        C: AUTH PLAIN AGFsaWNlAHdyMG5n
        S: -ERR
        C: AUTH PLAIN
        S: +
        C: *
        S: -ERR cancelled
        C: auth login
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: czNjcmV0
        S: +OK in");
    assert_eq!(
        notes[2..],
        [
            "C AUTH|",
            "S +OK|PLAIN|.|",
            ";",
            "sasl alice Failed AUTH PLAIN AGFsaWNlACoqKioq|-ERR|",
            ";",
            "sasl - Failed AUTH PLAIN|+|*|-ERR cancelled|",
            ";",
            "sasl alice Succeeded auth login|+ VXNlcm5hbWU6|YWxpY2U=|+ UGFzc3dvcmQ6|********|+OK in|",
            ";",
        ]
    );
}

#[test]
fn after_stls_nothing_is_read() {
    let dark = run("S: +OK\nC: STLS\nC! \u{16}\u{3}\u{1}abc\nS: +OK\nS! \u{16}\u{3}\nC: QUIT");
    assert_eq!(dark[2..], ["C STLS|", "S +OK|", ";", "dark"]);
    let refused = run("S: +OK\nC: STLS\nC: CAPA\nS: -ERR\nS: -ERR");
    assert_eq!(refused[2..], ["C STLS|", "S -ERR|", ";", "C CAPA|", "S -ERR|", ";"]);
    assert_eq!(run("C! \u{16}\u{3}\u{1}abc\nS! \u{16}\u{3}\u{3}"), ["dark"]);
    assert_eq!(run("S: +OK\nC: USER a\nS: +OK\nC: STLS\nS: +OK")[2..4], ["login a GivenUp USER a|+OK|", ";"]);
    // Two octets alone make no session dark.
    let clear = run("C: \u{16}\u{3}\nC: NOOP\nS: +OK\nS: -ERR\nS: +OK");
    assert_eq!(clear[..5], ["S +OK|", "greeting false", "! unknown_command", "C **|", "S -ERR|"]);
}

#[test]
fn a_security_layer_is_dark() {
    let exchange = "
        S: +OK
        C: AUTH GSSAPI
        S: +
        C: YWJj
        S: +OK";
    assert_eq!(run(&format!("{exchange}\nC! \\0\\0\\0\\0\nS! \\0")).last().unwrap(), "dark");
    assert_eq!(run(&format!("{exchange}\nS! \\0")).last().unwrap(), "dark");
    let notes = run(&format!("{exchange}\nC: \\0\nC: NOOP\nS: -ERR\nS: +OK"));
    assert_eq!(notes[4..], ["! unknown_command", "C *|", "S -ERR|", ";", "C NOOP|", "S +OK|", ";"]);
    assert_eq!(run(&format!("{exchange}\nC: NOOP\nS: +OK"))[4..], ["C NOOP|", "S +OK|", ";"]);
}

/// What NTLM says in its three messages, the last in full.
const NEGOTIATE: &str = "TlRMTVNTUAABAAAAB4IIog==";
const CHALLENGE: &str = "TlRMTVNTUAACAAAAY2hhbA==";

fn ntlm_answer() -> String {
    use base64::Engine as _;
    let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
    message.resize(64, 0);
    message[36..38].copy_from_slice(&5_u16.to_le_bytes());
    message[40..44].copy_from_slice(&64_u32.to_le_bytes());
    message.extend(b"alice");
    base64::engine::general_purpose::STANDARD.encode(message)
}

/// [MS-POP3] §3.2.5.1.
#[test]
fn exchange_begins_ntlm_with_an_acceptance() {
    for begun in ["+", "+ ", "+OK", "+OK go on"] {
        for (answer, outcome) in [("+OK logged on", "Succeeded"), ("-ERR Logon failure", "Failed")] {
            let notes = run(&format!(
                "S: +OK\nC: AUTH NTLM\nS: {begun}\nC: {NEGOTIATE}\nS: + {CHALLENGE}\nC: {}\nS: {answer}\nC: STAT\nS: +OK 1 9",
                ntlm_answer()
            ));
            assert!(notes[2].starts_with(&format!("sasl alice {outcome} AUTH NTLM|{begun}|***")), "{notes:?}");
            assert_eq!(notes[3..], [";", "C STAT|", "S +OK 1 9|", ";"], "{begun}");
        }
    }
    // The client lets it be, or the connection ends.
    let notes = run("S: +OK\nC: AUTH NTLM\nS: +OK\nC: *\nS: -ERR cancelled\nC: STAT\nS: +OK 1 9");
    assert_eq!(notes[2..], ["sasl - Failed AUTH NTLM|+OK|*|-ERR cancelled|", ";", "C STAT|", "S +OK 1 9|", ";"]);
    let notes = run("S: +OK\nC: AUTH NTLM\nS: +OK");
    assert_eq!(notes[2..], ["sasl - BrokenOff AUTH NTLM|+OK|", ";"]);
    // Where it goes on with a command, it was an answer.
    let notes = run("S: +OK\nC: AUTH NTLM\nS: +OK\nC: STAT\nS: +OK 1 9");
    assert_eq!(notes[2..], ["sasl - Succeeded AUTH NTLM|+OK|", ";", "C STAT|", "S +OK 1 9|", ";"]);
    // And of no other mechanism it is one.
    let notes = run("S: +OK\nC: AUTH EXTERNAL\nS: +OK\nC: STAT\nS: +OK 1 9");
    assert_eq!(notes[2..], ["sasl - Succeeded AUTH EXTERNAL|+OK|", ";", "C STAT|", "S +OK 1 9|", ";"]);
}

#[test]
fn what_a_proxy_says_is_no_command() {
    let line = "PROXY TCP4 192.0.2.1 203.0.113.25 40000 110\r\n".as_bytes().to_vec();
    let binary = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[7; 12]].concat();
    let said = |header: &[u8], script: &str| {
        let turns = [vec![Turn::Says(FromClient, header.to_vec())], dialogue(script)].concat();
        let whole = notes_of(true, &turns, usize::MAX).lines;
        for piece in [1, 2, 7, 19] {
            assert_eq!(notes_of(true, &turns, piece).lines, whole, "in pieces of {piece}");
        }
        whole
    };
    let place = |notes: &[String], what: &str| notes.iter().position(|line| line.contains(what)).unwrap();
    // Who is refused is not taken for accepted.
    let digest = "c4c9334bac560ecc979e58001b3e22fb";
    for script in [
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS wrong\nS: -ERR no\nC: USER bob\nS: +OK\nC: PASS right\nS: +OK in\nC: STAT\nS: +OK 1 9".to_owned(),
        "S: +OK\nC: AUTH PLAIN AGFsaWNlAHdyb25n\nS: -ERR no\nC: AUTH PLAIN AGJvYgByaWdodA==\nS: +OK in\nC: STAT\nS: +OK 1 9".to_owned(),
        format!("S: +OK\nC: APOP alice {digest}\nS: -ERR no\nC: APOP bob {digest}\nS: +OK in\nC: STAT\nS: +OK 1 9"),
    ] {
        let without = run(&script);
        assert!(without.iter().any(|line| line.contains("alice Failed")), "{without:?}");
        assert_eq!(said(&binary, &script), without);
        // A server that nobody told of the proxy refuses the line behind its greeting.
        for answers in ["S: +OK\n", "S: +OK\nS: -ERR what\n"] {
            let notes = said(&line, &script.replacen("S: +OK\n", answers, 1));
            let (alice, bob) = (place(&notes, "alice Failed"), place(&notes, "bob Succeeded"));
            assert!(alice < bob && bob < place(&notes, "C STAT|") && !notes.concat().contains("PROXY"), "{notes:?}");
        }
    }
    // Of a client that sends ahead nobody can say whether it was the header that was refused: nobody is taken for logged in.
    for ahead in [
        "S: +OK\nC: USER alice\nC: PASS wrong\nS: -ERR no\nS: -ERR no\nC: USER bob\nS: +OK\nC: PASS x\nS: +OK in",
        "S: +OK\nC: AUTH PLAIN AGFsaWNlAHdyb25n\nC: AUTH PLAIN AGJvYgByaWdodA==\nS: -ERR no\nS: +OK in",
    ] {
        let notes = said(&line, ahead).concat();
        assert!(!notes.contains("alice Succeeded") && notes.contains("alice "), "{notes}");
    }
    // What only begins like a header is what it is.
    assert_eq!(run("C: PROXIED\nS: +OK\nS: -ERR")[1..], run("C: EPOXIED\nS: +OK\nS: -ERR")[1..]);
}
