//! Frames on loan: received by one queue, read by the worker of another.
//!
//! What moves is a frame's descriptor. It goes to its reader through a bounded ring, in bundles, and the whole bundle comes back
//! through another when it was read: until then its owner does not hand the frame to the kernel. The descriptors are of whatever type;
//! what a borrower needs to read them (the owner's UMEM) it has from the beginning, with the ring that they come through, so that no
//! descriptor can be read in another's memory.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam::queue::ArrayQueue;

use super::sys;

/// Loans in a bundle at most: they share the cost of the rings.
const BUNDLE: usize = 32;

/// Something on loan.
pub(super) enum Loan<D> {
    /// A frame where it lies.
    Frame(D),
    /// A packet that came in several frames and was put together.
    Joined(Box<[u8]>),
}

/// Loans of one batch.
struct Bundle<D> {
    time_nanos: u64,
    loans: Vec<Loan<D>>,
}

/// The rings between a lender and one borrower. Each has room for all that a lender may have lent, one to a bundle.
struct Way<D> {
    there: ArrayQueue<Bundle<D>>,
    back: ArrayQueue<Bundle<D>>,
    /// Nothing more will be lent.
    is_closed: AtomicBool,
}

/// Wakes a worker that waits for packets of its own.
struct Bell {
    event: OwnedFd,
    is_asleep: AtomicBool,
}

/// A lender's end of a way.
struct Lender<D> {
    way: Arc<Way<D>>,
    bell: Arc<Bell>,
    /// Being filled.
    bundle: Bundle<D>,
}

/// A borrower's end.
struct Borrower<D, L> {
    way: Arc<Way<D>>,
    owner: L,
}

/// What one queue has lent to others and borrowed of them.
pub(super) struct Lending<D, L> {
    /// By the number of the borrower; none for the queue itself.
    to: Vec<Option<Lender<D>>>,
    from: Vec<Borrower<D, L>>,
    bell: Arc<Bell>,
    /// Empty ones, with the room that they have.
    spare: Vec<Bundle<D>>,
    outstanding: usize,
    most: usize,
    lent: Lent,
}

/// What became of frames that belong to other workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lent {
    /// Lent to them.
    pub frames: u64,
    /// Lost, since as many as may be were on loan.
    pub refused: u64,
}

impl<D: Copy, L: Clone> Lending<D, L> {
    /// One for each of the queues, of which the owner's part and the most that it may lend at a time are given.
    ///
    /// # Errors
    /// No more descriptors can be had (of files).
    pub(super) fn between(queues: &[(L, usize)]) -> io::Result<Vec<Self>> {
        let bells: Vec<_> = queues.iter().map(|_| Bell::new().map(Arc::new)).collect::<io::Result<_>>()?;
        let mut all: Vec<Self> = queues.iter().zip(&bells).map(|((_, most), bell)| Self::alone(bell, *most)).collect();
        for (of, (owner, most)) in queues.iter().enumerate() {
            for (to, bell) in bells.iter().enumerate() {
                let way = (of != to).then(|| Arc::new(Way::new((*most).max(1))));
                if let (Some(way), Some(borrower)) = (&way, all.get_mut(to)) {
                    borrower.from.push(Borrower { way: Arc::clone(way), owner: owner.clone() });
                }
                if let Some(lender) = all.get_mut(of) {
                    lender.to.push(way.map(|way| Lender { way, bell: Arc::clone(bell), bundle: Bundle::new() }));
                }
            }
        }
        Ok(all)
    }

    fn alone(bell: &Arc<Bell>, most: usize) -> Self {
        let (bell, lent) = (Arc::clone(bell), Lent::default());
        Self { to: Vec::new(), from: Vec::new(), bell, spare: Vec::new(), outstanding: 0, most, lent }
    }

    /// Lends to `borrower`, by its number, what was received at this time. Gives it back where that cannot be.
    pub(super) fn lend(&mut self, borrower: usize, time_nanos: u64, loan: Loan<D>) -> Result<(), Loan<D>> {
        let to = self.to.get_mut(borrower).and_then(Option::as_mut);
        let Some(lender) = to.filter(|_| self.outstanding < self.most) else {
            self.lent.refused += 1;
            return Err(loan);
        };
        self.outstanding += 1;
        self.lent.frames += 1;
        lender.bundle.time_nanos = time_nanos;
        lender.bundle.loans.push(loan);
        if lender.bundle.loans.len() >= BUNDLE {
            lender.send(&mut self.spare);
        }
        Ok(())
    }

