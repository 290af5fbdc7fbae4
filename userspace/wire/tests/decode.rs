//! Frames of every kind: which class each ends in, and what is taken off it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "../../capture/tests/packets/mod.rs"]
mod packets;
mod support;

use proptest::prelude::*;
use support::{ACK, FromClient, Pair, Tap, checksum, ip, small};
use writ_wire::{Link, Settings};

/// The names of the classes that are not zero.
fn classes(tap: &Tap) -> Vec<(&'static str, u64)> {
    const CLASSES: [&str; 9] = [
        "not_ip",
        "not_tcp",
        "not_mail",
        "malformed_link",
        "malformed_ip",
        "malformed_tcp",
        "checksum_errors",
        "fragments_pending",
        "segments",
    ];
    let mut found = Vec::new();
    tap.wire.counters().each(|name, value| {
        if value > 0 && CLASSES.contains(&name) {
            found.push((name, value));
        }
    });
    found
}

/// The class of one frame.
fn class_of(link: Link, octets: &[u8]) -> &'static str {
    let mut tap = Tap::default();
    tap.frame(link, octets);
    let found = classes(&tap);
    assert_eq!(found.len(), 1);
    found[0].0
}

fn hello() -> Vec<u8> {
    Pair::default().packet(FromClient, 1, 1, ACK, b"hello")
}

/// Puts octets of options behind an IPv4 header of 20.
fn with_options(packet: &[u8], options: &[u8]) -> Vec<u8> {
    let mut packet = [&packet[..20], options, &packet[20..]].concat();
    packet[0] = 0x45 + (options.len() / 4) as u8;
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet
}

#[test]
fn padding_is_taken_off_and_every_link_layer_too() {
    let mut cooked = vec![0; 14];
    cooked.extend([8, 0]);
    let mut cooked2 = vec![8, 0];
    cooked2.extend([0; 18]);
    let links = [
        (Link::Ethernet, [vec![0; 12], vec![8, 0]].concat()),
        (Link::Ethernet, [vec![0; 12], vec![0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 8, 0]].concat()),
        (Link::RawIp, vec![]),
        (Link::LinuxSll, cooked),
        (Link::LinuxSll2, cooked2),
        (Link::BsdLoopback, vec![2, 0, 0, 0]),
        (Link::BsdLoopback, vec![0, 0, 0, 2]),
    ];
    for (link, header) in links {
        let mut tap = Tap::default();
        tap.frame(link, &[header, hello(), vec![0xee; 9]].concat());
        assert_eq!(tap.only().text(FromClient), "hello", "{link:?}");
    }
}

#[test]
fn ipv4_options_and_tcp_options() {
    let mut tap = Tap::default();
    tap.frame(Link::RawIp, &with_options(&hello(), &[1; 40]));
    assert_eq!(tap.only().text(FromClient), "hello");
    let mut tcp = hello()[20..].to_vec();
    tcp[12] = 0x80;
    tcp.splice(20..20, [1; 12]);
    let pair = Pair::default();
    let mut tap = Tap::default();
    tap.frame(Link::RawIp, &ip(pair.client.ip(), pair.server.ip(), 6, &tcp));
    assert_eq!(tap.only().text(FromClient), "hello");
}

#[test]
fn a_length_that_is_not_filled_in_yet_is_that_of_the_frame() {
    for pair in [Pair::default(), Pair::v6()] {
        let mut packet = pair.packet(FromClient, 1, 1, ACK, &[b'x'; 3000]);
        let at = if pair.client.is_ipv4() { 2 } else { 4 };
        packet[at..at + 2].fill(0);
        let mut tap = Tap { pair, ..Tap::default() };
        tap.frame(Link::RawIp, &packet);
        assert_eq!(tap.only().text(FromClient).len(), 3000);
    }
}

