//! Up to where the octets of a session were told of by its machine: what stands before that is never told otherwise.

use std::collections::BTreeMap;
use std::ops::Range;

use writ_wire::Direction;

/// Ranges kept that were told of before what stands in front of them. Past that it is seen later, when the machine has told all.
const MAX_AHEAD: usize = 4096;

/// What was told of both streams.
#[derive(Default)]
pub(crate) struct Told {
    client: Side,
    server: Side,
}

#[derive(Default)]
struct Side {
    /// All before this offset was told of.
    to: u64,
    /// Ranges behind that, by their beginning, none of which touches another: responses can overtake each other (RFC 3501 §5.5).
    ahead: BTreeMap<u64, u64>,
}

impl Told {
    /// Octets that it takes to hold what was told of ahead, about.
    pub(crate) fn held(&self) -> usize {
        (self.client.ahead.len() + self.server.ahead.len()) * 2 * size_of::<(u64, u64)>()
    }

    /// These octets were told of, or will never be.
    pub(crate) fn add(&mut self, from: Direction, octets: Range<u64>) {
        match from {
            Direction::FromClient => self.client.add(octets),
            Direction::FromServer => self.server.add(octets),
        }
    }

    /// All octets before these offsets, the client's and the server's, were.
    pub(crate) fn catch_up(&mut self, (client, server): (u64, u64)) {
        self.client.add(0..client);
        self.server.add(0..server);
    }

    /// The offsets before which there is no octet that was not told of, the client's and the server's.
    pub(crate) fn up_to(&self) -> (u64, u64) {
        (self.client.to, self.server.to)
    }
}

impl Side {
    fn add(&mut self, Range { mut start, mut end }: Range<u64>) {
        if end <= self.to || end <= start {
            return;
        }
        // At most the one that begins before it, and all that begin within it, touch it.
        while let Some((&from, &to)) = self.ahead.range(..=end).next_back().filter(|(_, to)| **to >= start) {
            self.ahead.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        if start <= self.to {
            self.to = end;
        } else if self.ahead.len() < MAX_AHEAD {
            self.ahead.insert(start, end);
        }
    }
}

/// The first octets of both streams that something waits for.
#[derive(Clone, Copy)]
pub(crate) struct First {
    client: u64,
    server: u64,
}

impl Default for First {
    fn default() -> Self {
        Self { client: u64::MAX, server: u64::MAX }
    }
}

impl First {
    /// These wait too.
    pub(crate) fn add(&mut self, from: Direction, offset: u64) {
        let first = match from {
            Direction::FromClient => &mut self.client,
            Direction::FromServer => &mut self.server,
        };
        *first = offset.min(*first);
    }

    /// `upto`, the client's and the server's, or where something waits before that.
    pub(crate) fn before(self, upto: (u64, u64)) -> (u64, u64) {
        (upto.0.min(self.client), upto.1.min(self.server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_out_of_order_counts_when_all_before_it_is() {
        let mut told = Told::default();
        let mut add = |octets| {
            told.add(Direction::FromServer, octets);
            told.up_to().1
        };
        assert_eq!(add(0..10), 10);
        assert_eq!(add(20..30), 10);
        assert_eq!(add(40..50), 10);
        assert_eq!(add(30..35), 10);
        assert_eq!(add(5..21), 35);
        assert_eq!(add(35..40), 50);
        assert_eq!(add(0..20), 50);
        assert_eq!(told.client.to, 0);
        assert!(told.server.ahead.is_empty());
    }

    #[test]
    fn so_many_ranges_are_kept_and_no_more() {
        let mut told = Told::default();
        (1..=2 * MAX_AHEAD as u64).for_each(|at| told.add(Direction::FromClient, at * 10..at * 10 + 5));
        assert_eq!(told.client.ahead.len(), MAX_AHEAD);
        told.catch_up((1_000_000, 0));
        assert_eq!(told.up_to(), (1_000_000, 0));
        assert!(told.client.ahead.is_empty());
    }
}
