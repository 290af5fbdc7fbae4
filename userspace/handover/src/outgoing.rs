//! What is being written to an LEMF, and what became of what was.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use tokio::time::Instant;

use crate::acknowledged::Acknowledged;
use crate::acknowledgement::{Acknowledgement, Ask};
use crate::buffer::Buffer;
use crate::connection::Resources;
use crate::keep_alive::KeepAlive;
use crate::latency::now;
use crate::pdu::Pdu;

/// PDUs in one write: well below the 1024 pieces that the kernel takes.
const BATCH_PDUS: usize = 128;
/// Octets in one write, where PDUs are small enough to be put together.
const BATCH_OCTETS: usize = 256 << 10;

/// A keep-alive, or a request to acknowledge, that goes after a few PDUs, the answer to which shows that these were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// Not needed.
    None,
    /// It goes next, and no PDU before it.
    Due,
    /// Its answer is awaited, and no PDU goes before it.
    Out,
}

/// A PDU about the connection that is to go between others.
struct Control {
    octets: Bytes,
    is_keep_alive: bool,
}

/// What is being written.
pub(crate) struct Outgoing {
    /// From the buffer, where they stay until they are acknowledged.
    batch: Vec<Pdu>,
    /// How many of the batch are written.
    done: usize,
    /// Goes before the batch.
    control: Option<Control>,
    /// Octets written of the first PDU that is not, be it the control or one of the batch.
    partial: usize,
    /// Octets written on this connection.
    written: u64,
    /// Whether the stream holds none of them back.
    pub(crate) flushed: bool,
    /// Whether the LEMF has shown that it listens.
    greeted: bool,
    /// After PDUs that a reset has returned.
    probe: Probe,
    /// The place in the buffer of the first PDU that is not written.
    next: u64,
    /// Of each PDU that is written and not acknowledged by TCP, if that is what counts: at which octet it ends.
    ends: VecDeque<u64>,
    /// The first place that was not written when the last keep-alive was.
    before_keep_alive: u64,
    /// Of PDUs, by the LEMF.
    pub(crate) acknowledgement: Acknowledgement,
}

impl Outgoing {
    /// On a connection that was just opened.
    pub(crate) fn new(resources: &Resources) -> Self {
        let next = resources.buffer.next();
        let acknowledgement = resources.options.as_ref().map_or_else(
            || Acknowledgement::none(next),
            |options| {
                let octets = resources.buffer.limit() / 16;
                Acknowledgement::wanted(options.acknowledgement, options.patience(), octets, next)
            },
        );
        let mut outgoing = Self {
            batch: Vec::new(),
            done: 0,
            control: None,
            partial: 0,
            written: 0,
            flushed: true,
            greeted: true,
            probe: Probe::None,
            next,
            ends: VecDeque::new(),
            before_keep_alive: next,
            acknowledgement,
        };
        if resources.greet {
            outgoing.keep_alive(resources);
            outgoing.greeted = outgoing.control.is_none();
        }
        outgoing
    }

    /// A keep-alive goes next. To be called when nothing is being written.
    pub(crate) fn keep_alive(&mut self, resources: &Resources) {
        self.control = resources.link_pdus.keep_alive().ok().map(|octets| Control { octets, is_keep_alive: true });
    }

    /// Takes the next batch when this one is written, and what has to go before it.
    pub(crate) fn refill(&mut self, resources: &Resources, keep_alive: &KeepAlive, finishing: bool) {
        if !self.greeted || self.done < self.batch.len() {
            return;
        }
        if self.control.is_none() {
            self.ask(resources, finishing);
        }
        // One at a time, or the answer to one would be taken for that to the next.
        if self.probe == Probe::Due
            && !self.acknowledgement.is_agreed()
            && self.control.is_none()
            && !keep_alive.is_awaited()
        {
            self.keep_alive(resources);
            self.probe = if self.control.is_some() { Probe::Out } else { Probe::None };
        }
        if self.probe != Probe::None || !self.acknowledgement.is_settled() {
            return;
        }
        self.done = 0;
        let caution = resources.buffer.caution(self.next);
        let pdus = caution.unwrap_or(BATCH_PDUS).min(self.acknowledgement.room(self.next));
        self.batch = resources.buffer.from(self.next, pdus, BATCH_OCTETS);
        if caution.is_some() && !self.batch.is_empty() {
            self.probe = Probe::Due;
        }
    }

