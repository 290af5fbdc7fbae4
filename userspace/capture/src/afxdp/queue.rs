//! A receive queue: its UMEM, its rings, and the frames that come through them.

#![expect(unsafe_code, reason = "xsk-rs leaves to its caller that a frame is with the kernel or with us, never both")]

use std::error::Error;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use xsk_rs::config::{BindFlags, FrameSize, Interface, LibxdpFlags, QueueSize, SocketConfig, UmemConfig};
use xsk_rs::socket::{RxQueue, Socket};
use xsk_rs::umem::frame::FrameDesc;
use xsk_rs::umem::{FillQueue, Umem};

use super::{AfxdpError, BindMode, Obtained, QueueCounters, Settings, sys};
use crate::{Batch, CaptureError, Frame, Source, link};

/// Frames that one [`Source::next_batch`] visits at most: enough to share the ring's cache misses and the clock's reading,
/// few enough that their octets are still in the cache.
pub const BATCH: usize = 64;

/// Batches after which the kernel's ring statistics are read again; it is a system call.
pub const BATCHES_A_STATISTIC: u32 = 1024;

/// How long a queue may still be in use by a socket that was just closed: the kernel takes such sockets down later.
const RELEASE_TIME: Duration = Duration::from_secs(1);
const RELEASE_STEP: Duration = Duration::from_millis(20);

/// `SO_PREFER_BUSY_POLL` and `SO_BUSY_POLL_BUDGET` (asm-generic/socket.h).
const SO_PREFER_BUSY_POLL: i32 = 69;
const SO_BUSY_POLL_BUDGET: i32 = 70;

/// One receive queue of an interface: a [`Source`] that is never at its end while the interface is there.
///
/// The queue's worker owns it; it can be moved to that worker's thread. Dropping it gives the queue back. It has no sending
/// side: the rings for that, which the library makes, are dropped at once.
pub struct QueueSource {
    interface: String,
    queue: u32,
    obtained: Obtained,
    rx: RxQueue,
    fill: FillQueue,
    umem: Umem,
    /// Room for a batch's descriptors: which frames they name is for each batch to say.
    batch: Box<[FrameDesc]>,
    /// What came so far of a packet that does not fit into one frame.
    joined: Vec<u8>,
    poll_timeout_ms: i32,
    counters: Arc<QueueCounters>,
    batches_to_statistic: u32,
    ended: bool,
}

/// A bound socket with its frames all in the fill ring.
struct Bound {
    rx: RxQueue,
    fill: FillQueue,
    umem: Umem,
}

impl QueueSource {
    /// Binds a socket to `queue`: without copying if the driver can and the program runs in it, else with copying.
    ///
    /// Where the interface's packets may be `jumbo`, longer than a frame, for these too (`XDP_USE_SG`, Linux 6.6), if it can be had.
    pub(super) fn bind(settings: &Settings, queue: u32, jumbo: bool, obtained: Obtained) -> Result<Self, AfxdpError> {
        let several = if jumbo { BindFlags::XDP_USE_SG } else { BindFlags::empty() };
        let mut wishes = vec![
            (BindMode::ZeroCopy, BindFlags::XDP_ZEROCOPY | several),
            (BindMode::Copy, BindFlags::XDP_COPY | several),
        ];
        if jumbo {
            wishes.extend([(BindMode::ZeroCopy, BindFlags::XDP_ZEROCOPY), (BindMode::Copy, BindFlags::XDP_COPY)]);
        }
        // In generic mode a socket bound without copying would receive nothing.
        wishes.retain(|(mode, _)| obtained.bind == BindMode::ZeroCopy || *mode == BindMode::Copy);
        let last = wishes.pop().map_or(BindFlags::XDP_COPY, |(_, flags)| flags);
        let mut bound = None;
        for (_, flags) in wishes {
            match bind_waiting(settings, queue, flags) {
                Ok(made) => bound = Some(made),
                Err(error @ (AfxdpError::Busy { .. } | AfxdpError::Permission { .. })) => return Err(error),
                Err(_) => continue,
            }
            break;
        }
        let mut bound = match bound {
            Some(bound) => bound,
            None => bind_waiting(settings, queue, last)?,
        };
        let zero_copy = sys::is_zero_copy(bound.rx.fd());
        let zero_copy = zero_copy.map_err(|error| AfxdpError::system("read XDP_OPTIONS", error))?;
        let bind = if zero_copy { BindMode::ZeroCopy } else { BindMode::Copy };
        if let Some(busy_poll) = settings.busy_poll {
            let fd = bound.rx.fd();
            for (option, value) in [
                (SO_PREFER_BUSY_POLL, 1),
                (libc::SO_BUSY_POLL, i32::from(busy_poll.micros)),
                (SO_BUSY_POLL_BUDGET, i32::from(busy_poll.budget)),
            ] {
                sys::set_option(fd, libc::SOL_SOCKET, option, &value)
                    .map_err(|error| AfxdpError::system("set up busy polling", error))?;
            }
        }
        wake_up(&bound.fill, &mut bound.rx).map_err(|error| AfxdpError::system("wake the driver", error))?;
        let Bound { rx, fill, umem } = bound;
        Ok(Self {
            interface: settings.interface.clone(),
            queue,
            obtained: Obtained { bind, ..obtained },
            rx,
            fill,
            umem,
            joined: Vec::new(),
            batch: vec![FrameDesc::default(); BATCH].into_boxed_slice(),
            poll_timeout_ms: i32::try_from(settings.poll_timeout().as_millis()).unwrap_or(i32::MAX),
            counters: Arc::default(),
            batches_to_statistic: 0,
            ended: false,
        })
    }

