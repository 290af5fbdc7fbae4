//! Lines out of a stream of octets.

/// The longest line that is kept whole. Longer ones are given out in parts.
const MAX_LINE: usize = 4096;

/// The beginning of a line whose end has not come.
#[derive(Default)]
pub(crate) struct Lines {
    held: Vec<u8>,
    /// A part of this line was given out already.
    continued: bool,
}

impl Lines {
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.continued
    }

    /// Takes octets up to the end of one line and gives it out, without its end; whether it is a whole line comes with
    /// it. Gives back the octets after it.
    pub(crate) fn take<'o>(&mut self, octets: &'o [u8], line: &mut dyn FnMut(&[u8], bool)) -> &'o [u8] {
        let room = MAX_LINE.saturating_sub(self.held.len());
        let window = octets.get(..room).unwrap_or(octets);
        match window.iter().position(|octet| *octet == b'\n') {
            Some(end) => {
                let (before, rest) = octets.split_at_checked(end + 1).unwrap_or((octets, &[]));
                self.held.extend_from_slice(before);
                let without = self.held.strip_suffix(b"\n").unwrap_or(&self.held);
                line(without.strip_suffix(b"\r").unwrap_or(without), !self.continued);
                self.held.clear();
                self.continued = false;
                rest
            }
            None => {
                self.held.extend_from_slice(window);
                if self.held.len() >= MAX_LINE {
                    line(&self.held, false);
                    self.held.clear();
                    self.continued = true;
                }
                octets.get(window.len()..).unwrap_or_default()
            }
        }
    }

    /// Gives out what is held of a line that has no end.
    pub(crate) fn flush(&mut self, line: &mut dyn FnMut(&[u8])) {
        if !self.held.is_empty() {
            line(&self.held);
        }
        *self = Self::default();
    }
}
