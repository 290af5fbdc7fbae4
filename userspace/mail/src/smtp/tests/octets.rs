//! Any octets, however they are cut.

use super::*;

/// Found by the property below, in hours: each was told one way in one piece and another in pieces.
#[test]
fn dialogues_of_loose_dots_are_read_the_same_however_they_are_cut() {
    use Direction::{FromClient as C, FromServer as S};
    let dialogues: [&[(Direction, &str)]; 4] = [
        &[
            (S, "MAIL FROM:<a@x>\r\n"),
            (C, ".\r\nDATA\r\n.\n.\r\n"),
            (S, "354 x\r\n354 x\r\n"),
            (C, "QUIT\r\n"),
            (S, "550 x\r\n"),
            (C, "\n.\rBDAT 3 LAST\r\n"),
            (S, "MAIL FROM:<a@x>\r\n250 x\r\n"),
            (C, "MAIL FROM:<a@x>\r\n"),
        ],
        &[(S, "550 x\r\n"), (C, "DATA\r\n.\n.\n"), (S, "334 \r\n"), (C, "\n.\r\n.\r"), (S, "250 x\r\n")],
        &[
            (C, "DATA\r\n.\n"),
            (S, "354 x\r\n334 \r\nMAIL FROM:<a@x>\r\n"),
            (C, "\n.\r\n.\rSTARTTLS\r\n\n.\r"),
            (S, "220 x\r\n"),
        ],
        &[(C, "QUIT\r\nDATA\r\n.\n"), (S, "354 x\r\n"), (C, ".\nMAIL FROM:<a@x>\r\n\n.\r\n.\r"), (S, "550 x\r\n")],
    ];
    for dialogue in dialogues {
        let turns: Vec<_> = dialogue.iter().map(|(from, octets)| (*from, octets.as_bytes().to_vec())).collect();
        let whole = run_turns(&turns, usize::MAX);
        for piece in 1..20 {
            assert_eq!(run_turns(&turns, piece), whole, "{dialogue:?} in pieces of {piece}");
        }
    }
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"MAIL FROM:<a@x>\r\n".to_vec()),
        Just(b"RCPT TO:<b@y>\r\n".to_vec()),
        Just(b"DATA\r\n".to_vec()),
        Just(b"BDAT 5\r\n".to_vec()),
        Just(b"BDAT 3 LAST\r\n".to_vec()),
        Just(b"AUTH LOGIN\r\n".to_vec()),
        Just(b"STARTTLS\r\n".to_vec()),
        Just(b"RSET\r\n".to_vec()),
        Just(b".\r\n".to_vec()),
        Just(b".\n".to_vec()),
        Just(b"\n.\r".to_vec()),
        Just(b"QUIT\r\n".to_vec()),
        Just(b"221 x\r\n".to_vec()),
        Just(b"220 x\r\n".to_vec()),
        Just(b"250-x\r\n".to_vec()),
        Just(b"250 x\r\n".to_vec()),
        Just(b"334 \r\n".to_vec()),
        Just(b"354 x\r\n".to_vec()),
        Just(b"550 x\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 1..6).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_dialogue_is_read_the_same_however_it_is_cut(
        turns in proptest::collection::vec((any::<bool>(), octets()), 0..20),
        piece in 1usize..20,
    ) {
        let turns: Vec<_> = turns
            .into_iter()
            .map(|(client, octets)| (if client { Direction::FromClient } else { Direction::FromServer }, octets))
            .collect();
        let mut joined: Vec<(Direction, Vec<u8>)> = Vec::new();
        for (from, octets) in turns {
            match joined.last_mut() {
                Some((last, all)) if *last == from => all.extend(octets),
                _ => joined.push((from, octets)),
            }
        }
        prop_assert_eq!(run_turns(&joined, piece), run_turns(&joined, usize::MAX));
    }

    #[test]
    fn any_octets_and_gaps_are_survived(
        steps in proptest::collection::vec((0u8..4, octets(), 0u64..50), 0..30),
        from_start in any::<bool>(),
    ) {
        let mut smtp = Smtp::new(from_start, Limits { line: 64, pending: 8, pending_octets: 256, stalled: 128 });
        let mut verbs = 0u32;
        let mut tell = |event: Event<'_>| if let Event::Command(command) = event {
            verbs += u32::from(command.verb != Verb::Unknown);
        };
        for (kind, octets, lost) in steps {
            match kind {
                0 => smtp.client(AT, &octets, &mut tell),
                1 => smtp.server(AT, &octets, &mut tell),
                2 => smtp.gap(Direction::FromClient, Time::MIN, lost, &mut tell),
                _ => smtp.gap(Direction::FromServer, Time::MIN, lost, &mut tell),
            }
        }
        let mut open = 0;
        smtp.close(Time::MIN, &mut |event| {
            if let Event::Message { fate, .. } = event {
                open += usize::from(fate == Fate::BrokenOff);
            }
        });
        prop_assert!(open <= 8);
    }
}
