//! `writ-wire` on a TCP connection whose truth is known: whatever the network and the tap do to its packets, no octet is told that
//! nobody sent; and where nothing was lost, every octet is told.
//!
//! After a header (settings, both initial sequence numbers) each step is an octet: what happens in its low four bits, who does
//! it, and in its high bits whether the packet is held back, fragmented, or cut by the capture.

use std::time::Duration;

use writ_wire::{Direction, Frame, Link, Settings, Time, Wire};

use crate::choices::Choices;
use crate::packets::{ACK, Ends, FIN, RST, SYN, Segment, fragments};
use crate::streams::{Checked, side};

/// The octet that a direction has at an offset.
fn truth(from: Direction, offset: u64) -> u8 {
    (offset.wrapping_mul(31) ^ offset >> 7) as u8 ^ if from == Direction::FromClient { 0 } else { 0xa5 }
}

struct Dialogue {
    wire: Wire<Checked>,
    streams: Checked,
    ends: Ends,
    now: Time,
    isn: [u32; 2],
    /// Octets of each direction that were sent.
    sent: [u64; 2],
    ended: [bool; 2],
    held_back: Vec<Vec<u8>>,
    /// Whether everything that was sent is captured sooner or later, before any patience ends.
    lossless: bool,
    identification: u16,
    /// Whether the connection can be over for whoever sees its packets: time passed, or an end said so.
    may_be_over: bool,
}

/// What becomes of a packet on its way.
#[derive(Clone, Copy)]
struct Way {
    held_back: bool,
    fragmented: bool,
    cut: u8,
}

impl Dialogue {
    fn new(choices: &mut Choices<'_>) -> Self {
        let bits = choices.octet();
        let host = |v4: &str, v6: &str| if bits & 1 == 0 { v4.parse() } else { v6.parse() }.expect("an address");
        let settings = Settings { hash_seed: Some(1), max_flows: 16, ..Settings::default() };
        let isn = [choices.quad(), choices.quad()];
        Self {
            wire: Wire::new(settings),
            streams: Checked { truth: Some(truth), ..Checked::default() },
            ends: Ends {
                client: host("192.0.2.1:40000", "[2001:db8::1]:40000"),
                server: host("198.51.100.2:25", "[2001:db8::2]:25"),
            },
            now: Time::from_parts(1_772_442_000, 0),
            isn,
            sent: [0; 2],
            ended: [false; 2],
            held_back: Vec::new(),
            lossless: true,
            identification: 0,
            may_be_over: false,
        }
    }

    fn capture(&mut self, packet: &[u8], cut: u8) {
        self.now = self.now.after(Duration::from_micros(1));
        let captured = packet.len().saturating_sub(cut.into());
        self.lossless &= captured == packet.len();
        let frame =
            Frame { time: self.now, link: Link::RawIp, octets: &packet[..captured], wire_len: packet.len() as u32 };
        self.wire.frame(&frame, &mut self.streams);
    }

    fn send(&mut self, segment: &Segment<'_>, way: Way) {
        let packet = self.ends.packet(segment);
        self.identification = self.identification.wrapping_add(1);
        // Only what has a payload is ever fragmented: a cut at 32 leaves TCP's header whole, as RFC 1858 wants it.
        let pieces = if way.fragmented { fragments(&packet, 32, self.identification) } else { None };
        for packet in pieces.map_or_else(|| vec![packet], Vec::from) {
            if way.held_back {
                self.held_back.push(packet);
            } else {
                self.capture(&packet, way.cut);
            }
        }
    }

    fn seq(&self, from: Direction, offset: u64) -> u32 {
        self.isn[side(from)].wrapping_add(1).wrapping_add(offset as u32)
    }

    /// What `from` acknowledges: all that the other end sent, its FIN included.
    fn ack(&self, from: Direction) -> u32 {
        let other = from.flip();
        self.seq(other, self.sent[side(other)] + u64::from(self.ended[side(other)]))
    }

    fn say(&mut self, from: Direction, at: u64, length: usize, flags: u8, way: Way) {
        let payload: Vec<u8> = (at..).take(length).map(|at| truth(from, at)).collect();
        let segment = Segment { from, seq: self.seq(from, at), ack: self.ack(from), flags, payload: &payload };
        self.send(&segment, way);
    }

    fn handshake(&mut self) {
        let plain = Way { held_back: false, fragmented: false, cut: 0 };
        let [client, server] = self.isn;
        let steps = [
            (Direction::FromClient, client, 0, SYN),
            (Direction::FromServer, server, client.wrapping_add(1), SYN | ACK),
            (Direction::FromClient, client.wrapping_add(1), server.wrapping_add(1), ACK),
        ];
        for (from, seq, ack, flags) in steps {
            self.send(&Segment { from, seq, ack, flags, payload: &[] }, plain);
        }
    }

