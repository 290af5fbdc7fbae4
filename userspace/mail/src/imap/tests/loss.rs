//! Octets that were not captured, and captures that begin in mid-stream.

use super::*;

#[test]
fn a_gap_inside_a_literal_is_exact() {
    let notes = run_logged_in(
        "
        C: a FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {30}
        S! From: a@
        S? 17
        S! abcde
        S: )
        S: a OK
        C: b APPEND x {10+}
        C! ab
        C? 3
        C! abcde
        C:
        S: b OK",
    );
    assert_eq!(
        notes,
        [
            "C a FETCH 1 BODY[]|",
            "S * 1 FETCH (BODY[] {30}|From: a@",
            "lost S 17 in a literal",
            "S abcde)|a OK|",
            "Download Succeeded 18+63 - -",
            "settled",
            "C b APPEND x {10+}|ab",
            "lost C 3 in a literal",
            "C abcde|",
            "S b OK|",
            "Upload Succeeded 30+6 - -",
            "settled"
        ]
    );
    // A gap that ends with the literal.
    let notes = run_logged_in("C: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {5}\nS? 5\nS: )\nS: a OK");
    assert_eq!(notes.last().unwrap(), "settled");
}

#[test]
fn after_a_gap_a_tagged_response_tells_where_the_dialogue_stands() {
    let notes = run_logged_in(
        "
        C: a FETCH 1:2 BODY[]
        S: * 1 FETCH (BODY[] {2}
        S: ab)
        S! * 2 FE
        S? 20
        S: * 3 FETCH (BODY[] {999999}
        S: * 4 EXISTS
        S: a OK
        C: b FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {2}
        S: ab)
        S: b OK",
    );
    assert_eq!(
        notes,
        [
            "C a FETCH 1:2 BODY[]|",
            "S * 1 FETCH (BODY[] {2}|ab)|* 2 FE",
            "lost S 20",
            "S * 3 FETCH (BODY[] {999999}|* 4 EXISTS|a OK|",
            "Download Succeeded 20+28 - -",
            // It was asked for, and lost.
            "Download Succeeded 0+6 - -",
            "settled",
            "C b FETCH 1 BODY[]|",
            "S * 1 FETCH (BODY[] {2}|ab)|b OK|",
            "Download Succeeded 18+34 - -",
            "settled"
        ]
    );
}

#[test]
fn messages_that_a_gap_swallowed_are_told_by_what_was_asked_for() {
    let lost = |asked: &str| {
        let notes = run_logged_in(&format!(
            "
            C: a {asked}
            S: * 1 FETCH (UID 4 BODY[] {{200}}
            S: From: a@x.example
            S? 700
            S: of the last)
            S: a OK"
        ));
        notes.into_iter().filter(|note| note.contains("ownload")).collect::<Vec<_>>()
    };
    assert_eq!(lost("FETCH 1 BODY[]").len(), 1);
    assert_eq!(lost("FETCH 1:3 BODY[]").len(), 3);
    assert_eq!(lost("FETCH 1:2,2,9 (FLAGS BODY[TEXT])").len(), 3);
    assert_eq!(lost("UID FETCH 4,5 BODY[]").len(), 2);
    // How many there are nobody knows.
    assert_eq!(lost("FETCH 1:* BODY[]").len(), 1);
    assert_eq!(lost("UID FETCH 4:5 BODY[]").len(), 1);
    // What came was not asked for with it.
    assert_eq!(lost("FETCH 1:3 FLAGS").len(), 2);
    assert_eq!(lost("FETCH 1:4000000000 BODY[]").len(), 1);
}

