//! Reads an input as a row of choices.

/// What is left of an input. A choice past its end is zero or empty, so that every input is a valid one.
pub struct Choices<'i>(&'i [u8]);

impl<'i> Choices<'i> {
    /// The whole input.
    pub fn new(input: &'i [u8]) -> Self {
        Self(input)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Up to `length` octets: fewer where the input ends.
    pub fn take(&mut self, length: usize) -> &'i [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'i [u8] {
        self.take(usize::MAX)
    }

    /// One octet.
    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Two octets, the higher first.
    pub fn pair(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// Four octets, the highest first.
    pub fn quad(&mut self) -> u32 {
        u32::from(self.pair()) << 16 | u32::from(self.pair())
    }

    /// One of a list.
    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::from(self.octet()) % list.len()]
    }
}
