//! A UMEM, a socket bound to a queue, and its rings.

#![expect(unsafe_code, reason = "xsk-rs leaves to its caller that a UMEM and its frames are given to one socket once")]

use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use xsk_rs::config::{BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig};
use xsk_rs::socket::{RxQueue, Socket};
use xsk_rs::umem::{FillQueue, Umem};

use super::{AfxdpError, HUGE_PAGE, Settings};

/// How long a queue may still be in use by a socket that was just closed: the kernel takes such sockets down later.
const RELEASE_TIME: Duration = Duration::from_secs(1);
const RELEASE_STEP: Duration = Duration::from_millis(20);

/// A bound socket with its frames all in the fill ring.
pub(super) struct Bound {
    pub(super) rx: RxQueue,
    pub(super) fill: FillQueue,
    pub(super) umem: Umem,
}

/// Binds, waiting a little for a socket that was just closed to let go of the queue and its memory.
pub(super) fn bind_waiting(settings: &Settings, queue: u32, mode: BindFlags) -> Result<Bound, AfxdpError> {
    let mut waited = Duration::ZERO;
    loop {
        match bind_once(settings, queue, mode) {
            // Huge pages too are given back only then.
            Err(AfxdpError::Busy { .. } | AfxdpError::HugePages { .. }) if waited < RELEASE_TIME => {
                std::thread::sleep(RELEASE_STEP);
                waited += RELEASE_STEP;
            }
            done => return done,
        }
    }
}

/// Makes a UMEM, binds a socket to it, and hands all of its frames to the kernel.
///
/// xsk-rs gives the fill ring out with the bound socket, not before. So the ring is filled right after; no packet is
/// redirected to the socket until it is in the program's map, which comes later still.
fn bind_once(settings: &Settings, queue: u32, mode: BindFlags) -> Result<Bound, AfxdpError> {
    let size = |count: u32, setting| {
        QueueSize::new(count).map_err(|_| AfxdpError::Setting { setting, expected: "a power of two" })
    };
    let frame_size = FrameSize::new(settings.frame_size);
    let frame_size = frame_size.map_err(|_| AfxdpError::Setting { setting: "frame_size", expected: "2048 or 4096" })?;
    // The library insists on rings for sending; they are as small as can be.
    let umem_config = UmemConfig::builder()
        .frame_size(frame_size)
        .fill_queue_size(size(settings.frame_count, "frame_count")?)
        .comp_queue_size(size(1, "frame_count")?)
        .build()
        .map_err(|_| AfxdpError::Setting { setting: "frame_size", expected: "2048 or 4096" })?;
    let frame_count = NonZeroU32::new(settings.frame_count);
    let frame_count = frame_count.ok_or(AfxdpError::Setting { setting: "frame_count", expected: "a power of two" })?;
    let (umem, frames) = Umem::new(umem_config, frame_count, settings.huge_pages).map_err(|error| {
        let octets = settings.octets();
        let source = system_cause(&error);
        if source.kind() == io::ErrorKind::PermissionDenied {
            return AfxdpError::denied("register a UMEM");
        }
        if settings.huge_pages && source.raw_os_error() == Some(libc::ENOMEM) {
            return AfxdpError::HugePages { octets, pages: octets.div_ceil(HUGE_PAGE) };
        }
        AfxdpError::Umem { octets, source }
    })?;

    let socket_config = SocketConfig::builder()
        .rx_queue_size(size(settings.rx_ring, "rx_ring")?)
        .tx_queue_size(size(1, "rx_ring")?)
        .libxdp_flags(LibxdpFlags::XSK_LIBXDP_FLAGS_INHIBIT_PROG_LOAD)
        .bind_flags(mode | BindFlags::XDP_USE_NEED_WAKEUP)
        .build();
    let unnamed = |_| AfxdpError::NoInterface { interface: settings.interface.clone() };
    let interface: Interface = settings.interface.parse().map_err(unnamed)?;
    let failed = |source: io::Error| {
        let interface = settings.interface.clone();
        match source.raw_os_error() {
            Some(libc::EBUSY) => AfxdpError::Busy { interface, queue },
            Some(libc::ENETDOWN) => AfxdpError::Down { interface },
            Some(libc::EPERM | libc::EACCES) => AfxdpError::denied("bind an AF_XDP socket"),
            _ => AfxdpError::Bind { interface, queue, source },
        }
    };
    // SAFETY: the UMEM is fresh and shared with no other socket.
    let made = unsafe { Socket::new(socket_config, &umem, &interface, queue) };
    let (_never_sends, rx, rings) = made.map_err(|error| failed(system_cause(&error)))?;
    // A fresh UMEM always comes with its rings.
    let (mut fill, _never_completes) = rings.ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))?;
    // SAFETY: these are the frames of the socket's own UMEM, each once, and none was given to anybody before.
    let filled = unsafe { fill.produce(&frames) };
    debug_assert_eq!(filled, frames.len());
    Ok(Bound { rx, fill, umem })
}

/// The system's error behind one of the library's, which itself says only what failed.
fn system_cause(error: &(dyn Error + 'static)) -> io::Error {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.and_then(io::Error::raw_os_error) {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error.to_string()),
    }
}
