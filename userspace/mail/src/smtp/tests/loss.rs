//! Octets and replies that were not captured.

use super::*;

#[test]
fn what_is_given_up_counts_as_refused() {
    let mut smtp = Smtp::new(true, Limits { pending: 4, ..Limits::default() });
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    smtp.server(AT, b"220 mx\r\n", &mut tell);
    smtp.client(AT, b"MAIL FROM:<a@x>\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n", &mut tell);
    assert_eq!(notes[1..], ["! too_far_ahead", "1> MAIL FROM:<a@x>", "1< 599"]);
}

#[test]
fn a_message_that_breaks_off_is_told_so() {
    let notes = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        S: 250 ok
        C: DATA
        S: 354 go
        C: half");
    assert_eq!(notes[5..], ["1= half\r\n", "1 BrokenOff"]);
}

#[test]
fn lost_octets_of_a_message_do_not_lose_the_session() {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    smtp.server(AT, b"220 mx\r\n", &mut tell);
    smtp.client(AT, b"MAIL FROM:<a@x>\r\n", &mut tell);
    smtp.server(AT, b"250 ok\r\n", &mut tell);
    smtp.client(AT, b"DATA\r\n", &mut tell);
    smtp.server(AT, b"354 go\r\n", &mut tell);
    smtp.client(AT, b"Message-ID: <1@x>\r\n\r\nbo", &mut tell);
    // The end of the message is in the gap; the reply tells.
    smtp.gap(Direction::FromClient, Time::MIN, 100, &mut tell);
    smtp.server(AT, b"250 queued\r\n", &mut tell);
    smtp.client(AT, b"QUIT\r\n", &mut tell);
    smtp.server(AT, b"221 bye\r\n", &mut tell);
    assert_eq!(notes[6..], ["lost FromClient 100", "1< 250 data", "1 Accepted <1@x>", "2> QUIT", "2< 221"]);
}

#[test]
fn a_capture_of_the_client_alone_still_tells_the_messages() {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    for turn in
        ["", "MAIL FROM:<a@x>\r\n", "RCPT TO:<b@y>\r\n", "DATA\r\n", "Message-ID: <1@x>\r\n\r\nx\r\n.\r\n", "QUIT\r\n"]
    {
        smtp.client(AT, turn.as_bytes(), &mut tell);
        smtp.gap(Direction::FromServer, Time::MIN, 10, &mut tell);
    }
    notes.retain(|note| !note.starts_with("lost"));
    assert_eq!(
        notes,
        [
            "1> MAIL FROM:<a@x>",
            "1< lost",
            "1> RCPT TO:<b@y>",
            "1< lost",
            "1> DATA",
            "1< lost",
            "1= Message-ID: <1@x>\r\n\r\nx\r\n.\r\n",
            "1< lost data",
            "1 Unknown <1@x>",
            "1> QUIT",
            "1< lost"
        ]
    );
}

#[test]
fn a_capture_that_begins_inside_a_message_reads_none_of_it_as_commands() {
    let mut smtp = Smtp::new(false, Limits::default());
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    smtp.client(AT, b"text of a message\r\nMAIL FROM:<a@x>\r\n.\r\n", &mut tell);
    smtp.server(AT, b"250 queued\r\n", &mut tell);
    smtp.client(AT, b"MAIL FROM:<b@x>\r\n", &mut tell);
    smtp.server(AT, b"250 ok\r\n", &mut tell);
    assert_eq!(notes, ["1> MAIL FROM:<b@x>", "1< 250"]);
}

#[test]
fn a_capture_that_begins_with_a_command_is_read_however_it_is_cut() {
    let read = |piece: usize| {
        let mut smtp = Smtp::new(false, Limits::default());
        let mut notes = Vec::new();
        let mut tell = |event: Event<'_>| note(&event, &mut notes);
        for octets in b"MAIL FROM:<a@x>\r\n".chunks(piece) {
            smtp.client(AT, octets, &mut tell);
        }
        smtp.server(AT, b"250 ok\r\n", &mut tell);
        notes
    };
    for piece in 1..20 {
        assert_eq!(read(piece), ["1> MAIL FROM:<a@x>", "1< 250"]);
    }
}