#[test]
fn an_answer_that_was_not_captured_is_unknown() {
    // A later answer shows it.
    let notes = run_logged_in("C: a FETCH 1 FLAGS\nC: b NOOP\nS? 20\nS: x\nS: b OK\n");
    assert_eq!(notes[3..6], ["PartialDownload Unknown 17+0 - -", "settled", "settled"]);
    // Or that the client goes on.
    let notes = run("S: * OK\nC: a LOGIN alice secret\nS? 10\nC: b SELECT x\nS: * 1 EXISTS\nS: b OK");
    assert_eq!(
        notes[2..],
        [
            "lost S 10",
            "login alice Unknown C a LOGIN alice ******|",
            "settled",
            "C b SELECT x|",
            "S * 1 EXISTS|b OK|",
            "settled"
        ]
    );
    // It was captured, after all.
    let notes = run("S: * OK\nC: a LOGIN alice secret\nS? 10\nS: x\nS: a NO\nC: b NOOP\nS: b OK");
    assert!(notes[3].starts_with("login alice Failed"), "{notes:?}");
    // What the client had not sent yet was not answered among what was lost.
    let notes = run(
        "S: * OK\nC: a AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nS? 9\nC: YWxpY2U=\nC: c2VjcmV0\nS: + UGFzc3dvcmQ6\nS: a OK",
    );
    assert!(notes[3].starts_with("login alice Succeeded"), "{notes:?}");
    let notes = run(
        "S: * OK\nC: a AUTHENTICATE LOGIN\nS? 9\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nC: b NOOP\nC: c NOOP\nS: a NO\nS: b OK\nS: c OK",
    );
    assert!(notes[3].starts_with("login alice Failed"), "{notes:?}");
    // Whoever comes next is another, for all that is known.
    let notes = run_logged_in("C: a UNAUTHENTICATE\nS? 10\nC: b LOGIN bob two\nS: b OK");
    assert_eq!(notes[2], "logged out false 18+0");
    // A literal was let come, as it came.
    let notes = run_logged_in("C: a APPEND x {3}\nS? 10\nC: abc\nS: a OK");
    assert_eq!(notes[4], "Upload Succeeded 21+6 - -", "{notes:?}");
}

#[test]
fn no_password_is_told_after_a_loss() {
    for script in [
        // In the line, in the literal, in the exchange, between.
        "C! a LOGIN al\nC? 5\nC: secret\nS: a NO",
        "C? 5\nC: secret\nC: b NOOP\nS: b OK",
        "C? 5\nC: alice secret\nC: b NOOP\nS: b OK",
        "C: a LOGIN alice {12+}\nC! x\nC? 5\nC: secret\nS: a NO",
        "C: a LOGIN alice {4+}\nC! x\nC? 50\nC: secret\nS: a NO",
        "C: a LOGIN {5}\nC? 5\nS: + \nC: secret\nS: a NO",
        "C: a AUTHENTICATE PLAIN\nS: +\nC! AGFs\nC? 5\nC: secret\nS: a NO",
        "C: a AUTHENTICATE PLAIN\nC? 5\nC: secret\nS: +\nC: secret\nS: a NO\nS: secret BAD",
        "C: a AUTHENTICATE PLAIN\nS: +\nC? 50\nC: secret\nS: a NO\nS: secret BAD",
        "C: a AUTHENTICATE PLAIN\nS? 9\nC: secret\nS: secret BAD",
        "C? 5\nC: secret\nS: secret BAD\nC: b NOOP\nS: b OK",
        "C? 5\nC! secr",
        "S? 5\nC: secret\nS: secret BAD",
        // The line of which some was lost announces a literal.
        "C! a LOGIN \"al\nC? 1\nC: ice\" {6+}\nC: secret\nS: a OK\nC: b NOOP\nS: b OK",
        // The end of an answer was lost, and what follows it goes ahead.
        "C: a LOGIN alice wrong\nS! a NO\nS? 9\nC: b LOGIN {5}\nS: + go\nC: alice {6}\nS: + go\nC: secret\nS: b OK",
        "C: a LOGIN alice wrong\nS! a NO\nS? 9\nC: b AUTHENTICATE PLAIN\nS: + \nC: secret\nS: b OK\nC: c NOOP\nS: c OK",
        // The server says again what was sent ahead.
        "C: a AUTHENTICATE LOGIN\nC: alice\nC: secret\nS? 11\nS: ported\nS: alice BAD\nS: secret BAD x",
        "C: a NOOP\nS? 6\nC: a AUTHENTICATE LOGIN\nC: alice\nC: secret\nS: a NO\nS: alice BAD\nS: secret BAD x",
    ] {
        let notes = run(&format!("S: * OK\n{script}"));
        assert!(!notes.concat().contains("secr"), "{script}: {notes:?}");
    }
}

