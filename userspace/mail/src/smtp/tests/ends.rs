//! Where a message ends that servers take to end in another way.

use super::*;

#[test]
fn a_server_that_takes_a_bare_line_feed_end_is_believed() {
    let notes = run("
        S: 220 mx
        C! MAIL FROM:<a@x>\\n
        S: 250 ok
        C! DATA\\n
        S: 354 go
        C! Subject: x\\n\\nbody\\n.\\n
        S: 250 queued
        C! QUIT\\n
        S: 221 bye");
    assert_eq!(
        notes[5..],
        ["1= Subject: x\n\nbody\n.\n", "! bare_lf_end", "1< 250 data", "1 Accepted", "1> QUIT", "1< 221"]
    );
}

#[test]
fn what_follows_a_bare_line_feed_end_is_what_the_server_makes_of_it() {
    // All sent at once. A server that answers before any other end took it for one.
    let taken = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        C: DATA
        C! Message-ID: <1@x>\\n\\nbody\\n.\\n\\nMAIL FROM:<b@x>\\n
        S: 250 ok
        S: 354 go
        S: 250 queued
        S: 500 what
        S: 250 ok");
    assert_eq!(
        taken[5..],
        [
            "1= Message-ID: <1@x>\n\nbody\n.\n",
            "! bare_lf_end",
            "! unknown_command",
            "1< 250 data",
            "1 Accepted <1@x>",
            "1> ",
            "1< 500",
            "2> MAIL FROM:<b@x>",
            "2< 250"
        ]
    );
    // One that answers only after the end that all know took it for text.
    let text = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        C: DATA
        S: 250 ok
        S: 354 go
        C! body\\n.\\nMAIL FROM:<b@x>\\n
        C: rest
        C: .
        S: 250 queued");
    assert_eq!(text[5..], ["1= body\n.\nMAIL FROM:<b@x>\nrest\r\n.\r\n", "1< 250 data", "1 Accepted"]);
}

#[test]
fn a_message_behind_another_end_is_found_where_the_server_took_it() {
    use Direction::{FromClient, FromServer};
    for line in LOOSE {
        for quit in [&b""[..], b"QUIT\r\n"] {
            let burst = [&smuggled(line)[..], quit].concat();
            let replies = [&b"250 one\r\n250 mail\r\n250 rcpt\r\n354 go\r\n250 two\r\n"[..], b"221 bye\r\n"];
            let replies = &replies[..1 + usize::from(!quit.is_empty())].concat();
            let notes = after_data(&[(FromClient, &burst), (FromServer, replies)]);
            let mut expected = vec![
                format!("1= text{line}"),
                "! bare_lf_end".into(),
                "1< 250 data".into(),
                "1 Accepted".into(),
                "2> MAIL FROM:<b@x>".into(),
                "2< 250".into(),
                "2> RCPT TO:<c@y>".into(),
                "2< 250".into(),
                "2> DATA".into(),
                "2< 354".into(),
                "2= other\r\n.\r\n".into(),
                "2< 250 data".into(),
                "2 Accepted".into(),
            ];
            if !quit.is_empty() {
                expected.extend(["2> QUIT".into(), "2< 221".into()]);
            }
            assert_eq!(notes, expected, "{line:?}");
        }
    }
}

#[test]
fn a_message_behind_another_end_is_text_where_the_server_did_not_take_it() {
    use Direction::{FromClient, FromServer};
    for line in LOOSE {
        let burst = smuggled(line);
        let text = format!("1= {}", String::from_utf8_lossy(&burst));
        let first = [text.as_str(), "1< 250 data", "1 Accepted"];
        // Nothing more is said; the client says QUIT; it says it at once.
        let quit = ["1> QUIT", "1< 221"];
        assert_eq!(after_data(&[(FromClient, &burst), (FromServer, b"250 one\r\n")]), first, "{line:?}");
        let then = [(FromClient, &b"QUIT\r\n"[..]), (FromServer, b"221 bye\r\n")];
        let after = after_data(&[&[(FromClient, &burst[..]), (FromServer, b"250 one\r\n")], &then[..]].concat());
        assert_eq!(after, [&first[..], &quit].concat(), "{line:?}");
        let at_once = [&burst[..], b"QUIT\r\n"].concat();
        let after = after_data(&[(FromClient, &at_once), (FromServer, b"250 one\r\n221 bye\r\n")]);
        assert_eq!(after, [&first[..], &quit].concat(), "{line:?}");
        // The next message is so like the first one that the replies fit both readings for long.
        let next = [
            (FromClient, &burst[..]),
            (FromServer, b"250 one\r\n"),
            (FromClient, b"MAIL FROM:<d@x>\r\nRCPT TO:<e@y>\r\nDATA\r\n"),
            (FromServer, b"250 mail\r\n250 rcpt\r\n354 go\r\n"),
            (FromClient, b"third\r\n.\r\n"),
            (FromServer, b"250 two\r\n"),
            (FromClient, b"QUIT\r\n"),
            (FromServer, b"221 bye\r\n"),
        ];
        let after = after_data(&next);
        assert_eq!(after[..4], [&first[..], &["2> MAIL FROM:<d@x>"]].concat(), "{line:?}");
        assert_eq!(after[after.len() - 5..after.len() - 2], ["2= third\r\n.\r\n", "2< 250 data", "2 Accepted"]);
    }
}

#[test]
fn of_many_ends_the_one_is_found_that_the_server_takes() {
    use Direction::{FromClient, FromServer};
    for (taken, others) in LOOSE.iter().enumerate().map(|(at, line)| (line, LOOSE[at + 1..].iter().take(2))) {
        let before: String = others.map(|line| format!("{line}x")).collect();
        let burst = [format!("some{before}").into_bytes(), smuggled(taken), b"QUIT\r\n".to_vec()].concat();
        let replies = b"250 one\r\n250 mail\r\n250 rcpt\r\n354 go\r\n250 two\r\n221 bye\r\n";
        let notes = after_data(&[(FromClient, &burst), (FromServer, replies)]);
        assert_eq!(notes[0], format!("1= some{before}text{taken}"));
        assert_eq!(notes[notes.len() - 5..notes.len() - 2], ["2= other\r\n.\r\n", "2< 250 data", "2 Accepted"]);
    }
}

/// A message with two lines of different kinds in it, an envelope behind each, and what was handed over of it by sender.
fn two_kinds(senders: [&str; 3], replies: &[u8]) -> Messages {
    let envelope = |sender: &str| format!("MAIL FROM:<{sender}>\r\nRCPT TO:<d@y>\r\nDATA\r\n");
    let [first, second, third] = senders;
    let burst = format!("one\n.\r\n{}two\n.\n{}three\r\n.\r\nQUIT\r\n", envelope(second), envelope(third));
    let mut turns = vec![
        (Direction::FromServer, b"220 mx\r\n".to_vec()),
        (Direction::FromClient, envelope(first).into_bytes()),
        (Direction::FromServer, b"250 ok\r\n250 ok\r\n354 go\r\n".to_vec()),
        (Direction::FromClient, burst.into_bytes()),
    ];
    turns.push((Direction::FromServer, replies.to_vec()));
    let whole = messages(&run_turns(&turns, usize::MAX));
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(messages(&run_turns(&turns, piece)), whole, "in pieces of {piece}");
    }
    whole
}

