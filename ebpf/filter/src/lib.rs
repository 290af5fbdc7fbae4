//! What the XDP program decides for a packet.
//!
//! The program in the kernel and the tests on the host run this very code: it allocates nothing, walks every chain of
//! headers only so far, and reads the packet through [`Packet`], whose kernel side is the only unsafe part.
//!
//! - [`walk`] goes from the first header of a packet, through its tunnels, to what it carries; `writ-wire` goes the same way.
//! - [`class_of`] says what a packet is.
//! - [`verdict::Verdict`] names what became of it, one counter each.
//! - [`ports::PortSet`] is the set of mail ports as the program's map holds it.

#![no_std]

mod class;
pub mod flow;
mod header;
mod ip;
mod link;
mod packet;
pub mod ports;
mod tunnel;
pub mod verdict;
mod walk;

pub use class::{Class, Mail, class_of, looked_at};
pub use header::protocol;
pub use packet::{FARTHEST, Packet};
pub use walk::{Carried, MOST_HEADERS, Passed, Start, direct, walk, walk_each};

/// Queues of an interface that can have an AF_XDP socket: the size of the program's socket map.
pub const MOST_QUEUES: u32 = 128;

/// Places in the program's array of settings, each a 32-bit number.
pub mod setting {
    /// [`crate::verdict::OtherTraffic`].
    pub const OTHER_TRAFFIC: u32 = 0;
    /// 1 once a connection was let go: until then none is looked for.
    pub const LETS_GO: u32 = 1;
    /// Zero, which the verifier does not know: see [`crate::Packet::unrelated`].
    pub const ZERO: u32 = 2;
    /// How many there are.
    pub const COUNT: u32 = 3;
}

/// Names of the program and its maps in the object, as the loader looks them up.
pub mod name {
    /// The XDP program.
    pub const PROGRAM: &str = "mail_filter";
    /// The same, for packets of several buffers.
    pub const JUMBO: &str = "mail_filter_jumbo";
    /// An XDP program that does nothing, to measure the other against.
    pub const NOTHING: &str = "nothing";
    /// XSKMAP: the socket of each queue.
    pub const SOCKETS: &str = "SOCKETS";
    /// Array of one [`crate::ports::PortSet`].
    pub const PORTS: &str = "PORTS";
    /// Array of [`crate::setting`]s.
    pub const SETTINGS: &str = "SETTINGS";
    /// Per-CPU array of [`crate::verdict::Count`], at [`crate::verdict::counter_index`].
    pub const COUNTERS: &str = "COUNTERS";
    /// LRU hash of [`crate::flow::LetGo`] by [`crate::flow::FlowKey`].
    pub const LET_GO: &str = "LET_GO";
}
