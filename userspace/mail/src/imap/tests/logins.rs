//! LOGIN and AUTHENTICATE in every spelling: who logs in, what is secret, and where the octets go.

use super::*;

fn logins(script: &str) -> Vec<String> {
    run(&format!("S: * OK hi\n{script}")).split_off(2)
}

/// What is told in the clear, whatever becomes of the logins.
fn told(notes: &[String]) -> String {
    notes.iter().filter(|note| note.starts_with("C ") || note.starts_with("S ")).cloned().collect::<Vec<_>>().join("\n")
}

#[test]
fn login_in_quotes_atoms_and_literals() {
    for (said, shown) in [
        ("C: a LOGIN alice secret", "C a LOGIN alice ******|"),
        ("C: a login \"alice\" \"secret\"", "C a login \"alice\" ********|"),
        ("C: a LoGiN alice \"se\\\"cr et\"", "C a LoGiN alice ***********|"),
        (
            "C: a LOGIN {5}\nS: + go\nC: alice {6}\nS: + go\nC: secret",
            "C a LOGIN {5}| S + go| C alice C  {6}| S + go| C ****** C |",
        ),
        ("C: a LOGIN {5+}\nC: alice {6+}\nC: secret", "C a LOGIN {5+}| C alice C  {6+}| C ****** C |"),
        ("C: a LOGIN alice {6-}\nC: secret", "C a LOGIN alice {6-}| C ****** C |"),
        ("C: a LOGIN {5+}\nC: alice secret", "C a LOGIN {5+}| C alice C  ******|"),
        ("C: a UID LOGIN alice secret", "C a UID LOGIN alice ******|"),
        ("C: a  LOGIN  alice  secret", "C a  LOGIN  alice  ******|"),
        // What no atom may have, and servers take for what it is.
        ("C: a LOGIN alice p\\w", "C a LOGIN alice ***|"),
        ("C: a LOGIN alice \\\\", "C a LOGIN alice **|"),
    ] {
        let notes = logins(&format!("{said}\nS: a OK in"));
        assert_eq!(notes, [format!("login alice Succeeded {shown} S a OK in|"), "settled".into()], "{said}");
    }
}

#[test]
fn a_backslash_in_a_name_is_part_of_it() {
    let notes = logins("C: a LOGIN EXAMPLE\\alice secret\nS: a OK in");
    assert_eq!(notes[0], "login EXAMPLE\\alice Succeeded C a LOGIN EXAMPLE\\alice ******| S a OK in|");
}

#[test]
fn what_login_means_is_known_to_the_octet() {
    let mut found = None;
    let mut imap = Imap::new(true, Limits::default());
    let at = |offset| At { time: Time::from_nanos(offset), offset };
    let mut tell = |event: Event<'_>| {
        if let Event::Login(login) = event {
            found = Some((login.password(), login.octets(), login.times(), login.inflated));
        }
    };
    imap.server(at(0), b"* OK\r\n", &mut tell);
    imap.client(at(0), b"a LOGIN x \"a\\\\b\\\"c\"\r\n", &mut tell);
    imap.server(at(6), b"* CAPABILITY IMAP4rev1\r\na OK\r\n", &mut tell);
    let (password, octets, times, inflated) = found.unwrap();
    assert_eq!(password.unwrap().as_slice(), b"a\\b\"c");
    assert_eq!((octets, inflated), ((21, 30), false));
    assert_eq!(times, Some((Time::from_nanos(0), Time::from_nanos(6))));
}

#[test]
fn a_login_that_is_not_understood_is_all_secret() {
    for said in [
        "C: a LOGIN secret",
        "C: a LOGIN alice secret secret",
        "C: a LOGIN \"alice\"secret",
        "C: a LOGIN alice \"secret",
        "C: a LOGIN\"alice\" secret",
        "C: a LOGIN (alice secret)",
        "C: a LOGIN \"al\\0ice\" secret",
        "C: a LOGIN alice se\"cret",
        "C: a LOGIN alice {99}x secret",
    ] {
        let notes = logins(&format!("{said}\nS: a BAD no"));
        assert!(notes[0].starts_with("login ? Failed C a LOGIN*"), "{notes:?}");
        assert!(!notes.concat().contains("alice") && !notes.concat().contains("secret"), "{notes:?}");
    }
    let notes = logins("C: a LOGIN {7+}\nC: al\\0ices {6+}\nC: secret\nS: a NO no");
    assert_eq!(notes[0], "login ? Failed C a LOGIN*****| C ******* C *****| C ****** C | S a NO **|");
}

