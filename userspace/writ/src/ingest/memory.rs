//! What was said and told, kept over a restart: in the state folder, where an LEMF has a spool. Without one nothing that was told
//! outlives the process, and what is said again must be told again.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use writ_handover::said::{Entry, SECRET, SaidLog, secret_of, secret_of_now};
use writ_handover::settings::LemfSettings;
use writ_messaging::{Key, Told};
use writ_wire::Time;
use zeroize::Zeroizing;

/// The keys of a request that is safe.
#[derive(Default)]
pub struct Safe {
    /// What was said.
    pub said: Vec<Key>,
    /// What was told by it.
    pub told: Vec<Told>,
}

/// The memory.
pub struct Memory {
    log: Option<Mutex<SaidLog>>,
    /// Of each LEMF, whether what was told to it outlives the process.
    outlives: Vec<bool>,
}

/// A memory, what was in it, and the secret of its keys.
pub struct Opened {
    /// The memory.
    pub memory: Memory,
    /// What was in it, the oldest first.
    pub entries: Vec<Entry>,
    /// What keys are made with.
    pub secret: Zeroizing<[u8; SECRET]>,
}

impl Memory {
    /// Opens that of this state folder, which keeps so many entries.
    ///
    /// # Errors
    /// When its file, or that of the spool's key, cannot be used.
    pub fn open(state: &Path, lemfs: &[LemfSettings], most: usize) -> anyhow::Result<Opened> {
        let outlives = lemfs.iter().map(|lemf| lemf.spool.is_some()).collect();
        let Some(spool) = lemfs.iter().find_map(|lemf| lemf.spool.as_ref()) else {
            return Ok(Opened { memory: Self { log: None, outlives }, entries: Vec::new(), secret: secret_of_now()? });
        };
        let secret = secret_of(spool).context("lemf.spool.key")?;
        let file = state.join("said");
        let (log, entries) = SaidLog::open(&file, &secret, most as u64).with_context(|| file.display().to_string())?;
        Ok(Opened { memory: Self { log: Some(Mutex::new(log)), outlives }, entries, secret })
    }

    /// Notes what a request said and told, before it is answered. Gives whether that could be done.
    pub fn note(&self, safe: &Safe, at: Time) -> bool {
        let Some(log) = &self.log else { return true };
        let outlives = |lemf: usize| self.outlives.get(lemf).copied().unwrap_or(false);
        let told = safe.told.iter().filter(|told| told.is_event && outlives(told.lemf)).map(|told| (told.key, true));
        // What was told first: what is known as said is told no more.
        let keys = told.chain(safe.said.iter().map(|key| (*key, false)));
        let entries: Vec<Entry> = keys.map(|(key, is_told)| Entry { key: key.octets(), is_told, at }).collect();
        entries.is_empty() || log.lock().unwrap_or_else(PoisonError::into_inner).append(&entries).is_ok()
    }

    /// Puts all of it on disk. Gives whether that could be done.
    pub fn sync(&self) -> bool {
        let Some(log) = &self.log else { return true };
        log.lock().unwrap_or_else(PoisonError::into_inner).sync().is_ok()
    }
}
