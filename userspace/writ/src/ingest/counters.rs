//! What the endpoint counts: no identity, and nothing that tells one client from another.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::report::Named;

/// Counters of the endpoint, and of what it makes of events.
#[derive(Default)]
pub struct Counters {
    /// Requests answered: kept, malformed, not kept, and anything else.
    pub kept: AtomicU64,
    /// See [`kept`](Self::kept).
    pub malformed: AtomicU64,
    /// Some of it was content of events that nobody knows.
    pub unknown: AtomicU64,
    /// See [`kept`](Self::kept).
    pub not_kept: AtomicU64,
    /// There was no memory for its octets.
    pub no_memory: AtomicU64,
    /// Its octets did not come in time.
    pub slow: AtomicU64,
    /// See [`kept`](Self::kept).
    pub other: AtomicU64,
    /// Connections opened with a certificate that is accepted.
    pub opened: AtomicU64,
    /// Connections that TLS ended before.
    pub refused: AtomicU64,
    /// Connections closed because there were too many: before their handshake was over, of one client, and of all.
    pub too_many_handshakes: AtomicU64,
    /// See [`too_many_handshakes`](Self::too_many_handshakes).
    pub too_many_of_client: AtomicU64,
    /// See [`too_many_handshakes`](Self::too_many_handshakes).
    pub too_many: AtomicU64,
    /// Times that a record did not find its way to the delivery core.
    pub records_lost: AtomicU64,
    /// Times that what was said could not be noted in the state folder.
    pub not_noted: AtomicU64,
    /// What was made of events, as it was a moment ago.
    pub messaging: Mutex<Counted>,
}

/// What is made of events.
#[derive(Default)]
pub struct Counted {
    pub counters: writ_messaging::Counters,
    /// Logical sequences that are followed.
    pub sequences: usize,
}

/// One more.
pub fn one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    /// All of them, by name.
    pub fn named(&self) -> Named {
        let mut all: Named = [
            ("ingest_kept", &self.kept),
            ("ingest_malformed", &self.malformed),
            ("ingest_unknown", &self.unknown),
            ("ingest_not_kept", &self.not_kept),
            ("ingest_no_memory", &self.no_memory),
            ("ingest_slow", &self.slow),
            ("ingest_other", &self.other),
            ("ingest_opened", &self.opened),
            ("ingest_refused", &self.refused),
            ("ingest_too_many_handshakes", &self.too_many_handshakes),
            ("ingest_too_many_of_client", &self.too_many_of_client),
            ("ingest_too_many", &self.too_many),
            ("ingest_records_lost", &self.records_lost),
            ("ingest_not_noted", &self.not_noted),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
        .into();
        if let Ok(messaging) = self.messaging.lock() {
            messaging.counters.each(|name, count| all.push((name, count)));
            all.push(("messaging_sequences", messaging.sequences as u64));
        }
        all
    }
}
