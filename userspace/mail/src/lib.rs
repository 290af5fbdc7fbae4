//! The mail protocols as incremental state machines: bytes in, mail events out.
//!
//! Pure: no I/O, no threads, no clock, and no notion of who is a target. A machine is fed the octets of both directions
//! in the order in which the two ends saw them (which `writ-wire` restores), in pieces of any size; what it says does
//! not depend on how the octets were cut.

pub mod access;
pub mod head;
pub mod imap;
mod line;
pub mod pop3;
mod preamble;
mod repeated;
pub mod sasl;
pub mod smtp;

pub use line::{At, Line};
