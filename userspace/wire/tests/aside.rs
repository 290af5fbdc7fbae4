//! Connections that are let go: the orders for it, and how they are read on when they come back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::time::Duration;

use support::{ACK, FIN, FromClient, FromServer, Pair, RST, SYN, small};
use writ_filter::ports::{MAIL, set_of};
use writ_filter::{flow, looked_at};
use writ_wire::{Close, Connection, Direction, Frame, Link, Order, Packet, Settings, Streams, Time, Wire};

/// Writes down what it is told; what is wanted is for the test to say.
#[derive(Default)]
struct Listener {
    is_unwanted: bool,
    octets: Vec<(Direction, u64, Vec<u8>)>,
    aside: Vec<(Direction, u64)>,
    gaps: u64,
    closed: Vec<Close>,
}

impl Streams for Listener {
    type Session = ();

    fn open(&mut self, _: &Connection, _: Time) {}

    fn packet(&mut self, (): &mut (), _: &Packet<'_>) {}

    fn octets(&mut self, (): &mut (), from: Direction, _: Time, offset: u64, octets: &[u8]) {
        self.octets.push((from, offset, octets.to_vec()));
    }

    fn gap(&mut self, (): &mut (), _: Direction, _: Time, _: u64, length: u64) {
        self.gaps += length;
    }

    fn is_unwanted(&self, (): &()) -> bool {
        self.is_unwanted
    }

    fn aside(&mut self, (): &mut (), from: Direction, length: u64) {
        self.aside.push((from, length));
    }

    fn close(&mut self, (): (), _: &Connection, _: Time, how: Close) {
        self.closed.push(how);
    }
}

/// A connection whose handshake was seen, and one segment of each end.
struct Tap {
    wire: Wire<Listener>,
    listener: Listener,
    pair: Pair,
    now: Time,
}

impl Tap {
    fn new(settings: Settings) -> Self {
        let mut tap = Self {
            wire: Wire::new(settings),
            listener: Listener::default(),
            pair: Pair::default(),
            now: Time::from_parts(1_772_442_000, 0),
        };
        tap.segment(FromClient, 100, 0, SYN, b"");
        tap.segment(FromServer, 900, 101, SYN | ACK, b"");
        tap.segment(FromClient, 101, 901, ACK, b"hello");
        tap.segment(FromServer, 901, 106, ACK, b"hi");
        tap
    }

    fn segment(&mut self, from: Direction, seq: u32, ack: u32, flags: u8, payload: &[u8]) {
        let octets = self.pair.packet(from, seq, ack, flags, payload);
        let frame = Frame { time: self.now, link: Link::RawIp, octets: &octets, wire_len: octets.len() as u32 };
        self.wire.frame(&frame, &mut self.listener);
        self.now = self.now.after(Duration::from_micros(10));
    }

    fn orders(&mut self) -> Vec<Order> {
        self.wire.orders().collect()
    }

    /// The key that the XDP program has of the connection.
    fn key(&self) -> flow::FlowKey {
        let packet = self.pair.packet(FromServer, 1, 1, ACK, b"");
        let frame = [vec![0; 12], vec![8, 0], packet].concat();
        let (_, mail) = looked_at(&frame[..], &set_of(&MAIL));
        flow::segment_of(&frame[..], mail.ip, mail.tcp).unwrap().key
    }

