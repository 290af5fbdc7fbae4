//! `writ run`: live, until SIGTERM.

mod aside;
mod gone;
mod lane;
mod published;
mod warranted;
mod watch;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, bail};
use crossbeam::channel;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use writ_capture::afxdp::{Interface, LetGoTable, QueueSource};
use writ_handover::cin::CinReserve;
use writ_handover::latency::Latency;
use writ_handover::{Consignment, Delivery, DeliverySettings, Outlet, WhenFull};
use writ_intercept::record::Record;

use crate::cli;
use crate::config::{Config, ConfigError, Cores};
use crate::doctor;
use crate::ingest::{self, Ingest};
use crate::metrics;
use crate::report::delivered;
use crate::worker::{self, Worker};
use aside::Aside;
pub use aside::Counts as AsideCounts;
use lane::{Junction, Lane};
pub use published::Published;
pub use warranted::Warranted;
use watch::Watch;

/// Records that may wait between one worker and delivery.
const QUEUE: usize = 65_536;
/// How often it is asked whether the interfaces are up.
const WATCH: Duration = Duration::from_secs(1);
/// How long LEMFs have at the end to take what is still for them.
const DRAIN: Duration = Duration::from_secs(20);

/// The interfaces, shared with the metrics; taken away at the end.
pub type Interfaces = Arc<Mutex<Vec<Interface>>>;

/// Runs `writ run`.
pub fn run(arguments: &cli::Run) -> anyhow::Result<()> {
    let file = &arguments.config;
    let config = Config::read_to_run(file)?;
    let (warrants_file, state) = needed(&config, file)?;
    let warranted = Arc::new(Warranted::read(&warrants_file, &config)?);
    std::fs::create_dir_all(&state).with_context(|| state.display().to_string())?;
    let reserve = CinReserve::open(state.join("cin"))?;
    let cins = reserve.allocator();

    doctor::warn(&config);
    // A thread of its own, which is on the core of each worker in turn: there its memory is taken. This one stays where it may run.
    let opened = std::thread::scope(|scope| scope.spawn(|| open(&config)).join());
    let (interfaces, mut sources, let_go) = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    if sources.len() > 1 {
        QueueSource::join(&mut sources)?;
    }
    let let_go: Arc<[LetGoTable]> = let_go.into();
    let count = sources.len();
    let stop = Arc::new(AtomicBool::new(false));
    let (alive, mut all_ended) = tokio::sync::mpsc::channel::<std::convert::Infallible>(1);
    let published: Vec<_> = sources.iter().map(|source| Arc::new(Published::new(source))).collect();
    let latency = Arc::<Latency>::default();
    let mut receivers = Vec::new();
    let mut lanes: Vec<Lane> = Vec::new();
    for ((at, source), published) in sources.into_iter().enumerate().zip(&published) {
        let (sender, receiver) = channel::bounded::<Record>(QUEUE);
        receivers.push(receiver);
        let settings = Arc::new(config.intercept_settings());
        let worker = Worker::new(warranted.targets(), settings, cins.clone(), sender, worker::WhenFull::Drop)
            .timed(Arc::clone(&latency));
        lanes.push(Lane::new(
            source,
            worker,
            writ_wire::Settings { let_go: !let_go.is_empty(), ..config.wire_settings() },
            Junction { own: at, lanes: count },
            Aside::new(Arc::clone(&let_go)),
            Arc::clone(published),
            Arc::clone(&stop),
            alive.clone(),
        ));
    }
    // Where nothing is captured, what is taken in keeps the run alive.
    let _alive = lanes.is_empty().then_some(alive);
    let (way, consignments) = ingest::way();
    let consignments = config.ingest.is_some().then_some(consignments);
    let delivery = delivery(&config, reserve, receivers, consignments, latency)?;
    let threads = start(lanes, &config.cores)?;
    let ingest = config.ingest.as_ref().map(|settings| {
        Ingest::start(settings, &config.lemf, &state, warranted.targets(), cins, way, delivery.rooms())
    });
    let ingest = ingest.transpose()?;
    tracing::info!(warrants = warranted.len(), workers = threads.len(), "running");

    let control = runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = metrics::Seen {
        published: published.clone(),
        interfaces: Arc::clone(&interfaces),
        delivery: delivery.counters(),
        buffers: config.lemf.iter().map(|lemf| lemf.buffer as u64).collect(),
        warranted: Some(warranted),
        ingest: ingest.as_ref().map(Ingest::counters),
    };
    let lost = control.block_on(until_terminated(&config, seen, &mut all_ended))?;

    // No new packet from here on; what is in the rings is still read.
    let attached = interfaces.lock().map(|mut interfaces| std::mem::take(&mut *interfaces)).unwrap_or_default();
    drop(attached);
    stop.store(true, Ordering::Release);
    for thread in threads {
        // A worker that panics ends the process at once, so there is nobody to be told of here.
        let _ = thread.join();
    }
    if let Some(ingest) = ingest {
        ingest.end();
    }
    let counters = delivery.counters();
    let drained = delivery.drain(DRAIN);
    let mut tally = crate::report::Tally::default();
    published.iter().for_each(|lane| tally.add(&lane.tally()));
    print!("{}", tally.text(&counters.snapshot()));
    if lost {
        bail!("no interface is left to capture from");
    }
    delivered(&drained, DRAIN)
}

