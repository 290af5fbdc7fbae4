//! Where items become records, and where it is waited until these are safe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, Sender};
use writ_handover::cin::CinAllocator;
use writ_handover::{Consignment, Receipt, Room, Rooms};
use writ_intercept::record::Record;
use writ_messaging::{Item, Key, Messaging, Settings, Told};
use writ_wire::Time;

use super::counters::{Counted, Counters, one};
use super::memory::{Memory, Opened, Safe};
use crate::worker::Targets;

/// How long a request waits until what it brought is safe.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the delivery core may take to begin with it.
const QUEUE_PATIENCE: Duration = Duration::from_secs(1);
/// Items of a request that become records before others have their turn.
const TURN: usize = 64;

/// Why items are not kept. None of it tells whether a warrant covers any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// Takes items.
pub struct Desk {
    messaging: Mutex<Messaging<CinAllocator>>,
    memory: Arc<Memory>,
    targets: Targets,
    delivery: Sender<Consignment>,
    rooms: Rooms,
    counters: Arc<Counters>,
}

/// What a turn of a request has brought about.
#[derive(Default)]
struct Brought {
    records: Vec<Record>,
    lemfs: Vec<usize>,
    said: Vec<Key>,
    told: Vec<Told>,
    told_before: Vec<Told>,
    /// There was no room at the moment for some of it.
    is_short: bool,
}

/// A turn that was handed over.
struct Consigned {
    said: Vec<Key>,
    told: Vec<Told>,
    /// Where the receipt comes; none where nothing was to be handed over.
    receipts: Option<Receiver<Receipt>>,
    is_short: bool,
}

