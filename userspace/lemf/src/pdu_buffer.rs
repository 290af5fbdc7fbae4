//! Octets as they arrive, cut into PDUs.

use bytes::{Bytes, BytesMut};
use writ_etsi::{FrameError, FrameScanner};

/// Octets of a stream that are not yet taken as PDUs.
///
/// It holds what has arrived and no more: a length that a peer claims reserves nothing, and no PDU longer than the
/// limit is waited for.
pub(crate) struct PduBuffer {
    octets: BytesMut,
    scanner: FrameScanner,
    /// The length of the PDU at the front, once it is known.
    length: Option<usize>,
    /// Where in the stream the octets at the front are.
    offset: u64,
}

impl PduBuffer {
    /// A buffer that refuses PDUs longer than `max` octets.
    pub(crate) fn new(max: usize) -> Self {
        Self { octets: BytesMut::new(), scanner: FrameScanner::new(max), length: None, offset: 0 }
    }

    /// Where new octets go: they are appended.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        &mut self.octets
    }

    /// The next PDU and its offset in the stream, if it is there as a whole.
    ///
    /// # Errors
    /// Where the octets at the front are not the start of a PDU. Nothing after them can be read.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Bytes)>, FrameError> {
        if self.length.is_none() {
            self.length = self.scanner.length(&self.octets)?;
        }
        match self.length {
            Some(length) if length <= self.octets.len() => {
                self.length = None;
                let offset = self.offset;
                self.offset = offset.saturating_add(length as u64);
                Ok(Some((offset, self.octets.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Where in the stream the octets at the front are.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many octets of a PDU that is not whole are held, and its length if that is known.
    pub(crate) fn unfinished(&self) -> (usize, Option<usize>) {
        (self.octets.len(), self.length)
    }
}
