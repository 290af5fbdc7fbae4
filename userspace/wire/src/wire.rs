//! The room's front: frames in, streams out.

use std::time::Duration;

use writ_filter::{Carried, protocol};

use crate::aside::Order;
use crate::fragment::{Fragments, Outcome};
use crate::link::Located;
use crate::streams::Fragment;
use crate::tick::Ticks;
use crate::tracker::Tracker;
use crate::{Counters, Frame, Link, Settings, Streams, Time, ip, link, tcp};

/// How often, in time of packets, the tables are looked through for what is late when nobody calls [`Wire::tick`].
const SWEEP: Duration = Duration::from_millis(250);

/// How often a packet that was put together may bring, in its tunnel, a fragment of another.
const NESTED_FRAGMENTS: u32 = 2;

/// The decoder, the fragments, and the flow table of one worker.
///
/// Every frame is read to its end before the next: no queue, no thread. In-order octets are handed on where they lie in the
/// frame; only what came before something missing is copied.
pub struct Wire<S: Streams> {
    settings: Settings,
    counters: Counters,
    fragments: Fragments,
    tracker: Tracker<S>,
    swept: Time,
    ticks: Ticks,
}

/// What became of a frame: one of the classes of [`Counters`].
enum Class {
    NotIp,
    NotTcp,
    NotMail,
    MalformedLink,
    MalformedIp,
    MalformedTcp,
    ChecksumError,
    FragmentPending,
    Segment,
}

impl<S: Streams> Wire<S> {
    /// An empty one.
    pub fn new(settings: Settings) -> Self {
        let tracker = Tracker::new(&settings);
        Self {
            settings,
            counters: Counters::default(),
            fragments: Fragments::default(),
            tracker,
            swept: Time::MIN,
            ticks: Ticks::default(),
        }
    }

    /// Reads a frame, and calls `streams` for what it brings.
    pub fn frame(&mut self, frame: &Frame<'_>, streams: &mut S) {
        let frame = &Frame { time: self.ticks.next(frame.time), ..*frame };
        self.counters.frames += 1;
        self.counters.octets += frame.octets.len() as u64;
        self.counters.truncated += u64::from(frame.octets.len() < frame.wire_len as usize);
        self.tracker.advance_clock(frame.time, &self.settings, &mut self.counters, streams);
        self.swept = self.swept.min(self.tracker.now());
        if self.tracker.now().since(self.swept) >= SWEEP {
            self.tick(self.tracker.now(), streams);
        }
        let counter = match self.read(frame, streams) {
            Class::NotIp => &mut self.counters.not_ip,
            Class::NotTcp => &mut self.counters.not_tcp,
            Class::NotMail => &mut self.counters.not_mail,
            Class::MalformedLink => &mut self.counters.malformed_link,
            Class::MalformedIp => &mut self.counters.malformed_ip,
            Class::MalformedTcp => &mut self.counters.malformed_tcp,
            Class::ChecksumError => &mut self.counters.checksum_errors,
            Class::FragmentPending => &mut self.counters.fragments_pending,
            Class::Segment => &mut self.counters.segments,
        };
        *counter += 1;
    }

    /// Ends what has waited for long enough. To be called when there is nothing to read, and once a batch: it costs next to
    /// nothing when nothing is late. `now` is by the clock that frames get their times from.
    pub fn tick(&mut self, now: Time, streams: &mut S) {
        self.tracker.tick(now, &self.settings, &mut self.counters, streams);
        self.swept = self.tracker.now();
        self.fragments.expire(self.swept, &self.settings, &mut self.counters);
    }

    /// Hands over all that is held and closes every flow: the capture is over.
    pub fn finish(&mut self, now: Time, streams: &mut S) {
        self.tracker.finish(now, &self.settings, &mut self.counters, streams);
        self.fragments.finish(&mut self.counters);
    }

