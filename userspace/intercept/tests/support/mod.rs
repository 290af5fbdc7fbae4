//! What the tests share: warrants in few words, dialogues as packets, and records as text.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

pub mod packet;
pub mod shown;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use packet::{ACK, FIN, RST, SYN};
use writ_intercept::address::Form;
use writ_intercept::record::{CcFormat, Cin, Deliver, Mandate};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Interception, Settings, Target, TargetIndex, Warrant};
use writ_wire::{Direction, Frame, Link, Time, Wire};

pub use writ_wire::Direction::{FromClient, FromServer};

/// The second at which every dialogue starts.
pub const START: u64 = 1_700_000_000;

/// So many seconds into the dialogue.
pub fn at(seconds: u64) -> Time {
    Time::from_parts(START + seconds, 0)
}

pub fn email(address: &str) -> Target {
    Target::Email(address.into())
}

pub fn login(name: &str) -> Target {
    Target::Login(name.into())
}

pub fn ip(prefix: &str) -> Target {
    let (address, length) = prefix.split_once('/').unwrap_or((prefix, ""));
    let address: std::net::IpAddr = address.parse().unwrap();
    let whole = if address.is_ipv4() { 32 } else { 128 };
    Target::Ip(address, length.parse().unwrap_or(whole))
}

/// A warrant for IRI without authentication data, for a day.
pub fn iri(liid: &str, targets: impl IntoIterator<Item = Target>) -> Warrant {
    let warrant = Warrant {
        mandate: Arc::new(Mandate { liid: liid.into(), authorization_country: "NL".into(), lemf: 0 }),
        start: at(0),
        end: at(86_400),
        deliver: Deliver::Iri,
        cc_format: CcFormat::Application,
        authentication_data: AuthenticationData::None,
        report_failed_sends: false,
        form: Form::default(),
        targets: targets.into_iter().collect(),
        revoked: AtomicBool::new(false),
    };
    warrant.check().unwrap();
    warrant
}

/// The same, for content too.
pub fn cc(liid: &str, targets: impl IntoIterator<Item = Target>) -> Warrant {
    Warrant { deliver: Deliver::IriAndCc, ..iri(liid, targets) }
}

/// The same, content as IP packets.
pub fn packets(liid: &str, targets: impl IntoIterator<Item = Target>) -> Warrant {
    Warrant { cc_format: CcFormat::IpPacket, ..cc(liid, targets) }
}

/// Numbers from 0.
#[derive(Default)]
pub struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        let next = self.0.get();
        self.0.set(next + 1);
        Cin(next)
    }
}

/// What is tested, with nothing behind it.
pub type Room = Interception<Cins>;

/// One with these warrants in force.
pub fn room(warrants: Vec<Warrant>) -> Room {
    let index = TargetIndex::new(warrants.into_iter().map(Arc::new).collect());
    Interception::new(Arc::new(index), Arc::default(), Cins::default())
}

/// A connection, as the tap sees it.
pub struct Play {
    wire: Wire<Room>,
    pub room: Room,
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// The next sequence number of each end, the client's first.
    next: [u32; 2],
    /// The time of the next packet.
    pub now: Time,
    /// Which direction the tap does not see.
    pub unseen: Option<Direction>,
    /// Whether each segment is acknowledged by a packet of its own.
    pub acknowledged: bool,
    /// Every IP packet that was captured.
    pub captured: Vec<Vec<u8>>,
}

/// Another connection that the tap sees.
pub struct Line {
    client: SocketAddr,
    server: SocketAddr,
    next: [u32; 2],
    is_open: bool,
}

impl Line {
    pub fn between(client: &str, server: &str) -> Self {
        Self { client: client.parse().unwrap(), server: server.parse().unwrap(), next: [9_000, 7_000], is_open: false }
    }
}

impl Play {
    fn swap_line(&mut self, line: &mut Line) {
        std::mem::swap(&mut self.client, &mut line.client);
        std::mem::swap(&mut self.server, &mut line.server);
        std::mem::swap(&mut self.next, &mut line.next);
    }

    /// Something happens on another connection, which is opened by it.
    #[must_use]
    pub fn on(mut self, line: &mut Line, happens: impl FnOnce(Self) -> Self) -> Self {
        self.swap_line(line);
        if !std::mem::replace(&mut line.is_open, true) {
            self = self.open();
        }
        self = happens(self);
        self.swap_line(line);
        self
    }

    /// Something is said there.
    #[must_use]
    pub fn say_on(self, line: &mut Line, script: &str) -> Self {
        self.on(line, |play| play.say(script))
    }

    pub fn new(warrants: Vec<Warrant>) -> Self {
        let idle_time = Duration::from_secs(3600);
        let settings =
            writ_wire::Settings { max_flows: 1000, hash_seed: Some(7), idle_time, ..writ_wire::Settings::default() };
        Self {
            wire: Wire::new(settings),
            room: room(warrants),
            client: "192.0.2.10:40000".parse().unwrap(),
            server: "198.51.100.25:25".parse().unwrap(),
            next: [1_000, 5_000],
            now: at(0),
            unseen: None,
            acknowledged: false,
            captured: Vec::new(),
        }
    }

