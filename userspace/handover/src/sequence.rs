//! `sequenceNumber`: counted from 0 along each (LIID, CIN), or along each LIID, IRI and CC apart (TS 102 232-1).

use hashbrown::HashMap;

use crate::pdu::Interface;
use crate::settings::Numbering;

/// The sequences of one LEMF.
///
/// An entry lives as long as its communication: [`close`](Self::close) frees it. It needs no limit of its own, because
/// each stands for a session that the interception holds in a table that has one; [`len`](Self::len) is shown as a
/// metric so that one that is never closed would be seen.
#[derive(Debug)]
pub(crate) struct Sequences {
    numbering: Numbering,
    /// Each LIID seen, as a small number: as many as there are warrants.
    liids: HashMap<String, u32>,
    next: HashMap<(u32, u32), Next>,
}

/// What stands in one sequence: an LIID, as a small number, a CIN and an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Line {
    pub(crate) liid: u32,
    pub(crate) cin: u32,
    pub(crate) interface: Interface,
}

/// The next number on each interface.
#[derive(Clone, Copy, Debug, Default)]
struct Next {
    hi2: u32,
    hi3: u32,
}

impl Sequences {
    pub(crate) fn new(numbering: Numbering) -> Self {
        Self { numbering, liids: HashMap::new(), next: HashMap::new() }
    }

    /// Goes on along LIIDs from these numbers, which another run has left.
    pub(crate) fn go_on_from(&mut self, interface: Interface, numbers: &HashMap<String, u32>) {
        if self.numbering == Numbering::PerLiid {
            for (liid, next) in numbers {
                let line = self.line(liid, 0, interface);
                *self.entry(line) = *next;
            }
        }
    }

    /// The sequence of an LIID, a CIN and an interface.
    pub(crate) fn line(&mut self, liid: &str, cin: u32, interface: Interface) -> Line {
        let liid = match self.liids.get(liid) {
            Some(&number) => number,
            None => {
                let number = u32::try_from(self.liids.len()).unwrap_or(u32::MAX);
                self.liids.insert(liid.to_owned(), number);
                number
            }
        };
        Line { liid, cin, interface }
    }

    /// Goes on in a sequence of a communication from the number that another run has left. Along LIIDs that is known already.
    pub(crate) fn resume(&mut self, line: Line, next: u32) {
        if self.numbering == Numbering::PerCin {
            *self.entry(line) = next;
        }
    }

    /// The number that the next PDU takes, which [`advance`](Self::advance) then makes used.
    pub(crate) fn peek(&mut self, line: Line) -> u32 {
        *self.entry(line)
    }

    /// Marks `count` numbers as used. After 2^32 - 1 comes 0, the range of the field.
    pub(crate) fn advance(&mut self, line: Line, count: u32) {
        let next = self.entry(line);
        *next = next.wrapping_add(count);
    }

    /// Frees what is held for a communication that is over. Numbering along the LIID goes on.
    pub(crate) fn close(&mut self, liid: &str, cin: u32) {
        if self.numbering == Numbering::PerCin
            && let Some(&liid) = self.liids.get(liid)
        {
            self.next.remove(&(liid, cin));
        }
    }

    /// How many sequences are open.
    pub(crate) fn len(&self) -> usize {
        self.next.len()
    }

    fn entry(&mut self, line: Line) -> &mut u32 {
        let along = match self.numbering {
            Numbering::PerCin => line.cin,
            Numbering::PerLiid => 0,
        };
        let next = self.next.entry((line.liid, along)).or_default();
        match line.interface {
            Interface::Hi2 => &mut next.hi2,
            Interface::Hi3 => &mut next.hi3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Interface::{Hi2, Hi3};

    fn take(sequences: &mut Sequences, liid: &str, cin: u32, interface: Interface) -> u32 {
        let line = sequences.line(liid, cin, interface);
        let number = sequences.peek(line);
        sequences.advance(line, 1);
        number
    }

    #[test]
    fn each_communication_and_interface_counts_from_zero() {
        let mut sequences = Sequences::new(Numbering::PerCin);
        assert_eq!([0, 1, 2].map(|_| take(&mut sequences, "A", 1, Hi2)), [0, 1, 2]);
        assert_eq!(take(&mut sequences, "A", 1, Hi3), 0);
        assert_eq!(take(&mut sequences, "A", 2, Hi2), 0);
        assert_eq!(take(&mut sequences, "B", 1, Hi2), 0);
        assert_eq!(take(&mut sequences, "A", 1, Hi2), 3);
    }

    #[test]
    fn closing_frees_the_communication_alone() {
        let mut sequences = Sequences::new(Numbering::PerCin);
        for cin in 1..=3 {
            take(&mut sequences, "A", cin, Hi3);
        }
        sequences.close("A", 2);
        sequences.close("unseen", 2);
        assert_eq!(sequences.len(), 2);
        assert_eq!(take(&mut sequences, "A", 3, Hi3), 1);
    }

    #[test]
    fn along_the_liid_a_new_communication_goes_on() {
        let mut sequences = Sequences::new(Numbering::PerLiid);
        assert_eq!(take(&mut sequences, "A", 1, Hi2), 0);
        sequences.close("A", 1);
        assert_eq!(take(&mut sequences, "A", 2, Hi2), 1);
        assert_eq!(take(&mut sequences, "A", 2, Hi3), 0);
        assert_eq!(sequences.len(), 1);
    }
}