#[test]
fn a_gap_from_inside_one_login_to_inside_the_next_hides_both() {
    for first in ["a LOGIN bob@ex", "a AUTHENTICATE PLAIN AGJvYg", "a LOGIN {15+}\\r\\nbob@example.org {7+}\\r\\nPW"] {
        for (rest, known) in [
            ("carol@x.example SECRET2x", "carol"),
            ("TICATE PLAIN AGNhcm9sAFNFQ1JFVDJ4", "AGNhcm9s"),
            ("carol@x.example {8+}\nC: SECRET2x", "carol"),
            ("carol@x.example {8+}\nC: SEC ET2x", "carol"),
            ("carol list", "carol"),
            ("\"carol\" \"SECRET 2x\"", "carol"),
        ] {
            for script in [
                format!("C! {first}\nC? 40\nS: a OK in\nC: {rest}\nS: b OK in\nC: c SELECT x\nS: c OK"),
                format!("C! {first}\nC? 40\nC: {rest}\nS: a OK in\nS: b OK in\nC: c SELECT x\nS: c OK"),
            ] {
                let notes = run(&format!("S: * OK\n{script}"));
                let said = notes.concat();
                let secrets = ["SEC", "AFNFQ1", "list", known];
                assert!(!secrets.iter().any(|secret| said.contains(secret)), "{script}: {notes:?}");
                assert!(said.contains("C c SELECT x|"), "{script}: {notes:?}");
            }
        }
    }
}

#[test]
fn a_gap_that_hides_the_end_of_a_command_hides_no_other() {
    let notes = run_logged_in("C: a NOOP\nC! b SEL\nC? 20\nC: ect\nC: c NOOP\nS: a OK\nS: b OK\nS: z OK\nS: c OK");
    assert_eq!(
        notes,
        [
            "C a NOOP|",
            "lost C 25",
            "lost C 5",
            "C c NOOP|",
            "S a OK|",
            "settled",
            // Answers to what was not captured are no surprise.
            "S b OK|z OK|c OK|",
            "settled"
        ]
    );
}

#[test]
fn a_text_after_a_gap_makes_nobody_somebody() {
    let notes =
        run_logged_in("C: a APPEND x {100+}\nC! ab\nC? 200\nC: x\nC: m LOGIN bob one\nC: b NOOP\nS: a OK\nS: b OK");
    assert!(!notes.concat().contains("login") && !notes.concat().contains("bob"), "{notes:?}");
    // What the client sent after it is read as soon as the server answers something else, or goes ahead.
    for text in ["LOGIN b c", "AUTHENTICATE PLAIN", "UNAUTHENTICATE", "LOGOUT", "COMPRESS DEFLATE", "STARTTLS"] {
        let notes = run_logged_in(&format!(
            "
            C? 20
            C: From: carl
            C: x {text}
            C: more text
            C:
            S: p OK
            C: f FETCH 1 BODY[]
            S: * 1 FETCH (BODY[] {{2}}
            S: ab)
            S: f OK"
        ));
        assert!(notes.contains(&"Download Succeeded 18+34 - -".to_owned()), "{text}: {notes:?}");
        let ended = ["login", "logged out", "logoff", "dark"];
        assert!(!notes.iter().any(|note| ended.iter().any(|word| note.starts_with(word))), "{text}: {notes:?}");
    }
    // Nor is it the session of whoever was there, if the server accepts it after all.
    let notes = run_logged_in("C? 10\nC: x LOGIN bob secret\nS: p OK\nS: x OK\n");
    assert!(notes.iter().any(|note| note.starts_with("login ? Succeeded")), "{notes:?}");
    assert!(!notes.concat().contains("secret"));
}

