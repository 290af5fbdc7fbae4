//! IP packets with TCP in them.

use std::net::{IpAddr, SocketAddr};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

fn sum(octets: &[u8]) -> u32 {
    octets.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |octet| u32::from(*octet))).sum()
}

fn checksum(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// A TCP segment in an IPv4 or IPv6 packet, with right checksums.
pub fn tcp(source: SocketAddr, destination: SocketAddr, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::with_capacity(payload.len() + 20);
    tcp.extend(source.port().to_be_bytes());
    tcp.extend(destination.port().to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    let addresses = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (IpAddr::V6(source), IpAddr::V6(destination)) => [source.octets(), destination.octets()].concat(),
        _ => panic!("two families"),
    };
    let length = tcp.len() as u16;
    let check = checksum(sum(&addresses) + 6 + u32::from(length) + sum(&tcp));
    tcp[16..18].copy_from_slice(&check);
    let mut packet = if source.is_ipv4() {
        let mut head = vec![0x45, 0];
        head.extend((length + 20).to_be_bytes());
        head.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
        head.extend(&addresses);
        let check = checksum(sum(&head));
        head[10..12].copy_from_slice(&check);
        head
    } else {
        let mut head = vec![0x60, 0, 0, 0];
        head.extend(length.to_be_bytes());
        head.extend([6, 64]);
        head.extend(&addresses);
        head
    };
    packet.extend(tcp);
    packet
}

/// The TCP payload of a packet that [`tcp`] made.
pub fn payload(packet: &[u8]) -> &[u8] {
    &packet[if packet[0] >> 4 == 4 { 40 } else { 60 }..]
}

/// An IPv4 packet in fragments of so many octets, a multiple of 8.
pub fn fragments(packet: &[u8], octets: usize) -> Vec<Vec<u8>> {
    let (head, payload) = packet.split_at(20);
    let last = payload.len().div_ceil(octets) - 1;
    let fragment = |(number, part): (usize, &[u8])| {
        let mut ip = head.to_vec();
        ip[2..4].copy_from_slice(&(part.len() as u16 + 20).to_be_bytes());
        let more = if number < last { 0x2000 } else { 0 };
        ip[6..8].copy_from_slice(&((number * octets / 8) as u16 | more).to_be_bytes());
        ip[10..12].fill(0);
        let check = checksum(sum(&ip));
        ip[10..12].copy_from_slice(&check);
        ip.extend(part);
        ip
    };
    payload.chunks(octets).enumerate().map(fragment).collect()
}
