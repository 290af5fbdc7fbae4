//! What any [`crate::Source`] may fail with.

use crate::pcap::PcapError;

/// Why a source cannot give frames.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A capture file cannot be opened, or read on from some octet.
    #[error(transparent)]
    Pcap(#[from] PcapError),
}
