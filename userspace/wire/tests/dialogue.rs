//! Properties: whatever the network and the tap do to a dialogue, what is told of it is the dialogue.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use proptest::prelude::*;
use support::{ACK, FIN, FromClient, FromServer, Pair, SYN, Tap, Told};
use writ_wire::{Direction, Link};

/// What was said, by whom, in order.
type Script = Vec<(Direction, Vec<u8>)>;

/// A packet on its way to the tap.
#[derive(Clone, Debug)]
struct Sent {
    from: Direction,
    /// Stream offset of its first octet, and of the end of its payload.
    at: usize,
    end: usize,
    /// Offset in the other direction that it acknowledges.
    acks: usize,
    flags: u8,
    /// In units of packets: how much later than its turn it is captured.
    late: usize,
}

/// A dialogue and what becomes of its packets.
#[derive(Clone, Debug)]
struct Case {
    script: Script,
    packets: Vec<Sent>,
    starts: (u32, u32),
    v6: bool,
    /// Whether the handshake was captured.
    from_the_start: bool,
}

fn octets_of(script: &Script, of: Direction) -> Vec<u8> {
    script.iter().filter(|(from, _)| *from == of).flat_map(|(_, said)| said.clone()).collect()
}

fn script() -> impl Strategy<Value = Script> {
    let turn = (prop_oneof![Just(FromClient), Just(FromServer)], prop::collection::vec(any::<u8>(), 1..60));
    prop::collection::vec(turn, 1..12)
}

/// Cuts each turn into segments; some are sent again later, some overlap with what was sent before.
fn packets(script: &Script, cuts: &[usize], again: &[bool], late: &[usize]) -> Vec<Sent> {
    let mut packets = Vec::new();
    let (mut cuts, mut again, mut late) = (cuts.iter().cycle(), again.iter().cycle(), late.iter().cycle());
    let (mut client, mut server) = (0, 0);
    for (from, said) in script {
        let (here, there) = match from {
            FromClient => (&mut client, server),
            FromServer => (&mut server, client),
        };
        let end = *here + said.len();
        let first = *here;
        while *here < end {
            let step = (*cuts.next().unwrap()).clamp(1, end - *here);
            let sent = Sent {
                from: *from,
                at: *here,
                end: *here + step,
                acks: there,
                flags: ACK,
                late: *late.next().unwrap(),
            };
            *here += step;
            if *again.next().unwrap() {
                // Sent again, from further back: an overlap.
                let at = sent.at.saturating_sub(*cuts.next().unwrap()).max(first);
                packets.push(Sent { at, late: *late.next().unwrap(), ..sent.clone() });
            }
            packets.push(sent);
        }
        // The other end acknowledges.
        packets.push(Sent {
            from: from.flip(),
            at: there,
            end: there,
            acks: *here,
            flags: ACK,
            late: *late.next().unwrap(),
        });
    }
    packets
}

fn case(disorder: usize) -> impl Strategy<Value = Case> {
    let starts = prop_oneof![Just(u32::MAX), any::<u32>(), (u32::MAX - 400)..=u32::MAX];
    (
        script(),
        prop::collection::vec(1_usize..40, 1..30),
        prop::collection::vec(prop::bool::weighted(0.3), 1..30),
        prop::collection::vec(0..=disorder, 1..50),
        (starts.clone(), starts),
        any::<bool>(),
    )
        .prop_map(|(script, cuts, again, late, starts, v6)| {
            let packets = packets(&script, &cuts, &again, &late);
            Case { script, packets, starts, v6, from_the_start: true }
        })
}

/// Runs a dialogue's packets through, in the order in which the tap captured them.
fn play(case: &Case, lost: impl Fn(usize) -> bool) -> (Tap, Told) {
    let mut tap = Tap { pair: if case.v6 { Pair::v6() } else { Pair::default() }, ..Tap::default() };
    let (client, server) = case.starts;
    let (client_octets, server_octets) = (octets_of(&case.script, FromClient), octets_of(&case.script, FromServer));
    if case.from_the_start {
        tap.send(FromClient, client, 0, SYN, "");
        tap.send(FromServer, server, client.wrapping_add(1), SYN | ACK, "");
        tap.send(FromClient, client.wrapping_add(1), server.wrapping_add(1), ACK, "");
    }
    let mut order: Vec<(usize, &Sent)> = case.packets.iter().enumerate().collect();
    order.sort_by_key(|(turn, sent)| turn + sent.late);
    for (turn, sent) in order {
        if lost(turn) {
            continue;
        }
        let (octets, seq, ack) = match sent.from {
            FromClient => (&client_octets, client, server),
            FromServer => (&server_octets, server, client),
        };
        let seq = seq.wrapping_add(1).wrapping_add(sent.at as u32);
        let ack = ack.wrapping_add(1).wrapping_add(sent.acks as u32);
        let packet = tap.pair.packet(sent.from, seq, ack, sent.flags, &octets[sent.at..sent.end]);
        tap.frame(Link::RawIp, &packet);
    }
    // Nothing may be left waiting when every packet came.
    let held = tap.wire.held_octets();
    let (client_end, server_end) = (client_octets.len() as u32 + 1, server_octets.len() as u32 + 1);
    let (client_end, server_end) = (client.wrapping_add(client_end), server.wrapping_add(server_end));
    tap.send(FromClient, client_end, server_end, FIN | ACK, "");
    tap.send(FromServer, server_end, client_end.wrapping_add(1), FIN | ACK, "");
    tap.send(FromClient, client_end.wrapping_add(1), server_end.wrapping_add(1), ACK, "");
    if case.from_the_start && (0..case.packets.len()).all(|turn| !lost(turn)) {
        assert_eq!(held, 0, "all was there, and still something waited");
    }
    tap.finish();
    let told = tap.recorder.told.remove(0);
    assert!(tap.recorder.told.is_empty());
    (tap, told)
}

