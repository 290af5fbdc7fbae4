//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use crate::bytes::{checksum, u16_at, u32_at};

/// Most IPv6 extension headers before the transport header. Real packets have one or two.
const MAX_EXTENSIONS: usize = 16;
const IPV6_HEADER: usize = 40;
/// The least that a frame on Ethernet holds above its header: anything shorter is padded up to this.
const ETHERNET_MINIMUM: usize = 46;

/// TCP's protocol number.
pub(crate) const TCP: u8 = 6;

/// An address of either family: IPv4 in the first four octets. Which family it is must be told apart by other means.
pub(crate) type Address = [u8; 16];

/// The two ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) v6: bool,
}

/// An IP packet that is no fragment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) ends: Ends,
    /// What was captured of it, from its first octet on, padding taken off.
    pub(crate) octets: &'a [u8],
    /// Its length on the wire.
    pub(crate) wire_len: usize,
    /// Where the transport header starts.
    pub(crate) transport_at: usize,
    pub(crate) protocol: u8,
    /// Octets of the IPv4 header, for its checksum; 0 for IPv6.
    pub(crate) ipv4_header: usize,
}

impl Packet<'_> {
    /// Whether the IPv4 header's own checksum is right; IPv6 has none.
    pub(crate) fn header_checksum_is_right(&self) -> bool {
        self.octets.get(..self.ipv4_header).is_some_and(|header| self.ends.v6 || checksum(&[header]) == 0)
    }
}

/// One fragment of an IP packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) ends: Ends,
    /// IPv4's 16 bits or IPv6's 32.
    pub(crate) identification: u32,
    /// What the whole packet's payload is: for IPv6, what follows the fragment header.
    pub(crate) protocol: u8,
    /// Where its payload lies in that of the packet, in octets.
    pub(crate) offset: u32,
    /// Whether more follow.
    pub(crate) more: bool,
    /// The part before the payload that every fragment repeats: the IPv4 header, or the IPv6 headers before the fragment header.
    pub(crate) head: &'a [u8],
    /// Where in `head` the number of the next header is, which for IPv6 must name what followed the fragment header.
    pub(crate) next_header_at: usize,
    pub(crate) payload: &'a [u8],
    /// All of the fragment that was captured, from the first octet of its header on, padding taken off.
    pub(crate) octets: &'a [u8],
    /// Whether the capture cut the payload.
    pub(crate) cut: bool,
}

/// What an IP header says.
#[derive(Debug)]
pub(crate) enum Parsed<'a> {
    Whole(Packet<'a>),
    Fragment(Fragment<'a>),
    Malformed,
}

/// Reads the IP header of `octets`, of which there were `on_wire` on the wire (padding included). `version` is what the link
/// header announced.
pub(crate) fn parse(octets: &[u8], on_wire: usize, version: Option<u8>) -> Parsed<'_> {
    let found = octets.first().map(|first| first >> 4);
    if version.is_some() && found != version {
        return Parsed::Malformed;
    }
    match found {
        Some(4) => ipv4(octets, on_wire),
        Some(6) => ipv6(octets, on_wire),
        _ => None,
    }
    .unwrap_or(Parsed::Malformed)
}

fn ipv4(octets: &[u8], on_wire: usize) -> Option<Parsed<'_>> {
    let header_len = usize::from(octets.first()? & 0x0f) * 4;
    let head = octets.get(..header_len)?;
    if header_len < 20 {
        return None;
    }
    // Segmentation offload: the sending host's capture sees a packet that is too large for the field, or not yet filled in.
    let total = match usize::from(u16_at(head, 2)?) {
        0 if on_wire > ETHERNET_MINIMUM => on_wire,
        total => total,
    };
    if total < header_len || total > on_wire {
        return None;
    }
    let captured = octets.get(..total).unwrap_or(octets);
    let mut ends = Ends { source: [0; 16], destination: [0; 16], v6: false };
    ends.source.first_chunk_mut::<4>()?.copy_from_slice(head.get(12..16)?);
    ends.destination.first_chunk_mut::<4>()?.copy_from_slice(head.get(16..20)?);
    let protocol = *head.get(9)?;
    let field = u16_at(head, 6)?;
    let (offset, more) = (u32::from(field & 0x1fff) * 8, field & 0x2000 != 0);
    if offset == 0 && !more {
        return Some(Parsed::Whole(Packet {
            ends,
            octets: captured,
            wire_len: total,
            transport_at: header_len,
            protocol,
            ipv4_header: header_len,
        }));
    }
    Some(Parsed::Fragment(Fragment {
        ends,
        identification: u32::from(u16_at(head, 4)?),
        protocol,
        offset,
        more,
        head,
        next_header_at: 9,
        payload: captured.get(header_len..)?,
        octets: captured,
        cut: captured.len() < total,
    }))
}

fn ipv6(octets: &[u8], on_wire: usize) -> Option<Parsed<'_>> {
    let header = octets.first_chunk::<IPV6_HEADER>()?;
    let total = match usize::from(u16_at(header, 4)?) {
        // A jumbogram (RFC 2675), or segmentation offload as above.
        0 if on_wire > ETHERNET_MINIMUM => on_wire,
        payload => IPV6_HEADER + payload,
    };
    if total > on_wire {
        return None;
    }
    let captured = octets.get(..total).unwrap_or(octets);
    let mut ends = Ends { source: [0; 16], destination: [0; 16], v6: true };
    ends.source.copy_from_slice(header.get(8..24)?);
    ends.destination.copy_from_slice(header.get(24..40)?);
    let (mut protocol, mut next_header_at, mut at) = (*header.get(6)?, 6, IPV6_HEADER);
    for _ in 0..MAX_EXTENSIONS {
        let length = match protocol {
            // Hop-by-hop options, routing, destination options, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (usize::from(*captured.get(at + 1)?) + 1) * 8,
            // The authentication header counts in units of four octets, less two (RFC 4302 §2.2).
            51 => (usize::from(*captured.get(at + 1)?) + 2) * 4,
            44 => {
                let field = u16_at(captured, at + 2)?;
                let (offset, more) = (u32::from(field & !7), field & 1 != 0);
                // An atomic fragment (RFC 6946) is a whole packet.
                if offset != 0 || more {
                    return Some(Parsed::Fragment(Fragment {
                        ends,
                        identification: u32_at(captured, at + 4)?,
                        protocol: *captured.get(at)?,
                        offset,
                        more,
                        head: captured.get(..at)?,
                        next_header_at,
                        payload: captured.get(at + 8..)?,
                        octets: captured,
                        cut: captured.len() < total,
                    }));
                }
                8
            }
            _ => {
                return Some(Parsed::Whole(Packet {
                    ends,
                    octets: captured,
                    wire_len: total,
                    transport_at: at,
                    protocol,
                    ipv4_header: 0,
                }));
            }
        };
        protocol = *captured.get(at)?;
        next_header_at = at;
        at += length;
        if at > total {
            return None;
        }
    }
    None
}
