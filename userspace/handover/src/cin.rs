//! Communication identity numbers that are never used again, not even after a restart.
//!
//! Workers take CINs from one [`CinAllocator`]: an atomic counter, so that a number costs no lock and no system call.
//! The delivery core keeps a [`CinReserve`], a file that says up to where numbers may have been used. Before any record
//! leaves, the reserve is above everything that the allocator has given out, and on disk. A process that is killed
//! therefore starts again above every number that an LEMF has ever seen; what was reserved and not used is skipped.
//!
//! # When 2^32 numbers are used up
//! Numbering goes on from 1, and each LEMF is told so by `cINReset` (TS 102 232-1). The other choice, to stop, would
//! leave warrants unserved over a matter of numbering for which the standard has a message. A number comes again only
//! after more than four thousand million others, long after the session that had it before.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;
use writ_intercept::CinSource;
use writ_intercept::record::Cin;

use crate::durable;

/// How many CINs there are: 1 to 2^32 - 1. 0 is left out, since some receivers read it as "none".
const CINS: u64 = u32::MAX as u64;

/// How far ahead of use the reserve is raised: one fsync for so many sessions of targets.
const BLOCK: u64 = 65_536;

/// Gives out communication identity numbers. Clones give from the same counter.
#[derive(Clone, Debug, Default)]
pub struct CinAllocator {
    /// How many numbers have been given out since the first start; the place of the next one.
    position: Arc<AtomicU64>,
}

impl CinAllocator {
    /// One that begins at 1: a replay, which keeps no state.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that begins above so many numbers as if they had been given out: a replay that delivers and keeps no state.
    pub fn beginning_after(position: u64) -> Self {
        Self::starting_at(position)
    }

    fn starting_at(position: u64) -> Self {
        Self { position: Arc::new(AtomicU64::new(position)) }
    }

    /// The next number.
    pub fn allocate(&self) -> Cin {
        // Relaxed: a number must be unique, which the addition alone ensures. That the delivery core sees the counter
        // moved follows from the queue by which the record reaches it.
        let position = self.position.fetch_add(1, Ordering::Relaxed);
        // The remainder is below 2^32 - 1, so that the sum fits.
        Cin((position % CINS) as u32 + 1)
    }

    /// How many have been given out, of this and earlier runs.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// In which round of numbering the last one was given out, from 0.
    pub(crate) fn round(&self) -> u64 {
        round(self.position())
    }
}

impl CinSource for CinAllocator {
    fn next_cin(&self) -> Cin {
        self.allocate()
    }
}

/// The round of the last number before this position.
fn round(position: u64) -> u64 {
    position.saturating_sub(1) / CINS
}

/// The reserve could not be read or raised.
#[derive(Debug, Error)]
pub enum CinReserveError {
    /// The state file exists and does not hold what a reserve wrote. Starting anew would use numbers again, so a person
    /// decides: put the file right, or remove it (every LEMF is then told by `cINReset`).
    #[error("{path}: expected one line \"writ-cin 1 NUMBER\"")]
    Malformed {
        /// The state file.
        path: PathBuf,
    },
    /// Another process numbers from it.
    #[error("{path}: in use by another Writ: two that number from one state would use numbers twice")]
    InUse {
        /// The state file.
        path: PathBuf,
    },
    /// Reading or writing it failed.
    #[error("{path}: {source}")]
    Io {
        /// The state file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How numbering begins after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Above everything used before.
    Continued,
    /// At 1, since there was no state: either nothing was ever delivered or the count is lost, which nobody can tell
    /// from here. Or past the last number, when the process died about there and nobody can tell whether LEMFs were
    /// told. Each gets a `cINReset`.
    Anew,
}

/// The highest count that may have been used, on disk.
#[derive(Debug)]
pub struct CinReserve {
    path: PathBuf,
    /// Every position below it may have been used.
    reserved: u64,
    block: u64,
    allocator: CinAllocator,
    beginning: Beginning,
    /// Locked for as long as numbers are taken from here.
    _lock: File,
}

impl CinReserve {
    /// Reads the state file, and reserves the first block so that a start that cannot write fails as a start.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood, or cannot be written.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, CinReserveError> {
        Self::with_block(path.into(), BLOCK)
    }

    fn with_block(path: PathBuf, block: u64) -> Result<Self, CinReserveError> {
        let lock = lock(&path)?;
        let found = read(&path)?;
        let beginning = match found {
            // What was really used ends somewhere in the block before.
            Some(reserved) if round(reserved) == round(reserved.saturating_sub(block)) => Beginning::Continued,
            Some(_) | None => Beginning::Anew,
        };
        let mut reserve = Self {
            path,
            reserved: found.unwrap_or(0),
            block,
            allocator: CinAllocator::starting_at(found.unwrap_or(0)),
            beginning,
            _lock: lock,
        };
        reserve.cover()?;
        Ok(reserve)
    }

    /// The allocator to share among the workers.
    pub fn allocator(&self) -> CinAllocator {
        self.allocator.clone()
    }

    /// How numbering began.
    pub fn beginning(&self) -> Beginning {
        self.beginning
    }

    /// Puts the reserve above all that was given out. To be called before records leave; costs one atomic load unless
    /// half of the block is used, so that a disk that fails for a moment does so while there is room left.
    ///
    /// # Errors
    /// When the file cannot be written; the reserve then stays where it was and the next call tries again.
    pub fn cover(&mut self) -> Result<(), CinReserveError> {
        let position = self.allocator.position();
        if position.saturating_add(self.block / 2) < self.reserved {
            return Ok(());
        }
        let raised = position.saturating_add(self.block);
        write(&self.path, raised).map_err(|source| CinReserveError::Io { path: self.path.clone(), source })?;
        self.reserved = raised;
        Ok(())
    }

    /// Whether numbers are in use that the disk does not know of: only after [`cover`](Self::cover) has failed for half
    /// a block.
    pub fn exceeded(&self) -> bool {
        self.allocator.position() > self.reserved
    }
}

fn lock(path: &Path) -> Result<File, CinReserveError> {
    let lock = durable::lock(&path.with_extension("lock"));
    let lock = lock.map_err(|source| CinReserveError::Io { path: path.to_owned(), source })?;
    lock.ok_or_else(|| CinReserveError::InUse { path: path.to_owned() })
}

fn read(path: &Path) -> Result<Option<u64>, CinReserveError> {
    let io_error = |source| CinReserveError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error)),
    };
    let malformed = || CinReserveError::Malformed { path: path.to_owned() };
    let mut octets = Vec::new();
    // No more than a reserve can have written, whatever the path leads to.
    file.take(64).read_to_end(&mut octets).map_err(io_error)?;
    let text = str::from_utf8(&octets).map_err(|_| malformed())?;
    let number = text.strip_prefix("writ-cin 1 ").and_then(|rest| rest.strip_suffix('\n')).ok_or_else(malformed)?;
    number.parse().map(Some).map_err(|_| malformed())
}

fn write(path: &Path, reserved: u64) -> io::Result<()> {
    durable::replace(path, format!("writ-cin 1 {reserved}\n").as_bytes())
}

#[cfg(test)]
mod tests;
