//! An encoding that is written from its end to its beginning, so that each length is known when its turn comes.

use super::length::{integer_octets, octet_of};

/// Octets in reversed order: fields are written last to first, and the contents of a value before its identifier.
#[derive(Default)]
pub(super) struct Reversed(Vec<u8>);

impl Reversed {
    pub(super) fn with_capacity(octets: usize) -> Self {
        Self(Vec::with_capacity(octets))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends all of it to octets that go forward.
    pub(super) fn append_to(&self, octets: &mut Vec<u8>) {
        octets.extend(self.0.iter().rev());
    }

    /// A string type, or anything else whose contents are these octets.
    pub(super) fn string(&mut self, identifier: u8, contents: &[u8]) {
        self.0.extend(contents.iter().rev());
        self.head(identifier, contents.len());
    }

    /// INTEGER.
    pub(super) fn integer(&mut self, identifier: u8, number: u64) {
        let count = integer_octets(number);
        self.0.extend((0..count).map(|below| octet_of(number, below)));
        self.head(identifier, count);
    }

    /// ENUMERATED: as an INTEGER that may be negative, if it is one that nobody named.
    pub(super) fn enumerated(&mut self, identifier: u8, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            return self.integer(identifier, value);
        }
        // Of a negative number the octets in front that are all ones go, as long as a one stays in front.
        let count = (64 - value.leading_ones() as usize) / 8 + 1;
        self.0.extend(value.to_le_bytes().iter().take(count));
        self.head(identifier, count);
    }

    /// A constructed value of what `contents` writes.
    pub(super) fn constructed(&mut self, identifier: u8, contents: impl FnOnce(&mut Self)) {
        let before = self.len();
        contents(self);
        self.head(identifier, self.len() - before);
    }

    fn head(&mut self, identifier: u8, length: usize) {
        if let Ok(short @ 0..128) = u8::try_from(length) {
            self.0.extend([short, identifier]);
            return;
        }
        let mut rest = length;
        let mut count = 0u8;
        while rest > 0 {
            self.0.push(rest as u8);
            rest >>= 8;
            count += 1;
        }
        self.0.extend([0x80 | count, identifier]);
    }
}
