//! What messaging systems said and what was told of it, as keys in a file of the state folder: so that what is said again after a
//! restart is not told again.
//!
//! A key is an HMAC, 16 octets of it, with a secret that is derived from the key of a spool: without that nobody can try whether one is
//! that of an event. An entry is 32 octets, appended before the system is answered and synced each second: a process that is
//! killed loses none, a machine that dies those of its last second, which are then told twice. Half of the entries, the older ones,
//! go when there are twice as many as are to be kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use writ_wire::Time;
use zeroize::Zeroizing;

use crate::durable;
use crate::settings::SpoolSettings;
use crate::spool::KeyError;
use crate::spool::key::SpoolKey;

/// Octets of a secret.
pub const SECRET: usize = 32;
const MAGIC: &[u8; 8] = b"WRITSAY1";
/// The magic, and by what the right secret is known.
const HEADER: usize = 16;
const ENTRY: usize = 32;

/// What was said, or told under a warrant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: [u8; 16],
    /// Whether it was told; else it was said.
    pub is_told: bool,
    /// When.
    pub at: Time,
}

impl Entry {
    fn octets(self) -> [u8; ENTRY] {
        let mut octets = [0; ENTRY];
        octets[..16].copy_from_slice(&self.key);
        octets[16..24].copy_from_slice(&self.at.as_nanos().to_le_bytes());
        octets[24] = u8::from(self.is_told);
        let crc = crc32fast::hash(&octets[..28]);
        octets[28..].copy_from_slice(&crc.to_le_bytes());
        octets
    }

    /// `None` where it was not written whole.
    fn read(octets: &[u8; ENTRY]) -> Option<Self> {
        let (plain, crc) = octets.split_last_chunk::<4>()?;
        let (key, rest) = plain.split_first_chunk::<16>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let is_whole = crc32fast::hash(plain) == u32::from_le_bytes(*crc);
        let is_told = *rest.first()? == 1;
        is_whole.then_some(Self { key: *key, is_told, at: Time::from_nanos(u64::from_le_bytes(*at)) })
    }
}

/// The secret that goes with the key of a spool.
///
/// # Errors
/// When the key file cannot be used.
pub fn secret_of(spool: &SpoolSettings) -> Result<Zeroizing<[u8; SECRET]>, KeyError> {
    SpoolKey::read(&spool.key)?.secret(b"writ said").map_err(KeyError::Read)
}

/// A secret of this process alone.
///
/// # Errors
/// When the system has no random octets.
pub fn secret_of_now() -> io::Result<Zeroizing<[u8; SECRET]>> {
    let mut secret = Zeroizing::new([0; SECRET]);
    SystemRandom::new().fill(&mut secret[..]).map_err(|_| io::Error::other("no random octets"))?;
    Ok(secret)
}

/// The file.
#[derive(Debug)]
pub struct SaidLog {
    path: PathBuf,
    file: File,
    header: [u8; HEADER],
    entries: u64,
    most: u64,
    is_synced: bool,
}

