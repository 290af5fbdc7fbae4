//! The trait that a worker reads frames through, whatever they come from.

use crate::CaptureError;

/// One frame, borrowed from the source for the length of a visit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When the frame was seen: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub time_nanos: u64,
    /// What the octets begin with: a LINKTYPE number, see [`link`].
    pub link: u32,
    /// The octets that were captured.
    pub octets: &'a [u8],
    /// How many octets the frame had on the wire; more than `octets.len()` where the capture cut it short.
    pub wire_len: u32,
}

/// Leaves the octets out: they may be somebody's mail, and a log line is no place for it.
impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("time_nanos", &self.time_nanos)
            .field("link", &self.link)
            .field("captured_len", &self.octets.len())
            .field("wire_len", &self.wire_len)
            .finish()
    }
}

/// What one call of [`Source::next_batch`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// So many frames (never zero) were visited.
    Frames(usize),
    /// None came within the source's time-out; more may come later.
    Idle,
    /// The source is at its end and will never give another frame.
    End,
}

/// Something that frames come from: a receive queue of an interface, or a capture file.
pub trait Source {
    /// Calls `visit` with each frame of the next batch, in the order in which they were captured.
    ///
    /// Every frame that was visited is accounted for by an `Ok`: a source that fails in the middle of a batch first
    /// returns [`Batch::Frames`] for what it delivered, and the error at the next call.
    ///
    /// # Errors
    /// [`CaptureError`] once, where no more frames can be had; after it the source is at [`Batch::End`].
    fn next_batch(&mut self, visit: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, CaptureError>;
}

/// Numbers of the tcpdump.org LINKTYPE registry that Writ's decoders know.
///
/// Any other number is passed through as well. Files from some systems carry that system's DLT number instead of the
/// registry's LINKTYPE, which is why raw IP has three.
pub mod link {
    /// BSD loopback: four octets of address family in the byte order of the writing host.
    pub const NULL: u32 = 0;
    /// Ethernet, without preamble, as a rule without FCS.
    pub const ETHERNET: u32 = 1;
    /// Raw IP as `DLT_RAW` is numbered on most systems.
    pub const DLT_RAW: u32 = 12;
    /// Raw IP as `DLT_RAW` is numbered on OpenBSD.
    pub const DLT_RAW_OPENBSD: u32 = 14;
    /// Raw IP, version 4 or 6 by its first four bits.
    pub const RAW: u32 = 101;
    /// OpenBSD loopback: four octets of address family in network byte order.
    pub const LOOP: u32 = 108;
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: u32 = 113;
    /// Raw IPv4.
    pub const IPV4: u32 = 228;
    /// Raw IPv6.
    pub const IPV6: u32 = 229;
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: u32 = 276;
}
