//! What is held, and how octets are told.

use super::*;

#[test]
fn a_client_far_ahead_hides_nothing_of_its_login() {
    let mut turns = dialogue("S: +OK\nC: USER alice\nC: PASS s3cret");
    turns.push(Turn::Says(FromClient, b"NOOP\r\n".repeat(100_000)));
    turns.extend(dialogue("S: +OK\nS: +OK"));
    let notes = notes_of(true, &turns, 1400);
    let seen: Vec<_> = notes.lines.iter().filter(|note| !note.starts_with("C NOOP") && *note != ";").collect();
    assert_eq!(seen[2], "! too_far_ahead");
    assert_eq!(seen[3], "login alice Succeeded USER alice|+OK|PASS ******|+OK|");
    assert!(seen[4].starts_with("lost FromClient "), "{seen:?}");
    assert_eq!(seen.len(), 5);
}

#[test]
fn nobody_makes_the_machine_hold_without_bound() {
    let limits = Limits { line: 100, pending: 10, pending_octets: 4096, held: 1000 };
    let mut pop3 = Pop3::new(true, limits);
    let at = At { time: Time::MIN, offset: 0 };
    let mut told = 0;
    for _ in 0..1000 {
        pop3.client(at, b"RETR 1\r\nRETR 2\r\nxxxxxxx", &mut |_| told += 1);
        assert!(pop3.pending.len() <= 10);
    }
    pop3.client(at, &[b'x'; 100_000], &mut |_| {});
    assert!(pop3.dropped.is_some());
    pop3.server(at, &[b'x'; 100_000], &mut |_| {});
    pop3.close(Time::MIN, &mut |_| {});
    assert!(pop3.pending.is_empty() && pop3.held.is_empty());
}

#[test]
fn a_long_line_is_told_as_far_as_it_is_held() {
    let limits = Limits { line: 10, ..Limits::default() };
    let mut notes = Notes::default();
    let turns =
        dialogue("S: +OK ready\nC: USER alice-of-wonderland\nS: +OK\nC: PASS s3cret-s3cret\nS: +OK\nC: NOOP and so on");
    feed(&mut Pop3::new(true, limits), &turns, usize::MAX, &mut |event| notes.take(&event));
    let login = notes.lines.iter().find(|note| note.starts_with("login")).unwrap();
    assert_eq!(login, "login - Succeeded USER *****+OK|PASS *****+OK|");
    assert!(notes.lines.contains(&"lost FromClient 6".to_owned()), "{:?}", notes.lines);
}

#[test]
fn octets_are_told_with_the_time_of_their_packet() {
    let mut pop3 = Pop3::new(true, Limits::default());
    let mut told = Vec::new();
    let mut tell = |event: Event<'_>| {
        if let Event::Octets(octets) = event {
            told.push((octets.time.as_nanos(), octets.wire, text(octets.octets)));
        }
    };
    let at = |nanos, offset| At { time: Time::from_nanos(nanos), offset };
    pop3.server(at(1, 0), b"+OK\r\n", &mut tell);
    pop3.client(at(2, 0), b"CA", &mut tell);
    pop3.client(at(3, 2), b"PA\r", &mut tell);
    pop3.client(at(3, 5), b"\n", &mut tell);
    pop3.server(at(4, 5), b"-ERR\r\n", &mut tell);
    assert_eq!(
        told,
        [(1, 0..5, "+OK|".into()), (2, 0..2, "CA".into()), (3, 2..6, "PA|".into()), (4, 5..11, "-ERR|".into())]
    );
}

#[test]
fn is_quiet_when_all_is_told() {
    let mut pop3 = Pop3::new(true, Limits::default());
    let mut quiet = Vec::new();
    for (from, octets) in [
        (FromServer, &b"+OK\r"[..]),
        (FromServer, b"\n"),
        (FromClient, b"USER a\r\n"),
        (FromServer, b"+OK\r\n"),
        (FromClient, b"PASS b\r\nNO"),
        (FromServer, b"+OK\r\n"),
        (FromClient, b"OP\r\n"),
        (FromServer, b"+OK\r\n"),
    ] {
        let at = At { time: Time::MIN, offset: 0 };
        match from {
            FromClient => pop3.client(at, octets, &mut |_| {}),
            FromServer => pop3.server(at, octets, &mut |_| {}),
        }
        quiet.push(pop3.is_quiet());
    }
    assert_eq!(quiet, [false, true, false, false, false, false, false, true]);
}