    /// Nothing can be said of what comes after octets that one end made up, or a number that starts anew.
    fn distrust(&mut self) {
        self.streams.truth = None;
        self.lossless = false;
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let bits = choices.octet();
        let from = if bits & 0x10 == 0 { Direction::FromClient } else { Direction::FromServer };
        let here = side(from);
        let way = Way {
            held_back: bits & 0x20 != 0,
            fragmented: bits & 0x40 != 0,
            cut: if bits & 0x80 == 0 { 0 } else { choices.octet() % 64 },
        };
        match bits & 15 {
            0..=3 if !self.ended[here] => {
                let length = if bits & 3 == 3 { choices.pair() % 1461 } else { choices.octet().into() };
                let at = self.sent[here];
                // What it says was sent before the acknowledgement in it counts.
                self.sent[here] += u64::from(length);
                self.say(from, at, length.into(), ACK, way);
            }
            0..=3 | 4 => self.say(from, self.sent[here] + u64::from(self.ended[here]), 0, ACK, way),
            5 => {
                let back = u64::from(choices.pair()).min(self.sent[here]);
                let length = u64::from(choices.pair() % 1461).min(back);
                self.say(from, self.sent[here] - back, length as usize, ACK, way);
            }
            6 if !self.ended[here] => {
                self.sent[here] += u64::from(choices.pair());
                self.lossless = false;
            }
            7 if !self.held_back.is_empty() => {
                let at = usize::from(choices.octet()) % self.held_back.len();
                let packet = self.held_back.remove(at);
                self.capture(&packet, way.cut);
            }
            8 => {
                let millis = u64::from(choices.octet()).pow(2);
                self.lossless &= millis < 10;
                self.may_be_over |= millis >= 10;
                self.now = self.now.after(Duration::from_millis(millis));
                self.wire.tick(self.now, &mut self.streams);
            }
            9 if !self.ended[here] => {
                let at = self.sent[here];
                self.say(from, at, 0, ACK | FIN, way);
                self.ended[here] = true;
                self.may_be_over = true;
            }
            10 => {
                self.lossless = false;
                self.may_be_over = true;
                let seq = self.seq(from, self.sent[here] + u64::from(self.ended[here]));
                let segment = Segment { from, seq, ack: self.ack(from), flags: RST | ACK, payload: &[] };
                self.send(&segment, way);
            }
            // A keep-alive probe: the octet before the next one, or none.
            11 => {
                let length = usize::from(choices.octet() & 1).min(self.sent[here] as usize);
                match self.sent[here].checked_sub(1) {
                    Some(before) => self.say(from, before, length, ACK, way),
                    None => {
                        let segment =
                            Segment { from, seq: self.isn[here], ack: self.ack(from), flags: ACK, payload: &[] };
                        self.send(&segment, way);
                    }
                }
            }
            12 => self.forge(from, choices, way),
            13 => {
                self.distrust();
                self.isn = [choices.quad(), choices.quad()];
                self.sent = [0; 2];
                self.ended = [false; 2];
                self.handshake();
            }
            14 => {
                // After the end it begins a connection, of which the server's beginning is never captured.
                if self.may_be_over {
                    self.distrust();
                }
                let way = Way { held_back: false, ..way };
                let segment =
                    Segment { from: Direction::FromClient, seq: self.isn[0], ack: 0, flags: SYN, payload: &[] };
                self.send(&segment, way);
            }
            _ => {}
        }
    }

    /// A segment that neither end sent, near the window or anywhere.
    fn forge(&mut self, from: Direction, choices: &mut Choices<'_>, way: Way) {
        self.distrust();
        let flags = choices.octet();
        let near = |distance: u16| i32::from(distance as i16) as u32;
        let seq = self.seq(from, self.sent[side(from)]).wrapping_add(near(choices.pair()));
        let ack = self.ack(from).wrapping_add(near(choices.pair()));
        let payload = vec![0xee; usize::from(choices.octet())];
        self.send(&Segment { from, seq, ack, flags, payload: &payload }, way);
    }
}

/// Runs an input.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut dialogue = Dialogue::new(&mut choices);
    dialogue.handshake();
    while !choices.is_empty() {
        dialogue.step(&mut choices);
    }
    for packet in std::mem::take(&mut dialogue.held_back) {
        dialogue.capture(&packet, 0);
    }
    let Dialogue { mut wire, mut streams, now, sent, lossless, .. } = dialogue;
    wire.finish(now, &mut streams);
    assert_eq!((streams.open(), wire.open_flows(), wire.held_octets()), (0, 0, 0), "all is over at the end");
    if lossless {
        assert_eq!(streams.told.len(), 1, "one connection");
        assert_eq!(streams.told[0].next, sent, "every octet was told");
        assert_eq!(streams.told[0].missing, [0; 2], "no octet was missing");
    }
}