impl SaidLog {
    /// Opens the file, which is made if need be, and gives what is in it, the oldest first. What was written with another secret is of
    /// no use, and goes. Keeps at least the last `most` entries.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(path: &Path, secret: &[u8; SECRET], most: u64) -> io::Result<(Self, Vec<Entry>)> {
        let mut header = [0; HEADER];
        let check = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), MAGIC);
        for (octet, of) in header.iter_mut().zip(MAGIC.iter().chain(check.as_ref())) {
            *octet = *of;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut octets = Vec::new();
        // No more than it can have grown to.
        (&mut file).take(HEADER as u64 + (4 * most + 65_536) * ENTRY as u64).read_to_end(&mut octets)?;
        let body = octets.strip_prefix(&header).unwrap_or_default();
        let (chunks, _) = body.as_chunks::<ENTRY>();
        let entries: Vec<Entry> = chunks.iter().map_while(Entry::read).collect();
        let mut log =
            Self { path: path.to_owned(), file, header, entries: entries.len() as u64, most, is_synced: true };
        if body.is_empty() {
            log.file.set_len(0)?;
            log.file.seek(SeekFrom::Start(0))?;
            log.file.write_all(&header)?;
            log.file.sync_all()?;
            durable::sync_folder_of(path)?;
        }
        log.cut()?;
        Ok((log, entries))
    }

    /// Appends entries.
    ///
    /// # Errors
    /// When they cannot be written. Those before them stay.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let octets: Vec<u8> = entries.iter().flat_map(|entry| entry.octets()).collect();
        self.is_synced = false;
        if let Err(error) = self.file.write_all(&octets) {
            // A part of one would hide all that come after it.
            self.cut()?;
            return Err(error);
        }
        self.entries += entries.len() as u64;
        Ok(())
    }

    /// Puts all of them on disk, and lets the oldest go where there are too many.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.is_synced {
            return Ok(());
        }
        if self.entries > 2 * self.most {
            self.let_go()?;
        }
        self.file.sync_data()?;
        self.is_synced = true;
        Ok(())
    }

    fn let_go(&mut self) -> io::Result<()> {
        let kept = self.most.min(self.entries);
        let mut octets = self.header.to_vec();
        self.file.seek(SeekFrom::Start(HEADER as u64 + (self.entries - kept) * ENTRY as u64))?;
        (&mut self.file).take(kept * ENTRY as u64).read_to_end(&mut octets)?;
        durable::replace(&self.path, &octets)?;
        self.file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        self.entries = kept;
        self.cut()
    }

    /// What follows the last whole entry goes; what comes is written there.
    fn cut(&mut self) -> io::Result<()> {
        let end = HEADER as u64 + self.entries * ENTRY as u64;
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry {
        Entry { key: [number as u8; 16], is_told: number % 2 == 1, at: Time::from_parts(number, 7) }
    }

    fn opened(path: &Path, secret: u8) -> (SaidLog, Vec<Entry>) {
        SaidLog::open(path, &[secret; SECRET], 4).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_also_where_the_last_was_not_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said");
        let (mut log, found) = opened(&path, 1);
        assert_eq!(found, []);
        log.append(&[entry(1), entry(2)]).unwrap();
        log.append(&[entry(3)]).unwrap();
        drop(log);
        assert_eq!(opened(&path, 1).1, [entry(1), entry(2), entry(3)]);
        let octets = std::fs::read(&path).unwrap();
        for end in HEADER + 2 * ENTRY..octets.len() {
            std::fs::write(&path, &octets[..end]).unwrap();
            let (mut log, found) = opened(&path, 1);
            assert_eq!(found, [entry(1), entry(2)], "cut at {end}");
            log.append(&[entry(4)]).unwrap();
            assert_eq!(opened(&path, 1).1, [entry(1), entry(2), entry(4)]);
        }
        for end in 0..HEADER {
            std::fs::write(&path, &octets[..end]).unwrap();
            assert_eq!(opened(&path, 1).1, [], "cut at {end}");
        }
    }

    #[test]
    fn what_was_written_with_another_secret_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said");
        opened(&path, 1).0.append(&[entry(1)]).unwrap();
        let (mut log, found) = opened(&path, 2);
        assert_eq!(found, []);
        log.append(&[entry(2)]).unwrap();
        assert_eq!(opened(&path, 2).1, [entry(2)]);
        assert_eq!(opened(&path, 1).1, []);
    }

    #[test]
    fn the_oldest_go_when_there_are_twice_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said");
        let (mut log, _) = opened(&path, 1);
        for number in 0..8 {
            log.append(&[entry(number)]).unwrap();
            log.sync().unwrap();
        }
        assert_eq!(opened(&path, 1).1.len(), 8);
        log.append(&[entry(8)]).unwrap();
        log.sync().unwrap();
        log.append(&[entry(9)]).unwrap();
        assert_eq!(opened(&path, 1).1, [5, 6, 7, 8, 9].map(entry));
    }
}
