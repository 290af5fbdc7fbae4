//! Below IP: Ethernet, VLAN tags, LLC and SNAP, MPLS, PPPoE.

use crate::header::{self, Header};
use crate::packet::Packet;
use crate::walk::{Carried, Passed, Step};

/// Octets of the two addresses of an Ethernet header.
const ADDRESSES: usize = 12;

/// LLC and SNAP that announce an EtherType (RFC 1042): all else behind a length holds no IP.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// What the field of an EtherType, or length, announces at `at`.
#[inline(always)]
pub(crate) fn announced(ether_type: u16, at: usize) -> (Header, usize) {
    (if ether_type < header::FIRST_ETHER_TYPE { header::LLC } else { ether_type }, at)
}

#[inline(always)]
pub(crate) fn ethernet<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let (header, at) = announced(packet.u16(at + ADDRESSES)?, at + ADDRESSES + 2);
    Some(Step::Next(header, at))
}

#[inline(always)]
pub(crate) fn tag<P: Packet + ?Sized>(packet: &P, at: usize, passed: &mut impl Passed) -> Option<Step> {
    let [control @ .., high, low] = packet.octets::<4>(at)?;
    passed.tag(u16::from_be_bytes(control));
    let (header, at) = announced(u16::from_be_bytes([high, low]), at + 4);
    Some(Step::Next(header, at))
}

#[inline(always)]
pub(crate) fn llc<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [head @ .., high, low] = packet.octets::<8>(at)?;
    let ether_type = u16::from_be_bytes([high, low]);
    Some(match ether_type {
        header::IPV4 | header::IPV6 if head == SNAP => Step::Next(ether_type, at + 8),
        _ => Step::End(Carried::Other),
    })
}

/// One label (RFC 3032 §2.1). What the last one announces nobody says: IP by its version, as routers do that balance load, or a
/// pseudowire with Ethernet, with its control word (RFC 4385 §3) or without.
#[inline(always)]
pub(crate) fn mpls<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [_, _, stack, _] = packet.octets::<4>(at)?;
    let at = at + 4;
    if stack & 1 == 0 {
        return Some(Step::Next(header::MPLS, at));
    }
    let [first, _] = packet.octets(at)?;
    Some(match first >> 4 {
        4 => Step::Next(header::IPV4, at),
        6 => Step::Next(header::IPV6, at),
        0 => Step::Next(header::ETHERNET, at + 4),
        // An associated channel (RFC 4385 §5).
        1 => Step::End(Carried::Other),
        _ => Step::Next(header::ETHERNET, at),
    })
}

/// PPPoE in its session stage (RFC 2516 §4), and PPP.
#[inline(always)]
pub(crate) fn pppoe<P: Packet + ?Sized>(packet: &P, at: usize) -> Option<Step> {
    let [version, code, _, _, _, _, high, low] = packet.octets::<8>(at)?;
    if [version, code] != [0x11, 0] {
        return Some(Step::End(Carried::Other));
    }
    Some(match u16::from_be_bytes([high, low]) {
        0x0021 => Step::Next(header::IPV4, at + 8),
        0x0057 => Step::Next(header::IPV6, at + 8),
        // RFC 3032 §4.3.
        0x0281 => Step::Next(header::MPLS, at + 8),
        _ => Step::End(Carried::Other),
    })
}
