//! COMPRESS=DEFLATE (RFC 4978).

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;
use crate::imap::Compressed;

/// Deflates what either end says after COMPRESS was accepted.
fn compressed(script: &str) -> Vec<Turn> {
    let mut turns = dialogue("S: * PREAUTH hi\nC: z COMPRESS DEFLATE\nS: z OK go");
    let mut encoders = [(); 2].map(|()| DeflateEncoder::new(Vec::new(), Compression::best()));
    for turn in dialogue(script) {
        let Turn::Octets(from, octets) = turn else {
            turns.push(turn);
            continue;
        };
        let encoder = &mut encoders[usize::from(from == Direction::FromServer)];
        encoder.write_all(&octets).unwrap();
        encoder.flush().unwrap();
        let deflated = std::mem::take(encoder.get_mut());
        match turns.last_mut() {
            Some(Turn::Octets(side, turn)) if *side == from => turn.extend(deflated),
            _ => turns.push(Turn::Octets(from, deflated)),
        }
    }
    turns
}

const START: [&str; 5] = ["S * PREAUTH hi|", "greeting true", "C z COMPRESS DEFLATE|", "S z OK go|", "settled"];

fn told(script: &str) -> Vec<String> {
    let turns = compressed(script);
    let whole = run_turns(&turns, usize::MAX, true, Limits::default()).lines;
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(run_turns(&turns, piece, true, Limits::default()).lines, whole, "in pieces of {piece}");
    }
    assert_eq!(whole[..5], START);
    whole[5..].to_vec()
}

#[test]
fn compress_is_inflated_and_read_like_any_other() {
    let notes = told(
        "
        C: a FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {31}
        S: From: a@x.example\\r\\n\\r\\naaaaaaaaaa)
        S: a OK
        C: b LOGOUT
        S: * BYE
        S: b OK",
    );
    assert_eq!(
        notes,
        [
            "C a FETCH 1 BODY[]|",
            "S * 1 FETCH (BODY[] {31}|From: a@x.example||aaaaaaaaaa)|a OK|",
            "Download Succeeded 18+64 a@x.example -",
            "settled",
            "C b LOGOUT|",
            "S * BYE|b OK|",
            "logoff true 10+13",
            "settled"
        ]
    );
}

#[test]
fn a_refused_compress_changes_nothing() {
    let notes = run_logged_in("C: z COMPRESS DEFLATE\nC: a NOOP\nS: z NO\nS: a OK");
    assert_eq!(notes.last().unwrap(), "settled");
    assert_eq!(notes[3], "C a NOOP|");
    let notes = run_logged_in("C: z COMPRESS LZ4\nS: z OK\nC: a NOOP");
    assert_eq!(notes[2..], ["settled", "dark, compressed"]);
}

#[test]
fn what_was_sent_ahead_of_the_answer_is_compressed() {
    let mut turns = compressed("C: a NOOP\nS: a OK");
    // The client's first compressed octets come before the server's OK.
    let Turn::Octets(_, ahead) = turns.remove(3) else { panic!() };
    let Turn::Octets(_, command) = &mut turns[1] else { panic!() };
    command.extend(ahead);
    let notes = run_turns(&turns, usize::MAX, true, Limits::default()).lines;
    assert_eq!(notes[5..], ["C a NOOP|", "S a OK|", "settled"]);
}

#[test]
fn a_login_inside_is_marked_as_inflated() {
    let mut inflated = None;
    let mut imap = Imap::new(true, Limits::default());
    let mut tell = |event: Event<'_>| {
        if let Event::Login(login) = event {
            inflated = Some(login.inflated);
        }
    };
    for turn in compressed("C: a UNAUTHENTICATE\nC: b LOGIN bob two\nS: a OK\nS: b OK") {
        let Turn::Octets(from, octets) = turn else { continue };
        let at = At { time: Time::MIN, offset: 0 };
        match from {
            Direction::FromClient => imap.client(at, &octets, &mut tell),
            Direction::FromServer => imap.server(at, &octets, &mut tell),
        }
    }
    assert_eq!(inflated, Some(true));
    let notes = told("C: a UNAUTHENTICATE\nC: b LOGIN bob two\nC: c NOOP\nS: a OK\nS: b OK\nS: c OK");
    assert_eq!(notes[2..5], ["logged out true 18+6", "settled", "login bob Succeeded C b LOGIN bob ***| S b OK|"]);
}

#[test]
fn a_broken_stream_or_one_with_a_hole_is_the_end() {
    let mut turns = compressed("C: a FETCH 1 BODY[]");
    turns.push(Turn::Octets(Direction::FromServer, vec![0xff; 10]));
    turns.push(Turn::Octets(Direction::FromClient, vec![0xff; 10]));
    let notes = run_turns(&turns, 3, true, Limits::default()).lines;
    assert_eq!(notes[6..], ["! broken_compression", "Download Unknown 18+0 - -", "dark, compressed"], "{notes:?}");
    let notes = told("C: a NOOP\nS? 5\nS: a OK");
    assert_eq!(notes, ["C a NOOP|", "lost S 5", "! broken_compression", "dark, compressed"]);
}

