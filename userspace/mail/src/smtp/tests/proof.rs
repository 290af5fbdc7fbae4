//! What makes lines commands where that is not known.

use super::*;

const HOSTILE: &str = "MAIL FROM:<forged@x>\r\nBDAT 1000000 LAST\r\nfiller\r\n";

/// The replies to what was sent before the gap empty the queue, and the chunk goes on.
#[test]
fn text_after_a_lost_chunk_header_makes_nobody_a_sender() {
    let found = certain(&[
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<m@x>\r\nRCPT TO:<c@y>\r\nBDAT 3\r\nabc"),
        ("-", "BDAT 800 LAST\r\n"),
        ("C", "text\r\n"),
        ("S", "250 ok\r\n250 ok\r\n250 ok\r\n"),
        ("C", HOSTILE),
        ("S", "250 queued\r\n"),
        ("C", "MAIL FROM:<b@x>\r\nRCPT TO:<d@y>\r\nBDAT 3 LAST\r\nabc"),
        ("S", "250 ok\r\n250 ok\r\n250 queued\r\n"),
    ]);
    assert_eq!(found, ["m@x", "c@y"]);
}

#[test]
fn text_behind_a_line_that_reads_like_starttls_makes_nobody_a_sender() {
    let held = format!("more\r\nSTARTTLS\r\n{HOSTILE}");
    let found = certain(&[
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<m@x>\r\nRCPT TO:<c@y>\r\nDATA\r\n"),
        ("S", "250 ok\r\n250 ok\r\n354 go\r\n"),
        ("C", "text\r\n"),
        ("-", "lost"),
        ("C", &held),
        ("-", "last\r\n.\r\n"),
        ("S", "250 queued\r\n"),
        ("C", "NOOP\r\n"),
        ("S", "250 ok\r\n"),
    ]);
    assert_eq!(found, ["m@x", "c@y"]);
}

#[test]
fn text_behind_a_refusal_that_comes_before_its_end_makes_nobody_a_sender() {
    let rest = format!("text\r\n{HOSTILE}.\r\nMAIL FROM:<b@x>\r\n");
    let found = certain(&[
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<m@x>\r\nRCPT TO:<c@y>\r\nDATA\r\n"),
        ("S", "250 ok\r\n250 ok\r\n354 go\r\n"),
        ("C", "text\r\n"),
        ("-", "lost"),
        ("C", "text\r\n"),
        ("S", "552 too big\r\n"),
        ("C", &rest),
        ("S", "250 ok\r\n"),
    ]);
    assert_eq!(found, ["m@x", "c@y"]);
}

/// A line of ordinary text begins like a verb, and would shift every reply for good.
#[test]
fn two_turns_answered_command_by_command_prove_that_lines_are_commands() {
    let text = "Help me, please.\r\nand more\r\nand more\r\nQUIT\r\n";
    let mut turns = vec![
        ("S", "220 mx\r\n"),
        ("C", "MAIL FROM:<m@x>\r\n"),
        ("S", "250 ok\r\n"),
        ("-", "BDAT 800 LAST\r\n"),
        ("C", text),
        ("S", "250 queued\r\n"),
    ];
    for (sender, recipient) in
        [("MAIL FROM:<a@x>\r\n", "RCPT TO:<1@y>\r\n"), ("MAIL FROM:<b@x>\r\n", "RCPT TO:<2@y>\r\n")]
    {
        turns.extend([
            ("C", sender),
            ("S", "250 ok\r\n"),
            ("C", recipient),
            ("S", "250 ok\r\n"),
            ("C", "BDAT 3 LAST\r\nabc"),
            ("S", "250 queued\r\n"),
        ]);
    }
    assert_eq!(certain(&turns), ["m@x", "b@x", "2@y"]);
    // All of a message in one turn.
    let whole = "MAIL FROM:<a@x>\r\nRCPT TO:<1@y>\r\nBDAT 3 LAST\r\nabc";
    let mut turns = turns[..6].to_vec();
    for _ in 0..3 {
        turns.extend([("C", whole), ("S", "250 ok\r\n250 ok\r\n250 queued\r\n")]);
    }
    assert_eq!(certain(&turns), ["m@x", "a@x", "1@y"]);
}

