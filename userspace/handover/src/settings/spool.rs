//! `[lemf.spool]`: the spool on disk of an LEMF.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::seconds;
use crate::pdu::Interface;

/// Where PDUs are kept until an LEMF has them, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolSettings {
    /// The folder; each LEMF has one of its own in it.
    pub folder: PathBuf,
    /// The key that all of it is encrypted with: a file of 64 hexadecimal digits that nobody else can read.
    pub key: PathBuf,
    /// Octets on disk for HI2. 1 GiB unless set.
    #[serde(default = "iri")]
    pub iri: u64,
    /// Octets on disk for HI3. 8 GiB unless set. Apart from HI2's, so that content never takes the room of IRI.
    #[serde(default = "cc")]
    pub cc: u64,
    /// What goes when there is no more room.
    #[serde(default)]
    pub when_full: WhenSpoolFull,
    /// How long a PDU waits for others, to be put on disk with them. 0.05 s unless set.
    #[serde(default = "sync_interval", deserialize_with = "seconds")]
    pub sync_interval: Duration,
    /// PDUs that are put on disk at once, however short they have waited. 256 unless set.
    #[serde(default = "sync_pdus")]
    pub sync_pdus: usize,
}

/// What goes when a spool is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenSpoolFull {
    /// What comes is not taken until an eighth is free again: one gap, at the end of what there is.
    #[default]
    Newest,
    /// The oldest segment, a sixteenth of the whole, is given up.
    Oldest,
}

fn iri() -> u64 {
    1 << 30
}

fn cc() -> u64 {
    8 << 30
}

fn sync_interval() -> Duration {
    Duration::from_millis(50)
}

fn sync_pdus() -> usize {
    256
}

impl SpoolSettings {
    /// A spool in this folder, everything else as it is unless set.
    pub fn at(folder: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            key: key.into(),
            iri: iri(),
            cc: cc(),
            when_full: WhenSpoolFull::default(),
            sync_interval: sync_interval(),
            sync_pdus: sync_pdus(),
        }
    }

    /// Octets on disk for this interface.
    pub fn limit(&self, interface: Interface) -> u64 {
        match interface {
            Interface::Hi2 => self.iri,
            Interface::Hi3 => self.cc,
        }
    }

    /// The same, with paths that are relative taken from this folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.folder, &mut self.key] {
            *path = folder.join(&*path);
        }
        self
    }
}
