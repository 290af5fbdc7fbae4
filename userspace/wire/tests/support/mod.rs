//! What the tests share: packets made by hand, and a reader that writes down what it is given.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod captures;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use writ_wire::{Close, Connection, Direction, Flags, Frame, Link, Packet, Settings, Streams, Time, Wire};

pub use writ_wire::Direction::{FromClient, FromServer};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

/// What a [`Recorder`] was told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Octets { from: Direction, offset: u64, octets: Vec<u8> },
    Gap { from: Direction, offset: u64, length: u64 },
    End { from: Direction, offset: u64 },
    Close(Close),
}

/// One connection as it was told.
#[derive(Clone)]
pub struct Told {
    pub connection: Connection,
    pub events: Vec<Event>,
    pub packets: u64,
    /// What packets came in that did not come whole: time, octets, and what of the packet's octets each stands for.
    pub fragments: Vec<(Time, Vec<u8>, Vec<u8>)>,
    /// Offset and length of every payload, by direction, and what was acknowledged.
    pub seen: Vec<(Direction, u64, usize, Option<u64>)>,
    pub closed_at: Option<Time>,
}

impl Told {
    /// The octets of a direction; those of a gap as `None`. Checks that offsets have no hole and no overlap.
    pub fn stream(&self, of: Direction) -> Vec<Option<u8>> {
        let mut stream = Vec::new();
        for event in &self.events {
            match event {
                Event::Octets { from, offset, octets } if *from == of => {
                    assert_eq!(*offset, stream.len() as u64, "octets follow what was delivered");
                    assert!(!octets.is_empty());
                    stream.extend(octets.iter().copied().map(Some));
                }
                Event::Gap { from, offset, length } if *from == of => {
                    assert_eq!(*offset, stream.len() as u64, "a gap follows what was delivered");
                    assert_ne!(*length, 0);
                    stream.extend(std::iter::repeat_n(None, *length as usize));
                }
                _ => {}
            }
        }
        stream
    }

    /// The octets of a direction that has no gap.
    pub fn text(&self, of: Direction) -> String {
        let octets: Vec<u8> = self.stream(of).into_iter().map(|octet| octet.expect("no gap")).collect();
        String::from_utf8(octets).unwrap()
    }

    /// Who spoke, in what order, with neighbouring octets of one direction put together; a gap is `#` times its length.
    pub fn script(&self) -> Vec<(Direction, String)> {
        let mut script: Vec<(Direction, String)> = Vec::new();
        for event in &self.events {
            let (from, text) = match event {
                Event::Octets { from, octets, .. } => (*from, String::from_utf8_lossy(octets).into_owned()),
                Event::Gap { from, length, .. } => (*from, "#".repeat(*length as usize)),
                _ => continue,
            };
            match script.last_mut() {
                Some((last, said)) if *last == from => said.push_str(&text),
                _ => script.push((from, text)),
            }
        }
        script
    }

    pub fn gap_octets(&self, of: Direction) -> usize {
        self.stream(of).iter().filter(|octet| octet.is_none()).count()
    }

    pub fn close(&self) -> Option<Close> {
        self.events.iter().find_map(|event| if let Event::Close(how) = event { Some(*how) } else { None })
    }

    pub fn ends(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::End { .. })).count()
    }
}

/// Writes down what it is told. A session is an index into `told`.
#[derive(Default)]
pub struct Recorder {
    pub told: Vec<Told>,
}

impl Streams for Recorder {
    type Session = usize;

    fn open(&mut self, connection: &Connection, _time: Time) -> usize {
        let told = Told {
            connection: *connection,
            events: Vec::new(),
            packets: 0,
            fragments: Vec::new(),
            seen: Vec::new(),
            closed_at: None,
        };
        self.told.push(told);
        self.told.len() - 1
    }

    fn packet(&mut self, session: &mut usize, packet: &Packet<'_>) {
        assert_eq!(&packet.ip[packet.payload_at..packet.payload_at + packet.payload.len()], packet.payload);
        let told = &mut self.told[*session];
        assert_eq!(told.close(), None, "nothing after the close");
        told.packets += 1;
        told.fragments.extend(packet.fragments.iter().map(|fragment| {
            let part = packet.ip.get(fragment.at..).unwrap_or_default();
            let length = (fragment.ip.len() - fragment.payload_at).min(part.len());
            (fragment.time, fragment.ip.to_vec(), part[..length].to_vec())
        }));
        told.seen.push((packet.from, packet.offset, packet.payload.len(), packet.acknowledges));
    }

    fn octets(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64, octets: &[u8]) {
        self.told[*session].events.push(Event::Octets { from, offset, octets: octets.to_vec() });
    }

    fn gap(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64, length: u64) {
        self.told[*session].events.push(Event::Gap { from, offset, length });
    }

    fn end(&mut self, session: &mut usize, from: Direction, _time: Time, offset: u64) {
        self.told[*session].events.push(Event::End { from, offset });
    }

    fn close(&mut self, session: usize, connection: &Connection, time: Time, how: Close) {
        let told = &mut self.told[session];
        assert!(told.connection == *connection);
        assert_eq!(told.close(), None, "closed once");
        told.events.push(Event::Close(how));
        told.closed_at = Some(time);
    }
}

/// The two ends of a connection that packets are made for.
#[derive(Clone, Copy)]
pub struct Pair {
    pub client: SocketAddr,
    pub server: SocketAddr,
}

