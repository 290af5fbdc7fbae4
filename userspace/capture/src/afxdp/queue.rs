//! A receive queue: its UMEM, its rings, and the frames that come through them.

#![expect(unsafe_code, reason = "xsk-rs leaves to its caller that a frame is with the kernel or with us, never both")]

use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::SystemTime;

use xsk_rs::config::BindFlags;
use xsk_rs::socket::RxQueue;
use xsk_rs::umem::frame::FrameDesc;
use xsk_rs::umem::{FillQueue, Umem};

use super::bind::{Bound, bind_waiting};
use super::lending::{Lending, Lent, Loan};
use super::{AfxdpError, BindMode, Obtained, QueueCounters, Settings, sys};
use crate::{Batch, CaptureError, Frame, Source, link};

/// Frames that one [`Source::next_batch`] visits at most: enough to share the ring's cache misses and the clock's reading,
/// few enough that their octets are still in the cache.
pub const BATCH: usize = 64;

/// Batches after which the kernel's ring statistics are read again; it is a system call.
pub const BATCHES_A_STATISTIC: u32 = 1024;

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
    /// Frames for the kernel that its ring had no room for yet, each once.
    owed: Vec<FrameDesc>,
    /// Frames of this queue that other workers read, and the other way round.
    lending: Option<Lending<FrameDesc, Umem>>,
    is_polled_busily: bool,
    /// Whether packets longer than a frame come in several.
    takes_several: bool,
    /// What came so far of a packet that does not fit into one frame.
    joined: Vec<u8>,
    poll_timeout_ms: i32,
    counters: Arc<QueueCounters>,
    batches_to_statistic: u32,
    ended: bool,
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
        let (mut bound, mut takes_several) = (None, last.contains(BindFlags::XDP_USE_SG));
        for (_, flags) in wishes {
            match bind_waiting(settings, queue, flags) {
                Ok(made) => (bound, takes_several) = (Some(made), flags.contains(BindFlags::XDP_USE_SG)),
                Err(
                    error @ (AfxdpError::Busy { .. } | AfxdpError::Permission { .. } | AfxdpError::HugePages { .. }),
                ) => return Err(error),
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
            owed: Vec::with_capacity(settings.frame_count as usize),
            lending: None,
            is_polled_busily: settings.busy_poll.is_some(),
            takes_several,
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

    /// Lets the queues hand frames to one another: the worker of each reads what it is [lent](Self::read_lent). A queue may have half
    /// of its frames on loan.
    ///
    /// # Errors
    /// [`AfxdpError::System`] where there are no more file descriptors.
    pub fn join(queues: &mut [Self]) -> Result<(), AfxdpError> {
        let parts: Vec<_> = queues.iter().map(|queue| (queue.umem.clone(), queue.owed.capacity() / 2)).collect();
        let lendings = Lending::between(&parts);
        let lendings = lendings.map_err(|error| AfxdpError::system("make an event", error))?;
        for (queue, lending) in queues.iter_mut().zip(lendings) {
            queue.lending = Some(lending);
        }
        Ok(())
    }

    /// As [`Source::next_batch`], but a frame for which `steer` names another of the queues that were [joined](Self::join), by its place
    /// there, is lent to that one's worker and not visited.
    ///
    /// # Errors
    /// As [`Source::next_batch`].
    pub fn next_batch_steered(
        &mut self,
        steer: &mut dyn FnMut(&Frame<'_>) -> Option<usize>,
        visit: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Batch, CaptureError> {
        if self.ended {
            return Ok(Batch::End);
        }
        let batch = self.receive(steer, visit);
        self.ended = batch.is_err();
        Ok(batch?)
    }

    /// Visits what other queues have lent by now, and gives it back to them; how many frames.
    pub fn read_lent(&mut self, visit: &mut dyn FnMut(Frame<'_>)) -> usize {
        let Some(lending) = &mut self.lending else { return 0 };
        lending.read(|umem, time_nanos, loan| {
            let octets = match loan {
                // SAFETY: `umem` is the lender's, and the descriptor is of a frame that it received. The lender gives it to the kernel
                // again only when it comes back, which is after this visit.
                Loan::Frame(frame) => unsafe { umem.data(frame) }.contents(),
                Loan::Joined(octets) => octets,
            };
            visit(frame_of(time_nanos, octets));
        })
    }

    /// Lends nothing more.
    pub fn leave(&mut self) {
        if let Some(lending) = &mut self.lending {
            lending.close();
        }
    }

    /// Whether nothing that was lent waits here, and all others have [left](Self::leave).
    pub fn is_left_alone(&self) -> bool {
        self.lending.as_ref().is_none_or(Lending::is_over)
    }

    /// What was lent to others.
    pub fn lent(&self) -> Lent {
        self.lending.as_ref().map(Lending::lent).unwrap_or_default()
    }

    /// Packets that wait in the ring, which are taken and not visited: at an end that cannot wait. None of them is in the counters.
    ///
    /// # Errors
    /// [`AfxdpError::System`] where the kernel cannot be asked for what else was lost.
    pub fn give_up(&mut self) -> Result<u64, AfxdpError> {
        let mut packets = 0;
        while let taken @ 1.. = self.consume() {
            let frames = self.batch.get(..taken).unwrap_or_default();
            packets += frames.iter().filter(|frame| !frame.has_more_frames()).count() as u64;
            self.owed.extend_from_slice(frames);
        }
        self.read_statistics()?;
        Ok(packets)
    }

    /// Waits for frames; true where some may be there.
    fn wait(&mut self) -> Result<bool, AfxdpError> {
        self.read_statistics()?;
        let (socket, timeout) = (self.rx.fd().as_raw_fd(), self.poll_timeout_ms);
        if self.is_polled_busily {
            sys::poll_busily(self.rx.fd());
        }
        let ready = match &self.lending {
            Some(lending) => lending.asleep(|bell| sys::wait_readable([socket, bell], timeout)),
            None => Some(sys::wait_readable([socket, -1], timeout)),
        };
        let ready = ready.unwrap_or(Ok([false; 2]));
        let [ready, _] = ready.map_err(|error| AfxdpError::system("poll the socket", error))?;
        // A socket whose interface went away is idle for ever, to poll; only its error tells.
        match sys::held_error(self.rx.fd()) {
            Ok(None) => Ok(ready),
            Ok(Some(source)) => Err(AfxdpError::Gone { interface: self.interface.clone(), source }),
            Err(error) => Err(AfxdpError::system("read the socket's error", error)),
        }
    }

    /// Gives the kernel the frames that are its, as far as its ring has room.
    ///
    /// The ring has an entry for every frame, but the kernel may say that it took one only after it said that the frame was received: so
    /// there can be too little room for the moment.
    fn give_back(&mut self) -> Result<(), AfxdpError> {
        let owed = &mut self.owed;
        if let Some(lending) = &mut self.lending {
            lending.take_back(|frame| owed.push(frame));
        }
        let room = self.fill.nb_free(u32::try_from(owed.len()).unwrap_or(u32::MAX)) as usize;
        let kept = owed.len().saturating_sub(room);
        // SAFETY: each of these came off the receive ring, is not on loan, and is in this list once; nobody reads it any more, for visits
        // have ended. What the ring takes is taken out of the list.
        let given = unsafe { self.fill.produce(owed.get(kept..).unwrap_or_default()) };
        owed.truncate(owed.len() - given);
        wake_up(&self.fill, &mut self.rx).map_err(|error| AfxdpError::system("wake the driver", error))
    }

    fn read_statistics(&mut self) -> Result<(), AfxdpError> {
        self.batches_to_statistic = BATCHES_A_STATISTIC;
        let statistics = self.rx.fd().xdp_statistics();
        let statistics = statistics.map_err(|error| AfxdpError::system("read XDP_STATISTICS", error))?;
        self.counters.set_statistics(&statistics, self.takes_several);
        Ok(())
    }

    /// One batch, however it ends.
    fn receive(
        &mut self,
        steer: &mut dyn FnMut(&Frame<'_>) -> Option<usize>,
        visit: &mut dyn FnMut(Frame<'_>),
    ) -> Result<Batch, AfxdpError> {
        let mut received = self.consume();
        if received == 0 {
            self.give_back()?;
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
        for frame in self.batch.get(..received).unwrap_or_default() {
            // SAFETY: the descriptor came from this UMEM's own receive ring, and its frame goes back to the kernel
            // only when it is owed, after the visit: until then nobody writes to it.
            let contents = unsafe { self.umem.data(frame) }.contents();
            let is_part = frame.has_more_frames();
            let is_joined = is_part || !self.joined.is_empty();
            let whole = if is_joined {
                self.joined.extend_from_slice(contents);
                &self.joined[..]
            } else {
                contents
            };
            // The kernel makes no packet of more frames than an sk_buff has fragments: what is joined is bounded.
            if is_part {
                self.owed.push(*frame);
                continue;
            }
            octets += whole.len() as u64;
            packets += 1;
            let seen = frame_of(time_nanos, whole);
            let is_lent = match (steer(&seen), &mut self.lending) {
                (Some(to), Some(lending)) => {
                    let loan = if is_joined { Loan::Joined(whole.into()) } else { Loan::Frame(*frame) };
                    // Where it cannot be lent it is lost, and counted as such.
                    lending.lend(to, time_nanos, loan).is_ok() && !is_joined
                }
                _ => {
                    visit(seen);
                    false
                }
            };
            if !is_lent {
                self.owed.push(*frame);
            }
            self.joined.clear();
        }
        if let Some(lending) = &mut self.lending {
            lending.send();
        }
        self.counters.add_batch(packets as u64, octets);
        self.give_back()?;
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
        self.next_batch_steered(&mut |_| None, visit)
    }
}

/// A frame of Ethernet, whole.
fn frame_of(time_nanos: u64, octets: &[u8]) -> Frame<'_> {
    let wire_len = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    Frame { time_nanos, link: link::ETHERNET, octets, wire_len }
}

/// Tells the driver of frames in the fill ring, if it went to sleep for want of them.
fn wake_up(fill: &FillQueue, rx: &mut RxQueue) -> io::Result<()> {
    if fill.needs_wakeup() {
        fill.wakeup(rx.fd_mut(), 0)?;
    }
    Ok(())
}
