//! From the start of a frame to its innermost IP packet: link headers and tunnels, by the decoder of the XDP program.

use writ_filter::{Carried, Passed, Start, walk};

use crate::bytes::{u16_at, u32_at};
use crate::frame::Link;

const SLL: usize = 16;
const SLL2: usize = 20;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Where the innermost IP packet of a frame is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// What it carries, or what kept the decoder from going on.
    pub(crate) carried: Carried,
    /// Where its header starts in the frame, and the version that was announced; `None` where there is none.
    pub(crate) ip: Option<(usize, u8)>,
    /// Of the frame's own tags, not those within a tunnel, the outermost VLAN identifier in the low 12 bits, the next in the 12
    /// above; 0 for none.
    pub(crate) vlans: u32,
}

impl Located {
    const fn nowhere(carried: Carried) -> Self {
        Self { carried, ip: None, vlans: 0 }
    }
}

/// Reads the headers of a frame.
pub(crate) fn locate(link: Link, frame: &[u8]) -> Located {
    match link {
        Link::Ethernet => from(Start::ETHERNET, frame),
        Link::LinuxSll => announced_at(SLL - 2, SLL, frame),
        Link::LinuxSll2 if frame.len() < SLL2 => Located::nowhere(Carried::Malformed),
        Link::LinuxSll2 => announced_at(0, SLL2, frame),
        Link::RawIp => {
            let located = from(Start::IP, frame);
            // That it is IP was announced, whatever it says itself.
            let ip = located.ip.or((!frame.is_empty()).then_some((0, 4)));
            Located { ip, ..located }
        }
        Link::BsdLoopback => loopback(frame),
    }
}

/// From what the EtherType at `field` announces at `at`.
fn announced_at(field: usize, at: usize, frame: &[u8]) -> Located {
    match u16_at(frame, field) {
        Some(ether_type) => from(Start::ether_type(ether_type, at), frame),
        None => Located::nowhere(Carried::Malformed),
    }
}

/// `LINKTYPE_NULL` and `LINKTYPE_LOOP`.
fn loopback(frame: &[u8]) -> Located {
    let Some(family) = u32_at(frame, 0) else { return Located::nowhere(Carried::Malformed) };
    // An address family is a small number, so the order that makes it small is the right one.
    match family.min(family.swap_bytes()) {
        2 => from(Start::ether_type(IPV4, 4), frame),
        // AF_INET6 differs by system: Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 24 | 28 | 30 => from(Start::ether_type(IPV6, 4), frame),
        _ => Located::nowhere(Carried::Other),
    }
}

/// What the decoder passes on its way.
#[derive(Default)]
struct Way {
    ip: Option<(usize, u8)>,
    tags: u32,
    vlans: u32,
}

impl Passed for Way {
    fn tag(&mut self, control: u16) {
        // The third tag and later do not tell connections apart: two identifiers are what provider bridging (802.1ad) has.
        if self.ip.is_none() && self.tags < 2 {
            self.vlans |= u32::from(control & 0x0fff) << (12 * self.tags);
            self.tags += 1;
        }
    }

    fn ip(&mut self, at: usize, version: u8) {
        self.ip = Some((at, version));
    }
}

fn from(start: Start, frame: &[u8]) -> Located {
    let mut way = Way::default();
    let carried = walk(frame, start, &mut way);
    Located { carried, ip: way.ip, vlans: way.vlans }
}

#[cfg(test)]
mod tests {
    use writ_filter::MOST_HEADERS;

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

    fn place(located: Located) -> (Option<(usize, u8)>, u32) {
        (located.ip, located.vlans)
    }

    #[test]
    fn tags_are_taken_off_and_the_two_outermost_are_told() {
        let found = |tags: &[(u16, u16)]| place(locate(Link::Ethernet, &ethernet(tags, IPV4)));
        assert_eq!(found(&[]), (Some((14, 4)), 0));
        // Priority bits are no part of the identifier.
        assert_eq!(found(&[(0x8100, 0xe064)]), (Some((18, 4)), 100));
        assert_eq!(found(&[(0x88a8, 100), (0x8100, 200)]), (Some((22, 4)), 100 | 200 << 12));
        assert_eq!(found(&[(0x9100, 1), (0x8100, 2), (0x8100, 3)]), (Some((26, 4)), 1 | 2 << 12));
        assert_eq!(found(&[(0x8100, 1); 8]), (Some((46, 4)), 1 | 1 << 12));
        let too_many = locate(Link::Ethernet, &ethernet(&[(0x8100, 1); MOST_HEADERS], IPV4));
        assert_eq!((too_many.ip, too_many.carried), (None, Carried::TooDeep));
    }

    #[test]
    fn every_prefix_of_a_header_is_malformed_and_none_panics() {
        let frame = ethernet(&[(0x88a8, 1), (0x8100, 2)], IPV6);
        for length in 0..frame.len() {
            let located = locate(Link::Ethernet, &frame[..length]);
            assert_eq!((located.ip, located.carried), (None, Carried::Malformed), "{length}");
        }
        for link in [Link::RawIp, Link::LinuxSll, Link::LinuxSll2, Link::BsdLoopback] {
            assert_eq!(locate(link, &[]), Located::nowhere(Carried::Malformed), "{link:?}");
        }
    }

    #[test]
    fn cooked_and_loopback_headers() {
        let mut sll = vec![0; 14];
        sll.extend([0x86, 0xdd]);
        assert_eq!(place(locate(Link::LinuxSll, &sll)), (Some((16, 6)), 0));
        let mut sll2 = vec![0x08, 0x00];
        sll2.extend([0; 18]);
        assert_eq!(place(locate(Link::LinuxSll2, &sll2)), (Some((20, 4)), 0));
        assert_eq!(locate(Link::LinuxSll2, &sll2[..19]), Located::nowhere(Carried::Malformed));
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_eq!(place(locate(Link::BsdLoopback, &family)), (Some((4, 4)), 0));
        }
        for family in [[30, 0, 0, 0], [0, 0, 0, 24]] {
            assert_eq!(place(locate(Link::BsdLoopback, &family)), (Some((4, 6)), 0));
        }
        assert_eq!(locate(Link::BsdLoopback, &[0, 0, 0, 7]), Located::nowhere(Carried::Other));
    }

    #[test]
    fn snap_can_hold_ip() {
        let mut frame = vec![0; 12];
        frame.extend([0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        assert_eq!(place(locate(Link::Ethernet, &frame)), (Some((22, 4)), 0));
        frame[14] = 0x42;
        assert_eq!(locate(Link::Ethernet, &frame), Located::nowhere(Carried::Other));
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
