//! IPv6 and its chain of extension headers.

use crate::class::{Class, TCP, class_of_tcp};
use crate::packet::Packet;
use crate::ports::PortSet;

/// Extension headers that are walked. RFC 8200 §4.1 recommends at most six, one of them twice.
pub const MOST_EXTENSION_HEADERS: usize = 8;

/// Octets of the fixed header.
const HEADER: usize = 40;
/// Where the fixed header has the first next-header number.
const NEXT_HEADER: usize = 6;

/// IANA's numbers of the extension headers.
mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HIP: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// Walks the IPv6 header at `at` and what follows it (RFC 8200 §3, §4).
#[inline(always)]
pub(crate) fn walk<P: Packet + ?Sized>(packet: &P, at: usize, ports: &PortSet) -> Option<Class> {
    if packet.u8(at)? >> 4 != 6 {
        return Some(Class::Malformed);
    }
    let mut next = packet.u8(at + NEXT_HEADER)?;
    let mut at = at + HEADER;
    let mut fragment = false;
    for _ in 0..=MOST_EXTENSION_HEADERS {
        match next {
            // A first fragment goes up whatever its ports, with the later ones that do not show theirs.
            TCP if fragment => return Some(Class::Fragment),
            TCP => return class_of_tcp(packet, at, ports),
            extension::FRAGMENT => {
                let [following, _, offset_high, offset_low] = packet.octets(at)?;
                let offset_and_more = u16::from_be_bytes([offset_high, offset_low]);
                if offset_and_more >> 3 != 0 {
                    return Some(class_of_later_fragment(following));
                }
                // Without more to come it is an atomic fragment, a whole packet (RFC 6946).
                fragment |= offset_and_more & 1 != 0;
                next = following;
                at += 8;
            }
            extension::AUTHENTICATION => {
                // RFC 4302 §2.2: in 4-octet units, less two.
                let [following, units] = packet.octets(at)?;
                next = following;
                at += (usize::from(units) + 2) * 4;
            }
            _ if is_walked(next) => {
                // In 8-octet units, the first not counted.
                let [following, units] = packet.octets(at)?;
                next = following;
                at += (usize::from(units) + 1) * 8;
            }
            _ => return Some(Class::Other),
        }
    }
    Some(Class::TooDeep)
}

/// Whether a header has the common form: next header, length in 8-octet units.
#[inline(always)]
fn is_walked(number: u8) -> bool {
    matches!(
        number,
        extension::HOP_BY_HOP
            | extension::ROUTING
            | extension::DESTINATION
            | extension::MOBILITY
            | extension::HIP
            | extension::SHIM6
    )
}

/// A later fragment shows only the number of the first header after the fragment header: behind an extension header there,
/// TCP cannot be excluded.
#[inline(always)]
fn class_of_later_fragment(following: u8) -> Class {
    let may_be_tcp = following == TCP || following == extension::AUTHENTICATION || is_walked(following);
    if may_be_tcp { Class::Fragment } else { Class::Other }
}