#[test]
fn nobody_makes_the_machine_hold_without_bound() {
    let limits = Limits { line: 1000, pending: 10, pending_octets: 1000, stalled: 1000 };
    let mut smtp = Smtp::new(true, limits);
    let mut commands = 0;
    for _ in 0..10_000 {
        smtp.client(AT, b"NOOP\r\n", &mut |event| commands += usize::from(matches!(event, Event::Command(_))));
        assert!(smtp.pending.len() <= 10);
    }
    assert_eq!(commands, 9_990);
    let mut smtp = Smtp::new(true, limits);
    smtp.client(AT, b"DATA\r\n", &mut |_| {});
    for _ in 0..10_000 {
        smtp.client(AT, b"x", &mut |_| {});
        assert!(smtp.stalled_octets <= 1000);
    }
}

#[test]
fn an_early_reply_waits_for_the_end_of_the_message() {
    let notes = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        S: 250 ok
        C: DATA
        S: 354 go
        C: half
        S: 552 too much
        C: rest
        C: .");
    assert_eq!(notes[5..], ["1= half\r\nrest\r\n.\r\n", "1< 552 data", "1 Refused"]);
}

#[test]
fn a_login_whose_answers_were_lost_is_still_read() {
    let login = "auth Login Some(\"alice\") Unknown";
    let alone = run_lossy(&[
        ("C", "AUTH LOGIN\r\n"),
        ("?", ""),
        ("C", "YWxpY2U=\r\n"),
        ("?", ""),
        ("C", "c2VjcmV0\r\n"),
        ("?", ""),
        ("C", "MAIL FROM:<a@x>\r\n"),
        ("?", ""),
    ]);
    assert_eq!(alone, [login, "1> MAIL FROM:<a@x>", "1< lost"]);
    // One challenge was lost, and the answer was not.
    let answered = run_lossy(&[
        ("S", "220 mx\r\n"),
        ("C", "AUTH LOGIN\r\n"),
        ("?", ""),
        ("C", "YWxpY2U=\r\n"),
        ("S", "334 UGFzc3dvcmQ6\r\n"),
        ("C", "c2VjcmV0\r\n"),
        ("S", "235 yes\r\n"),
    ]);
    assert_eq!(answered, ["auth Login Some(\"alice\") Succeeded"]);
    let dropped = run_lossy(&[("S", "220 mx\r\n"), ("C", "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")]);
    assert_eq!(dropped, ["auth Plain Some(\"alice\") BrokenOff"]);
}

#[test]
fn after_a_lost_response_nothing_is_taken_for_a_name() {
    for next in ["334 UGFzc3dvcmQ6\r\n", "334 \r\n"] {
        let notes = run_lossy(&[
            ("S", "220 mx\r\n"),
            ("C", "AUTH LOGIN\r\n"),
            ("S", "334 VXNlcm5hbWU6\r\n"),
            ("!", ""),
            ("S", next),
            ("C", "c2VjcmV0\r\n"),
            ("S", "235 yes\r\n"),
        ]);
        assert_eq!(notes, ["auth Login None Succeeded"]);
    }
}

#[test]
fn a_password_is_found_wherever_a_client_puts_it() {
    for (line, shown) in [
        ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "AUTH PLAIN AGFsaWNlACoqKioqKg=="),
        ("auth plain AGFsaWNlAHNlY3JldA==  ", "auth plain AGFsaWNlACoqKioqKg==  "),
        ("AUTH=PLAIN AGFsaWNlAHNlY3JldA==", "AUTH=PLAIN AGFsaWNlACoqKioqKg=="),
        ("AUTH AGFsaWNlAHNlY3JldA==", "AUTH ********************"),
        ("AUTH=AGFsaWNlAHNlY3JldA==", "AUTH=********************"),
        ("AUTH alice secret", "AUTH ************"),
        ("AUTH PLAIN alice secret", "AUTH PLAIN ************"),
        ("AUTH PLAIN YWxpY2UAc2VjcmV0", "AUTH PLAIN ****************"),
        ("AUTH GSSAPI c2VjcmV0", "AUTH GSSAPI ********"),
        ("AUTH XOAUTH2 YXV0aD1CZWFyZXIgdAF1c2VyPWEB", "AUTH XOAUTH2 ****************************"),
        ("AUTH GSSAPI", "AUTH GSSAPI"),
        ("AUTH", "AUTH"),
        ("AUTH ", "AUTH "),
    ] {
        let mut smtp = Smtp::new(true, Limits::default());
        let mut seen = Vec::new();
        smtp.server(AT, b"220 mx\r\n", &mut |_| {});
        smtp.client(AT, format!("{line}\r\n").as_bytes(), &mut |_| {});
        smtp.server(AT, b"235 yes\r\n", &mut |event| {
            if let Event::Auth { exchange, .. } = event {
                seen = exchange.redacted(Keep::Username)[0].octets.to_vec();
                let name = exchange.identity().map(|identity| identity.login.clone()).unwrap_or_default();
                assert!(!name.contains("secret"), "{line}");
            }
        });
        assert_eq!(String::from_utf8_lossy(&seen), format!("{shown}\r\n"));
    }
}

