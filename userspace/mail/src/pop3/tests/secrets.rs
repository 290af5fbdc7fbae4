//! What is a password, or may be one, is told to nobody.

use super::*;

#[test]
fn what_may_be_a_password_is_never_told() {
    let notes = run("
        S: +OK
        C: PASS s3cret
        S: -ERR
        C:   pASS s3cret
        S: -ERR
        C: PASSs3cret
        S: -ERR
        C: APOP alice s3cret
        S: -ERR
        C: USER alice s3cret
        S: -ERR
        C: AUTH $$s3cret
        S: -ERR
        C: s3cret
        S: -ERR
        C: AUTH LOGIN
        C: YWxpY2U=
        C: czNjcmV0
        C: NOOP
        S: -ERR
        S: -ERR
        S: -ERR
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "login - Failed PASS ******|-ERR|",
            ";",
            "login - Failed   pASS ******|-ERR|",
            ";",
            "login - Failed PASS******|-ERR|",
            ";",
            "login - Failed APOP ************|-ERR|",
            ";",
            "login - Failed USER ************|-ERR|",
            ";",
            "sasl - Failed AUTH ********|-ERR|",
            ";",
            "! unknown_command",
            "C ******|",
            "S -ERR|",
            ";",
            "sasl - Failed AUTH LOGIN|-ERR|",
            ";",
            "! unknown_command",
            "! unknown_command",
            "C ********|",
            "S -ERR|",
            ";",
            "C ********|",
            "S -ERR|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
        ]
    );
    // In a mailbox too.
    let notes = run_in_mailbox(
        "
        C: NOOP
        S: +OK
        C: XYZ 1
        S: -ERR
        C: PASS again
        S: -ERR
        C: AUTH PLAIN AGFsaWNlAHMzY3JldA==
        C: AGFsaWNlAHMzY3JldA==
        S: -ERR
        S: -ERR
        C: \\0PASS s3cret
        S: -ERR",
    );
    assert!(notes.contains(&"C *****|".to_owned()));
    assert!(notes.contains(&"login - Failed PASS *****|-ERR|".to_owned()));
    assert!(!notes.iter().any(|note| note.contains("s3cret") || note.contains("czNj") || note.contains("MzY3JldA")));
}

#[test]
fn what_the_server_repeats_of_it_is_not_told_either() {
    for script in [
        "S: +OK\nC: s3cret\nS: -ERR what is s3cret",
        "S: +OK\nC: s3cret\nS: +OK you said s3cret",
        "S: +OK\nC: XPASS s3cret\nS: -ERR unknown:\nS: XPASS s3cret",
        "S: +OK\nC: PASSs3cret\nS: -ERR unknown command PASSS3CRET",
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS: -ERR PASS s3cret",
        "S: +OK\nC: USER alice s3cret\nS: -ERR no alice s3cret here",
        "S: +OK\nC: APOP alice s3cret\nS: -ERR no digest: alice s3cret",
        "S: +OK\nC: AUTH s3cret now\nS: -ERR no mechanism s3cret",
        "S: +OK\nC: AUTH LOGIN\nS: -ERR\nC: YWxpY2U=\nC: s3cret\nS: -ERR YWxpY2U=\nS: -ERR s3cret",
        // Sent ahead, and an answer that is one too many before it.
        "S: +OK\nC: AUTH LOGIN\nC: YWxpY2U=\nC: s3cret\nC: NOOP\nS: -ERR\nS: -ERR\nS: -ERR\nS: -ERR s3cret\nS: +OK",
        // The answer breaks off.
        "S: +OK\nC: s3cret\nS! -ERR what is s3cret",
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS! -ERR what is s3cret",
        // The line was not captured.
        "S: +OK\nC? 8\nC: NOOP\nS: -ERR s3cret\nS: +OK",
    ] {
        let notes = run(script);
        assert!(!notes.concat().to_lowercase().contains("s3cret"), "{notes:?}");
    }
    // Its length stays, and so does its status.
    let notes = run("S: +OK\nC: s3cret\nS: -ERR what is s3cret\nC: NOOP\nS: +OK fine\nC: XYZ\nS: -ERR what is XYZ");
    assert_eq!(
        notes[3..],
        [
            "C ******|",
            "S -ERR **************|",
            ";",
            "C NOOP|",
            "S +OK fine|",
            ";",
            "! unknown_command",
            "C ***|",
            "S -ERR ***********|",
            ";"
        ]
    );
    // Where nothing was hidden a refusal is told as it is.
    assert!(run("S: +OK\nC: UIDL 9\nS: -ERR no such message").contains(&"S -ERR no such message|".to_owned()));
}

