//! Which worker a frame belongs to, where the network card cannot see to it.

use crate::ip::{self, Ends};
use crate::{Frame, link};

/// A number that is the same for both directions of every connection between two hosts, fragments included; `None` where
/// the frame carries no IP. Ports are left out, since later fragments have none. In a tunnel the hosts are those of the innermost
/// packet; fragments of the tunnel's own packets do not show these, and go by its ends.
pub fn steering(frame: &Frame<'_>) -> Option<u64> {
    let (at, version) = link::locate(frame.link, frame.octets).ip?;
    let octets = frame.octets.get(at..)?;
    let on_wire = (frame.wire_len as usize).max(frame.octets.len()) - at;
    let ends = match ip::parse(octets, on_wire, Some(version)) {
        ip::Parsed::Whole(packet) => packet.ends,
        ip::Parsed::Fragment(fragment) => fragment.ends,
        ip::Parsed::Malformed => return None,
    };
    Some(mix(&ends))
}

fn mix(ends: &Ends) -> u64 {
    let halves = |address: &ip::Address| {
        let value = u128::from_be_bytes(*address);
        (value >> 64) as u64 ^ (value as u64).rotate_left(29)
    };
    // The sum does not depend on the order. The multiplication (an odd constant, 2^64 divided by the golden ratio) spreads
    // neighbouring addresses; the upper bits are the well-mixed ones.
    let sum = halves(&ends.source).wrapping_add(halves(&ends.destination));
    sum.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Link, Time};

    fn number(source: [u8; 4], destination: [u8; 4], fragment: u16) -> Option<u64> {
        let mut octets = vec![0x45, 0, 0, 28, 0, 7, (fragment >> 8) as u8, fragment as u8, 64, 6, 0, 0];
        octets.extend(source);
        octets.extend(destination);
        octets.extend([0; 8]);
        steering(&Frame { time: Time::MIN, link: Link::RawIp, octets: &octets, wire_len: 28 })
    }

    #[test]
    fn both_directions_and_all_fragments_go_one_way() {
        let (a, b) = ([192, 0, 2, 1], [198, 51, 100, 2]);
        let there = number(a, b, 0);
        assert!(there.is_some());
        assert_eq!(there, number(b, a, 0));
        assert_eq!(there, number(a, b, 0x2000));
        assert_eq!(there, number(a, b, 0x0007));
        assert_ne!(there, number(a, [198, 51, 100, 3], 0));
    }

    #[test]
    fn a_frame_that_the_capture_cut_goes_the_same_way() {
        let mut octets = vec![0x45, 0, 5, 0xdc, 0, 7, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2];
        octets.extend([0; 20]);
        let frame = Frame { time: Time::MIN, link: Link::RawIp, octets: &octets, wire_len: 1500 };
        assert_eq!(steering(&frame), number([192, 0, 2, 1], [198, 51, 100, 2], 0));
    }

    #[test]
    fn neighbouring_hosts_are_spread() {
        let mut of = [0; 4];
        for host in 0..=255 {
            of[(number([192, 0, 2, host], [198, 51, 100, 2], 0).unwrap() % 4) as usize] += 1;
        }
        assert!(of.iter().all(|count| (32..=96).contains(count)), "{of:?}");
    }
}