    /// Lets it go; both ends' numbers as they must be in the order.
    fn let_go(&mut self) {
        self.listener.is_unwanted = true;
        self.segment(FromClient, 106, 903, ACK, b"!");
        let low_is_client = self.pair.client.ip() <= self.pair.server.ip();
        let reached = if low_is_client { (107, 903) } else { (903, 107) };
        assert_eq!(self.orders(), [Order::LetGo { key: self.key(), reached }]);
    }
}

fn settings() -> Settings {
    Settings { let_go: true, ..small() }
}

#[test]
fn what_nobody_wants_is_let_go_once_and_comes_back_with_its_end() {
    let mut tap = Tap::new(settings());
    assert_eq!(tap.orders(), [], "it is wanted");
    tap.let_go();
    // Packets that were under way.
    tap.segment(FromServer, 903, 107, ACK, b"more");
    assert_eq!(tap.orders(), []);
    // 93 octets of the client and 193 of the server went by.
    tap.segment(FromClient, 200, 1100, ACK | FIN, b"");
    assert_eq!(tap.orders(), [Order::TakeBack(tap.key())]);
    tap.segment(FromServer, 1100, 201, ACK | FIN, b"");
    tap.segment(FromClient, 201, 1101, ACK, b"");
    assert_eq!(tap.listener.aside, [(FromClient, 93), (FromServer, 193)]);
    assert_eq!((tap.listener.gaps, &tap.listener.closed[..]), (0, &[Close::Fin][..]));
    assert_eq!(tap.orders(), [], "it was taken back already");
    let counters = tap.wire.counters();
    assert_eq!((counters.flows_let_go, counters.let_go_octets, counters.gaps), (1, 286, 0));
    assert_eq!(counters.retransmitted_octets, 0);
}

#[test]
fn what_comes_in_all_the_same_is_let_go_again_after_a_second() {
    let mut tap = Tap::new(settings());
    tap.let_go();
    tap.now = tap.now.after(Duration::from_millis(999));
    tap.segment(FromServer, 5000, 107, ACK, b"x");
    assert_eq!(tap.orders(), []);
    tap.now = tap.now.after(Duration::from_millis(2));
    tap.segment(FromServer, 5001, 107, ACK, b"x");
    assert!(matches!(tap.orders()[..], [Order::LetGo { .. }]));
    assert_eq!(tap.wire.counters().flows_let_go, 1, "it is the same one");
}

#[test]
fn what_comes_to_be_wanted_is_read_from_where_it_is() {
    let mut tap = Tap::new(settings());
    tap.let_go();
    tap.listener.is_unwanted = false;
    tap.segment(FromClient, 1_000, 2_000, ACK, b"wanted");
    // Under way when the client's packet was sent, so not acknowledged in it.
    tap.segment(FromServer, 2_500, 1_006, ACK, b"too");
    assert_eq!(tap.orders(), [Order::TakeBack(tap.key())]);
    let read: Vec<_> = tap.listener.octets.iter().map(|(_, _, octets)| &octets[..]).collect();
    assert_eq!(read, [&b"hello"[..], b"hi", b"!", b"wanted", b"too"]);
    assert_eq!(tap.listener.octets[3].1, 899, "offsets count what went by");
    assert_eq!(tap.listener.aside, [(FromClient, 893), (FromServer, 1_097), (FromServer, 500)]);
    // From here on what is missing is a gap.
    tap.segment(FromServer, 2_600, 1_006, ACK, b"after a gap");
    tap.segment(FromClient, 1_006, 2_611, ACK, b"");
    tap.wire.finish(tap.now, &mut tap.listener);
    assert_eq!(tap.listener.gaps, 97);
}

#[test]
fn every_end_takes_it_back() {
    let mut reset = Tap::new(settings());
    reset.let_go();
    reset.segment(FromServer, 4_000, 2_000, ACK | RST, b"");
    assert_eq!(reset.orders(), [Order::TakeBack(reset.key())]);
    let mut silent = Tap::new(settings());
    silent.let_go();
    silent.wire.tick(silent.now.after(Duration::from_secs(2 * 86_400)), &mut silent.listener);
    assert_eq!(silent.orders(), [Order::TakeBack(silent.key())]);
    assert_eq!(silent.listener.closed, [Close::Idle]);
    // The ports are used again.
    let mut reused = Tap::new(settings());
    reused.let_go();
    reused.segment(FromClient, 70_000, 0, SYN, b"");
    reused.segment(FromServer, 80_000, 70_001, SYN | ACK, b"");
    assert_eq!(reused.orders(), [Order::TakeBack(reused.key())]);
    assert_eq!((&reused.listener.closed[..], reused.listener.aside.len()), (&[Close::Reused][..], 0));
}

#[test]
fn nothing_is_let_go_unless_it_is_set_or_where_vlans_tell_connections_apart() {
    for settings in [small(), Settings { vlan_in_key: true, ..settings() }] {
        let mut tap = Tap::new(settings);
        tap.listener.is_unwanted = true;
        tap.segment(FromClient, 106, 903, ACK, b"!");
        assert_eq!(tap.orders(), []);
    }
}