#[test]
fn what_answers_nobody_knows_what_is_not_told() {
    let login = "C: USER alice\nS: +OK\nC: PASS x\nS: +OK\n";
    for script in [
        // The line of the client and its answer were both cut.
        "S: +OK\nC! s3cr\nC? 4\nS! -ERR un\nS? 7\nS: ommand s3cret\n",
        "S: +OK\nC: USER alice\nS: +OK\nC! PASS s3\nC? 6\nS! -ERR un\nS? 7\nS: ommand s3cret\n",
        "S: +OK\nC! AUTH LO\nC? 5\nS! -ERR\nS? 2\nC: czNjcmV0\nS: -ERR s3cret\n",
        // That octets are missing shows when more comes.
        "S: +OK\nC! s3c\nS: -ERR unknown: s3cret\nC? 5\n",
        "S: +OK\nS: -ERR unknown: s3cret\nC? 8\n",
        // An answer that is one too many, before that to a password.
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS: s3cret is wrong\nS: -ERR\n",
        "S: +OK\nC: XYZ s3cret\nS: XYZ s3cret is unknown\nS: -ERR\n",
        // After a loss, with a second line.
        "S: +OK\nC? 5\nS: -ERR unknown:\nS: s3cret\n",
    ] {
        let notes = run(&format!("{script}{login}"));
        assert!(!notes.concat().contains("s3cret"), "{script}: {notes:?}");
        assert!(!notes.concat().contains("czN"), "{script}: {notes:?}");
    }
    // With nothing lost: a refused login that was sent ahead, and one that was accepted.
    let notes = run(
        "S: +OK\nC: USER alice\nC: PASS wrong\nS: +OK\nS: -ERR\nC: AUTH PLAIN AGFsaWNlAHg=\nS: +OK\nC: NOOP\nS: +OK\nC: s3cret\nS: -ERR s3cret",
    );
    assert!(!notes.concat().contains("s3cret"), "{notes:?}");
    // A capture that begins late, of a client that sent ahead once.
    let notes = late(
        "
        S: +OK
        C: USER alice
        C: PASS wrong
        S: +OK
        S: -ERR
        C: AUTH LOGIN
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: eA==
        S: +OK in
        C: STAT
        S: +OK 1 2
        C: PASS s3cret
        S: -ERR s3cret",
    );
    assert!(notes.iter().any(|note| note.contains("-ERR")) && !notes.concat().contains("s3cret"), "{notes:?}");
}

/// A dialogue of which the beginning was not captured.
fn late(script: &str) -> Vec<String> {
    notes_of(false, &dialogue(script), usize::MAX).lines
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let mut notes = String::new();
    let turns =
        dialogue("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS: +OK\nC: RETR 1\nS: +OK\nS: From: a@x\nS: .");
    feed(&mut Pop3::new(true, Limits::default()), &turns, usize::MAX, &mut |event| match event {
        Event::Login(login) => notes += &format!("{login:?}"),
        Event::Transfer(transfer) => {
            assert_eq!(transfer.result, TransferResult::Succeeded);
            notes += &format!("{transfer:?}");
        }
        _ => {}
    });
    assert!(!notes.is_empty());
    assert!(!["alice", "s3cret", "a@x"].iter().any(|word| notes.contains(word)), "{notes}");
}

#[test]
fn no_password_is_told_where_a_login_or_its_answer_was_lost() {
    for script in [
        "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC? 14\nS: -ERR wrong password PwSecret9",
        "C: USER alice\nC: PASS PwSecret9\nS? 5\nS: -ERR PwSecret9 x",
        "C: PwSecret9\nS? 10\nS: own command PwSecret9",
        "C: PASS PwSecret9\nS? 10\nS: own command PwSecret9",
    ] {
        let notes = run(&format!("S: +OK\n{script}\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK"));
        assert!(!notes.join("\n").contains("PwSecret9"), "{script}: {notes:#?}");
    }
}

#[test]
fn xclient_is_one_line_that_one_line_answers() {
    // What a proxy of Dovecot sends in one, and what answers it where the proxy is trusted, and where not.
    let sent = "XCLIENT ADDR=192.0.2.7 PORT=4000 SESSION=x/y TTL=4 CLIENT-TRANSPORT=TLS FORWARD=c2VjcmV0";
    for answer in ["+OK Updated", "+OK You are not from trusted IP - ignoring", "-ERR Invalid parameters"] {
        let notes =
            run(&format!("S: +OK [XCLIENT] ready\nC: {sent}\nC: USER alice\nS: {answer}\nS: +OK\nC: PASS x\nS: +OK"));
        assert_eq!(notes[2], format!("C {}********|", &sent[..sent.len() - 8]));
        assert!(notes[3].starts_with("S ") && notes[4] == ";", "{notes:?}");
        assert_eq!(notes[5], "login alice Succeeded USER alice|+OK|PASS *|+OK|");
    }
    let notes = run("S: +OK\nC: XOIP 192.0.2.7\nS: +OK Updated\nC: xclient addr=192.0.2.7 forward=\nS: -ERR");
    assert_eq!(
        notes[2..],
        ["C XOIP 192.0.2.7|", "S +OK Updated|", ";", "C xclient addr=192.0.2.7 forward=|", "S -ERR|", ";"]
    );
}
