//! From a captured frame to ordered bytes: link and IP decoding, fragments, TCP reassembly.
//!
//! Pure: no I/O, no threads, no clock. Time comes in with the frames.

mod time;

pub use time::Time;
