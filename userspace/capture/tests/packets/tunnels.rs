//! Frames with a tunnel in them.

use super::*;

const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const BRIDGED: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const GRE: u8 = 47;
const VXLAN: u16 = 4789;
const GTP_U: u16 = 2152;

/// MPLS labels, the last of which says so.
pub fn labels(count: usize) -> Vec<u8> {
    (1..=count).flat_map(|at| [0, 1, u8::from(at == count), 64]).collect()
}

/// PPPoE's session header and the PPP protocol.
pub fn pppoe(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 2;
    [&[0x11, 0, 0, 7], &length.to_be_bytes()[..], &protocol.to_be_bytes(), payload].concat()
}

/// GRE with the fields that `flags` announces.
pub fn gre(flags: u8, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let fields = [0x80, 0x20, 0x10].iter().filter(|bit| flags & **bit != 0).count();
    [&[flags, 0], &ether_type.to_be_bytes()[..], &vec![0x55; fields * 4], payload].concat()
}

/// ERSPAN type III, of a frame type, with or without its platform-specific octets.
pub fn erspan_iii(frame_type: u8, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x20, 1, 0, 1, 0, 0, 0, 9, 0, 0, frame_type << 2, u8::from(more)];
    header.resize(if more { 20 } else { 12 }, 0x77);
    [&header, payload].concat()
}

pub fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 8;
    [&50_000u16.to_be_bytes()[..], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

pub fn vxlan(frame: &[u8]) -> Vec<u8> {
    udp(VXLAN, &[&[0x08, 0, 0, 0, 0, 0, 9, 0], frame].concat())
}

/// A G-PDU with these flags, what they announce, and extension headers, each given by its octets.
pub fn gtp(flags: u8, extensions: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let mut pdu = vec![0x30 | flags, 0xff, 0, 0, 0, 0, 0, 5];
    if flags & 7 != 0 {
        pdu.extend([0, 1, 0, if extensions.is_empty() { 0 } else { 0x85 }]);
    }
    for (at, extension) in extensions.iter().enumerate() {
        pdu.extend(*extension);
        pdu.push(if at + 1 == extensions.len() { 0 } else { 0x85 });
    }
    pdu.extend(payload);
    udp(GTP_U, &pdu)
}

fn mail() -> Vec<u8> {
    super::plain(TCP, 40_000, 25)
}

fn mail_in_ipv6() -> Vec<u8> {
    ipv6(&[], TCP, &tcp(40_000, 25, b"NOOP\r\n"))
}

fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(&[], ETHER_IPV4, &ipv4(protocol, &[], 0, payload))
}

fn in_ipv6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(&[], ETHER_IPV6, &ipv6(&[], protocol, payload))
}

