//! IPv4, IPv6 and its chain of extension headers, and what they carry.

use crate::header::{self, Header, protocol};
use crate::packet::Packet;
use crate::tunnel;
use crate::walk::{Carried, Passed, Step};

/// Octets of the fixed header of IPv6.
const IPV6_HEADER: usize = 40;

/// An IPv4 header with its options (RFC 791 §3.1).
#[inline(always)]
pub(crate) fn version_4<P: Packet + ?Sized>(packet: &P, at: usize, passed: &mut impl Passed) -> Option<Step> {
    passed.ip(at, 4);
    let [first, _, total_len @ .., _, _, fragment_high, fragment_low, _, number] = packet.octets::<10>(at)?;
    let header_len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_len < 20 {
        return Some(Step::End(Carried::Malformed));
    }
    // More fragments, or an offset: the reserved and don't-fragment bits say nothing of it.
    if u16::from_be_bytes([fragment_high, fragment_low]) & 0x3fff != 0 {
        let may_be_mail = protocol::is_reassembled(number);
        return Some(Step::End(if may_be_mail { Carried::Fragment } else { Carried::Other }));
    }
    // Zero is what segmentation offload leaves in packets that are too long for the field.
    let total_len = usize::from(u16::from_be_bytes(total_len));
    if number == protocol::TCP && total_len != 0 && total_len < header_len + 4 {
        return Some(Step::End(Carried::Malformed));
    }
    payload(packet, number, at + header_len)
}

/// What an IP header carries, whole.
#[inline(always)]
fn payload<P: Packet + ?Sized>(packet: &P, number: u8, at: usize) -> Option<Step> {
    Some(match number {
        protocol::TCP => Step::End(Carried::Tcp { at }),
        protocol::UDP => return tunnel::udp(packet, at),
        protocol::GRE => Step::Next(header::GRE, at),
        protocol::IPV4 => Step::Next(header::IPV4, at),
        protocol::IPV6 => Step::Next(header::IPV6, at),
        _ => Step::End(Carried::Other),
    })
}

/// The fixed header of IPv6 (RFC 8200 §3).
#[inline(always)]
pub(crate) fn version_6<P: Packet + ?Sized>(packet: &P, at: usize, passed: &mut impl Passed) -> Option<Step> {
    passed.ip(at, 6);
    let [first, _, _, _, _, _, number] = packet.octets::<7>(at)?;
    if first >> 4 != 6 {
        return Some(Step::End(Carried::Malformed));
    }
    let at = at + IPV6_HEADER;
    if number == protocol::TCP {
        return Some(Step::End(Carried::Tcp { at }));
    }
    Some(Step::Next(header::IN_IPV6 | u16::from(number), at))
}

/// What follows the fixed header of IPv6 (RFC 8200 §4): an extension header, or what it carries.
#[inline(always)]
pub(crate) fn extension<P: Packet + ?Sized>(packet: &P, header: Header, at: usize) -> Option<Step> {
    let [within, number] = header.to_be_bytes();
    let within = u16::from(within) << 8;
    if protocol::is_extension(number) {
        // In 8-octet units, the first not counted.
        let [following, units] = packet.octets(at)?;
        return Some(Step::Next(within | u16::from(following), at + (usize::from(units) + 1) * 8));
    }
    if number == protocol::AUTHENTICATION {
        // RFC 4302 §2.2: in 4-octet units, less two.
        let [following, units] = packet.octets(at)?;
        return Some(Step::Next(within | u16::from(following), at + (usize::from(units) + 2) * 4));
    }
    if number == protocol::FRAGMENT {
        let [following, _, offset_high, offset_low] = packet.octets(at)?;
        let offset_and_more = u16::from_be_bytes([offset_high, offset_low]);
        if offset_and_more >> 3 != 0 {
            return Some(Step::End(later_fragment(following)));
        }
        // Without more to come it is an atomic fragment, a whole packet (RFC 6946).
        let within = if offset_and_more & 1 != 0 { header::IN_FRAGMENT } else { within };
        return Some(Step::Next(within | u16::from(following), at + 8));
    }
    // A first fragment goes up whatever its ports, with the later ones that do not show theirs.
    if within == header::IN_FRAGMENT {
        let may_be_mail = protocol::is_reassembled(number);
        return Some(Step::End(if may_be_mail { Carried::Fragment } else { Carried::Other }));
    }
    payload(packet, number, at)
}

/// A later fragment shows only the number of the first header after the fragment header: behind an extension header there,
/// TCP cannot be excluded.
#[inline(always)]
fn later_fragment(following: u8) -> Carried {
    let may_be_mail = protocol::is_reassembled(following)
        || following == protocol::AUTHENTICATION
        || protocol::is_extension(following);
    if may_be_mail { Carried::Fragment } else { Carried::Other }
}
