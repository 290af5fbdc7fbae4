//! A segment: a file of records, each a PDU (docs/reliability.md describes the format).

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use writ_wire::Time;

use super::key::{CHECK, FileKey, SALT, SpoolKey, TAG, salt};
use crate::durable;
use crate::pdu::{Interface, Kind, Pdu};

pub(super) const FILE_MAGIC: &[u8; 8] = b"WRITSPL1";
const RECORD_MAGIC: &[u8; 4] = b"WREC";
/// Octets of the head of a file: magic, first position, salt, check, CRC-32.
pub(super) const HEAD: u64 = 8 + 8 + SALT as u64 + CHECK as u64 + 4;
/// Octets of the head of a record: magic, length, position, CRC-32.
const RECORD_HEAD: usize = 4 + 4 + 8 + 4;
/// Octets before those of the PDU, encrypted with them: kind, nanoseconds.
const FIELDS: usize = 1 + 8;
/// Octets that a record takes beyond those of its PDU.
pub(super) const RECORD_OVERHEAD: u64 = (RECORD_HEAD + FIELDS + TAG) as u64;
/// The longest record that is believed: twice the longest PDU.
const LONGEST: usize = 32 << 20;
/// Octets that are looked through at a time for the next record.
const SEARCH: usize = 64 << 10;

/// The name of the segment that begins with this position.
pub(super) fn name(first: u64) -> String {
    format!("{first:016x}.segment")
}

/// The first position of the segment of this name, if it is one.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// The segment that is written.
pub(super) struct Writer {
    file: File,
    path: PathBuf,
    key: FileKey,
    /// Octets that are whole and on disk.
    pub(super) durable: u64,
}

impl Writer {
    /// Begins a segment; none of this name may be there.
    pub(super) fn create(path: PathBuf, first: u64, key: &SpoolKey) -> io::Result<Self> {
        let salt = salt()?;
        let key = key.of_file(&salt)?;
        let mut head = Vec::with_capacity(HEAD as usize);
        head.extend_from_slice(FILE_MAGIC);
        head.extend_from_slice(&first.to_le_bytes());
        head.extend_from_slice(&salt);
        head.extend_from_slice(&key.check);
        head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let written =
            file.write_all(&head).and_then(|()| file.sync_all()).and_then(|()| durable::sync_folder_of(&path));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self { file, path, key, durable: HEAD })
    }

    /// Appends PDUs, the first of them with this position, and puts them on disk. After an error the segment ends before
    /// them, and must not be written again: what was sealed for it may be on disk in part.
    pub(super) fn append(&mut self, first: u64, pdus: &[Pdu]) -> io::Result<()> {
        let mut octets = Vec::new();
        for (pdu, position) in pdus.iter().zip(first..) {
            self.seal(position, pdu, &mut octets)?;
        }
        let written = self.file.write_all(&octets).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What cannot be cut off is found to be older than the segment that follows.
            let _ = self.file.set_len(self.durable);
            return Err(error);
        }
        self.durable += octets.len() as u64;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn seal(&self, position: u64, pdu: &Pdu, into: &mut Vec<u8>) -> io::Result<()> {
        let length = u32::try_from(FIELDS + pdu.octets.len() + TAG).map_err(io::Error::other)?;
        let head = RecordHead { length, position }.octets();
        into.extend_from_slice(&head);
        let start = into.len();
        into.push(match pdu.kind {
            Kind::Iri => 0,
            Kind::Cc => 1,
            Kind::Tri => 2,
        });
        into.extend_from_slice(&pdu.time.as_nanos().to_le_bytes());
        into.extend_from_slice(&pdu.octets);
        let tag = self.key.seal(position, &head, into.get_mut(start..).unwrap_or_default())?;
        into.extend_from_slice(&tag);
        Ok(())
    }
}

struct RecordHead {
    /// Octets after the head.
    length: u32,
    position: u64,
}

impl RecordHead {
    fn octets(&self) -> [u8; RECORD_HEAD] {
        let mut octets = [0; RECORD_HEAD];
        let [length, position] = [u64::from(self.length), self.position];
        let fields = RECORD_MAGIC.iter().copied().chain(length.to_le_bytes().into_iter().take(4));
        for (place, octet) in octets.iter_mut().zip(fields.chain(position.to_le_bytes())) {
            *place = octet;
        }
        let check = crc32fast::hash(octets.get(..16).unwrap_or_default()).to_le_bytes();
        for (place, octet) in octets.iter_mut().skip(16).zip(check) {
            *place = octet;
        }
        octets
    }

    fn parse(octets: &[u8]) -> Option<Self> {
        let length = u32::from_le_bytes(octets.get(4..8)?.try_into().ok()?);
        let position = u64::from_le_bytes(octets.get(8..16)?.try_into().ok()?);
        let head = Self { length, position };
        let fits = (FIELDS + TAG..=LONGEST).contains(&(length as usize));
        (fits && octets.get(..RECORD_HEAD)? == head.octets()).then_some(head)
    }
}