    /// Sends on what was lent since, at the end of a batch.
    pub(super) fn send(&mut self) {
        for lender in self.to.iter_mut().flatten().filter(|lender| !lender.bundle.loans.is_empty()) {
            lender.send(&mut self.spare);
        }
        // Against the one in `asleep`: either this sees that the other sleeps, or the other sees what was sent.
        fence(Ordering::SeqCst);
        for lender in self.to.iter().flatten() {
            let bell = &lender.bell;
            if bell.is_asleep.load(Ordering::Relaxed) && !lender.way.there.is_empty() {
                bell.is_asleep.store(false, Ordering::Relaxed);
                sys::ring(&bell.event);
            }
        }
    }

    /// Takes what borrowers are through with; gives each of its frames to `owed`.
    pub(super) fn take_back(&mut self, mut owed: impl FnMut(D)) {
        if self.outstanding == 0 {
            return;
        }
        for lender in self.to.iter().flatten() {
            while let Some(mut bundle) = lender.way.back.pop() {
                self.outstanding -= bundle.loans.len();
                for loan in bundle.loans.drain(..) {
                    if let Loan::Frame(frame) = loan {
                        owed(frame);
                    }
                }
                self.spare.push(bundle);
            }
        }
    }

    /// Reads what others have lent by now, with the owner's part and the time, and gives it back; how many.
    pub(super) fn read(&mut self, mut visit: impl FnMut(&L, u64, &Loan<D>)) -> usize {
        let mut count = 0;
        for Borrower { way, owner } in &self.from {
            // What comes meanwhile must not keep the own queue from being read.
            for _ in 0..way.there.len() {
                let Some(bundle) = way.there.pop() else { break };
                bundle.loans.iter().for_each(|loan| visit(owner, bundle.time_nanos, loan));
                count += bundle.loans.len();
                let returned = way.back.push(bundle);
                debug_assert!(returned.is_ok(), "there is room for all that is on loan");
            }
        }
        count
    }

    /// Nothing more is lent from here.
    pub(super) fn close(&mut self) {
        self.send();
        for lender in self.to.drain(..).flatten() {
            lender.way.is_closed.store(true, Ordering::Release);
            lender.bell.is_asleep.store(false, Ordering::Relaxed);
            sys::ring(&lender.bell.event);
        }
    }

    /// Whether nothing waits here, and nobody will lend any more.
    pub(super) fn is_over(&self) -> bool {
        self.from.iter().all(|Borrower { way, .. }| way.is_closed.load(Ordering::Acquire) && way.there.is_empty())
    }

    /// What was lent so far.
    pub(super) fn lent(&self) -> Lent {
        self.lent
    }

    /// Waits with `wait`, which is given what becomes readable when something is lent, unless something waits already.
    pub(super) fn asleep<T>(&self, wait: impl FnOnce(RawFd) -> T) -> Option<T> {
        self.bell.is_asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let is_idle = self.from.iter().all(|borrower| borrower.way.there.is_empty());
        let waited = is_idle.then(|| wait(self.bell.event.as_raw_fd()));
        self.bell.is_asleep.store(false, Ordering::Relaxed);
        sys::hush(&self.bell.event);
        waited
    }
}

impl<D> Lender<D> {
    fn send(&mut self, spare: &mut Vec<Bundle<D>>) {
        let bundle = std::mem::replace(&mut self.bundle, spare.pop().unwrap_or_else(Bundle::new));
        let sent = self.way.there.push(bundle);
        debug_assert!(sent.is_ok(), "there is room for all that may be lent");
    }
}

impl<D> Bundle<D> {
    fn new() -> Self {
        Self { time_nanos: 0, loans: Vec::with_capacity(BUNDLE) }
    }
}

impl<D> Way<D> {
    fn new(room: usize) -> Self {
        Self { there: ArrayQueue::new(room), back: ArrayQueue::new(room), is_closed: AtomicBool::new(false) }
    }
}

