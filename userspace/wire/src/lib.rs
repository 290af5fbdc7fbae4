//! From a captured frame to ordered bytes: link and IP decoding, fragments, TCP reassembly.
//!
//! Pure: no I/O, no threads, no clock. Time comes in with the frames.

mod bytes;
mod conn;
mod counters;
mod delivery;
mod expiry;
mod flow;
mod fragment;
mod frame;
mod ip;
mod link;
mod settings;
mod steering;
mod stream;
mod streams;
mod table;
mod tcp;
mod time;
mod tracker;
mod wire;

pub use counters::Counters;
pub use frame::{Frame, Link};
pub use settings::{Ports, Settings};
pub use steering::steering;
pub use streams::{Close, Connection, Direction, Flags, Packet, Streams};
pub use time::Time;
pub use wire::Wire;
