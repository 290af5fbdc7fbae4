//! What of a spool changes as PDUs leave it: replaced whole, and encrypted as LIIDs are in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use hashbrown::HashMap;

use super::key::{SALT, SpoolKey, salt};
use crate::durable;

pub(super) const MAGIC: &[u8; 8] = b"WRITSST2";
/// The longest that is read: a hundred thousand LIIDs.
const LONGEST: u64 = 16 << 20;

/// The state of one spool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Every record before this position has left.
    pub(super) released: u64,
    /// The numbers below are those after every record before this position.
    pub(super) as_of: u64,
    /// No record before this position needs an integrity check any more.
    pub(super) covered: u64,
    /// The positions of those that were given up.
    pub(super) gap: Option<(u64, u64)>,
    /// PDUs that were given up and of which the LEMF has not been told, and their octets.
    pub(super) untold: Lost,
    /// The next number of the PDUs about the connection.
    pub(super) link_next: u32,
    /// The next number of each LIID, where numbers are counted along those.
    pub(super) next: HashMap<String, u32>,
}

/// PDUs that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) pdus: u64,
    pub(crate) octets: u64,
}

impl Lost {
    pub(crate) fn add(&mut self, more: Self) {
        self.pdus += more.pdus;
        self.octets += more.octets;
    }

    pub(crate) fn is_none(self) -> bool {
        self.pdus == 0
    }
}

impl State {
    /// Reads the file. None where there is none, or none that can be used: everything is then taken to be still there.
    pub(super) fn read(path: &Path, key: &SpoolKey) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut octets = Vec::new();
        file.take(LONGEST).read_to_end(&mut octets)?;
        let Some((salt, sealed)) = octets.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<SALT>()) else {
            return Ok(None);
        };
        let key = key.of_file(salt)?;
        let mut sealed = sealed.to_vec();
        Ok(key.open(0, MAGIC, &mut sealed).and_then(Self::parse))
    }

    /// Replaces the file.
    pub(super) fn write(&self, path: &Path, key: &SpoolKey) -> io::Result<()> {
        let salt = salt()?;
        let mut plain = Vec::new();
        let (from, to) = self.gap.unwrap_or_default();
        let Lost { pdus, octets } = self.untold;
        for number in [self.released, self.as_of, self.covered, from, to, pdus, octets, self.link_next.into()] {
            plain.extend_from_slice(&number.to_le_bytes());
        }
        for (liid, next) in &self.next {
            let length = u16::try_from(liid.len()).map_err(io::Error::other)?;
            plain.extend_from_slice(&length.to_le_bytes());
            plain.extend_from_slice(liid.as_bytes());
            plain.extend_from_slice(&next.to_le_bytes());
        }
        let tag = key.of_file(&salt)?.seal(0, MAGIC, &mut plain)?;
        let octets = [&MAGIC[..], &salt, &plain, &tag].concat();
        durable::replace(path, &octets)
    }

    fn parse(mut plain: &[u8]) -> Option<Self> {
        let mut number = || {
            let (number, rest) = plain.split_first_chunk::<8>()?;
            plain = rest;
            Some(u64::from_le_bytes(*number))
        };
        let mut state = Self {
            released: number()?,
            as_of: number()?,
            covered: number()?,
            gap: Some((number()?, number()?)).filter(|(from, to)| from < to),
            untold: Lost { pdus: number()?, octets: number()? },
            link_next: u32::try_from(number()?).ok()?,
            next: HashMap::new(),
        };
        while let Some((length, rest)) = plain.split_first_chunk::<2>() {
            let (liid, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
            let (next, rest) = rest.split_first_chunk::<4>()?;
            state.next.insert(String::from_utf8(liid.to_vec()).ok()?, u32::from_le_bytes(*next));
            plain = rest;
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::some_key;
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert_eq!(State::read(&path, &some_key()).unwrap(), None);
        let state = State {
            released: 7,
            as_of: 9,
            covered: 6,
            gap: Some((3, 5)),
            untold: Lost { pdus: 1, octets: 2 },
            link_next: 3,
            next: [("LIID-A".to_owned(), 4), ("LIID-B".to_owned(), u32::MAX)].into_iter().collect(),
        };
        state.write(&path, &some_key()).unwrap();
        assert_eq!(State::read(&path, &some_key()).unwrap(), Some(state));
        let octets = std::fs::read(&path).unwrap();
        assert!(!octets.windows(4).any(|window| window == b"LIID"));
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 0x10;
            std::fs::write(&path, &changed).unwrap();
            assert_eq!(State::read(&path, &some_key()).unwrap(), None, "octet {at}");
            std::fs::write(&path, &octets[..at]).unwrap();
            assert_eq!(State::read(&path, &some_key()).unwrap(), None, "cut at {at}");
        }
    }
}