#[test]
fn a_line_right_after_a_gap_is_a_command_if_it_reads_like_one() {
    for script in ["C? 14\nS: c OK\nC: u LOGIN bob secret\nS: u OK", "C? 14\nC: u LOGIN bob secret\nS: u OK"] {
        let notes = run_logged_in(script);
        let login = "login bob Succeeded C u LOGIN bob ******| S u OK|".to_owned();
        assert!(notes.contains(&login), "{notes:?}");
    }
    // The rest of a login can end with a command's name.
    let notes = run("S: * OK\nC? 9\nC: alice noop\nS: a OK");
    assert!(!notes.concat().contains("alice"), "{notes:?}");
}

#[test]
fn a_tag_that_is_used_again_ends_what_had_it_before_a_gap() {
    let notes = run("
        S: * OK
        C: a NOOP
        S? 6
        C: a LOGIN bob wrong
        S: a NO
        C: a LOGIN alice secret
        S: a OK
        C: a FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {2}
        S: ab)
        S: a OK");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    // The answers may be those to the commands before, so nobody is in by them.
    assert_eq!(
        logins,
        ["login ? Unknown C *****************| S * NO|", "login ? Succeeded C ********************| S * OK|"]
    );
    assert_eq!(notes[notes.len() - 2], "Download Succeeded 18+34 - -");
}

#[test]
fn a_capture_that_begins_in_mid_stream_is_read_from_the_first_command() {
    let notes = run_with(
        "
        S: lots of mail {9999}
        C: c2VjcmV0
        S: c2VjcmV0 BAD x
        C: a FETCH 1 BODY[]
        S: * 3 EXISTS
        S: * 1 FETCH (BODY[] {19}
        S: From: a@x.example
        S: )
        S: a OK
        C: b FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {2}
        S: ab)
        S: b OK",
        false,
        Limits::default(),
    );
    assert_eq!(
        notes,
        [
            "C a FETCH 1 BODY[]|",
            "S * 3 EXISTS|* 1 FETCH (BODY[] {19}|From: a@x.example|)|a OK|",
            // What the server said before it answered a command is read once it has answered it.
            "Download Succeeded 18+52 a@x.example -",
            "settled",
            "C b FETCH 1 BODY[]|",
            "S * 1 FETCH (BODY[] {2}|ab)|b OK|",
            "Download Succeeded 18+34 - -",
            "settled"
        ]
    );
    let notes = run_with("C: a LOGIN alice secret\nS: a OK\n", false, Limits::default());
    assert_eq!(notes[0], "login alice Succeeded C a LOGIN alice ******| S a OK|");
    let tls = vec![Turn::Octets(Direction::FromClient, vec![0x16, 3, 1, 0])];
    assert_eq!(run_turns(&tls, 1, false, Limits::default()).lines, ["dark"]);
    let noise = vec![
        Turn::Octets(Direction::FromClient, vec![0x17; 5000]),
        Turn::Octets(Direction::FromServer, vec![0x17; 5000]),
    ];
    assert!(run_turns(&noise, 100, false, Limits::default()).lines.is_empty());
}

#[test]
fn what_does_not_end_before_the_answer_is_no_message_of_a_capture_that_begins_in_mid_stream() {
    let of = |said: &str| {
        let notes = run_with(&format!("S: x\nC: a FETCH 1 BODY[]\n{said}\nS: a OK"), false, Limits::default());
        notes.into_iter().find(|note| note.starts_with("Download")).unwrap()
    };
    assert_eq!(of("S: * 1 FETCH (BODY[] {15}\nS: From: a@x.org\nS: )"), "Download Succeeded 18+48 a@x.org -");
    assert_eq!(of("S: * 1 FETCH (BODY[] {14}\nS: From: a@x.org\nS: )"), "Download Succeeded 18+6 - -");
    // Text of a message, with more of it after that.
    assert_eq!(of("S: * 1 FETCH (BODY[] {15}\nS: From: a@x.org\nS: )\nS: more of it"), "Download Succeeded 18+6 - -");
    assert_eq!(of("S: * 1 FETCH (BODY[] {999}\nS: From: a@x.org\nS: )"), "Download Succeeded 18+6 - -");
}