#[test]
fn headers_that_contradict_themselves_are_malformed() {
    let change = |at: usize, octet: u8| {
        let mut packet = hello();
        packet[at] = octet;
        class_of(Link::RawIp, &packet)
    };
    assert_eq!(change(0, 0x44), "malformed_ip", "a header of 16 octets");
    assert_eq!(change(0, 0x4f), "malformed_ip", "a header longer than the packet");
    assert_eq!(change(0, 0x75), "malformed_ip", "version 7");
    assert_eq!(change(3, 46), "malformed_ip", "longer than the frame");
    assert_eq!(change(3, 19), "malformed_ip", "shorter than its header");
    assert_eq!(change(9, 17), "not_tcp");
    assert_eq!(change(32, 0x40), "malformed_tcp", "a header of 16 octets");
    assert_eq!(change(32, 0x70), "malformed_tcp", "a header longer than the segment");
    assert_eq!(change(23, 26), "not_mail");
    assert_eq!(change(3, 39), "malformed_tcp", "cut within its header");
    let announced = |protocol: [u8; 2]| class_of(Link::Ethernet, &[&[0; 12][..], &protocol, &hello()].concat());
    assert_eq!(announced([8, 0]), "segments");
    assert_eq!(announced([0x86, 0xdd]), "malformed_ip", "announced as IPv6");
    assert_eq!(announced([8, 6]), "not_ip");
    assert_eq!(class_of(Link::Ethernet, &[0; 13]), "malformed_link");
    for length in 0..hello().len() {
        assert_ne!(class_of(Link::RawIp, &hello()[..length]), "segments", "{length}");
    }
}

