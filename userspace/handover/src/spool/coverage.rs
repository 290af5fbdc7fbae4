//! What of a log has to stay for the integrity checks: PDUs that have left, and that no check on disk covers yet. After a crash they
//! are read back, and hashed and signed then.

use std::collections::VecDeque;

use crate::pdu::Pdu;

/// Batches that are known apart. More are taken together, and stay until the last of them is covered.
const MAX_BATCHES: usize = 4096;

/// Follows which records are covered.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Of batches that are not covered: the place of the last PDU, as the encoder counts them, and the position after them.
    batches: VecDeque<(u64, u64)>,
    /// Every record before this position is covered.
    covered: u64,
}

impl Coverage {
    /// Of a log that was opened. `open`: something before `next` was found that no check covers, and that the encoder sees to before it
    /// counts its first place, which is 1.
    pub(super) fn new(covered: u64, next: u64, open: bool) -> Self {
        if open {
            Self { batches: VecDeque::from([(0, next)]), covered }
        } else {
            Self { covered: next, ..Self::default() }
        }
    }

    /// Takes note of PDUs that are on disk now, before this position.
    pub(super) fn appended(&mut self, pdus: &[Pdu], next: u64) {
        let marks = || pdus.iter().filter_map(|pdu| pdu.checked.as_ref());
        if let Some(last) = marks().map(|mark| mark.place).max() {
            if self.batches.len() >= MAX_BATCHES {
                self.batches.pop_back();
            }
            self.batches.push_back((last, next));
        }
        let open_from = marks().map(|mark| mark.open_from).max().unwrap_or_default();
        while let Some((_, position)) = self.batches.pop_front_if(|(last, _)| *last < open_from) {
            self.covered = position;
        }
        if self.batches.is_empty() {
            self.covered = next;
        }
    }

    /// Every record before this position is covered by a check that is on disk.
    pub(super) fn covered(&self) -> u64 {
        self.covered
    }

    /// Gives up what is before this position.
    pub(super) fn give_up(&mut self, position: u64) {
        self.covered = self.covered.max(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::{Checked, Interface, Kind};
    use writ_wire::Time;

    fn pdu(mark: Option<(u64, u64)>) -> Pdu {
        let checked = mark.map(|(place, open_from)| Checked { place, open_from });
        Pdu { interface: Interface::Hi2, kind: Kind::Iri, time: Time::MIN, octets: vec![0; 9].into(), checked }
    }

    #[test]
    fn what_no_check_on_disk_covers_stays() {
        let mut coverage = Coverage::new(3, 7, true);
        assert_eq!(coverage.covered(), 3);
        // A message that is in no sequence covers nothing, and needs no cover.
        coverage.appended(&[pdu(None)], 8);
        assert_eq!(coverage.covered(), 3);
        // What was open is closed by the first.
        coverage.appended(&[pdu(Some((1, 1))), pdu(Some((2, 1)))], 10);
        assert_eq!(coverage.covered(), 7);
        coverage.appended(&[pdu(Some((3, 0)))], 11);
        coverage.appended(&[pdu(Some((4, 3)))], 12);
        assert_eq!(coverage.covered(), 10);
        coverage.appended(&[pdu(Some((5, 6)))], 13);
        assert_eq!(coverage.covered(), 13);
        coverage.appended(&[pdu(None)], 14);
        assert_eq!(coverage.covered(), 14);
    }

    #[test]
    fn it_is_bounded_and_keeps_more_rather_than_less() {
        let mut coverage = Coverage::new(0, 0, false);
        for place in 1..=10_000 {
            coverage.appended(&[pdu(Some((place, 1)))], place);
        }
        assert!(coverage.batches.len() <= MAX_BATCHES);
        assert_eq!(coverage.covered(), 0);
        coverage.appended(&[pdu(Some((10_001, 9_000)))], 10_001);
        assert_eq!(coverage.covered(), MAX_BATCHES as u64 - 1);
        coverage.appended(&[pdu(Some((10_002, 10_003)))], 10_002);
        assert_eq!(coverage.covered(), 10_002);
    }
}
