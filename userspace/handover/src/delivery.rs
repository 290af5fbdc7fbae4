//! The delivery core: records in from every worker, PDUs out to every LEMF, on two threads of its own.
//!
//! The *intake* thread sleeps on the workers' queues, encodes, and fills a buffer for each connection. The *links*
//! thread runs all connections on one runtime. Between them stand only the buffers, so that an LEMF that reads slowly,
//! or not at all, delays neither encoding nor another LEMF, and a burst of records delays no keep-alive.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender};
use thiserror::Error;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use writ_intercept::record::Record;

use crate::broker::{Course, Publisher};
use crate::buffer::Buffer;
use crate::cin::CinReserve;
use crate::connection::{Finish, Resources};
use crate::consignment::{Consignment, Entrance, Rooms};
use crate::counters::Counters;
use crate::encoder::Encoder;
use crate::intake::{Clock, Exit, Intake, Lane, NetworkExit, Reserve};
use crate::integrity::Unchecked;
use crate::latency::Latency;
use crate::link::Link;
use crate::link_pdu::LinkPdus;
use crate::options::Options;
use crate::outlet::{Destination, Outlet, PduFile};
use crate::pdu::Interface;
use crate::settings::{HandoverSettings, LemfSettings, Numbering, SettingsError};
use crate::spool::{Parts, Spool, SpoolError};

/// What happens when the buffer of a connection is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// What comes is dropped, counted, and told to the LEMF. Live, where the wire does not wait.
    #[default]
    Drop,
    /// Records wait, and with them the workers, as long as the LEMF takes anything within TIME3; then as `Drop`. For a
    /// replay, which is faster than any LEMF. One LEMF can then delay another.
    Wait,
}

/// How delivery works as a whole.
#[derive(Default)]
pub struct DeliverySettings {
    /// `[handover]`.
    pub handover: HandoverSettings,
    /// What a full buffer means.
    pub when_full: WhenFull,
    /// The reserve of the CINs that records bear. None in a replay: it keeps no state.
    pub cin_reserve: Option<CinReserve>,
    /// Records whose sender waits until they are safe.
    pub consignments: Option<Receiver<Consignment>>,
    /// Where it is counted how long everything took; with the workers, who count the first stage.
    pub latency: Arc<Latency>,
    /// Run first on each thread of the delivery core, as to pin it.
    pub on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Delivery could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting does not hold.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file of PDUs could not be begun.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A thread, or the runtime of the connections, could not be had.
    #[error("cannot start a delivery thread: {0}")]
    Thread(#[source] io::Error),
}

/// The running delivery core.
pub struct Delivery {
    counters: Arc<Counters>,
    rooms: Rooms,
    buffers: Vec<(String, Interface, Arc<Buffer>)>,
    spools: Vec<(String, Interface, Arc<Spool>)>,
    /// Dropped to stop the intake.
    stop: Option<Sender<()>>,
    /// Says how many records the intake left, when it ends.
    intake: Receiver<u64>,
    finish: watch::Sender<Option<Instant>>,
    links: Option<JoinHandle<()>>,
}

/// What [`Delivery::drain`] left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Records that were not encoded in time.
    pub records: u64,
    /// What each connection did not take in time, and is lost; none of those that took everything, or have a spool.
    pub undelivered: Vec<Undelivered>,
    /// What is kept in the spools, to be delivered after the next start.
    pub kept: Vec<Undelivered>,
    /// PDUs that no LEMF has shown to have read, since the start: it reset the connection each time that they went.
    pub unconfirmed: u64,
}

/// What one connection did not take: PDUs that TCP had not acknowledged at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The LEMF.
    pub lemf: String,
    /// The interface.
    pub interface: Interface,
    /// PDUs.
    pub pdus: u64,
    /// Their octets.
    pub octets: u64,
}

impl Drained {
    /// Whether nothing was lost, and nothing is in doubt.
    pub fn is_complete(&self) -> bool {
        self.records == 0 && self.undelivered.is_empty() && self.unconfirmed == 0
    }
}

