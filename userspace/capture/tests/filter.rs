//! What the XDP program decides, on the host: the very code that the kernel runs.

mod packets;

use proptest::prelude::*;
use writ_filter::verdict::{COUNTERS, Verdict, counter_index};
use writ_filter::{Class, MOST_QUEUES, Passed, Start, class_of, direct, flow, looked_at, ports, walk_each};

/// All that a walk passes.
#[derive(Debug, Default, PartialEq)]
struct Way {
    tags: Vec<u16>,
    ips: Vec<(usize, u8)>,
}

impl Passed for Way {
    fn tag(&mut self, control: u16) {
        self.tags.push(control);
    }

    fn ip(&mut self, at: usize, version: u8) {
        self.ips.push((at, version));
    }
}

#[test]
fn most_frames_go_the_short_way() {
    for (name, _, frame) in packets::measured() {
        let is_short = direct(&frame[..], Start::ETHERNET, &mut ()).is_some();
        let expected = ["ARP", "UDP", "other TCP", "mail", "mail over VLAN", "mail over IPv6"].contains(&name);
        assert_eq!(is_short, expected, "{name}");
    }
}

/// The same connection by either direction, in whatever it is wrapped, and its own sequence numbers.
#[test]
fn a_segment_is_known_by_its_connection() {
    let set = ports::set_of(&ports::MAIL);
    let there = |v6: bool, source: u16, destination: u16| {
        let tcp = packets::tcp(source, destination, b"NOOP\r\n");
        match v6 {
            true => packets::ethernet(
                &[packets::CUSTOMER_TAG],
                packets::ETHER_IPV6,
                &packets::ipv6(&[], packets::TCP, &tcp),
            ),
            false => packets::ethernet(&[], packets::ETHER_IPV4, &packets::ipv4(packets::TCP, &[1; 8], 0, &tcp)),
        }
    };
    let segment = |frame: &[u8]| {
        let (class, mail) = looked_at(frame, &set);
        assert_eq!(class, Class::Mail);
        flow::segment_of(frame, mail.ip, mail.tcp).unwrap()
    };
    for v6 in [false, true] {
        let frame = there(v6, 40_000, 25);
        let client = segment(&frame);
        assert_eq!((client.flags, client.sequence, client.end, client.from_low), (0x18, 1, 7, true));
        let mut back = there(v6, 25, 40_000);
        let at = if v6 { 18 + 8 + 15 } else { 14 + 12 + 3 };
        let other = at + if v6 { 16 } else { 4 };
        back.swap(at, other);
        let server = segment(&back);
        assert_eq!((server.key, server.from_low), (client.key, false));
        assert_ne!(segment(&there(v6, 40_001, 25)).key, client.key);
        assert_ne!(segment(&there(!v6, 40_000, 25)).key, client.key);
        // Cut within the TCP header, it is of no connection.
        let (_, mail) = looked_at(&frame[..], &set);
        assert_eq!(flow::segment_of(&frame[..mail.tcp + 13], mail.ip, mail.tcp), None);
    }
    for (name, frame) in packets::tunnels::each() {
        let inner = segment(&frame).key;
        assert!(
            inner == segment(&there(false, 40_000, 25)).key || inner == segment(&there(true, 40_000, 25)).key,
            "{name}"
        );
    }
}

#[test]
fn only_what_is_near_ends_a_connection_that_was_let_go() {
    use writ_filter::flow::{Fate, Segment};
    let fate = |flags: u8, sequence: u32, reached: u32| {
        Segment { key: [0; 5], from_low: true, flags, sequence, end: sequence }.fate(reached)
    };
    for flags in [0x01, 0x04, 0x11, 0x14] {
        assert_eq!(fate(flags, 1000, 1000), Fate::Over);
        assert_eq!(fate(flags, u32::MAX, 5), Fate::Over, "where numbers begin again");
        assert_eq!(fate(flags, 1000 + flow::NEAR, 1000), Fate::Over);
        assert_eq!(fate(flags, 1001 + flow::NEAR, 1000), Fate::Counted);
        assert_eq!(fate(flags, 1 << 31, 1000), Fate::Counted);
    }
    assert_eq!(fate(0x02, 1 << 31, 1000), Fate::Over, "another connection may begin anywhere");
    assert_eq!(fate(0x18, 1000, 1000), Fate::Counted);
    let reached =
        |end: u32, before: u32| Segment { key: [0; 5], from_low: true, flags: 0, sequence: 0, end }.reached(before);
    assert_eq!([reached(7, 5), reached(5, 7), reached(3, u32::MAX - 3), reached(1 << 30, 5)], [7, 7, 3, 5]);
}

