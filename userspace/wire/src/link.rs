//! Link headers: what lies between the start of a frame and its IP packet.

use crate::bytes::{u16_at, u32_at};
use crate::frame::Link;

/// Most VLAN tags on a frame. Three are seen in the wild; what has more than this was made to be slow.
const MAX_TAGS: usize = 8;

const ETHERNET: usize = 14;
const SLL: usize = 16;
const SLL2: usize = 20;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// What a link header holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// An IP packet.
    Ip {
        /// Where it starts in the frame.
        at: usize,
        /// The version that the link header announces, where it has a word for it.
        version: Option<u8>,
        /// The outermost VLAN identifier in the low 12 bits, the next in the 12 above; 0 for none.
        vlans: u32,
    },
    /// Something else that this room does not read.
    Other,
    /// A header that is cut short, or more tags than anybody stacks.
    Malformed,
}

/// Reads the link header of a frame.
pub(crate) fn parse(link: Link, frame: &[u8]) -> Payload {
    match link {
        Link::Ethernet => tagged(frame, ETHERNET - 2),
        Link::LinuxSll => tagged(frame, SLL - 2),
        Link::LinuxSll2 if frame.len() < SLL2 => Payload::Malformed,
        Link::LinuxSll2 => match u16_at(frame, 0) {
            Some(protocol @ (IPV4 | IPV6)) => ip(protocol, SLL2, 0),
            // The tag, when there is one, follows the cooked header just as it does in version 1.
            Some(0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300) => tagged_after(frame, SLL2, 1, 0),
            _ => Payload::Other,
        },
        Link::RawIp if frame.is_empty() => Payload::Malformed,
        Link::RawIp => Payload::Ip { at: 0, version: None, vlans: 0 },
        Link::BsdLoopback => loopback(frame),
    }
}

/// From the EtherType at `at` on, through any VLAN tags.
fn tagged(frame: &[u8], at: usize) -> Payload {
    match u16_at(frame, at) {
        Some(protocol @ (IPV4 | IPV6)) => ip(protocol, at + 2, 0),
        Some(0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300) => tagged_after(frame, at + 2, 1, 0),
        // IEEE 802.3: a length, then LLC. Only SNAP with an EtherType (RFC 1042) can hold IP.
        Some(length) if length < 0x0600 => match frame.get(at + 2..at + 8) {
            Some([0xaa, 0xaa, 0x03, 0, 0, 0]) => match u16_at(frame, at + 8) {
                Some(protocol @ (IPV4 | IPV6)) => ip(protocol, at + 10, 0),
                _ => Payload::Other,
            },
            _ => Payload::Other,
        },
        Some(_) => Payload::Other,
        None => Payload::Malformed,
    }
}

/// The tag control information at `at`, of the tag with the number `count`, and what follows.
fn tagged_after(frame: &[u8], at: usize, count: usize, vlans: u32) -> Payload {
    let (mut at, mut count, mut vlans) = (at, count, vlans);
    loop {
        let (Some(control), Some(protocol)) = (u16_at(frame, at), u16_at(frame, at + 2)) else {
            return Payload::Malformed;
        };
        // The third tag and later do not tell connections apart: two identifiers are what provider bridging (802.1ad) has.
        if count <= 2 {
            vlans |= u32::from(control & 0x0fff) << (12 * (count - 1));
        }
        at += 4;
        match protocol {
            IPV4 | IPV6 => return ip(protocol, at, vlans),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 if count == MAX_TAGS => return Payload::Malformed,
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => count += 1,
            _ => return Payload::Other,
        }
    }
}

/// `LINKTYPE_NULL` and `LINKTYPE_LOOP`.
fn loopback(frame: &[u8]) -> Payload {
    let Some(family) = u32_at(frame, 0) else { return Payload::Malformed };
    // An address family is a small number, so the order that makes it small is the right one.
    match family.min(family.swap_bytes()) {
        2 => ip(IPV4, 4, 0),
        // AF_INET6 differs by system: Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 24 | 28 | 30 => ip(IPV6, 4, 0),
        _ => Payload::Other,
    }
}

