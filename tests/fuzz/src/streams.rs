//! Takes what `writ-wire` hands on, and holds it to what it promises of every connection.

use writ_wire::{Close, Connection, Direction, Packet, Streams, Time};

/// Octets that the ends truly sent: the octet of a direction at an offset.
pub type Truth = fn(Direction, u64) -> u8;

/// One connection as it was told.
pub struct Told {
    /// Where the next octet of each direction must be.
    pub next: [u64; 2],
    /// Octets of each direction that were never captured.
    pub missing: [u64; 2],
    /// Whether the stream's offsets count from the SYN.
    pub started_by_syn: bool,
    /// Whether it is over.
    pub closed: bool,
}

/// Every connection.
#[derive(Default)]
pub struct Checked {
    /// In the order in which they were opened; a session is an index.
    pub told: Vec<Told>,
    /// What octets must be, where that is known.
    pub truth: Option<Truth>,
}

/// Where a direction's figures are.
pub fn side(from: Direction) -> usize {
    usize::from(from == Direction::FromServer)
}

impl Checked {
    /// Connections that were opened and not closed.
    pub fn open(&self) -> usize {
        self.told.iter().filter(|told| !told.closed).count()
    }

    fn advance(&mut self, session: usize, from: Direction, offset: u64, length: u64) -> &mut Told {
        let told = &mut self.told[session];
        assert!(!told.closed, "told after the close");
        assert_ne!(length, 0, "nothing was told");
        assert_eq!(told.next[side(from)], offset, "what follows starts where it should");
        told.next[side(from)] = offset.checked_add(length).expect("an offset that can be");
        told
    }
}

impl Streams for Checked {
    type Session = usize;

    fn open(&mut self, connection: &Connection, _time: Time) -> usize {
        let started_by_syn = connection.started_by_syn;
        self.told.push(Told { next: [0; 2], missing: [0; 2], started_by_syn, closed: false });
        self.told.len() - 1
    }

    fn packet(&mut self, session: &mut usize, packet: &Packet<'_>) {
        assert!(!self.told[*session].closed, "a packet after the close");
        assert_eq!(&packet.ip[packet.payload_at..][..packet.payload.len()], packet.payload);
    }

    fn octets(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64, octets: &[u8]) {
        let truth = self.truth;
        let told = self.advance(*session, from, offset, octets.len() as u64);
        if let Some(truth) = truth.filter(|_| told.started_by_syn) {
            for (at, octet) in (offset..).zip(octets) {
                assert_eq!(truth(from, at), *octet, "an octet that nobody sent, at {at}");
            }
        }
    }

    fn gap(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64, length: u64) {
        self.advance(*session, from, offset, length).missing[side(from)] += length;
    }

    fn end(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64) {
        let told = &self.told[*session];
        assert!(!told.closed, "an end after the close");
        assert_eq!(told.next[side(from)], offset, "the stream ends where it stands");
    }

    fn close(&mut self, session: usize, _connection: &Connection, _time: Time, _how: Close) {
        assert!(!std::mem::replace(&mut self.told[session].closed, true), "closed twice");
    }
}