/// One frame of each tunnel, with mail in it.
pub fn each() -> Vec<(&'static str, Vec<u8>)> {
    let whole = ethernet(&[], ETHER_IPV4, &mail());
    let tagged = ethernet(&[SERVICE_TAG, CUSTOMER_TAG], ETHER_IPV6, &mail_in_ipv6());
    let labelled = |count, payload: &[u8]| ethernet(&[], MPLS, &[&labels(count), payload].concat());
    vec![
        ("MPLS", labelled(1, &mail())),
        ("three labels", labelled(3, &mail_in_ipv6())),
        ("MPLS behind a tag", ethernet(&[CUSTOMER_TAG], MPLS_UPSTREAM, &[labels(2), mail()].concat())),
        ("Ethernet over MPLS, control word", labelled(2, &[&[0, 0, 0, 1], &whole[..]].concat())),
        ("Ethernet over MPLS", labelled(2, &[&[0xa2], &whole[1..]].concat())),
        ("PPPoE", ethernet(&[], PPPOE_SESSION, &pppoe(0x0021, &mail()))),
        ("PPPoE, IPv6, behind tags", ethernet(&[0x88a8, 0x8100], PPPOE_SESSION, &pppoe(0x0057, &mail_in_ipv6()))),
        ("PPPoE, MPLS", ethernet(&[], PPPOE_SESSION, &pppoe(0x0281, &[labels(1), mail()].concat()))),
        ("802.3 in a tag", ethernet(&[CUSTOMER_TAG], 60, &[&SNAP[..], &ETHER_IPV4.to_be_bytes(), &mail()].concat())),
        ("GRE", in_ipv4(GRE, &gre(0, ETHER_IPV4, &mail()))),
        ("GRE, IPv6 in IPv4", in_ipv4(GRE, &gre(0, ETHER_IPV6, &mail_in_ipv6()))),
        ("GRE with every field", in_ipv6(GRE, &gre(0xb0, ETHER_IPV4, &mail()))),
        ("GRE with a key", in_ipv4(GRE, &gre(0x20, ETHER_IPV4, &mail()))),
        ("GRE, MPLS", in_ipv4(GRE, &gre(0, MPLS, &[labels(1), mail()].concat()))),
        ("GRE, Ethernet", in_ipv4(GRE, &gre(0x20, BRIDGED, &whole))),
        ("ERSPAN I", in_ipv4(GRE, &gre(0, ERSPAN, &whole))),
        ("ERSPAN II", in_ipv4(GRE, &gre(0x10, ERSPAN, &[&[0x10, 1, 0, 1, 0, 0, 0, 3], &tagged[..]].concat()))),
        ("ERSPAN III", in_ipv4(GRE, &gre(0x10, ERSPAN_III, &erspan_iii(0, false, &whole)))),
        ("ERSPAN III, platform", in_ipv4(GRE, &gre(0x10, ERSPAN_III, &erspan_iii(0, true, &tagged)))),
        ("ERSPAN III, IP", in_ipv4(GRE, &gre(0x10, ERSPAN_III, &erspan_iii(2, false, &mail_in_ipv6())))),
        ("VXLAN", in_ipv4(UDP, &vxlan(&whole))),
        ("VXLAN over IPv6, tags", in_ipv6(UDP, &vxlan(&tagged))),
        ("VXLAN, the port of Linux", in_ipv4(UDP, &udp(8472, &[&[8, 0, 0, 0, 0, 0, 1, 0], &whole[..]].concat()))),
        ("GTP-U", in_ipv4(UDP, &gtp(0, &[], &mail()))),
        ("GTP-U with a number", in_ipv4(UDP, &gtp(2, &[], &mail_in_ipv6()))),
        ("GTP-U, 5G", in_ipv4(UDP, &gtp(4, &[&[1, 0x10, 9]], &mail()))),
        ("GTP-U, two extensions", in_ipv6(UDP, &gtp(6, &[&[1, 0x10, 9], &[2, 0, 0, 0, 0, 0, 0]], &mail()))),
        ("4in4", in_ipv4(4, &mail())),
        ("6in4", in_ipv4(41, &mail_in_ipv6())),
        ("4in6", in_ipv6(4, &mail())),
        ("6in6", in_ipv6(41, &mail_in_ipv6())),
    ]
}

