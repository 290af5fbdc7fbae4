//! An encoded PS-PDU on its way to an LEMF.

use std::fmt;

use bytes::Bytes;
use writ_wire::Time;

/// A handover interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// HI2: intercept-related information.
    Hi2,
    /// HI3: content of communication.
    Hi3,
}

impl Interface {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Hi2, Self::Hi3];

    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hi2 => "hi2",
            Self::Hi3 => "hi3",
        }
    }
}

/// What a PDU carries, as metrics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `iRIPayloadSequence`
    Iri,
    /// `cCPayloadSequence`
    Cc,
    /// `tRIPayload`: segment flags, messages to the LEMF, integrity checks.
    Tri,
}

/// One PS-PDU, encoded.
#[derive(Clone)]
pub struct Pdu {
    /// Where it goes.
    pub interface: Interface,
    /// What it carries.
    pub kind: Kind,
    /// The time of interception.
    pub time: Time,
    /// The whole of it, tag and length included.
    pub octets: Bytes,
    /// Where the integrity checks stand with it; none where none were agreed, and once it was on disk.
    pub(crate) checked: Option<Checked>,
}

/// Where the integrity checks of an interface stand. Places count the PDUs in sequences that an encoder has made of it, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The place of this PDU.
    pub(crate) place: u64,
    /// With this PDU and all before it, everything before this place is covered. 0 where that is not known.
    pub(crate) open_from: u64,
}

impl Pdu {
    /// When what it tells was intercepted; none of one that is about the delivery itself.
    pub(crate) fn intercepted(&self) -> Option<Time> {
        (self.kind != Kind::Tri).then_some(self.time)
    }
}

// The octets name the target: they must not reach a log.
impl fmt::Debug for Pdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pdu")
            .field("interface", &self.interface)
            .field("kind", &self.kind)
            .field("octets", &self.octets.len())
            .finish_non_exhaustive()
    }
}
