//! `IPAddress`, which EmailPDU imports from HI2Operations (TS 101 671).

use core::net::IpAddr;

use rasn::{AsnType, Decode, Decoder as _, Encode};

use crate::asn1::{Additions, Ia5String, OctetString, choice, enumerated, opaque_debug};

/// `IPAddress`
#[derive(AsnType, Decode, Encode, Clone, PartialEq, Eq, Hash)]
pub struct IpAddress {
    /// `iP-type [1]`
    #[rasn(tag(1))]
    pub ip_type: IpType,
    /// `iP-value [2]`
    #[rasn(tag(2))]
    pub ip_value: IpValue,
    /// `iP-assignment [3]`
    #[rasn(tag(3))]
    pub ip_assignment: Option<IpAssignment>,
    /// `iPv6PrefixLength [4]`, 1 to 128: goes with every binary IPv6 value, 128 for a single host.
    #[rasn(tag(4))]
    pub ipv6_prefix_length: Option<u32>,
    /// `iPv4SubnetMask [5]`, 4 octets.
    #[rasn(tag(5))]
    pub ipv4_subnet_mask: Option<OctetString>,
    /// `iP-NAT-translated [6]`, profile `current` alone.
    #[rasn(tag(6))]
    pub ip_nat_translated: Option<bool>,
    /// Extension additions.
    pub additions: Additions,
}

impl IpAddress {
    /// A single host, in binary, with how it came by its address if that is known.
    #[must_use]
    pub fn host(address: IpAddr, assignment: Option<IpAssignment>) -> Self {
        let (ip_type, octets, ipv6_prefix_length) = match address {
            IpAddr::V4(v4) => (IpType::Ipv4, OctetString::from(&v4.octets()[..]), None),
            IpAddr::V6(v6) => (IpType::Ipv6, OctetString::from(&v6.octets()[..]), Some(128)),
        };
        Self {
            ip_type,
            ip_value: IpValue::Binary(octets),
            ip_assignment: assignment,
            ipv6_prefix_length,
            ipv4_subnet_mask: None,
            ip_nat_translated: None,
            additions: Additions::NONE,
        }
    }

    /// The address, where the value is one: 4 or 16 octets, or text that reads as an address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match &self.ip_value {
            IpValue::Binary(octets) => match octets.len() {
                4 => <[u8; 4]>::try_from(&octets[..]).ok().map(IpAddr::from),
                16 => <[u8; 16]>::try_from(&octets[..]).ok().map(IpAddr::from),
                _ => None,
            },
            IpValue::Text(text) => core::str::from_utf8(text.as_iso646_bytes()).ok()?.parse().ok(),
            IpValue::Unrecognised(_) => None,
        }
    }
}

enumerated! {
    /// `iP-type`
    IpType { Ipv4 = 0 "iPV4", Ipv6 = 1 "iPV6" }
}

choice! {
    /// `iP-value`
    IpValue {
        Binary(OctetString) = 1 "iPBinaryAddress",
        Text(Ia5String) = 2 "iPTextAddress",
    }
}

enumerated! {
    /// `iP-assignment`
    IpAssignment { Static = 1 "static", Dynamic = 2 "dynamic", NotKnown = 3 "notKnown" }
}

opaque_debug!(IpAddress);
