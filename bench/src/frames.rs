//! Frames in memory.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use arrayvec::ArrayVec;
use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use writ_wire::{Frame, Link, Time};

use crate::pipeline::Pipeline;

/// Frames, one after the other in one row of octets, so that reading them costs what it would cost in a ring.
#[derive(Default)]
pub struct Frames {
    octets: Vec<u8>,
    /// Where each ends, and when it was captured.
    ends: Vec<(usize, Time)>,
}

impl Frames {
    /// The frames of a capture file (pcap, Ethernet).
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        let mut reader = PcapReader::new(std::io::BufReader::with_capacity(1 << 20, file))?;
        ensure!(reader.header().datalink == DataLink::ETHERNET, "{}: not Ethernet", path.display());
        let mut frames = Self::default();
        while let Some(packet) = reader.next_packet() {
            let packet = packet?;
            frames.push(packet.timestamp, &packet.data);
        }
        Ok(frames)
    }

    /// Adds one.
    pub fn push(&mut self, time: Duration, frame: &[u8]) {
        self.octets.extend(frame);
        self.ends.push((self.octets.len(), Time::from_nanos(time.as_nanos() as u64)));
    }

    /// Divides them among so many, by what is said of each; those of one keep their order.
    pub fn divided(&self, count: usize, of: impl Fn(&[u8]) -> usize) -> Vec<Self> {
        let mut all: Vec<Self> = (0..count).map(|_| Self::default()).collect();
        let mut start = 0;
        for (end, time) in &self.ends {
            let octets = &self.octets[start..*end];
            start = *end;
            let to = &mut all[of(octets)];
            to.octets.extend(octets);
            to.ends.push((to.octets.len(), *time));
        }
        all
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Octets of them all.
    pub fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Reads them all, in batches as a ring gives them, and calls `after` behind each.
    pub fn read(&self, pipeline: &mut Pipeline, mut after: impl FnMut(&mut Pipeline)) {
        /// Frames of a batch.
        const BATCH: usize = 64;
        let mut start = 0;
        for batch in self.ends.chunks(BATCH) {
            let frames = batch.iter().map(|(end, time)| {
                let octets = &self.octets[std::mem::replace(&mut start, *end)..*end];
                Frame { time: *time, link: Link::Ethernet, octets, wire_len: octets.len() as u32 }
            });
            let Pipeline { wire, worker } = pipeline;
            wire.frames(&frames.collect::<ArrayVec<_, BATCH>>(), worker);
            after(pipeline);
        }
    }
}
