//! What nobody should send, and somebody will.

use proptest::prelude::*;

use super::*;

#[test]
fn a_tag_that_is_used_again_is_the_older_commands_first() {
    let notes = run_logged_in("C: a FETCH 1 BODY[]\nC: a NOOP\nS: a NO\nS: a OK");
    assert_eq!(
        notes,
        [
            "C a FETCH 1 BODY[]|",
            "! tag_reused",
            "C a NOOP|",
            "S a NO|",
            "Download Failed 18+6 - -",
            "settled",
            "S a OK|",
            "settled"
        ]
    );
}

#[test]
fn lists_within_lists_hold_nothing() {
    let deep = "(".repeat(100_000);
    let notes = run_logged_in(&format!(
        "C: a SEARCH {deep}\nS: * 1 FETCH (ENVELOPE {deep}\nS: * THREAD {deep}\nS: a OK\nC: b NOOP\nS: b OK"
    ));
    assert_eq!(notes.iter().filter(|note| *note == "! over_limit").count(), 3);
    assert_eq!(notes.last().unwrap(), "settled");
}

#[test]
fn a_line_without_end_is_told_and_not_held() {
    let long = "x".repeat(300_000);
    for script in [
        format!("C! a SEARCH {long}\nC! {long}\nS! * SEARCH {long}\nS! {long}"),
        format!("C! a NOOP\nS! a OK {long}"),
        format!("S! + {long}"),
        format!("S! * OK {long}"),
    ] {
        let turns = dialogue(&format!("S: * PREAUTH\n{script}"));
        let notes = run_turns(&turns, 1000, true, Limits::default());
        let told: usize = notes.lines.iter().map(|line| line.len()).sum();
        assert!(told > 300_000);
    }
    // Of what may be a secret only so much is held.
    let notes = run(&format!("S: * OK\nC: a LOGIN alice {long}\nS: a NO {long}\nC: b NOOP\nS: b OK"));
    assert_eq!(notes[2], "! long_line");
    assert!(notes.iter().map(String::len).sum::<usize>() < 200_000);
    assert_eq!(notes.last().unwrap(), "settled");
}

#[test]
fn a_literal_of_25_megabytes_takes_no_memory() {
    let mut imap = Imap::new(true, Limits::default());
    let mut told = 0_u64;
    let mut last = None;
    let mut tell = |event: Event<'_>| match event {
        Event::Octets(octets) => told += octets.octets.len() as u64,
        Event::Transfer(transfer) => last = Some((transfer.client_octets, transfer.server_octets)),
        _ => {}
    };
    let size: u64 = 25 << 20;
    let at = |offset| At { time: Time::MIN, offset };
    imap.server(at(0), b"* PREAUTH\r\n", &mut tell);
    imap.client(at(0), b"a FETCH 1 BODY[]\r\n", &mut tell);
    imap.server(at(11), format!("* 1 FETCH (BODY[] {{{size}}}\r\n").as_bytes(), &mut tell);
    let piece = vec![b'('; 64 << 10];
    for number in 0..size / piece.len() as u64 {
        imap.server(at(number), &piece, &mut tell);
        // All of it was told, so that none of it is held.
        assert!(imap.is_quiet());
    }
    imap.server(at(0), b")\r\na OK\r\n", &mut tell);
    assert_eq!(last, Some((18, 30 + size + 9)));
    assert_eq!(told, 11 + 18 + 30 + size + 9);
}