#[test]
fn the_end_of_a_session_without_logout_says_nothing_more() {
    let notes = run_logged_in("S: * BYE idle for too long");
    assert_eq!(notes, ["S * BYE idle for too long|", "settled"]);
    let notes = run_logged_in("C: a LOGOUT\nS: * BYE");
    assert_eq!(notes, ["C a LOGOUT|", "S * BYE|", "logoff true 10+7"]);
    assert_eq!(run_logged_in("C: a LOGOUT"), ["C a LOGOUT|", "logoff false 10+0"]);
    // One that is refused ends nothing, unless the connection ends with it.
    let refused = run_logged_in("C: a LOGOUT\nS: a NO");
    assert_eq!(refused, ["C a LOGOUT|", "S a NO|", "settled", "logoff refused 10+6"]);
    let goes_on = run_logged_in("C: a LOGOUT\nS: a BAD\nC: b NOOP\nS: b OK");
    assert_eq!(goes_on, ["C a LOGOUT|", "S a BAD|", "settled", "C b NOOP|", "S b OK|", "settled"]);
    // Half a line of the server is told, of the client it is not known what it is.
    assert_eq!(run_logged_in("C! a NO\nS! a O"), ["! unasked_reply", "S a O", "lost C 4"]);
}

/// Who is told to be logged in, of a client that sends every command with the same tag.
fn in_by_constant_tags(script: &str) -> Vec<String> {
    let notes = run(&format!("S: * OK hi\n{script}"));
    notes.into_iter().filter(|note| note.starts_with("login ") || note.starts_with("logged out")).collect()
}

#[test]
fn nobody_is_logged_in_by_the_answer_to_another_command_with_the_same_tag() {
    // The answer to the first is lost, and that to the last seems to be the login's.
    let ahead = "C: x NOOP\nC: x LOGIN alice wrong\nC: x NOOP\nS? 6\nS: x NO\nS: x OK";
    let one_off = in_by_constant_tags(ahead);
    assert!(one_off.len() == 1 && one_off[0].starts_with("login ? Succeeded"), "{one_off:?}");
    // One command is left over, and so it goes on.
    let later = in_by_constant_tags(&format!("{ahead}\nC: x LOGIN alice wrong\nS: x NO\nC: x NOOP\nS: x OK"));
    assert!(later.iter().all(|login| login.starts_with("login ? ")), "{later:?}");
    // What is lost is not the answer, which is still to come.
    let early = in_by_constant_tags("C: x NOOP\nS? 20\nC: x LOGIN alice wrong\nS: x OK\nS: x NO");
    assert!(early.iter().all(|login| login.starts_with("login ? ")), "{early:?}");
    // The answer to a command that was not captured.
    let unseen = in_by_constant_tags(
        "C: x NOOP\nS: x OK\nC: x NOOP\nS: x OK\nC? 8\nC: x LOGIN alice wrong\nS: x OK\nS: x NO\nC: x LOGIN alice wrong\nS: x NO\nC: x NOOP\nS: x OK",
    );
    assert!(!unseen.is_empty() && unseen.iter().all(|login| login.starts_with("login ? ")), "{unseen:?}");
    // Whoever was in may have made room for the next.
    let gone =
        in_by_constant_tags("C: x LOGIN alice s\nS: x OK\nC: x NOOP\nC: x UNAUTHENTICATE\nS? 6\nS: x NO\nS: x OK");
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(gone[0].starts_with("login alice Succeeded") && gone[1].starts_with("logged out"), "{gone:?}");
}