/// Where a capture begins, a message may be under way that is made of lines like these.
#[test]
fn a_capture_that_begins_with_text_makes_nobody_a_sender() {
    let next = ("C", "MAIL FROM:<b@x>\r\nRCPT TO:<d@y>\r\nBDAT 3 LAST\r\nabc");
    let text = format!("MAIL FROM:<forged@x>\r\n{HOSTILE}");
    let replies = ("S", "250 ok\r\n250 ok\r\n250 queued\r\n");
    let begun = [("C", text.as_str()), ("S", "250 queued\r\n"), next, replies, next, replies];
    assert_eq!(certain_of(Smtp::new(false, Limits::default()), &begun), [""; 0]);
    // The same behind a reply to what was sent before the capture.
    let mut synced = vec![("S", "250 ok\r\n")];
    synced.extend(begun);
    assert_eq!(certain_of(Smtp::new(false, Limits::default()), &synced), [""; 0]);
    // Once it is proved what is read, it counts.
    synced.extend([next, replies, next, replies]);
    assert_eq!(certain_of(Smtp::new(false, Limits::default()), &synced), ["b@x", "d@y"]);
}

/// To some servers one line, with one reply (RFC 5321 §2.3.8).
#[test]
fn what_stands_behind_a_bare_line_feed_makes_nobody_a_target() {
    let hello = [
        ("S", "220 mx\r\n"),
        ("C", "EHLO c\r\n"),
        ("S", "250 mx\r\n"),
        ("C", "MAIL FROM:<m@x>\r\n"),
        ("S", "250 ok\r\n"),
    ];
    let after = |turns: &[(&str, &str)]| certain(&[&hello[..], turns].concat())[1..].to_vec();
    let forged =
        [("C", "NOOP\nRCPT TO:<forged@x>\r\n"), ("S", "250 noop\r\n"), ("C", "RCPT TO:<c@y>\r\n"), ("S", "250 ok\r\n")];
    assert_eq!(after(&forged), [""; 0]);
    let login = [
        ("C", "NOOP\nAUTH PLAIN AGZvcmdlZAB4\r\n"),
        ("S", "250 noop\r\n"),
        ("C", "AUTH PLAIN AGIAYg==\r\n"),
        ("S", "235 yes\r\n"),
    ];
    assert!(!after(&login).contains(&"forged".to_owned()));
    // The replies tell, and what follows is read as ever.
    for line in ["QUIT", "BDAT 999999 LAST", "NOOP"] {
        let odd = format!("NOOP\n{line}\r\n");
        let noop = [("C", "NOOP\r\n"), ("S", "250 ok\r\n")];
        let mut turns = vec![("C", odd.as_str()), ("S", "250 noop\r\n")];
        (0..4).for_each(|_| turns.extend(noop));
        turns.extend([("C", "MAIL FROM:<b@x>\r\n"), ("S", "250 ok\r\n")]);
        assert_eq!(after(&turns), ["b@x"], "{line}");
    }
    // A server that answers a line of its own takes it for one, and so all that follow.
    let taken = [
        ("C", "NOOP\n"),
        ("S", "250 noop\r\n"),
        ("C", "RCPT TO:<1@y>\nRCPT TO:<2@y>\n"),
        ("S", "250 ok\r\n250 ok\r\n"),
    ];
    assert_eq!(after(&taken), ["1@y", "2@y"]);
}

