use proptest::prelude::*;

use super::*;

/// What came of a session: lines as `C: …` and `S: …`, and each message with how it ended.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Outcome {
    lines: Vec<String>,
    messages: Vec<(Vec<u8>, Vec<&'static str>)>,
}

impl Outcome {
    fn take(&mut self, event: SmtpEvent<'_>) {
        let ended = |outcome: &mut Self, message: u64, how| outcome.messages[message as usize].1.push(how);
        match event {
            SmtpEvent::Line { side, octets } => {
                let side = if side == Side::Client { "C" } else { "S" };
                self.lines.push(format!("{side}: {}", String::from_utf8_lossy(octets)));
            }
            SmtpEvent::Begin { message, .. } => {
                assert_eq!(message, self.messages.len() as u64);
                self.messages.push((vec![], vec![]));
            }
            SmtpEvent::Octets(octets) => self.messages.last_mut().unwrap().0.extend_from_slice(octets),
            SmtpEvent::Complete(message) => ended(self, message, "complete"),
            SmtpEvent::Part(message) => ended(self, message, "part"),
            SmtpEvent::Abandoned(message) => ended(self, message, "abandoned"),
            SmtpEvent::Answered { message, accepted } => {
                ended(self, message, if accepted { "accepted" } else { "refused" });
            }
        }
    }
}

fn read(session: &[(Side, &[u8])]) -> Outcome {
    let (mut reader, mut outcome) = (SmtpReader::default(), Outcome::default());
    for (side, octets) in session {
        reader.octets(*side, octets, &mut |event| outcome.take(event));
    }
    reader.finish(&mut |event| outcome.take(event));
    outcome
}

const C: Side = Side::Client;
const S: Side = Side::Server;

fn messages(session: &[(Side, &[u8])]) -> Vec<(String, Vec<&'static str>)> {
    read(session).messages.into_iter().map(|(octets, how)| (String::from_utf8(octets).unwrap(), how)).collect()
}

#[test]
fn what_the_server_fetched_is_a_part_of_the_message_and_no_command() {
    let text = b"MAIL FROM:<x@y>\r\nDATA\r\n.\r\n";
    let frame =
        [&format!("* URLFETCH \"imap://h/1;urlauth=a:b\" {{{}}}\r\n", text.len()).into_bytes()[..], text, b"\r\n"];
    let frame = frame.concat();
    for piece in [1, 7, frame.len()] {
        let mut session: Vec<(Side, &[u8])> =
            vec![(C, b"MAIL FROM:<a@b>\r\n"), (S, b"250 Ok\r\n"), (C, b"BDAT 6\r\nA: b\r\n"), (S, b"250 Ok\r\n")];
        session.push((C, b"BURL imap://h/1;urlauth=a:b LAST\r\n"));
        session.extend(frame.chunks(piece).map(|piece| (C, piece)));
        session.extend([(S, &b"250 queued\r\n"[..]), (C, b"RSET\r\n"), (S, b"250 Ok\r\n")]);
        let whole = ["A: b\r\n".to_owned(), String::from_utf8(text.to_vec()).unwrap()].concat();
        assert_eq!(messages(&session), [(whole, vec!["complete", "accepted"])]);
    }
    // One that was not seen.
    let session: [(Side, &[u8]); 4] =
        [(C, b"MAIL FROM:<a@b>\r\n"), (S, b"250 Ok\r\n"), (C, b"BURL imap://h/1 LAST\r\n"), (S, b"250 queued\r\n")];
    assert_eq!(messages(&session), [(String::new(), vec!["part", "accepted"])]);
}

