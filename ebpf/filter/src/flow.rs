//! Connections whose packets are wanted no more: how the program knows them, and what it keeps of them.

use crate::packet::Packet;

/// A connection, the same for both directions: the lower end's address, the higher end's, and both ports with what the addresses
/// are. Addresses are as in [`key_of`].
pub type FlowKey = [u64; 5];

/// An address as two numbers, in the order of the network: IPv4 in the upper half of the first.
pub type Address = [u64; 2];

/// What is kept of a connection that was let go: see the numbers of its places below.
pub type LetGo = [u64; 8];

/// Places in a [`LetGo`]: those of the connection, and those of its lower end, which [`HIGH`](place::HIGH) further on are the higher
/// end's. One end's packets come in on one queue, so that no two processors count in one place at a time.
pub mod place {
    /// Not zero when its end was seen, or the start of another between the same ports: everything goes up from there on.
    pub const OVER: usize = 0;
    /// When the last of its packets came, by the kernel's monotonic clock, nanoseconds.
    pub const LAST_SEEN: usize = 1;
    /// Packets counted instead of handed up.
    pub const PACKETS: usize = 2;
    /// Their octets, from the Ethernet header on.
    pub const OCTETS: usize = 3;
    /// The sequence number that the end had come to.
    pub const REACHED: usize = 4;
    /// From a place of the lower end to that of the higher.
    pub const HIGH: usize = 3;
}

/// Connections that can be let go at a time, unless it is set otherwise: the one that was silent for longest gives way.
pub const MOST_LET_GO: u32 = 65_536;

/// How far from where its sender has come a segment may lie to be believed: a whole window, and what the interface lost. Who only
/// guesses neither ends a connection's being let go nor moves it away from its end.
pub const NEAR: u32 = 1 << 24;

/// Flags of a TCP header (RFC 9293 §3.1).
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;

/// A TCP segment, as far as a connection that was let go needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its connection.
    pub key: FlowKey,
    /// Whether the lower end of the key sent it.
    pub from_low: bool,
    /// Its flags.
    pub flags: u8,
    /// Its sequence number.
    pub sequence: u32,
    /// The sequence number after its payload.
    pub end: u32,
}

/// What a segment of a connection that was let go is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One more that nobody wants.
    Counted,
    /// Its end, or the start of another.
    Over,
}

/// The key of a connection, and whether the first of the two ends is its lower one.
#[inline(always)]
pub fn key_of(source: (Address, u16), destination: (Address, u16), v6: bool) -> (FlowKey, bool) {
    let ([first, second], port) = source;
    let ([other_first, other_second], other_port) = destination;
    let is_low = if first != other_first {
        first < other_first
    } else if second != other_second {
        second < other_second
    } else {
        port <= other_port
    };
    let (low, high) = (u64::from(port), u64::from(other_port));
    let key = if is_low {
        [first, second, other_first, other_second, low << 32 | high << 16 | u64::from(v6)]
    } else {
        [other_first, other_second, first, second, high << 32 | low << 16 | u64::from(v6)]
    };
    (key, is_low)
}

/// The segment whose TCP header is at `tcp`, in the IP packet at `ip`; `None` where the packet ends before.
#[inline(always)]
pub fn segment_of<P: Packet + ?Sized>(packet: &P, ip: usize, tcp: usize) -> Option<Segment> {
    let [p0, p1, p2, p3, s0, s1, s2, s3, _, _, _, _, offset, flags] = packet.octets::<14>(tcp)?;
    let [first, _] = packet.octets(ip)?;
    let v6 = first >> 4 == 6;
    // Each header is read at once: of several comparisons the compiler makes one that the verifier does not follow.
    let (source, destination, ip_len) = if v6 {
        let [_, _, _, _, high, low, _, _, addresses @ ..] = packet.octets::<40>(ip)?;
        let [a0, a1, b0, b1] = numbers(&addresses);

        ([a0, a1], [b0, b1], usize::from(u16::from_be_bytes([high, low])) + 40)
    } else {
        let [_, _, high, low, _, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h] = packet.octets::<20>(ip)?;
        let half = |octets| [u64::from(u32::from_be_bytes(octets)) << 32, 0];
        (half([a, b, c, d]), half([e, f, g, h]), usize::from(u16::from_be_bytes([high, low])))
    };
    let sender = (source, u16::from_be_bytes([p0, p1]));
    let (key, from_low) = key_of(sender, (destination, u16::from_be_bytes([p2, p3])), v6);
    let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
    // Segmentation offload leaves the length at zero: then nothing is known of the payload's.
    let headers = tcp.wrapping_sub(ip) + usize::from(offset >> 4) * 4;
    let payload = if ip_len > headers { (ip_len - headers) as u32 } else { 0 };
    Some(Segment { key, from_low, flags, sequence, end: sequence.wrapping_add(payload) })
}

/// Two addresses of IPv6.
#[inline(always)]
fn numbers(octets: &[u8; 32]) -> [u64; 4] {
    let mut numbers = [0; 4];
    for (number, octets) in numbers.iter_mut().zip(octets.as_chunks().0) {
        *number = u64::from_be_bytes(*octets);
    }
    numbers
}

impl Segment {
    /// What it is to its connection, whose sender had come to `reached`.
    #[inline(always)]
    pub fn fate(&self, reached: u32) -> Fate {
        let is_near = self.sequence.wrapping_sub(reached).wrapping_add(NEAR) <= 2 * NEAR;
        if self.flags & SYN != 0 || self.flags & (FIN | RST) != 0 && is_near { Fate::Over } else { Fate::Counted }
    }

    /// How far its sender has come with it.
    #[inline(always)]
    pub fn reached(&self, before: u32) -> u32 {
        if self.end.wrapping_sub(before) <= NEAR { self.end } else { before }
    }
}
