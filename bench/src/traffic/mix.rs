//! Many sessions at a time.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::dialogue::{Dialogue, Transfer};
use super::letter::{Letter, Lines};
use super::random::Random;
use super::segments::{Ends, FULL, HEADERS, Segments};

/// What the ends of a session speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// A message is sent.
    Smtp,
    /// A message is fetched.
    Pop3,
    /// A message is fetched.
    Imap,
}

impl Protocol {
    fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Pop3 => 110,
            Self::Imap => 143,
        }
    }
}

/// What traffic is made.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What everything else follows from.
    pub seed: u64,
    /// Sessions in all, each with one message.
    pub sessions: u64,
    /// Sessions at a time.
    pub concurrency: usize,
    /// Octets of a message. As many have between 1 and 2 kB as between 2 and 4 kB: many are short and few are long.
    pub octets: RangeInclusive<usize>,
    /// What is spoken: each session has one of these, by lot.
    pub protocols: Vec<Protocol>,
    /// How messages are sent.
    pub transfer: Transfer,
    /// One in so many sessions is that of `alice@example.org`, or of the login `alice`; 0 for none.
    pub target_every: u64,
    /// One in so many full segments comes behind the next frame of its session; 0 for none.
    pub late_every: u64,
    /// One in so many full segments is missing; 0 for none.
    pub lost_every: u64,
    /// Frames a second, by their time stamps.
    pub rate: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            seed: 1,
            sessions: 1000,
            concurrency: 100,
            octets: 25_000..=25_000,
            protocols: vec![Protocol::Smtp],
            transfer: Transfer::Data,
            target_every: 10,
            late_every: 0,
            lost_every: 0,
            rate: 100_000,
        }
    }
}

/// A session, and a frame of it that comes after the next one.
struct Open {
    segments: Segments,
    late: Option<Vec<u8>>,
}

/// The frames of many sessions: each next frame is of one of the open sessions, chosen at random.
pub struct Mix {
    shape: Shape,
    random: Random,
    lines: Lines,
    begun: u64,
    open: Vec<Open>,
    frames: u64,
    lost: u64,
}

/// When the first frame is captured, in seconds: 2026-03-02 09:00:00 UTC.
pub const BEGIN: u64 = 1_772_442_000;

impl Mix {
    /// Traffic of this shape.
    pub fn new(shape: Shape) -> Self {
        let mut random = Random::new(shape.seed);
        let lines = Lines::new(&mut random);
        Self { shape, random, lines, begun: 0, open: Vec::new(), frames: 0, lost: 0 }
    }

    /// Sessions begun so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Frames that are missing.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Writes the next frame into `frame`, and gives its time since 1970; `None` at the end.
    pub fn next_frame(&mut self, frame: &mut Vec<u8>) -> Option<Duration> {
        loop {
            while self.open.len() < self.shape.concurrency.max(1) && self.begun < self.shape.sessions {
                let segments = self.session();
                self.open.push(Open { segments, late: None });
            }
            if self.open.is_empty() {
                return None;
            }
            let at = self.random.below(self.open.len() as u64) as usize;
            if self.frame_of(at, frame) {
                let since = u128::from(self.frames) * 1_000_000_000 / u128::from(self.shape.rate.max(1));
                self.frames += 1;
                return Some(Duration::from_secs(BEGIN) + Duration::from_nanos(since as u64));
            }
        }
    }

    /// The next frame of an open session; `false` where there is none.
    fn frame_of(&mut self, at: usize, frame: &mut Vec<u8>) -> bool {
        frame.clear();
        let Open { segments, late } = &mut self.open[at];
        if let Some(late) = late.take() {
            *frame = late;
            return true;
        }
        if !segments.next_frame(frame) {
            self.open.swap_remove(at);
            return false;
        }
        let is_full = frame.len() == HEADERS + FULL;
        if is_full && self.random.is_one_in(self.shape.lost_every) {
            self.lost += 1;
            return false;
        }
        if is_full && self.random.is_one_in(self.shape.late_every) {
            let first = std::mem::take(frame);
            // After a full segment there is always another frame.
            segments.next_frame(frame);
            *late = Some(first);
        }
        true
    }

    fn octets(&mut self) -> usize {
        let (least, most) = (*self.shape.octets.start(), *self.shape.octets.end());
        let spread = (most.max(1) as f64 / least.max(1) as f64).ln();
        let octets = least as f64 * (spread * self.random.below(1 << 32) as f64 / (1_u64 << 32) as f64).exp();
        (octets as usize).clamp(least, most)
    }

    fn session(&mut self) -> Segments {
        let number = self.begun;
        self.begun += 1;
        let octets = self.octets();
        let Shape { transfer, target_every, .. } = self.shape;
        let is_target = target_every > 0 && number.is_multiple_of(target_every);
        let user = if is_target { "alice".to_owned() } else { format!("user-{}", self.random.below(100_000)) };
        let sender = if is_target { "alice@example.org".to_owned() } else { format!("{user}@example.net") };
        let recipient = format!("user-{}@example.com", self.random.below(100_000));
        let letter = Letter::new(octets, &sender, &recipient, &self.lines, &mut self.random);
        let protocols = &self.shape.protocols;
        let chosen = if protocols.len() > 1 { self.random.below(protocols.len() as u64) as usize } else { 0 };
        let protocol = protocols.get(chosen).copied().unwrap_or(Protocol::Smtp);
        let dialogue = match protocol {
            Protocol::Smtp => Dialogue::smtp(transfer, &sender, &recipient, &letter),
            Protocol::Pop3 => Dialogue::pop3(&user, &letter),
            Protocol::Imap => Dialogue::imap(&user, &letter),
        };
        let first = [self.random.number() as u32, self.random.number() as u32];
        Segments::new(dialogue, ends_at(number, protocol.port()), first)
    }
}

/// The ends of SMTP session `number`: no two of 15 thousand million sessions have the same.
pub fn ends(number: u64) -> Ends {
    ends_at(number, Protocol::Smtp.port())
}

fn ends_at(number: u64, port: u16) -> Ends {
    let host = 0x0a00_0000 | ((number / 60_000) & 0x00ff_ffff) as u32 | 1 << 20;
    let client = SocketAddrV4::new(Ipv4Addr::from_bits(host), 5_000 + (number % 60_000) as u16);
    Ends { client, server: SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 25), port) }
}
