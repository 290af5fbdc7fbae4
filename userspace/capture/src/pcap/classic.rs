//! Classic pcap: a file header, then records of a header and a frame (draft-ietf-opsawg-pcap).

use super::order::ByteOrder;
use super::window::Window;
use super::{LONGEST_FRAME, PcapError};
use crate::Frame;

/// Octets of the file header.
const FILE_HEADER: usize = 24;
/// Octets of a record header.
const RECORD_HEADER: usize = 16;
/// Octets of a record header in the variant that patched Linux kernels wrote: interface, protocol and type follow.
const RECORD_HEADER_PATCHED: usize = 24;

/// What the magic number says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    order: ByteOrder,
    /// Nanoseconds in a unit of the record header's second field.
    nanos_per_unit: u64,
    record_header: usize,
}

/// A file's encoding and link type.
pub(super) struct Classic {
    encoding: Encoding,
    link: u32,
    /// Files up to version 2.3 have the two lengths of a record in either order.
    lengths_may_be_swapped: bool,
}

impl Classic {
    /// The encoding that a magic number stands for; `None` for any other four octets.
    pub(super) fn of_magic(magic: [u8; 4]) -> Option<Encoding> {
        let (order, nanos_per_unit, record_header) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, 1_000, RECORD_HEADER),
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, 1_000, RECORD_HEADER),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, 1, RECORD_HEADER),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, 1, RECORD_HEADER),
            [0xa1, 0xb2, 0xcd, 0x34] => (ByteOrder::Big, 1_000, RECORD_HEADER_PATCHED),
            [0x34, 0xcd, 0xb2, 0xa1] => (ByteOrder::Little, 1_000, RECORD_HEADER_PATCHED),
            _ => return None,
        };
        Some(Encoding { order, nanos_per_unit, record_header })
    }

    /// Reads the file header. Its snapshot length is not relied on: real files hold longer frames than it promises.
    pub(super) fn open(encoding: Encoding, window: &mut Window) -> Result<Self, PcapError> {
        let header = window.need(FILE_HEADER, "a pcap file header")?;
        let major = encoding.order.u16(header, 4).unwrap_or_default();
        let minor = encoding.order.u16(header, 6).unwrap_or_default();
        // The upper 16 bits tell of an FCS at the frames' ends, not of the link type.
        let link = encoding.order.u32(header, 20).unwrap_or_default() & 0xffff;
        if major != 2 {
            return Err(window.malformed(4, "pcap version 2", u64::from(major)));
        }
        window.take(FILE_HEADER);
        Ok(Self { encoding, link, lengths_may_be_swapped: minor <= 3 })
    }

    /// Visits the next frame and returns its octets; `None` at the file's end.
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        visit: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Option<usize>, PcapError> {
        let Encoding { order, nanos_per_unit, record_header } = self.encoding;
        let Some(header) = window.peek(record_header, "a record header")? else { return Ok(None) };
        let field = |at| order.u32(header, at).unwrap_or_default();
        let (seconds, units) = (u64::from(field(0)), u64::from(field(4)));
        let (mut captured_len, mut wire_len) = (field(8), field(12));
        if self.lengths_may_be_swapped && captured_len > wire_len {
            std::mem::swap(&mut captured_len, &mut wire_len);
        }
        if captured_len > LONGEST_FRAME {
            let at = window.offset() + 8;
            return Err(window.malformed(at, "a captured length of at most 262144 octets", captured_len.into()));
        }
        let octets_len = captured_len as usize;
        let record = window.need(record_header + octets_len, "a record")?;
        // At most 2^32 seconds and 2^32 microseconds: 4.3e18 nanoseconds, so neither product nor sum overflows.
        let time_nanos = seconds * 1_000_000_000 + units * nanos_per_unit;
        visit(Frame {
            time_nanos,
            link: self.link,
            octets: record.get(record_header..).unwrap_or_default(),
            // A few writers leave it zero; a frame is never shorter on the wire than in the file.
            wire_len: wire_len.max(captured_len),
        });
        window.take(record_header + octets_len);
        Ok(Some(octets_len))
    }
}
