//! What anybody on the network can send: nothing panics, no table passes its limit, and no packet costs more than its length.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use support::{ACK, FIN, FromClient, FromServer, RST, SYN, Tap, ip, small};
use writ_wire::{Close, Direction, Frame, Link, Settings, Time};

const LINKS: [Link; 5] = [Link::Ethernet, Link::RawIp, Link::LinuxSll, Link::LinuxSll2, Link::BsdLoopback];

/// A segment of one of few flows, with numbers near one another, so that most of them meet.
#[derive(Clone, Debug)]
struct Wild {
    from: Direction,
    port: u16,
    seq: u32,
    ack: u32,
    flags: u8,
    length: usize,
    pause: u64,
    cut: usize,
}

fn wild() -> impl Strategy<Value = Wild> {
    let number = || prop_oneof![8 => 0_u32..3000, 1 => any::<u32>(), 2 => (u32::MAX - 1500)..=u32::MAX];
    let flags = prop_oneof![6 => Just(ACK), 1 => Just(SYN), 1 => Just(SYN | ACK), 1 => Just(FIN | ACK), 1 => Just(RST), 1 => any::<u8>()];
    let pause = prop_oneof![8 => 0_u64..50, 1 => 0_u64..10_000, 1 => 0_u64..4_000_000];
    (any::<bool>(), 0_u16..3, number(), number(), flags, 0_usize..600, pause, 0_usize..60).prop_map(
        |(client, port, seq, ack, flags, length, pause, cut)| Wild {
            from: if client { FromClient } else { FromServer },
            port,
            seq,
            ack,
            flags,
            length,
            pause,
            cut: cut.saturating_sub(50),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_octets_are_frames_like_any_other(frames in prop::collection::vec((0_usize..5, prop::collection::vec(any::<u8>(), 0..200), any::<u16>()), 1..40)) {
        let mut tap = Tap::new(Settings { server_ports: (0..=u16::MAX).collect(), ..small() });
        for (link, octets, wire_len) in &frames {
            let frame = Frame { time: tap.now, link: LINKS[*link], octets, wire_len: u32::from(*wire_len) };
            tap.wire.frame(&frame, &mut tap.recorder);
        }
        tap.finish();
    }

    /// Random headers behind a start that makes them IP.
    #[test]
    fn random_headers(frames in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 40..120)), 1..40)) {
        let mut tap = Tap::new(Settings { server_ports: (0..=u16::MAX).collect(), ..small() });
        for (v6, octets) in &frames {
            let mut octets = octets.clone();
            let length = octets.len() as u16;
            if *v6 {
                octets[0] = 0x60;
                octets[4..6].copy_from_slice(&(length - 40).to_be_bytes());
                octets[6] = [6, 44, 0, 60, 43, 51][usize::from(octets[6]) % 6];
            } else {
                octets[0] = 0x45 + octets[0] % 3;
                octets[2..4].copy_from_slice(&length.to_be_bytes());
                octets[9] = 6;
            }
            tap.frame(Link::RawIp, &octets);
        }
        tap.finish();
    }

    /// Any segments in any order, at any times, within tight limits: streams have no overlap, and every limit holds.
    #[test]
    fn wild_segments(segments in prop::collection::vec(wild(), 1..120)) {
        let settings = Settings { max_flows: 2, hold_octets: 2000, held_octets: 3000, ..small() };
        let mut tap = Tap::new(settings);
        for wild in &segments {
            tap.pair.client.set_port(40_000 + wild.port);
            tap.now = tap.now.after(Duration::from_millis(wild.pause));
            let packet = tap.pair.packet(wild.from, wild.seq, wild.ack, wild.flags, &vec![b'x'; wild.length]);
            tap.cut(Link::RawIp, &packet, packet.len().saturating_sub(wild.cut).max(40));
            prop_assert!(tap.wire.open_flows() <= 2);
            prop_assert!(tap.wire.held_octets() <= 3000 + 700 + 600);
        }
        // Nothing waits for ever: by now all was told or given up.
        for _ in 0..3 {
            tap.pass(Duration::from_secs(130));
        }
        prop_assert_eq!(tap.wire.held_octets(), 0);
        tap.finish();
        for told in &tap.recorder.told {
            for of in [FromClient, FromServer] {
                // Sparse streams can be long; what matters is that offsets fit, which is checked by adding up.
                let mut next = 0;
                for event in &told.events {
                    let (from, offset, length) = match event {
                        support::Event::Octets { from, offset, octets } => (*from, *offset, octets.len() as u64),
                        support::Event::Gap { from, offset, length } => (*from, *offset, *length),
                        _ => continue,
                    };
                    if from == of {
                        prop_assert_eq!(offset, next);
                        next = offset + length;
                    }
                }
            }
        }
    }
}

/// How long something takes.
fn timed(f: impl FnOnce()) -> Duration {
    let start = Instant::now();
    f();
    start.elapsed()
}

