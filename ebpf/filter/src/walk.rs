//! From a frame's first octet through its headers, tunnels included, to what it carries.
//!
//! One header after the other, each a [`Step`], until TCP, a fragment, or something that is no mail. The chain ends after
//! [`MOST_HEADERS`], whatever the packet says; nothing is kept of a header but what comes next, and where.

use crate::header::{self, Header, protocol};
use crate::packet::Packet;
use crate::{ip, link, tunnel};

/// Headers that are walked in all: tags, labels, IP, its extensions and what is before the next IP each count as one. An operator's
/// deepest, mail of a phone in GTP-U over MPLS over QinQ that a switch mirrors by ERSPAN, has 12.
pub const MOST_HEADERS: usize = 16;

/// What a packet carries in its innermost header that is walked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// TCP, whole as far as IP is concerned.
    Tcp {
        /// Where its header begins. That it is there was not looked at.
        at: usize,
    },
    /// An IP fragment, first or later, of which reassembly is to make TCP or a tunnel, as far as it shows.
    Fragment,
    /// Something else.
    Other,
    /// It ends within a header, or has a header whose length cannot be.
    Malformed,
    /// More than [`MOST_HEADERS`].
    TooDeep,
}

/// What a packet begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    header: Header,
    at: usize,
}

impl Start {
    /// An Ethernet header.
    pub const ETHERNET: Self = Self { header: header::ETHERNET, at: 0 };

    /// An IP header of either version.
    pub const IP: Self = Self { header: header::IP, at: 0 };

    /// At `at`, what an EtherType (or IEEE 802.3 length) announces.
    pub fn ether_type(ether_type: u16, at: usize) -> Self {
        let (header, at) = link::announced(ether_type, at);
        Self { header, at }
    }
}

/// Who wants to know more of the way than its end.
pub trait Passed {
    /// A VLAN tag with this control information, outermost first.
    #[inline(always)]
    fn tag(&mut self, _control: u16) {}

    /// An IP header at this place, announced as this version, outermost first.
    #[inline(always)]
    fn ip(&mut self, _at: usize, _version: u8) {}
}

/// Nobody.
impl Passed for () {}

/// What comes of looking at one header.
pub(crate) enum Step {
    /// There is another, at this place.
    Next(Header, usize),
    /// There is none.
    End(Carried),
}

/// Walks the headers of `packet`.
#[inline(always)]
pub fn walk<P: Packet + ?Sized>(packet: &P, start: Start, passed: &mut impl Passed) -> Carried {
    match direct(packet, start, passed) {
        Some(carried) => carried,
        None => walk_each(packet, start, passed),
    }
}

/// What nearly every frame is: IP without options or extension headers behind an Ethernet header and at most one tag, or no IP at
/// all. There the places are known beforehand, which makes it fast in the kernel. `None` for all else, and then nothing was passed.
#[inline(always)]
pub fn direct<P: Packet + ?Sized>(packet: &P, start: Start, passed: &mut impl Passed) -> Option<Carried> {
    if start != Start::ETHERNET {
        return None;
    }
    let header = packet.u16(12)?;
    if !header::is_tag(header) {
        return directly_at(packet, header, 14, None, passed);
    }
    let [control @ .., high, low] = packet.octets::<4>(14)?;
    let header = u16::from_be_bytes([high, low]);
    directly_at(packet, header, 18, Some(u16::from_be_bytes(control)), passed)
}

/// The IP header that `header` announces at `at`, behind a tag or none.
#[inline(always)]
fn directly_at<P: Packet + ?Sized>(
    packet: &P,
    header: Header,
    at: usize,
    tag: Option<u16>,
    passed: &mut impl Passed,
) -> Option<Carried> {
    let (number, version, length) = match header {
        header::IPV4 => {
            let [first, _, total_high, total_low, _, _, fragment_high, fragment_low, _, number] = packet.octets(at)?;
            let is_plain = first == 0x45 && fragment_high & 0x3f | fragment_low == 0;
            // What ends before the ports of TCP is looked at more closely.
            if !is_plain || total_high == 0 && total_low < 24 {
                return None;
            }
            (number, 4, 20)
        }
        header::IPV6 => {
            let [first, _, _, _, _, _, number] = packet.octets(at)?;
            if first >> 4 != 6 {
                return None;
            }
            (number, 6, 40)
        }
        header::ARP => {
            tag.into_iter().for_each(|control| passed.tag(control));
            return Some(Carried::Other);
        }
        _ => return None,
    };
    let carried = match number {
        protocol::TCP => Carried::Tcp { at: at + length },
        protocol::UDP if !tunnel::is_a_tunnels(packet.u16(at + length + 2)?) => Carried::Other,
        protocol::ICMP | protocol::ICMP_V6 => Carried::Other,
        _ => return None,
    };
    tag.into_iter().for_each(|control| passed.tag(control));
    passed.ip(at, version);
    Some(carried)
}

/// Walks one header after the other.
#[inline(always)]
pub fn walk_each<P: Packet + ?Sized>(packet: &P, start: Start, passed: &mut impl Passed) -> Carried {
    let Start { mut header, mut at } = start;
    for _ in 0..MOST_HEADERS {
        (header, at) = packet.unrelated(header, at);
        // None stands for a packet that ended within a header.
        match step(packet, header, at, passed) {
            Some(Step::Next(following, there)) => (header, at) = (following, there),
            Some(Step::End(carried)) => return carried,
            None => return Carried::Malformed,
        }
    }
    Carried::TooDeep
}

#[inline(always)]
fn step<P: Packet + ?Sized>(packet: &P, header: Header, at: usize, passed: &mut impl Passed) -> Option<Step> {
    match header {
        header::IPV4 => ip::version_4(packet, at, passed),
        header::IPV6 => ip::version_6(packet, at, passed),
        header::ETHERNET => link::ethernet(packet, at),
        _ if header::is_tag(header) => link::tag(packet, at, passed),
        header::LLC => link::llc(packet, at),
        header::MPLS | header::MPLS_UPSTREAM => link::mpls(packet, at),
        header::PPPOE_SESSION => link::pppoe(packet, at),
        header::GRE => tunnel::gre(packet, at),
        header::GTP_EXTENSION => tunnel::gtp_extension(packet, at),
        header::IP => tunnel::ip_by_version(packet, at),
        _ if header::is_in_ipv6(header) => ip::extension(packet, header, at),
        _ => Some(Step::End(Carried::Other)),
    }
}
