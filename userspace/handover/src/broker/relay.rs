//! One stream on its way to the LEMF: under a lease, over a connection of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::envelope::Opener;
use super::lease::{Lease, bucket};
use super::reader::{Fed, Reader};
use super::removal::Removal;
use super::{BrokerError, Course, RETRY, Session, key};
use crate::buffer::Buffer;
use crate::connection::{Finish, Resources};
use crate::counters::LinkCounters;
use crate::latency::Latency;
use crate::link::Link;
use crate::link_pdu::LinkPdus;
use crate::options::Options;
use crate::pdu::Interface;
use crate::settings::{BrokerSettings, LemfSettings};

/// How often it is looked what the LEMF has.
const LOOK: Duration = Duration::from_millis(20);

/// What all relays to one LEMF and interface share.
pub(crate) struct Ends {
    pub(crate) broker: BrokerSettings,
    pub(crate) lemf: LemfSettings,
    pub(crate) link_pdus: Arc<LinkPdus>,
    pub(crate) latency: Arc<Latency>,
    /// What this mediator calls itself.
    pub(crate) holder: String,
    /// Leases that it holds, of all LEMFs.
    pub(crate) burden: Arc<AtomicU64>,
}

/// Delivers one stream whenever it has the lease.
pub(crate) struct Relay {
    pub(crate) course: Course,
    pub(crate) ends: Arc<Ends>,
    pub(crate) session: Arc<Session>,
    pub(crate) counters: Arc<LinkCounters>,
}

/// A lease that counts while it is held.
struct Held<'a>(&'a Relay);

impl<'a> Held<'a> {
    fn new(relay: &'a Relay) -> Self {
        relay.ends.burden.fetch_add(1, Ordering::Relaxed);
        relay.counters.broker_leases.set(1);
        Self(relay)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.ends.burden.fetch_sub(1, Ordering::Relaxed);
        let counters = &self.0.counters;
        // Whoever takes it over has the connection, and what waits, from now on.
        for gauge in [
            &counters.broker_leases,
            &counters.broker_waiting,
            &counters.connected,
            &counters.acknowledging,
            &counters.buffered_pdus,
            &counters.buffered_octets,
        ] {
            gauge.set(0);
        }
    }
}