/// It answers in clear text, so it read a line.
#[test]
fn a_zero_after_a_login_is_no_security_layer_to_a_server_that_knows_of_none() {
    let notes = run("
        S: 220 mx
        C: AUTH GSSAPI YWJj
        S: 235 yes
        C: \\0
        S: 500 what
        C: MAIL FROM:<a@x>
        S: 250 ok");
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
    assert!(!notes.contains(&"dark".to_owned()));
}

/// A server without CHUNKING reads the chunk as commands.
#[test]
fn a_chunk_that_is_no_command_to_the_server_swallows_nothing() {
    let hello = "S: 220 mx\nC: HELO c\nS: 250 mx\n";
    let notes = run(&format!("{hello}C: BDAT 999999999\nS: 502 what\nC: MAIL FROM:<a@x>\nS: 250 ok"));
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
    let found = certain(&[
        ("S", "220 mx\r\n"),
        ("C", "HELO c\r\n"),
        ("S", "250 mx\r\n"),
        ("C", "BDAT 12 LAST\r\nNOOP\r\nNOOP\r\nMAIL FROM:<m@x>\r\nRCPT TO:<c@y>\r\nRCPT TO:<no@y>\r\n"),
        ("S", "502 what\r\n250 noop\r\n250 noop\r\n250 ok\r\n250 ok\r\n550 no\r\n"),
    ]);
    assert_eq!(found, [""; 0]);
    // One that offers it has read the chunk, whatever it says.
    let notes = run(
        "S: 220 mx\nC: EHLO c\nS: 250-mx\nS: 250 CHUNKING\nC: BDAT 6 LAST\nC: QUIT\nS: 503 no\nC: MAIL FROM:<a@x>\nS: 250 ok",
    );
    assert_eq!(notes[notes.len() - 2..], ["1> MAIL FROM:<a@x>", "1< 250"]);
    assert!(notes.contains(&"0= QUIT\r\n".to_owned()));
}

#[test]
fn a_refusal_of_an_unknown_line_is_no_reply_to_what_every_server_knows() {
    for (odd, refusal) in [("XFOO", "500 what"), ("RCPT b@y", "501 whom"), ("XFOO", "502 what")] {
        let batch = format!("MAIL FROM:<a@x>\r\n{odd}\r\nNOOP\r\nRCPT TO:<b@y>\r\n");
        let replies = format!("250 ok\r\n{refusal}\r\n250 noop\r\n250 ok\r\n");
        assert_eq!(certain(&[("S", "220 mx\r\n"), ("C", &batch), ("S", &replies)]), ["a@x", "b@y"], "{odd}");
    }
}

#[test]
fn a_command_refused_between_chunks_ends_no_message() {
    for odd in ["EHLO bad_", "MAIL FROM:<b@x>", "RSET x"] {
        let notes = run(&format!(
            "S: 220 mx\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: BDAT 24\nC: Message-ID: <true@x>\nC:\nS: 250 ok\nC: {odd}\nS: 501 no\nC: BDAT 25 LAST\nC: Message-ID: <false@x>\nC!\nS: 250 taken"
        ));
        assert!(notes.last().is_some_and(|last| last.ends_with("Accepted <true@x>")), "{odd} {notes:?}");
    }
}

/// Replies to what stands before the gap, and two for one turn, prove nothing.
#[test]
fn replies_that_may_be_to_something_else_prove_nothing() {
    let forged = ("C", "MAIL FROM:<forged@x>\r\n");
    for replies in [["250 ok\r\n"; 4], ["250 ok\r\n250 ok\r\n"; 4]] {
        let mut turns = vec![
            ("S", "220 mx\r\n"),
            ("C", "MAIL FROM:<m@x>\r\nRCPT TO:<1@y>\r\nRCPT TO:<2@y>\r\nBDAT 3\r\nabc"),
            ("-", "BDAT 800 LAST\r\n"),
        ];
        turns.extend(replies.iter().flat_map(|reply| [forged, ("S", reply)]));
        assert_eq!(certain(&turns)[..1], ["m@x"]);
        assert!(!certain(&turns).contains(&"forged@x".to_owned()), "{replies:?}");
    }
}
