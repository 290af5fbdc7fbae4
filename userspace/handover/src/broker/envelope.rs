//! What crosses the broker: a few PDUs of one interface in one message, encrypted.
//!
//! | octets | holds |
//! | --- | --- |
//! | 8 | `WRITBRK1` |
//! | 32 | salt of the run of the appliance, random |
//! | 8 | check of the key |
//! | 8 | number of the message in the run, from 0 |
//! | 8 | PDUs that were put into messages of the run before it |
//! | the records | encrypted |
//! | 16 | the tag of AES-256-GCM |
//!
//! A record is a kind (one octet: 0 IRI, 1 CC, 2 TRI; 0x80 more if the rest of the PDU is in the next message, 0x40 more
//! if it goes on from the one before), the time in nanoseconds since 1970 (8), a length (4) and octets. Integers are
//! little-endian. The key is that of a file of a spool, made of the salt; the nonce is the number; what is in the clear,
//! and the subject, is authenticated. A message that is published again is the same octets, so that no nonce is used
//! for two.

use std::io;

use bytes::Bytes;
use thiserror::Error;
use writ_wire::Time;

use crate::pdu::{Interface, Kind, Pdu};
use crate::spool::key::{CHECK, FileKey, SALT, SpoolKey, TAG, salt};

const MAGIC: &[u8; 8] = b"WRITBRK1";
/// Octets before the records.
const HEAD: usize = 8 + SALT + CHECK + 8 + 8;
/// Octets of a record before those of its PDU.
const RECORD: usize = 1 + 8 + 4;
/// Records of a message, and their octets: enough that the broker's cost for each message does not count, and half of
/// what a broker takes unless it is told otherwise.
const RECORDS: usize = 256;
const OCTETS: usize = 256 << 10;
/// The rest of the PDU is in the next message.
const GOES_ON: u8 = 0x80;
/// It begins in the one before.
const CONTINUES: u8 = 0x40;

/// The longest message.
pub(super) const LONGEST: usize = HEAD + OCTETS + TAG;

/// Why a message cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Unopened {
    /// It was sealed with another key.
    #[error("expected the key that the appliance has")]
    Key,
    /// It is of another version.
    #[error("expected a message of the format WRITBRK1")]
    Format,
    /// It is not as it was sealed.
    #[error("expected what an appliance sealed")]
    Changed,
}

/// Seals the messages of one run of an appliance, for one subject.
pub(super) struct Sealer {
    salt: [u8; SALT],
    key: FileKey,
    subject: String,
    number: u64,
    /// PDUs that are whole in what was sealed.
    pdus: u64,
    /// Octets of the next PDU that are already in messages.
    partial: usize,
}

/// A sealed message.
pub(super) struct Sealed {
    pub(super) octets: Bytes,
    /// Its number in the run.
    pub(super) number: u64,
    /// PDUs whose end is in it.
    pub(super) ends: u64,
}

impl Sealer {
    pub(super) fn new(key: &SpoolKey, subject: String) -> io::Result<Self> {
        let salt = salt()?;
        Ok(Self { salt, key: key.of_file(&salt)?, subject, number: 0, pdus: 0, partial: 0 })
    }

    /// What distinguishes this run, in letters.
    pub(super) fn run(&self) -> String {
        self.salt.iter().take(12).map(|octet| format!("{octet:02x}")).collect()
    }

    /// PDUs, and their octets, that a message may take from what waits.
    pub(super) fn wants() -> (usize, usize) {
        (RECORDS, OCTETS)
    }

    /// Seals the first of these, as many as fit, beginning after what of the first has gone. None if there are none.
    pub(super) fn seal(&mut self, pdus: &[Pdu]) -> io::Result<Option<Sealed>> {
        let mut message = Vec::with_capacity(LONGEST.min(HEAD + TAG + pdus.iter().map(cost).sum::<usize>()));
        message.extend_from_slice(MAGIC);
        message.extend_from_slice(&self.salt);
        message.extend_from_slice(&self.key.check);
        message.extend_from_slice(&self.number.to_le_bytes());
        message.extend_from_slice(&self.pdus.to_le_bytes());
        let (mut ends, mut partial) = (0, self.partial);
        for pdu in pdus.iter().take(RECORDS) {
            let free = (HEAD + OCTETS).saturating_sub(message.len() + RECORD);
            let rest = pdu.octets.get(partial..).unwrap_or_default();
            // What does not fit into a message of its own is cut; what does waits for the next.
            if free == 0 || (rest.len() > free && message.len() > HEAD) {
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(free));
            let goes_on = if later.is_empty() { 0 } else { GOES_ON };
            let continues = if partial == 0 { 0 } else { CONTINUES };
            message.push(kind_octet(pdu.kind) | goes_on | continues);
            message.extend_from_slice(&pdu.time.as_nanos().to_le_bytes());
            message.extend_from_slice(&(now.len() as u32).to_le_bytes());
            message.extend_from_slice(now);
            if !later.is_empty() {
                partial += now.len();
                break;
            }
            (ends, partial) = (ends + 1, 0);
        }
        if message.len() == HEAD {
            return Ok(None);
        }
        let (head, records) = message.split_at_mut(HEAD);
        let tag = self.key.seal(self.number, &context(head, &self.subject), records)?;
        message.extend_from_slice(&tag);
        let number = self.number;
        (self.number, self.pdus, self.partial) = (number + 1, self.pdus + ends, partial);
        Ok(Some(Sealed { octets: message.into(), number, ends }))
    }
}

