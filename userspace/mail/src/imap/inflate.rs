//! COMPRESS=DEFLATE (RFC 4978): what crosses the wire is inflated step by step, and nothing of it is held.

use flate2::{Decompress, FlushDecompress};

use crate::line::At;

/// Octets that one step gives at most.
pub(super) const STEP: usize = 16 * 1024;
/// Octets that a small step takes: with the eight that may wait in the inflater they give less than [`STEP`], since deflate
/// makes at most 1032 of one.
const SMALL: usize = 4;
/// A stream may give so many octets for each that it takes, besides what its limit leaves it.
const USUAL: u64 = 100;
/// The same for what is no literal. Lists of flags are up to fifteen times as long as what they are deflated to.
const USUAL_OF_TEXT: u64 = 20;

/// What an inflater takes: a window of 32 KiB and the tables of its codes.
pub(super) const INFLATER: usize = 44 * 1024;

/// Why a stream is not inflated any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no deflate, or goes on after its end.
    Broken,
    /// It gives more than the limit.
    Bomb,
}

/// What a flush ends with (RFC 1951 §3.2.4): a stored block of nothing, but for the bits before it.
const FLUSH: [u8; 4] = [0, 0, 0xff, 0xff];
/// Octets that may follow those that hold a line's end, up to the end of the flush.
pub(super) const TO_FLUSH: u8 = 6;

/// The end of a direction's last flush: what the other end inflates is complete there.
#[derive(Default)]
pub(super) struct Flush {
    last: u32,
    /// Octets that may still be its end, once the stream is over.
    left: u8,
}

impl Flush {
    /// How many of these octets belong to one flush.
    pub(super) fn length(octets: &[u8]) -> usize {
        memchr::memmem::find(octets, &FLUSH).map_or(octets.len(), |at| at + FLUSH.len())
    }

    /// Octets were inflated.
    pub(super) fn took(&mut self, octets: &[u8]) {
        let from = octets.len().saturating_sub(FLUSH.len());
        let last = octets.get(from..).unwrap_or_default();
        self.last = last.iter().fold(self.last, |last, octet| (last << 8) | u32::from(*octet));
    }

    /// Whether the last octet that was inflated ends it.
    pub(super) fn is_over(&self) -> bool {
        self.last == u32::from_be_bytes(FLUSH)
    }

    /// Whether these octets, which follow, end it, if it is not over.
    pub(super) fn ends_with(&self, next: &[u8]) -> bool {
        let (mut rest, flush) = (next, u32::from_be_bytes(FLUSH));
        let mut last = self.last;
        while last != flush {
            let Some((octet, after)) = rest.split_first() else { return next.is_empty() };
            (last, rest) = ((last << 8) | u32::from(*octet), after);
        }
        true
    }

    /// What comes is not compressed any more, once this flush is over.
    pub(super) fn end(&mut self) {
        self.left = if self.is_over() { 0 } else { TO_FLUSH };
    }

    /// How many of these octets are its end.
    pub(super) fn skip(&mut self, octets: &[u8]) -> usize {
        let mut skipped = 0;
        for octet in octets.iter().take(usize::from(self.left)) {
            skipped += 1;
            self.left -= 1;
            self.last = (self.last << 8) | u32::from(*octet);
            if self.is_over() {
                self.left = 0;
                break;
            }
        }
        skipped
    }
}

/// Inflates one direction.
pub(super) struct Inflater {
    stream: Decompress,
    /// Octets that may be given beyond what is usual.
    slack: u64,
    /// Octets that were read as text, and may be beyond what is usual.
    text: u64,
    text_slack: u64,
    /// Where the octets last taken stand.
    pub(super) at: At,
}

impl Inflater {
    /// An inflater whose stream may give so many octets beyond what is usual, and so many of text.
    pub(super) fn new(slack: u64, text_slack: u64, at: At) -> Self {
        Self { stream: Decompress::new(false), slack, text: 0, text_slack, at }
    }

    /// Octets were read as lines, and not as what a literal holds: each takes its time, and of the shortest commands a few packets
    /// make millions.
    pub(super) fn read_as_text(&mut self, octets: usize) {
        self.text += octets as u64;
    }

