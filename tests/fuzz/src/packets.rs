//! IP packets made by hand.

use std::net::{IpAddr, SocketAddr};

use writ_wire::Direction;

/// FIN, RFC 9293 §3.1.
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// ACK.
pub const ACK: u8 = 0x10;

/// The two ends of a connection.
#[derive(Clone, Copy)]
pub struct Ends {
    /// Who connects.
    pub client: SocketAddr,
    /// Who is connected to.
    pub server: SocketAddr,
}

/// What of a TCP header matters here.
#[derive(Clone, Copy)]
pub struct Segment<'s> {
    /// Who sends it.
    pub from: Direction,
    /// Its sequence number.
    pub seq: u32,
    /// Its acknowledgement number.
    pub ack: u32,
    /// Its flags.
    pub flags: u8,
    /// Its payload.
    pub payload: &'s [u8],
}

impl Ends {
    /// A segment in its IP packet. Checksums are left at zero, as offload leaves them.
    pub fn packet(&self, segment: &Segment<'_>) -> Vec<u8> {
        let (source, destination) = match segment.from {
            Direction::FromClient => (self.client, self.server),
            Direction::FromServer => (self.server, self.client),
        };
        let mut tcp = Vec::with_capacity(20 + segment.payload.len());
        tcp.extend(source.port().to_be_bytes());
        tcp.extend(destination.port().to_be_bytes());
        tcp.extend(segment.seq.to_be_bytes());
        tcp.extend(segment.ack.to_be_bytes());
        tcp.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(segment.payload);
        let length = u16::try_from(tcp.len()).expect("a packet's length");
        let mut packet = match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut packet = vec![0x45, 0];
                packet.extend((length + 20).to_be_bytes());
                packet.extend([0, 1, 0, 0, 64, 6, 0, 0]);
                packet.extend(source.octets());
                packet.extend(destination.octets());
                packet
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let mut packet = vec![0x60, 0, 0, 0];
                packet.extend(length.to_be_bytes());
                packet.extend([6, 64]);
                packet.extend(source.octets());
                packet.extend(destination.octets());
                packet
            }
            _ => panic!("both ends are of one family"),
        };
        packet.extend(tcp);
        packet
    }
}

/// Cuts an IPv4 packet in two fragments, `at` octets (a multiple of 8) into its payload; `None` where it cannot be.
pub fn fragments(packet: &[u8], at: usize, identification: u16) -> Option<[Vec<u8>; 2]> {
    let (head, payload) = packet.split_at_checked(20)?;
    if head[0] != 0x45 || at == 0 || at % 8 != 0 || at >= payload.len() {
        return None;
    }
    let fragment = |payload: &[u8], offset: u16| {
        let mut fragment = head.to_vec();
        fragment[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        fragment[4..6].copy_from_slice(&identification.to_be_bytes());
        fragment[6..8].copy_from_slice(&offset.to_be_bytes());
        fragment.extend(payload);
        fragment
    };
    let (first, second) = payload.split_at(at);
    Some([fragment(first, 0x2000), fragment(second, (at / 8) as u16)])
}