    /// The queue's number.
    pub fn queue(&self) -> u32 {
        self.queue
    }

    /// The interface's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// How the program was attached and the socket was bound, as read back from the kernel.
    pub fn obtained(&self) -> Obtained {
        self.obtained
    }

    /// The queue's counters, for whoever reports them.
    pub fn counters(&self) -> Arc<QueueCounters> {
        Arc::clone(&self.counters)
    }

    /// The socket, for the program's map.
    pub(super) fn socket(&self) -> &xsk_rs::socket::Fd {
        self.rx.fd()
    }

    /// Takes descriptors of received frames off the ring and returns how many.
    fn consume(&mut self) -> usize {
        // SAFETY: the descriptors that this overwrites are of frames that were given back; those that it writes are of
        // this socket's own UMEM.
        unsafe { self.rx.consume(&mut self.batch) }
    }

    /// Waits for frames; true where some may be there.
    fn wait(&mut self) -> Result<bool, AfxdpError> {
        self.read_statistics()?;
        let ready = self.rx.poll(self.poll_timeout_ms);
        let ready = ready.map_err(|error| AfxdpError::system("poll the socket", error))?;
        // A socket whose interface went away is idle for ever, to poll; only its error tells.
        match sys::held_error(self.rx.fd()) {
            Ok(None) => Ok(ready),
            Ok(Some(source)) => Err(AfxdpError::Gone { interface: self.interface.clone(), source }),
            Err(error) => Err(AfxdpError::system("read the socket's error", error)),
        }
    }

    fn read_statistics(&mut self) -> Result<(), AfxdpError> {
        self.batches_to_statistic = BATCHES_A_STATISTIC;
        let statistics = self.rx.fd().xdp_statistics();
        let statistics = statistics.map_err(|error| AfxdpError::system("read XDP_STATISTICS", error))?;
        self.counters.set_statistics(&statistics);
        Ok(())
    }

    /// One batch, however it ends.
    fn receive(&mut self, visit: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, AfxdpError> {
        let mut received = self.consume();
        if received == 0 {
            received = if self.wait()? { self.consume() } else { 0 };
        }
        if received == 0 {
            return Ok(Batch::Idle);
        }
        // The kernel gives no time with a frame: that of the batch is the nearest there is, late by as long as the
        // frame waited in the ring.
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time_nanos = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let (mut octets, mut packets) = (0, 0);
        let frames = self.batch.get(..received).unwrap_or_default();
        for frame in frames {
            // SAFETY: the descriptor came from this UMEM's own receive ring, and its frame goes back to the kernel
            // only below, after the visit: until then nobody writes to it.
            let contents = unsafe { self.umem.data(frame) }.contents();
            let is_part = frame.has_more_frames();
            let whole = if is_part || !self.joined.is_empty() {
                self.joined.extend_from_slice(contents);
                &self.joined[..]
            } else {
                contents
            };
            // The kernel makes no packet of more frames than an sk_buff has fragments: what is joined is bounded.
            if is_part {
                continue;
            }
            octets += whole.len() as u64;
            packets += 1;
            let wire_len = u32::try_from(whole.len()).unwrap_or(u32::MAX);
            visit(Frame { time_nanos, link: link::ETHERNET, octets: whole, wire_len });
            self.joined.clear();
        }
        // SAFETY: each descriptor came off the receive ring once, and the borrows of their frames ended with the visits.
        let given_back = unsafe { self.fill.produce(frames) };
        // The ring has an entry for every frame of the UMEM, so there is always room.
        debug_assert_eq!(given_back, received);
        self.counters.add_batch(packets as u64, octets);
        wake_up(&self.fill, &mut self.rx).map_err(|error| AfxdpError::system("wake the driver", error))?;
        match self.batches_to_statistic.checked_sub(1) {
            Some(left) => self.batches_to_statistic = left,
            None => self.read_statistics()?,
        }
        // The begin of one packet alone may have come.
        Ok(if packets == 0 { Batch::Idle } else { Batch::Frames(packets) })
    }
}

impl Source for QueueSource {
    fn next_batch(&mut self, visit: &mut dyn FnMut(Frame<'_>)) -> Result<Batch, CaptureError> {
        if self.ended {
            return Ok(Batch::End);
        }
        let batch = self.receive(visit);
        self.ended = batch.is_err();
        Ok(batch?)
    }
}

/// Tells the driver of frames in the fill ring, if it went to sleep for want of them.
fn wake_up(fill: &FillQueue, rx: &mut RxQueue) -> io::Result<()> {
    if fill.needs_wakeup() {
        fill.wakeup(rx.fd_mut(), 0)?;
    }
    Ok(())
}

/// Binds, waiting a little for a socket that was just closed to let go of the queue.
fn bind_waiting(settings: &Settings, queue: u32, mode: BindFlags) -> Result<Bound, AfxdpError> {
    let mut waited = Duration::ZERO;
    loop {
        match bind_once(settings, queue, mode) {
            Err(AfxdpError::Busy { .. }) if waited < RELEASE_TIME => {
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
    let (umem, frames) = Umem::new(umem_config, frame_count, false).map_err(|error| {
        let octets = u64::from(settings.frame_count) * u64::from(settings.frame_size);
        let source = system_cause(&error);
        if source.kind() == io::ErrorKind::PermissionDenied {
            return AfxdpError::denied("register a UMEM");
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
