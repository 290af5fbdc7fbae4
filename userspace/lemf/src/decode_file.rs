//! PDUs from a file, back to back as they go over a connection.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;
use writ_etsi::{DecodeError, FrameError, MAX_PDU_OCTETS, PsPdu};

use crate::pdu_buffer::PduBuffer;

/// Octets read at a time.
const READ_AT_ONCE: usize = 64 * 1024;

/// One PDU of the file, or octets in the frame of one.
pub struct Found {
    /// Octets from the start of the file.
    pub offset: u64,
    /// The encoding.
    pub octets: Bytes,
    /// What it says, or what was expected. The next PDU can be read in either case: the frame was sound.
    pub pdu: Result<PsPdu, DecodeError>,
}

/// How many PDUs there were, and how the file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeSummary {
    /// PDUs that decoded.
    pub decoded: u64,
    /// Sound frames whose contents are no PS-PDU.
    pub malformed: u64,
    /// Octets of both together.
    pub octets: u64,
    /// What came after the last of them.
    pub end: End,
}

impl DecodeSummary {
    /// Whether every octet of the file belongs to a PDU that decoded.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.malformed == 0 && self.end == End::Whole
    }
}

/// What came after the last PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The end of the file.
    #[error("the end of the file")]
    Whole,
    /// The caller wanted no more.
    #[error("offset {offset}: reading was ended")]
    Stopped {
        /// Octets from the start of the file.
        offset: u64,
    },
    /// Octets that start no PDU. What follows them cannot be read.
    #[error("offset {offset}: {error}")]
    NoPdu {
        /// Octets from the start of the file to where the PDU was expected.
        offset: u64,
        /// What was expected.
        error: FrameError,
    },
    /// The file ends inside a PDU.
    #[error("offset {offset}: expected a whole PDU, found {present} octets of it{}", of(.expected))]
    CutOff {
        /// Octets from the start of the file to the start of the PDU.
        offset: u64,
        /// Octets of it that are there.
        present: usize,
        /// Octets that it has, if that much of it is there.
        expected: Option<usize>,
    },
}

fn of(expected: &Option<usize>) -> String {
    expected.map_or_else(String::new, |expected| format!(" ({expected} in all)"))
}

/// Decodes the PDUs of a file and shows each to `visit`, until the end of the file, or of sense, or `visit` breaks.
///
/// # Errors
/// Where the file cannot be read. What is in it is never an error here: the summary tells.
pub fn decode_file(path: impl AsRef<Path>, visit: impl FnMut(Found) -> ControlFlow<()>) -> io::Result<DecodeSummary> {
    decode_reader(File::open(path)?, visit)
}

/// As [`decode_file`], from any reader.
///
/// # Errors
/// Where the reader fails.
pub fn decode_reader(
    mut reader: impl Read,
    mut visit: impl FnMut(Found) -> ControlFlow<()>,
) -> io::Result<DecodeSummary> {
    let mut summary = DecodeSummary { decoded: 0, malformed: 0, octets: 0, end: End::Whole };
    let mut buffer = PduBuffer::new(MAX_PDU_OCTETS);
    let mut chunk = vec![0; READ_AT_ONCE];
    loop {
        loop {
            match buffer.next() {
                Ok(Some((offset, octets))) => {
                    summary.octets += octets.len() as u64;
                    let pdu = writ_etsi::decode(&octets);
                    match &pdu {
                        Ok(_) => summary.decoded += 1,
                        Err(_) => summary.malformed += 1,
                    }
                    if visit(Found { offset, octets, pdu }).is_break() {
                        summary.end = End::Stopped { offset: buffer.offset() };
                        return Ok(summary);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    summary.end = End::NoPdu { offset: buffer.offset(), error };
                    return Ok(summary);
                }
            }
        }
        let read = match reader.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 {
            if let (present @ 1.., expected) = buffer.unfinished() {
                summary.end = End::CutOff { offset: buffer.offset(), present, expected };
            }
            return Ok(summary);
        }
        buffer.tail().extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}
