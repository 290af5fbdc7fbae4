//! pcapng: sections of blocks, each section in its own byte order (draft-ietf-opsawg-pcapng).

use super::interface::Interface;
use super::order::ByteOrder;
use super::window::Window;
use super::{LONGEST_FRAME, LONGEST_PART, PcapError};
use crate::Frame;

/// The type of a section header block, which begins the file: the same in either byte order.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Interface descriptions that one section may have.
pub const MOST_INTERFACES: usize = 65_536;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Octets around a block's body: type and length before it, the length again after it.
const BLOCK_OVERHEAD: u32 = 12;
/// Octets of a block's type and length.
const BLOCK_HEADER: usize = 8;
/// Octets of a section header block without options.
const SHORTEST_SECTION_HEADER: u32 = 28;

/// The section that is being read: its byte order and its interfaces.
pub(super) struct PcapNg {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// The time of the last frame that had one: simple packet blocks have none of their own.
    last_time_nanos: u64,
}

/// A packet block's fields, wherever that kind of block has them.
struct Packet {
    interface: usize,
    time_nanos: Option<u64>,
    captured_len: u32,
    wire_len: u32,
    /// Where in the body the frame begins.
    begin: usize,
}

impl PcapNg {
    pub(super) fn new() -> Self {
        // The first block is a section header, which sets the order.
        Self { order: ByteOrder::Little, interfaces: Vec::new(), last_time_nanos: 0 }
    }

