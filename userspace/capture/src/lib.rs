//! Frames from AF_XDP rings and from capture files, behind one trait.
//!
//! A [`Source`] hands out [`Frame`]s in batches and borrows them only for the length of the visit: whoever wants to keep
//! octets copies them. What a frame holds is not looked at here; its link type is the number from the tcpdump.org
//! LINKTYPE registry, passed through as it was found.
//!
//! - [`afxdp`] receives from an interface's queues what the XDP program takes for mail.
//! - [`pcap`] reads classic pcap and pcapng files, plain or gzip, as a stream of bounded records.

pub mod afxdp;
pub mod pcap;

mod error;
mod source;

pub use error::CaptureError;
pub use source::{Batch, Frame, Source, link};