#[test]
fn authenticate_with_and_without_an_initial_response() {
    // \0alice\0secret
    for (said, shown) in [
        ("C: a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==", "C a AUTHENTICATE PLAIN AGFsaWNlACoqKioqKg==|"),
        (
            "C: a authenticate plain\nS: + \nC: AGFsaWNlAHNlY3JldA==",
            "C a authenticate plain| S + | C AGFsaWNlACoqKioqKg==|",
        ),
        (
            "C: a AUTHENTICATE \"PLAIN\"\nS: +\nC: AGFsaWNlAHNlY3JldA==",
            "C a AUTHENTICATE \"PLAIN\"| S +| C AGFsaWNlACoqKioqKg==|",
        ),
        (
            "C: a AUTHENTICATE LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC: c2VjcmV0",
            "C a AUTHENTICATE LOGIN| S + VXNlcm5hbWU6| C YWxpY2U=| S + UGFzc3dvcmQ6| C ********|",
        ),
        ("C: a AUTHENTICATE EXTERNAL =\nS: + \nC: YWxpY2U=", "C a AUTHENTICATE EXTERNAL =| S + | C YWxpY2U=|"),
    ] {
        let notes = logins(&format!("{said}\nS: * CAPABILITY IMAP4rev1\nS: a OK in"));
        let who = if said.contains("EXTERNAL") { "?" } else { "alice" };
        let shown = if said.contains("EXTERNAL") {
            shown.replace("YWxpY2U=", "********").replace("L =|", "L *|")
        } else {
            shown.into()
        };
        let expected = format!("login {who} Succeeded {shown} S * CAPABILITY IMAP4rev1| S a OK in|");
        assert_eq!(notes, [expected, "settled".into()], "{said}");
    }
}

#[test]
fn a_client_can_cancel_an_exchange() {
    let notes = logins(
        "
        C: a AUTHENTICATE PLAIN
        S: +
        C: *
        S: a BAD cancelled
        C: b NOOP
        S: b OK",
    );
    assert_eq!(notes[0], "login ? Failed C a AUTHENTICATE PLAIN| S +| C *| S a BAD cancelled|");
    assert_eq!(told(&notes), "C b NOOP|\nS b OK|");
}

#[test]
fn responses_sent_ahead_are_read_when_they_are_asked_for() {
    let notes = logins(
        "
        C: a AUTHENTICATE LOGIN
        C: YWxpY2U=
        C: c2VjcmV0
        C: b SELECT x
        S: + VXNlcm5hbWU6
        S: + UGFzc3dvcmQ6
        S: a OK in
        S: b OK",
    );
    assert!(notes[0].starts_with("login alice Succeeded"), "{notes:?}");
    assert_eq!(told(&notes), "C b SELECT x|\nS b OK|");
}

#[test]
fn what_was_sent_ahead_of_a_refusal_is_never_told() {
    let notes = logins(
        "
        C: a AUTHENTICATE PLAIN
        C: AGFsaWNlAHNlY3JldA==
        S: a NO no such mechanism
        S: AGFsaWNlAHNlY3JldA== BAD what
        C: b NOOP
        S: b OK",
    );
    assert_eq!(
        notes,
        [
            "login ? Failed C a AUTHENTICATE PLAIN| S a NO no such mechanism|",
            "settled",
            "! unknown_command",
            "login ? Failed C ********************| S *****************************|",
            "settled",
            "C b NOOP|",
            "S b OK|",
            "settled"
        ]
    );
    // The same with LOGIN, a server that has no tag to answer with, and more than one word.
    let notes = logins(
        "
        C: a LOGIN {5}
        C: alice {11}
        C: se cr et noo
        S: a NO go away
        S: * BAD what
        S: * BAD what
        C: b NOOP
        S: * CAPABILITY x
        S: b OK",
    );
    assert_eq!(told(&notes), "C b NOOP|\nS * CAPABILITY x|b OK|");
    assert!(!notes.concat().contains("alice") && !notes.concat().contains("cr et"), "{notes:?}");
    assert_eq!(notes.iter().filter(|note| note.starts_with("login ? Failed")).count(), 3);
}

