//! What a packet is: Ethernet, its tags or SNAP, IPv4, and the ports of TCP.

use crate::packet::Packet;
use crate::ports::{self, PortSet};

/// VLAN tags that are walked: 802.1ad with two customer tags in it.
pub const MOST_TAGS: usize = 3;

/// What a packet is, as far as its handling needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// TCP, whole, with a mail port at either end.
    Mail,
    /// A fragment, first or later, that is TCP or cannot be told from it: only reassembly can see the ports of all.
    Fragment,
    /// Anything else that is well formed as far as it was looked at.
    Other,
    /// Ends within a header, or has a header whose length cannot be.
    Malformed,
    /// Has more VLAN tags or IPv6 extension headers than are walked.
    TooDeep,
}

/// IEEE 802 numbers of what follows an Ethernet header.
mod ether_type {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    /// 802.1Q.
    pub(super) const CUSTOMER_TAG: u16 = 0x8100;
    /// 802.1ad.
    pub(super) const SERVICE_TAG: u16 = 0x88a8;
    /// Stacked tags before 802.1ad gave them a number: three that vendors chose.
    pub(super) const SERVICE_TAG_BEFORE_STANDARD: u16 = 0x9100;
    pub(super) const SERVICE_TAG_OF_A_VENDOR: u16 = 0x9200;
    pub(super) const SERVICE_TAG_OF_ANOTHER: u16 = 0x9300;
    /// Below it, the field is the length of an IEEE 802.3 frame, and LLC follows.
    pub(super) const LEAST: u16 = 0x0600;
}

/// LLC and SNAP that announce an EtherType (RFC 1042): all else behind a length holds no IP.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];

/// IANA's protocol number of TCP.
pub(crate) const TCP: u8 = 6;

/// Octets of an Ethernet header, up to its type.
const ADDRESSES: usize = 12;

/// Classes `packet`, which begins with an Ethernet header, by the mail ports in `ports`.
#[inline(always)]
pub fn class_of<P: Packet + ?Sized>(packet: &P, ports: &PortSet) -> Class {
    // None stands for a packet that ended within a header.
    walk_link(packet, ports).unwrap_or(Class::Malformed)
}

/// Walks the Ethernet header, and its tags or LLC and SNAP.
#[inline(always)]
fn walk_link<P: Packet + ?Sized>(packet: &P, ports: &PortSet) -> Option<Class> {
    let mut kind = packet.u16(ADDRESSES)?;
    let mut at = ADDRESSES + 2;
    if kind < ether_type::LEAST {
        let [head @ .., high, low] = packet.octets::<8>(at)?;
        kind = u16::from_be_bytes([high, low]);
        at += 8;
        if head != SNAP || is_tag(kind) {
            return Some(Class::Other);
        }
    }
    for _ in 0..=MOST_TAGS {
        match kind {
            _ if is_tag(kind) => {
                kind = packet.u16(at + 2)?;
                at += 4;
            }
            ether_type::IPV4 => return walk_ipv4(packet, at, ports),
            ether_type::IPV6 => return crate::ipv6::walk(packet, at, ports),
            _ => return Some(Class::Other),
        }
    }
    Some(Class::TooDeep)
}

/// Whether a VLAN tag follows this type.
#[inline(always)]
fn is_tag(kind: u16) -> bool {
    matches!(
        kind,
        ether_type::CUSTOMER_TAG
            | ether_type::SERVICE_TAG
            | ether_type::SERVICE_TAG_BEFORE_STANDARD
            | ether_type::SERVICE_TAG_OF_A_VENDOR
            | ether_type::SERVICE_TAG_OF_ANOTHER
    )
}

/// Walks an IPv4 header with its options (RFC 791 §3.1).
#[inline(always)]
fn walk_ipv4<P: Packet + ?Sized>(packet: &P, at: usize, ports: &PortSet) -> Option<Class> {
    let [first, _, total_len @ .., _, _, fragment_high, fragment_low, _, protocol] = packet.octets::<10>(at)?;
    let header_len = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_len < 20 {
        return Some(Class::Malformed);
    }
    if protocol != TCP {
        return Some(Class::Other);
    }
    // More fragments, or an offset: the reserved and don't-fragment bits say nothing of it.
    if u16::from_be_bytes([fragment_high, fragment_low]) & 0x3fff != 0 {
        return Some(Class::Fragment);
    }
    // Zero is what segmentation offload leaves in packets that are too long for the field.
    let total_len = usize::from(u16::from_be_bytes(total_len));
    if total_len != 0 && total_len < header_len + 4 {
        return Some(Class::Malformed);
    }
    class_of_tcp(packet, at + header_len, ports)
}

/// Looks the ports of a TCP header up (RFC 9293 §3.1).
#[inline(always)]
pub(crate) fn class_of_tcp<P: Packet + ?Sized>(packet: &P, at: usize, ports: &PortSet) -> Option<Class> {
    let [source @ .., high, low] = packet.octets::<4>(at)?;
    let destination = u16::from_be_bytes([high, low]);
    let mail = ports::holds(ports, u16::from_be_bytes(source)) || ports::holds(ports, destination);
    Some(if mail { Class::Mail } else { Class::Other })
}
