//! The spool on disk of one LEMF and interface: every PDU is on disk before it goes, and stays there until it is let go
//! by the buffer of the connection. docs/reliability.md describes the files, the faults and what is promised.
//!
//! ```text
//! intake ─► waiting ─► log ─────────────────► buffer ─► connection
//!           memory,    segments, encrypted,   as without a spool: holds what is on its way
//!           bounded    synced in groups
//! ```
//!
//! A thread of its own moves PDUs on, so that a slow disk delays neither encoding nor another LEMF. What it puts on disk
//! goes on to the buffer at once if all before it has; else it is read back when the buffer has room. While the disk
//! takes nothing, and everything on it has gone, PDUs pass it by: delivery goes on as if there were no spool.

mod coverage;
mod feeder;
mod format;
pub(crate) mod key;
mod log;
mod reserve;
mod segment;
mod state;
mod taken;
mod waiting;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, bounded};
use hashbrown::HashMap;
use thiserror::Error;

use self::feeder::Feeder;
pub use self::key::KeyError;
use self::key::SpoolKey;
pub(crate) use self::waiting::Ticket;
use self::waiting::Waiting;
use crate::buffer::Buffer;
use crate::consignment::Room;
use crate::counters::LinkCounters;
use crate::integrity::Unchecked;
use crate::latency::Latency;
use crate::link_pdu::LinkPdus;
use crate::pdu::{Interface, Pdu};
use crate::settings::{Numbering, SpoolSettings, WhenSpoolFull};

/// How long the thread may take to see that a time is over.
const GRACE: Duration = Duration::from_millis(500);

/// A spool cannot be used.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The key file.
    #[error("{file}: {source}")]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// What is in the folder was written with another key.
    #[error("{folder}: expected the key that the spool was written with")]
    Key {
        /// The folder.
        folder: PathBuf,
    },
    /// It was written by another version of the program, in another format.
    #[error("{file}: expected a spool of format {expected}, not {found}: let the version that wrote it deliver it")]
    Format {
        /// A file of it.
        file: PathBuf,
        /// The format that is read.
        expected: char,
        /// That of the file.
        found: char,
    },
    /// Another process has it open.
    #[error("{folder}: in use by another process")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{folder}: {source}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Whether the key file of the settings can be used now.
///
/// # Errors
/// Why it cannot.
pub fn check(settings: &SpoolSettings) -> Result<(), KeyError> {
    SpoolKey::read(&settings.key).map(drop)
}

/// What a spool works with.
pub(crate) struct Parts {
    pub(crate) lemf: String,
    pub(crate) interface: Interface,
    pub(crate) numbering: Numbering,
    /// Octets that may wait in memory to be put on disk.
    pub(crate) memory: usize,
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) counters: Arc<LinkCounters>,
    pub(crate) link_pdus: Arc<LinkPdus>,
    /// Takes what another run has left without an integrity check, where such checks were agreed.
    pub(crate) unchecked: Option<Unchecked>,
    pub(crate) latency: Arc<Latency>,
}

/// What another run has left besides PDUs.
pub(crate) struct Left {
    /// The numbers at which each LIID goes on, where numbers are counted along those.
    pub(crate) numbers: HashMap<String, u32>,
    /// What has no integrity check, if anything.
    pub(crate) unchecked: Option<Unchecked>,
}

/// A spool that runs.
pub(crate) struct Spool {
    waiting: Arc<Waiting>,
    /// Says that everything has gone to the buffer, or will not.
    finished: Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<LinkCounters>,
    limit: u64,
    evicts: bool,
}

