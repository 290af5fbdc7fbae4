//! Packets made by hand, and what the filter is to say of each.

#![allow(dead_code, clippy::indexing_slicing, reason = "each test uses its part, and may panic")]

use writ_filter::{Class, MOST_HEADERS};

pub mod tunnels;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ETHER_IPV4: u16 = 0x0800;
pub const ETHER_IPV6: u16 = 0x86dd;
pub const ETHER_ARP: u16 = 0x0806;
pub const CUSTOMER_TAG: u16 = 0x8100;
pub const SERVICE_TAG: u16 = 0x88a8;
pub const OLD_SERVICE_TAG: u16 = 0x9100;
/// IEEE 802.2 LLC and SNAP, before an EtherType (RFC 1042).
pub const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

/// An Ethernet frame with these tags, padded to the shortest that there is.
pub fn ethernet(tags: &[u16], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    for (at, tag) in tags.iter().enumerate() {
        frame.extend(tag.to_be_bytes());
        frame.extend((100 + at as u16).to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// A TCP segment, or the begin of a UDP datagram: the ports are at the same place.
pub fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// An IPv4 packet; `fragment` is the flags and the offset as they are in the header.
pub fn ipv4(protocol: u8, options: &[u8], fragment: u16, payload: &[u8]) -> Vec<u8> {
    assert!(options.len().is_multiple_of(4) && options.len() <= 40);
    let header_len = 20 + options.len();
    let mut packet = vec![0x40 | (header_len / 4) as u8, 0];
    packet.extend(((header_len + payload.len()) as u16).to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend(options);
    packet.extend(payload);
    packet
}

/// An IPv6 packet; each extension header is its number and its octets, of which the first is set to the next number.
pub fn ipv6(extensions: &[(u8, Vec<u8>)], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let numbers: Vec<u8> = extensions.iter().map(|(number, _)| *number).chain([protocol]).collect();
    let mut chain = Vec::new();
    for ((_, octets), next) in extensions.iter().zip(&numbers[1..]) {
        chain.push(*next);
        chain.extend(&octets[1..]);
    }
    chain.extend(payload);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((chain.len() as u16).to_be_bytes());
    packet.extend([numbers[0], 64]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(chain);
    packet
}

/// An extension header of the common form, `units` times 8 octets long.
pub fn extension(number: u8, units: usize) -> (u8, Vec<u8>) {
    let mut octets = vec![0; units * 8];
    octets[1] = (units - 1) as u8;
    (number, octets)
}

/// An IPv6 fragment header: offset in 8-octet units, and whether more follow.
pub fn fragment(offset: u16, more: bool) -> (u8, Vec<u8>) {
    let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
    (44, vec![0, 0, high, low, 0, 0, 0, 9])
}

/// An authentication header with an integrity value of 12 octets.
pub fn authentication() -> (u8, Vec<u8>) {
    let mut octets = vec![0; 24];
    octets[1] = 4;
    (51, octets)
}

/// A packet and what it is.
pub struct Case {
    pub name: &'static str,
    pub frame: Vec<u8>,
    pub class: Class,
}

fn case(name: &'static str, class: Class, frame: Vec<u8>) -> Case {
    Case { name, frame, class }
}

/// IPv4 without options, not a fragment.
fn plain(protocol: u8, source: u16, destination: u16) -> Vec<u8> {
    ipv4(protocol, &[], 0, &tcp(source, destination, b"250 OK\r\n"))
}

/// The packets whose cost is measured: a name, whether it is mail, and the frame.
pub fn measured() -> Vec<(&'static str, bool, Vec<u8>)> {
    let mut packets = vec![
        ("ARP", false, ethernet(&[], ETHER_ARP, &[0; 28])),
        ("UDP", false, ethernet(&[], ETHER_IPV4, &plain(UDP, 40_000, 53))),
        ("other TCP", false, ethernet(&[], ETHER_IPV4, &plain(TCP, 40_000, 443))),
        ("mail", true, ethernet(&[], ETHER_IPV4, &plain(TCP, 40_000, 25))),
        ("mail over VLAN", true, ethernet(&[CUSTOMER_TAG], ETHER_IPV4, &plain(TCP, 40_000, 25))),
        ("mail over QinQ", true, ethernet(&[SERVICE_TAG, CUSTOMER_TAG], ETHER_IPV4, &plain(TCP, 40_000, 25))),
        ("mail over IPv6", true, ethernet(&[], ETHER_IPV6, &ipv6(&[], TCP, &tcp(40_000, 25, b"NOOP\r\n")))),
    ];
    packets.extend(tunnels::each().into_iter().map(|(name, frame)| (name, true, frame)));
    packets
}

/// Every branch of the filter, with the default mail ports.
pub fn cases() -> Vec<Case> {
    use Class::{Fragment, Mail, Malformed, Other, TooDeep};
    let to_25 = tcp(40_000, 25, b"NOOP\r\n");
    let mut cases = Vec::new();
    let mut add = |name, class, frame| cases.push(case(name, class, frame));

    for port in writ_filter::ports::MAIL {
        add("IPv4, mail port as destination", Mail, ethernet(&[], ETHER_IPV4, &plain(TCP, 40_000, port)));
        add("IPv4, mail port as source", Mail, ethernet(&[], ETHER_IPV4, &plain(TCP, port, 40_000)));
        add("UDP with a mail port's number", Other, ethernet(&[], ETHER_IPV4, &plain(UDP, 40_000, port)));
    }
    for port in [0, 24, 26, 80, 443, 588, 65_535, 25 << 8, 25 + 64] {
        add("IPv4, another port", Other, ethernet(&[], ETHER_IPV4, &plain(TCP, 40_000, port)));
    }

    for (name, tags) in [
        ("802.1Q", &[CUSTOMER_TAG][..]),
        ("802.1ad alone", &[SERVICE_TAG]),
        ("QinQ", &[SERVICE_TAG, CUSTOMER_TAG]),
        ("two 802.1Q", &[CUSTOMER_TAG, CUSTOMER_TAG]),
        ("QinQ before the standard", &[OLD_SERVICE_TAG, CUSTOMER_TAG]),
        ("vendors' tags", &[0x9200, 0x9300]),
        ("three tags", &[SERVICE_TAG, CUSTOMER_TAG, CUSTOMER_TAG]),
    ] {
        add(name, Mail, ethernet(tags, ETHER_IPV4, &plain(TCP, 40_000, 587)));
        add(name, Mail, ethernet(tags, ETHER_IPV6, &ipv6(&[], TCP, &to_25)));
        add(name, Other, ethernet(tags, ETHER_IPV4, &plain(TCP, 40_000, 443)));
        add(name, Other, ethernet(tags, ETHER_ARP, &[0; 28]));
    }
    let tags = |count| ethernet(&vec![CUSTOMER_TAG; count], ETHER_IPV4, &plain(TCP, 40_000, 25));
    // Beside the Ethernet header and that of IPv4.
    add("as many tags as are walked", Mail, tags(MOST_HEADERS - 2));
    add("more tags", TooDeep, tags(MOST_HEADERS - 1));

    for options in [4, 12, 40] {
        let packet = ipv4(TCP, &vec![1; options], 0, &to_25);
        add("IPv4 with options", Mail, ethernet(&[], ETHER_IPV4, &packet));
        // A port number of mail among the options, the real ports behind them.
        let decoy: Vec<u8> = [0, 25].repeat(options / 2);
        let packet = ipv4(TCP, &decoy, 0, &tcp(40_000, 443, b""));
        add("IPv4 with options that look like ports", Other, ethernet(&[], ETHER_IPV4, &packet));
    }
    add("IPv4, don't fragment", Mail, ethernet(&[], ETHER_IPV4, &ipv4(TCP, &[], 0x4000, &to_25)));
    add("IPv4, evil bit", Mail, ethernet(&[], ETHER_IPV4, &ipv4(TCP, &[], 0x8000, &to_25)));
    add("IPv4, first fragment", Fragment, ethernet(&[], ETHER_IPV4, &ipv4(TCP, &[], 0x2000, &to_25)));
    add(
        "IPv4, first fragment, other port",
        Fragment,
        ethernet(&[], ETHER_IPV4, &ipv4(TCP, &[], 0x2000, &tcp(1, 443, b""))),
    );
    add("IPv4, middle fragment", Fragment, ethernet(&[], ETHER_IPV4, &ipv4(TCP, &[], 0x2001, &[0; 64])));
    add("IPv4, last fragment", Fragment, ethernet(&[CUSTOMER_TAG], ETHER_IPV4, &ipv4(TCP, &[], 0x00b9, &[0; 64])));
    add("IPv4, fragment of UDP", Other, ethernet(&[], ETHER_IPV4, &ipv4(UDP, &[], 0x2000, &to_25)));
    add("IPv4, ICMP", Other, ethernet(&[], ETHER_IPV4, &ipv4(1, &[], 0, &[8, 0, 0, 0])));

    add("IPv4 of another version", Malformed, ethernet(&[], ETHER_IPV4, &[0x55; 40]));
    let mut short = plain(TCP, 40_000, 25);
    short[0] = 0x44;
    add("IPv4 with a header of 16 octets", Malformed, ethernet(&[], ETHER_IPV4, &short));
    let mut no_ports = plain(TCP, 40_000, 25);
    no_ports[2..4].copy_from_slice(&23u16.to_be_bytes());
    add("IPv4 that ends within the ports", Malformed, ethernet(&[], ETHER_IPV4, &no_ports));
    let mut offloaded = plain(TCP, 40_000, 25);
    offloaded[2..4].fill(0);
    add("IPv4 with the length left to segmentation offload", Mail, ethernet(&[], ETHER_IPV4, &offloaded));
    let options_past_the_end = [ethernet(&[], ETHER_IPV4, &[])[..14].to_vec(), {
        let mut packet = ipv4(TCP, &[1; 40], 0, &to_25);
        packet.truncate(60);
        packet
    }]
    .concat();
    add("IPv4 options up to the frame's end", Malformed, options_past_the_end);

    add("IPv6", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[], TCP, &to_25)));
    add("IPv6, source port", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[], TCP, &tcp(143, 50_000, b""))));
    add("IPv6, other port", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[], TCP, &tcp(50_000, 443, b""))));
    add("IPv6, UDP", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[], UDP, &to_25)));
    add("IPv6, ESP", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[], 50, &to_25)));
    add("IPv6, nothing follows", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[], 59, &to_25)));
    add("IPv6 of another version", Malformed, ethernet(&[], ETHER_IPV6, &[0x45; 60]));
    for number in [0, 43, 60, 135, 139, 140] {
        add("IPv6, an extension header", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[extension(number, 1)], TCP, &to_25)));
        add("IPv6, a long one", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[extension(number, 32)], TCP, &to_25)));
        let later = ipv6(&[fragment(100, true), extension(number, 1)], TCP, &[0; 64]);
        add("IPv6, later fragment behind which TCP may be", Fragment, ethernet(&[], ETHER_IPV6, &later));
    }
    let all = [extension(0, 1), extension(60, 2), extension(43, 3), authentication(), extension(60, 1)];
    add("IPv6, every extension header", Mail, ethernet(&[CUSTOMER_TAG], ETHER_IPV6, &ipv6(&all, TCP, &to_25)));
    add("IPv6, authenticated", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[authentication()], TCP, &to_25)));
    // Beside the Ethernet header, that of IPv6, and the look at what they carry.
    let chain = |count| {
        let chain: Vec<_> = (0..count).map(|_| extension(60, 1)).collect();
        ethernet(&[], ETHER_IPV6, &ipv6(&chain, TCP, &to_25))
    };
    add("IPv6, as many extension headers as are walked", Mail, chain(MOST_HEADERS - 3));
    add("IPv6, more", TooDeep, chain(MOST_HEADERS - 2));

    add("IPv6, first fragment", Fragment, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(0, true)], TCP, &to_25)));
    add("IPv6, middle fragment", Fragment, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(8, true)], TCP, &[0; 64])));
    add("IPv6, last fragment", Fragment, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(16, false)], TCP, &[0; 9])));
    add("IPv6, atomic fragment", Mail, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(0, false)], TCP, &to_25)));
    add(
        "IPv6, atomic, other port",
        Other,
        ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(0, false)], TCP, &tcp(1, 2, b""))),
    );
    add("IPv6, fragment of UDP", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(0, true)], UDP, &to_25)));
    add("IPv6, later fragment of UDP", Other, ethernet(&[], ETHER_IPV6, &ipv6(&[fragment(9, true)], UDP, &[0; 64])));
    let behind = [extension(0, 1), fragment(0, true), extension(60, 1)];
    add("IPv6, first fragment, TCP behind options", Fragment, ethernet(&[], ETHER_IPV6, &ipv6(&behind, TCP, &to_25)));
    let mut past = ipv6(&[extension(0, 32)], TCP, &to_25);
    past.truncate(100);
    add("IPv6, extension header past the frame's end", Malformed, ethernet(&[], ETHER_IPV6, &past));

    add("ARP", Other, ethernet(&[], ETHER_ARP, &[0; 28]));
    add("LLC", Other, ethernet(&[], 60, &[0x42, 0x42, 3]));
    for (ether_type, packet) in [(ETHER_IPV4, plain(TCP, 40_000, 25)), (ETHER_IPV6, ipv6(&[], TCP, &to_25))] {
        let snap = |head: &[u8], kind: u16| {
            let payload = [head, &kind.to_be_bytes(), &packet].concat();
            ethernet(&[], payload.len() as u16, &payload)
        };
        add("SNAP", Mail, snap(&SNAP, ether_type));
        add("SNAP of an organisation", Other, snap(&[0xaa, 0xaa, 3, 0, 0, 0xf8], ether_type));
        add("SNAP with another control field", Other, snap(&[0xaa, 0xaa, 7, 0, 0, 0], ether_type));
        add("SNAP, ARP", Other, snap(&SNAP, ETHER_ARP));
        add("SNAP, a tag", Other, snap(&SNAP, CUSTOMER_TAG));
    }
    let fragment = [&SNAP[..], &ETHER_IPV4.to_be_bytes(), &ipv4(TCP, &[], 0x2001, &[0; 64])].concat();
    add("SNAP, fragment", Fragment, ethernet(&[], 92, &fragment));
    cases.extend(tunnels::cases());
    cases
}
