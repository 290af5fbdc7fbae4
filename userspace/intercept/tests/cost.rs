//! What a session costs: memory while it waits, allocations for each octet, and the most that anybody can make it hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::alloc::System;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use support::packet::{self, ACK, SYN};
use support::{FromClient, FromServer, Play, at, cc, email, iri, login, packets, room};
use writ_intercept::Warrant;
use writ_wire::{Direction, Frame, Link, Wire};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator is shared by all tests, so one is measured at a time.
static MEASURING: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Octets that are allocated now and were not before.
fn held(stats: &Stats) -> i64 {
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

fn add(to: &mut Stats, more: Stats) {
    to.allocations += more.allocations;
    to.reallocations += more.reallocations;
    to.bytes_allocated += more.bytes_allocated;
    to.bytes_deallocated += more.bytes_deallocated;
}

/// Warrants of every kind, none of which covers the sessions measured.
fn others() -> Vec<Warrant> {
    vec![
        cc("CONTENT", [email("somebody@example.org"), login("somebody")]),
        packets("PACKETS", [email("somebody@example.org")]),
        iri("IRI", [support::ip("203.0.113.0/24")]),
    ]
}

#[test]
fn a_hundred_thousand_sessions_idle_after_ehlo_fit_in_a_gibibyte() {
    const SESSIONS: u32 = 100_000;
    let _alone = alone();
    let region = Region::new(ALLOCATOR);
    let settings = writ_wire::Settings { max_flows: 2 * SESSIONS as usize, ..writ_wire::Settings::default() };
    let mut wire = Wire::new(settings);
    let mut interception = room(others());
    let server: SocketAddr = "198.51.100.25:25".parse().unwrap();
    let greeting = b"220 mx.example.com ESMTP ready\r\n";
    let ehlo = b"EHLO client.example.org\r\n";
    let answer = b"250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n";
    for number in 0..SESSIONS {
        let client = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + number), 40_000));
        let mut sent = [1_000_u32, 5_000];
        let mut send = |from: Direction, flags: u8, payload: &[u8]| {
            let (here, source, destination) =
                if from == FromClient { (0, client, server) } else { (1, server, client) };
            let packet = packet::tcp(source, destination, sent[here], sent[1 - here], flags, payload);
            sent[here] += payload.len() as u32 + u32::from(flags & SYN);
            if flags & SYN != 0 {
                sent[here] = sent[here].wrapping_sub(u32::from(SYN)).wrapping_add(1);
            }
            let frame = Frame { time: at(1), link: Link::RawIp, octets: &packet, wire_len: packet.len() as u32 };
            wire.frame(&frame, &mut interception);
        };
        send(FromClient, SYN, b"");
        send(FromServer, SYN | ACK, b"");
        send(FromServer, ACK, greeting);
        send(FromClient, ACK, ehlo);
        send(FromServer, ACK, answer);
        send(FromClient, ACK, b"");
    }
    assert_eq!((wire.open_flows(), interception.counters.smtp_sessions), (SESSIONS as usize, u64::from(SESSIONS)));
    let held = held(&region.change());
    let each = held / i64::from(SESSIONS);
    assert!(held < 1 << 30, "{held} octets");
    // Far below the limit, so that the sessions that are not idle have the rest.
    assert!(each < 2_500, "{each} octets a session, flow and stream included");
    drop((wire, interception));
}

/// Sends one message of so many octets, and gives what its body allocated, and what was still held at its end.
fn send_message(warrants: Vec<Warrant>, octets: usize) -> (Stats, i64) {
    let mut play = Play::new(warrants).open();
    play.speak(
        "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\n\
         C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC:",
    );
    play.captured = Vec::with_capacity(0);
    let line = [&[b'x'; 76][..], b"\r\n"].concat();
    let segment: Vec<u8> = line.iter().copied().cycle().take(78 * 18).collect();
    // Lines that begin with a dot are looked at, and must cost no more.
    let segment = [&b"..\r\n"[..], &segment].concat();
    let client: SocketAddr = play.client;
    let server: SocketAddr = play.server;
    let mut seq = play.next(FromClient);
    let ack = play.next(FromServer);
    let region = Region::new(ALLOCATOR);
    let mut made = Stats::default();
    for _ in 0..octets / segment.len() {
        let packet = packet::tcp(client, server, seq, ack, ACK, &segment);
        seq = seq.wrapping_add(segment.len() as u32);
        let before = region.change();
        play.frame(&packet);
        play.room.records.clear();
        let after = region.change();
        add(&mut made, after - before);
    }
    (made, held(&made))
}

#[test]
fn an_octet_costs_the_same_in_a_large_message_as_in_a_small_one() {
    let _alone = alone();
    let kinds: [&dyn Fn() -> Vec<Warrant>; 4] = [
        &Vec::new,
        &others,
        &|| vec![cc("ALICE", [email("alice@example.org")]), cc("DAVE", [email("dave@example.com")])],
        &|| vec![packets("ALICE", [email("alice@example.org")])],
    ];
    for (kind, warrants) in kinds.into_iter().enumerate() {
        let per_segment = |octets: usize| {
            let (made, held) = send_message(warrants(), octets);
            let segments = (octets / 1408) as f64;
            let allocations = (made.allocations + made.reallocations) as f64 / segments;
            let octets = (made.bytes_allocated as f64) / segments;
            (allocations, octets, held)
        };
        let (small, large) = (per_segment(25_000), per_segment(25_000_000));
        assert!(large.0 <= small.0 + 0.5, "{kind}: {small:?} {large:?} allocations a segment");
        assert!(large.1 <= small.1 * 1.1 + 16.0, "{kind}: {small:?} {large:?} octets allocated a segment");
        assert!(large.2 < 16 * 1024, "{kind}: {} octets held of 25,000,000", large.2);
        if kind == 0 {
            assert!(large.0 < 0.01, "nothing is copied where nothing is wanted: {large:?}");
        }
    }
}