#[test]
fn a_password_is_never_told_as_octets_whatever_the_client_does() {
    for said in [
        "C: LOGIN alice secret",
        "C: a LOGIM alice secret",
        "C: a AUTH PLAIN secret",
        "C: a AUTHENTICATE secret",
        "C: a AUTHENTICATE {6+}\nC: secret",
        "C: a XFOO secret",
        "C: a PASS secret",
        "C: PASS secret",
        "C: secret",
        "C: a (secret)",
        "C: a LOGIN\nC: alice secret",
        "C: a LOGIN alice\nC: secret",
        "C: a\tLOGIN\talice\tsecret",
        "C: a LOGIN alice secret \nC: secret",
    ] {
        for answer in ["a BAD x", "a NO x", "* BAD x"] {
            let notes = logins(&format!("{said}\nS: {answer}\nS: {answer}"));
            assert!(!told(&notes).contains("secret"), "{said} {answer}: {notes:?}");
            // Nor is it shown where it is told, whoever may see a name.
            assert!(!notes.concat().contains("secret"), "{said} {answer}: {notes:?}");
        }
    }
}

#[test]
fn a_password_that_the_server_says_again_as_a_tag_is_none_of_its_octets() {
    let long = "A".repeat(3000);
    for password in ["secret", &long] {
        let notes = logins(&format!("C: a NOOP\nC: {password}\nC: b NOOP\nS: a OK\nS: {password} BAD x\nS: b OK"));
        assert_eq!(told(&notes), "C a NOOP|\nC b NOOP|\nS a OK|\nS b OK|");
        assert!(!notes.concat().contains(password), "{notes:?}");
    }
}

#[test]
fn a_second_login_waits_for_the_first() {
    let notes = logins(
        "
        C: a LOGIN alice one
        C: b LOGIN bob two
        C: c SELECT x
        S: a NO
        S: b OK
        S: c OK",
    );
    assert_eq!(
        notes,
        [
            "login alice Failed C a LOGIN alice ***| S a NO|",
            "settled",
            "login bob Succeeded C b LOGIN bob ***| S b OK|",
            "settled",
            "C c SELECT x|",
            "S c OK|",
            "settled"
        ]
    );
}

#[test]
fn a_login_in_the_wrong_state_is_a_login() {
    let notes = run_logged_in(
        "
        C: a LOGIN alice secret
        S: a BAD already
        C: b NOOP
        S: b OK",
    );
    assert_eq!(notes[0], "login alice Failed C a LOGIN alice ******| S a BAD already|");
}

#[test]
fn octets_of_commands_before_a_login_are_theirs() {
    let notes = logins(
        "
        C: a CAPABILITY
        C: b LOGIN alice secret
        S: * CAPABILITY IMAP4rev1
        S: a OK
        S: * CAPABILITY IMAP4rev1 IDLE
        S: b OK",
    );
    assert_eq!(
        notes,
        [
            "C a CAPABILITY|",
            "S * CAPABILITY IMAP4rev1|a OK|",
            "settled",
            "login alice Succeeded C b LOGIN alice ******| S * CAPABILITY IMAP4rev1 IDLE| S b OK|",
            "settled"
        ]
    );
}

#[test]
fn a_login_can_come_before_the_greeting() {
    let notes = run("C: a LOGIN alice secret\nS: * OK hi\nS: a OK");
    assert_eq!(
        notes,
        ["S * OK hi|", "greeting false", "login alice Succeeded C a LOGIN alice ******| S a OK|", "settled"]
    );
    // The greeting was not captured.
    let notes = run("C: a NOOP\nS: a OK\nC: b LOGIN alice secret\nS: * OK hi\nS: b OK");
    assert_eq!(notes[3], "login alice Succeeded C b LOGIN alice ******| S * OK hi| S b OK|");
}