#[test]
fn tags_that_differ_tell_whose_an_answer_is_whatever_was_lost() {
    let found = in_by_constant_tags("C: a NOOP\nC: b LOGIN alice s\nS? 6\nS: b OK");
    assert!(found.len() == 1 && found[0].starts_with("login alice Succeeded"), "{found:?}");
    // From the answer to another tag on all is known again.
    let found = in_by_constant_tags(
        "C: x NOOP\nC: x NOOP\nS? 6\nS: x OK\nC: y NOOP\nS: y OK\nC: x LOGIN alice s\nS: x OK\nC: x NOOP\nS: x OK",
    );
    assert!(found.len() == 1 && found[0].starts_with("login alice Succeeded"), "{found:?}");
    // Nothing was lost.
    let found = in_by_constant_tags("C: x NOOP\nC: x LOGIN alice s\nS: x OK\nS: x OK");
    assert!(found.len() == 1 && found[0].starts_with("login alice Succeeded"), "{found:?}");
}

#[test]
fn no_password_is_told_where_a_login_or_its_go_ahead_was_lost() {
    for script in [
        "C: a1 LOGIN alice\nS? 25\nC: PwSecret9\nS: * BAD PwSecret9: no such command",
        "C: a1 LOGIN alice {9}\nS? 23\nC: PwSecret9\nS: PwSecret9 BAD Error in command",
        "C: a1 LOGIN alice {9}\nS? 6\nC: PwSecret9\nS: a1 NO PwSecret9 is wrong",
        "C? 20\nS: + ok\nC: PwSecret9\nS: a1 NO PwSecret9 is wrong",
        "C: a1 AUTHENTICATE PLAIN\nS? 4\nC: AGFsaWNlAFB3U2VjcmV0OQ==\nS: a1 NO wrong password PwSecret9",
        "C: a1 AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS? 16\nC: UHdTZWNyZXQ5\nS: a1 NO not PwSecret9",
        "C: a1 AUTHENTICATE PLAIN AGFsaWNlAFB3U2VjcmV0OQ==\nS? 9\nS: wrong password PwSecret9\nC: a2 NOOP\nS: a2 OK",
        "C: a1 LOGIN alice PwSecret9\nS? 9\nC: a2 NOOP\nS: a2 NO not PwSecret9\nS: * NO not PwSecret9",
        "C: a1 NOOP\nC? 27\nS: a1 OK\nS: a2 NO not PwSecret9\nC: a3 NOOP\nS: * BAD PwSecret9\nS: a3 NO after PwSecret9",
    ] {
        let notes = run(&format!("S: * OK [CAPABILITY IMAP4rev1] ready\n{script}\nC: z LOGIN alice x\nS: z OK in"));
        assert!(!notes.join("\n").contains("PwSecret9"), "{script}: {notes:#?}");
        assert!(!notes.join("\n").contains("UHdTZWNyZXQ5"), "{script}: {notes:#?}");
    }
}

#[test]
fn an_exchange_of_which_a_challenge_was_lost_goes_on_with_the_next_response() {
    for exchange in [
        "C: a1 AUTHENTICATE PLAIN\nS? 4\nC: AGFsaWNlAFB3U2VjcmV0OQ==",
        "C: a1 AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS? 16\nC: UHdTZWNyZXQ5",
        "C: a1 AUTHENTICATE LOGIN\nS? 16\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: UHdTZWNyZXQ5",
        "C: a1 AUTHENTICATE CRAM-MD5\nS? 20\nC: YWxpY2UgYjkxM2E2MDJjN2VkYTdhNDk1YjRlNmU3MzM0ZDM4OTA=",
    ] {
        let notes = run(&format!("S: * OK hi\n{exchange}\nS: a1 OK in\nC: b NOOP\nS: b OK"));
        assert!(notes.iter().any(|note| note.starts_with("login alice Succeeded")), "{exchange}: {notes:#?}");
        assert_eq!(notes[notes.len() - 3..], ["C b NOOP|", "S b OK|", "settled"], "{exchange}");
    }
    // It was the answer that was lost.
    let notes = run("S: * OK hi\nC: a AUTHENTICATE PLAIN\nS? 4\nC: b LOGIN bob x\nS: b OK in");
    assert!(notes.iter().any(|note| note.starts_with("login ? Unknown")), "{notes:#?}");
    assert!(notes.iter().any(|note| note.starts_with("login bob Succeeded")), "{notes:#?}");
}

