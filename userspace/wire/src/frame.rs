//! What goes in: one captured frame.

use crate::Time;

/// The link layer that a capture gives its frames with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Ethernet II or IEEE 802.3, `LINKTYPE_ETHERNET`.
    Ethernet,
    /// An IPv4 or IPv6 packet and nothing before it.
    RawIp,
    /// Linux cooked capture, version 1: 16 octets.
    LinuxSll,
    /// Linux cooked capture, version 2: 20 octets.
    LinuxSll2,
    /// BSD loopback: the address family in four octets, in the byte order of the machine that captured (`LINKTYPE_NULL`)
    /// or in that of the network (`LINKTYPE_LOOP`); both are told apart by what they hold.
    BsdLoopback,
}

impl Link {
    /// From the link-type number of a pcap or pcapng file; `None` for one that is not read.
    ///
    /// Some systems write their own number for raw IP (12 or 14), so these count as `LINKTYPE_RAW` (101) too.
    pub const fn from_dlt(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::RawIp),
            113 => Some(Self::LinuxSll),
            276 => Some(Self::LinuxSll2),
            0 | 108 => Some(Self::BsdLoopback),
            _ => None,
        }
    }
}

/// A frame as the capture gave it.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// When it was captured.
    pub time: Time,
    /// What its first octets are.
    pub link: Link,
    /// The octets that were captured.
    pub octets: &'a [u8],
    /// How many octets it had on the wire; more than `octets` holds when the capture cut it (snaplen).
    pub wire_len: u32,
}
