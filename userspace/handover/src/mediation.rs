//! The mediator: takes from the broker what appliances put there, and delivers it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt as _;
use hashbrown::HashSet;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::broker::{Course, Ends, Relay, Session, connect};
use crate::connection::Finish;
use crate::counters::Counters;
use crate::delivery::StartError;
use crate::link_pdu::LinkPdus;
use crate::outlet::profile;
use crate::pdu::Interface;
use crate::settings::{HandoverSettings, LemfSettings};
use crate::spool::key::salt;

/// How often the broker is asked which streams there are.
const LOOK: Duration = Duration::from_secs(1);
/// Streams of one LEMF at most.
const STREAMS: usize = 4096;
/// How long leases may take to be given back.
const GRACE: Duration = Duration::from_secs(2);

/// How a mediator works.
pub struct MediationSettings {
    /// `[handover]`: what the mediator's own PDUs, such as keep-alives, say of it.
    pub handover: HandoverSettings,
    /// The LEMFs; those without a broker are left to the appliances.
    pub lemfs: Vec<LemfSettings>,
    /// Run first on the thread of the mediator, as to pin it.
    pub on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// A running mediator.
pub struct Mediation {
    counters: Arc<Counters>,
    finish: watch::Sender<Option<Instant>>,
    thread: Option<JoinHandle<()>>,
}

/// One LEMF.
struct Lemf {
    index: usize,
    hi2: Arc<Ends>,
    hi3: Arc<Ends>,
}

impl Mediation {
    /// Starts it. That the broker or an LEMF cannot be reached is no error: it is tried again.
    ///
    /// # Errors
    /// When a setting does not hold, or there is no thread to be had.
    pub fn start(settings: MediationSettings) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::new(settings.lemfs.iter().map(|lemf| lemf.name.clone()), Arc::default()));
        let holder = salt().map_err(StartError::Thread)?;
        let holder: String = holder.iter().take(12).map(|octet| format!("{octet:02x}")).collect();
        let burden = Arc::new(AtomicU64::new(0));
        let mut lemfs = Vec::new();
        for (index, lemf) in settings.lemfs.iter().enumerate() {
            lemf.validate()?;
            let Some(broker) = &lemf.broker else { continue };
            let ends = |interface| -> Result<_, StartError> {
                Ok(Arc::new(Ends {
                    broker: broker.clone(),
                    lemf: lemf.clone(),
                    link_pdus: Arc::new(LinkPdus::new(&settings.handover, profile(lemf.profile), interface)?),
                    latency: Arc::clone(&counters.latency),
                    holder: holder.clone(),
                    burden: Arc::clone(&burden),
                }))
            };
            lemfs.push(Lemf { index, hi2: ends(Interface::Hi2)?, hi3: ends(Interface::Hi3)? });
        }
        let (finish, finishing) = watch::channel(None);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let counted = Arc::clone(&counters);
        let hook = settings.on_thread_start;
        let thread = thread::Builder::new().name("writ-mediator".to_owned()).spawn(move || {
            if let Some(hook) = hook {
                hook();
            }
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for lemf in lemfs {
                    tasks.spawn(mediate(lemf, Arc::clone(&counted), finishing.clone()));
                }
                while tasks.join_next().await.is_some() {}
            });
            // A look-up of a name may still hang in a thread of the runtime; nothing waits for it.
            runtime.shutdown_background();
        });
        Ok(Self { counters, finish, thread: Some(thread.map_err(StartError::Thread)?) })
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Ends it: takes nothing more, waits until the LEMFs have what was taken, no longer than `timeout`, and gives its
    /// leases back. What is left is for the next mediator.
    pub fn drain(mut self, timeout: Duration) {
        self.finish.send_replace(Some(Instant::now() + timeout));
        if let Some(thread) = self.thread.take() {
            // A panic in it has ended the process already.
            let _ = thread.join();
        }
    }
}

/// Without [`Mediation::drain`] the thread is told to end at once, and not waited for.
impl Drop for Mediation {
    fn drop(&mut self) {
        self.finish.send_if_modified(|finish| finish.is_none() && finish.replace(Instant::now()).is_none());
    }
}

/// Delivers to one LEMF whatever appliance it is from.
async fn mediate(lemf: Lemf, counters: Arc<Counters>, mut finish: Finish) {
    let Some(session) = open(&lemf, &counters, &mut finish).await else { return };
    let session = Arc::new(session);
    let mut known = HashSet::new();
    let mut relays = JoinSet::new();
    while finish.borrow_and_update().is_none() {
        let is_connected = u64::from(*session.connected.borrow());
        for interface in Interface::ALL {
            counters.link(lemf.index, interface).broker_connected.set(is_connected);
        }
        let mut names = session.jetstream.stream_names().take(STREAMS);
        while let Some(Ok(name)) = names.next().await {
            let Some(course) = Course::of_stream(&name) else { continue };
            let ends = match course.interface {
                Interface::Hi2 => &lemf.hi2,
                Interface::Hi3 => &lemf.hi3,
            };
            if course.prefix != ends.broker.prefix || course.lemf != ends.lemf.name || !known.insert(name) {
                continue;
            }
            let relay = Relay {
                counters: counters.relay(lemf.index, course.interface),
                course,
                ends: Arc::clone(ends),
                session: Arc::clone(&session),
            };
            relays.spawn(relay.keep(finish.clone()));
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = finish.changed() => {}
        }
    }
    let deadline = finish.borrow().unwrap_or_else(Instant::now) + GRACE;
    let all = async { while relays.join_next().await.is_some() {} };
    let _ = timeout_at(deadline, all).await;
}

/// Connects to the broker of an LEMF, however long that takes.
async fn open(lemf: &Lemf, counters: &Counters, finish: &mut Finish) -> Option<Session> {
    let mut last_reason = None;
    while finish.borrow_and_update().is_none() {
        let error = match connect(&lemf.hi2.broker, "writ mediate").await {
            Ok(session) => return Some(session),
            Err(error) => error.to_string(),
        };
        counters.link(lemf.index, Interface::Hi2).broker_failures.one();
        if last_reason.as_ref() != Some(&error) {
            tracing::warn!(lemf = lemf.hi2.lemf.name, error, "cannot mediate");
        }
        last_reason = Some(error);
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = finish.changed() => {}
        }
    }
    None
}