/// What a reader comes upon.
#[derive(Debug)]
pub(super) enum Found {
    /// A record.
    Record { position: u64, kind: Kind, time: Time, octets: Bytes },
    /// The head of a record that does not open: its octets were changed.
    Broken { position: u64 },
    /// Octets that are no record, up to the next record.
    Gap,
    /// The end.
    End,
}

/// Why a segment cannot be read at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It does not begin as one: it was begun and not finished, or changed.
    Head,
    /// It was written with another key.
    Key,
}

/// A segment that is read, from the front.
pub(super) struct Reader {
    file: File,
    key: FileKey,
    /// Where the next record begins.
    pub(super) offset: u64,
}

impl Reader {
    pub(super) fn open(path: &Path, first: u64, key: &SpoolKey) -> io::Result<Result<Self, Unreadable>> {
        let file = File::open(path)?;
        let mut head = [0; HEAD as usize];
        match file.read_exact_at(&mut head, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Err(Unreadable::Head)),
            Err(error) => return Err(error),
        }
        let (fields, check) = head.split_at(HEAD as usize - 4);
        let salt: Option<&[u8; SALT]> = fields.get(16..16 + SALT).and_then(|salt| salt.try_into().ok());
        let good = fields.starts_with(FILE_MAGIC)
            && check == crc32fast::hash(fields).to_le_bytes()
            && fields.get(8..16) == Some(&first.to_le_bytes());
        let (true, Some(salt)) = (good, salt) else { return Ok(Err(Unreadable::Head)) };
        let key = key.of_file(salt)?;
        if fields.get(16 + SALT..) != Some(&key.check) {
            return Ok(Err(Unreadable::Key));
        }
        Ok(Ok(Self { file, key, offset: HEAD }))
    }

    /// The next record that begins before `end`, an octet of the file.
    pub(super) fn next(&mut self, end: u64) -> io::Result<Found> {
        let mut head = [0; RECORD_HEAD];
        let Some(room) = end.checked_sub(self.offset).filter(|room| *room > 0) else { return Ok(Found::End) };
        let whole = room >= RECORD_HEAD as u64 && read(&self.file, &mut head, self.offset)?;
        let parsed = RecordHead::parse(&head).filter(|_| whole);
        let Some(RecordHead { length, position }) =
            parsed.filter(|head| RECORD_HEAD as u64 + u64::from(head.length) <= room)
        else {
            return self.search(end);
        };
        let mut body = vec![0; length as usize];
        if !read(&self.file, &mut body, self.offset + RECORD_HEAD as u64)? {
            return self.search(end);
        }
        self.offset += RECORD_HEAD as u64 + u64::from(length);
        let opened = self.key.open(position, &head, &mut body).and_then(fields);
        Ok(opened.map_or(Found::Broken { position }, |(kind, time, octets)| Found::Record {
            position,
            kind,
            time,
            octets: Bytes::copy_from_slice(octets),
        }))
    }

    /// Looks for the next head of a record; without one, `offset` stays at the end of what can be read.
    fn search(&mut self, end: u64) -> io::Result<Found> {
        let mut window = vec![0; SEARCH];
        let mut from = self.offset + 1;
        while from + (RECORD_HEAD as u64) <= end {
            let length = usize::try_from(end - from).unwrap_or(SEARCH).min(SEARCH);
            let Some(octets) = window.get_mut(..length) else { break };
            if !read(&self.file, octets, from)? {
                break;
            }
            let found = octets.windows(RECORD_HEAD).zip(from..).find(|(octets, at)| {
                octets.starts_with(RECORD_MAGIC)
                    && RecordHead::parse(octets)
                        .is_some_and(|head| at + RECORD_HEAD as u64 + u64::from(head.length) <= end)
            });
            if let Some((_, at)) = found {
                self.offset = at;
                return Ok(Found::Gap);
            }
            // The last octets can be the beginning of a head.
            from += (length - (RECORD_HEAD - 1)) as u64;
        }
        Ok(Found::End)
    }
}

fn fields(plain: &[u8]) -> Option<(Kind, Time, &[u8])> {
    let (fields, octets) = plain.split_at_checked(FIELDS)?;
    let kind = match fields.first()? {
        0 => Kind::Iri,
        1 => Kind::Cc,
        2 => Kind::Tri,
        _ => return None,
    };
    let nanos = u64::from_le_bytes(fields.get(1..9)?.try_into().ok()?);
    Some((kind, Time::from_nanos(nanos), octets))
}

/// Fills `octets`; false where the file ends before.
fn read(file: &File, octets: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(octets, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// As a PDU for this interface.
pub(super) fn pdu(interface: Interface, kind: Kind, time: Time, octets: Bytes) -> Pdu {
    Pdu { interface, kind, time, octets, checked: None }
}
