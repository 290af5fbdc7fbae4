//! From a captured frame to ordered bytes: link and IP decoding, fragments, TCP reassembly.
//!
//! Pure: no I/O, no threads, no clock. Time comes in with the frames.
//!
//! ```text
//! Frame ─► link ─► ip ─┬─────────────► tcp ─► tracker ─► conn ─► delivery ─► Streams
//!                      └─► fragment ─►┘       flows,     both halves,
//!                                             time-outs  holes and order
//! ```
//!
//! [`Wire`] takes [`Frame`]s and calls a [`Streams`]: `packet` for each TCP packet of a connection as it was captured, `octets`
//! for the stream in order, `gap` for what was never captured. Whatever the network and the tap do to the packets (disorder,
//! also between the two directions, duplicates, overlap, loss), `octets` and `gap` come in the order in which the ends saw them,
//! each octet once, and none that was not captured.
//!
//! What is missing is waited for within the limits of [`Settings`], which bound every table as well; what is lost at a limit is
//! in [`Counters`].
//!
//! `link` goes through tunnels as well (`writ-filter` names them), up to the innermost IP packet: the same decoder as in the XDP
//! program. What the tunnel's own packets were fragmented into is put together first, and the way starts again within it.

mod aside;
mod bytes;
mod conn;
mod counters;
mod delivery;
mod expiry;
mod flow;
mod fragment;
mod frame;
mod index;
mod ip;
mod link;
mod settings;
mod steering;
mod stream;
mod streams;
mod table;
mod tcp;
mod tick;
mod time;
mod tracker;
mod wire;

pub use aside::Order;
pub use counters::Counters;
pub use frame::{Frame, Link};
pub use settings::{Ports, Settings};
pub use steering::steering;
pub use streams::{Close, Connection, Direction, Flags, Fragment, Packet, Streams};
pub use time::{Time, days_since_epoch};
pub use wire::Wire;