#[test]
fn of_too_many_commands_the_newest_is_given_up() {
    let limits = Limits { pending: 3, ..Limits::default() };
    let commands =
        "C: a FETCH 1 BODY[]\nC: b FETCH 2 BODY[]\nC: c FETCH 3 BODY[]\nC: d APPEND x {1+}\nC: y\nC: e NOOP\n";
    let answers: String = (1..4)
        .map(|number| {
            format!(
                "S: * {number} FETCH (BODY[] {{17}}\nS: From: a@{number}.org\\r\\n)\nS: {} OK\n",
                ["a", "b", "c"][number - 1]
            )
        })
        .collect();
    let notes = run_with(&format!("S: * PREAUTH\n{commands}{answers}S: d OK\nS: e OK"), true, limits);
    let told: Vec<_> = notes.iter().filter(|note| note.contains("load")).collect();
    assert_eq!(
        told,
        [
            // What comes of it nobody can say.
            "Upload Unknown 20+0 - -",
            "Download Succeeded 18+48 a@1.org -",
            "Download Succeeded 18+48 a@2.org -",
            // It is told by what it brings.
            "Download Succeeded 0+42 a@3.org -",
        ]
    );
    assert_eq!(notes.iter().filter(|note| *note == "! too_far_ahead").count(), 2);
    // One that is never answered makes no room for itself.
    let notes = run_with(
        "S: * PREAUTH\nC: a NOOP\nC: b NOOP\nC: c NOOP\nS? 30\nC: d FETCH 1 BODY[]\nC: e FETCH 2 BODY[]\nC: f NOOP\nS: x\nS: d NO\nS: e NO\nS: f OK",
        true,
        limits,
    );
    assert_eq!(notes.iter().filter(|note| note.contains("Download Failed")).count(), 2, "{notes:?}");
    let limits = Limits { pending_octets: 1000, ..Limits::default() };
    let lines = "C: c2VjcmV0\n".repeat(500);
    let notes = run_with(&format!("S: * OK\n{lines}"), true, limits);
    assert!(notes.contains(&"! too_far_ahead".into()));
}