impl Delivery {
    /// Starts delivery: opens files and, from its own thread, connections. `receivers` are the ends of the workers'
    /// queues; `Mandate::lemf` of a record is an index into `outlets`.
    ///
    /// # Errors
    /// When a setting does not hold, a file cannot be begun, or there are no threads to be had. That an LEMF cannot be
    /// reached is no error: it is tried again.
    pub fn start(
        settings: DeliverySettings,
        outlets: Vec<Outlet>,
        receivers: Vec<Receiver<Record>>,
    ) -> Result<Self, StartError> {
        let counters =
            Arc::new(Counters::new(outlets.iter().map(|outlet| outlet.lemf.clone()), Arc::clone(&settings.latency)));
        let mut plan = Plan::new(&settings, &counters);
        for (index, outlet) in outlets.into_iter().enumerate() {
            plan.add(index, outlet)?;
        }
        let Plan { lanes, files, links, publishers, buffers, spools, .. } = plan;
        let rooms = Rooms(lanes.iter().map(|lane| lane.exit.entrances()).collect());

        let (finish, finishing) = watch::channel(None);
        let hook = settings.on_thread_start.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let links = spawn("writ-links", move || {
            if let Some(hook) = hook {
                hook();
            }
            runtime.block_on(keep_all(links, publishers, finishing));
            // A look-up of a name may still hang in a thread of the runtime; nothing waits for it.
            runtime.shutdown_background();
        })?;

        let (stop, stopped) = channel::bounded(0);
        let (ended, intake_ended) = channel::bounded(1);
        let reserve = settings.cin_reserve.map(Reserve::new);
        let clock = match settings.when_full {
            WhenFull::Drop => Clock::live(),
            WhenFull::Wait => Clock::OfRecords,
        };
        let consignments = settings.consignments;
        let counted = Arc::clone(&counters);
        let intake = Intake { receivers, consignments, stop: stopped, lanes, files, reserve, clock, counters: counted };
        let hook = settings.on_thread_start;
        spawn("writ-intake", move || {
            if let Some(hook) = hook {
                hook();
            }
            // The receiving end is gone only if nobody waits for the number.
            let _ = ended.send(intake.run());
        })?;
        Ok(Self {
            counters,
            rooms,
            buffers,
            spools,
            stop: Some(stop),
            intake: intake_ended,
            finish,
            links: Some(links),
        })
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Says whether there is room for what is to come.
    pub fn rooms(&self) -> Rooms {
        self.rooms.clone()
    }

    /// Ends delivery: waits until the workers have let go of their queues, everything is encoded and every LEMF
    /// has acknowledged what is for it, no longer than `timeout` (and a second more for threads to end).
    pub fn drain(mut self, timeout: Duration) -> Drained {
        let deadline = std::time::Instant::now() + timeout;
        let records = match self.intake.recv_deadline(deadline) {
            Ok(records) => records,
            Err(_) => {
                self.stop = None;
                for (_, _, buffer) in &self.buffers {
                    buffer.hurry();
                }
                self.intake.recv_timeout(Duration::from_secs(1)).unwrap_or_default()
            }
        };
        // All are told before one is waited for.
        for (_, _, spool) in &self.spools {
            spool.finish(deadline);
        }
        for (_, _, spool) in &self.spools {
            spool.finished(deadline);
        }
        self.finish.send_replace(Some(Instant::from_std(deadline)));
        if let Some(links) = self.links.take() {
            // It ends by the deadline, and a panic in it has ended the process already.
            let _ = links.join();
        }
        for (_, _, spool) in &self.spools {
            spool.close();
        }
        let kept = self.spools.iter().map(|(lemf, interface, spool)| {
            let (pdus, octets) = spool.kept();
            Undelivered { lemf: lemf.clone(), interface: *interface, pdus, octets }
        });
        let kept = kept.filter(|kept| kept.pdus > 0).collect();
        let left = self.buffers.iter().map(|(lemf, interface, buffer)| {
            let spool = self.spools.iter().find(|(of, on, _)| of == lemf && on == interface);
            let (pdus, octets) = spool.map_or_else(|| buffer.held(), |(_, _, spool)| spool.left());
            Undelivered { lemf: lemf.clone(), interface: *interface, pdus, octets }
        });
        let undelivered = left.filter(|left| left.pdus > 0).collect();
        let links = self.counters.lemfs.iter().flat_map(|lemf| [&lemf.hi2, &lemf.hi3]);
        Drained { records, undelivered, kept, unconfirmed: links.map(|link| link.pdus_unconfirmed.get()).sum() }
    }
}

/// Without [`Delivery::drain`] the threads are told to end at once, and not waited for.
impl Drop for Delivery {
    fn drop(&mut self) {
        self.stop = None;
        for (_, _, buffer) in &self.buffers {
            buffer.hurry();
        }
        self.finish.send_if_modified(|finish| finish.is_none() && finish.replace(Instant::now()).is_none());
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}

/// Runs every link until all have finished, or the time to finish is over.
async fn keep_all(links: Vec<Link>, publishers: Vec<Publisher>, finish: Finish) {
    let mut tasks = JoinSet::new();
    for publisher in publishers {
        tasks.spawn(publisher.keep(finish.clone()));
    }
    for link in links {
        tasks.spawn(link.keep(finish.clone()));
    }
    let mut deadline = finish;
    let over = async {
        let deadline = deadline.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
        sleep_until(deadline.unwrap_or_else(Instant::now)).await;
    };
    let all = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        () = all => {}
        () = over => {}
    }
}

/// The parts of a delivery core, until the threads take them.
struct Plan<'a> {
    settings: &'a DeliverySettings,
    counters: &'a Counters,
    lanes: Vec<Lane>,
    files: Vec<PduFile>,
    links: Vec<Link>,
    publishers: Vec<Publisher>,
    buffers: Vec<(String, Interface, Arc<Buffer>)>,
    spools: Vec<(String, Interface, Arc<Spool>)>,
}

impl<'a> Plan<'a> {
    fn new(settings: &'a DeliverySettings, counters: &'a Counters) -> Self {
        Self {
            settings,
            counters,
            lanes: Vec::new(),
            files: Vec::new(),
            links: Vec::new(),
            publishers: Vec::new(),
            buffers: Vec::new(),
            spools: Vec::new(),
        }
    }

