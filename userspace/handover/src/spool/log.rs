//! The segments of one spool as one sequence of records: appended at one end, read and let go at the other.
//!
//! Records have positions, from 0 for the first one ever, across restarts. A position is given up, not used again,
//! when what is on disk there cannot be read.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::key::SpoolKey;
use super::segment::{FILE_MAGIC, Found, HEAD, RECORD_OVERHEAD, Reader, Unreadable, Writer, first_of, name, pdu};
use super::state::Lost;
use super::{SpoolError, format};
use crate::durable;
use crate::pdu::{Interface, Pdu};

/// A segment is this part of the whole.
const SEGMENTS: u64 = 16;
/// A segment has at most so many octets, and those of a last batch.
const LARGEST_SEGMENT: u64 = 64 << 20;

/// What there was to see to when a log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovered {
    /// Octets after the last whole record: cut off.
    pub(super) torn: u64,
}

/// What reading gives.
#[derive(Debug)]
pub(super) enum Next {
    /// The PDU at the front.
    Pdu(Pdu),
    /// Here segments were given up.
    GivenUp,
    /// So many records cannot be read.
    Unreadable(u64),
}

struct Segment {
    first: u64,
    path: PathBuf,
    /// Octets that are whole.
    octets: u64,
}

/// The log.
pub(super) struct Log {
    folder: PathBuf,
    interface: Interface,
    key: SpoolKey,
    limit: u64,
    segments: VecDeque<Segment>,
    writer: Option<Writer>,
    /// The position of the next record to be appended.
    next: u64,
    /// The position of the next record to be read, and where it is, if that is known.
    read: u64,
    reader: Option<(u64, Reader)>,
    /// The positions of what was given up and lies ahead.
    gap: Option<(u64, u64)>,
    /// Where this position is: the segment, by its first, and the octet.
    hint: Option<(u64, u64, u64)>,
    _lock: File,
}

impl Log {
    /// Opens the log in this folder, which is made if need be, and reads it from `released` on.
    pub(super) fn open(
        folder: &Path,
        interface: Interface,
        key: SpoolKey,
        limit: u64,
        released: u64,
    ) -> Result<(Self, Recovered), SpoolError> {
        let failed = |source| SpoolError::Io { folder: folder.to_owned(), source };
        let lock = lock(folder)?;
        let mut segments = segments(folder).map_err(failed)?;
        segments.iter().try_for_each(|segment| format::check(&segment.path, FILE_MAGIC))?;
        let mut recovered = Recovered::default();
        let mut next = released;
        // From the last one that can be read, the place where appending goes on is known.
        while let Some(last) = segments.back_mut() {
            match Reader::open(&last.path, last.first, &key).map_err(failed)? {
                Err(Unreadable::Key) => return Err(SpoolError::Key { folder: folder.to_owned() }),
                Ok(mut reader) => {
                    let mut end = last.first;
                    loop {
                        match reader.next(last.octets).map_err(failed)? {
                            Found::Record { position, .. } | Found::Broken { position } => end = end.max(position + 1),
                            Found::Gap => {}
                            Found::End => break,
                        }
                    }
                    recovered.torn += last.octets - reader.offset;
                    last.octets = reader.offset;
                    cut(last).map_err(failed)?;
                    next = next.max(end);
                    break;
                }
                // Its head was changed: nothing in it can be read, and how many records there were is not known.
                Err(Unreadable::Head) if last.octets > HEAD => {
                    next = next.max(last.first + 1);
                    break;
                }
                // It was begun, and nothing was in it when the process or the machine died.
                Err(Unreadable::Head) => {
                    recovered.torn += last.octets;
                    next = next.max(last.first);
                    fs::remove_file(&last.path).map_err(failed)?;
                    segments.pop_back();
                }
            }
        }
        let first = segments.front().map_or(next, |segment| segment.first);
        let read = released.max(first);
        let log = Self {
            folder: folder.to_owned(),
            interface,
            key,
            limit,
            segments,
            writer: None,
            next,
            read,
            reader: None,
            gap: None,
            hint: None,
            _lock: lock,
        };
        Ok((log, recovered))
    }