    pub fn between(self, client: &str, server: &str) -> Self {
        Self { client: client.parse().unwrap(), server: server.parse().unwrap(), ..self }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.room.settings));
        self
    }

    /// Opens the connection at second 0.
    pub fn open(mut self) -> Self {
        self.raw(FromClient, SYN, b"");
        self.raw(FromServer, SYN | ACK, b"");
        self.raw(FromClient, ACK, b"");
        self
    }

    /// A whole dialogue, ended by the client's FIN, and the capture's end.
    pub fn run(warrants: Vec<Warrant>, script: &str) -> Self {
        Self::new(warrants).open().say(script).fin().finish()
    }

    /// The next sequence number of an end.
    pub fn next(&self, from: Direction) -> u32 {
        self.next[Self::side(from)]
    }

    fn side(from: Direction) -> usize {
        usize::from(from == FromServer)
    }

    /// One packet, captured now.
    pub fn raw(&mut self, from: Direction, flags: u8, payload: &[u8]) {
        let here = Self::side(from);
        let (seq, ack) = (self.next[here], self.next[1 - here]);
        self.packet(from, seq, ack, flags, payload);
        let taken = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[here] = seq.wrapping_add(taken);
    }

    pub fn packet(&mut self, from: Direction, seq: u32, ack: u32, flags: u8, payload: &[u8]) {
        if self.unseen == Some(from) {
            return;
        }
        let (source, destination) =
            if from == FromClient { (self.client, self.server) } else { (self.server, self.client) };
        let packet = packet::tcp(source, destination, seq, ack, flags, payload);
        self.frame(&packet);
        self.captured.push(packet);
    }

    /// An IP packet as it is.
    pub fn frame(&mut self, packet: &[u8]) {
        let frame = Frame { time: self.now, link: Link::RawIp, octets: packet, wire_len: packet.len() as u32 };
        self.wire.frame(&frame, &mut self.room);
    }

    /// One segment, a second after the last.
    pub fn send(&mut self, from: Direction, payload: &[u8]) {
        self.now = self.now.after(Duration::from_secs(1));
        self.raw(from, ACK, payload);
        if self.acknowledged {
            self.raw(from.flip(), ACK, b"");
        }
    }

    /// `C: line` and `S: line`; neighbouring lines of one end are one segment, unless `--` stands between them. `@9` sets the
    /// time of the next segment. `\\` stands for no line end, and nothing else is read specially.
    #[must_use]
    pub fn say(mut self, script: &str) -> Self {
        self.speak(script);
        self
    }

    pub fn speak(&mut self, script: &str) {
        let mut turn: Option<(Direction, Vec<u8>)> = None;
        for line in script.lines().map(str::trim_start).chain(["--"]) {
            let from = match line.get(..2) {
                Some("C:") => Some(FromClient),
                Some("S:") => Some(FromServer),
                _ => None,
            };
            if let Some((said_by, said)) = turn.take_if(|(said_by, _)| from != Some(*said_by)) {
                self.send(said_by, &said);
            }
            if let Some(seconds) = line.strip_prefix('@') {
                self.now = at(seconds.trim().parse::<u64>().unwrap() - 1);
            }
            if let Some(from) = from {
                let text = &line[2..];
                let text = text.strip_prefix(' ').unwrap_or(text);
                let text = text.strip_suffix('\\').map_or_else(|| format!("{text}\r\n"), str::to_owned);
                turn.get_or_insert((from, Vec::new())).1.extend(text.into_bytes());
            }
        }
    }

    /// Octets that the tap misses.
    pub fn lose(&mut self, from: Direction, octets: usize) {
        let here = Self::side(from);
        self.next[here] = self.next[here].wrapping_add(octets as u32);
        self.now = self.now.after(Duration::from_secs(1));
    }

    /// Both ends end the connection, a second after the last packet.
    #[must_use]
    pub fn fin(mut self) -> Self {
        self.now = self.now.after(Duration::from_secs(1));
        self.raw(FromClient, FIN | ACK, b"");
        self.raw(FromServer, FIN | ACK, b"");
        self.raw(FromClient, ACK, b"");
        self
    }

    /// One end resets it.
    #[must_use]
    pub fn rst(mut self, from: Direction) -> Self {
        self.now = self.now.after(Duration::from_secs(1));
        self.raw(from, RST | ACK, b"");
        self
    }

    /// Nothing happens for so long.
    #[must_use]
    pub fn pass(mut self, seconds: u64) -> Self {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.wire.tick(self.now, &mut self.room);
        self
    }

    /// The capture ends.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.wire.finish(self.now, &mut self.room);
        shown::check(&self.room.records);
        self
    }

    /// Other warrants are in force from now on.
    pub fn swap(&mut self, warrants: Vec<Arc<Warrant>>) {
        self.room.index = Arc::new(TargetIndex::new(warrants));
    }
}