#[test]
fn a_transaction_with_data() {
    let outcome = read(&[
        (C, b"MAIL FROM:<a@b>\r\n"),
        (S, b"250 2.1.0 Ok\r\n"),
        (C, b"RCPT TO:<c@d>\r\n"),
        (S, b"250-more\r\n250 Ok\r\n"),
        (C, b"data\r\n"),
        (S, b"354 go\r\n"),
        (C, b"Subject: x\r\n\r\n..dot\r\n250 not a reply\r\nQUIT\r\n.\r\n"),
        (S, b"250 queued\r\n"),
        (C, b"QUIT\r\n"),
        (S, b"221 bye\r\n"),
    ]);
    assert_eq!(
        outcome.messages,
        [(b"Subject: x\r\n\r\n.dot\r\n250 not a reply\r\nQUIT\r\n".to_vec(), vec!["complete", "accepted"])]
    );
    assert_eq!(
        outcome.lines,
        [
            "C: MAIL FROM:<a@b>",
            "S: 250 2.1.0 Ok",
            "C: RCPT TO:<c@d>",
            "S: 250-more",
            "S: 250 Ok",
            "C: data",
            "S: 354 go",
            "S: 250 queued",
            "C: QUIT",
            "S: 221 bye"
        ]
    );
}

#[test]
fn pipelined_commands_and_two_messages() {
    assert_eq!(
        messages(&[
            (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (S, b"250 Ok\r\n550 no\r\n"),
            (S, b"354 go\r\n"),
            (C, b"one\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (S, b"250 queued\r\n250 Ok\r\n250 Ok\r\n354 go\r\n"),
            (C, b"two\r\n.\r\n"),
            (S, b"554 no\r\n"),
        ]),
        [("one\r\n".into(), vec!["complete", "accepted"]), ("two\r\n".into(), vec!["complete", "refused"])]
    );
}

#[test]
fn data_that_is_refused_leaves_commands() {
    let outcome = read(&[
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (S, b"250 Ok\r\n550 no\r\n554 no valid recipients\r\n"),
        (C, b"RSET\r\nQUIT\r\n"),
        (S, b"250 Ok\r\n221 bye\r\n"),
    ]);
    assert!(outcome.messages.is_empty());
    assert!(outcome.lines.contains(&"C: QUIT".to_owned()));
}

#[test]
fn chunks() {
    assert_eq!(
        messages(&[
            (C, b"MAIL FROM:<a@b> BODY=BINARYMIME\r\n"),
            (S, b"250 Ok\r\n"),
            (C, b"RCPT TO:<c@d>\r\n"),
            (S, b"250 Ok\r\n"),
            (C, b"BDAT 11\r\na\nb\r\n.\r\n.."),
            (S, b"250 11 octets\r\n"),
            (C, b"xBDAT 3\r\ny\0zBDAT 0 LAST\r\n"),
            (S, b"250 3 octets\r\n250 queued\r\n"),
            (C, b"bdat 2 last\r\n"),
            (S, b"503 MAIL first\r\n"),
            (C, b"zz"),
        ]),
        [
            ("a\nb\r\n.\r\n..xy\0z".into(), vec!["complete", "accepted"]),
            // A client that goes on without MAIL is taken at its word; the server's answer tells.
            (String::new(), vec!["abandoned", "refused"]),
        ]
    );
}

#[test]
fn a_refused_chunk_ends_the_message_and_its_rest_is_stepped_over() {
    let outcome = read(&[
        (C, b"MAIL FROM:<a@b>\r\nBDAT 3\r\nabc"),
        (S, b"250 Ok\r\n552 too much\r\n"),
        (C, b"BDAT 5 LAST\r\nQUIT\n"),
        (S, b"503 no\r\n"),
        (C, b"RSET\r\nMAIL FROM:<a@b>\r\nBDAT 2 LAST\r\nok"),
        (S, b"250 Ok\r\n250 Ok\r\n250 Ok\r\n"),
    ]);
    assert_eq!(
        outcome.messages,
        [(b"abc".to_vec(), vec!["abandoned", "refused"]), (b"ok".to_vec(), vec!["complete", "accepted"])]
    );
    assert!(!outcome.lines.contains(&"C: QUIT".to_owned()), "those were octets of a chunk");
}

#[test]
fn authentication_before_the_transaction() {
    let outcome = read(&[
        (C, b"AUTH LOGIN\r\n"),
        (S, b"334 VXNlcm5hbWU6\r\n"),
        (C, b"DATA\r\n"),
        (S, b"334 UGFzc3dvcmQ6\r\n"),
        (C, b"********\r\n"),
        (S, b"235 ok\r\n"),
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (S, b"250 Ok\r\n250 Ok\r\n354 go\r\n"),
        (C, b"x\r\n.\r\n"),
        (S, b"250 Ok\r\n"),
    ]);
    assert_eq!(outcome.messages, [(b"x\r\n".to_vec(), vec!["complete", "accepted"])]);
}

#[test]
fn one_direction_alone() {
    assert_eq!(
        messages(&[(C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), (C, b"x\r\n.\r\nMAIL FROM:<e@f>\r\n")]),
        [("x\r\n".into(), vec!["complete"])]
    );
}

#[test]
fn an_end_that_some_servers_see() {
    assert_eq!(
        messages(&[
            (C, b"MAIL FROM:<a@b>\r\nDATA\r\n"),
            (S, b"250 Ok\r\n354 go\r\n"),
            (C, b"x\n.\n"),
            (S, b"250 Ok\r\n"),
            (C, b"MAIL FROM:<a@b>\r\n"),
        ]),
        [("x\n".into(), vec!["complete", "accepted"])]
    );
}

#[test]
fn a_reply_that_comes_before_the_clients_last_octets() {
    assert_eq!(
        messages(&[
            (C, b"MAIL FROM:<a@b>\r\nDATA\r\n"),
            (S, b"250 Ok\r\n354 go\r\n"),
            (C, b"x\r\n"),
            (S, b"250 Ok\r\n"),
            (C, b"y\r\n.\r\n"),
        ]),
        [("x\r\ny\r\n".into(), vec!["complete", "accepted"])]
    );
}

#[test]
fn an_end_that_was_not_captured() {
    let outcome = read(&[
        (C, b"MAIL FROM:<a@b>\r\nDATA\r\n"),
        (S, b"250 Ok\r\n354 go\r\n"),
        (C, b"x\r\n"),
        (S, b"250 Ok\r\n"),
        (C, b"MAIL FROM:<a@b>\r\n"),
        (S, b"250 Ok\r\n"),
    ]);
    assert_eq!(outcome.messages, [(b"x\r\n".to_vec(), vec!["complete", "accepted"])]);
    assert_eq!(outcome.lines.iter().filter(|line| *line == "C: MAIL FROM:<a@b>").count(), 2);
}

#[test]
fn what_only_begins_like_a_command_is_the_messages() {
    for after in ["MAILBOX full\r\n", "mail", "qui", "Subject", ".."] {
        let outcome = read(&[
            (C, b"MAIL FROM:<a@b>\r\nDATA\r\n"),
            (S, b"250 Ok\r\n354 go\r\n"),
            (C, b"x\r\n"),
            (S, b"250 Ok\r\n"),
            (C, after.as_bytes()),
        ]);
        let unstuffed = after.strip_prefix('.').unwrap_or(after);
        assert_eq!(String::from_utf8_lossy(&outcome.messages[0].0), format!("x\r\n{unstuffed}"));
    }
}

#[test]
fn a_session_that_breaks_off() {
    assert_eq!(
        messages(&[(C, b"MAIL FROM:<a@b>\r\nDATA\r\n"), (S, b"250 Ok\r\n354 go\r\n"), (C, b"x\r\n")]),
        [("x\r\n".into(), vec!["abandoned"])]
    );
}

#[test]
fn lines_without_end_are_given_out_in_parts() {
    let outcome = read(&[(C, &[b'a'; 10_000]), (C, b"\r\nDATA"), (C, b"x\r\n")]);
    assert_eq!(outcome.lines.iter().map(String::len).collect::<Vec<_>>(), [4099, 4099, 1811, 8]);
}

#[test]
fn sides_are_told_by_what_they_send() {
    for octets in [&b"MAIL FROM:<>\r\n"[..], b"auth plain AGEAYg==\r\n", b"BDAT 10 LAST\r\n", b"DATA\r\n", b"QUIT\n"] {
        assert_eq!(side_of(octets), Some(Side::Client), "{}", String::from_utf8_lossy(octets));
    }
    for octets in [&b"250 ok\r\n"[..], b"250-x\r\n", b"354\r\n", b"421"] {
        assert_eq!(side_of(octets), Some(Side::Server), "{}", String::from_utf8_lossy(octets));
    }
    for octets in [&b""[..], b"25", b"MAIL", b"AGEAYg==\r\n", b"999 x\r\n", b"2500\r\n"] {
        assert_eq!(side_of(octets), None, "{}", String::from_utf8_lossy(octets));
    }
}

#[test]
fn many_data_commands_without_replies_cost_no_stack_and_no_more_than_linear_time() {
    let hostile = b"DATA\r\n.\r\n".repeat(300_000);
    let mut reader = SmtpReader::default();
    let start = std::time::Instant::now();
    reader.octets(S, b"220 hello\r\n", &mut |_| ());
    reader.octets(C, &hostile, &mut |_| ());
    reader.octets(S, &b"354 go\r\n".repeat(100_000), &mut |_| ());
    reader.octets(C, &hostile, &mut |_| ());
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(reader.outstanding.len() <= MAX_OUTSTANDING);
}

/// A line of a message: of characters that matter to the end of data.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b".".to_vec()),
        Just(b"..".to_vec()),
        Just(b"".to_vec()),
        Just(b"\n.\nx".to_vec()),
        proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\n'), any::<u8>()], 0..40),
    ]
    .prop_map(|mut line| {
        // CR outside CRLF has no one reading; a message may not have it (RFC 5322 §2.2).
        line.retain(|octet| *octet != b'\r');
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_message_survives_data(lines in proptest::collection::vec(line(), 0..12), cut in 1usize..50) {
        let mut message = vec![];
        let mut wire = vec![];
        for line in lines {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            for octets in [&mut message, &mut wire] {
                octets.extend_from_slice(&line);
                octets.extend_from_slice(b"\r\n");
            }
        }
        wire.extend_from_slice(b".\r\n");
        let mut session: Vec<(Side, &[u8])> = vec![(C, b"MAIL FROM:<a@b>\r\nDATA\r\n"), (S, b"250 Ok\r\n354 go\r\n")];
        session.extend(wire.chunks(cut).map(|piece| (C, piece)));
        session.push((S, b"250 Ok\r\n"));
        prop_assert_eq!(read(&session).messages, [(message, vec!["complete", "accepted"])]);
    }

    #[test]
    fn any_message_survives_chunks(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..6),
        cut in 1usize..50,
    ) {
        let mut wire = b"MAIL FROM:<a@b>\r\n".to_vec();
        for (index, chunk) in chunks.iter().enumerate() {
            let last = if index + 1 == chunks.len() { " LAST" } else { "" };
            wire.extend(format!("BDAT {}{last}\r\n", chunk.len()).into_bytes());
            wire.extend(chunk);
        }
        let mut session: Vec<(Side, &[u8])> = wire.chunks(cut).map(|piece| (C, piece)).collect();
        let replies = b"250 Ok\r\n".repeat(chunks.len() + 1);
        session.push((S, &replies));
        prop_assert_eq!(read(&session).messages, [(chunks.concat(), vec!["complete", "accepted"])]);
    }

    #[test]
    fn any_octets_are_read(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(
        prop_oneof![
            Just(b"DATA\r\n".to_vec()), Just(b".\r\n".to_vec()), Just(b"354 x\r\n".to_vec()), Just(b"250 x\r\n".to_vec()),
            Just(b"BDAT 5\r\n".to_vec()), Just(b"BDAT 99999999999999999999 LAST\r\n".to_vec()), Just(b"RSET\r\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..20),
        ], 0..4)), 0..20))
    {
        let pieces: Vec<(bool, Vec<u8>)> = pieces.into_iter().map(|(side, parts)| (side, parts.concat())).collect();
        let session: Vec<(Side, &[u8])> =
            pieces.iter().map(|(side, octets)| (if *side { C } else { S }, &octets[..])).collect();
        let whole = read(&session).messages;
        for (_, ends) in &whole {
            prop_assert!(!ends.is_empty(), "a message that begins ends in some way");
        }
        let in_octets: Vec<(Side, &[u8])> =
            session.iter().flat_map(|(side, octets)| octets.chunks(1).map(move |octet| (*side, octet))).collect();
        prop_assert_eq!(read(&in_octets).messages, whole, "however it is cut");
    }
}
