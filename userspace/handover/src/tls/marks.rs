//! How far PDUs have been acknowledged, when TCP acknowledges what TLS has made of them.
//!
//! TLS cuts what is written into records and adds to each, so that octets of PDUs and octets of TCP do not agree. A
//! mark says that octets of PDUs up to here are wholly within octets of TCP up to there. It is made when TLS has given
//! all that it has made to the socket: what was written until then is in what the socket took until then, whatever
//! else (handshake, tickets, alerts) lies between. When TCP has acknowledged the one, the other was.

use std::collections::VecDeque;

/// The marks of one connection. Few at a time: each was written to the socket and is not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Octets that the socket took.
    pub(super) taken: u64,
    /// Octets of PDUs that TLS took.
    pub(super) written: u64,
    /// Octets of PDUs, and the octets of TCP that hold them; of those that are not acknowledged.
    pending: VecDeque<(u64, u64)>,
    /// Octets of PDUs that were acknowledged.
    acknowledged: u64,
}

impl Marks {
    /// TLS holds nothing back: all that was written is within what the socket took.
    pub(super) fn flushed(&mut self) {
        let last = self.pending.back().map_or(self.acknowledged, |(written, _)| *written);
        if self.written > last {
            self.pending.push_back((self.written, self.taken));
        }
    }

    /// How many octets of PDUs are acknowledged, once so many octets of TCP are.
    pub(super) fn acknowledged(&mut self, octets: u64) -> u64 {
        while let Some((written, _)) = self.pending.pop_front_if(|(_, taken)| *taken <= octets) {
            self.acknowledged = written;
        }
        self.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_acknowledged_with_the_last_octet_that_holds_it() {
        let mut marks = Marks { taken: 1500, ..Marks::default() };
        marks.flushed();
        assert_eq!(marks.acknowledged(1500), 0, "a handshake holds no PDU");
        marks.written = 100;
        marks.taken = 1600;
        assert_eq!(marks.acknowledged(1600), 0, "TLS may hold some of it still");
        marks.taken = 1622;
        marks.flushed();
        marks.written = 300;
        marks.taken = 1900;
        marks.flushed();
        assert_eq!(marks.acknowledged(1621), 0);
        assert_eq!(marks.acknowledged(1622), 100);
        assert_eq!(marks.acknowledged(1899), 100);
        assert_eq!(marks.acknowledged(1900), 300);
        marks.taken = 1950;
        marks.flushed();
        assert!(marks.pending.is_empty(), "octets without a PDU need no mark");
    }
}