fn cost(pdu: &Pdu) -> usize {
    RECORD + pdu.octets.len()
}

/// What is authenticated and not encrypted.
fn context(head: &[u8], subject: &str) -> Vec<u8> {
    [head, subject.as_bytes()].concat()
}

fn kind_octet(kind: Kind) -> u8 {
    match kind {
        Kind::Iri => 0,
        Kind::Cc => 1,
        Kind::Tri => 2,
    }
}

/// An opened message.
#[derive(Debug)]
pub(super) struct Opened {
    /// What no other message of the broker has: a later message of the run, or the first of another, comes next.
    pub(super) place: Place,
    /// What is in it.
    pub(super) records: Vec<Piece>,
}

/// Where a message stands among those of its appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The run.
    pub(super) salt: [u8; SALT],
    /// Its number in it.
    pub(super) number: u64,
    /// PDUs of the run whose end is before it.
    pub(super) pdus: u64,
}

/// A PDU, or a part of one.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) pdu: Pdu,
    pub(super) continues: bool,
    pub(super) goes_on: bool,
}

/// Opens messages of one subject.
pub(super) struct Opener {
    key: SpoolKey,
    subject: String,
    interface: Interface,
    /// The key of the run that is read.
    of_run: Option<([u8; SALT], FileKey)>,
}

impl Opener {
    pub(super) fn new(key: SpoolKey, subject: String, interface: Interface) -> Self {
        Self { key, subject, interface, of_run: None }
    }

    pub(super) fn open(&mut self, message: &[u8]) -> Result<Opened, Unopened> {
        let rest = message.strip_prefix(MAGIC).ok_or(Unopened::Format)?;
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(Unopened::Changed)?;
        let (check, rest) = rest.split_first_chunk::<CHECK>().ok_or(Unopened::Changed)?;
        let (number, rest) = rest.split_first_chunk::<8>().ok_or(Unopened::Changed)?;
        let (pdus, rest) = rest.split_first_chunk::<8>().ok_or(Unopened::Changed)?;
        let place = Place { salt: *salt, number: u64::from_le_bytes(*number), pdus: u64::from_le_bytes(*pdus) };
        let known = self.of_run.take().filter(|(of, _)| of == salt);
        let key = match known {
            Some((_, key)) => key,
            None => self.key.of_file(salt).map_err(|_| Unopened::Key)?,
        };
        let (_, key) = self.of_run.insert((*salt, key));
        if key.check != *check {
            return Err(Unopened::Key);
        }
        let context = context(message.get(..HEAD).unwrap_or_default(), &self.subject);
        let mut sealed = rest.to_vec();
        let plain = key.open(place.number, &context, &mut sealed).ok_or(Unopened::Changed)?;
        let records = records(plain, self.interface).ok_or(Unopened::Changed)?;
        Ok(Opened { place, records })
    }
}

fn records(mut plain: &[u8], interface: Interface) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    while let Some((kind, rest)) = plain.split_first() {
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (octets, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let (continues, goes_on) = (kind & CONTINUES != 0, kind & GOES_ON != 0);
        let kind = match kind & !(CONTINUES | GOES_ON) {
            0 => Kind::Iri,
            1 => Kind::Cc,
            2 => Kind::Tri,
            _ => return None,
        };
        let time = Time::from_nanos(u64::from_le_bytes(*time));
        let octets = Bytes::copy_from_slice(octets);
        pieces.push(Piece { pdu: Pdu { interface, kind, time, octets, checked: None }, continues, goes_on });
        plain = rest;
    }
    Some(pieces)
}

#[cfg(test)]
mod tests;
