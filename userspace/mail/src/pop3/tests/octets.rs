//! Any octets, however they are cut.

use super::*;

/// Octets of which sessions are made: words of the protocol, and others.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"USER alice",
        b"PASS s3cret",
        b"pass  s3cret ",
        b"APOP a s3cret",
        b"AUTH PLAIN",
        b"AUTH LOGIN czNjcmV0",
        b"czNjcmV0",
        b"AUTH DIGEST-MD5",
        b"*",
        b"CAPA",
        b"STLS",
        b"STAT",
        b"LIST",
        b"LIST 1",
        b"RETR 1",
        b"TOP 1 0",
        b"DELE 1",
        b"QUIT",
        b"XYZ",
        b"+OK",
        b"+OK 1",
        b"-ERR",
        b"+ ",
        b"+ VXNlcm5hbWU6",
        b".",
        b"..",
        b"From: a@x",
        b"Message-ID: <1@x>",
        b"",
        b"\r\n",
        b"\n",
        b"\r\n",
        b"\r\n",
        b"\r",
        b"\x16\x03",
        b"\0",
    ];
    let word = prop_oneof![
        4 => proptest::sample::select(words.clone()).prop_map(|word| [word, b"\r\n"].concat()),
        1 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 1..6).prop_map(|words| words.concat())
}

fn turns(gaps: bool) -> impl Strategy<Value = Vec<Turn>> {
    let side = any::<bool>().prop_map(|client| if client { FromClient } else { FromServer });
    let turn = (side, octets(), 0..if gaps { 12_u64 } else { 1 }).prop_map(|(from, octets, kind)| match kind {
        9.. => Turn::Gap(from, kind),
        _ => Turn::Says(from, octets),
    });
    proptest::collection::vec(turn, 0..24)
}

/// Packets of one side that follow each other, in one.
fn joined(turns: &[Turn]) -> Vec<Turn> {
    let mut all: Vec<Turn> = Vec::new();
    for turn in turns {
        match (all.last_mut(), turn) {
            (Some(Turn::Says(of, held)), Turn::Says(from, octets)) if of == from => held.extend(octets),
            _ => all.push(turn.clone()),
        }
    }
    all
}

proptest! {
    #[test]
    fn any_dialogue_is_read_the_same_however_it_is_cut(
        turns in turns(true), from_start in any::<bool>(), piece in 1_usize..9,
    ) {
        let turns = joined(&turns);
        let whole = notes_of(from_start, &turns, usize::MAX);
        prop_assert_eq!(notes_of(from_start, &turns, piece).lines, whole.lines);
    }

    #[test]
    fn without_loss_all_is_told_once(turns in turns(false)) {
        let notes = notes_of(true, &turns, usize::MAX);
        if !notes.cut && !notes.lines.iter().any(|line| line == "dark") {
            assert_all_told(&turns, &notes);
        }
    }

    #[test]
    fn no_password_is_ever_told(turns in turns(true), from_start in any::<bool>(), tight in any::<bool>()) {
        // Where the password stands in the client's stream, nothing else must be told but `*`.
        let mut offset = 0;
        let mut secrets = Vec::new();
        let mut turns = joined(&turns);
        for turn in &mut turns {
            match turn {
                Turn::Gap(FromClient, octets) => offset += *octets,
                Turn::Says(FromClient, octets) => {
                    for secret in [&b"s3cret"[..], b"czNjcmV0"] {
                        let found = memchr::memmem::find_iter(octets, secret);
                        secrets.extend(found.map(|at| offset + at as u64..offset + (at + secret.len()) as u64));
                    }
                    offset += octets.len() as u64;
                }
                _ => {}
            }
        }
        let limits = Limits { line: 40, pending: 3, pending_octets: 1000, held: 300 };
        let limits = if tight { limits } else { Limits::default() };
        let (mut told, mut logged_in) = (Vec::new(), false);
        feed(&mut Pop3::new(from_start, limits), &turns, 5, &mut |event| {
            match event {
                Event::Octets(said) if said.from == FromClient => told.extend(said.wire.zip(said.octets.to_vec())),
                Event::Login(login) => logged_in |= login.outcome == Outcome::Succeeded,
                _ => {}
            }
        });
        // Words that were run together are commands with a strange argument, so only whole lines are looked at.
        let whole: Vec<u8> = turns.iter().flat_map(|turn| match turn {
            Turn::Says(FromClient, octets) => octets.clone(),
            Turn::Gap(FromClient, octets) => vec![b'?'; *octets as usize],
            _ => Vec::new(),
        }).collect();
        for secret in secrets {
            let start = whole[..secret.start as usize].iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
            let line = whole[start..secret.end as usize].trim_ascii_start().to_ascii_uppercase();
            let known = [&b"CAPA"[..], b"STLS", b"STAT", b"LIST", b"RETR", b"TOP", b"DELE", b"QUIT"];
            let is_known = logged_in || known.iter().any(|verb| line.starts_with(verb));
            if is_known && !super::super::command::resembles_login(Verb::Unknown, &line) {
                continue;
            }
            for (at, octet) in &told {
                prop_assert!(!secret.contains(at) || *octet == b'*', "{:?} in {:?}", secret, turns);
            }
        }
    }
}