#[test]
fn a_reply_of_many_lines_costs_what_it_is_long() {
    let _alone = alone();
    let made = |lines: usize| {
        let mut play = Play::new(others()).open();
        play.speak("S: 220 mx\nC: EHLO client");
        let reply = ["250-x\r\n".repeat(lines), "250 x\r\n".to_owned()].concat();
        let region = Region::new(ALLOCATOR);
        for piece in reply.as_bytes().chunks(1_400) {
            play.raw(FromServer, ACK, piece);
        }
        let made = region.change();
        (made.bytes_allocated + made.bytes_reallocated.unsigned_abs()) / lines
    };
    let (short, long) = (made(100), made(9_000));
    assert!(long <= short * 2, "{short} and {long} octets allocated a line");
}

#[test]
fn what_a_session_can_be_made_to_hold_has_an_end() {
    let _alone = alone();
    // The server says nothing from here on.
    let start = "S: 220 mx\nC: EHLO client\nS: 250-mx\nS: 250 CHUNKING\nC: MAIL FROM:<alice@example.org>\nS: 250 ok";
    let floods: [(&str, String); 6] = [
        ("commands", "NOOP\r\n".repeat(200)),
        ("recipients", "RCPT TO:<dave@example.com>\r\n".repeat(50)),
        ("envelopes", "MAIL FROM:<alice@example.org>\r\nRCPT TO:<dave@example.com>\r\nBDAT 1 LAST\r\nx".repeat(15)),
        ("chunks", "BDAT 1\r\nx".repeat(150)),
        ("octets after DATA", format!("DATA\r\n{}", "x".repeat(1_300))),
        ("a line without end", "x".repeat(1_400)),
    ];
    for (flood, text) in floods {
        let warrants = || vec![packets("ALICE", [email("alice@example.org")]), cc("DAVE", [email("dave@example.com")])];
        let mut play = Play::new(warrants()).open().say(start);
        let region = Region::new(ALLOCATOR);
        for _ in 0..8_000 {
            play.raw(FromClient, ACK, text.as_bytes());
            play.captured.clear();
            play.room.records.clear();
        }
        let held = held(&region.change());
        assert!(held < 8 << 20, "{flood}: {held} octets");
        // And it is given back.
        let play = play.finish();
        assert_eq!(play.room.counters.smtp_sessions, 1);
    }
}

#[test]
fn what_all_sessions_can_be_made_to_hold_has_an_end() {
    const LIMIT: usize = 8 << 20;
    let _alone = alone();
    let envelope = "S: 220 mx\nC: EHLO client\nS: 250-mx\nS: 250 CHUNKING\nC: MAIL FROM:<alice@example.org>\nS: 250 ok";
    let floods: [(u16, &str, String); 10] = [
        (25, envelope, "NOOP\r\n".repeat(200)),
        (25, envelope, "RCPT TO:<dave@example.com>\r\n".repeat(50)),
        (25, envelope, "BDAT 1\r\nx".repeat(150)),
        (25, envelope, format!("DATA\r\n{}", "x".repeat(1_300))),
        (25, "S: 220 mx\nC: AUTH PLAIN", "x".repeat(1_400)),
        (110, "S: +OK ready", "NOOP\r\n".repeat(200)),
        (110, "S: +OK ready", format!("USER x\r\nAUTH PLAIN {}\r\n", "x".repeat(1_300))),
        (143, "S: * OK ready", "a NOOP\r\n".repeat(150)),
        (143, "S: * OK ready", format!("a LOGIN x {}\r\n", "x".repeat(1_300))),
        (143, "S: * OK ready\nC: a CAPABILITY\nS: * OK x\nS: a OK x", "a FETCH 1:* BODY[]\r\n".repeat(60)),
    ];
    for (port, start, text) in floods {
        let warrants = vec![packets("ALICE", [email("alice@example.org")]), iri("DAVE", [email("dave@example.com")])];
        let region = Region::new(ALLOCATOR);
        let mut play = Play::new(warrants).with(|settings| settings.held_octets = LIMIT);
        let flood = format!("port {port}: {:?}", text.get(..20));
        for number in 0..100 {
            play = play.between(&format!("192.0.2.{}:40000", number + 20), &format!("198.51.100.25:{port}")).open();
            play = play.say(start);
            for _ in 0..150 {
                play.raw(FromClient, ACK, text.as_bytes());
                play.captured.clear();
                play.room.records.clear();
            }
        }
        let held = held(&region.change());
        assert!(held < 2 * LIMIT as i64, "{flood}: {held} octets");
        assert!(play.room.counters.sessions_given_up > 0, "{flood}: {held} octets");
        // Who sends an ordinary mail meanwhile is not one of those that go.
        let before = play.room.counters.sessions_given_up;
        play = play.between("192.0.2.7:40000", "198.51.100.25:25").open();
        play = play.say(
            "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<carol@example.org>\nS: 250 ok\n\
             C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC:\nC: x\nC: .\nS: 250 taken",
        );
        assert!(!play.room.records.is_empty(), "{flood}: the ordinary mail is told");
        assert_eq!(play.room.counters.sessions_given_up, before, "{flood}");
    }
}
