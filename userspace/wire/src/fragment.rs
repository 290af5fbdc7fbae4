//! Putting fragmented IP packets together.

use std::collections::VecDeque;

use hashbrown::HashMap;
use writ_filter::protocol;

use crate::bytes::checksum;
use crate::ip::{Ends, Fragment};
use crate::{Counters, Settings, Time, streams};

/// What a packet costs beside its octets: its entry in the table and in the queue.
const OVERHEAD: usize = 256;
/// What each fragment costs beside its octets.
const PIECE_OVERHEAD: usize = 96;
/// Most octets that the length field of a packet can say: fragments that reach further are a ping of death.
const MAX_PACKET: usize = 65_535;

/// RFC 791 §3.2, RFC 8200 §4.5: what tells one packet's fragments from another's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: [u8; 16],
    destination: [u8; 16],
    v6: bool,
    identification: u32,
    vlans: u32,
}

/// A packet of which some fragments have come.
struct Datagram {
    serial: u64,
    /// The headers of the first fragment; empty until it comes.
    head: Vec<u8>,
    next_header_at: usize,
    protocol: u8,
    payload: Vec<u8>,
    /// Which parts of `payload` are there: sorted, apart from one another.
    present: Vec<(usize, usize)>,
    /// Length of the whole payload, known from the last fragment.
    total: Option<usize>,
    /// The fragments themselves, as they came.
    pieces: Vec<Piece>,
    /// Octets of those.
    captured: usize,
}

/// A fragment as it came.
struct Piece {
    time: Time,
    octets: Vec<u8>,
    payload_at: usize,
    /// Where its payload lies in that of the packet.
    offset: usize,
}

/// A packet that was put together.
pub(crate) struct Whole {
    /// The packet as it was before it was cut into fragments.
    pub(crate) packet: Vec<u8>,
    header: usize,
    pieces: Vec<Piece>,
}

impl Whole {
    /// What it was put together from.
    pub(crate) fn fragments(&self) -> Vec<streams::Fragment<'_>> {
        let fragments = self.pieces.iter().map(|piece| streams::Fragment {
            time: piece.time,
            ip: &piece.octets,
            payload_at: piece.payload_at,
            at: self.header + piece.offset,
        });
        fragments.collect()
    }
}

/// What became of a fragment.
pub(crate) enum Outcome {
    /// It waits for others, or was dropped (and counted).
    Pending,
    /// No fragment can be like this.
    Malformed,
    /// Of a packet that is neither TCP nor a tunnel's.
    NotTcp,
    /// It completed this packet.
    Whole(Whole),
}

/// The packets whose fragments are being collected.
#[derive(Default)]
pub(crate) struct Fragments {
    datagrams: HashMap<Key, Datagram>,
    /// In the order of their first fragments. An entry whose serial number is not that of the packet in the table is stale.
    order: VecDeque<(Time, Key, u64)>,
    octets: usize,
    serial: u64,
}

impl Fragments {
    /// Takes one fragment in.
    pub(crate) fn add(
        &mut self,
        fragment: &Fragment<'_>,
        vlans: u32,
        time: Time,
        now: Time,
        settings: &Settings,
        counters: &mut Counters,
    ) -> Outcome {
        // What cannot be TCP, nor a tunnel with it, is not worth a place. In IPv6 the fragmented part can start with further
        // extension headers.
        let number = fragment.protocol;
        let is_extension = protocol::is_extension(number) || number == protocol::AUTHENTICATION;
        if !(protocol::is_reassembled(number) || fragment.ends.v6 && is_extension) {
            return Outcome::NotTcp;
        }
        counters.fragments += 1;
        let start = fragment.offset as usize;
        let end = start + fragment.payload.len();
        // IPv6 does not count its own header.
        let limit = if fragment.ends.v6 { MAX_PACKET + 40 } else { MAX_PACKET };
        if end + fragment.head.len() > limit {
            return Outcome::Malformed;
        }
        if fragment.cut {
            counters.fragments_cut += 1;
            return Outcome::Pending;
        }
        if fragment.payload.is_empty() || fragment.more && !fragment.payload.len().is_multiple_of(8) {
            return Outcome::Malformed;
        }
        self.expire(now, settings, counters);
        let Ends { source, destination, v6 } = fragment.ends;
        let key = Key { source, destination, v6, identification: fragment.identification, vlans };
        if !self.datagrams.contains_key(&key) {
            self.open(key, now, settings, counters);
        }
        let Some(datagram) = self.datagrams.get_mut(&key) else { return Outcome::Pending };
        let before = datagram.cost();
        datagram.insert(fragment, time, start, end, counters);
        self.octets = self.octets - before + datagram.cost();
        if datagram.is_complete() {
            counters.fragments_reassembled += 1;
            return self.remove(&key).map_or(Outcome::Pending, |datagram| Outcome::Whole(datagram.into_whole(v6)));
        }
        if datagram.pieces.len() > settings.max_fragments {
            counters.fragments_dropped += 1;
            self.remove(&key);
        }
        while self.octets > settings.fragment_octets && self.drop_oldest() {
            counters.fragments_dropped += 1;
        }
        Outcome::Pending
    }

    /// Gives up packets whose time ran out.
    pub(crate) fn expire(&mut self, now: Time, settings: &Settings, counters: &mut Counters) {
        while let Some((since, key, serial)) = self.order.front().copied() {
            let is_live = self.datagrams.get(&key).is_some_and(|datagram| datagram.serial == serial);
            if is_live && now.since(since) < settings.fragment_time {
                break;
            }
            self.order.pop_front();
            if is_live {
                counters.fragments_timed_out += 1;
                self.remove(&key);
            }
        }
    }

