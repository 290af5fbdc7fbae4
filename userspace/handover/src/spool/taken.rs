//! How far the LEMF is, from one moment to the next: a position that is written in place every 10 ms, and not synced.
//! It survives the process, which the state, written each second, does by a second at most; after the machine died the
//! state has to do.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A position, and its CRC-32.
const LENGTH: usize = 12;

/// The file.
pub(super) struct Taken(File);

impl Taken {
    /// Opens the file, which is made if need be, with the position in it, if it is whole.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<u64>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut octets = [0; LENGTH];
        let read = file.read_at(&mut octets, 0)?;
        Ok((Self(file), if read == LENGTH { parse(octets) } else { None }))
    }

    /// Every record before this position has left.
    pub(super) fn note(&self, position: u64) -> io::Result<()> {
        let position = position.to_le_bytes();
        let mut octets = [0; LENGTH];
        octets[..8].copy_from_slice(&position);
        octets[8..].copy_from_slice(&crc32fast::hash(&position).to_le_bytes());
        self.0.write_all_at(&octets, 0)
    }
}

fn parse(octets: [u8; LENGTH]) -> Option<u64> {
    let (position, crc) = octets.split_first_chunk::<8>()?;
    let whole = crc == crc32fast::hash(position).to_le_bytes();
    whole.then_some(u64::from_le_bytes(*position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_is_read_and_what_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        let (taken, found) = Taken::open(&path).unwrap();
        assert_eq!(found, None);
        taken.note(1 << 40).unwrap();
        taken.note(7).unwrap();
        assert_eq!(Taken::open(&path).unwrap().1, Some(7));
        let octets = std::fs::read(&path).unwrap();
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 0x10;
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(Taken::open(&path).unwrap().1, None, "octet {at}");
            std::fs::write(&path, &octets[..at]).unwrap();
            assert_eq!(Taken::open(&path).unwrap().1, None, "cut at {at}");
        }
    }
}
