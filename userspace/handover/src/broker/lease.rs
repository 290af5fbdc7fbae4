//! Which mediator delivers a stream: a key of a bucket, changed only by who knows its last revision.
//!
//! A lease is another's for as long as its revision changes. One that did not change for the time of a lease, by the
//! clock of who looks, is taken over; so no two clocks are compared. Its holder stops when it could not renew it for
//! three quarters of that time: before anybody takes it over.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{CreateErrorKind, Operation, Store, UpdateErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use tokio::time::{Instant, sleep};

use super::BrokerError;
use crate::settings::BrokerSettings;

/// Nobody.
const NOBODY: &str = "-";

/// A lease that is held.
pub(super) struct Lease {
    store: Store,
    key: String,
    holder: String,
    term: Duration,
    revision: u64,
    /// Until when nobody takes it over.
    until: Instant,
    /// The sequence up to which the LEMF has the stream.
    pub(super) released: u64,
}

/// The bucket of the leases, made if need be.
pub(super) async fn bucket(jetstream: &Context, settings: &BrokerSettings) -> Result<Store, BrokerError> {
    let bucket = format!("{}-leases", settings.prefix);
    if let Ok(store) = jetstream.get_key_value(&bucket).await {
        return Ok(store);
    }
    // A bucket is a stream; made as one, since the library's own way asks for what servers before 2.10 do not say.
    let config = Config {
        name: format!("KV_{bucket}"),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        num_replicas: settings.replicas,
        ..Config::default()
    };
    jetstream.get_or_create_stream(config).await.map_err(BrokerError::refused("the bucket of the leases"))?;
    jetstream.get_key_value(&bucket).await.map_err(BrokerError::refused("the bucket of the leases"))
}

impl Lease {
    /// Waits until the lease can be had. `burden` is how many this mediator holds: the more, the longer it leaves one
    /// that is free to others.
    pub(super) async fn acquire(
        store: Store,
        key: String,
        holder: String,
        term: Duration,
        burden: impl Fn() -> u64,
    ) -> Result<Self, BrokerError> {
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            let asked = Instant::now();
            let entry = store.entry(&key).await.map_err(BrokerError::refused("a lease"))?;
            let entry = entry.filter(|entry| entry.operation == Operation::Put);
            let (revision, released, is_free) = match &entry {
                None => (0, 0, true),
                Some(entry) => {
                    let (of, released) = parse(&entry.value);
                    if seen.is_none_or(|(revision, _)| revision != entry.revision) {
                        seen = Some((entry.revision, asked));
                    }
                    let is_over = seen.is_some_and(|(_, since)| since.elapsed() >= term);
                    (entry.revision, released, of == NOBODY || of == holder || is_over)
                }
            };
            if is_free {
                let share = u32::try_from(burden().min(10)).unwrap_or(10);
                sleep(term / 40 * share).await;
                let mut lease = Self {
                    store: store.clone(),
                    key: key.clone(),
                    holder: holder.clone(),
                    term,
                    revision,
                    until: Instant::now(),
                    released,
                };
                let taken = if entry.is_some() { lease.renew().await? } else { lease.create().await? };
                if taken {
                    return Ok(lease);
                }
                seen = None;
            }
            sleep(term / 8).await;
        }
    }

    async fn create(&mut self) -> Result<bool, BrokerError> {
        let asked = Instant::now();
        match self.store.create(&self.key, self.value(&self.holder).into()).await {
            Ok(revision) => {
                self.revision = revision;
                self.until = asked + self.term * 3 / 4;
                Ok(true)
            }
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(BrokerError::refused("a lease")(error)),
        }
    }

    /// Renews it, and notes how far the LEMF is. Says whether it is still held.
    pub(super) async fn renew(&mut self) -> Result<bool, BrokerError> {
        if self.update().await? {
            return Ok(true);
        }
        // By its own revision, if that is what it was.
        Ok(self.is_own().await? && self.update().await?)
    }

    async fn update(&mut self) -> Result<bool, BrokerError> {
        let asked = Instant::now();
        match self.store.update(&self.key, self.value(&self.holder).into(), self.revision).await {
            Ok(revision) => {
                self.revision = revision;
                self.until = asked + self.term * 3 / 4;
                Ok(true)
            }
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(error) => Err(BrokerError::refused("a lease")(error)),
        }
    }

    /// Whether what changed it was ourselves, by a renewal whose answer was lost.
    async fn is_own(&mut self) -> Result<bool, BrokerError> {
        let entry = self.store.entry(&self.key).await.map_err(BrokerError::refused("a lease"))?;
        match entry {
            Some(entry) if entry.operation == Operation::Put && parse(&entry.value).0 == self.holder => {
                self.revision = entry.revision;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Gives it back, with how far the LEMF is.
    pub(super) async fn give_back(self) {
        // If it cannot be told it is over in time.
        let _ = self.store.update(&self.key, self.value(NOBODY).into(), self.revision).await;
    }

    /// Until when it is held if it is not renewed.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    fn value(&self, holder: &str) -> String {
        format!("{holder} {}", self.released)
    }
}

fn parse(value: &[u8]) -> (&str, u64) {
    let text = str::from_utf8(value).unwrap_or_default();
    let (holder, released) = text.split_once(' ').unwrap_or((text, ""));
    (holder, released.parse().unwrap_or_default())
}
