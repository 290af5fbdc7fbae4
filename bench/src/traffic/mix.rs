//! Many sessions at a time.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::dialogue::{Dialogue, Transfer};
use super::random::Random;
use super::segments::{Ends, Segments};

/// What traffic is made.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What everything else follows from.
    pub seed: u64,
    /// Sessions in all, each with one message.
    pub sessions: u64,
    /// Sessions at a time.
    pub concurrency: usize,
    /// Octets of a message.
    pub octets: RangeInclusive<usize>,
    /// How messages are sent.
    pub transfer: Transfer,
    /// One in so many sessions is sent by `alice@example.org`; 0 for none.
    pub target_every: u64,
    /// Frames a second, by their time stamps.
    pub rate: u64,
}

/// The frames of many sessions: each next frame is of one of the open sessions, chosen at random.
pub struct Mix {
    shape: Shape,
    random: Random,
    begun: u64,
    open: Vec<Segments>,
    frames: u64,
}

/// When the first frame is captured, in seconds: 2026-03-02 09:00:00 UTC.
pub const BEGIN: u64 = 1_772_442_000;

impl Mix {
    /// Traffic of this shape.
    pub fn new(shape: Shape) -> Self {
        let random = Random::new(shape.seed);
        Self { shape, random, begun: 0, open: Vec::new(), frames: 0 }
    }

    /// Sessions begun so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Writes the next frame into `frame`, and gives its time since 1970; `None` at the end.
    pub fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<Duration> {
        loop {
            while self.open.len() < self.shape.concurrency.max(1) && self.begun < self.shape.sessions {
                let session = self.session();
                self.open.push(session);
            }
            if self.open.is_empty() {
                return None;
            }
            let at = self.random.below(self.open.len() as u64) as usize;
            frame.clear();
            if self.open[at].next_frame(frame) {
                let since = u128::from(self.frames) * 1_000_000_000 / u128::from(self.shape.rate.max(1));
                self.frames += 1;
                return Some(Duration::from_secs(BEGIN) + Duration::from_nanos(since as u64));
            }
            self.open.swap_remove(at);
        }
    }

    fn session(&mut self) -> Segments {
        let number = self.begun;
        self.begun += 1;
        let Shape { octets, transfer, target_every, .. } = self.shape.clone();
        let span = (octets.end().saturating_sub(*octets.start())) as u64 + 1;
        let length = octets.start() + self.random.below(span) as usize;
        let is_target = target_every > 0 && number.is_multiple_of(target_every);
        let sender = if is_target {
            "alice@example.org".to_owned()
        } else {
            format!("user-{}@example.net", self.random.below(100_000))
        };
        let recipient = format!("user-{}@example.com", self.random.below(100_000));
        let dialogue = Dialogue::with_message(transfer, length, &sender, &recipient, &mut self.random);
        Segments::new(dialogue, ends(number), [self.random.number() as u32, self.random.number() as u32])
    }
}

/// The ends of session `number`: no two of 15 thousand million sessions have the same.
pub fn ends(number: u64) -> Ends {
    let host = 0x0a00_0000 | ((number / 60_000) & 0x00ff_ffff) as u32 | 1 << 20;
    let client = SocketAddrV4::new(Ipv4Addr::from_bits(host), 5_000 + (number % 60_000) as u16);
    Ends { client, server: SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 25), 25) }
}
