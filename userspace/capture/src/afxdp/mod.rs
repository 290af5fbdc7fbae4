//! AF_XDP: frames of an interface's receive queues, filtered by the XDP program of `ebpf/`.
//!
//! [`Interface::open`] loads the program, attaches it, and gives one [`QueueSource`] for each queue: a worker takes a source
//! and owns everything that comes from it. Two sources share nothing, each has its own frame memory (UMEM).
//!
//! The best that the kernel and the driver offer is tried first, and what was obtained is read back and reported, never
//! assumed: native XDP, then generic; binding without copying, then with. See [`Obtained`].
//!
//! **Passive.** What is redirected to a socket goes nowhere else, so the interface is to carry a copy of the traffic. Nothing
//! is ever sent on it: the program does not transmit, and a source has no sending side.
//!
//! **Time stamps** are the host's clock (`CLOCK_REALTIME`), read once a batch, when the batch is taken off the ring: they are
//! late by the time that a frame waited there, which is microseconds for a worker that keeps up.
//!
//! **Loss** is counted by cause: [`QueueCounts`] for what the kernel dropped after the program redirected it, the verdict
//! `no_socket` for queues without a source, [`VerdictCount`] for everything that the program decided.
//!
//! # Minimum kernel
//! Linux 5.11 (BPF memory is no longer counted against `RLIMIT_MEMLOCK`).
//!
//! # Privileges
//! `CAP_NET_ADMIN`, `CAP_NET_RAW`, `CAP_BPF` and `CAP_PERFMON`; and `CAP_IPC_LOCK`, or a memory lock limit that the UMEMs fit into.

mod bind;
mod counters;
mod error;
mod filter;
mod interface;
mod lending;
mod letgo;
mod link;
mod queue;
mod settings;
mod sys;
mod trial;

pub use counters::{QueueCounters, QueueCounts, VerdictCount};
pub use error::AfxdpError;
pub use filter::MailFilter;
pub use interface::{AttachMode, Condition, Interface};
pub use lending::Lent;
pub use letgo::{LetGoTable, LetGoTotals};
pub use queue::{BATCH, BATCHES_A_STATISTIC, QueueSource};
pub use settings::{BusyPoll, HUGE_PAGE, OtherTraffic, Queues, Settings};
pub use trial::{Trial, Trials};
pub use writ_filter::flow::FlowKey;
pub use writ_filter::verdict::Verdict;

/// How a socket is bound to its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindMode {
    /// The network card writes into the UMEM.
    ZeroCopy,
    /// The kernel copies each packet into the UMEM.
    Copy,
}

/// What could be had of the kernel and the driver for a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obtained {
    /// How the program is attached to the interface.
    pub attach: AttachMode,
    /// How the queue's socket is bound.
    pub bind: BindMode,
}
