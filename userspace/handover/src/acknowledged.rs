//! How much of what was written the other end's TCP has acknowledged.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::getsockopt;
use nix::{getsockopt_impl, sockopt_impl};
use tokio::net::TcpStream;

/// Knows how many octets were acknowledged since the connection was opened.
pub(crate) trait Acknowledged {
    /// Of so many octets written.
    fn of(&self, written: u64) -> u64;
}

/// Of a TCP connection, from the kernel. It answers for a connection that was reset, too.
#[derive(Debug)]
pub(crate) struct TcpAcknowledged {
    socket: OwnedFd,
    /// What the kernel had counted before the first octet was written: it may count the SYN.
    opened: u64,
}

impl TcpAcknowledged {
    /// Of a connection to which nothing was written yet.
    pub(crate) fn new(stream: &TcpStream) -> io::Result<Self> {
        let socket = stream.as_fd().try_clone_to_owned()?;
        let opened = getsockopt(&socket, Info)?.acknowledged;
        Ok(Self { socket, opened })
    }
}

impl Acknowledged for TcpAcknowledged {
    fn of(&self, written: u64) -> u64 {
        // The call cannot fail on a socket for which it has succeeded; if it does, what is written stays until the
        // connection is over, and goes again. The FIN counts as an octet.
        getsockopt(&self.socket, Info).map_or(0, |info| info.acknowledged.saturating_sub(self.opened).min(written))
    }
}

/// The beginning of the kernel's `struct tcp_info`, up to what is wanted of it (Linux 4.1). libc's has more, which not
/// every kernel fills.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TcpInfo {
    states: [u8; 8],
    times_and_sizes: [u32; 24],
    pacing_rate: u64,
    max_pacing_rate: u64,
    /// `tcpi_bytes_acked`.
    acknowledged: u64,
}

sockopt_impl!(
    /// `TCP_INFO`.
    Info,
    GetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    TcpInfo
);
