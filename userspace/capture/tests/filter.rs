//! What the XDP program decides, on the host: the very code that the kernel runs.

mod packets;

use proptest::prelude::*;
use writ_filter::verdict::{COUNTERS, Verdict, counter_index};
use writ_filter::{Class, MOST_QUEUES, class_of, ports};

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
