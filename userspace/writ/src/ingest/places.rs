//! Places for connections: so many of all, and so many of one peer. Where there is none, the one that has done nothing for longest is
//! closed for who comes: whoever opens connections and leaves them takes no place of those who use theirs.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, Semaphore};

/// Who is at the other end: an address, or a certificate.
pub type Peer = Arc<[u8]>;

/// A connection.
pub struct Connection {
    /// What of the memory for requests its peer may hold, in all of its connections together, in KiB.
    pub share: Arc<Semaphore>,
    /// Requests that are being answered.
    requests: AtomicUsize,
    close: Notify,
}

impl Connection {
    /// Waits until its place is wanted for another.
    pub async fn closed(&self) {
        self.close.notified().await;
    }

    /// Has a request for as long as what is given is kept: it is not closed for another meanwhile.
    pub fn asks(self: &Arc<Self>) -> Asking {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }
}

/// A request of a connection.
pub struct Asking(Arc<Connection>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// There are as many as there may be of this peer.
    OfPeer,
    /// There are as many as there may be.
    OfAll,
}

/// Places.
pub struct Places {
    most: usize,
    most_of_peer: usize,
    /// KiB.
    share: usize,
    held: Mutex<Held>,
    /// Woken when one was left.
    left: Notify,
}

#[derive(Default)]
struct Held {
    next: u64,
    /// The oldest first.
    all: BTreeMap<u64, (Peer, Arc<Connection>)>,
    shares: HashMap<Peer, Weak<Semaphore>>,
}

/// A place, for as long as it is kept.
pub struct Place {
    places: Arc<Places>,
    number: u64,
    /// The connection in it.
    pub connection: Arc<Connection>,
    /// Another was closed for it.
    pub displaced: Option<Crowded>,
}

impl Places {
    /// So many, and so many of one peer, which may hold so many KiB of requests.
    pub fn new(most: usize, most_of_peer: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_peer, share, held: Mutex::default(), left: Notify::new() })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// When there is none, and every connection that could be closed for it has a request.
    pub fn enter(self: &Arc<Self>, peer: Peer) -> Result<Place, Crowded> {
        let mut held = self.lock();
        let of_peer = held.all.values().filter(|(of, _)| *of == peer).count();
        let displaced = match () {
            () if of_peer >= self.most_of_peer => Some(Crowded::OfPeer),
            () if held.all.len() >= self.most => Some(Crowded::OfAll),
            () => None,
        };
        if let Some(crowded) = displaced {
            let is_meant = |of: &Peer| crowded == Crowded::OfAll || *of == peer;
            let idle = held
                .all
                .iter()
                .find(|(_, (of, connection))| is_meant(of) && connection.requests.load(Ordering::Relaxed) == 0);
            let number = idle.map(|(number, _)| *number).ok_or(crowded)?;
            if let Some((_, connection)) = held.all.remove(&number) {
                connection.close.notify_one();
            }
        }
        held.shares.retain(|_, share| share.strong_count() > 0);
        let share = held.shares.get(&peer).and_then(Weak::upgrade);
        let share = share.unwrap_or_else(|| Arc::new(Semaphore::new(self.share)));
        held.shares.insert(Arc::clone(&peer), Arc::downgrade(&share));
        let connection = Arc::new(Connection { share, requests: AtomicUsize::new(0), close: Notify::new() });
        held.next += 1;
        let number = held.next;
        held.all.insert(number, (peer, Arc::clone(&connection)));
        Ok(Place { places: Arc::clone(self), number, connection, displaced })
    }

    /// Waits until all were left.
    pub async fn all_left(&self) {
        while !self.lock().all.is_empty() {
            self.left.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().all.remove(&self.number);
        self.places.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str) -> Peer {
        name.as_bytes().into()
    }

    #[tokio::test]
    async fn the_oldest_that_does_nothing_makes_room() {
        let places = Places::new(3, 2, 64);
        let enter = |name: &str| places.enter(peer(name));
        let (first, second) = (enter("a").unwrap(), enter("a").unwrap());
        assert_eq!(first.displaced, None);
        let asking = first.connection.asks();
        let third = enter("a").unwrap();
        assert_eq!(third.displaced, Some(Crowded::OfPeer));
        second.connection.closed().await;
        let (asking_too, _other) = (third.connection.asks(), enter("b").unwrap());
        assert_eq!(enter("a").err(), Some(Crowded::OfPeer), "both have requests");
        assert_eq!(enter("c").unwrap().displaced, Some(Crowded::OfAll));
        drop((asking, asking_too));
        drop(first);
        assert_eq!(enter("a").unwrap().displaced, None);
    }

    #[test]
    fn a_peer_has_one_share() {
        let places = Places::new(3, 2, 64);
        let [one, two, other] = ["a", "a", "b"].map(|name| places.enter(peer(name)).unwrap());
        let _held = one.connection.share.try_acquire_many(60).unwrap();
        assert_eq!((two.connection.share.available_permits(), other.connection.share.available_permits()), (4, 64));
    }
}
