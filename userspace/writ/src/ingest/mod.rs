//! The ingest endpoint of unified messaging: HTTPS in, consignments to the delivery core out. On a thread of its own, so that what it
//! reads delays neither a worker, nor the delivery core, nor the metrics.

mod connections;
mod counters;
mod desk;
mod http;
mod memory;
mod places;

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam::channel::{self, Receiver};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;
use writ_handover::cin::CinAllocator;
use writ_handover::settings::LemfSettings;
use writ_handover::{Consignment, Rooms};
use writ_wire::Time;

use crate::clock;
use crate::config::Ingest as Settings;
use crate::worker::Targets;
use connections::{Connections, told_to_stop};
pub use counters::Counters;
use desk::Desk;
use memory::Memory;

/// Consignments that may wait for the delivery core.
const QUEUE: usize = 64;
/// How often it is looked whether logical sequences are over.
const TICK: Duration = Duration::from_secs(1);
/// How long requests have at the end to be answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The way from the endpoint to the delivery core, made before either.
pub struct Way {
    sender: channel::Sender<Consignment>,
}

/// The two ends of it.
pub fn way() -> (Way, Receiver<Consignment>) {
    let (sender, receiver) = channel::bounded(QUEUE);
    (Way { sender }, receiver)
}

/// The endpoint, running.
pub struct Ingest {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Ingest {
    /// Listens, and serves on a thread of its own. `lemfs` are the LEMFs, in the order of [`Rooms`]; `state` is the folder where it
    /// is kept what was said.
    ///
    /// # Errors
    /// Where it cannot listen, or a file of its certificate or its state cannot be used.
    pub fn start(
        settings: &Settings,
        lemfs: &[LemfSettings],
        state: &Path,
        targets: Targets,
        cins: CinAllocator,
        way: Way,
        rooms: Rooms,
    ) -> anyhow::Result<Self> {
        let counters = Arc::new(Counters::default());
        let names: Vec<String> = lemfs.iter().map(|lemf| lemf.name.clone()).collect();
        let messaging = settings.messaging(&names);
        let opened = Memory::open(state, lemfs, messaging.said + messaging.remembered)?;
        let desk = Desk::new(messaging, targets, cins, way.sender, rooms, Arc::clone(&counters), opened);
        let connections = Arc::new(Connections::new(settings, Arc::clone(&counters))?);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(settings.listen));
        let listener = listener.with_context(|| format!("ingest.listen {}", settings.listen))?;
        tracing::info!(address = %listener.local_addr()?, "taking events of messaging systems");
        let (stop, stopped) = watch::channel(false);
        let longest = settings.max_body;
        let thread = std::thread::Builder::new().name("writ-ingest".to_owned()).spawn(move || {
            runtime.block_on(serve(desk, connections, listener, longest, stopped));
            // A request may still wait for a disk in a thread of the runtime; nothing waits for that.
            runtime.shutdown_background();
        })?;
        Ok(Self { stop, thread, counters })
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes no more, answers what was asked, and lets go of its way to the delivery core.
    pub fn end(self) {
        self.stop.send_replace(true);
        // A panic in it has ended the process already.
        let _ = self.thread.join();
    }
}

async fn serve(
    desk: Desk,
    connections: Arc<Connections>,
    listener: TcpListener,
    longest: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let desk = Arc::new(desk);
    let router = http::router(Arc::clone(&desk), longest);
    let ticks = async {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            desk.tick(now()).await;
        }
    };
    tokio::select! {
        () = Arc::clone(&connections).accept(listener, router, stopped.clone()) => {}
        () = ticks => {}
        () = told_to_stop(&mut stopped) => {}
    }
    connections.ended(LAST_ANSWERS).await;
}

/// The clock that what comes in is kept by: a step of the machine's closes nothing, and forgets nothing.
fn now() -> Time {
    static START: LazyLock<(Instant, Time)> = LazyLock::new(|| (Instant::now(), clock::now()));
    let (begun, at) = *START;
    at.after(begun.elapsed())
}