#[test]
fn a_login_of_which_the_last_line_was_lost_takes_no_other_with_it() {
    for script in [
        "C: a0 AUTHENTICATE PLAIN\nS: + \nC? 26\nS: a0 NO wrong",
        "C: a0 AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC? 3\nS: a0 BAD cancelled",
        "C: a0 LOGIN alice {9}\nS: + ok\nC? 11\nS: a0 NO wrong",
    ] {
        let notes = run(&format!("S: * OK hi\n{script}\nC: a1 LOGIN alice x\nS: a1 OK in"));
        assert!(notes.iter().any(|note| note.starts_with("login alice Succeeded")), "{script}: {notes:#?}");
    }
}

#[test]
fn a_gap_inside_the_password_alone_leaves_the_name() {
    for script in ["C? 9\nC:", "C? 11", "C! abc\nC? 6\nC:", "C? 4\nC! Abcd5\nC:"] {
        let notes =
            run(&format!("S: * OK hi\nC: a LOGIN alice {{9}}\nS: + ok\n{script}\nS: a OK in\nC: b NOOP\nS: b OK"));
        assert!(notes.iter().any(|note| note.starts_with("login alice Succeeded")), "{script}: {notes:#?}");
        assert!(!notes.join("|").contains("abc") && !notes.join("|").contains("Abcd5"), "{script}: {notes:#?}");
    }
    let notes = run("S: * OK hi\nC: a LOGIN {5}\nS: + ok\nC? 5\nC:  x\nS: a OK in");
    assert!(notes.iter().any(|note| note.starts_with("login ? Succeeded")), "{notes:#?}");
}

#[test]
fn the_rest_of_a_line_behind_a_gap_is_not_told_where_it_may_repeat_a_password() {
    for (client, server) in [
        ("C! PwSec\nC? 6", "S! * BAD wrong\nS? 7\nS: ommand PwSecret9"),
        ("C: PwSecret9", "S! PwSe\nS? 3\nS: t9 BAD PwSecret9"),
        ("C: PwSecret9 x", "S? 3\nS: ret9 command PwSecret9"),
    ] {
        let script = format!("S: * OK hi\n{client}\n{server}\nC: a LOGIN alice x\nS: a OK in");
        let notes = run_turns(&dialogue(&script), usize::MAX, true, Limits::default()).lines;
        assert!(!notes.iter().any(|line| line.starts_with("S ") && line.contains("PwSecret9")), "{notes:?}");
        assert!(notes.iter().any(|line| line.starts_with("login alice")), "{notes:?}");
    }
}

#[test]
fn where_no_server_is_heard_a_command_is_over_once_the_client_goes_on() {
    let notes =
        run("S? 9\nC: a LOGIN alice secret\nS? 9\nC: b FETCH 1 BODY[]\nS? 90\nC: c FETCH 2 BODY[]\nS? 90\nC: d NOOP");
    let place = |begin: &str| notes.iter().position(|note| note.starts_with(begin)).unwrap();
    assert!(place("Download Unknown") < place("C c FETCH"), "{notes:?}");
    // Not before the server has said something since.
    let notes = run("S? 9\nC: a LOGIN alice secret\nS? 9\nC: b FETCH 1 BODY[]\nC: c FETCH 2 BODY[]\nS? 90\nC: d NOOP");
    let place = |begin: &str| notes.iter().position(|note| note.starts_with(begin)).unwrap();
    assert!(place("Download Unknown") > place("C b FETCH 1 BODY[]|c FETCH 2 BODY[]|"), "{notes:?}");
    assert!(place("Download Unknown") < place("C d NOOP"), "{notes:?}");
}
