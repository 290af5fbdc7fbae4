//! Why a capture file cannot be read, or not read on.

use std::io;
use std::path::PathBuf;

/// Why a capture file cannot be read, or not read on.
///
/// Offsets count octets from the file's begin; in a gzip file, from the begin of what it unpacks to.
#[derive(Debug, thiserror::Error)]
pub enum PcapError {
    /// The file cannot be opened.
    #[error("{}: cannot open: {source}", file.display())]
    Open {
        /// The file's name.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system, or the gzip decoder, failed in the middle of the file.
    #[error("{}: cannot read on at octet {offset}, expected {expected}: {source}", file.display())]
    Read {
        /// The file's name.
        file: PathBuf,
        /// Where the part that could not be read begins.
        offset: u64,
        /// The part that was expected there.
        expected: &'static str,
        /// What the system, or the decoder, said.
        source: io::Error,
    },
    /// The file begins with none of the known magic numbers.
    #[error("{}: octet 0: expected the magic number of pcap, pcapng or gzip, found {found:02x?}", file.display())]
    Magic {
        /// The file's name.
        file: PathBuf,
        /// The first octets: fewer than four in a file shorter than that.
        found: Vec<u8>,
    },
    /// The file ends in the middle of something.
    #[error("{}: cut off: octet {offset}: expected {expected} of {wanted} octets, the file has {held}", file.display())]
    Cut {
        /// The file's name.
        file: PathBuf,
        /// Where the part that is not whole begins.
        offset: u64,
        /// The part that was expected there.
        expected: &'static str,
        /// How many octets that part has.
        wanted: u64,
        /// How many of them the file holds.
        held: u64,
    },
    /// A field has a value that the format does not allow, or that is beyond what Writ reads.
    #[error("{}: octet {offset}: expected {expected}, found {found}", file.display())]
    Malformed {
        /// The file's name.
        file: PathBuf,
        /// Where the field is.
        offset: u64,
        /// What the format, or a limit, asks for.
        expected: &'static str,
        /// The value in its place.
        found: u64,
    },
}
