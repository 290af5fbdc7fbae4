//! From a stream of the broker into the buffer of a connection, in the order of the stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Info, Stream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};
use writ_etsi::EncodeError;

use super::envelope::{Opener, Piece, Place, Unopened};
use super::{BrokerError, Course, RETRY};
use crate::buffer::Buffer;
use crate::counters::LinkCounters;
use crate::link_pdu::LinkPdus;
use crate::pdu::Pdu;

/// Messages that are asked for at a time.
const MESSAGES: usize = 16;
/// How long the broker waits for one.
const EXPIRES: Duration = Duration::from_secs(1);
/// After so long without an answer the broker is asked anew.
const SILENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether the buffer has room.
const ROOM: Duration = Duration::from_millis(2);
/// How long the broker keeps the state of a reader that is gone.
const INACTIVE: Duration = Duration::from_secs(30);
/// The longest PDU that is put together.
const LONGEST_PDU: usize = 64 << 20;

/// What went into the buffer: the place after it, and the sequence of the message that ends there.
pub(super) type Fed = Arc<Mutex<VecDeque<(u64, u64)>>>;

/// Reads one stream.
pub(super) struct Reader {
    pub(super) course: Course,
    pub(super) stream: Stream<Info>,
    pub(super) opener: Opener,
    pub(super) buffer: Arc<Buffer>,
    pub(super) fed: Fed,
    pub(super) counters: Arc<LinkCounters>,
    pub(super) link_pdus: Arc<LinkPdus>,
    /// The sequence of the message that was read last.
    pub(super) cursor: u64,
    /// Where that stood, and the PDUs of its run that end before the next.
    pub(super) last: Option<(Place, u64)>,
    /// A PDU of which the rest is in the next message.
    pub(super) partial: Option<(Pdu, BytesMut)>,
    /// The message that did not come, the last time that one was missing.
    pub(super) gap: Option<u64>,
}

impl Reader {
    /// Reads until what it reads cannot be opened.
    pub(super) async fn run(mut self) -> BrokerError {
        loop {
            let error = match self.consume().await {
                Ok(()) => continue,
                Err(error @ BrokerError::Unopened(_)) => return error,
                Err(error) => error,
            };
            self.counters.broker_failures.one();
            tracing::debug!(lemf = self.course.lemf, %error, "cannot read from the broker");
            sleep(RETRY).await;
        }
    }

