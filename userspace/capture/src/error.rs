//! What any [`crate::Source`] may fail with.

use crate::afxdp::AfxdpError;
use crate::pcap::PcapError;

/// Why a source cannot give frames.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A capture file cannot be opened, or read on from some octet.
    #[error(transparent)]
    Pcap(#[from] PcapError),
    /// An interface cannot be captured, or not any longer.
    #[error(transparent)]
    Afxdp(#[from] AfxdpError),
}
