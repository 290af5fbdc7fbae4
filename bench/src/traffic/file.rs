//! What frames are written to: a capture, or what `trafgen` sends.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, TsResolution};

/// A file of frames.
pub enum FrameFile {
    /// pcap, nanoseconds, Ethernet.
    Capture(PcapWriter<BufWriter<File>>),
    /// A configuration of netsniff-ng's `trafgen`: a packet in braces each.
    Trafgen(BufWriter<File>),
}

impl FrameFile {
    /// A new file: for `trafgen` where its name ends in `.cfg`, else a capture.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
        if path.extension().is_some_and(|extension| extension == "cfg") {
            return Ok(Self::Trafgen(file));
        }
        let (ts_resolution, datalink) = (TsResolution::NanoSecond, DataLink::ETHERNET);
        let header = PcapHeader { ts_resolution, datalink, ..PcapHeader::default() };
        Ok(Self::Capture(PcapWriter::with_header(file, header)?))
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, time: Duration, frame: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Capture(writer) => {
                writer.write_packet(&PcapPacket::new(time, frame.len() as u32, frame))?;
            }
            Self::Trafgen(file) => {
                file.write_all(b"{")?;
                for octet in frame {
                    write!(file, "{octet:#04x},")?;
                }
                file.write_all(b"}\n")?;
            }
        }
        Ok(())
    }

    /// Everything is on its way to the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Capture(writer) => writer.into_writer().flush()?,
            Self::Trafgen(mut file) => file.flush()?,
        }
        Ok(())
    }
}