#[test]
fn replies_to_what_was_given_up_answer_nothing_else() {
    let mut smtp = Smtp::new(true, Limits { pending: 4, ..Limits::default() });
    let mut notes = Vec::new();
    let mut tell = |event: Event<'_>| note(&event, &mut notes);
    smtp.server(AT, b"220 mx\r\n", &mut tell);
    for number in 0..6 {
        smtp.client(AT, format!("NOOP {number}\r\n").as_bytes(), &mut tell);
    }
    for code in 250..256 {
        smtp.server(AT, format!("{code} ok\r\n").as_bytes(), &mut tell);
    }
    let answers = ["0> NOOP 2", "0< 252", "0> NOOP 3", "0< 253", "0> NOOP 4", "0< 254", "0> NOOP 5", "0< 255"];
    assert_eq!(notes[notes.len() - 8..], answers);
}

#[test]
fn a_message_whose_envelope_was_lost_is_not_read_as_commands() {
    let notes = run_lossy(&[
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<a@x>\r\n"),
        ("S", "250 ok\r\n"),
        ("!", ""),
        ("S", "250 rset\r\n250 mail\r\n250 rcpt\r\n354 go\r\n"),
        ("C", "Subject: x\r\n\r\nMAIL FROM:<no@x>\r\n.\r\n"),
        ("S", "250 queued\r\n"),
        ("C", "QUIT\r\n"),
        ("S", "221 bye\r\n"),
    ]);
    assert_eq!(
        notes[2..],
        ["2= Subject: x\r\n\r\nMAIL FROM:<no@x>\r\n.\r\n", "2< 250 data", "2 Accepted", "2> QUIT", "2< 221"]
    );
}

#[test]
fn commands_after_a_lost_end_are_not_taken_for_the_message() {
    let start = [
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<a@x>\r\n"),
        ("S", "250 ok\r\n"),
        ("C", "DATA\r\n"),
        ("S", "354 go\r\n"),
        ("C", "text\r\n"),
        ("!", ""),
    ];
    let after = |turns: &[(&'static str, &'static str)]| run_lossy(&[&start[..], turns].concat())[4..].to_vec();
    // The gap took the end and half of the next MAIL.
    let commands = after(&[
        ("C", "OM:<b@x>\r\nRCPT TO:<c@y>\r\nDATA\r\n"),
        ("S", "250 queued\r\n250 mail\r\n250 rcpt\r\n354 go\r\n"),
        ("C", "other\r\n.\r\n"),
        ("S", "250 queued\r\n"),
    ]);
    // One reply is that of the MAIL that was lost, so which was whose is not known; the 354 is plain.
    let next = ["2> RCPT TO:<c@y>", "2< 250", "2> DATA", "2< 250", "3= other\r\n.\r\n", "3< 250 data", "3 Accepted"];
    assert_eq!(commands, [&["1= text\r\n", "1< 250 data", "1 Accepted"][..], &next].concat());
    // It took a part of the text only.
    let text = after(&[("C", "xt\r\nmore\r\n.\r\n"), ("S", "250 queued\r\n")]);
    assert_eq!(text, ["1= text\r\n", "1= xt\r\nmore\r\n.\r\n", "1< 250 data", "1 Accepted"]);
    // The text goes on, and the end is in a second gap: what stands between them might be commands as well.
    let two =
        after(&[("C", "xt\r\nmore\r\n"), ("!", ""), ("S", "250 queued\r\n"), ("C", "NOOP\r\n"), ("S", "250 ok\r\n")]);
    assert_eq!(two, ["1= text\r\n", "1< 250 data", "1 Accepted", "2> NOOP", "2< 250"]);
    // It breaks off.
    assert_eq!(after(&[("C", "xt\r\nmore")]), ["1= text\r\n", "1= xt\r\nmore", "1 BrokenOff"]);
}
