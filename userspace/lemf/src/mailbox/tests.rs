use super::*;
use crate::smtp::{Side, SmtpEvent};

/// What a reader finds, as text; pieces of any size.
fn read(script: &str, piece: usize, imap: bool) -> Vec<String> {
    let (mut pop3, mut imap4) = (Pop3Reader::default(), ImapReader::default());
    let mut found: Vec<String> = Vec::new();
    let mut message = String::new();
    let mut sink = |event: SmtpEvent<'_>| {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).replace("\r\n", "|");
        match event {
            SmtpEvent::Octets(octets) => message += &text(octets),
            SmtpEvent::Begin { .. } => message.clear(),
            SmtpEvent::Line { .. } => {}
            SmtpEvent::Complete(number) => found.push(format!("whole {number}: {}", message.replace("\r\n", "|"))),
            SmtpEvent::Part(number) => found.push(format!("part {number}: {}", message.replace("\r\n", "|"))),
            SmtpEvent::Abandoned(number) => found.push(format!("unfinished {number}: {message}")),
            SmtpEvent::Answered { message, accepted } => found.push(format!("{message} accepted: {accepted}")),
        }
    };
    for line in script.lines().map(str::trim_start) {
        let side = if line.starts_with("C:") { Side::Client } else { Side::Server };
        let text = format!("{}\r\n", line[2..].strip_prefix(' ').unwrap_or_default());
        for octets in text.as_bytes().chunks(piece) {
            if imap { imap4.octets(side, octets, &mut sink) } else { pop3.octets(side, octets, &mut sink) }
        }
    }
    if imap {
        imap4.finish(&mut sink)
    } else {
        pop3.finish(&mut sink)
    }
    // CR and LF may have come apart.
    found.iter().map(|line| line.replace("\r\n", "|")).collect()
}

#[test]
fn messages_of_pop3_are_the_answers_to_retr_and_top() {
    let script = "C: USER alice\nS: +OK\nC: PASS ******\nS: +OK in\nC: AUTH PLAIN\nS: + \nC: RETR 9\nS: +OK\n\
                  C: LIST\nC: RETR 1\nC: TOP 2 0\nC: RETR 3\nC: RETR 4\nS: +OK\nS: 1 5\nS: .\nS: +OK 9 octets\nS: A: b\nS: \n\
                  S: ..dot\nS: .\nS: +OK\nS: top\nS: .\nS: -ERR no\nS: +OK\nS: cut";
    for piece in 1..40 {
        assert_eq!(
            read(script, piece, false),
            ["whole 0: A: b||.dot|", "part 1: top|", "unfinished 2: cut|"],
            "pieces of {piece}"
        );
    }
}

#[test]
fn messages_of_imap_are_literals_of_fetch_and_append() {
    let script = "C: a LOGIN {5}\nS: + \nC: alice ******\nS: a OK\nC: b FETCH 1:2 (UID BODY[] BODY[HEADER.FIELDS (FROM)])\n\
                  S: * 1 FETCH (UID 7 BODY[] {6}\nS: A: b\nS:  BODY[HEADER.FIELDS (FROM)] {5}\nS: F: \nS: )\n\
                  S: * 2 FETCH (RFC822 ~{0}\nS: )\nS: b OK\nC: c APPEND INBOX (\\Seen) {4+}\nC: x \nC: \nS: c NO full\n\
                  C: d APPEND {5}\nC: INBOX {4}\nC: yyyy\nS: d OK\nS: * 3 FETCH (BODY[1] {100}\nS: cut";
    for piece in 1..40 {
        let found = read(script, piece, true);
        assert_eq!(
            found,
            [
                "whole 0: A: b|",
                "part 1: F: |",
                "whole 2: ",
                "whole 3: x |",
                "3 accepted: false",
                "whole 4: yyyy",
                "4 accepted: true",
                "unfinished 5: cut|"
            ],
            "pieces of {piece}"
        );
    }
}

#[test]
fn octets_without_sense_are_lines_and_nothing_grows() {
    let mut reader = ImapReader::default();
    let mut octets = 0;
    for _ in 0..1000 {
        reader.octets(Side::Server, &[b'('; 1000], &mut |event| {
            if let SmtpEvent::Line { octets: line, .. } = event {
                octets += line.len();
            }
        });
    }
    assert!(octets > 990_000);
}
