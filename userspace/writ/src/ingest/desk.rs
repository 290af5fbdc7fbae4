//! Where items become records, and where it is waited until these are safe.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Sender};
use writ_handover::cin::CinAllocator;
use writ_handover::{Consignment, Custody, Rooms};
use writ_intercept::record::Record;
use writ_messaging::{Item, Messaging, Settings, Told};
use writ_wire::Time;

use super::counters::{Counted, Counters, one};
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
    targets: Targets,
    delivery: Sender<Consignment>,
    rooms: Rooms,
    counters: Arc<Counters>,
}

/// What a request has brought about so far.
#[derive(Default)]
struct Brought {
    records: Vec<Record>,
    lemfs: Vec<usize>,
    told: Vec<Told>,
}

impl Desk {
    /// A desk where nothing was said yet.
    pub fn new(
        settings: Settings,
        targets: Targets,
        cins: CinAllocator,
        delivery: Sender<Consignment>,
        rooms: Rooms,
        counters: Arc<Counters>,
    ) -> Self {
        let desk = Self { messaging: Mutex::new(Messaging::new(settings, cins)), targets, delivery, rooms, counters };
        desk.publish();
        desk
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes items, in their order; returns once all that was made of them is safe.
    ///
    /// # Errors
    /// Where there is no room, or it is not safe in time. All of it may then be said again: what was told is not told twice.
    pub async fn take(self: Arc<Self>, items: Vec<Item>, now: Time) -> Result<(), NotKept> {
        for turn in items.chunks(TURN) {
            self.take_turn(turn, now).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn take_turn(&self, items: &[Item], now: Time) -> Result<(), NotKept> {
        let (brought, all) = self.records_of(items, now);
        let custody = self.consign(brought.records, brought.lemfs, &brought.told).await;
        self.publish();
        if all && custody.is_some_and(|custody| custody.is_safe()) { Ok(()) } else { Err(NotKept) }
    }

    /// The records of items, up to the first for which there is no room; and whether that was all.
    fn records_of(&self, items: &[Item], now: Time) -> (Brought, bool) {
        let mut messaging = self.messaging.lock().unwrap_or_else(PoisonError::into_inner);
        let index = self.targets.load();
        let mut brought = Brought::default();
        let mut octets = 0;
        for item in items {
            let cover = messaging.cover(item, &index);
            octets += item.content_octets() + EVENT_OCTETS;
            let lemfs = cover.lemfs();
            if !lemfs.iter().all(|lemf| self.rooms.has_room(*lemf, octets)) {
                return (brought, false);
            }
            let taken = messaging.take(item, &cover, now, &mut brought.records);
            brought.told.extend(taken.told);
            brought.lemfs.extend(lemfs);
        }
        brought.lemfs.sort_unstable();
        brought.lemfs.dedup();
        (brought, true)
    }

    /// Hands records over, and waits until they are safe. `None`: they did not find their way.
    async fn consign(&self, records: Vec<Record>, lemfs: Vec<usize>, told: &[Told]) -> Option<Custody> {
        if records.is_empty() && lemfs.is_empty() {
            return Some(Custody::default());
        }
        let (receipt, receipts) = channel::bounded(1);
        let count = records.len() as u64;
        let consignment = Consignment { records, lemfs, receipt: Some(receipt) };
        let delivery = self.delivery.clone();
        // The delivery core is a thread that waits for nobody, but a disk may be slow.
        let waited = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + PATIENCE;
            delivery.send_timeout(consignment, QUEUE_PATIENCE).map_err(|_| ())?;
            Ok::<_, ()>(receipts.recv_deadline(deadline).ok().map(|receipt| receipt.wait(deadline)))
        });
        let custody = match waited.await {
            Ok(Ok(Some(custody))) => custody,
            // It is on its way, and nobody knows how far it got: told, and not safe.
            Ok(Ok(None)) => return None,
            Ok(Err(())) | Err(_) => {
                self.counters.records_lost.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
                self.forget(told, |_| true);
                return None;
            }
        };
        self.forget(told, |lemf| custody.dropped.contains(&lemf));
        Some(custody)
    }

    /// What an LEMF did not get may be told it again.
    fn forget(&self, told: &[Told], is_lost: impl Fn(usize) -> bool) {
        let lost: Vec<Told> = told.iter().filter(|told| is_lost(told.lemf)).copied().collect();
        self.messaging.lock().unwrap_or_else(PoisonError::into_inner).forget(&lost);
    }

    /// Closes logical sequences that are over.
    pub fn tick(&self, now: Time) {
        let mut records = Vec::new();
        self.messaging.lock().unwrap_or_else(PoisonError::into_inner).tick(now, &mut records);
        if !records.is_empty() {
            // That a sequence is over is of use to the delivery core alone, which frees what it holds for it.
            let consignment = Consignment { records, lemfs: Vec::new(), receipt: None };
            if self.delivery.try_send(consignment).is_err() {
                one(&self.counters.records_lost);
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let messaging = self.messaging.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = Counted { counters: messaging.counters().clone(), sequences: messaging.sequences() };
        drop(messaging);
        if let Ok(mut published) = self.counters.messaging.lock() {
            *published = counted;
        }
    }
}

/// Octets of the PDUs around the content of an item.
const EVENT_OCTETS: usize = 4096;
