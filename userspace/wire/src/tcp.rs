//! TCP headers, RFC 9293 §3.1.

use crate::bytes::{checksum, u16_at, u32_at};
use crate::ip;
use crate::streams::{Flags, Fragment};

const HEADER: usize = 20;

/// A TCP segment within its IP packet.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) ends: ip::Ends,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: Flags,
    /// The IP packet that it came in, as far as it was captured.
    pub(crate) ip: &'a [u8],
    /// What that packet came in, if it did not come whole.
    pub(crate) fragments: &'a [Fragment<'a>],
    /// Where in `ip` the payload starts; the end of `ip` when not even the header was captured whole.
    pub(crate) payload_at: usize,
    /// The payload as far as it was captured.
    pub(crate) payload: &'a [u8],
    /// Octets of payload that were on the wire after these and that the capture cut.
    pub(crate) cut: u32,
}

/// Reads the TCP header of an IP packet; `None` when it contradicts itself or the packet.
pub(crate) fn parse<'a>(packet: &ip::Packet<'a>, fragments: &'a [Fragment<'a>]) -> Option<Segment<'a>> {
    let header = packet.octets.get(packet.transport_at..)?;
    let on_wire = packet.wire_len.checked_sub(packet.transport_at)?;
    let field = u16_at(header, 12)?;
    let header_len = usize::from(field >> 12) * 4;
    if header.len() < HEADER || header_len < HEADER || header_len > on_wire {
        return None;
    }
    let payload_at = (packet.transport_at + header_len).min(packet.octets.len());
    let payload = packet.octets.get(payload_at..)?;
    Some(Segment {
        ends: packet.ends,
        source_port: u16_at(header, 0)?,
        destination_port: u16_at(header, 2)?,
        sequence: u32_at(header, 4)?,
        acknowledgement: u32_at(header, 8)?,
        flags: Flags((field & 0x3f) as u8),
        ip: packet.octets,
        fragments,
        payload_at,
        payload,
        cut: u32::try_from(on_wire - header_len - payload.len()).ok()?,
    })
}

/// Whether the TCP checksum is right. One of a packet that was not captured whole cannot be known, and counts as right.
pub(crate) fn checksum_is_right(packet: &ip::Packet<'_>) -> bool {
    let Some(segment) = packet.octets.get(packet.transport_at..) else { return true };
    if packet.octets.len() < packet.wire_len {
        return true;
    }
    let addresses = if packet.ends.v6 { 16 } else { 4 };
    let length = (segment.len() as u32).to_be_bytes();
    checksum(&[
        packet.ends.source.get(..addresses).unwrap_or_default(),
        packet.ends.destination.get(..addresses).unwrap_or_default(),
        &length,
        &[0, 0, 0, ip::TCP],
        segment,
    ]) == 0
}