#[test]
fn a_bomb_is_left_alone() {
    let limits = Limits { inflated: 100_000, ..Limits::default() };
    let bomb = format!("S: * 1 FETCH (BODY[] {{100000000}}\nS: {}", "x".repeat(3_000_000));
    let mut most = 0;
    let mut told = 0;
    let mut imap = Imap::new(true, limits);
    for turn in compressed(&bomb) {
        let Turn::Octets(from, octets) = turn else { continue };
        let at = At { time: Time::MIN, offset: 0 };
        let mut tell = |event: Event<'_>| {
            if let Event::Octets(octets) = event {
                most = most.max(octets.octets.len());
                told += octets.octets.len();
            }
        };
        match from {
            Direction::FromClient => imap.client(at, &octets, &mut tell),
            Direction::FromServer => imap.server(at, &octets, &mut tell),
        }
    }
    assert!(imap.is_dark());
    assert!(most <= super::super::inflate::STEP && told < 1_000_000, "{most} {told}");
}

/// What is told of a session whose compressed content is told as on the wire: the octets of each side, and the rest.
fn on_the_wire(turns: &[Turn], piece: usize) -> ([Vec<u8>; 2], Vec<String>) {
    let limits = Limits { compressed: Compressed::AsOnTheWire, ..Limits::default() };
    let mut imap = Imap::new(true, limits);
    let mut said = [Vec::new(), Vec::new()];
    let mut notes = Vec::new();
    let mut offsets = [0_u64; 2];
    for turn in turns {
        let Turn::Octets(from, octets) = turn else { continue };
        for octets in octets.chunks(piece) {
            let mut tell = |event: Event<'_>| match event {
                Event::Octets(octets) => {
                    let said = &mut said[usize::from(octets.from == Direction::FromServer)];
                    said.extend(octets.octets);
                }
                event => {
                    let mut one = Notes::default();
                    one.event(&event);
                    notes.extend(one.lines);
                }
            };
            let offset = &mut offsets[usize::from(*from == Direction::FromServer)];
            let at = At { time: Time::MIN, offset: *offset };
            *offset += octets.len() as u64;
            match from {
                Direction::FromClient => imap.client(at, octets, &mut tell),
                Direction::FromServer => imap.server(at, octets, &mut tell),
            }
        }
    }
    (said, notes)
}

#[test]
fn content_can_be_told_as_on_the_wire() {
    let turns = compressed(
        "C: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {3000}\nS: {}\nS: a OK".replace("{}", &"ab".repeat(1499)).as_str(),
    );
    for piece in [1, 5, usize::MAX] {
        let (said, notes) = on_the_wire(&turns, piece);
        for (number, from) in [Direction::FromClient, Direction::FromServer].into_iter().enumerate() {
            let sent: Vec<u8> = turns
                .iter()
                .flat_map(|turn| match turn {
                    Turn::Octets(side, octets) if *side == from => octets.clone(),
                    _ => Vec::new(),
                })
                .collect();
            assert!(said[number] == sent, "{from:?} in {piece}");
        }
        assert_eq!(notes.iter().filter(|note| *note == "settled").count(), 1, "{notes:?}");
    }
}

#[test]
fn on_the_wire_no_secret_and_nobody_elses_octets_are_told() {
    for change in [
        "C: b LOGIN bob wonderland",
        "C: b UNAUTHENTICATE\nC: c LOGIN bob wonderland",
        "C: b AUTHENTICATE PLAIN AGJvYgB3b25kZXJsYW5k",
    ] {
        let answer = if change.contains("UNAUTH") { "S: b OK\nS: c OK" } else { "S: b OK" };
        let turns = compressed(&format!(
            "C: a NOOP\nC: x NOOP\n{change}\nC: d SELECT inbox\nS: a OK\nS: x OK\n{answer}\nS: * 5 EXISTS\nS: d OK"
        ));
        let mut whole: Vec<Vec<u8>> = Vec::new();
        for turn in &turns[3..] {
            let Turn::Octets(_, octets) = turn else { continue };
            whole.push(octets.clone());
        }
        for piece in [1, 7, usize::MAX] {
            let (said, notes) = on_the_wire(&turns, piece);
            assert!(notes.iter().any(|note| note.starts_with("login bob Succeeded")), "{notes:?}");
            let client = text(&said[0]);
            // From there on inflated.
            assert!(client.ends_with("d SELECT inbox|"), "{client}");
            assert!(!client.contains("wonderland") && !client.contains("d25kZXJsYW5k"));
            // What was told as on the wire, inflated again, does not say it either.
            let start = "z COMPRESS DEFLATE\r\n".len();
            let raw = &said[0][start..];
            let mut inflater = flate2::Decompress::new(false);
            let mut output = vec![0; 10_000];
            let _ = inflater.decompress(raw, &mut output, flate2::FlushDecompress::Sync);
            let readable = text(&output[..inflater.total_out() as usize]);
            assert!(!readable.contains("LOGIN bob wo"), "{readable}");
            assert!(text(&said[1]).ends_with("* 5 EXISTS|d OK|"), "{}", text(&said[1]));
        }
    }
}