/// What a live run cannot do without.
fn needed(config: &Config, file: &Path) -> Result<(std::path::PathBuf, std::path::PathBuf), ConfigError> {
    match (config.lacking(), &config.warrants, &config.state) {
        (None, Some(warrants), Some(state)) => Ok((warrants.clone(), state.clone())),
        (lacking, ..) => {
            Err(ConfigError::at(file, 1, format!("{} (needed to run)", lacking.unwrap_or("a setting is missing"))))
        }
    }
}

fn open(config: &Config) -> anyhow::Result<(Interfaces, Vec<QueueSource>, Vec<LetGoTable>)> {
    if let Some(absent) = config.absent_interfaces().first() {
        // Not as an error of the configuration: that would end with 2, and nobody would try again when the interface is there.
        bail!("{absent}");
    }
    let mut interfaces = Vec::new();
    let mut sources = Vec::new();
    let mut let_go = Vec::new();
    // A connection is let go on all interfaces or on none: its directions may come in by two.
    let lets_go = config.interface.iter().all(|settings| settings.let_go > 0);
    for settings in &config.interface {
        let before = sources.len();
        let (interface, queues) = Interface::open_placed(settings, &mut |queue| {
            pin(config.cores.of_worker(before + queue), "memory");
        })?;
        for queue in &queues {
            let obtained = queue.obtained();
            tracing::info!(
                interface = interface.name(),
                queue = queue.queue(),
                attach = ?obtained.attach,
                bind = ?obtained.bind,
                "capturing"
            );
        }
        if let Some(reason) = interface.native_refusal() {
            tracing::warn!(interface = interface.name(), reason, "no native XDP here: slower, generic mode");
        }
        if lets_go {
            let_go.push(interface.let_go_table()?);
        }
        interfaces.push(interface);
        sources.extend(queues);
    }
    Ok((Arc::new(Mutex::new(interfaces)), sources, let_go))
}

fn delivery(
    config: &Config,
    reserve: CinReserve,
    receivers: Vec<channel::Receiver<Record>>,
    consignments: Option<channel::Receiver<Consignment>>,
    latency: Arc<Latency>,
) -> anyhow::Result<Delivery> {
    let pinned = config.cores.delivery;
    let settings = DeliverySettings {
        handover: config.handover.clone().unwrap_or_default(),
        when_full: WhenFull::Drop,
        cin_reserve: Some(reserve),
        consignments,
        latency,
        on_thread_start: Some(Arc::new(move || pin(pinned, "delivery"))),
    };
    let mut outlets = Vec::new();
    for lemf in &config.lemf {
        outlets.push(Outlet::network(lemf.clone()).agreed(config.agreement(&lemf.name)?));
    }
    Ok(Delivery::start(settings, outlets, receivers)?)
}

fn start(lanes: Vec<Lane>, cores: &Cores) -> anyhow::Result<Vec<JoinHandle<()>>> {
    lanes
        .into_iter()
        .enumerate()
        .map(|(at, lane)| {
            let core = cores.of_worker(at);
            let thread = std::thread::Builder::new().name(format!("writ-worker-{at}"));
            let started = thread.spawn(move || {
                pin(core, "worker");
                lane.drive();
            });
            started.context("cannot start a worker")
        })
        .collect()
}

/// Pins the calling thread to a core, if one is given.
pub fn pin(core: Option<usize>, what: &str) {
    if let Some(id) = core
        && !core_affinity::set_for_current(core_affinity::CoreId { id })
    {
        tracing::warn!(core = id, what, "cannot pin to this core");
    }
}

/// The control side: metrics and signals, until SIGTERM or SIGINT, or until no lane is left that could read anything. Gives
/// whether it was the latter.
async fn until_terminated(
    config: &Config,
    seen: metrics::Seen,
    all_ended: &mut tokio::sync::mpsc::Receiver<std::convert::Infallible>,
) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (interfaces, warranted) = (Arc::clone(&seen.interfaces), seen.warranted.clone());
    if let Some(metrics) = &config.metrics {
        let listener = tokio::net::TcpListener::bind(metrics.listen).await;
        let listener = listener.with_context(|| format!("metrics.listen {}", metrics.listen))?;
        tracing::info!(address = %listener.local_addr()?, "serving metrics");
        tokio::spawn(metrics::serve(listener, seen));
    }
    let mut watch = Watch::default();
    let mut watches = tokio::time::interval(WATCH);
    let lost = loop {
        tokio::select! {
            _ = watches.tick() => watch.look(&interfaces),
            _ = terminate.recv() => break false,
            _ = interrupt.recv() => break false,
            _ = hangup.recv() => warranted.iter().for_each(|warranted| warranted.reload()),
            // Nothing is ever sent: it ends when the last lane has.
            _ = all_ended.recv() => break true,
        }
    };
    tracing::info!("ending");
    Ok(lost)
}