    /// Takes what is to be done about connections that are let go, since this was last asked: after every batch, where
    /// [`Settings::let_go`] is set.
    pub fn orders(&mut self) -> std::vec::Drain<'_, Order> {
        self.tracker.orders.drain(..)
    }

    /// What was seen so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Flows in the table, those included whose end was seen and that linger for late packets.
    pub fn open_flows(&self) -> usize {
        self.tracker.open_flows()
    }

    /// Octets of memory that hold what came before something missing.
    pub fn held_octets(&self) -> usize {
        self.tracker.held_octets()
    }

    fn read(&mut self, frame: &Frame<'_>, streams: &mut S) -> Class {
        let located = link::locate(frame.link, frame.octets);
        let Some((at, version)) = located.ip else {
            return match located.carried {
                Carried::Malformed | Carried::TooDeep => Class::MalformedLink,
                Carried::Tcp { .. } | Carried::Fragment | Carried::Other => Class::NotIp,
            };
        };
        let octets = frame.octets.get(at..).unwrap_or_default();
        let on_wire = (frame.wire_len as usize).max(frame.octets.len()) - at.min(frame.octets.len());
        let Located { carried, vlans, .. } = located;
        match ip::parse(octets, on_wire, Some(version)) {
            ip::Parsed::Whole(packet) => self.whole(carried, &packet, &[], vlans, frame.time, streams),
            ip::Parsed::Fragment(fragment) => self.fragment(&fragment, vlans, frame.time, NESTED_FRAGMENTS, streams),
            ip::Parsed::Malformed => Class::MalformedIp,
        }
    }

    /// An IP packet that is no fragment, with what the decoder found that it carries.
    fn whole<'a>(
        &mut self,
        carried: Carried,
        packet: &ip::Packet<'a>,
        fragments: &'a [Fragment<'a>],
        vlans: u32,
        time: Time,
        streams: &mut S,
    ) -> Class {
        match carried {
            Carried::Tcp { .. } => self.packet(packet, fragments, vlans, time, streams),
            // Its ports are cut off.
            Carried::Malformed if packet.protocol == protocol::TCP => Class::MalformedTcp,
            Carried::Other => Class::NotTcp,
            Carried::Fragment | Carried::Malformed | Carried::TooDeep => Class::MalformedIp,
        }
    }

    /// A fragment, which may complete a packet that is a tunnel's, in which fragments may be again, `nested` times.
    fn fragment(&mut self, fragment: &ip::Fragment<'_>, vlans: u32, time: Time, nested: u32, streams: &mut S) -> Class {
        let key_vlans = if self.settings.vlan_in_key { vlans } else { 0 };
        let now = self.tracker.now();
        let whole = match self.fragments.add(fragment, key_vlans, time, now, &self.settings, &mut self.counters) {
            Outcome::Pending => return Class::FragmentPending,
            Outcome::Malformed => return Class::MalformedIp,
            Outcome::NotTcp => return Class::NotTcp,
            Outcome::Whole(whole) => whole,
        };
        let Located { carried, ip: Some((at, version)), .. } = link::locate(Link::RawIp, &whole.packet) else {
            return Class::MalformedIp;
        };
        let octets = whole.packet.get(at..).unwrap_or_default();
        match ip::parse(octets, octets.len(), Some(version)) {
            ip::Parsed::Whole(packet) if at == 0 => {
                self.whole(carried, &packet, &whole.fragments(), vlans, time, streams)
            }
            // What was cut is the tunnel's packet, and this one is whole.
            ip::Parsed::Whole(packet) => self.whole(carried, &packet, &[], vlans, time, streams),
            ip::Parsed::Fragment(inner) if at > 0 && nested > 0 => {
                self.fragment(&inner, vlans, time, nested - 1, streams)
            }
            // A fragment within a fragment.
            ip::Parsed::Fragment(_) | ip::Parsed::Malformed => Class::MalformedIp,
        }
    }

    fn packet<'a>(
        &mut self,
        packet: &ip::Packet<'a>,
        fragments: &'a [Fragment<'a>],
        vlans: u32,
        time: Time,
        streams: &mut S,
    ) -> Class {
        let Some(segment) = tcp::parse(packet, fragments) else { return Class::MalformedTcp };
        let ports = &self.settings.server_ports;
        if !ports.contains(segment.source_port) && !ports.contains(segment.destination_port) {
            return Class::NotMail;
        }
        if self.settings.verify_checksums && !(packet.header_checksum_is_right() && tcp::checksum_is_right(packet)) {
            return Class::ChecksumError;
        }
        self.counters.segment_octets += segment.payload.len() as u64;
        self.tracker.segment(&segment, vlans, time, &self.settings, &mut self.counters, streams);
        Class::Segment
    }
}
