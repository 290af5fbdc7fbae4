//! Why an interface cannot be captured, or not any longer.

use std::io;

/// Why an interface cannot be captured, or not any longer.
#[derive(Debug, thiserror::Error)]
pub enum AfxdpError {
    /// A setting is out of its range.
    #[error("capture setting {setting}: expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it may be.
        expected: &'static str,
    },
    /// There is no interface of that name in this network namespace.
    #[error("interface {interface} does not exist")]
    NoInterface {
        /// The name.
        interface: String,
    },
    /// It is the loopback interface, by whatever name, which carries this machine's own traffic alone.
    #[error("interface {interface} is a loopback: expected one that carries a copy of the traffic")]
    Loopback {
        /// The name.
        interface: String,
    },
    /// The interface is not up, so no socket can be bound to it.
    #[error("interface {interface} is down: ip link set {interface} up")]
    Down {
        /// The interface's name.
        interface: String,
    },
    /// The process lacks a capability.
    #[error(
        "interface {interface}: cannot {doing}: needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON and CAP_IPC_LOCK"
    )]
    Permission {
        /// The interface's name.
        interface: String,
        /// What was refused.
        doing: &'static str,
    },
    /// A queue is listed that the interface does not have.
    #[error("interface {interface} has {queues} receive queues: there is no queue {queue}")]
    NoQueue {
        /// The interface's name.
        interface: String,
        /// The queue that is listed.
        queue: u32,
        /// How many queues there are.
        queues: u32,
    },
    /// The interface has more queues than the program's socket map.
    #[error("interface {interface} has {queues} receive queues, of which at most 128 can be captured: list them")]
    TooManyQueues {
        /// The interface's name.
        interface: String,
        /// How many queues there are.
        queues: u32,
    },
    /// Another program is attached to the interface; it is left alone.
    #[error("interface {interface} has another XDP program attached")]
    Occupied {
        /// The interface's name.
        interface: String,
    },
    /// The kernel refuses the program or a map of it.
    #[error("cannot load the XDP program: {reason}")]
    Load {
        /// What the kernel, or its verifier, said.
        reason: String,
    },
    /// The program could be attached in neither mode.
    #[error("cannot attach to {interface}: native mode: {native}; generic mode: {generic}")]
    Attach {
        /// The interface's name.
        interface: String,
        /// Why not in native mode.
        native: String,
        /// Why not in generic mode.
        generic: String,
    },
    /// The kernel reports neither native nor generic mode after attaching.
    #[error("interface {interface} reports XDP mode {mode} after attaching, expected 1 (native) or 2 (generic)")]
    Mode {
        /// The interface's name.
        interface: String,
        /// `IFLA_XDP_ATTACHED` as it was found.
        mode: u8,
    },
    /// A queue is bound by another socket.
    #[error("queue {queue} of {interface} is in use by another AF_XDP socket")]
    Busy {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: u32,
    },
    /// No socket could be bound to a queue, neither with zero-copy nor with copying.
    #[error("cannot bind to queue {queue} of {interface}: {source}")]
    Bind {
        /// The interface's name.
        interface: String,
        /// The queue.
        queue: u32,
        /// What the kernel said last.
        source: io::Error,
    },
    /// The frames' memory cannot be had.
    #[error("cannot set up {octets} octets of UMEM: {source}")]
    Umem {
        /// How much was asked for.
        octets: u64,
        /// What the kernel said.
        source: io::Error,
    },
    /// There are not enough huge pages for a queue's frames.
    #[error("no {octets} octets of huge pages for a queue: {pages} of 2 MiB are needed (sysctl vm.nr_hugepages)")]
    HugePages {
        /// How much was asked for.
        octets: u64,
        /// How many pages that is.
        pages: u64,
    },
    /// A map of the loaded program cannot be read or written.
    #[error("cannot use map {map} of the XDP program: {reason}")]
    Map {
        /// The map's name.
        map: &'static str,
        /// What the kernel said.
        reason: String,
    },
    /// The interface went away, or its queue did.
    #[error("interface {interface} is gone: {source}")]
    Gone {
        /// The interface's name.
        interface: String,
        /// The error that its socket holds.
        source: io::Error,
    },
    /// Some other call failed.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl AfxdpError {
    /// The error of a failed call: a lack of capabilities is told from everything else.
    pub(super) fn system(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::denied(doing),
            _ => Self::System { doing, source },
        }
    }

    /// A lack of capabilities, of which [`on`](Self::on) says where.
    pub(super) fn denied(doing: &'static str) -> Self {
        Self::Permission { interface: String::new(), doing }
    }

    /// The same, of this interface: the calls that are refused do not know it.
    pub(super) fn on(self, name: &str) -> Self {
        match self {
            Self::Permission { doing, .. } => Self::Permission { interface: name.to_owned(), doing },
            other => other,
        }
    }
}