    /// Gives up everything that is not complete.
    pub(crate) fn finish(&mut self, counters: &mut Counters) {
        counters.fragments_timed_out += self.datagrams.len() as u64;
        *self = Self::default();
    }

    fn open(&mut self, key: Key, now: Time, settings: &Settings, counters: &mut Counters) {
        while self.datagrams.len() >= settings.max_datagrams.max(1) && self.drop_oldest() {
            counters.fragments_dropped += 1;
        }
        // Packets that were completed leave their place in the queue behind one that was not.
        if self.order.len() >= 2 * settings.max_datagrams.max(1) {
            let datagrams = &self.datagrams;
            self.order.retain(|(_, key, serial)| datagrams.get(key).is_some_and(|found| found.serial == *serial));
        }
        self.serial += 1;
        self.order.push_back((now, key, self.serial));
        let datagram = Datagram {
            serial: self.serial,
            head: Vec::new(),
            next_header_at: 0,
            protocol: 0,
            payload: Vec::new(),
            present: Vec::new(),
            total: None,
            pieces: Vec::new(),
            captured: 0,
        };
        self.octets += datagram.cost();
        self.datagrams.insert(key, datagram);
    }

    fn remove(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.octets -= datagram.cost();
        Some(datagram)
    }

    /// Whether there was one to drop.
    fn drop_oldest(&mut self) -> bool {
        while let Some((_, key, serial)) = self.order.pop_front() {
            if self.datagrams.get(&key).is_some_and(|datagram| datagram.serial == serial) {
                self.remove(&key);
                return true;
            }
        }
        false
    }
}

impl Datagram {
    /// What counts against the limit. The payload counts up to the highest offset, since that much is allocated.
    fn cost(&self) -> usize {
        OVERHEAD + self.head.len() + self.payload.len() + self.captured + self.pieces.len() * PIECE_OVERHEAD
    }

    fn is_complete(&self) -> bool {
        !self.head.is_empty() && self.total.is_some_and(|total| self.present == [(0, total)])
    }

    /// Takes in what of `start..end` is not there yet.
    fn insert(&mut self, fragment: &Fragment<'_>, time: Time, start: usize, end: usize, counters: &mut Counters) {
        let octets = fragment.octets.to_vec();
        self.captured += octets.len();
        let payload_at = octets.len() - fragment.payload.len();
        self.pieces.push(Piece { time, octets, payload_at, offset: start });
        let highest = self.present.last().map_or(0, |(_, end)| *end);
        // Once its length is known, a packet does not grow; nor does a later "last" fragment cut off what is there.
        let contradicts = match self.total {
            Some(total) => end > total || !fragment.more && end != total,
            None => !fragment.more && highest > end,
        };
        if contradicts {
            counters.fragments_overlapping += 1;
            return;
        }
        if !fragment.more {
            self.total = Some(end);
        }
        if start == 0 && self.head.is_empty() {
            self.head = fragment.head.to_vec();
            self.next_header_at = fragment.next_header_at;
            self.protocol = fragment.protocol;
        }
        if self.payload.len() < end {
            self.payload.resize(end, 0);
        }
        let (mut at, mut overlaps) = (start, false);
        for (from, to) in &self.present {
            if *to <= at {
                continue;
            }
            if *from >= end {
                break;
            }
            overlaps = true;
            copy(&mut self.payload, fragment.payload, start, at, (*from).max(at));
            at = *to;
        }
        copy(&mut self.payload, fragment.payload, start, at, end);
        counters.fragments_overlapping += u64::from(overlaps);
        self.mark(start, end);
    }

    /// Merges `start..end` into what is present.
    fn mark(&mut self, mut start: usize, mut end: usize) {
        let first = self.present.partition_point(|(_, to)| *to < start);
        let last = self.present.partition_point(|(from, _)| *from <= end);
        if let Some(touched) = self.present.get(first..last)
            && let (Some((from, _)), Some((_, to))) = (touched.first(), touched.last())
        {
            start = start.min(*from);
            end = end.max(*to);
        }
        self.present.splice(first..last.max(first), [(start, end)]);
    }

    /// The packet as it was before it was cut into fragments.
    fn into_whole(mut self, v6: bool) -> Whole {
        let mut packet = std::mem::take(&mut self.head);
        let header_len = packet.len();
        packet.append(&mut self.payload);
        let length = packet.len();
        if v6 {
            set(&mut packet, 4, &((length - header_len + header_len.saturating_sub(40)) as u16).to_be_bytes());
            set(&mut packet, self.next_header_at, &[self.protocol]);
        } else {
            set(&mut packet, 2, &(length as u16).to_be_bytes());
            set(&mut packet, 6, &[0, 0]);
            set(&mut packet, 10, &[0, 0]);
            let sum = checksum(&[packet.get(..header_len).unwrap_or_default()]);
            set(&mut packet, 10, &sum.to_be_bytes());
        }
        Whole { packet, header: header_len, pieces: self.pieces }
    }
}

/// Copies the part `from..to` of a payload that lies at `start` in its packet.
fn copy(packet: &mut [u8], payload: &[u8], start: usize, from: usize, to: usize) {
    if from < to
        && let (Some(there), Some(here)) = (packet.get_mut(from..to), payload.get(from - start..to - start))
    {
        there.copy_from_slice(here);
    }
}

fn set(packet: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(there) = packet.get_mut(at..at + octets.len()) {
        there.copy_from_slice(octets);
    }
}