fn ip(protocol: u16, at: usize, vlans: u32) -> Payload {
    Payload::Ip { at, version: Some(if protocol == IPV4 { 4 } else { 6 }), vlans }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethernet(tags: &[(u16, u16)], protocol: u16) -> Vec<u8> {
        let mut frame = vec![0; 12];
        for (tpid, control) in tags {
            frame.extend(tpid.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        frame.extend(protocol.to_be_bytes());
        frame
    }

    #[test]
    fn tags_are_taken_off_and_the_two_outermost_are_told() {
        let found = |tags: &[(u16, u16)]| parse(Link::Ethernet, &ethernet(tags, IPV4));
        assert_eq!(found(&[]), Payload::Ip { at: 14, version: Some(4), vlans: 0 });
        // Priority bits are no part of the identifier.
        assert_eq!(found(&[(0x8100, 0xe064)]), Payload::Ip { at: 18, version: Some(4), vlans: 100 });
        assert_eq!(
            found(&[(0x88a8, 100), (0x8100, 200)]),
            Payload::Ip { at: 22, version: Some(4), vlans: 100 | 200 << 12 }
        );
        assert_eq!(
            found(&[(0x9100, 1), (0x8100, 2), (0x8100, 3)]),
            Payload::Ip { at: 26, version: Some(4), vlans: 1 | 2 << 12 }
        );
        assert_eq!(found(&[(0x8100, 1); 8]), Payload::Ip { at: 46, version: Some(4), vlans: 1 | 1 << 12 });
        assert_eq!(found(&[(0x8100, 1); 9]), Payload::Malformed);
    }

    #[test]
    fn every_prefix_of_a_header_is_malformed_and_none_panics() {
        let frame = ethernet(&[(0x88a8, 1), (0x8100, 2)], IPV6);
        for length in 0..frame.len() {
            assert_eq!(parse(Link::Ethernet, &frame[..length]), Payload::Malformed, "{length}");
        }
        for link in [Link::RawIp, Link::LinuxSll, Link::LinuxSll2, Link::BsdLoopback] {
            assert_eq!(parse(link, &[]), Payload::Malformed, "{link:?}");
        }
    }

    #[test]
    fn cooked_and_loopback_headers() {
        let mut sll = vec![0; 14];
        sll.extend([0x86, 0xdd]);
        assert_eq!(parse(Link::LinuxSll, &sll), Payload::Ip { at: 16, version: Some(6), vlans: 0 });
        let mut sll2 = vec![0x08, 0x00];
        sll2.extend([0; 18]);
        assert_eq!(parse(Link::LinuxSll2, &sll2), Payload::Ip { at: 20, version: Some(4), vlans: 0 });
        assert_eq!(parse(Link::LinuxSll2, &sll2[..19]), Payload::Malformed);
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_eq!(parse(Link::BsdLoopback, &family), Payload::Ip { at: 4, version: Some(4), vlans: 0 });
        }
        for family in [[30, 0, 0, 0], [0, 0, 0, 24]] {
            assert_eq!(parse(Link::BsdLoopback, &family), Payload::Ip { at: 4, version: Some(6), vlans: 0 });
        }
        assert_eq!(parse(Link::BsdLoopback, &[0, 0, 0, 7]), Payload::Other);
    }

    #[test]
    fn snap_can_hold_ip() {
        let mut frame = vec![0; 12];
        frame.extend([0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        assert_eq!(parse(Link::Ethernet, &frame), Payload::Ip { at: 22, version: Some(4), vlans: 0 });
        frame[14] = 0x42;
        assert_eq!(parse(Link::Ethernet, &frame), Payload::Other);
    }

    #[test]
    fn link_types_by_number() {
        for (number, link) in [(1, Link::Ethernet), (14, Link::RawIp), (276, Link::LinuxSll2), (108, Link::BsdLoopback)]
        {
            assert_eq!(Link::from_dlt(number), Some(link));
        }
        assert_eq!(Link::from_dlt(127), None);
    }
}
