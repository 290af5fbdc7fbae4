//! From the buffer of one LEMF and interface into its stream, in order and each once.
//!
//! A message goes only after the one before it: each names the last sequence of the stream that it expects. Of those on
//! their way when a connection is lost the last of the stream says how many arrived, and the others go again, octet for
//! octet.

use std::collections::VecDeque;
use std::sync::Arc;

use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::envelope::{LONGEST, Sealer};
use super::{BrokerError, Course, RETRY, Session, connect, key};
use crate::buffer::Buffer;
use crate::connection::Finish;
use crate::counters::LinkCounters;
use crate::settings::BrokerSettings;

/// Messages, and their octets, on their way at a time.
const MESSAGES: usize = 64;
const OCTETS: usize = 8 << 20;
/// How long the broker knows the identifiers of messages: a message that it already has is not taken twice.
const WINDOW: std::time::Duration = std::time::Duration::from_secs(120);
/// The header of a message that says which it is.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// A message on its way.
struct InFlight {
    octets: Bytes,
    id: String,
    /// The place in the buffer after the PDUs that end in it.
    place: u64,
    pdus: u64,
}

/// Publishes what is for one LEMF and interface.
pub(crate) struct Publisher {
    settings: BrokerSettings,
    course: Course,
    buffer: Arc<Buffer>,
    counters: Arc<LinkCounters>,
    sealer: Option<Sealer>,
    in_flight: VecDeque<InFlight>,
    octets: usize,
    /// The place of the first PDU that is not in a message whole.
    next: u64,
    /// Why the last attempt failed, if it did: said once.
    last_reason: Option<String>,
}

type Ack = JoinHandle<Result<PublishAck, async_nats::jetstream::context::PublishError>>;

impl Publisher {
    pub(crate) fn new(
        settings: BrokerSettings,
        course: Course,
        buffer: Arc<Buffer>,
        counters: Arc<LinkCounters>,
    ) -> Self {
        Self {
            settings,
            course,
            buffer,
            counters,
            sealer: None,
            in_flight: VecDeque::new(),
            octets: 0,
            next: 0,
            last_reason: None,
        }
    }

    /// Publishes until it is told to finish and the broker has everything.
    pub(crate) async fn keep(mut self, mut finish: Finish) {
        loop {
            if finish.borrow_and_update().is_some() && self.buffer.held().0 == 0 {
                return;
            }
            let error = match self.attempt(&mut finish).await {
                Ok(()) => return,
                Err(error) => error,
            };
            self.counters.broker_connected.set(0);
            self.counters.broker_failures.one();
            let reason = error.to_string();
            if self.last_reason.as_ref() != Some(&reason) {
                let (lemf, interface) = (&self.course.lemf, self.course.interface.name());
                tracing::warn!(lemf, interface, error = reason, "cannot publish");
            }
            self.last_reason = Some(reason);
            sleep(RETRY).await;
        }
    }

    async fn attempt(&mut self, finish: &mut Finish) -> Result<(), BrokerError> {
        if self.sealer.is_none() {
            let sealer = Sealer::new(&key(&self.settings)?, self.course.subject());
            self.sealer = Some(sealer.map_err(|_| BrokerError::Sealing)?);
        }
        let mut session = connect(&self.settings, &format!("writ {}", self.course.appliance)).await?;
        let found = session.client.server_info().max_payload;
        // Room for the headers as well.
        let expected = LONGEST + 1024;
        if found < expected {
            return Err(BrokerError::Payload { expected, found });
        }
        let last = self.settle(&session.jetstream).await?;
        self.publish(&mut session, last, finish).await
    }

    fn stream(&self) -> Config {
        Config {
            name: self.course.stream(),
            subjects: vec![self.course.subject()],
            retention: RetentionPolicy::Limits,
            // What is full takes nothing new: it waits here, and then what comes is dropped and told.
            discard: DiscardPolicy::New,
            max_bytes: i64::try_from(self.settings.limit(self.course.interface)).unwrap_or(i64::MAX),
            storage: StorageType::File,
            num_replicas: self.settings.replicas,
            duplicate_window: WINDOW,
            ..Config::default()
        }
    }

