//! Above IP, and before the next: GRE and ERSPAN, VXLAN, GTP-U.

use crate::header;
use crate::packet::Packet;
use crate::walk::{Carried, Step};

/// VXLAN's UDP port (RFC 7348 §5), and the one that Linux had before and still has unless told otherwise.
const VXLAN: u16 = 4789;
const VXLAN_OF_LINUX: u16 = 8472;
/// GTP-U's (TS 29.281 §4.4.2).
const GTP_U: u16 = 2152;

/// Octets of a UDP header.
const UDP_HEADER: usize = 8;

/// IP, of the version that it says itself.
#[inline(always)]
pub(crate) fn ip_by_version<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [first, _] = packet.octets(at)?;
    Some(match first >> 4 {
        4 => Step::Next(header::IPV4, at),
        6 => Step::Next(header::IPV6, at),
        _ => Step::End(Carried::Malformed),
    })
}

/// GRE (RFC 2784, RFC 2890), and the header of ERSPAN behind it.
#[inline(always)]
pub(crate) fn gre<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [flags, version, high, low] = packet.octets::<4>(at)?;
    // Version 1 is PPTP's; source routing (RFC 1701) is nobody's.
    if version & 7 != 0 || flags & 0x40 != 0 {
        return Some(Step::End(Carried::Other));
    }
    // Checksum, key and sequence number, four octets each.
    let has_sequence = flags & 0x10 != 0;
    let options = usize::from(flags >> 7) + usize::from(flags >> 5 & 1) + usize::from(has_sequence);
    let at = at + 4 + options * 4;
    Some(match u16::from_be_bytes([high, low]) {
        protocol @ (header::IPV4 | header::IPV6 | header::MPLS | header::MPLS_UPSTREAM) => Step::Next(protocol, at),
        header::BRIDGED_ETHERNET => Step::Next(header::ETHERNET, at),
        // Type II has a sequence number and a header of eight octets, type I has neither.
        header::ERSPAN => Step::Next(header::ETHERNET, at + if has_sequence { 8 } else { 0 }),
        header::ERSPAN_III => return erspan_iii(packet, at),
        _ => Step::End(Carried::Other),
    })
}

/// Twelve octets, and eight more where the last bit says so.
#[inline(always)]
fn erspan_iii<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [frame_type, more] = packet.octets(at + 10)?;
    let at = at + 12 + usize::from(more & 1) * 8;
    Some(match frame_type >> 2 & 0x1f {
        0 => Step::Next(header::ETHERNET, at),
        2 => Step::Next(header::IP, at),
        _ => Step::End(Carried::Other),
    })
}

/// Whether this destination port of UDP is that of a tunnel.
#[inline(always)]
pub(crate) fn is_a_tunnels(port: u16) -> bool {
    matches!(port, VXLAN | VXLAN_OF_LINUX | GTP_U)
}

/// A UDP datagram, which is a tunnel's by its destination port.
#[inline(always)]
pub(crate) fn udp<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    match packet.u16(at + 2)? {
        VXLAN | VXLAN_OF_LINUX => vxlan(packet, at + UDP_HEADER),
        GTP_U => gtp(packet, at + UDP_HEADER),
        _ => Some(Step::End(Carried::Other)),
    }
}

/// RFC 7348 §5. A port alone does not make a tunnel: what does not begin as one is something else.
#[inline(always)]
fn vxlan<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [flags, _] = packet.octets(at)?;
    Some(if flags & 0x08 != 0 { Step::Next(header::ETHERNET, at + 8) } else { Step::End(Carried::Other) })
}

/// A G-PDU of GTP-U (TS 29.281 §5.1): eight octets, four more if any of three flags is set, and extension headers.
#[inline(always)]
fn gtp<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [flags, message] = packet.octets(at)?;
    // Version 1, no GTP', and a user's packet.
    if flags & 0xf0 != 0x30 || message != 0xff {
        return Some(Step::End(Carried::Other));
    }
    let at = at + 8;
    match flags & 0x07 {
        0 => user_packet(packet, at),
        // The type of the first extension header is the last octet of the four.
        4..=7 => extension_by_type(packet, at + 3),
        _ => user_packet(packet, at + 4),
    }
}

/// An extension header (TS 29.281 §5.2.1): its length in 4-octet units, its content, and the next one's type in its last octet.
#[inline(always)]
pub(crate) fn gtp_extension<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [units, _] = packet.octets(at)?;
    if units == 0 {
        return Some(Step::End(Carried::Malformed));
    }
    extension_by_type(packet, at + usize::from(units) * 4 - 1)
}

/// What the type at `at` announces behind it.
#[inline(always)]
fn extension_by_type<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [kind, _] = packet.octets(at)?;
    match kind {
        0 => user_packet(packet, at + 1),
        _ => Some(Step::Next(header::GTP_EXTENSION, at + 1)),
    }
}

/// What is in a G-PDU: IP, unless it begins otherwise.
#[inline(always)]
fn user_packet<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [first, _] = packet.octets(at)?;
    Some(match first >> 4 {
        4 => Step::Next(header::IPV4, at),
        6 => Step::Next(header::IPV6, at),
        _ => Step::End(Carried::Other),
    })
}
