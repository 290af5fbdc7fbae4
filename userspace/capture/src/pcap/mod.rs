//! Capture files: classic pcap and pcapng, plain or gzip, read as a stream.
//!
//! The reading is Writ's own. The `pcap-file` crate refuses frames whose length on the wire is beyond the header's
//! snapshot length, which every truncating capture holds; it tells no octet offset; and it buffers what it does not need.
//! It serves the tests, as an independent writer.
//!
//! A capture that was cut off, by a full disk or a killed process, gives every whole frame that it holds, and then one
//! [`PcapError`] that says where the cut is and what was expected there. A frame of which only a part is in the file is not
//! given: nobody could tell it from one that the wire carried so.
//!
//! Memory is bounded whatever the file says: one window of [`LONGEST_PART`] octets, and [`MOST_INTERFACES`] interface
//! descriptions.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::{Batch, CaptureError, Frame, Source};
use classic::Classic;
use pcapng::PcapNg;
use window::Window;

mod classic;
mod error;
mod interface;
mod order;
mod pcapng;
mod window;

pub use error::PcapError;
pub use pcapng::MOST_INTERFACES;

/// The longest frame that is read, in octets: libpcap's own limit for the link types that carry IP.
pub const LONGEST_FRAME: u32 = 262_144;

/// The longest part of a file that is held at once, in octets: a frame with its header, or a pcapng block that matters.
pub const LONGEST_PART: usize = LONGEST_FRAME as usize + 65_536;

/// Frames of a file that one [`Source::next_batch`] visits at most.
pub const BATCH: usize = 256;

/// What a file has given so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounters {
    /// Frames visited.
    pub frames: u64,
    /// Octets captured in those frames, file and record headers left out.
    pub octets: u64,
}

/// The format of a file, and where in it the reading is.
enum Format {
    Classic(Classic),
    PcapNg(PcapNg),
}

impl Format {
    /// Visits the next frame, if there is one.
    fn next(&mut self, window: &mut Window, visit: &mut dyn FnMut(Frame<'_>)) -> Result<Option<usize>, PcapError> {
        match self {
            Self::Classic(classic) => classic.next(window, visit),
            Self::PcapNg(pcapng) => pcapng.next(window, visit),
        }
    }
}

/// Where the reading of a file stands.
enum State {
    Reading,
    /// Frames were delivered in the batch that met this error; the next call returns it.
    Failed(PcapError),
    Ended,
}

/// A capture file, open for reading. A [`Source`] that is never [`Batch::Idle`].
pub struct CaptureFile {
    window: Window,
    format: Format,
    state: State,
    counters: FileCounters,
}

impl CaptureFile {
    /// Opens the file `path` and reads its header.
    ///
    /// # Errors
    /// [`PcapError`] where there is no such file, or it does not begin as a capture file does.
    pub fn open(path: &Path) -> Result<Self, PcapError> {
        let file = File::open(path).map_err(|source| PcapError::Open { file: path.to_owned(), source })?;
        Self::from_reader(path, Box::new(file))
    }

    /// Reads a capture file from `reader`, which need not seek; `name` names it in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_reader(name: &Path, reader: Box<dyn Read + Send>) -> Result<Self, PcapError> {
        let mut window = unpacked(name.to_owned(), reader)?;
        let magic = window.fill(4).first_chunk::<4>().copied();
        let format = match magic {
            Some(pcapng::MAGIC) => Format::PcapNg(PcapNg::new()),
            Some(magic) => match Classic::of_magic(magic) {
                Some(encoding) => Format::Classic(Classic::open(encoding, &mut window)?),
                None => return Err(window.unknown_magic()),
            },
            None => return Err(window.unknown_magic()),
        };
        Ok(Self { window, format, state: State::Reading, counters: FileCounters::default() })
    }

    /// What the file has given so far.
    pub fn counters(&self) -> FileCounters {
        self.counters
    }
}

/// A window over what `reader` gives, unpacked where that is gzip. One layer only: gzip in gzip is no capture file.
fn unpacked(name: PathBuf, mut reader: Box<dyn Read + Send>) -> Result<Window, PcapError> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let mut begin = Vec::with_capacity(GZIP.len());
    if let Err(source) = reader.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin) {
        return Err(PcapError::Read { file: name, offset: 0, expected: "a magic number", source });
    }
    let packed = begin == GZIP;
    let whole = Cursor::new(begin).chain(reader);
    let reader: Box<dyn Read + Send> =
        if packed { Box::new(MultiGzDecoder::new(BufReader::new(whole))) } else { Box::new(whole) };
    Ok(Window::new(reader, name, LONGEST_PART))
}

impl Source for CaptureFile {
    fn next_batch(&mut self, visit: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, CaptureError> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(Batch::End),
            State::Failed(error) => return Err(error.into()),
            State::Reading => {}
        }
        let mut visited = 0;
        while visited < BATCH {
            match self.format.next(&mut self.window, visit) {
                Ok(Some(octets)) => {
                    visited += 1;
                    self.counters.frames += 1;
                    self.counters.octets += octets as u64;
                }
                Ok(None) if visited == 0 => return Ok(Batch::End),
                Ok(None) => return Ok(Batch::Frames(visited)),
                Err(error) if visited == 0 => return Err(error.into()),
                Err(error) => {
                    self.state = State::Failed(error);
                    return Ok(Batch::Frames(visited));
                }
            }
        }
        self.state = State::Reading;
        Ok(Batch::Frames(visited))
    }
}