    /// Makes the stream if need be, and finds out what it has of what was on its way. Gives its last sequence.
    async fn settle(&mut self, jetstream: &Context) -> Result<u64, BrokerError> {
        let info =
            jetstream.create_or_update_stream(self.stream()).await.map_err(BrokerError::refused("the stream"))?;
        let last = info.state.last_sequence;
        // A mediator leaves the last message where it is, so that it can be looked at here.
        if !self.in_flight.is_empty() && info.state.messages > 0 {
            let stream =
                jetstream.get_stream_no_info(self.course.stream()).await.map_err(BrokerError::refused("the stream"))?;
            let message = stream.get_raw_message(last).await.map_err(BrokerError::refused("the last message"))?;
            let id = message.headers.get(MESSAGE_ID).map(|id| id.as_str().to_owned()).unwrap_or_default();
            if let Some(at) = self.in_flight.iter().position(|message| message.id == id) {
                for _ in 0..=at {
                    self.arrived();
                }
            }
        }
        self.counters.broker_repeated.add(self.in_flight.len() as u64);
        Ok(last)
    }

    /// The broker has the first of the messages on their way.
    fn arrived(&mut self) {
        let Some(message) = self.in_flight.pop_front() else { return };
        self.octets -= message.octets.len();
        self.counters.broker_published.add(message.pdus);
        self.buffer.acknowledged(message.place);
        self.buffer.confirmed(message.place);
    }

    async fn publish(&mut self, session: &mut Session, mut last: u64, finish: &mut Finish) -> Result<(), BrokerError> {
        self.counters.broker_connected.set(1);
        let mut acks: VecDeque<Ack> = VecDeque::new();
        let mut finishing = finish.borrow_and_update().is_some();
        let mut sent = last;
        loop {
            while acks.len() < self.in_flight.len() || self.seal()? {
                let Some(message) = self.in_flight.get(acks.len()) else { break };
                let publish = PublishMessage::build()
                    .payload(message.octets.clone())
                    .message_id(&message.id)
                    .expected_last_sequence(sent);
                let ack = session.jetstream.send_publish(self.course.subject(), publish).await;
                let ack = ack.map_err(BrokerError::refused("a message"))?;
                acks.push_back(tokio::spawn(ack.into_future()));
                sent += 1;
            }
            if finishing && self.in_flight.is_empty() && self.buffer.held().0 == 0 {
                return Ok(());
            }
            tokio::select! {
                ack = next(&mut acks) => {
                    let Some(Ok(ack)) = ack else { return Err(BrokerError::Lost) };
                    acks.pop_front();
                    let ack = ack.map_err(|error| match error.kind() {
                        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => BrokerError::Lost,
                        _ => BrokerError::refused("a message")(error),
                    })?;
                    last += 1;
                    if ack.sequence != last {
                        // It had been taken already, and those after it have to expect another sequence.
                        self.arrived();
                        return Err(BrokerError::Lost);
                    }
                    if self.last_reason.take().is_some() {
                        let (lemf, interface) = (&self.course.lemf, self.course.interface.name());
                        tracing::info!(lemf, interface, "published again");
                    }
                    self.arrived();
                }
                () = self.buffer.filled(), if acks.len() < MESSAGES && self.octets < OCTETS => {}
                _ = session.connected.wait_for(|connected| !connected) => return Err(BrokerError::Lost),
                changed = finish.changed(), if !finishing => {
                    finishing = changed.is_err() || finish.borrow_and_update().is_some();
                }
            }
        }
    }

    /// Seals the next message, if there is room and anything for it.
    fn seal(&mut self) -> Result<bool, BrokerError> {
        if self.in_flight.len() >= MESSAGES || self.octets >= OCTETS {
            return Ok(false);
        }
        let Some(sealer) = &mut self.sealer else { return Ok(false) };
        let (pdus, octets) = Sealer::wants();
        let waiting = self.buffer.from(self.next, pdus, octets);
        let Some(sealed) = sealer.seal(&waiting).map_err(|_| BrokerError::Sealing)? else { return Ok(false) };
        self.next += sealed.ends;
        self.octets += sealed.octets.len();
        let id = format!("{}/{}/{}", self.course.subject(), sealer.run(), sealed.number);
        self.in_flight.push_back(InFlight { octets: sealed.octets, id, place: self.next, pdus: sealed.ends });
        Ok(true)
    }
}

/// The acknowledgement of the first message. Waits for ever while none is on its way.
async fn next(
    acks: &mut VecDeque<Ack>,
) -> Option<Result<Result<PublishAck, async_nats::jetstream::context::PublishError>, tokio::task::JoinError>> {
    match acks.front_mut() {
        Some(ack) => Some(ack.await),
        None => std::future::pending().await,
    }
}
