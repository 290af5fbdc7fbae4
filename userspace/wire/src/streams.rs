//! What comes out: connections, their packets, and their octets in order.

use std::fmt;
use std::net::SocketAddr;

use crate::Time;

/// Which end of a connection sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client sent it.
    FromClient,
    /// The server sent it.
    FromServer,
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub const fn flip(self) -> Self {
        match self {
            Self::FromClient => Self::FromServer,
            Self::FromServer => Self::FromClient,
        }
    }
}

/// The two ends of a TCP connection.
///
/// Addresses are identities, so `Debug` does not show them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The end that sent the SYN; in a connection seen from the middle, the one whose peer has a server port.
    pub client: SocketAddr,
    /// The other end.
    pub server: SocketAddr,
    /// Whether its SYN (or the SYN-ACK that answers one) was its first captured packet. If not, the stream starts
    /// somewhere in the middle, and offset 0 is the first octet that was captured.
    pub started_by_syn: bool,
    /// The outermost VLAN identifier (IEEE 802.1Q) of the first packet; 0 for none.
    pub vlan: u16,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("started_by_syn", &self.started_by_syn).finish_non_exhaustive()
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// Ended by its FINs (both, or one and then silence).
    Fin,
    /// Ended by an RST within the window.
    Reset,
    /// Nothing was heard for too long.
    Idle,
    /// Its ports were taken for a new connection before it was seen to end.
    Reused,
    /// The table was full and this was the least recently used flow.
    Evicted,
    /// The capture is over.
    Shutdown,
}

/// The flags of a TCP header, RFC 9293 §3.1.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more octets from the sender.
    pub const FIN: Self = Self(0x01);
    /// Sequence numbers start here.
    pub const SYN: Self = Self(0x02);
    /// The connection is void.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in
            [(Self::FIN, 'F'), (Self::SYN, 'S'), (Self::RST, 'R'), (Self::PSH, 'P'), (Self::ACK, 'A'), (Self::URG, 'U')]
        {
            if self.has(flag) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// One IP fragment of a packet, as it was captured.
#[derive(Clone, Copy)]
pub struct Fragment<'a> {
    /// When it was captured.
    pub time: Time,
    /// The fragment, its link header and padding taken off.
    pub ip: &'a [u8],
    /// Where its payload starts within `ip`.
    pub payload_at: usize,
    /// Where its payload lies in [`Packet::ip`], the packet that it is a part of. Two fragments may overlap, and then
    /// disagree: the packet has the octets of the one that was captured first. One that contradicts the others may reach
    /// past the end of the packet, which has nothing of it.
    pub at: usize,
}

/// One TCP packet of a connection.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// Who sent it.
    pub from: Direction,
    /// When it was captured; of a fragmented packet, its last fragment.
    pub time: Time,
    /// The IP packet, its link header and padding taken off. A fragmented packet is given whole, as it was before it was
    /// cut into fragments. One that the capture cut is given as far as it was captured.
    pub ip: &'a [u8],
    /// The fragments that it came in, in the order of the capture; none if it came whole.
    pub fragments: &'a [Fragment<'a>],
    /// Where its payload starts within `ip`.
    pub payload_at: usize,
    /// Its payload, a part of `ip`.
    pub payload: &'a [u8],
    /// Stream offset of the first octet of the payload. Octets before the start of the stream (a keep-alive probe right
    /// after the handshake, or a late segment of a stream seen from its middle) give 0.
    pub offset: u64,
    /// Stream offset in the other direction that it acknowledges up to: everything before it has arrived. `None` when it
    /// acknowledges nothing, or nothing that can be true.
    pub acknowledges: Option<u64>,
    /// The flags of the TCP header.
    pub flags: Flags,
}

/// What the owner of the flows does with them; one implementation a worker.
///
/// Of one connection, the calls are `open`, then any number of the others, then `close`. Octets of the two directions
/// come in the order in which the ends saw them: what acknowledges something comes after it.
pub trait Streams {
    /// What is kept for each connection, inside the flow table's entry.
    type Session;

    /// A connection was seen for the first time.
    fn open(&mut self, connection: &Connection, time: Time) -> Self::Session;

    /// Packets of this connection are about to come: what it keeps may be fetched into the cache.
    fn prefetch(&self, _session: &Self::Session) {}

    /// A TCP packet of the connection as captured: retransmissions and bare acknowledgements too, in the order of the
    /// capture, before any of its octets are delivered.
    fn packet(&mut self, session: &mut Self::Session, packet: &Packet<'_>);

    /// Octets in order. `offset` is the stream offset of the first (0 is the first octet after the SYN), and `time` that of
    /// the packet which carried them.
    fn octets(&mut self, session: &mut Self::Session, from: Direction, time: Time, offset: u64, octets: &[u8]);

    /// `length` octets of this direction were never captured; the stream goes on after them.
    fn gap(&mut self, session: &mut Self::Session, from: Direction, time: Time, offset: u64, length: u64);

    /// This direction ended with a FIN at `offset`. A hostile end can forge one: octets may follow after all.
    fn end(&mut self, _session: &mut Self::Session, _from: Direction, _time: Time, _offset: u64) {}

    /// Whether nothing of what is still to come of this connection is wanted: it may be let go then. Asked after each packet.
    fn is_unwanted(&self, _session: &Self::Session) -> bool {
        false
    }

    /// `length` octets of this direction went by while the connection was let go.
    fn aside(&mut self, _session: &mut Self::Session, _from: Direction, _length: u64) {}

    /// The connection is over; nothing more comes for this session.
    fn close(&mut self, session: Self::Session, connection: &Connection, time: Time, how: Close);
}
