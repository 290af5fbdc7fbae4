//! The Ethernet frames that carry a dialogue.

use std::net::SocketAddrV4;
use std::ops::Range;

use writ_wire::Direction::{self, FromClient, FromServer};

use super::dialogue::Dialogue;

/// Octets of payload in a full segment: an MTU of 1500 with TCP's time stamps, as nearly every host sends them.
pub const FULL: usize = 1448;
/// Octets of headers before the payload: Ethernet, IPv4, TCP with time stamps.
pub const HEADERS: usize = 14 + 20 + 32;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// The two ends.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Who connects.
    pub client: SocketAddrV4,
    /// Who is connected to.
    pub server: SocketAddrV4,
}

/// What is still to be sent.
enum Step {
    Handshake(u8),
    /// A turn of the dialogue, from an octet of it on.
    Turn {
        turn: usize,
        at: usize,
    },
    /// An acknowledgement of what the other end just sent, and then that again.
    Acknowledge {
        turn: usize,
        at: usize,
    },
    Close(u8),
    Over,
}

/// A connection, frame by frame: handshake, full segments with an acknowledgement every two, FIN both ways.
pub struct Segments {
    dialogue: Dialogue,
    ends: Ends,
    /// Sequence numbers of the next octet, client's and server's.
    next: [u32; 2],
    unacknowledged: u8,
    clock: u32,
    identification: u16,
    step: Step,
}

impl Segments {
    /// The frames of a dialogue between these ends.
    pub fn new(dialogue: Dialogue, ends: Ends, first: [u32; 2]) -> Self {
        let step = Step::Handshake(0);
        Self { dialogue, ends, next: first, unacknowledged: 0, clock: 0, identification: 0, step }
    }

    /// Appends the next frame to `frame`; `false` where the connection is over.
    pub fn next_frame(&mut self, frame: &mut Vec<u8>) -> bool {
        match self.step {
            Step::Handshake(number) => {
                self.step = if number < 2 { Step::Handshake(number + 1) } else { self.turn(0) };
                let (from, flags) =
                    [(FromClient, SYN), (FromServer, SYN | ACK), (FromClient, ACK)][usize::from(number)];
                self.frame(frame, from, flags, 0..0);
            }
            Step::Turn { turn, at } => {
                let (from, range) = self.dialogue.turns[turn].clone();
                let end = (at + FULL).min(range.end);
                self.unacknowledged += 1;
                self.step = match (end == range.end, self.unacknowledged) {
                    (true, _) => self.turn(turn + 1),
                    (false, 2) => Step::Acknowledge { turn, at: end },
                    (false, _) => Step::Turn { turn, at: end },
                };
                let flags = if end == range.end { ACK | PSH } else { ACK };
                self.frame(frame, from, flags, at..end);
            }
            Step::Acknowledge { turn, at } => {
                self.unacknowledged = 0;
                self.step = Step::Turn { turn, at };
                let from = self.dialogue.turns[turn].0.flip();
                self.frame(frame, from, ACK, 0..0);
            }
            Step::Close(number) => {
                self.step = if number < 2 { Step::Close(number + 1) } else { Step::Over };
                let (from, flags) =
                    [(FromClient, FIN | ACK), (FromServer, FIN | ACK), (FromClient, ACK)][usize::from(number)];
                self.frame(frame, from, flags, 0..0);
            }
            Step::Over => return false,
        }
        true
    }

    /// What is left of the dialogue is dropped once it comes to this turn, and the connection stays open.
    pub fn stop_before(&mut self, turn: usize) {
        self.dialogue.turns.truncate(turn);
    }

    /// Whether every turn was sent.
    pub fn is_said(&self) -> bool {
        matches!(self.step, Step::Close(_) | Step::Over)
    }

    fn turn(&mut self, turn: usize) -> Step {
        self.unacknowledged = 0;
        match self.dialogue.turns.get(turn) {
            Some((_, range)) => Step::Turn { turn, at: range.start },
            None => {
                // The octets are not needed any more, while others' connections go on.
                Step::Close(0)
            }
        }
    }

    fn frame(&mut self, frame: &mut Vec<u8>, from: Direction, flags: u8, payload: Range<usize>) {
        let length = payload.len();
        let (source, destination, here) = match from {
            FromClient => (self.ends.client, self.ends.server, 0),
            FromServer => (self.ends.server, self.ends.client, 1),
        };
        self.clock = self.clock.wrapping_add(1);
        self.identification = self.identification.wrapping_add(1);
        let start = frame.len();
        // Locally administered addresses: 02:… (IEEE 802).
        frame.extend([2, 0, 0, 0, 0, 1 - here as u8, 2, 0, 0, 0, 0, here as u8, 8, 0]);
        let ip = frame.len();
        frame.extend([0x45, 0]);
        frame.extend(((20 + 32 + length) as u16).to_be_bytes());
        frame.extend(self.identification.to_be_bytes());
        frame.extend([0x40, 0, 64, 6, 0, 0]);
        frame.extend(source.ip().octets());
        frame.extend(destination.ip().octets());
        let sum = checksum(0, &frame[ip..]);
        frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
        let tcp = frame.len();
        frame.extend(source.port().to_be_bytes());
        frame.extend(destination.port().to_be_bytes());
        frame.extend(self.next[here].to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[1 - here] };
        frame.extend(acknowledged.to_be_bytes());
        frame.extend([0x80, flags, 0xff, 0xff, 0, 0, 0, 0]);
        // Two no-operations, then the time stamps (RFC 7323 §3).
        frame.extend([1, 1, 8, 10]);
        frame.extend(self.clock.to_be_bytes());
        frame.extend(self.clock.wrapping_sub(1).to_be_bytes());
        self.dialogue.copy(payload, frame);
        let pseudo: u32 =
            frame[ip + 12..ip + 20].as_chunks::<2>().0.iter().map(|two| u32::from(u16::from_be_bytes(*two))).sum();
        let sum = checksum(pseudo + 6 + (frame.len() - tcp) as u32, &frame[tcp..]);
        frame[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
        debug_assert_eq!(frame.len() - start, HEADERS + length);
        let numbered = length as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[here] = self.next[here].wrapping_add(numbered);
    }
}

/// The Internet checksum (RFC 1071), begun with `sum`.
fn checksum(sum: u32, octets: &[u8]) -> u16 {
    let (pairs, odd) = octets.as_chunks::<2>();
    let mut sum = u64::from(sum) + pairs.iter().map(|two| u64::from(u16::from_be_bytes(*two))).sum::<u64>();
    sum += odd.first().map_or(0, |last| u64::from(*last) << 8);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
