//! Commands and their replies, one transaction after the other.

use super::*;

/// RFC 2033 §4.2.
#[test]
fn lmtp_answers_for_each_recipient() {
    let envelope = "
        S: 220 mx
        C: LHLO c
        S: 250-mx
        S: 250 CHUNKING
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: RCPT TO:<c@y>
        C: RCPT TO:<d@y>
        S: 250 ok
        S: 250 ok
        S: 550 no
        S: 250 ok
";
    let expected = |end: &[&str]| end.iter().map(ToString::to_string).collect::<Vec<_>>();
    let notes = run(&format!(
        "{envelope}C: DATA\nS: 354 go\nC: .\nC: MAIL FROM:<e@x>\nC: RCPT TO:<f@y>\nS: 452 full\nS: 250 for d\nS: 250 ok\nS: 550 no\nC: QUIT\nS: 221"
    ));
    assert_eq!(
        notes[11..],
        expected(&[
            "1> DATA",
            "1< 354",
            "1= .\r\n",
            "1< 452 data",
            "1 #0 Refused",
            "1< 250 data",
            "1 #1 Accepted",
            "1 Accepted",
            "2> MAIL FROM:<e@x>",
            "2< 250",
            "2> RCPT TO:<f@y>",
            "2< 550",
            "2> QUIT",
            "2< 221",
        ])
    );
    let notes = run(&format!("{envelope}C: BDAT 3 LAST\nC! abc\nS: 550 no\nS: 550 no\nC: RSET\nS: 250 ok"));
    assert_eq!(
        notes[11..],
        expected(&[
            "1> BDAT 3 LAST",
            "1= abc",
            "1< 550",
            "1 #0 Refused",
            "1< 550",
            "1 #1 Refused",
            "1 Refused",
            "1> RSET",
            "1< 250"
        ])
    );
    // The connection ends between the two, or before them; and of one recipient there is one reply.
    let notes = run(&format!("{envelope}C: DATA\nS: 354 go\nC: .\nS: 250 for b"));
    assert_eq!(notes[14..], expected(&["1< 250 data", "1 #0 Accepted", "1 Unknown"]));
    let notes = run(&format!("{envelope}C: DATA\nS: 354 go\nC: ."));
    assert_eq!(notes[14..], expected(&["1 BrokenOff"]));
    let notes = run(
        "S: 220 mx\nC: LHLO c\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nS: 250 ok\nC: MAIL FROM:<c@x>\nS: 250 ok",
    );
    assert_eq!(notes[10..], expected(&["1< 250 data", "1 #0 Accepted", "1 Accepted", "2> MAIL FROM:<c@x>", "2< 250"]));
}

/// A server that nobody told of the proxy takes its line for a command.
#[test]
fn a_refusal_of_what_a_proxy_says_is_no_reply_to_hello() {
    let hello = ["0> EHLO c", "0< 250", "1> MAIL FROM:<a@x>", "1< 250"];
    let proxy = "C: PROXY TCP4 198.51.100.7 203.0.113.25 40000 25\n";
    for script in [
        "S: 220 mx\nS: 500 what\nC: EHLO c\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok",
        "S: 220 mx\nC: EHLO c\nS: 500 what\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok",
        "S: 220 mx\nC: EHLO c\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok",
    ] {
        assert_eq!(run(&format!("{proxy}{script}"))[1..], hello, "{script}");
    }
    // It was the reply to EHLO where the client goes on before there is another.
    let notes =
        run(&format!("{proxy}S: 220 mx\nC: EHLO c\nS: 500 what\nC: HELO c\nS: 250 mx\nC: MAIL FROM:<a@x>\nS: 250 ok"));
    assert_eq!(notes[1..], ["0> EHLO c", "0< 500", "0> HELO c", "0< 250", "1> MAIL FROM:<a@x>", "1< 250"]);
    let notes = run(&format!("{proxy}S: 220 mx\nC: EHLO c\nS: 500 what"));
    assert_eq!(notes[1..], ["0> EHLO c", "0< 500"]);
    // Of one that sends ahead nobody can say which of the two it was: the answers are no certain ones.
    let turns =
        dialogue(&format!("{proxy}S: 220 mx\nC: EHLO c\nC: MAIL FROM:<a@x>\nS: 500 what\nS: 250 mx\nS: 250 ok"));
    let (mut smtp, mut certain) = (Smtp::new(true, Limits::default()), Vec::new());
    for (from, octets) in &turns {
        let mut tell = |event: Event<'_>| {
            if let Event::Reply { to: Answered::Command(command), reply } = event {
                certain.push((command.is_certain, reply.map(|reply| reply.code)));
            }
        };
        match from {
            Direction::FromClient => smtp.client(AT, octets, &mut tell),
            Direction::FromServer => smtp.server(AT, octets, &mut tell),
        }
    }
    assert_eq!(certain, [(false, Some(250)), (false, Some(250))]);
}

/// Of a client that is a script, one side alone was captured.
#[test]
fn a_client_of_bare_line_feeds_alone_ends_its_messages_so() {
    // It waits for each answer, or for none.
    let told = |octets: &[u8], waits: bool| {
        let (mut smtp, mut notes) = (Smtp::new(true, Limits::default()), Vec::new());
        let mut offset = 0;
        let pieces = octets.split_inclusive(|&octet| waits && octet == b'\n');
        for piece in pieces {
            smtp.gap(Direction::FromServer, Time::MIN, 8, &mut |event| note(&event, &mut notes));
            smtp.client(At { time: Time::MIN, offset }, piece, &mut |event| note(&event, &mut notes));
            offset += piece.len() as u64;
        }
        smtp.gap(Direction::FromServer, Time::MIN, 80, &mut |event| note(&event, &mut notes));
        smtp.close(Time::MIN, &mut |event| note(&event, &mut notes));
        let body = |of: &str| notes.iter().filter_map(|note| note.strip_prefix(of)).collect::<String>();
        let commands = notes.iter().filter(|note| note.contains("> ")).count();
        (body("1= "), body("2= "), commands)
    };
    let session = "HELO c\nMAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\nSubject: x\n\none\n.\nMAIL FROM:<c@x>\nRCPT TO:<d@y>\nDATA\n\ntwo\n.\nQUIT\n";
    for waits in [true, false] {
        let expected = ("Subject: x\n\none\n.\n".to_owned(), "\ntwo\n.\n".to_owned(), 8);
        assert_eq!(told(session.as_bytes(), waits), expected, "{waits}");
    }
    // One that knows what ends a line means a dot between bare line feeds as text.
    let other = session.replace('\n', "\r\n").replace("one\r\n.\r\n", "one\n.\nx\r\n.\r\n");
    assert_eq!(told(other.as_bytes(), false).0, "Subject: x\r\n\r\none\n.\nx\r\n.\r\n");
}

#[test]
fn pipelined_commands_are_told_with_their_own_replies() {
    let notes = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: RCPT TO:<c@y>
        C: DATA
        S: 250 sender
        S: 550-no
        S: 550 such user
        S: 250 rcpt
        S: 354 go
        C: x
        C: .
        C: QUIT
        S: 250 queued
        S: 221 bye");
    assert_eq!(
        notes[1..],
        [
            "1> MAIL FROM:<a@x>",
            "1< 250",
            "1> RCPT TO:<b@y>",
            "1< 550",
            "1> RCPT TO:<c@y>",
            "1< 250",
            "1> DATA",
            "1< 354",
            "1= x\r\n.\r\n",
            "1< 250 data",
            "1 Accepted",
            "1> QUIT",
            "1< 221"
        ]
    );
}