#[test]
fn ipv6_extension_headers_are_passed_over() {
    let pair = Pair::v6();
    let segment = pair.packet(FromClient, 1, 1, ACK, b"hello")[40..].to_vec();
    let around = |first: u8, extensions: &[u8]| {
        let packet = ip(pair.client.ip(), pair.server.ip(), 6, &[extensions, &segment].concat());
        let mut packet = packet;
        packet[6] = first;
        packet
    };
    // Hop-by-hop options, destination options, routing, an atomic fragment, authentication of 24 octets.
    let all = [
        &[60, 0, 0, 0, 0, 0, 0, 0][..],
        &[43, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[44, 0, 0, 0, 0, 0, 0, 0],
        &[51, 0, 0, 0, 9, 9, 9, 9],
        &[6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    let mut tap = Tap { pair, ..Tap::default() };
    tap.frame(Link::RawIp, &around(0, &all.concat()));
    assert_eq!(tap.only().text(FromClient), "hello");
    // More than anybody has.
    assert_eq!(class_of(Link::RawIp, &around(60, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(20))), "malformed_ip");
    assert_eq!(class_of(Link::RawIp, &around(60, &[6, 255, 0, 0, 0, 0, 0, 0])), "malformed_ip", "past the end");
    assert_eq!(class_of(Link::RawIp, &around(59, &[])), "not_tcp");
    assert_eq!(class_of(Link::RawIp, &around(50, &[])), "not_tcp");
}

#[test]
fn wrong_checksums_are_dropped_only_when_asked_to() {
    for pair in [Pair::default(), Pair::v6()] {
        for payload in [&b"odd"[..], b"even"] {
            let packet = pair.packet(FromClient, 1, 1, ACK, payload);
            for spoilt in 0..packet.len() {
                let mut packet = packet.clone();
                packet[spoilt] ^= 0x01;
                let verify = Settings { verify_checksums: true, server_ports: (0..=u16::MAX).collect(), ..small() };
                let mut tap = Tap::new(verify);
                tap.frame(Link::RawIp, &packet);
                // IPv6 leaves its traffic class, flow label and hop limit to the link's own checksum.
                let is_covered = pair.client.is_ipv4() || !matches!(spoilt, 0..4 | 7);
                assert_eq!(tap.wire.counters().segments == 0, is_covered, "octet {spoilt}");
            }
            let verify = || Settings { verify_checksums: true, ..small() };
            let mut tap = Tap::new(verify());
            tap.frame(Link::RawIp, &packet);
            assert_eq!(classes(&tap), [("segments", 1)]);
            // What the capture cut cannot be verified.
            let mut tap = Tap::new(verify());
            tap.cut(Link::RawIp, &packet, packet.len() - 1);
            assert_eq!(classes(&tap), [("segments", 1)]);
        }
    }
    let mut packet = hello();
    packet[36] ^= 0xff;
    assert_eq!(class_of(Link::RawIp, &packet), "segments");
}

/// Cuts an IPv4 packet into fragments of `size` octets.
fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let payload = &packet[20..];
    let pieces: Vec<&[u8]> = payload.chunks(size).collect();
    let cut = |(n, piece): (usize, &&[u8])| {
        let more = if n + 1 < pieces.len() { 0x2000 } else { 0 };
        fragment(packet, n * size, more, piece)
    };
    pieces.iter().enumerate().map(cut).collect()
}

fn fragment(packet: &[u8], at: usize, more: u16, piece: &[u8]) -> Vec<u8> {
    let mut head = packet[..20].to_vec();
    head[2..4].copy_from_slice(&(piece.len() as u16 + 20).to_be_bytes());
    head[6..8].copy_from_slice(&(more | (at / 8) as u16).to_be_bytes());
    head[10..12].fill(0);
    let sum = checksum(&head);
    head[10..12].copy_from_slice(&sum.to_be_bytes());
    [&head[..], piece].concat()
}

/// The same for IPv6, behind destination options that each fragment repeats or that the first one holds.
fn fragments6(packet: &[u8], size: usize, options_first: bool) -> Vec<Vec<u8>> {
    let options = [if options_first { 44 } else { 6 }, 0, 1, 4, 0, 0, 0, 0];
    let mut payload = packet[40..].to_vec();
    if !options_first {
        payload.splice(0..0, options);
    }
    let count = payload.len().div_ceil(size);
    let cut = |(n, piece): (usize, &[u8])| {
        let mut head = packet[..40].to_vec();
        head[6] = if options_first { 60 } else { 44 };
        if options_first {
            head.extend(options);
        }
        head.extend([if options_first { 6 } else { 60 }, 0]);
        head.extend(((n * size) as u16 | u16::from(n + 1 < count)).to_be_bytes());
        head.extend([9, 9, 9, 9]);
        let length = (head.len() - 40 + piece.len()) as u16;
        head[4..6].copy_from_slice(&length.to_be_bytes());
        [&head[..], piece].concat()
    };
    payload.chunks(size).enumerate().map(cut).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fragments_in_any_order_are_the_packet_that_they_were(
        size in 1_usize..12,
        family in 0_u8..3,
        order in Just((0_usize..200).collect::<Vec<_>>()).prop_shuffle(),
        twice in prop::collection::vec(any::<bool>(), 200),
    ) {
        let pair = if family == 0 { Pair::default() } else { Pair::v6() };
        let text = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n".repeat(3);
        let packet = pair.packet(FromClient, 1, 1, ACK, text.as_bytes());
        let pieces = match family {
            0 => fragments(&packet, size * 8),
            _ => fragments6(&packet, size * 8, family == 1),
        };
        // Reassembly leaves a packet whose checksums are right.
        let mut tap = Tap { pair, ..Tap::new(Settings { verify_checksums: true, ..small() }) };
        let mut captured = Vec::new();
        for n in order.into_iter().filter(|n| *n < pieces.len()) {
            tap.frame(Link::RawIp, &pieces[n]);
            captured.push((tap.now, pieces[n].clone()));
            if twice[n] && pieces.len() > 1 && tap.wire.counters().fragments_reassembled == 0 {
                tap.frame(Link::RawIp, &pieces[n]);
                captured.push((tap.now, pieces[n].clone()));
            }
        }
        prop_assert_eq!(tap.wire.counters().segments, 1);
        let told = tap.only();
        prop_assert_eq!(told.text(FromClient), text);
        // They are told as they came, and where each belongs; a packet that was not cut is none.
        if pieces.len() == 1 && family == 0 {
            captured.clear();
        }
        prop_assert_eq!(told.fragments.len(), if pieces.len() == 1 { 0 } else { captured.len() });
        for ((time, octets, part), (captured_at, frame)) in told.fragments.iter().zip(&captured) {
            prop_assert_eq!((time, octets), (captured_at, frame));
            prop_assert!(!part.is_empty() && frame.ends_with(part));
        }
    }
}

#[test]
fn the_first_copy_of_an_overlapping_fragment_wins() {
    let packet = Pair::default().packet(FromClient, 1, 1, ACK, b"0123456789abcdefghijklmnopqrstuvwxyz");
    let payload = &packet[20..];
    let mut tap = Tap::default();
    tap.frame(Link::RawIp, &fragment(&packet, 24, 0x2000, &payload[24..40]));
    tap.frame(Link::RawIp, &fragment(&packet, 32, 0, &[b'!'; 24]));
    // Within what is there (teardrop), past the end, and another end.
    tap.frame(Link::RawIp, &fragment(&packet, 24, 0x2000, &[b'!'; 8]));
    tap.frame(Link::RawIp, &fragment(&packet, 56, 0x2000, &[b'!'; 8]));
    tap.frame(Link::RawIp, &fragment(&packet, 40, 0, &[b'!'; 8]));
    assert_eq!(tap.wire.counters().fragments_overlapping, 4);
    tap.frame(Link::RawIp, &fragment(&packet, 0, 0x2000, &payload[..24]));
    assert_eq!(tap.wire.counters().fragments_reassembled, 1);
    assert_eq!(tap.only().text(FromClient), "0123456789abcdefghij!!!!!!!!!!!!!!!!");
}

#[test]
fn fragments_that_cannot_be() {
    let packet = hello();
    assert_eq!(class_of(Link::RawIp, &fragment(&packet, 65_528, 0, &[0; 9])), "malformed_ip", "ping of death");
    assert_eq!(class_of(Link::RawIp, &fragment(&packet, 8, 0x2000, &[0; 9])), "malformed_ip", "no multiple of eight");
    assert_eq!(class_of(Link::RawIp, &fragment(&packet, 8, 0, &[])), "malformed_ip", "empty");
    let mut datagram = packet;
    datagram[9] = 17;
    assert_eq!(class_of(Link::RawIp, &fragment(&datagram, 0, 0x2000, &[0; 8])), "not_tcp");
}

#[test]
fn a_packet_that_stays_incomplete_is_given_up() {
    let packet = Pair::default().packet(FromClient, 1, 1, ACK, &[b'x'; 100]);
    let pieces = fragments(&packet, 64);
    let mut tap = Tap::default();
    tap.frame(Link::RawIp, &pieces[0]);
    tap.pass(std::time::Duration::from_secs(31));
    tap.frame(Link::RawIp, &pieces[1]);
    assert_eq!(tap.wire.counters().fragments_timed_out, 1);
    assert_eq!(classes(&tap), [("fragments_pending", 2)]);
    // A cut one can never be completed.
    tap.cut(Link::RawIp, &pieces[0], 50);
    assert_eq!(tap.wire.counters().fragments_cut, 1);
    tap.finish();
    assert_eq!(tap.wire.counters().fragments_timed_out, 2);
}

#[test]
fn mail_is_found_in_every_tunnel_and_the_rest_is_told_apart() {
    use writ_filter::Class::{Mail, Other};
    for case in packets::tunnels::cases() {
        let class = class_of(Link::Ethernet, &case.frame);
        let fits = match case.class {
            Mail => class == "segments",
            Other => ["not_ip", "not_tcp", "not_mail"].contains(&class),
            _ => !["segments", "not_mail"].contains(&class),
        };
        assert!(fits, "{}: {class}", case.name);
    }
}

#[test]
fn tags_within_a_tunnel_are_not_those_of_the_tap() {
    let settings = Settings { vlan_in_key: true, ..Settings::default() };
    for (name, frame) in packets::tunnels::each() {
        let mut tap = Tap::new(settings.clone());
        tap.frame(Link::Ethernet, &frame);
        let tagged = frame[12..14] != [8, 0] && [[0x81, 0], [0x88, 0xa8]].contains(&[frame[12], frame[13]]);
        assert_eq!(tap.only().connection.vlan, if tagged { 100 } else { 0 }, "{name}");
    }
}

/// A tunnel's packet that was cut into fragments is put together, and so is what was in fragments already when it went in.
#[test]
fn fragments_of_a_tunnel_and_within_one_are_put_together() {
    let fragments = |packet: &[u8], at: usize| {
        let cut = |offset: u16, part: &[u8]| {
            let mut fragment = [&packet[..20], part].concat();
            fragment[2..4].copy_from_slice(&(20 + part.len() as u16).to_be_bytes());
            fragment[6..8].copy_from_slice(&offset.to_be_bytes());
            fragment
        };
        [cut(0x2000, &packet[20..20 + at]), cut((at / 8) as u16, &packet[20 + at..])]
    };
    let gre = |packet: &[u8]| packets::ipv4(47, &[], 0, &packets::tunnels::gre(0, packets::ETHER_IPV4, packet));
    let mut outside = Tap::default();
    fragments(&gre(&hello()), 32).iter().for_each(|fragment| outside.frame(Link::RawIp, fragment));
    let outside = outside.only();
    assert_eq!(outside.text(FromClient), "hello");
    assert_eq!(outside.fragments, [], "the packet itself was whole");
    let mut inside = Tap::default();
    fragments(&hello(), 16).iter().for_each(|fragment| inside.frame(Link::RawIp, &gre(fragment)));
    let inside = inside.only();
    assert_eq!(inside.text(FromClient), "hello");
    assert_eq!(inside.fragments.len(), 2);
    let mut both = Tap::default();
    for inner in fragments(&hello(), 16) {
        let mut outer = gre(&inner);
        // One packet's number is not another's.
        outer[5] = inner[7];
        fragments(&outer, 24).iter().for_each(|fragment| both.frame(Link::RawIp, fragment));
    }
    assert_eq!(both.only().text(FromClient), "hello");
}
