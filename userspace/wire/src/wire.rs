//! The room's front: frames in, streams out.

use std::slice::from_ref;
use std::time::Duration;

use prefetch_index::prefetch_index;
use writ_filter::{Carried, protocol};

use crate::aside::Order;
use crate::fragment::{Fragments, Outcome};
use crate::link::Located;
use crate::streams::Fragment;
use crate::tick::Ticks;
use crate::tracker::{Keyed, Tracker};
use crate::{Counters, Frame, Link, Settings, Streams, Time, ip, link, tcp};

/// How often, in time of packets, the tables are looked through for what is late when nobody calls [`Wire::tick`].
const SWEEP: Duration = Duration::from_millis(250);

/// How often a packet that was put together may bring, in its tunnel, a fragment of another.
const NESTED_FRAGMENTS: u32 = 2;

/// So many frames are looked at together: as many misses of the cache as a core has under way at a time, and twice that.
const AHEAD: usize = 32;

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

/// Has the headers of frames fetched into the cache, and where their payload begins: from there on the processor sees by itself that
/// it is read in a row.
fn prefetch_headers(frames: &[Frame<'_>]) {
    for frame in frames {
        [0, 64, 128].into_iter().for_each(|at| prefetch_index(frame.octets, at));
    }
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

/// What the headers of a packet say.
enum Heading<'a> {
    Segment(Keyed<'a>),
    Fragment {
        fragment: ip::Fragment<'a>,
        vlans: u32,
    },
    /// There is nothing more to do with it.
    Ends(Class),
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
        let heading = self.read(frame);
        self.take(frame, heading, streams);
    }

    /// Reads frames, as [`Wire::frame`] does one by one. Faster for many: what is to be looked up for them is fetched into the cache
    /// for several at once.
    pub fn frames(&mut self, frames: &[Frame<'_>], streams: &mut S) {
        prefetch_headers(frames.get(..AHEAD).unwrap_or(frames));
        for (at, some) in frames.chunks(AHEAD).enumerate() {
            let mut headings = [const { None }; AHEAD];
            for (heading, frame) in headings.iter_mut().zip(some) {
                let read = self.read(frame);
                if let Heading::Segment(segment) = &read {
                    self.tracker.table.prefetch_index(segment.hash);
                }
                *heading = Some(read);
            }
            // The flows, and whether octets come to their sessions.
            let mut flows = [None; AHEAD];
            for (flow, heading) in flows.iter_mut().zip(&headings) {
                if let Some(Heading::Segment(Keyed { segment, hash, .. })) = heading {
                    *flow = self.tracker.table.prefetch_flow(*hash).map(|flow| (flow, !segment.payload.is_empty()));
                }
            }
            let flows = || flows.iter().flatten();
            flows().for_each(|(flow, _)| self.tracker.table.prefetch_parts(*flow));
            let busy = flows().filter_map(|(flow, is_busy)| is_busy.then_some(*flow));
            busy.filter_map(|flow| self.tracker.table.session(flow)).for_each(|session| streams.prefetch(session));
            let mut next = frames.iter().skip((at + 1) * AHEAD);
            for (frame, heading) in some.iter().zip(headings) {
                if let Some(next) = next.next() {
                    prefetch_headers(from_ref(next));
                }
                if let Some(heading) = heading {
                    self.take(frame, heading, streams);
                }
            }
        }
    }

    fn take(&mut self, frame: &Frame<'_>, heading: Heading<'_>, streams: &mut S) {
        let time = self.ticks.next(frame.time);
        self.counters.frames += 1;
        self.counters.octets += frame.octets.len() as u64;
        self.counters.truncated += u64::from(frame.octets.len() < frame.wire_len as usize);
        self.tracker.advance_clock(time, &self.settings, &mut self.counters, streams);
        self.swept = self.swept.min(self.tracker.now());
        if self.tracker.now().since(self.swept) >= SWEEP {
            self.tick(self.tracker.now(), streams);
        }
        let counter = match self.packet(heading, time, NESTED_FRAGMENTS, streams) {
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

    /// Reads the headers of a frame.
    fn read<'a>(&self, frame: &Frame<'a>) -> Heading<'a> {
        let located = link::locate(frame.link, frame.octets);
        let Some((at, version)) = located.ip else {
            return Heading::Ends(match located.carried {
                Carried::Malformed | Carried::TooDeep => Class::MalformedLink,
                Carried::Tcp { .. } | Carried::Fragment | Carried::Other => Class::NotIp,
            });
        };
        let octets = frame.octets.get(at..).unwrap_or_default();
        let on_wire = (frame.wire_len as usize).max(frame.octets.len()) - at.min(frame.octets.len());
        let Located { carried, vlans, .. } = located;
        match ip::parse(octets, on_wire, Some(version)) {
            ip::Parsed::Whole(packet) => self.whole(carried, &packet, &[], vlans),
            ip::Parsed::Fragment(fragment) => Heading::Fragment { fragment, vlans },
            ip::Parsed::Malformed => Heading::Ends(Class::MalformedIp),
        }
    }

    /// An IP packet that is no fragment, with what the decoder found that it carries.
    fn whole<'a>(
        &self,
        carried: Carried,
        packet: &ip::Packet<'a>,
        fragments: &'a [Fragment<'a>],
        vlans: u32,
    ) -> Heading<'a> {
        Heading::Ends(match carried {
            Carried::Tcp { .. } => match tcp::parse(packet, fragments) {
                None => Class::MalformedTcp,
                Some(segment) if !self.is_mail(&segment) => Class::NotMail,
                Some(_) if !self.is_right(packet) => Class::ChecksumError,
                Some(segment) => return Heading::Segment(self.tracker.key(segment, vlans, &self.settings)),
            },
            // Its ports are cut off.
            Carried::Malformed if packet.protocol == protocol::TCP => Class::MalformedTcp,
            Carried::Other => Class::NotTcp,
            Carried::Fragment | Carried::Malformed | Carried::TooDeep => Class::MalformedIp,
        })
    }

    fn is_mail(&self, segment: &tcp::Segment<'_>) -> bool {
        let ports = &self.settings.server_ports;
        ports.contains(segment.source_port) || ports.contains(segment.destination_port)
    }

    /// Whether the checksums are right, where that is asked.
    fn is_right(&self, packet: &ip::Packet<'_>) -> bool {
        !self.settings.verify_checksums || packet.header_checksum_is_right() && tcp::checksum_is_right(packet)
    }

    /// Does with a packet what its headers say; of fragments within a tunnel that came in fragments itself, so often as `nested`.
    fn packet(&mut self, heading: Heading<'_>, time: Time, nested: u32, streams: &mut S) -> Class {
        match heading {
            Heading::Ends(class) => class,
            Heading::Segment(segment) => {
                self.counters.segment_octets += segment.segment.payload.len() as u64;
                self.tracker.segment(&segment, time, &self.settings, &mut self.counters, streams);
                Class::Segment
            }
            Heading::Fragment { fragment, vlans } => self.fragment(&fragment, vlans, time, nested, streams),
        }
    }

    /// A fragment, which may complete a packet that is a tunnel's, in which fragments may be again.
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
        // Within a tunnel, what was cut is the tunnel's packet, and this one is whole.
        let fragments = if at == 0 { whole.fragments() } else { Vec::new() };
        let heading = match ip::parse(octets, octets.len(), Some(version)) {
            ip::Parsed::Whole(packet) => self.whole(carried, &packet, &fragments, vlans),
            ip::Parsed::Fragment(fragment) if at > 0 && nested > 0 => Heading::Fragment { fragment, vlans },
            // A fragment within a fragment.
            ip::Parsed::Fragment(_) | ip::Parsed::Malformed => return Class::MalformedIp,
        };
        self.packet(heading, time, nested.saturating_sub(1), streams)
    }
}
