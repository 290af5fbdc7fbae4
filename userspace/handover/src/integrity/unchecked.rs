//! PDUs that another run sent and no check covers: read back from a spool, and hashed and signed before anything else goes.
//!
//! Their communications are over: no session outlives the process, and no CIN is used twice. So each gets its last checks, as when it
//! had ended.

use std::collections::BTreeMap;

use bytes::Bytes;
use writ_etsi::{CheckType, Payload, PsPdu, TriPayload, decode, encode_integrity_check};

use super::{Cover, IntegrityRules};
use crate::pdu::{Kind, Pdu};

/// Octets of PDUs that are held at once. What comes beyond stays without a check.
const MAX_OCTETS: usize = 256 << 20;

/// What of one interface is open.
pub(crate) struct Unchecked {
    cover: Cover,
    has_signer: bool,
    lines: BTreeMap<(String, u32), OpenLine>,
    octets: usize,
}

/// What of an LIID and a CIN is open.
#[derive(Default)]
pub(crate) struct OpenLine {
    pub(crate) country: String,
    /// The number after the last.
    pub(crate) next: u32,
    /// PDUs that are in no hash.
    pub(crate) pdus: BTreeMap<u32, Bytes>,
    /// Hashes that are in no signature, encoded.
    pub(crate) hashes: BTreeMap<u32, Vec<u8>>,
}

impl Unchecked {
    pub(crate) fn new(rules: &IntegrityRules) -> Self {
        Self { cover: rules.cover, has_signer: rules.signer.is_some(), lines: BTreeMap::new(), octets: 0 }
    }

    /// Takes a PDU that was sent, in the order in which they were.
    pub(crate) fn take(&mut self, pdu: &Pdu) {
        let Ok(PsPdu { ps_header: header, payload }) = decode(&pdu.octets) else { return };
        let Some(cin) = header.communication_identifier.communication_identity_number else { return };
        let Ok(liid) = str::from_utf8(&header.lawful_interception_identifier) else { return };
        let line = self.lines.entry((liid.to_owned(), cin)).or_default();
        let number = header.sequence_number;
        line.next = number.wrapping_add(1);
        match payload {
            Payload::TriPayload(TriPayload::IntegrityCheck(check)) => {
                let included = &check.included_sequence_numbers;
                if check.check_type == CheckType::Hash {
                    for octets in included.iter().filter_map(|number| line.pdus.remove(number)) {
                        self.octets -= octets.len();
                    }
                    if let (true, Ok(encoded)) = (self.has_signer, encode_integrity_check(&check)) {
                        line.hashes.insert(number, encoded);
                    }
                } else {
                    included.iter().for_each(|number| _ = line.hashes.remove(number));
                }
            }
            _ if self.cover == Cover::Records && pdu.kind == Kind::Tri => {}
            _ if self.octets + pdu.octets.len() > MAX_OCTETS => {
                tracing::warn!("more of a spool has no integrity check than can be made up for");
            }
            _ => {
                let country = header.authorization_country_code.as_deref().and_then(|code| str::from_utf8(code).ok());
                line.country = country.unwrap_or_default().to_owned();
                self.octets += pdu.octets.len();
                line.pdus.insert(number, pdu.octets.clone());
            }
        }
    }

    /// Whether there is nothing open.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.values().all(OpenLine::is_closed)
    }

    /// What is open: of which LIID and CIN.
    pub(crate) fn into_open(self) -> impl Iterator<Item = ((String, u32), OpenLine)> {
        self.lines.into_iter().filter(|(_, line)| !line.is_closed())
    }
}

impl OpenLine {
    fn is_closed(&self) -> bool {
        self.pdus.is_empty() && self.hashes.is_empty()
    }
}