    fn add(&mut self, index: usize, outlet: Outlet) -> Result<(), StartError> {
        let mut encoder = Encoder::agreed(&self.settings.handover, outlet.profile, outlet.agreement.clone())?;
        let exit = match &outlet.destination {
            Destination::Network(lemf) => {
                lemf.validate()?;
                let hi2 = self.network(index, &outlet, lemf, Interface::Hi2, &mut encoder)?;
                let hi3 = self.network(index, &outlet, lemf, Interface::Hi3, &mut encoder)?;
                Exit::Network { hi2, hi3 }
            }
            Destination::File(path) => Exit::File(match self.files.iter().position(|file| file.path() == path) {
                Some(open) => open,
                None => {
                    let file =
                        PduFile::create(path).map_err(|source| StartError::File { path: path.clone(), source })?;
                    self.files.push(file);
                    self.files.len() - 1
                }
            }),
            Destination::Callback(callback) => Exit::Callback(Arc::clone(callback)),
        };
        self.lanes.push(Lane { name: outlet.lemf, encoder, exit });
        Ok(())
    }

    fn network(
        &mut self,
        index: usize,
        outlet: &Outlet,
        lemf: &LemfSettings,
        interface: Interface,
        encoder: &mut Encoder,
    ) -> Result<NetworkExit, StartError> {
        let link_pdus = Arc::new(LinkPdus::new(&self.settings.handover, outlet.profile, interface)?);
        let counters = self.counters.lemfs.get(index).map(|lemf| Arc::clone(lemf.of(interface))).unwrap_or_default();
        let patience = match self.settings.when_full {
            WhenFull::Drop => Duration::ZERO,
            WhenFull::Wait => lemf.keep_alive.time3,
        };
        // Of a spool that gives its oldest up no more than a quarter is on its way, in half of the buffer.
        let of_spool =
            lemf.spool.as_ref().map(|spool| usize::try_from(spool.limit(interface) / 2).unwrap_or(usize::MAX));
        let buffer = Arc::new(Buffer::new(
            outlet.lemf.clone(),
            of_spool.map_or(lemf.buffer, |limit| lemf.buffer.min(limit)),
            patience,
            Arc::clone(&counters),
            Arc::clone(&link_pdus),
        ));
        self.buffers.push((outlet.lemf.clone(), interface, Arc::clone(&buffer)));
        let mut entrance = Entrance::Buffer(Arc::clone(&buffer));
        let mut has_lost_count = self.settings.handover.sequence_numbers == Numbering::PerLiid;
        if let Some(settings) = &lemf.spool {
            let parts = Parts {
                lemf: outlet.lemf.clone(),
                interface,
                numbering: self.settings.handover.sequence_numbers,
                memory: lemf.buffer,
                buffer: Arc::clone(&buffer),
                counters: Arc::clone(&counters),
                link_pdus: Arc::clone(&link_pdus),
                unchecked: outlet.agreement.integrity.as_ref().map(Unchecked::new),
                latency: Arc::clone(&self.counters.latency),
            };
            let (spool, left) = Spool::start(settings, parts, self.settings.on_thread_start.clone())?;
            encoder.go_on_from(interface, &left.numbers);
            has_lost_count &= left.numbers.is_empty();
            if let Some(unchecked) = left.unchecked {
                encoder.take_over(interface, unchecked);
            }
            let spool = Arc::new(spool);
            self.spools.push((outlet.lemf.clone(), interface, Arc::clone(&spool)));
            entrance = Entrance::Spool(spool);
        }
        if let Some(broker) = &lemf.broker {
            let appliance = self.settings.handover.appliance()?;
            let (lemf, prefix) = (outlet.lemf.clone(), broker.prefix.clone());
            let course = Course { prefix, lemf, interface, appliance };
            self.publishers.push(Publisher::new(broker.clone(), course, buffer, counters));
            return Ok(NetworkExit { entrance, link_pdus, staged: Vec::new(), has_lost_count });
        }
        let address = match interface {
            Interface::Hi2 => lemf.hi2_address(),
            Interface::Hi3 => lemf.hi3_address(),
        };
        self.links.push(Link {
            lemf: outlet.lemf.clone(),
            interface: interface.name(),
            address: address.to_owned(),
            retry: lemf.retry,
            resources: Resources {
                buffer: Arc::clone(&buffer),
                counters,
                latency: Arc::clone(&self.counters.latency),
                link_pdus: Arc::clone(&link_pdus),
                keep_alive: lemf.keep_alive,
                greet: lemf.tls.is_some(),
                options: lemf.acknowledgement.map(|settings| {
                    Options::new(settings, outlet.lemf.clone(), interface.name(), lemf.keep_alive.time2)
                }),
            },
            tls: lemf.tls.clone(),
            spooled: lemf.spool.is_some(),
            last_reason: None,
        });
        Ok(NetworkExit { entrance, link_pdus, staged: Vec::new(), has_lost_count })
    }
}