    /// Whether it gave more than it may.
    fn is_bomb(&self) -> bool {
        let taken = self.stream.total_in();
        let most = |slack: u64, usual: u64| slack.saturating_add(taken.saturating_mul(usual));
        self.stream.total_out() > most(self.slack, USUAL) || self.text > most(self.text_slack, USUAL_OF_TEXT)
    }

    /// Octets given so far.
    pub(super) fn given(&self) -> u64 {
        self.stream.total_out()
    }

    /// Takes a few octets, and gives all that they say: nothing of it waits in the inflater when this is over.
    pub(super) fn small_step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Fault> {
        let (taken, mut given) = self.step(input.get(..SMALL).unwrap_or(input), output)?;
        // A fault after some octets were given is found by the next step.
        while let Ok((_, more @ 1..)) = self.step(&[], output.get_mut(given..).unwrap_or_default()) {
            given += more;
        }
        Ok((taken, given))
    }

    /// Takes octets, and gives how many were taken and how many were put into `output`. Neither any: it needs more.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Fault> {
        let (taken, given) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.decompress(input, output, FlushDecompress::Sync);
        let taken = self.stream.total_in() - taken;
        let given = self.stream.total_out() - given;
        if self.is_bomb() {
            return Err(Fault::Bomb);
        }
        match status {
            // What was given before the fault is not to be lost: the next step says so again.
            _ if given > 0 => Ok((taken as usize, given as usize)),
            Err(_) => Err(Fault::Broken),
            // A stream may end with the session; what comes after its end is of none.
            Ok(_) if taken == 0 && !input.is_empty() => Err(Fault::Broken),
            Ok(_) => Ok((taken as usize, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use writ_wire::Time;

    use super::*;

    fn deflate(octets: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(octets).unwrap();
        encoder.flush().unwrap();
        encoder.get_ref().clone()
    }

    fn inflate(input: &[u8], piece: usize, slack: u64) -> Result<Vec<u8>, Fault> {
        let mut inflater = Inflater::new(slack, u64::MAX, At { time: Time::MIN, offset: 0 });
        let (mut output, mut given) = (vec![0; STEP], Vec::new());
        for mut octets in input.chunks(piece) {
            loop {
                let (taken, put) = inflater.step(octets, &mut output)?;
                given.extend_from_slice(&output[..put]);
                octets = &octets[taken..];
                if taken == 0 && put == 0 {
                    break;
                }
            }
        }
        Ok(given)
    }

    #[test]
    fn what_was_deflated_comes_out_however_it_is_cut() {
        let text: Vec<u8> = (0..5000_u32).flat_map(|n| format!("line {}\r\n", n * n % 977).into_bytes()).collect();
        let deflated = deflate(&text);
        for piece in [1, 2, 7, 100, deflated.len()] {
            assert_eq!(inflate(&deflated, piece, 0), Ok(text.clone()));
        }
    }

    #[test]
    fn a_small_step_leaves_nothing_in_the_inflater() {
        let deflated = deflate(&vec![b'x'; 10_000_000]);
        let mut inflater = Inflater::new(1 << 30, u64::MAX, At { time: Time::MIN, offset: 0 });
        let mut output = vec![0; STEP];
        let mut given = 0;
        let mut rest = &deflated[..];
        while !rest.is_empty() {
            let (taken, put) = inflater.small_step(rest, &mut output).unwrap();
            given += put;
            rest = &rest[taken..];
            assert_eq!(inflater.step(&[], &mut output), Ok((0, 0)));
        }
        assert_eq!(given, 10_000_000);
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_noise_is_no_stream() {
        let bomb = deflate(&vec![b'x'; 10_000_000]);
        assert_eq!(inflate(&bomb, 100, 1_000_000), Err(Fault::Bomb));
        assert!(inflate(&bomb, 100, 10_000_000).is_ok());
        assert_eq!(inflate(&[0xff; 10], 100, 1 << 20), Err(Fault::Broken));
        // A stream with an end, as servers send one after LOGOUT; and one that goes on after it.
        assert_eq!(inflate(&[0x4b, 0x04, 0x00], 100, 1 << 20), Ok(b"a".to_vec()));
        assert_eq!(inflate(&[0x4b, 0x04, 0x00, 0x4b], 100, 1 << 20), Err(Fault::Broken));
    }
}
