//! Leases in equal shares: a mediator that comes back gets some of those that others took over.
//!
//! The mediator that holds the fewest leases of an LEMF says so in a key of their bucket. Who holds two more than that ends one as if
//! it were told to finish, so that nothing goes twice, and leaves it to the other for a while. One for each time that the key is written
//! anew: so the other can say how many it holds by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::kv::{Operation, Store};
use tokio::time::{Instant, sleep};

use super::lease::bucket;
use super::{BrokerError, RETRY, Session, token};
use crate::settings::BrokerSettings;

/// The leases of one LEMF that this mediator holds.
#[derive(Debug, Default)]
pub(crate) struct Share {
    held: AtomicU64,
    /// Leases that are to be given back.
    to_give: AtomicU64,
}

impl Share {
    pub(super) fn took(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn gave(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the lease that asks is to be given back. Says so to one.
    pub(super) fn is_to_give(&self) -> bool {
        let less = |to_give: u64| to_give.checked_sub(1);
        self.to_give.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// Keeps the leases of an LEMF in equal shares. Never ends by itself.
pub(crate) async fn balance(
    session: Arc<Session>,
    settings: BrokerSettings,
    lemf: String,
    holder: String,
    share: Arc<Share>,
) {
    let key = format!("fewest.{}", token(&lemf));
    // It is no loss if this fails for a while.
    let mut last = None;
    loop {
        if let Ok(store) = bucket(&session.jetstream, &settings).await {
            while look(&store, &key, &holder, settings.lease, &share, &mut last).await.is_ok() {
                sleep(settings.lease / 2).await;
            }
        }
        sleep(RETRY).await;
    }
}

/// The revision of the key that was seen last, since when, and whether something was given for it.
type Seen = Option<(u64, Instant, bool)>;

async fn look(
    store: &Store,
    key: &str,
    holder: &str,
    term: Duration,
    share: &Share,
    last: &mut Seen,
) -> Result<(), BrokerError> {
    let entry = store.entry(key).await.map_err(BrokerError::refused("a share"))?;
    let entry = entry.filter(|entry| entry.operation == Operation::Put);
    let held = share.held.load(Ordering::Relaxed);
    if let Some(entry) = &entry {
        if last.is_none_or(|(revision, ..)| revision != entry.revision) {
            *last = Some((entry.revision, Instant::now(), false));
        }
        let (of, fewest) = parse(&entry.value);
        let is_over = last.is_some_and(|(_, since, _)| since.elapsed() >= term);
        if of != holder && !is_over && fewest <= held {
            if let Some((_, _, given @ false)) = last
                && held >= fewest + 2
            {
                *given = true;
                share.to_give.store(1, Ordering::Relaxed);
            }
            return Ok(());
        }
    }
    share.to_give.store(0, Ordering::Relaxed);
    let value = format!("{holder} {held}").into();
    // Who was first is first; it is looked at again.
    let _ = match entry {
        Some(entry) => store.update(key, value, entry.revision).await.is_ok(),
        None => store.create(key, value).await.is_ok(),
    };
    Ok(())
}

fn parse(value: &[u8]) -> (&str, u64) {
    let text = str::from_utf8(value).unwrap_or_default();
    let (holder, held) = text.split_once(' ').unwrap_or((text, ""));
    (holder, held.parse().unwrap_or(u64::MAX))
}