impl Relay {
    /// Delivers until it is told to finish.
    pub(crate) async fn keep(self, mut finish: Finish) {
        let mut last_reason = None;
        while finish.borrow_and_update().is_none() {
            let Err(error) = self.turn(&mut finish).await else { return };
            self.counters.broker_failures.one();
            let reason = error.to_string();
            if last_reason.as_ref() != Some(&reason) {
                let Course { lemf, interface, appliance, .. } = &self.course;
                tracing::warn!(lemf, interface = interface.name(), appliance, error = reason, "cannot mediate");
            }
            last_reason = Some(reason);
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                _ = finish.changed() => {}
            }
        }
    }

    /// Waits for the lease, and delivers for as long as it is held.
    async fn turn(&self, finish: &mut Finish) -> Result<(), BrokerError> {
        let store = bucket(&self.session.jetstream, &self.ends.broker).await?;
        let burden = || self.ends.burden.load(Ordering::Relaxed);
        let (holder, term) = (self.ends.holder.clone(), self.ends.broker.lease);
        let mut lease = tokio::select! {
            lease = Lease::acquire(store, self.course.lease(), holder, term, burden) => lease?,
            _ = finish.wait_for(Option::is_some) => return Ok(()),
        };
        let held = Held::new(self);
        let Course { lemf, interface, appliance, .. } = &self.course;
        tracing::info!(lemf, interface = interface.name(), appliance, "delivering");
        let delivered = self.deliver(&mut lease, finish).await;
        drop(held);
        if !matches!(delivered, Err(BrokerError::Lost)) {
            lease.give_back().await;
        }
        if matches!(delivered, Err(BrokerError::Unopened(_))) {
            // Another mediator may have the key.
            tokio::time::sleep(term).await;
        }
        delivered
    }

    /// Delivers until everything that was read is with the LEMF after it was told to finish.
    async fn deliver(&self, lease: &mut Lease, finish: &mut Finish) -> Result<(), BrokerError> {
        let stream = self.session.jetstream.get_stream(self.course.stream()).await;
        let stream = stream.map_err(BrokerError::refused("the stream"))?;
        let buffer = Arc::new(Buffer::new(
            self.course.lemf.clone(),
            self.ends.lemf.buffer,
            Duration::ZERO,
            Arc::clone(&self.counters),
            Arc::clone(&self.ends.link_pdus),
        ));
        let fed: Fed = Arc::new(Mutex::new(VecDeque::new()));
        let reader = Reader {
            course: self.course.clone(),
            stream: stream.clone(),
            opener: Opener::new(key(&self.ends.broker)?, self.course.subject(), self.course.interface),
            buffer: Arc::clone(&buffer),
            fed: Arc::clone(&fed),
            counters: Arc::clone(&self.counters),
            link_pdus: Arc::clone(&self.ends.link_pdus),
            cursor: lease.released,
            last: None,
            partial: None,
            gap: None,
        };
        let (stop, stopped) = watch::channel(None);
        // Both end with this: without the lease nothing more goes.
        let mut tasks = JoinSet::new();
        let reading = tasks.spawn(async move { Err(reader.run().await) });
        let link = self.link(&buffer);
        tasks.spawn(async move {
            link.keep(stopped).await;
            Ok(())
        });
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut removal = Removal::new(self.session.jetstream.clone(), &stream);
        // What the lease says that the LEMF has: only that is removed, so that whoever takes over finds all that it looks for.
        let mut noted = lease.released;
        let mut renewed = Instant::now();
        let mut deadline = None;
        let ended = loop {
            let mut over = None;
            tokio::select! {
                _ = looks.tick() => {}
                // One that was stopped here is no end.
                done = tasks.join_next() => over = done.and_then(Result::ok),
                changed = finish.changed(), if deadline.is_none() => {
                    deadline = finish.borrow_and_update().or_else(|| changed.is_err().then(Instant::now));
                    reading.abort();
                    stop.send_replace(deadline);
                }
            }
            release(lease, &buffer, &fed);
            if let Some(ended) = over {
                break ended;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break Ok(());
            }
            if removal.is_due(noted) {
                // The last message stays, by which an appliance knows how far it is.
                let _ = timeout_at(lease.until(), removal.go_on(noted)).await;
            }
            if renewed.elapsed() >= self.ends.broker.lease / 4 {
                let released = lease.released;
                match timeout_at(lease.until(), lease.renew()).await {
                    Ok(Ok(true)) => (renewed, noted) = (Instant::now(), released),
                    Ok(Ok(false)) => break Err(BrokerError::Lost),
                    // It is tried again for as long as it is held.
                    Ok(Err(_)) | Err(_) => {}
                }
            }
            if Instant::now() >= lease.until() {
                break Err(BrokerError::Lost);
            }
        };
        tasks.shutdown().await;
        release(lease, &buffer, &fed);
        ended
    }

    fn link(&self, buffer: &Arc<Buffer>) -> Link {
        let lemf = &self.ends.lemf;
        let interface = self.course.interface;
        let address = match interface {
            Interface::Hi2 => lemf.hi2_address(),
            Interface::Hi3 => lemf.hi3_address(),
        };
        Link {
            lemf: lemf.name.clone(),
            interface: interface.name(),
            address: address.to_owned(),
            retry: lemf.retry,
            tls: lemf.tls.clone(),
            spooled: true,
            resources: Resources {
                buffer: Arc::clone(buffer),
                counters: Arc::clone(&self.counters),
                latency: Arc::clone(&self.ends.latency),
                link_pdus: Arc::clone(&self.ends.link_pdus),
                keep_alive: lemf.keep_alive,
                greet: lemf.tls.is_some(),
                options: lemf
                    .acknowledgement
                    .map(|settings| Options::new(settings, lemf.name.clone(), interface.name(), lemf.keep_alive.time2)),
            },
            last_reason: None,
        }
    }
}

/// Notes what the LEMF has.
fn release(lease: &mut Lease, buffer: &Buffer, fed: &Fed) {
    let let_go = buffer.let_go_before();
    let mut fed = fed.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some((_, sequence)) = fed.pop_front_if(|(place, _)| *place <= let_go) {
        lease.released = lease.released.max(sequence);
    }
}