#[test]
fn of_two_kinds_of_ends_both_are_found() {
    let replies =
        b"250 one\r\n250 a\r\n250 b\r\n354 c\r\n250 two\r\n250 d\r\n250 e\r\n354 f\r\n250 three\r\n221 bye\r\n";
    for senders in [["c@x", "a@x", "c@x"], ["a@x", "c@x", "c@x"]] {
        let [first, second, third] = senders.map(|sender| format!("<{sender}>"));
        let expected = owned([(&first, "one\n.\r\n"), (&second, "two\n.\n"), (&third, "three\r\n.\r\n")]);
        assert_eq!(two_kinds(senders, replies), expected);
    }
}

#[test]
fn where_either_of_two_ends_may_be_the_one_what_follows_is_nobodys() {
    let replies = b"250 one\r\n250 a\r\n250 b\r\n354 c\r\n250 two\r\n221 bye\r\n";
    for senders in [["a@x", "c@x", "c@x"], ["c@x", "c@x", "a@x"], ["c@x", "a@x", "c@x"]] {
        let first = format!("<{}>", senders[0]);
        assert_eq!(two_kinds(senders, replies), owned([(&first, "one\n.\r\n")]));
    }
    // And one that takes none.
    let whole = two_kinds(["c@x", "c@x", "a@x"], b"250 one\r\n221 bye\r\n");
    assert_eq!(whole.iter().map(|(sender, _)| sender.as_str()).collect::<Vec<_>>(), ["<c@x>"]);
    assert!(whole[0].1.ends_with("three\r\n.\r\n"));
}