    /// What the LEMF is to be asked, if anything.
    fn ask(&mut self, resources: &Resources, finishing: bool) {
        let pressing = finishing || self.probe == Probe::Due;
        let Some(ask) = self.acknowledgement.due(self.next, pressing, Instant::now()) else { return };
        let link_pdus = &resources.link_pdus;
        let octets = match ask {
            Ask::Options => link_pdus.option_request(),
            Ask::Complete => link_pdus.option_complete(),
            Ask::Acknowledge => link_pdus.acknowledgement_request().map(|(number, octets)| {
                self.acknowledgement.asks(number, self.next);
                resources.counters.acknowledgements_asked.one();
                if self.probe == Probe::Due {
                    self.probe = Probe::Out;
                }
                octets
            }),
        };
        // Under the one profile that there is acknowledgement in they can all be encoded.
        self.control = octets.ok().map(|octets| Control { octets, is_keep_alive: false });
    }

    /// The LEMF has answered a keep-alive.
    pub(crate) fn keep_alive_answered(&mut self, buffer: &Buffer) {
        self.greeted = true;
        if !self.acknowledgement.is_agreed() {
            buffer.confirmed(self.before_keep_alive);
            if self.probe == Probe::Out {
                self.probe = Probe::None;
            }
        }
    }

    /// The LEMF has acknowledged everything that went before the request with this number. Says whether there was such
    /// a request.
    pub(crate) fn pdus_acknowledged(&mut self, number: u32, buffer: &Buffer) -> bool {
        let Some(place) = self.acknowledgement.acknowledged(number) else { return false };
        buffer.acknowledged(place);
        buffer.confirmed(place);
        if self.probe == Probe::Out && self.acknowledgement.is_answered() {
            self.probe = Probe::None;
        }
        true
    }

    /// Whether the LEMF has shown that it listens.
    pub(crate) fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Whether nothing has to be waited for but TCP, so that a connection with nothing to write may be ended.
    pub(crate) fn is_done(&self) -> bool {
        let settled = self.acknowledgement.is_settled() && !self.acknowledgement.is_agreed();
        self.greeted && settled && self.probe == Probe::None
    }

    pub(crate) fn has_octets(&self) -> bool {
        self.control.is_some() || self.done < self.batch.len()
    }

    /// Whether TCP has to acknowledge PDUs.
    pub(crate) fn unacknowledged(&self) -> bool {
        !self.ends.is_empty()
    }

    /// The place in the buffer of the first PDU that is not written.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Lets go the PDUs that TCP has acknowledged since the last call.
    pub(crate) fn acknowledged(&mut self, acknowledged: &impl Acknowledged, buffer: &Buffer) {
        if self.ends.is_empty() {
            return;
        }
        let octets = acknowledged.of(self.written);
        let whole = self.ends.partition_point(|end| *end <= octets);
        if whole > 0 {
            self.ends.drain(..whole);
            buffer.acknowledged(self.next - self.ends.len() as u64);
        }
    }

    /// The control goes before the batch: it is made only when there was none, so it never comes between the parts of a
    /// PDU.
    fn pdus(&self) -> impl Iterator<Item = &Bytes> {
        let control = self.control.iter().map(|control| &control.octets);
        control.chain(self.batch.iter().skip(self.done).map(|pdu| &pdu.octets))
    }

    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        let starts = std::iter::once(self.partial).chain(std::iter::repeat(0));
        self.pdus().zip(starts).map(|(octets, start)| IoSlice::new(octets.get(start..).unwrap_or_default())).collect()
    }

    /// Counts what the socket took.
    pub(crate) fn written(&mut self, octets: usize, keep_alive: &mut KeepAlive, resources: &Resources) {
        resources.counters.octets_sent.add(octets as u64);
        let instant = Instant::now();
        keep_alive.written(instant);
        let mut taken = self.partial + octets;
        let mut end = self.written - self.partial as u64;
        self.written += octets as u64;
        self.flushed = false;
        if let Some(Control { octets, is_keep_alive }) = &self.control {
            if taken < octets.len() {
                self.partial = taken;
                return;
            }
            taken -= octets.len();
            end += octets.len() as u64;
            if *is_keep_alive {
                self.before_keep_alive = self.next;
                keep_alive.sent(instant);
                resources.counters.keep_alives_sent.one();
            } else {
                self.acknowledgement.written(instant);
            }
            self.control = None;
        }
        let (time, is_agreed) = (now(), self.acknowledgement.is_agreed());
        let mut sent = 0;
        for pdu in self.batch.iter().skip(self.done) {
            if taken < pdu.octets.len() {
                break;
            }
            taken -= pdu.octets.len();
            end += pdu.octets.len() as u64;
            if is_agreed {
                self.acknowledgement.went(pdu.octets.len(), instant);
            } else {
                self.ends.push_back(end);
            }
            sent += 1;
        }
        let written = self.batch.iter().skip(self.done).take(sent);
        resources.latency.written(time, written);
        self.partial = taken;
        self.done += sent;
        self.next += sent as u64;
    }
}
