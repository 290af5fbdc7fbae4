//! What a header is: EtherTypes, and numbers below them for what has none.

/// An EtherType (IEEE 802), or below 0x0600, where there are none, one of the numbers here.
pub(crate) type Header = u16;

/// The first EtherType: below, the field is the length of an IEEE 802.3 frame.
pub(crate) const FIRST_ETHER_TYPE: u16 = 0x0600;

pub(crate) const IPV4: Header = 0x0800;
pub(crate) const IPV6: Header = 0x86dd;
pub(crate) const ARP: Header = 0x0806;
/// 802.1Q.
const CUSTOMER_TAG: Header = 0x8100;
/// 802.1ad.
const SERVICE_TAG: Header = 0x88a8;
/// Stacked tags before 802.1ad gave them a number: three that vendors chose.
const SERVICE_TAG_BEFORE_STANDARD: Header = 0x9100;
const SERVICE_TAG_OF_A_VENDOR: Header = 0x9200;
const SERVICE_TAG_OF_ANOTHER: Header = 0x9300;
/// RFC 3032, RFC 5332.
pub(crate) const MPLS: Header = 0x8847;
pub(crate) const MPLS_UPSTREAM: Header = 0x8848;
/// RFC 2516.
pub(crate) const PPPOE_SESSION: Header = 0x8864;
/// A whole Ethernet frame, in GRE (RFC 1701 §3, NVGRE).
pub(crate) const BRIDGED_ETHERNET: Header = 0x6558;
/// ERSPAN type I and II, and type III, in GRE.
pub(crate) const ERSPAN: Header = 0x88be;
pub(crate) const ERSPAN_III: Header = 0x22eb;

pub(crate) const ETHERNET: Header = 1;
/// LLC, behind a length.
pub(crate) const LLC: Header = 2;
/// IP, of the version that it says itself.
pub(crate) const IP: Header = 3;
pub(crate) const GRE: Header = 4;
/// Extension header of GTP-U.
pub(crate) const GTP_EXTENSION: Header = 5;

/// In the upper octet: what the lower one numbers follows the IPv6 header.
pub(crate) const IN_IPV6: Header = 0x0100;
/// The same, in a first fragment.
pub(crate) const IN_FRAGMENT: Header = 0x0200;

/// Whether it is a header within IPv6.
#[inline(always)]
pub(crate) fn is_in_ipv6(header: Header) -> bool {
    matches!(header & 0xff00, IN_IPV6 | IN_FRAGMENT)
}

/// Whether it is a VLAN tag.
#[inline(always)]
pub(crate) fn is_tag(header: Header) -> bool {
    matches!(
        header,
        CUSTOMER_TAG | SERVICE_TAG | SERVICE_TAG_BEFORE_STANDARD | SERVICE_TAG_OF_A_VENDOR | SERVICE_TAG_OF_ANOTHER
    )
}

/// IANA's protocol numbers.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// ICMP of IPv6.
    pub const ICMP_V6: u8 = 58;
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 2473, RFC 4213).
    pub const IPV6: u8 = 41;
    /// GRE (RFC 2784).
    pub const GRE: u8 = 47;

    /// Whether fragments of it are put together: TCP, and tunnels that a number tells outright. Not those over UDP, of which a
    /// later fragment shows no port.
    #[inline(always)]
    pub const fn is_reassembled(number: u8) -> bool {
        matches!(number, TCP | IPV4 | IPV6 | GRE)
    }

    /// Whether it is an extension header of IPv6 of the common form: next header, length in 8-octet units (RFC 8200 §4,
    /// RFC 6275, RFC 7401, RFC 5533).
    #[inline(always)]
    pub const fn is_extension(number: u8) -> bool {
        matches!(number, 0 | 43 | 60 | 135 | 139 | 140)
    }

    /// The fragment header of IPv6.
    pub const FRAGMENT: u8 = 44;
    /// The authentication header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
}
