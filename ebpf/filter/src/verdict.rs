//! What became of a packet, and the counters that say how many.

use crate::MOST_QUEUES;

/// What became of a packet. Every packet that the program sees has exactly one, so the counters sum to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// TCP with a mail port at either end: handed to the queue's socket.
    MailRedirected = 0,
    /// A fragment of TCP, of whatever port: handed to the queue's socket.
    FragmentRedirected = 1,
    /// Mail, or a fragment, on a queue that no socket is bound to: treated as other traffic, and lost to Writ.
    NoSocket = 2,
    /// Neither mail nor fragment: left to the kernel's stack.
    OtherPassed = 3,
    /// Neither mail nor fragment: dropped, on a port that carries nothing but a tap.
    OtherDropped = 4,
    /// Ends within a header, or has a header whose length cannot be: treated as other traffic.
    Malformed = 5,
    /// More headers than are walked: treated as other traffic.
    TooDeep = 6,
    /// Mail of a connection that was let go: encrypted, and wanted by no warrant. Treated as other traffic.
    LetGo = 7,
}

impl Verdict {
    /// Every verdict, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::MailRedirected,
        Self::FragmentRedirected,
        Self::NoSocket,
        Self::OtherPassed,
        Self::OtherDropped,
        Self::Malformed,
        Self::TooDeep,
        Self::LetGo,
    ];

    /// The verdict's name in counters and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailRedirected => "mail_redirected",
            Self::FragmentRedirected => "fragment_redirected",
            Self::NoSocket => "no_socket",
            Self::OtherPassed => "other_passed",
            Self::OtherDropped => "other_dropped",
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::LetGo => "let_go",
        }
    }
}

/// What is done with packets that are not for Writ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u32)]
pub enum OtherTraffic {
    /// They go on to the kernel's stack: for a port that also carries something else.
    #[default]
    Pass = 0,
    /// They are dropped: for a dedicated tap port, where the stack would only waste time on them.
    Drop = 1,
}

/// A counter's value: packets, then their octets from the Ethernet header on.
pub type Count = [u64; 2];

/// Entries of the counter map: a row for each queue, and one for all queues beyond [`MOST_QUEUES`].
pub const COUNTERS: u32 = (MOST_QUEUES + 1) * ROW;

/// Entries in a queue's row.
const ROW: u32 = Verdict::ALL.len() as u32;

/// Where the counter of `queue` and `verdict` is in the map: below [`COUNTERS`] for every queue.
#[inline(always)]
pub const fn counter_index(queue: u32, verdict: Verdict) -> u32 {
    let row = if queue < MOST_QUEUES { queue } else { MOST_QUEUES };
    row * ROW + verdict as u32
}