/// What each tunnel is with something else in it, or broken.
pub fn cases() -> Vec<Case> {
    use Class::{Fragment, Mail, Malformed, Other, TooDeep};
    let mut cases: Vec<Case> = each().into_iter().map(|(name, frame)| Case { name, frame, class: Mail }).collect();
    let mut add = |name, class, frame| cases.push(Case { name, frame, class });
    let web = super::plain(TCP, 40_000, 443);
    let arp = ethernet(&[], ETHER_ARP, &[0; 28]);
    add("GRE, web", Other, in_ipv4(GRE, &gre(0, ETHER_IPV4, &web)));
    add("GRE, PPTP", Other, in_ipv4(GRE, &[&[0x30, 1, 0x88, 0x0b], &mail()[..]].concat()));
    add("GRE with routing", Other, in_ipv4(GRE, &[&[0x40, 0, 8, 0], &mail()[..]].concat()));
    add("GRE, ARP", Other, in_ipv4(GRE, &gre(0, ETHER_ARP, &[0; 28])));
    add("GRE that announces another version", Malformed, in_ipv4(GRE, &gre(0, ETHER_IPV6, &mail())));
    add(
        "ERSPAN III of another frame type",
        Other,
        in_ipv4(GRE, &gre(0x10, ERSPAN_III, &erspan_iii(1, false, &mail()))),
    );
    add("ERSPAN, ARP", Other, in_ipv4(GRE, &gre(0, ERSPAN, &arp)));
    add("VXLAN without its flag", Other, in_ipv4(UDP, &udp(VXLAN, &[&[0; 8], &arp[..]].concat())));
    add("VXLAN, ARP", Other, in_ipv4(UDP, &vxlan(&arp)));
    add("GTP-U, web", Other, in_ipv4(UDP, &gtp(0, &[], &web)));
    add("GTP-U, echo", Other, in_ipv4(UDP, &udp(GTP_U, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0])));
    add("GTP-U, no IP", Other, in_ipv4(UDP, &gtp(0, &[], &[0xff; 60])));
    add("GTP-U, extension of no length", Malformed, in_ipv4(UDP, &gtp(4, &[&[0, 0x10, 9]], &mail())));
    add("DNS", Other, in_ipv4(UDP, &udp(53, &mail())));
    add("from the port of VXLAN", Other, in_ipv4(UDP, &[&VXLAN.to_be_bytes(), &udp(53, &mail())[2..]].concat()));
    add("PPPoE, LCP", Other, ethernet(&[], PPPOE_SESSION, &pppoe(0xc021, &mail())));
    add("PPPoE, discovery", Other, ethernet(&[], 0x8863, &pppoe(0x0021, &mail())));
    add("PPPoE with a code", Other, ethernet(&[], PPPOE_SESSION, &[&[0x11, 9], &pppoe(0x0021, &mail())[2..]].concat()));
    add("MPLS, associated channel", Other, ethernet(&[], MPLS, &[&labels(1), &[0x10, 0, 0, 0x21][..]].concat()));
    add("MPLS, web", Other, ethernet(&[], MPLS, &[&labels(1), &web[..]].concat()));
    add("6in4 that is IPv4", Malformed, in_ipv4(41, &mail()));
    add("4in4, fragment inside", Fragment, in_ipv4(4, &ipv4(TCP, &[], 0x2000, &tcp(1, 443, b""))));
    for protocol in [4, 41, GRE] {
        add("a tunnel's first fragment", Fragment, ethernet(&[], ETHER_IPV4, &ipv4(protocol, &[], 0x2000, &web)));
        add("a tunnel's last fragment", Fragment, ethernet(&[], ETHER_IPV4, &ipv4(protocol, &[], 0x00b9, &[0; 64])));
        let later = ipv6(&[fragment(9, false)], protocol, &[0; 64]);
        add("a tunnel's last fragment in IPv6", Fragment, ethernet(&[], ETHER_IPV6, &later));
        let first = ipv6(&[extension(60, 1), fragment(0, true)], protocol, &web);
        add("a tunnel's first fragment in IPv6", Fragment, ethernet(&[], ETHER_IPV6, &first));
    }
    // Ethernet and IPs: as many as are walked, and one more.
    let nested = |count| (1..count).fold(mail(), |inner, _| ipv4(4, &[], 0, &inner));
    add("IP in IP, as deep as is walked", Mail, ethernet(&[], ETHER_IPV4, &nested(writ_filter::MOST_HEADERS - 1)));
    add("IP in IP, deeper", TooDeep, ethernet(&[], ETHER_IPV4, &nested(writ_filter::MOST_HEADERS)));
    let most = writ_filter::MOST_HEADERS;
    add("labels, as many as are walked", Mail, ethernet(&[], MPLS, &[labels(most - 2), mail()].concat()));
    add("more labels", TooDeep, ethernet(&[], MPLS, &[labels(most - 1), mail()].concat()));
    cases
}