#[test]
fn the_cost_of_tiny_segments_out_of_order_grows_with_their_number_alone() {
    let run = |count: u32| {
        timed(|| {
            let mut tap = Tap::new(Settings { hold_octets: 1 << 30, held_octets: 1 << 30, ..small() });
            tap.handshake();
            let start = tap.now;
            for n in (0..count).rev() {
                tap.send(FromClient, 1001 + n, 5001, ACK, "x");
                tap.now = start;
            }
            assert_eq!(tap.wire.held_octets(), 0);
            assert_eq!(tap.wire.counters().delivered_octets, u64::from(count));
        })
    };
    run(1000);
    let (few, many) = (run(20_000), run(200_000));
    println!("20,000: {few:?}; 200,000: {many:?}");
    assert!(many < few * 40 + Duration::from_secs(1), "{few:?} {many:?}");
}

#[test]
fn a_large_segment_over_many_small_holes_costs_its_length() {
    let mut tap = Tap::new(Settings { hold_octets: 1 << 30, held_octets: 1 << 30, ..small() });
    tap.handshake();
    let start = tap.now;
    for n in 0..10_000 {
        tap.send(FromClient, 1003 + 2 * n, 5001, ACK, "x");
        tap.now = start;
    }
    let large = "x".repeat(20_000);
    let took = timed(|| {
        for _ in 0..100 {
            tap.send(FromClient, 1002, 5001, ACK, &large);
        }
    });
    println!("{took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    tap.send(FromClient, 1001, 5001, ACK, "x");
    assert_eq!(tap.wire.held_octets(), 0);
    assert_eq!(tap.only().text(FromClient).len(), 20_001);
}

#[test]
fn a_syn_flood_costs_no_session_that_has_octets() {
    let mut tap = Tap::new(Settings { max_flows: 100, ..small() });
    for port in 0..10 {
        tap.pair.client.set_port(1000 + port);
        tap.handshake();
        tap.send(FromClient, 1001, 5001, ACK, "EHLO");
        tap.send(FromServer, 5001, 1005, ACK, "250");
    }
    for port in 0..10_000 {
        tap.pair.client.set_port(20_000 + port);
        tap.send(FromClient, 77, 0, SYN, "");
        assert!(tap.wire.open_flows() <= 100);
    }
    let closed = |told: &support::Told| told.close().is_some();
    assert_eq!(tap.recorder.told[..10].iter().filter(|told| closed(told)).count(), 0);
    assert_eq!(tap.wire.counters().flows_evicted, 10_010 - 100);
    tap.finish();
}

#[test]
fn the_least_recently_used_flow_gives_way() {
    let mut tap = Tap::new(Settings { max_flows: 3, ..small() });
    for (port, text) in [(1, "a"), (2, "b"), (3, "c"), (1, "d"), (4, "e")] {
        tap.pair.client.set_port(port);
        let seq = if text == "d" { 101 } else { 100 };
        tap.send(FromClient, seq, 1, ACK, text);
    }
    let evicted: Vec<u16> = (tap.recorder.told.iter())
        .filter(|told| told.close() == Some(Close::Evicted))
        .map(|told| told.connection.client.port())
        .collect();
    assert_eq!(evicted, [2]);
    tap.finish();
}

#[test]
fn a_flood_of_fragments_stays_within_its_limits() {
    let mut tap = Tap::new(Settings { max_datagrams: 50, fragment_octets: 100_000, ..small() });
    for id in 0..5000_u16 {
        // One fragment near the end of the largest packet: as dear as it can be.
        let mut packet = ip(tap.pair.client.ip(), tap.pair.server.ip(), 6, &[0; 8]);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6..8].copy_from_slice(&(0x2000_u16 | if id % 2 == 0 { 8000 } else { 0 }).to_be_bytes());
        tap.frame(Link::RawIp, &packet);
    }
    let counters = *tap.wire.counters();
    assert_eq!(counters.fragments_pending, 5000);
    assert!(counters.fragments_dropped > 4900, "{counters:?}");
    tap.finish();
}

#[test]
fn every_counter_is_given_by_its_name_once() {
    let mut tap = Tap::default();
    tap.handshake();
    let mut names = Vec::new();
    tap.wire.counters().each(|name, value| names.push((name, value)));
    assert!(names.contains(&("segments", 3)) && names.contains(&("flows_opened", 1)));
    let count = names.len();
    names.sort_unstable();
    names.dedup_by_key(|(name, _)| *name);
    assert_eq!(names.len(), count);
    assert!(names.iter().all(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    let mut sum = *tap.wire.counters();
    sum.add(tap.wire.counters());
    assert_eq!((sum.segments, sum.classes()), (6, sum.frames));
}

#[test]
fn time_at_its_ends_overflows_nothing() {
    let mut tap = Tap::default();
    for time in [Time::MAX, Time::MIN, Time::MAX] {
        tap.now = time;
        let packet = tap.pair.packet(FromClient, 1, 1, ACK, b"x");
        let frame = Frame { time, link: Link::RawIp, octets: &packet, wire_len: u32::MAX };
        tap.wire.frame(&frame, &mut tap.recorder);
        tap.wire.tick(time, &mut tap.recorder);
    }
    tap.finish();
}