    /// Reads on from where it is, until the broker has to be asked anew.
    async fn consume(&mut self) -> Result<(), BrokerError> {
        let state = self.stream.get_info().await.map_err(BrokerError::refused("the stream"))?.state;
        if state.last_sequence < self.cursor {
            tracing::error!(lemf = self.course.lemf, "the broker has lost the end of a stream, or it was made anew");
            self.counters.broker_faults.one();
            self.cursor = state.first_sequence.saturating_sub(1);
        } else if state.first_sequence > self.cursor + 1 {
            // No mediator removes what it has not noted in the lease before.
            self.miss(state.first_sequence);
        }
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.cursor + 1 },
            // How far the LEMF is says the lease. An acknowledgement of each message would have what is missing come
            // again after what came later.
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = self.stream.create_consumer(config).await.map_err(BrokerError::refused("a reader"))?;
        loop {
            self.room().await;
            let batch = consumer.batch().max_messages(MESSAGES).expires(EXPIRES).messages().await;
            let mut batch = batch.map_err(BrokerError::refused("messages"))?;
            let before = self.cursor;
            while let Some(message) = timeout(SILENCE, batch.next()).await.map_err(|_| BrokerError::Lost)? {
                let message = message.map_err(BrokerError::refused("messages"))?;
                let (sequence, pending) = {
                    let info = message.info().map_err(BrokerError::refused("messages"))?;
                    (info.stream_sequence, info.pending)
                };
                if sequence <= self.cursor {
                    continue;
                }
                if sequence != self.cursor + 1 {
                    // One was lost on the way from the broker, which is asked for it again. The second time it is not there any more.
                    if self.gap.replace(self.cursor + 1) != Some(self.cursor + 1) {
                        return Ok(());
                    }
                    self.miss(sequence);
                }
                self.room().await;
                self.take(sequence, &message.payload)?;
                self.counters.broker_waiting.set(pending);
            }
            // What came for a request that was over by then is sent once, and lost: if nothing follows it, no gap shows that.
            if self.cursor == before {
                let state = self.stream.get_info().await.map_err(BrokerError::refused("the stream"))?.state;
                if state.last_sequence > self.cursor {
                    return Ok(());
                }
            }
        }
    }

    /// Goes on at a message, though the broker has not had the LEMF given those before it. How many PDUs they held the next tells, where
    /// any of them was read by this mediator.
    fn miss(&mut self, next: u64) {
        tracing::error!(
            lemf = self.course.lemf,
            messages = next - self.cursor - 1,
            "messages are missing from the broker"
        );
        self.counters.broker_faults.one();
        self.cursor = next - 1;
    }

    async fn room(&self) {
        while !self.buffer.has_room() {
            sleep(ROOM).await;
        }
    }

    /// Takes a message in, all of it or nothing.
    fn take(&mut self, sequence: u64, message: &[u8]) -> Result<(), BrokerError> {
        let opened = match self.opener.open(message) {
            Ok(opened) => opened,
            Err(Unopened::Changed) => {
                self.counters.broker_faults.one();
                tracing::error!(lemf = self.course.lemf, "a message of the broker was changed: it is left out");
                self.cursor = sequence;
                self.note(sequence, self.buffer.let_go_before());
                return Ok(());
            }
            Err(error) => return Err(BrokerError::Unopened(error.to_string())),
        };
        let place = opened.place;
        let missing = match &self.last {
            Some((last, _)) if last.salt == place.salt && place.number <= last.number => {
                self.counters.broker_duplicates.one();
                self.cursor = sequence;
                return Ok(());
            }
            Some((last, after)) if last.salt == place.salt => place.pdus.saturating_sub(*after),
            Some(_) => place.pdus,
            None => 0,
        };
        let cut = self.partial.is_some() && opened.records.first().is_none_or(|piece| !piece.continues);
        let missing = missing + u64::from(cut);
        if missing > 0 {
            self.partial = None;
            self.counters.broker_lost.add(missing);
            tracing::error!(lemf = self.course.lemf, pdus = missing, "PDUs are missing from the broker");
            self.tell(self.link_pdus.missing(missing));
        }
        let ends = opened.records.iter().filter(|piece| !piece.goes_on).count() as u64;
        let mut after = None;
        for piece in opened.records {
            if let Some(pdu) = self.whole(piece) {
                self.counters.broker_taken.one();
                after = Some(self.buffer.feed(pdu));
            }
        }
        let after = after.unwrap_or_else(|| self.end());
        // The message stays until the LEMF has the PDU that ends in the next.
        self.note(sequence, after + u64::from(self.partial.is_some()));
        self.cursor = sequence;
        self.last = Some((place, place.pdus + ends));
        Ok(())
    }

    /// Puts a PDU together. None while some of it is to come, and of one whose beginning was delivered by another
    /// mediator.
    fn whole(&mut self, piece: Piece) -> Option<Pdu> {
        let Piece { pdu, continues, goes_on } = piece;
        let (begun, mut octets) = match (continues, self.partial.take()) {
            (false, _) if !goes_on => return Some(pdu),
            (false, _) => (pdu.clone(), BytesMut::new()),
            (true, Some(partial)) => partial,
            (true, None) => return None,
        };
        if octets.len() + pdu.octets.len() > LONGEST_PDU {
            self.counters.broker_faults.one();
            return None;
        }
        octets.extend_from_slice(&pdu.octets);
        if goes_on {
            self.partial = Some((Pdu { octets: Bytes::new(), ..begun }, octets));
            return None;
        }
        Some(Pdu { octets: octets.freeze(), ..begun })
    }

    fn tell(&self, message: Result<Pdu, EncodeError>) {
        if let Ok(message) = message {
            self.counters.encoded(message.kind, message.octets.len());
            self.buffer.feed(message);
        }
    }

    /// The place after all that went into the buffer.
    fn end(&self) -> u64 {
        let fed = self.fed.lock().unwrap_or_else(PoisonError::into_inner);
        fed.back().map_or_else(|| self.buffer.let_go_before(), |(place, _)| *place)
    }

    fn note(&self, sequence: u64, place: u64) {
        self.fed.lock().unwrap_or_else(PoisonError::into_inner).push_back((place, sequence));
    }
}