impl Default for Pair {
    fn default() -> Self {
        Self { client: "192.0.2.1:40000".parse().unwrap(), server: "198.51.100.2:25".parse().unwrap() }
    }
}

impl Pair {
    pub fn v6() -> Self {
        Self { client: "[2001:db8::1]:40000".parse().unwrap(), server: "[2001:db8::2]:25".parse().unwrap() }
    }

    /// An IP packet.
    pub fn packet(&self, from: Direction, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (source, destination) = match from {
            FromClient => (self.client, self.server),
            FromServer => (self.server, self.client),
        };
        let mut tcp = Vec::new();
        tcp.extend(source.port().to_be_bytes());
        tcp.extend(destination.port().to_be_bytes());
        tcp.extend(seq.to_be_bytes());
        tcp.extend(ack.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        ip(source.ip(), destination.ip(), 6, &tcp)
    }
}

/// The Internet checksum of pieces of even length.
pub fn checksum(octets: &[u8]) -> u16 {
    let mut sum: u32 =
        octets.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |o| u32::from(*o))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IP packet around a transport payload; a TCP checksum is filled in.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    let length = payload.len() as u16;
    let (mut packet, mut sum) = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut head = vec![0x45, 0];
            head.extend((length + 20).to_be_bytes());
            head.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
            head.extend(source.octets());
            head.extend(destination.octets());
            let sum = checksum(&head);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
            (head, [source.octets(), destination.octets()].concat())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut head = vec![0x60, 0, 0, 0];
            head.extend(length.to_be_bytes());
            head.extend([protocol, 64]);
            head.extend(source.octets());
            head.extend(destination.octets());
            (head, [source.octets(), destination.octets()].concat())
        }
        _ => panic!("two families"),
    };
    if protocol == 6 && payload.len() >= 20 {
        sum.extend([0, protocol]);
        sum.extend(length.to_be_bytes());
        sum.extend(&payload);
        let sum = checksum(&sum);
        payload[16..18].copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// A room with a recorder behind it, and a clock.
pub struct Tap {
    pub wire: Wire<Recorder>,
    pub recorder: Recorder,
    pub pair: Pair,
    pub now: Time,
}

/// Settings with a small table, since each test makes its own.
pub fn small() -> Settings {
    Settings { max_flows: 1000, hash_seed: Some(7), ..Settings::default() }
}

impl Default for Tap {
    fn default() -> Self {
        Self::new(small())
    }
}

impl Tap {
    pub fn new(settings: Settings) -> Self {
        Self {
            wire: Wire::new(settings),
            recorder: Recorder::default(),
            pair: Pair::default(),
            now: Time::from_parts(1_700_000_000, 0),
        }
    }

    /// A frame a millisecond after the last.
    pub fn frame(&mut self, link: Link, octets: &[u8]) {
        self.cut(link, octets, octets.len());
    }

    /// The same, of which only a part was captured.
    pub fn cut(&mut self, link: Link, octets: &[u8], captured: usize) {
        self.now = self.now.after(Duration::from_millis(1));
        let frame = Frame { time: self.now, link, octets: &octets[..captured], wire_len: octets.len() as u32 };
        self.wire.frame(&frame, &mut self.recorder);
    }

    pub fn send(&mut self, from: Direction, seq: u32, ack: u32, flags: u8, payload: &str) {
        let packet = self.pair.packet(from, seq, ack, flags, payload.as_bytes());
        self.frame(Link::RawIp, &packet);
    }

    /// A handshake: the client's octets start at 1001, the server's at 5001.
    pub fn handshake(&mut self) {
        self.send(FromClient, 1000, 0, SYN, "");
        self.send(FromServer, 5000, 1001, SYN | ACK, "");
        self.send(FromClient, 1001, 5001, ACK, "");
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.wire.tick(self.now, &mut self.recorder);
    }

    /// Ends the capture and gives what was told of the only connection.
    pub fn only(mut self) -> Told {
        self.finish();
        assert_eq!(self.recorder.told.len(), 1, "one connection");
        self.recorder.told.remove(0)
    }

    /// Ends the capture, and checks what must hold of any.
    pub fn finish(&mut self) {
        self.wire.finish(self.now, &mut self.recorder);
        assert_eq!(self.wire.held_octets(), 0);
        assert_eq!(self.wire.open_flows(), 0);
        let counters = self.wire.counters();
        assert_eq!(counters.classes(), counters.frames, "each frame is in one class: {counters:?}");
        let closed = counters.flows_closed_fin
            + counters.flows_closed_reset
            + counters.flows_closed_idle
            + counters.flows_closed_reused
            + counters.flows_closed_shutdown
            + counters.flows_evicted;
        assert_eq!(counters.flows_opened, closed, "each flow is closed once: {counters:?}");
        assert!(self.recorder.told.iter().all(|told| told.close().is_some()));
        let (mut octets, mut gaps) = (0, 0);
        for event in self.recorder.told.iter().flat_map(|told| &told.events) {
            match event {
                Event::Octets { octets: more, .. } => octets += more.len() as u64,
                Event::Gap { length, .. } => gaps += length,
                _ => {}
            }
        }
        assert_eq!((counters.delivered_octets, counters.gap_octets), (octets, gaps));
    }
}

pub fn flags(of: u8) -> Flags {
    Flags(of)
}