impl Bell {
    fn new() -> io::Result<Self> {
        Ok(Self { event: sys::event()?, is_asleep: AtomicBool::new(false) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_is_lent_is_read_once_by_whom_it_was_lent_to_and_comes_back() {
        let mut lendings = Lending::<u32, char>::between(&[('a', 4), ('b', 4)]).unwrap();
        let [a, b] = &mut lendings[..] else { panic!("two") };
        for frame in 0..4 {
            assert!(a.lend(1, 7, Loan::Frame(frame)).is_ok());
        }
        // No more than may be on loan, and none to itself.
        assert!(matches!(a.lend(1, 7, Loan::Frame(4)), Err(Loan::Frame(4))));
        assert!(a.lend(0, 7, Loan::Frame(5)).is_err());
        assert_eq!(a.lent(), Lent { frames: 4, refused: 2 });
        assert_eq!(b.read(|_, _, _| panic!("it was not sent")), 0);
        a.send();
        a.take_back(|_| panic!("it was not read"));
        let mut seen = Vec::new();
        let mut note = |owner: &char, time, loan: &Loan<u32>| match loan {
            Loan::Frame(frame) => seen.push((*owner, time, *frame)),
            Loan::Joined(_) => panic!("a frame"),
        };
        assert_eq!(b.read(&mut note), 4);
        assert_eq!(b.read(&mut note), 0);
        assert_eq!(seen, [('a', 7, 0), ('a', 7, 1), ('a', 7, 2), ('a', 7, 3)]);
        let mut owed = Vec::new();
        a.take_back(|frame| owed.push(frame));
        assert_eq!(owed, [0, 1, 2, 3]);
        assert!(a.lend(1, 8, Loan::Joined(Box::new([1]))).is_ok());
        assert!(!b.is_over());
        a.close();
        assert!(!b.is_over());
        assert_eq!(b.read(|_, time, loan| assert!(time == 8 && matches!(loan, Loan::Joined(_)))), 1);
        assert!(b.is_over());
    }

    /// Each of four queues has so many frames and lends all that come to it, as quickly as it can, while the others read: a frame that is
    /// on loan is with one reader and with nobody else, and in the end each is back.
    #[test]
    fn a_frame_is_never_with_two() {
        const FRAMES: usize = 256;
        const LENT: u64 = 20_000;
        let with_the_owner: Vec<Arc<Mutex<HashSet<usize>>>> =
            (0..4).map(|_| Arc::new(Mutex::new((0..FRAMES).collect()))).collect();
        let queues: Vec<_> = with_the_owner.iter().map(|frames| (Arc::clone(frames), FRAMES / 2)).collect();
        let lendings = Lending::<usize, _>::between(&queues).unwrap();
        let read: usize = std::thread::scope(|scope| {
            let each = lendings.into_iter().zip(&with_the_owner).enumerate().map(|(own, (mut lending, frames))| {
                scope.spawn(move || {
                    let read = |lending: &mut Lending<usize, Arc<Mutex<HashSet<usize>>>>| {
                        lending.read(|owner, _, loan| match loan {
                            Loan::Frame(frame) => assert!(!owner.lock().unwrap().contains(frame)),
                            Loan::Joined(_) => panic!("a frame"),
                        })
                    };
                    let mut count = 0;
                    let mut round = 0;
                    while lending.lent().frames < LENT {
                        round += 1;
                        lending.take_back(|frame| assert!(frames.lock().unwrap().insert(frame)));
                        let some: Vec<usize> = frames.lock().unwrap().iter().copied().take(40).collect();
                        for frame in some {
                            assert!(frames.lock().unwrap().remove(&frame));
                            if lending.lend((own + 1 + round % 3) % 4, 0, Loan::Frame(frame)).is_err() {
                                frames.lock().unwrap().insert(frame);
                            }
                        }
                        lending.send();
                        count += read(&mut lending);
                        std::thread::yield_now();
                    }
                    let lent = lending.lent().frames;
                    lending
                        .to
                        .iter_mut()
                        .flatten()
                        .for_each(|lender| lender.way.is_closed.store(true, Ordering::Release));
                    while !lending.is_over() {
                        count += read(&mut lending);
                        std::thread::yield_now();
                    }
                    while lending.outstanding > 0 {
                        lending.take_back(|frame| assert!(frames.lock().unwrap().insert(frame)));
                        std::thread::yield_now();
                    }
                    (lent, count)
                })
            });
            let threads: Vec<_> = each.collect();
            let ended: Vec<(u64, usize)> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let (lent, read) = ended.iter().fold((0, 0), |(lent, read), (more, again)| (lent + more, read + again));
            assert_eq!(lent as usize, read);
            read
        });
        assert!(read >= 4 * LENT as usize, "{read}");
        assert!(with_the_owner.iter().all(|frames| frames.lock().unwrap().len() == FRAMES));
    }

    #[test]
    fn whoever_sleeps_is_woken_by_what_is_lent() {
        let mut lendings = Lending::<u32, ()>::between(&[((), 4), ((), 4)]).unwrap();
        let (mut b, mut a) = (lendings.pop().unwrap(), lendings.pop().unwrap());
        let waits = |bell: RawFd| sys::wait_readable([bell, bell], 60_000).unwrap();
        let borrower = std::thread::spawn(move || {
            while b.read(|_, _, _| {}) == 0 {
                b.asleep(waits);
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        let begun = std::time::Instant::now();
        assert!(a.lend(1, 0, Loan::Frame(1)).is_ok());
        a.send();
        borrower.join().unwrap();
        assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    }
}
