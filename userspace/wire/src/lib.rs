//! From a captured frame to ordered bytes: link and IP decoding, fragments, TCP reassembly.
//!
//! Pure: no I/O, no threads, no clock. Time comes in with the frames.

mod counters;
mod frame;
mod settings;
mod streams;
mod time;

pub use counters::Counters;
pub use frame::{Frame, Link};
pub use settings::{Ports, Settings};
pub use streams::{Close, Connection, Direction, Flags, Packet, Streams};
pub use time::Time;