impl Desk {
    /// A desk where nothing was said yet but what its memory holds.
    pub fn new(
        settings: Settings,
        targets: Targets,
        cins: CinAllocator,
        delivery: Sender<Consignment>,
        rooms: Rooms,
        counters: Arc<Counters>,
        opened: Opened,
    ) -> Self {
        let Opened { memory, entries, secret } = opened;
        let mut messaging = Messaging::new(settings, cins, &secret);
        for entry in entries {
            messaging.recall(Key::from_octets(entry.key), entry.is_told, entry.at);
        }
        let (messaging, memory) = (Mutex::new(messaging), Arc::new(memory));
        let desk = Self { messaging, memory, targets, delivery, rooms, counters };
        desk.publish();
        desk
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes items, in their order; returns once all that was made of them is safe, or gone by the policy of an LEMF that is full. Gives
    /// which were refused: content of events that nobody knows.
    ///
    /// # Errors
    /// Where it is not safe in time. All of it may then be said again: what was told is not told twice.
    pub async fn take(self: Arc<Self>, items: Vec<Item>, now: Time) -> Result<Vec<usize>, NotKept> {
        let mut unknown = Vec::new();
        let mut consigned = Vec::new();
        for (turn, items) in items.chunks(TURN).enumerate() {
            let brought = self.records_of(items, now, turn * TURN, &mut unknown);
            consigned.push(self.consign(brought).await.ok_or(NotKept)?);
            tokio::task::yield_now().await;
        }
        // Only now is it waited: no LEMF whose disk is slow keeps from another what comes later in the request.
        let is_kept = self.settle(consigned, now).await;
        self.publish();
        if is_kept { Ok(unknown) } else { Err(NotKept) }
    }

    /// The records of items, but for LEMFs that have no room at the moment.
    fn records_of(&self, items: &[Item], now: Time, first: usize, unknown: &mut Vec<usize>) -> Brought {
        let mut messaging = self.messaging();
        let index = self.targets.load_full();
        let mut brought = Brought::default();
        let mut octets = 0;
        for (at, item) in items.iter().enumerate() {
            let mut cover = messaging.cover(item, &index, now);
            octets += item.content_octets() + EVENT_OCTETS;
            let mut is_short = false;
            for lemf in cover.lemfs() {
                if self.rooms.room(lemf, octets) == Room::Busy {
                    cover.without(lemf);
                    is_short = true;
                }
            }
            let taken = messaging.take(item, &cover, now, &mut brought.records);
            brought.is_short |= is_short;
            brought.said.extend(taken.said.filter(|_| !is_short));
            brought.told.extend(taken.told);
            brought.told_before.extend(taken.told_before);
            brought.lemfs.extend(cover.lemfs());
            if taken.is_unknown {
                unknown.push(first + at);
            }
        }
        brought.lemfs.sort_unstable();
        brought.lemfs.dedup();
        brought
    }

    /// Hands records over. `None`: they did not find their way.
    async fn consign(&self, brought: Brought) -> Option<Consigned> {
        let Brought { records, lemfs, said, mut told, told_before, is_short } = brought;
        if records.is_empty() && lemfs.is_empty() {
            return Some(Consigned { said, told, receipts: None, is_short });
        }
        let (receipt, receipts) = channel::bounded(1);
        let count = records.len() as u64;
        let consignment = Consignment { records, lemfs, receipt: Some(receipt) };
        let delivery = self.delivery.clone();
        let sent = tokio::task::spawn_blocking(move || delivery.send_timeout(consignment, QUEUE_PATIENCE).is_ok());
        if !sent.await.unwrap_or(false) {
            self.counters.records_lost.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            self.messaging().forget(&told);
            return None;
        }
        // The receipt stands for what was told before, too.
        told.extend(told_before);
        Some(Consigned { said, told, receipts: Some(receipts), is_short })
    }

    /// Waits until all of it is safe, and remembers what is. Gives whether all of it is.
    async fn settle(&self, consigned: Vec<Consigned>, now: Time) -> bool {
        let memory = Arc::clone(&self.memory);
        // The delivery core is a thread that waits for nobody, but a disk may be slow.
        let waited = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + PATIENCE;
            let (mut safe, mut is_kept) = (Safe::default(), true);
            for Consigned { said, told, receipts, is_short } in consigned {
                is_kept &= !is_short;
                let custody = match receipts {
                    None => Some(Default::default()),
                    Some(receipts) => receipts.recv_deadline(deadline).ok().map(|receipt| receipt.wait(deadline)),
                };
                // Else it is on its way, and nobody knows how far it got: told, and not safe.
                if custody.is_some_and(|custody| custody.is_settled()) {
                    safe.said.extend(said);
                    safe.told.extend(told);
                } else {
                    is_kept = false;
                }
            }
            let is_noted = memory.note(&safe, now);
            (safe.said, is_kept, is_noted)
        });
        let Ok((said, is_kept, is_noted)) = waited.await else { return false };
        if !is_noted {
            self.not_noted();
        }
        let mut messaging = self.messaging();
        said.into_iter().for_each(|said| messaging.kept(said, now));
        is_kept
    }

    /// Closes logical sequences that are over, and puts on disk what is remembered.
    pub async fn tick(&self, now: Time) {
        let mut records = Vec::new();
        let index = self.targets.load_full();
        self.messaging().tick(&index, now, &mut records);
        if !records.is_empty() {
            // That a sequence is over is of use to the delivery core alone, which frees what it holds for it.
            let consignment = Consignment { records, lemfs: Vec::new(), receipt: None };
            if self.delivery.try_send(consignment).is_err() {
                one(&self.counters.records_lost);
            }
        }
        let memory = Arc::clone(&self.memory);
        if !tokio::task::spawn_blocking(move || memory.sync()).await.unwrap_or(false) {
            self.not_noted();
        }
        self.publish();
    }

    /// What is said again after a restart may be told again: no reason not to take it.
    fn not_noted(&self) {
        if self.counters.not_noted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            tracing::error!("what messaging systems said cannot be noted in the state folder");
        }
    }

    fn messaging(&self) -> MutexGuard<'_, Messaging<CinAllocator>> {
        self.messaging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self) {
        let messaging = self.messaging();
        let counted = Counted { counters: messaging.counters().clone(), sequences: messaging.sequences() };
        drop(messaging);
        if let Ok(mut published) = self.counters.messaging.lock() {
            *published = counted;
        }
    }
}

/// Octets of the PDUs around the content of an item.
const EVENT_OCTETS: usize = 4096;
