//! `writ replay`: capture files through the same pipeline as a live interface.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use crossbeam::channel;
use writ_capture::Batch;
use writ_capture::pcap::CaptureFile;
use writ_handover::cin::{CinAllocator, CinReserve};
use writ_handover::pdu::Interface;
use writ_handover::settings::{LemfSettings, ProfileSetting};
use writ_handover::{Delivery, DeliverySettings, Outlet};
use writ_intercept::{TargetIndex, Warrant};
use writ_wire::Wire;

use crate::cli;
use crate::config::{Config, Lemfs, read_warrants};
use crate::report::{Shown, Tally, delivered};
use crate::sources::{Pace, Reading};
use crate::worker::{WhenFull, Worker};

/// Records that may wait between the worker and delivery.
const QUEUE: usize = 65_536;
/// How long an LEMF has at the end to take what is still for it.
const DRAIN: Duration = Duration::from_secs(60);

/// Runs `writ replay`.
pub fn run(arguments: &cli::Replay) -> anyhow::Result<()> {
    let config = arguments.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
    let mut lemfs = Lemfs::open(config.lemf.iter().map(|lemf| lemf.name.clone()).collect());
    let warrants = read_warrants(&arguments.warrants, &mut lemfs)?;
    let mut captures = Vec::new();
    for path in &arguments.captures {
        captures.push(CaptureFile::open(path)?);
        if arguments.out.as_deref().is_some_and(|out| is_same_file(out, path)) {
            bail!("--out {}: expected a file that is not one of the captures", path.display());
        }
    }

    let shown = Arc::new(Mutex::new(Shown::new(arguments.json)));
    let mut outlets = Vec::new();
    for name in lemfs.names() {
        outlets.push(outlet(name, &config, arguments, &shown).agreed(config.agreement(name)?));
    }
    let (sender, receiver) = channel::bounded(QUEUE);
    let (cins, cin_reserve) = numbers(&config, arguments.lemf.is_some())?;
    let settings = DeliverySettings {
        handover: config.handover.clone().unwrap_or_default(),
        when_full: writ_handover::WhenFull::Wait,
        cin_reserve,
        ..DeliverySettings::default()
    };
    let delivery = Delivery::start(settings, outlets, vec![receiver])?;
    let counters = delivery.counters();

    let targets = Arc::new(ArcSwap::from_pointee(TargetIndex::new(Warrant::replace(&[], warrants))));
    let settings = Arc::new(config.intercept_settings());
    let mut worker = Worker::new(targets, settings, cins, sender, WhenFull::Wait);
    let mut wire = Wire::new(config.wire_settings());
    let mut reading = Reading::default();
    let mut unread = Vec::new();
    let mut pace = arguments.realtime.then(Pace::new);
    for mut capture in captures {
        loop {
            match reading.batch(&mut capture, &mut wire, &mut worker, pace.as_mut()) {
                Ok(Batch::End) => break,
                Ok(Batch::Frames(_) | Batch::Idle) => {}
                Err(error) => unread.push(error.to_string()),
            }
        }
    }
    wire.finish(reading.latest, worker.streams());
    worker.end_batch();

    let report = Tally::read(&wire, &worker, reading.skipped);
    drop(worker);
    let drained = delivery.drain(DRAIN);
    let snapshot = counters.snapshot();
    let mut out = std::io::stdout().lock();
    let mut ended = shown.lock().map_or(Ok(()), |mut shown| shown.end(&mut out));
    if arguments.json {
        eprintln!("{}", report.json(&snapshot));
    } else {
        ended = ended.and_then(|()| write!(out, "{}", report.text(&snapshot)));
    }
    ended.and_then(|()| out.flush()).context("standard output")?;
    delivered(&drained, DRAIN)?;
    let links = snapshot.lemfs.iter().flat_map(|lemf| Interface::ALL.map(|interface| lemf.of(interface)));
    let dropped: u64 = links.map(|link| link.dropped_pdus).sum();
    if dropped > 0 {
        bail!("{dropped} PDUs were dropped: the LEMF took nothing for too long");
    }
    if snapshot.core.files_failed > 0 {
        bail!("the PDUs could not all be written");
    }
    // After everything that the captures do hold: a line for each, the last of them as the error that ends the program.
    let last = unread.pop();
    unread.iter().for_each(|error| eprintln!("writ: {error}"));
    last.map_or(Ok(()), |error| bail!(error))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

/// Numbers for the communications. What is delivered to an LEMF must not bear numbers that it has seen from another run: with a
/// `state` in the configuration they go on from there, and without one they begin at the seconds of the clock, which no two runs
/// share unless each of them makes more communications than it takes seconds.
fn numbers(config: &Config, delivered: bool) -> anyhow::Result<(CinAllocator, Option<CinReserve>)> {
    if !delivered {
        return Ok((CinAllocator::new(), None));
    }
    let Some(state) = &config.state else {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        return Ok((CinAllocator::beginning_after(seconds), None));
    };
    std::fs::create_dir_all(state).with_context(|| state.display().to_string())?;
    let reserve = CinReserve::open(state.join("cin"))?;
    Ok((reserve.allocator(), Some(reserve)))
}

/// Where what is for an LEMF goes: only ever where the command line says, never to the address in a configuration.
fn outlet(name: &str, config: &Config, arguments: &cli::Replay, shown: &Arc<Mutex<Shown>>) -> Outlet {
    let configured = config.lemf.iter().find(|lemf| lemf.name == name);
    let profile = configured.map_or(ProfileSetting::default(), |lemf| lemf.profile);
    if let Some(path) = &arguments.out {
        return Outlet::file(name, profile, path);
    }
    if let Some(address) = &arguments.lemf {
        let settings = configured.cloned().unwrap_or_else(|| LemfSettings::at(name, address));
        return Outlet::network(settings.redirected(address));
    }
    let shown = Arc::clone(shown);
    let show = move |lemf: &str, interface: Interface, octets: &[u8]| {
        if let Ok(mut shown) = shown.lock() {
            shown.pdu(lemf, interface, octets);
        }
    };
    Outlet::callback(name, profile, Arc::new(show))
}