/// The octets of a direction that were captured.
fn captured(case: &Case, of: Direction, lost: impl Fn(usize) -> bool) -> Vec<Option<u8>> {
    let octets = octets_of(&case.script, of);
    let mut captured = vec![None; octets.len()];
    for (turn, sent) in case.packets.iter().enumerate() {
        if sent.from == of && !lost(turn) {
            for (there, octet) in captured[sent.at..sent.end].iter_mut().zip(&octets[sent.at..sent.end]) {
                *there = Some(*octet);
            }
        }
    }
    captured
}

/// Turns with neighbours of one direction put together.
fn turns(script: &Script) -> Script {
    let mut turns: Script = Vec::new();
    for (from, said) in script {
        match turns.last_mut() {
            Some((last, before)) if last == from => before.extend(said),
            _ => turns.push((*from, said.clone())),
        }
    }
    turns
}

fn told_turns(told: &Told) -> Script {
    let said = told.events.iter().filter_map(|event| match event {
        support::Event::Octets { from, octets, .. } => Some((*from, octets.clone())),
        support::Event::Gap { .. } => panic!("a gap"),
        _ => None,
    });
    turns(&said.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Segmentation, duplicates, overlap and disorder, also between the directions: the dialogue is told turn by turn.
    #[test]
    fn a_dialogue_is_told_as_it_was_held(case in case(12)) {
        let (tap, told) = play(&case, |_| false);
        prop_assert_eq!(told_turns(&told), turns(&case.script));
        prop_assert_eq!(tap.wire.counters().gaps, 0);
        prop_assert_eq!(tap.wire.counters().overlaps_disagreeing, 0);
        prop_assert_eq!(told.close(), Some(writ_wire::Close::Fin));
    }

    /// The whole capture backwards.
    #[test]
    fn even_backwards(mut case in case(0)) {
        let count = case.packets.len();
        for (turn, sent) in case.packets.iter_mut().enumerate() {
            sent.late = 2 * (count - turn);
        }
        let (_, told) = play(&case, |_| false);
        for of in [FromClient, FromServer] {
            let octets: Vec<Option<u8>> = octets_of(&case.script, of).into_iter().map(Some).collect();
            prop_assert_eq!(told.stream(of), octets);
        }
    }

    /// Loss by the tap: gaps are where octets were lost, and nowhere else.
    #[test]
    fn what_is_lost_is_a_gap_of_its_length(case in case(3), lost in prop::collection::vec(prop::bool::weighted(0.2), 100)) {
        let (_, told) = play(&case, |turn| lost[turn % lost.len()]);
        for of in [FromClient, FromServer] {
            prop_assert_eq!(told.stream(of), captured(&case, of, |turn| lost[turn % lost.len()]));
        }
    }

    /// A capture that starts in the middle: each direction starts at its first octet that was captured.
    #[test]
    fn from_the_middle(mut case in case(6), missed in 0.0_f64..0.9) {
        let missed = (case.packets.len() as f64 * missed) as usize;
        case.from_the_start = false;
        // A NUL alone, as the first octet of a stream, is taken for a keep-alive probe.
        case.script.iter_mut().flat_map(|(_, octets)| octets).for_each(|octet| *octet = (*octet).max(1));
        if case.packets[missed..].iter().all(|sent| sent.at == sent.end) {
            return Ok(());
        }
        let (tap, told) = play(&case, |turn| turn < missed);
        prop_assert!(!told.connection.started_by_syn);
        prop_assert_eq!(tap.wire.counters().gaps, 0);
        for of in [FromClient, FromServer] {
            let octets = captured(&case, of, |turn| turn < missed);
            let start = octets.iter().position(Option::is_some).unwrap_or(octets.len());
            prop_assert_eq!(told.stream(of), &octets[start..]);
        }
    }

    /// A tap in one direction only: its octets are whole, and as many are missing in the other as it acknowledged.
    #[test]
    fn one_side_alone(case in case(0), of in prop_oneof![Just(FromClient), Just(FromServer)]) {
        let (_, told) = play(&case, |turn| case.packets[turn].from != of);
        let octets: Vec<Option<u8>> = octets_of(&case.script, of).into_iter().map(Some).collect();
        prop_assert_eq!(told.stream(of), octets);
        prop_assert_eq!(told.stream(of.flip()), vec![None; octets_of(&case.script, of.flip()).len()]);
    }
}