impl Spool {
    /// Opens the spool, says what another run has left, and starts its thread.
    pub(crate) fn start(
        settings: &SpoolSettings,
        parts: Parts,
        on_start: Option<Arc<dyn Fn() + Send + Sync>>,
    ) -> Result<(Self, Left), SpoolError> {
        let key = SpoolKey::read(&settings.key)
            .map_err(|source| SpoolError::KeyFile { file: settings.key.clone(), source })?;
        let folder = settings.folder.join(folder_name(&parts.lemf)).join(parts.interface.name());
        let limit = settings.limit(parts.interface);
        let counters = Arc::clone(&parts.counters);
        counters.spool_limit.set(limit);
        let waiting = Arc::new(Waiting::new(parts.memory, Arc::clone(&parts.counters)));
        parts.buffer.tell(waiting.waker());
        let (finish, finished) = bounded(1);
        let policy = feeder::Policy {
            limit,
            reserve: (parts.interface == Interface::Hi3).then_some(settings.iri),
            evicts: settings.when_full == WhenSpoolFull::Oldest,
            interval: settings.sync_interval,
            pdus: settings.sync_pdus,
        };
        let (lemf, interface) = (parts.lemf.clone(), parts.interface.name());
        let mut feeder = Feeder::open(&folder, key, policy, parts, Arc::clone(&waiting), finish)?;
        let left = feeder.left();
        let failed = |source| SpoolError::Io { folder, source };
        let thread = std::thread::Builder::new().name("writ-spool".to_owned());
        let thread = thread.spawn(move || {
            if let Some(on_start) = on_start {
                on_start();
            }
            feeder.run();
            tracing::debug!(lemf, interface, "spool closed");
        });
        let thread = Mutex::new(Some(thread.map_err(failed)?));
        let evicts = settings.when_full == WhenSpoolFull::Oldest;
        Ok((Self { waiting, finished, thread, counters, limit, evicts }, left))
    }

    /// Takes PDUs in, in order.
    pub(crate) fn push(&self, pdus: impl IntoIterator<Item = Pdu>) {
        self.waiting.push(pdus);
    }

    /// Whether so many octets more would be taken.
    pub(crate) fn room_for(&self, octets: usize) -> Room {
        // Once it is full it takes nothing before an eighth is free.
        let on_disk = self.counters.spool_octets.get() + octets as u64;
        match () {
            () if !self.evicts && on_disk > self.limit - self.limit / 8 => Room::Full,
            () if self.waiting.has_room_for(octets) => Room::Free,
            () => Room::Busy,
        }
    }

    /// For all that was taken in: says when it is on disk. What came after `since` counts; see [`Waiting::place`].
    pub(crate) fn ticket(&self, since: u64) -> Ticket {
        Ticket::new(&self.waiting, since)
    }

    /// How many PDUs were ever taken in.
    pub(crate) fn place(&self) -> u64 {
        self.waiting.place()
    }

    /// Nothing more comes: all is to be put on disk, and to go to the buffer as far as the LEMF takes it.
    pub(crate) fn finish(&self, deadline: Instant) {
        self.waiting.finish(deadline);
    }

    /// Waits until it is so, or will not be in time.
    pub(crate) fn finished(&self, deadline: Instant) {
        let _ = self.finished.recv_deadline(deadline + GRACE);
    }

    /// PDUs that the LEMF is not known to have, and the octets that the spool has on disk.
    pub(crate) fn kept(&self) -> (u64, u64) {
        (self.counters.spool_pdus.get(), self.counters.spool_octets.get())
    }

    /// PDUs, and their octets, that were neither on disk nor with the LEMF when it ended.
    pub(crate) fn left(&self) -> (u64, u64) {
        let left = self.waiting.left();
        (left.pdus, left.octets)
    }

    /// Notes what the LEMF has, and ends.
    pub(crate) fn close(&self) {
        self.waiting.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic in it has ended the process already.
            let _ = thread.join();
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close();
    }
}

/// The name of an LEMF as that of a folder: what is no letter, digit, `-`, `_` or `.` as `%` and two hexadecimal digits.
fn folder_name(lemf: &str) -> PathBuf {
    let mut name = String::new();
    for (at, octet) in lemf.bytes().enumerate() {
        if octet.is_ascii_alphanumeric() || b"-_".contains(&octet) || (octet == b'.' && at > 0) {
            name.push(octet.into());
        } else {
            name.push_str(&format!("%{octet:02X}"));
        }
    }
    Path::new(&name).to_owned()
}

#[cfg(test)]
mod tests;