#[test]
fn answers_that_make_no_sense_change_nothing() {
    let notes = run_logged_in("S: x OK\nS: + what\nS: \nS: *\nS: * \nS: a\nC: a NOOP\nS: a MAYBE\nS: a BYE\nS: a OK");
    assert_eq!(notes.last().unwrap(), "settled");
    assert_eq!(notes.iter().filter(|note| *note == "! unasked_reply").count(), 2);
    assert_eq!(notes.iter().filter(|note| *note == "! stray_server_line").count(), 4);
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    let words: [&[u8]; 44] = [
        b"a ",
        b"b ",
        b"* ",
        b"+ ",
        b"\r\n",
        b"\n",
        b" ",
        b"(",
        b")",
        b"\"",
        b"\\",
        b"{3}\r\n",
        b"{3+}\r\n",
        b"~{2}\r\n",
        b"{0}\r\n",
        b"LOGIN ",
        b"AUTHENTICATE PLAIN",
        b"AUTHENTICATE LOGIN ",
        b"alice ",
        b"c2Vj",
        b"FETCH ",
        b"1 FETCH (",
        b"BODY[] ",
        b"BODY[HEADER.FIELDS (",
        b"]",
        b"ENVELOPE ((",
        b"APPEND x ",
        b"CATENATE (",
        b"TEXT ",
        b"URL x ",
        b"IDLE",
        b"DONE",
        b"LOGOUT",
        b"UNAUTHENTICATE",
        b"COMPRESS DEFLATE",
        b"OK",
        b"NO ",
        b"BAD",
        b"BYE",
        b"PREAUTH",
        b"URLFETCH x ",
        b"x",
        b"\0",
        b"NIL ",
    ];
    prop_oneof![
        9 => prop::sample::select(words.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn turns() -> impl Strategy<Value = Vec<(bool, Vec<u8>, bool)>> {
    let turn = (any::<bool>(), prop::collection::vec(words(), 0..12), prop::bool::weighted(0.05));
    prop::collection::vec(turn.prop_map(|(side, words, gap)| (side, words.concat(), gap)), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_depends_on_how_octets_are_cut(said in turns(), piece in 1_usize..9, from_start in prop::bool::weighted(0.9)) {
        let mut script = Vec::new();
        for (side, octets, gap) in said {
            let from = if side { Direction::FromClient } else { Direction::FromServer };
            if gap {
                script.push(Turn::Gap(from, octets.len() as u64 + 1));
            }
            script.push(Turn::Octets(from, octets));
        }
        let limits = Limits { stalled: 1 << 20, ..Limits::default() };
        let whole = run_turns(&script, usize::MAX, from_start, limits).lines;
        prop_assert_eq!(run_turns(&script, piece, from_start, limits).lines, whole);
    }

    #[test]
    fn octets_of_any_kind_do_no_harm(said in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..10)) {
        let script: Vec<_> = said.into_iter().map(|(side, octets)| {
            Turn::Octets(if side { Direction::FromClient } else { Direction::FromServer }, octets)
        }).collect();
        let limits = Limits { line: 50, pending: 3, pending_octets: 100, stalled: 100, transfers: 2, ..Limits::default() };
        run_turns(&script, 7, true, limits);
    }
}

#[test]
fn blanks_before_a_status_are_held_up_to_a_limit_and_hide_no_refusal() {
    for start in ["C: PwSecret9", "C! PwSec\nC? 9\nS? 9"] {
        let mut script = format!("S: * OK hi\n{start}\nS! *");
        script.push_str(&" \t".repeat(100_000));
        script.push_str("BAD PwSecret9");
        let mut turns = dialogue(&script);
        turns.push(Turn::Octets(Direction::FromServer, b"\r\n".to_vec()));
        let mut imap = Imap::new(true, Limits::default());
        let mut leaks = false;
        for turn in &turns {
            let mut tell = |event: Event<'_>| {
                leaks |= matches!(event, Event::Octets(octets) if memchr::memmem::find(octets.octets, b"PwSecret9").is_some());
            };
            match turn {
                Turn::Gap(from, octets) => imap.gap(*from, Time::MIN, *octets, &mut tell),
                Turn::Octets(Direction::FromClient, octets) => {
                    imap.client(At { time: Time::MIN, offset: 0 }, octets, &mut tell);
                }
                Turn::Octets(Direction::FromServer, octets) => {
                    for octets in octets.chunks(1000) {
                        imap.server(At { time: Time::MIN, offset: 0 }, octets, &mut tell);
                        assert!(imap.held() < 200_000, "{}", imap.held());
                    }
                }
            }
        }
        assert!(!leaks, "{start}");
    }
}

/// Reads a client's octets piece by piece; gives the most that was held.
fn most_held(before: &str, octets: &[u8], limits: Limits) -> usize {
    let mut imap = Imap::new(true, limits);
    let at = At { time: Time::MIN, offset: 0 };
    imap.server(at, before.as_bytes(), &mut |_| {});
    let mut most = 0;
    for piece in octets.chunks(1400) {
        imap.client(at, piece, &mut |_| {});
        most = most.max(imap.held());
    }
    most
}

#[test]
fn messages_of_one_command_without_end_are_told_before_it() {
    let append = [&b"a APPEND x"[..], &b" {1+}\r\ny".repeat(50_000)].concat();
    let held = most_held("* PREAUTH\r\n", &append, Limits::default());
    // What waits counts.
    assert!((50_000..200_000).contains(&held), "{held}");
    let limits = Limits { transfers: 2, ..Limits::default() };
    let messages = "C! x\nC:  {1+}\n".repeat(3);
    let notes = run_with(&format!("S: * PREAUTH\nC: a APPEND x {{1+}}\n{messages}C: y\nS: a OK"), true, limits);
    let told: Vec<_> = notes.iter().filter(|note| note.starts_with("Upload")).collect();
    assert_eq!(
        told,
        ["Upload Unknown 18+0 - -", "Upload Unknown 8+0 - -", "Upload Succeeded 8+0 - -", "Upload Succeeded 10+6 - -"]
    );
    let parts = "CATENATE (URL u) ".repeat(4);
    let notes = run_with(&format!("S: * PREAUTH\nC: a APPEND x {parts}\nS: a OK"), true, limits);
    assert_eq!(notes.iter().filter(|note| note.starts_with("Upload")).count(), 4);
}

#[test]
fn literals_of_a_login_without_end_count_as_held() {
    let literal = format!(" {{20000+}}\r\n{}", "x".repeat(20_000)).repeat(20);
    for command in [format!("a LOGIN{literal}"), format!("a AUTHENTICATE PLAIN{literal}")] {
        let held = most_held("* OK\r\n", command.as_bytes(), Limits::default());
        assert!(held > 380_000, "{held}");
    }
}