#[test]
fn unauthenticate_ends_compression() {
    for level in [Compression::none(), Compression::best()] {
        let mut turns = dialogue("S: * OK hi\nC: z COMPRESS DEFLATE\nS: z OK go");
        let mut encoders = [(); 2].map(|()| DeflateEncoder::new(Vec::new(), level));
        for turn in dialogue("C: a LOGIN alice one\nS: a OK in\nC: u UNAUTHENTICATE\nS: u OK out") {
            let Turn::Octets(from, octets) = turn else { continue };
            let encoder = &mut encoders[usize::from(from == Direction::FromServer)];
            encoder.write_all(&octets).unwrap();
            encoder.flush().unwrap();
            turns.push(Turn::Octets(from, std::mem::take(encoder.get_mut())));
        }
        turns.extend(dialogue("C: b LOGIN bob two\nS: b OK in\nC: c NOOP\nS: c OK"));
        for piece in [1, 2, 3, 7, 19, usize::MAX] {
            let notes = run_turns(&turns, piece, true, Limits::default()).lines;
            assert_eq!(
                notes[5..],
                [
                    "login alice Succeeded C a LOGIN alice ***| S a OK in|",
                    "settled",
                    "C u UNAUTHENTICATE|",
                    "S u OK out|",
                    "logged out true 18+10",
                    "settled",
                    "login bob Succeeded C b LOGIN bob ***| S b OK in|",
                    "settled",
                    "C c NOOP|",
                    "S c OK|",
                    "settled",
                ],
                "in pieces of {piece}"
            );
        }
    }
}

#[test]
fn commands_and_responses_are_no_more_than_what_crossed_the_wire_allows() {
    let line = |letter: char, text: &str, times: usize| format!("{letter}: {text}\n").repeat(times);
    let all_read = |script: &str| {
        let mut imap = Imap::new(true, Limits::default());
        let mut told = 0;
        for turn in compressed(script) {
            let Turn::Octets(from, octets) = turn else { continue };
            let at = At { time: Time::MIN, offset: 0 };
            let mut tell = |event: Event<'_>| {
                if let Event::Octets(octets) = event {
                    told += octets.octets.len();
                }
            };
            match from {
                Direction::FromClient => imap.client(at, &octets, &mut tell),
                Direction::FromServer => imap.server(at, &octets, &mut tell),
            }
        }
        (!imap.is_dark(), told)
    };
    let (is_read, told) = all_read(&line('C', &"a NOOP\\r\\n".repeat(1000), 400));
    assert!(!is_read && told < 2 << 20, "{told}");
    let (is_read, told) = all_read(&line('S', &"* OK\\r\\n".repeat(1000), 3000));
    assert!(!is_read && told < 10 << 20, "{told}");
    // A mail of nothing but one octet is only long.
    let mail = format!("C: a APPEND x {{8000000+}}\nC: {}\nC: b NOOP", "x".repeat(8_000_000));
    assert!(all_read(&mail).0);
}

#[test]
fn on_the_wire_the_last_flush_of_either_end_is_of_the_session() {
    let limits = Limits { compressed: Compressed::AsOnTheWire, ..Limits::default() };
    let turns = compressed("C: a NOOP\nS: a OK\nC: b LOGOUT\nS: * BYE\nS: b OK");
    for piece in [usize::MAX, 1, 2, 3, 7] {
        let notes = run_turns(&turns, piece, true, limits);
        for (number, from) in [Direction::FromClient, Direction::FromServer].into_iter().enumerate() {
            let sent = turns.iter().filter_map(|turn| match turn {
                Turn::Octets(side, octets) if *side == from => Some(&octets[..]),
                _ => None,
            });
            assert_eq!(text(&notes.said[number]), text(&sent.collect::<Vec<_>>().concat()), "in pieces of {piece}");
        }
        assert_eq!(notes.lines.last().unwrap(), "logoff true 10+13", "in pieces of {piece}");
    }
    // A server whose flush has no such end.
    let mut turns = turns;
    let Some(Turn::Octets(_, last)) = turns.last_mut() else { panic!() };
    last.truncate(last.len() - 4);
    let notes = run_turns(&turns, 1, true, limits).lines;
    assert_eq!(notes.iter().filter(|note| note.starts_with("logoff true")).count(), 1, "{notes:?}");
}