#[test]
fn a_login_without_an_answer_is_broken_off() {
    assert_eq!(logins("C: a LOGIN alice secret")[0], "login alice BrokenOff C a LOGIN alice ******|");
    assert_eq!(
        logins("C: a LOGIN alice secret\nS: * BYE no")[0],
        "login alice BrokenOff C a LOGIN alice ******| S * BYE no|"
    );
    assert_eq!(logins("C! a LOGIN alice sec")[0], "login ? BrokenOff C a LOGIN**********");
}

#[test]
fn the_next_user_of_a_connection_is_another() {
    let notes = run("
        S: * OK hi
        C: a LOGIN alice one
        S: a OK
        C: b UNAUTHENTICATE
        C: c LOGIN bob two
        C: d SELECT x
        S: b OK
        S: c OK
        S: d OK");
    assert_eq!(
        notes[4..],
        [
            "C b UNAUTHENTICATE|",
            "S b OK|",
            "logged out true 18+6",
            "settled",
            "login bob Succeeded C c LOGIN bob ***| S c OK|",
            "settled",
            "C d SELECT x|",
            "S d OK|",
            "settled"
        ]
    );
    let refused = run_logged_in("C: b UNAUTHENTICATE\nS: b BAD\n");
    assert_eq!(refused, ["C b UNAUTHENTICATE|", "S b BAD|", "settled"]);
}

#[test]
fn a_client_that_goes_too_far_ahead_does_not_become_somebody_by_that() {
    let limits = Limits { stalled: 400, ..Limits::default() };
    let ahead = "C: b NOOP\n".repeat(100);
    let turns = dialogue(&format!("S: * OK\nC: a LOGIN alice secret\n{ahead}S: * OK wait\n"));
    let notes = run_turns(&turns, 16, true, limits).lines;
    assert_eq!(notes[2], "! too_far_ahead");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    assert_eq!(logins, ["login alice BrokenOff C a LOGIN alice ******| S * OK wait|"]);
}

#[test]
fn encryption_is_the_end() {
    assert_eq!(
        logins("C: a STARTTLS\nC: b LOGIN alice secret\nS: a OK go\nC! \\0\\0x"),
        ["C a STARTTLS|", "S a OK go|", "settled", "dark"]
    );
    assert_eq!(logins("C: a STARTTLS\nS: a NO\nC: b NOOP\nS: b OK").last().unwrap(), "settled");
    let mut turns = vec![
        Turn::Octets(Direction::FromClient, vec![0x16, 3, 1, 0]),
        Turn::Octets(Direction::FromServer, vec![0x16, 3]),
    ];
    assert_eq!(run_turns(&turns, 1, true, Limits::default()).lines, ["dark"]);
    // A server that takes it for a command.
    turns[1] = Turn::Octets(Direction::FromServer, b"* OK hi\r\n".to_vec());
    assert!(!run_turns(&turns, 1, true, Limits::default()).lines.contains(&"dark".into()));
    let notes = logins("C: a AUTHENTICATE GSSAPI YWE=\nS: + YmI=\nC: YWE=\nS: a OK\nC! \\0\\0\\0x\nS! \\0");
    assert_eq!(notes[1..], ["settled", "dark"]);
    let notes =
        logins("C: a AUTHENTICATE GSSAPI YWE=\nS: + YmI=\nC: YWE=\nS: a OK\nC: \\0\nC: b NOOP\nS: * BAD\nS: b OK");
    assert_eq!(
        notes[1..],
        ["settled", "! unknown_command", "C *|b NOOP|", "S *****|", "settled", "S b OK|", "settled"]
    );
    let notes = logins("C: a AUTHENTICATE GSSAPI YWE=\nS: + YmI=\nC: YWE=\nS: a OK\nS! \\0\\0\\0x");
    assert_eq!(notes[1..], ["settled", "dark"]);
    let notes = logins("C: a AUTHENTICATE GSSAPI YWE=\nS: + YmI=\nC: YWE=\nS: a OK\nC: b NOOP\nS: b OK");
    assert_eq!(notes[1..], ["settled", "C b NOOP|", "S b OK|", "settled"]);
}

#[test]
fn a_server_that_says_again_what_was_hidden_is_hidden_too() {
    for script in [
        "C: a LOGIN alice secret extra\nS: a BAD too many arguments: alice secret extra",
        "C: a AUTHENTICATE LOGIN\nS: a NO\nC: secret\nS: * BAD unknown command secret",
        "C: LOGIN alice secret\nS: LOGIN BAD unknown command (secret)",
    ] {
        let notes = logins(script);
        assert!(!notes.concat().contains("secret"), "{notes:?}");
    }
    // After a login it is nobody's attempt.
    let notes = run_logged_in("C: secret\nS: secret BAD\nC: b NOOP\nS: b OK");
    assert_eq!(
        notes,
        ["! unknown_command", "C ******|", "S **********|", "settled", "C b NOOP|", "S b OK|", "settled"]
    );
}

#[test]
fn the_mechanism_can_be_a_literal() {
    let by = |said: &str| logins(&format!("C: a AUTHENTICATE {{5}}\nS: + go\n{said}\nS: a OK"));
    let after = by("C: PLAIN\nS: +\nC: AGFsaWNlAHNlY3JldA==");
    assert_eq!(
        after[0],
        "login alice Succeeded C a AUTHENTICATE {5}| S + go| C PLAIN C | S +| C AGFsaWNlACoqKioqKg==| S a OK|"
    );
    let initial = by("C: PLAIN AGFsaWNlAHNlY3JldA==");
    assert_eq!(
        initial[0],
        "login alice Succeeded C a AUTHENTICATE {5}| S + go| C PLAIN C  AGFsaWNlACoqKioqKg==| S a OK|"
    );
    // What is no mechanism's name can be a password.
    let other = by("C: wrong AGFsaWNlAHNlY3JldA==");
    assert_eq!(other[0], "login ? Succeeded C a AUTHENTICATE ***| S + **| C ***** C *********************| S a OK|");
}

#[test]
fn oauth10a_names_who_logs_in_as_oauthbearer_does() {
    // n,a=alice,^Ahost=x^Aauth=OAuth realm="y"^A^A
    let found = logins("C: a AUTHENTICATE OAUTH10A bixhPWFsaWNlLAFob3N0PXgBYXV0aD1PQXV0aCByZWFsbT0ieSIBAQ==\nS: a OK");
    assert!(found[0].starts_with("login alice Succeeded C a AUTHENTICATE OAUTH10A bixhPWFsaWNlL"), "{found:?}");
    assert!(!found[0].contains("T0F1dGg") && found[0].contains("*") | found[0].contains("Kioq"), "{found:?}");
}

#[test]
fn a_tag_as_long_as_a_server_reads_hides_no_login() {
    for length in [1000, 1100, 20_000, 60_000] {
        let tag = "t".repeat(length);
        let script = format!("S: * OK hi\nC: {tag} LOGIN alice pw\nS: {tag} OK in\nC: b NOOP\nS: b OK");
        let notes = run_turns(&dialogue(&script), 1000, true, Limits::default()).lines;
        assert!(notes.iter().any(|line| line.starts_with("login alice Succeeded")), "{length}");
        assert!(notes.iter().any(|line| line == "C b NOOP|"), "{length}");
    }
}

#[test]
fn what_nobody_answered_is_not_of_who_logs_in_next() {
    let upload = "C: b APPEND x {16+}\nC! From: b@x.org\\r\\n\nC:";
    for lost in ["S? 6\nC: n NOOP\nS? 11\nC: m NOOP\nC? 18\nS: u OK\n", "S? 6\nC: n NOOP\nS? 11\n", ""] {
        let notes = run(&format!(
            "
            S: * OK
            C: a LOGIN bob one
            S: a OK
            {upload}
            {lost}
            C: c LOGIN alice two
            S: c OK
            C: d NOOP
            S: d OK"
        ));
        let place = |begin: &str| notes.iter().position(|note| note.starts_with(begin)).unwrap();
        assert!(place("Upload Unknown") < place("login alice Succeeded"), "{notes:?}");
    }
}

#[test]
fn what_is_sent_far_ahead_of_a_login_does_not_lose_it() {
    let limits = Limits { stalled: 200, pending: 5, ..Limits::default() };
    let ahead = "C: n NOOP\n".repeat(100);
    let told = |login: &str, answer: &str| {
        let fetch = "C: f FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {2}\nS: ab)\nS: f OK";
        let script = format!("S: * OK\n{login}\n{ahead}{answer}\n{fetch}");
        let turns = dialogue(&script);
        let told = |piece| run_turns(&turns, piece, true, limits).lines;
        for piece in [usize::MAX, 19, 1] {
            let notes = told(piece);
            assert!(notes.iter().any(|note| note.starts_with("Download Succeeded")), "{notes:?}");
            assert!(!notes.concat().contains("secret") && !notes.concat().contains("NlY3JldA"), "{notes:?}");
        }
        told(usize::MAX).into_iter().filter(|note| note.starts_with("login")).collect::<Vec<_>>()
    };
    let answers = "S: n OK\n".repeat(100);
    assert_eq!(
        told("C: a LOGIN alice secret", &format!("S: a OK\n{answers}")),
        ["login alice Succeeded C a LOGIN alice ******| S a OK|"]
    );
    assert_eq!(
        told("C: a LOGIN alice secret", "S: a NO no"),
        ["login alice Failed C a LOGIN alice ******| S a NO no|"]
    );
    let plain = told("C: a AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==", &format!("S: a OK\n{answers}"));
    assert!(plain.len() == 1 && plain[0].starts_with("login alice Succeeded"), "{plain:?}");
    let plain = told("C: a AUTHENTICATE PLAIN\nC: AGFsaWNlAHNlY3JldA==", &format!("S: + \nS: a OK\n{answers}"));
    assert!(plain.len() == 1 && plain[0].starts_with("login alice Succeeded"), "{plain:?}");
    // Who is logged in already is not taken for whoever might come.
    let again = run_with(&format!("S: * PREAUTH\nC: u UNAUTHENTICATE\n{ahead}S: u OK"), true, limits);
    assert!(again.iter().any(|note| note.starts_with("logged out false")), "{again:?}");
}

#[test]
fn proxyauth_makes_another_user() {
    let begin = "S: * OK\nC: a LOGIN admin secret\nS: a OK\nC: p PROXYAUTH alice@x.example\n";
    let notes = run(&format!("{begin}S: p OK done\nC: c NOOP\nS: c OK"));
    assert_eq!(
        notes[4..],
        [
            "logged out true 0+0",
            "login alice@x.example Succeeded C p PROXYAUTH alice@x.example| S p OK done|",
            "settled",
            "C c NOOP|",
            "S c OK|",
            "settled"
        ]
    );
    // As a literal, quoted; what is sent ahead is read once it is known whose it is.
    for name in ["{5+}\nC: alice", "{5}\nS: + go\nC: alice", "\"alice\""] {
        let notes = run(&format!("S: * PREAUTH\nC: p PROXYAUTH {name}\nC: b NOOP\nS: p OK\nS: b OK"));
        let place = |begin: &str| notes.iter().position(|note| note.starts_with(begin)).unwrap();
        assert!(place("login alice Succeeded") < place("C b NOOP"), "{notes:?}");
    }
    // Refused, it changes nothing; where the answer is not known, the admin is not taken for alice.
    let notes = run(&format!("{begin}S: p NO you may not\nC: c NOOP\nS: c OK"));
    assert_eq!(notes[4], "login alice@x.example Failed C p PROXYAUTH alice@x.example| S p NO you may not|");
    assert!(!notes.concat().contains("logged out"));
    let notes = run(&format!("{begin}S? 9\nC: c NOOP\nS: c OK"));
    assert_eq!(notes[5..7], ["logged out false 0+0", "login alice@x.example Unknown C p PROXYAUTH alice@x.example|"]);
    assert!(run("S: * PREAUTH\nC: p PROXYAUTH a b\nS: p OK").iter().any(|note| note.starts_with("login ? Succeeded")));
}