    /// Octets on disk.
    pub(super) fn octets(&self) -> u64 {
        self.segments.iter().map(|segment| segment.octets).sum()
    }

    /// What appending these will add.
    pub(super) fn cost(pdus: &[Pdu]) -> u64 {
        pdus.iter().map(|pdu| pdu.octets.len() as u64 + RECORD_OVERHEAD).sum()
    }

    /// The position of the next record to be appended.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The position of the next record to be read.
    pub(super) fn position(&self) -> u64 {
        self.read
    }

    /// Whether everything was read.
    pub(super) fn is_read(&self) -> bool {
        self.read >= self.next
    }

    /// Whether appending begins a new segment.
    pub(super) fn begins_segment(&self) -> bool {
        let largest = (self.limit / SEGMENTS).min(LARGEST_SEGMENT);
        self.writer.as_ref().is_none_or(|writer| writer.durable >= largest)
    }

    /// Puts PDUs on disk. They are all there afterwards, or none is.
    pub(super) fn append(&mut self, pdus: &[Pdu]) -> io::Result<()> {
        if self.begins_segment() {
            self.writer = None;
            let path = self.folder.join(name(self.next));
            // One that has nothing in it, of an attempt that failed.
            if self.segments.back().is_some_and(|last| last.first == self.next) {
                self.segments.pop_back();
                self.reader = None;
                fs::remove_file(&path)?;
            }
            self.writer = Some(Writer::create(path.clone(), self.next, &self.key)?);
            self.segments.push_back(Segment { first: self.next, path, octets: HEAD });
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let appended = writer.append(self.next, pdus);
        if let Some(last) = self.segments.back_mut().filter(|last| last.path == writer.path()) {
            last.octets = writer.durable;
        }
        if appended.is_err() {
            self.writer = None;
            return appended;
        }
        self.next += pdus.len() as u64;
        Ok(())
    }

    /// Of what was just appended so many PDUs need not be read, as everything before them was; the others do.
    pub(super) fn skip(&mut self, pdus: u64, others: &[Pdu]) {
        self.read += pdus;
        let Some((first, octets)) = self.segments.back().map(|last| (last.first, last.octets)) else { return };
        let octets = octets - Self::cost(others);
        match &mut self.reader {
            Some((of, reader)) if *of == first => reader.offset = octets,
            _ => self.reader = None,
        }
        self.hint = Some((self.read, first, octets));
    }

    /// Reads again, or goes on, from this position.
    pub(super) fn read_from(&mut self, position: u64) {
        let first = self.segments.front().map_or(self.next, |segment| segment.first);
        self.read = position.max(first).min(self.next);
        self.reader = None;
    }

    /// The next record, or what is in its place.
    pub(super) fn read(&mut self) -> io::Result<Option<Next>> {
        while self.read < self.next {
            // The last that begins at or before it: one after an error may begin within the one before.
            let at = self.segments.partition_point(|segment| segment.first <= self.read);
            let mut end = self.segments.get(at).map_or(self.next, |segment| segment.first);
            match self.gap {
                Some((from, to)) if from <= self.read => {
                    self.gap = None;
                    if self.read < to {
                        self.read = to;
                        return Ok(Some(Next::GivenUp));
                    }
                }
                Some((from, _)) => end = end.min(from),
                None => {}
            }
            let upto = match at.checked_sub(1).and_then(|at| self.segments.get(at)) {
                None => end,
                Some(segment) => match self.look(segment.first, segment.octets, &segment.path.clone())? {
                    Found::Record { position, kind, time, octets } if position == self.read => {
                        self.read += 1;
                        return Ok(Some(Next::Pdu(pdu(self.interface, kind, time, octets))));
                    }
                    Found::Record { position, .. } | Found::Broken { position } if position < self.read => continue,
                    Found::Record { position, .. } | Found::Broken { position } if position >= end => end,
                    // Those before it are gone. It is looked at again.
                    Found::Record { position, .. } => {
                        self.reader = None;
                        position
                    }
                    Found::Broken { position } => position + 1,
                    Found::Gap => continue,
                    Found::End => end,
                },
            };
            let records = upto.saturating_sub(self.read);
            self.read = self.read.max(upto);
            if records > 0 {
                return Ok(Some(Next::Unreadable(records)));
            }
        }
        Ok(None)
    }

    /// What a segment has where it is being read.
    fn look(&mut self, first: u64, octets: u64, path: &Path) -> io::Result<Found> {
        if self.reader.as_ref().is_none_or(|(of, _)| *of != first) {
            let Ok(mut reader) = Reader::open(path, first, &self.key)? else { return Ok(Found::End) };
            if let Some((_, _, offset)) = self.hint.filter(|(position, of, _)| (*position, *of) == (self.read, first)) {
                reader.offset = offset;
            }
            self.reader = Some((first, reader));
        }
        self.reader.as_mut().map_or(Ok(Found::End), |(_, reader)| reader.next(octets))
    }

    /// Whether letting go everything before this position removes a segment.
    pub(super) fn would_remove(&self, position: u64) -> bool {
        self.end_of_first().is_some_and(|end| end <= position)
    }

    /// Removes the segments that hold nothing from this position on.
    pub(super) fn release(&mut self, position: u64) -> io::Result<()> {
        while self.would_remove(position) {
            self.remove_first()?;
        }
        Ok(())
    }

    /// Gives the oldest segment up of which nothing was read: what was read may be on its way. None where there is none.
    pub(super) fn evict(&mut self) -> io::Result<Option<Lost>> {
        let at = self.segments.partition_point(|segment| segment.first < self.read);
        let Some(segment) = self.segments.get(at) else { return Ok(None) };
        let (first, octets) = (segment.first, segment.octets);
        let end = self.segments.get(at + 1).map_or(self.next, |segment| segment.first);
        if at + 1 == self.segments.len() {
            self.writer = None;
        }
        remove(&segment.path)?;
        self.segments.remove(at);
        if self.reader.as_ref().is_some_and(|(of, _)| *of == first) {
            self.reader = None;
        }
        // The oldest go first, so that what was given up lies together.
        let from = self.gap.map_or(first, |(from, _)| from);
        self.gap = Some((from, end));
        let pdus = end.saturating_sub(first);
        Ok(Some(Lost { pdus, octets: octets.saturating_sub(HEAD + pdus * RECORD_OVERHEAD) }))
    }

    /// What was given up and lies ahead of what is read: from and to which position.
    pub(super) fn gap(&self) -> Option<(u64, u64)> {
        self.gap
    }

    /// The same, as another run has left it.
    pub(super) fn set_gap(&mut self, gap: Option<(u64, u64)>) {
        self.gap = gap.filter(|(from, to)| from < to && *to <= self.next);
    }

    /// The position after the first segment, unless that is the one that is written.
    fn end_of_first(&self) -> Option<u64> {
        match self.segments.get(1) {
            Some(second) => Some(second.first),
            None => (self.writer.is_none() && !self.segments.is_empty()).then_some(self.next),
        }
    }

    fn remove_first(&mut self) -> io::Result<()> {
        let Some(first) = self.segments.front() else { return Ok(()) };
        remove(&first.path)?;
        if self.reader.as_ref().is_some_and(|(of, _)| *of == first.first) {
            self.reader = None;
        }
        self.segments.pop_front();
        Ok(())
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock(folder: &Path) -> Result<File, SpoolError> {
    let failed = |source| SpoolError::Io { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = durable::lock(&folder.join("lock")).map_err(failed)?;
    lock.ok_or_else(|| SpoolError::InUse { folder: folder.to_owned() })
}

/// Cuts off what is behind the last whole record.
fn cut(segment: &Segment) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(&segment.path)?;
    file.set_len(segment.octets)?;
    file.sync_all()
}

fn segments(folder: &Path) -> io::Result<VecDeque<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(first_of) {
            found.push(Segment { first, path: entry.path(), octets: entry.metadata()?.len() });
        }
    }
    found.sort_unstable_by_key(|segment| segment.first);
    Ok(found.into())
}

#[cfg(test)]
mod tests;
