//! The few system calls that neither the standard library, nor aya, nor xsk-rs makes.

#![expect(unsafe_code, reason = "system calls")]

use std::ffi::CString;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Bit of the flags that `XDP_OPTIONS` gives: the socket is bound without copying (linux/if_xdp.h).
const XDP_OPTIONS_ZEROCOPY: u32 = 1;
/// `ETHTOOL_GCHANNELS` (linux/ethtool.h).
const ETHTOOL_GCHANNELS: u32 = 0x3c;

/// The index of the interface `name` in this thread's network namespace.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a string with a terminating zero that lives over the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// A new socket, closed on exec.
pub(super) fn socket(domain: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made `fd`, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends `message` and receives one answer of at most `answer.len()` octets; returns its length.
pub(super) fn exchange(socket: &OwnedFd, message: &[u8], answer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and length are those of a slice that lives over the call.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above; the kernel writes at most `answer.len()` octets.
    let received = unsafe { libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// Sets an option to a value of plain numbers.
pub(super) fn set_option<T: Copy>(
    socket: &impl AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the pointer and size are those of a value that lives over the call, which only reads it.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The value of an option that is one 32-bit number.
fn option(socket: &impl AsRawFd, level: libc::c_int, option: libc::c_int) -> io::Result<u32> {
    let mut value = 0u32;
    let mut size = mem::size_of::<u32>() as libc::socklen_t;
    // SAFETY: both pointers are to values that live over the call, and `size` is the first one's.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, std::ptr::from_mut(&mut value).cast(), &raw mut size)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

/// Whether an AF_XDP socket is bound without copying, as the kernel says (`XDP_OPTIONS`).
pub(super) fn is_zero_copy(socket: &impl AsRawFd) -> io::Result<bool> {
    Ok(option(socket, libc::SOL_XDP, libc::XDP_OPTIONS)? & XDP_OPTIONS_ZEROCOPY != 0)
}

/// The error that a socket holds, which this clears.
pub(super) fn held_error(socket: &impl AsRawFd) -> io::Result<Option<io::Error>> {
    let number = option(socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok(i32::try_from(number).ok().filter(|number| *number != 0).map(io::Error::from_raw_os_error))
}

/// Reads from a socket whose queue is polled busily: the kernel takes packets off the card in this call, and returns none here.
pub(super) fn poll_busily(socket: &impl AsRawFd) {
    // SAFETY: a buffer of no length is not written to.
    let _ = unsafe { libc::recv(socket.as_raw_fd(), std::ptr::null_mut(), 0, libc::MSG_DONTWAIT) };
}

/// Waits until one of two descriptors is readable, or for so many milliseconds; gives which are. A signal ends it early.
pub(super) fn wait_readable(fds: [RawFd; 2], timeout_ms: i32) -> io::Result<[bool; 2]> {
    let mut polled = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    // SAFETY: the pointer and length are those of an array that lives over the call.
    let result = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
    if result < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok([false; 2]) } else { Err(error) };
    }
    Ok(polled.map(|polled| polled.revents != 0))
}

/// A descriptor that is readable once it was rung.
pub(super) fn event() -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made `fd`, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes an event readable.
pub(super) fn ring(event: &OwnedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: the pointer and length are those of an array that lives over the call. It fails where 2^64 rings were not heard, and then it is
    // readable already.
    let _ = unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes it unreadable again.
pub(super) fn hush(event: &OwnedFd) {
    let mut count = [0u8; 8];
    // SAFETY: as above; the kernel writes these octets. It fails where it was not rung.
    let _ = unsafe { libc::read(event.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

/// Makes the interface `index` promiscuous for as long as the socket that is returned lives. The socket is bound to no
/// protocol and receives nothing.
pub(super) fn promiscuous(index: u32) -> io::Result<OwnedFd> {
    let socket = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    let membership = libc::packet_mreq {
        mr_ifindex: i32::try_from(index).unwrap_or_default(),
        mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(&socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    Ok(socket)
}

/// `struct ethtool_channels` (linux/ethtool.h).
#[repr(C)]
#[derive(Default)]
struct Channels {
    cmd: u32,
    max_rx: u32,
    max_tx: u32,
    max_other: u32,
    max_combined: u32,
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

/// The receive queues in use of the interface `name`; an error where its driver does not tell.
pub(super) fn receive_queues(name: &str) -> io::Result<u32> {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut channels = Channels { cmd: ETHTOOL_GCHANNELS, ..Channels::default() };
    // SAFETY: an ifreq of zeros is a valid one, without a name.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    // The last octet stays zero, whatever the name's length.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(room)) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut channels).cast();
    // SAFETY: SIOCETHTOOL takes an ifreq whose data points to the structure of its command; both live over the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(channels.rx.saturating_add(channels.combined))
}