#[test]
fn a_session_goes_on_behind_what_is_nobodys() {
    let burst = [smuggled("\n.\n"), smuggled("\n.\r\n")].map(|burst| burst[..burst.len() - 5].to_vec()).concat();
    let turns = [
        (Direction::FromClient, &[&burst[..], b"\r\n.\r\n"].concat()[..]),
        (Direction::FromServer, b"250 one\r\n250 mail\r\n250 rcpt\r\n354 go\r\n250 two\r\n"),
        (Direction::FromClient, b"MAIL FROM:<d@x>\r\nDATA\r\n"),
        (Direction::FromServer, b"250 mail\r\n354 go\r\n"),
        (Direction::FromClient, b"last\r\n.\r\nQUIT\r\n"),
        (Direction::FromServer, b"250 three\r\n221 bye\r\n"),
    ];
    let notes = after_data(&turns);
    let lost = burst.len() + 5 - b"text\n.\n".len();
    assert_eq!(notes[..4], ["1= text\n.\n", &format!("lost FromClient {lost}"), "1< 250 data", "1 Accepted"]);
    assert_eq!(messages(&notes)[1..], owned([("<d@x>", "last\r\n.\r\n")]));
    assert_eq!(notes[notes.len() - 2..], [format!("{}> QUIT", 3), format!("{}< 221", 3)]);
}

#[test]
fn a_message_refused_at_another_end_is_over() {
    use Direction::{FromClient, FromServer};
    for line in ["\n.\n", "\r\n.\r"] {
        let text = format!("text{line}");
        let turns = [
            (FromClient, text.as_bytes()),
            (FromServer, b"550 no\r\n"),
            (FromClient, b"RSET\r\n"),
            (FromServer, b"250 ok\r\n"),
        ];
        let notes = after_data(&turns);
        let expected = [&format!("1= {text}"), "! bare_lf_end", "1< 550 data", "1 Refused", "1> RSET", "1< 250"]
            .map(str::to_owned);
        assert_eq!(notes, expected);
        // And no end for the server that is only early with its refusal.
        let turns = [turns[0], turns[1], (FromClient, b"rest\r\n.\r\nRSET\r\n"), turns[3]];
        let notes = after_data(&turns);
        let expected =
            [&format!("1= {text}rest\r\n.\r\n"), "1< 550 data", "1 Refused", "1> RSET", "1< 250"].map(str::to_owned);
        assert_eq!(notes, expected);
    }
}

#[test]
fn what_is_held_in_doubt_is_bounded_and_not_lost() {
    let mut smtp = Smtp::new(true, Limits { stalled: 1000, ..Limits::default() });
    let mut octets = 0;
    let mut tell = |event: Event<'_>| {
        if let Event::Body { octets: body, .. } = event {
            octets += body.len();
        }
    };
    smtp.server(AT, b"220 mx\r\n", &mut tell);
    smtp.client(AT, b"DATA\r\n", &mut tell);
    smtp.server(AT, b"354 go\r\n", &mut tell);
    for _ in 0..1000 {
        smtp.client(AT, b"a\n.\n", &mut tell);
    }
    smtp.close(Time::MIN, &mut tell);
    assert_eq!(octets, 4000);
}

#[test]
fn two_octets_do_not_make_a_session_dark() {
    let notes = run("
        C! \u{16}\u{3}\\n
        S: 220 mx
        S: 500 what
        C: MAIL FROM:<a@x>
        S: 250 ok");
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
    let notes = run("
        S: 220 mx
        C! \u{16}\u{3}\\n
        S: 500 what
        C: MAIL FROM:<a@x>
        S: 250 ok");
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
}

#[test]
fn a_server_that_takes_no_chunks_reads_commands() {
    let notes = run("
        S: 220 mx
        C: EHLO c
        S: 250-mx
        S: 250 PIPELINING
        C: BDAT 9999
        S: 502 what
        C: MAIL FROM:<a@x>
        S: 250 ok");
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
}
