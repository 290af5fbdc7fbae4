//! Where one PDU ends and the next begins: BER's own tag and length are the only frame on the connection.

/// The longest PDU that is taken, in octets, unless set otherwise.
pub const MAX_PDU_OCTETS: usize = 16 * 1024 * 1024;

/// The identifier octet of a SEQUENCE, which every `PS-PDU` starts with.
const SEQUENCE: u8 = 0x30;

/// Why the octets at hand cannot be the start of a PDU. A connection cannot be read on after one of these: nothing
/// tells where the next PDU starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first octet is no SEQUENCE.
    #[error("expected a PS-PDU (SEQUENCE, 30), found an octet {found:02x}")]
    NotASequence {
        /// The octet that stands there.
        found: u8,
    },
    /// A length octet that X.690 §8.1.3 does not allow at this place.
    #[error("expected length octets (X.690 8.1.3) {at} octets into the PDU")]
    Length {
        /// Octets from the start of the PDU.
        at: usize,
    },
    /// The PDU is longer than the limit.
    #[error("expected a PDU of at most {max} octets")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

/// Finds the end of a PDU in a buffer that grows. What it has read it does not read again, so a PDU of indefinite
/// length that arrives an octet at a time costs no more than one that arrives whole.
#[derive(Debug, Clone)]
pub struct FrameScanner {
    max: usize,
    /// Octets from the start of the PDU to the next identifier octet that matters. May lie past the buffer's end.
    position: usize,
    /// Values of indefinite length that are open here. Definite ones are stepped over whole.
    open: usize,
}

impl FrameScanner {
    /// A scanner that refuses PDUs longer than `max` octets.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, position: 0, open: 0 }
    }

    /// The length in octets of the PDU at the start of `buffer`; `None` where more octets are needed to tell.
    ///
    /// Between calls `buffer` may only grow. Once a length came back, the scanner is ready for the next PDU, which
    /// must then be at the buffer's start. A definite length is told as soon as it is known, before the PDU is whole.
    ///
    /// # Errors
    /// Where the octets cannot be the start of a PDU, or it would exceed the limit.
    pub fn length(&mut self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        if self.position == 0
            && let Some(&found) = buffer.first()
            && found != SEQUENCE
        {
            return Err(FrameError::NotASequence { found });
        }
        loop {
            let Some(rest) = buffer.get(self.position..) else { return Ok(None) };
            let Some(header) = header(rest, self.position)? else {
                // An identifier and its length take a few octets, so what is held back here is bounded as well.
                return if buffer.len() > self.max { Err(self.too_long()) } else { Ok(None) };
            };
            let end = self.position.saturating_add(header.octets);
            match header.length {
                Length::Definite(length) => {
                    // At the outermost level this is the whole PDU.
                    self.position = end.saturating_add(length);
                }
                Length::Indefinite => {
                    self.position = end;
                    self.open += 1;
                }
                Length::EndOfContents if self.open == 0 => return Err(FrameError::Length { at: self.position }),
                Length::EndOfContents => {
                    self.position = end;
                    self.open -= 1;
                }
            }
            if self.position > self.max {
                return Err(self.too_long());
            }
            if self.open == 0 {
                let length = self.position;
                self.position = 0;
                return Ok(Some(length));
            }
        }
    }

    const fn too_long(&self) -> FrameError {
        FrameError::TooLong { max: self.max }
    }
}

/// The length in octets of the PDU at the start of `prefix`; `None` where more octets are needed to tell. For a
/// buffer that grows use [`FrameScanner`], which remembers how far it has read.
///
/// # Errors
/// Where the octets cannot be the start of a PDU, or it would exceed [`MAX_PDU_OCTETS`].
pub fn pdu_length(prefix: &[u8]) -> Result<Option<usize>, FrameError> {
    FrameScanner::new(MAX_PDU_OCTETS).length(prefix)
}

/// The identifier and length octets of one value.
pub(crate) struct Header {
    /// How many there are.
    pub(crate) octets: usize,
    /// Whether bit 6 of the identifier is set (X.690 §8.1.2.5).
    pub(crate) constructed: bool,
    pub(crate) length: Length,
}

/// What the length octets say (X.690 §8.1.3).
pub(crate) enum Length {
    Definite(usize),
    Indefinite,
    /// Not a value, but the two octets that close an indefinite length.
    EndOfContents,
}

/// Reads the identifier and length octets at the start of `octets`; `None` where there are not enough. `at` is how
/// far into the PDU they are, for the error.
pub(crate) fn header(octets: &[u8], at: usize) -> Result<Option<Header>, FrameError> {
    let mut rest = octets.iter().copied();
    let Some(identifier) = rest.next() else { return Ok(None) };
    let mut taken = 1;
    if identifier & 0x1f == 0x1f {
        // A tag number of 31 or more: base 128 (X.690 §8.1.2.4). Five octets hold 32 bits.
        loop {
            let Some(octet) = rest.next() else { return Ok(None) };
            taken += 1;
            if octet & 0x80 == 0 {
                break;
            }
            if taken > 5 {
                return Err(FrameError::Length { at: at.saturating_add(taken) });
            }
        }
    }
    let constructed = identifier & 0x20 != 0;
    let Some(initial) = rest.next() else { return Ok(None) };
    let length_at = at.saturating_add(taken);
    taken += 1;
    let length = match initial {
        0x00 if identifier == 0 => Length::EndOfContents,
        _ if identifier == 0 => return Err(FrameError::Length { at: length_at }),
        0x00..0x80 => Length::Definite(usize::from(initial)),
        0x80 if constructed => Length::Indefinite,
        // A primitive value has no indefinite form, and X.690 §8.1.3.5 reserves 255.
        0x80 | 0xff => return Err(FrameError::Length { at: length_at }),
        _ => {
            let mut length = 0usize;
            for _ in 0..initial & 0x7f {
                let Some(octet) = rest.next() else { return Ok(None) };
                taken += 1;
                // Leading zeros are allowed; a length past what the machine can address is beyond any limit.
                length = length.saturating_mul(256) | usize::from(octet);
            }
            Length::Definite(length)
        }
    };
    Ok(Some(Header { octets: taken, constructed, length }))
}
