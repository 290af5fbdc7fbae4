//! What another run has left in a spool besides PDUs: at which numbers to go on, and what has no integrity check.

use std::io;

use writ_etsi::decode;

use super::super::Left;
use super::super::coverage::Coverage;
use super::super::log::Next;
use super::Feeder;
use crate::link_pdu::LINK_LIID;
use crate::pdu::Pdu;
use crate::settings::Numbering;

impl Feeder {
    /// Reads what another run has left of numbers, and of PDUs without an integrity check.
    pub(super) fn look_back(&mut self, as_of: u64, covered: u64) -> io::Result<()> {
        let mut unchecked = self.parts.unchecked.take();
        let covered = if unchecked.is_some() { covered } else { as_of };
        self.log.read_from(covered.min(as_of));
        while let Some(next) = self.log.read()? {
            let Next::Pdu(pdu) = next else { continue };
            if self.log.position() > as_of {
                self.note(&pdu);
            }
            if let Some(unchecked) = unchecked.as_mut().filter(|_| self.log.position() > covered) {
                unchecked.take(&pdu);
            }
        }
        self.parts.unchecked = unchecked.filter(|unchecked| !unchecked.is_empty());
        self.coverage = Coverage::new(covered, self.log.next(), self.parts.unchecked.is_some());
        Ok(())
    }

    /// What another run has left besides PDUs. To be asked once.
    pub(in super::super) fn left(&mut self) -> Left {
        Left { numbers: self.numbers.clone(), unchecked: self.parts.unchecked.take() }
    }

    /// Notes which number comes after that of a PDU.
    pub(super) fn note(&mut self, pdu: &Pdu) {
        let Ok(pdu) = decode(&pdu.octets) else { return };
        let header = pdu.ps_header;
        let next = header.sequence_number.wrapping_add(1);
        let liid = header.lawful_interception_identifier;
        if liid[..] == *LINK_LIID.as_bytes() {
            self.parts.link_pdus.go_on_from(next);
        } else if self.parts.numbering == Numbering::PerLiid
            && let Ok(liid) = str::from_utf8(&liid)
        {
            match self.numbers.get_mut(liid) {
                Some(known) => *known = next,
                None => _ = self.numbers.insert(liid.to_owned(), next),
            }
        }
    }
}