#[test]
fn every_case_is_classed() {
    let set = ports::set_of(&ports::MAIL);
    for case in packets::cases() {
        assert_eq!(class_of(&case.frame[..], &set), case.class, "{}", case.name);
    }
}

/// A frame that ends early is malformed, or shown by what is left to be no mail; it is never taken for mail by octets that are
/// not there.
#[test]
fn cut_frames_are_mail_only_with_their_ports() {
    let set = ports::set_of(&ports::MAIL);
    for case in packets::cases() {
        let shortest = (0..=case.frame.len()).find(|cut| class_of(&case.frame[..*cut], &set) == case.class).unwrap();
        for cut in 0..case.frame.len() {
            let class = class_of(&case.frame[..cut], &set);
            let expected = if cut >= shortest { case.class } else { Class::Malformed };
            assert_eq!(class, expected, "{} cut at {cut}", case.name);
        }
    }
}

#[test]
fn a_port_set_holds_its_ports_and_no_other() {
    let chosen = [0, 1, 25, 63, 64, 65, 2525, 65_534, 65_535];
    let set = ports::set_of(&chosen);
    for port in 0..=u16::MAX {
        assert_eq!(ports::holds(&set, port), chosen.contains(&port), "{port}");
    }
    assert!((0..=u16::MAX).all(|port| !ports::holds(&ports::set_of(&[]), port)));
}

#[test]
fn every_queue_and_verdict_has_a_counter_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    for queue in 0..=MOST_QUEUES {
        for verdict in Verdict::ALL {
            let index = counter_index(queue, verdict);
            assert!(index < COUNTERS);
            assert!(seen.insert(index), "queue {queue}, {verdict:?}");
        }
    }
    assert_eq!(counter_index(u32::MAX, Verdict::TooDeep), counter_index(MOST_QUEUES, Verdict::TooDeep));
    let names: std::collections::HashSet<_> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
    assert_eq!(names.len(), Verdict::ALL.len());
    for (at, verdict) in Verdict::ALL.into_iter().enumerate() {
        assert_eq!(verdict as usize, at);
    }
}

proptest! {
    // There is no library beside an integration test for proptest to keep its failures at.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_make_it_panic(frame in prop::collection::vec(any::<u8>(), 0..200), port in any::<u16>()) {
        let _ = class_of(&frame[..], &ports::set_of(&[port]));
    }

    /// Good packets with some octets changed: the walk goes deep, and still ends.
    #[test]
    fn no_change_to_a_good_packet_makes_it_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let cases = packets::cases();
        let mut frame = which.get(&cases).frame.clone();
        for (at, octet) in changes {
            *at.get_mut(&mut frame) = octet;
        }
        let cut = cut.index(frame.len() + 1);
        let _ = class_of(&frame[..cut], &ports::set_of(&ports::MAIL));
    }

    /// What goes the short way is what the long way finds, and passes the same.
    #[test]
    fn the_short_way_is_the_long_way(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let cases = packets::cases();
        let mut frame = which.get(&cases).frame.clone();
        for (at, octet) in changes {
            let end = frame.len().min(64);
            *at.get_mut(&mut frame[..end]) = octet;
        }
        frame.truncate(cut.index(2 * frame.len() + 1));
        let (mut short, mut long) = (Way::default(), Way::default());
        let found = direct(&frame[..], Start::ETHERNET, &mut short);
        let expected = walk_each(&frame[..], Start::ETHERNET, &mut long);
        match found {
            Some(found) => prop_assert_eq!((found, short), (expected, long)),
            None => prop_assert_eq!(short, Way::default()),
        }
    }

    /// The two ports decide and nothing else of a whole TCP packet.
    #[test]
    fn tcp_is_mail_by_either_port(source in any::<u16>(), destination in any::<u16>(), v6 in any::<bool>()) {
        let segment = packets::tcp(source, destination, b"x");
        let frame = if v6 {
            packets::ethernet(&[], packets::ETHER_IPV6, &packets::ipv6(&[], packets::TCP, &segment))
        } else {
            packets::ethernet(&[], packets::ETHER_IPV4, &packets::ipv4(packets::TCP, &[], 0, &segment))
        };
        let mail = ports::MAIL.contains(&source) || ports::MAIL.contains(&destination);
        let expected = if mail { Class::Mail } else { Class::Other };
        prop_assert_eq!(class_of(&frame[..], &ports::set_of(&ports::MAIL)), expected);
    }
}