    /// Visits the next frame and returns its octets; `None` at the file's end.
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        visit: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Option<usize>, PcapError> {
        loop {
            let at = window.offset();
            let Some(header) = window.peek(BLOCK_HEADER, "a block's type and length")? else { return Ok(None) };
            let kind = self.order.u32(header, 0).unwrap_or_default();
            if kind == SECTION_HEADER {
                self.begin_section(window)?;
                continue;
            }
            let total = self.order.u32(header, 4).unwrap_or_default();
            if total < BLOCK_OVERHEAD || !total.is_multiple_of(4) {
                return Err(window.malformed(at + 4, "a block length of at least 12, divisible by 4", total.into()));
            }
            match kind {
                INTERFACE_DESCRIPTION => {
                    if self.interfaces.len() >= MOST_INTERFACES {
                        return Err(window.malformed(at, "at most 65536 interfaces in a section", u64::from(kind)));
                    }
                    let order = self.order;
                    let interface = Interface::of_body(order, block_body(order, window, total)?);
                    let interface =
                        interface.ok_or_else(|| window.malformed(at, "a whole interface description", total.into()))?;
                    self.interfaces.push(interface);
                    window.take(total as usize);
                }
                PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    let octets = self.packet(kind, total, window, visit)?;
                    window.take(total as usize);
                    return Ok(Some(octets));
                }
                // Names, statistics, keys, comments: of no use here, so their length needs no bound.
                _ => window.skip(total.into(), "a block")?,
            }
        }
    }

    /// Reads a section header block (4.1): the byte order holds, and interfaces are numbered, from here on.
    fn begin_section(&mut self, window: &mut Window) -> Result<(), PcapError> {
        let at = window.offset();
        let header = window.need(BLOCK_HEADER + 4, "a section header with its byte-order magic")?;
        let magic =
            header.get(BLOCK_HEADER..).and_then(|octets| octets.first_chunk::<4>()).copied().unwrap_or_default();
        self.order = match magic {
            [0x1a, 0x2b, 0x3c, 0x4d] => ByteOrder::Big,
            [0x4d, 0x3c, 0x2b, 0x1a] => ByteOrder::Little,
            other => {
                let found = u64::from(u32::from_be_bytes(other));
                return Err(window.malformed(at + 8, "the byte-order magic 1a2b3c4d", found));
            }
        };
        let total = self.order.u32(header, 4).unwrap_or_default();
        if total < SHORTEST_SECTION_HEADER || !total.is_multiple_of(4) {
            return Err(window.malformed(
                at + 4,
                "a section header of at least 28 octets, divisible by 4",
                total.into(),
            ));
        }
        let version = window.need(BLOCK_HEADER + 8, "a section header with its version")?;
        let major = self.order.u16(version, BLOCK_HEADER + 4).unwrap_or_default();
        if major != 1 {
            return Err(window.malformed(at + 12, "pcapng version 1", major.into()));
        }
        self.interfaces.clear();
        window.skip(total.into(), "a section header")
    }

    /// Visits the frame of a packet block of any kind.
    fn packet(
        &mut self,
        kind: u32,
        total: u32,
        window: &mut Window,
        visit: &mut dyn FnMut(Frame<'_>),
    ) -> Result<usize, PcapError> {
        let at = window.offset();
        let body = block_body(self.order, window, total)?;
        let fields = self.packet_fields(kind, body);
        let Some(packet) = fields else {
            return Err(window.malformed(at, "a packet block of an interface that was described", kind.into()));
        };
        if packet.captured_len > LONGEST_FRAME {
            let found = packet.captured_len.into();
            return Err(window.malformed(at, "a captured length of at most 262144 octets", found));
        }
        let end = packet.begin + packet.captured_len as usize;
        let (Some(octets), Some(interface)) = (body.get(packet.begin..end), self.interfaces.get(packet.interface))
        else {
            return Err(window.malformed(at, "a captured length that fits into the block", packet.captured_len.into()));
        };
        if let Some(time_nanos) = packet.time_nanos {
            self.last_time_nanos = time_nanos;
        }
        visit(Frame {
            time_nanos: self.last_time_nanos,
            link: interface.link,
            octets,
            wire_len: packet.wire_len.max(packet.captured_len),
        });
        Ok(octets.len())
    }

    /// The fields of a packet block; `None` where the body is too short for them or the interface is unknown.
    fn packet_fields(&self, kind: u32, body: &[u8]) -> Option<Packet> {
        let order = self.order;
        if kind == SIMPLE_PACKET {
            // 4.4: of the first interface, without a time; cut at that interface's snapshot length and to the block's end.
            let interface = self.interfaces.first()?;
            let wire_len = order.u32(body, 0)?;
            let room = u32::try_from(body.len().checked_sub(4)?).ok()?;
            let captured_len = wire_len.min(interface.snapshot_len).min(room);
            return Some(Packet { interface: 0, time_nanos: None, captured_len, wire_len, begin: 4 });
        }
        // 4.3 and, for the old block, appendix A: 16 bits of interface and 16 of drop count where the new has 32.
        let interface = if kind == PACKET { u32::from(order.u16(body, 0)?) } else { order.u32(body, 0)? };
        let interface = usize::try_from(interface).ok()?;
        let ticks = u64::from(order.u32(body, 4)?) << 32 | u64::from(order.u32(body, 8)?);
        let time_nanos = Some(self.interfaces.get(interface)?.clock.time_nanos(ticks));
        Some(Packet {
            interface,
            time_nanos,
            captured_len: order.u32(body, 12)?,
            wire_len: order.u32(body, 16)?,
            begin: 20,
        })
    }
}

/// The body of the block of `total` octets that is next in the window, once its second length is found to agree.
fn block_body(order: ByteOrder, window: &mut Window, total: u32) -> Result<&[u8], PcapError> {
    let at = window.offset();
    let length = total as usize;
    if length > LONGEST_PART {
        return Err(window.malformed(at + 4, "a block of at most 327680 octets", total.into()));
    }
    let block = window.need(length, "a block")?;
    let again = order.u32(block, length.saturating_sub(4)).unwrap_or_default();
    if again != total {
        let end = at + u64::from(total) - 4;
        return Err(window.malformed(end, "the block's length, the same as at its begin", again.into()));
    }
    // Looked up afresh: the borrow of `block` would reach over the error above.
    let block = window.need(length, "a block")?;
    Ok(block.get(BLOCK_HEADER..length - 4).unwrap_or_default())
}
