//! Two workers against one: the same frames in memory, read by one worker, and divided between two as by a card that puts both directions of
//! a connection on one queue.

use std::path::PathBuf;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use mimalloc::MiMalloc;
use writ_bench::frames::Frames;
use writ_bench::pipeline::{Pipeline, bystander, warrant};
use writ_bench::process::thread_time;
use writ_intercept::record::CcFormat;

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The ports of a TCP segment stand behind Ethernet and IPv4 without options.
const PORTS: usize = 34;

/// Reads a capture from memory, by one worker and by two in turn, and says what the second is worth.
#[derive(Parser)]
struct Arguments {
    /// The capture (pcap, Ethernet, IPv4).
    capture: PathBuf,
    /// How often each; the median of the ratios is told.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// The cores of the two, the first of which is that of the one. Else nobody is pinned.
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
}

/// How long workers took, the slowest of them.
struct Took {
    /// By the clock of its thread: what others do on the machine meanwhile does not count.
    processor: Duration,
    /// By the clock on the wall, from when all began.
    wall: Duration,
}

/// Each of the queues is read by a worker of its own, all at a time.
fn read(queues: &[Frames], cores: &[usize]) -> anyhow::Result<Took> {
    let barrier = Barrier::new(queues.len());
    let work = |at: usize, frames: &Frames| -> anyhow::Result<Took> {
        if let Some(id) = cores.get(at) {
            ensure!(core_affinity::set_for_current(core_affinity::CoreId { id: *id }), "there is no core {id}");
        }
        let mut pipeline = Pipeline::new(vec![warrant("L-1", CcFormat::Application, (0..10).map(bystander).collect())]);
        barrier.wait();
        let (begun, on_wall) = (thread_time()?, Instant::now());
        frames.read(&mut pipeline, |pipeline| pipeline.worker.records.clear());
        let took = Took { processor: thread_time()?.saturating_sub(begun), wall: on_wall.elapsed() };
        let counters = pipeline.wire.counters();
        ensure!(counters.segments == counters.frames, "not every frame is one of mail");
        Ok(took)
    };
    let each: Vec<anyhow::Result<Took>> = std::thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> =
            queues.iter().enumerate().map(|(at, frames)| scope.spawn(move || work(at, frames))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    ensure!(each.len() == queues.len(), "a worker ended");
    let each = each.into_iter().collect::<anyhow::Result<Vec<Took>>>()?;
    Ok(Took {
        processor: each.iter().map(|took| took.processor).max().unwrap_or_default(),
        wall: each.iter().map(|took| took.wall).max().unwrap_or_default(),
    })
}

/// The worker that a frame's connection belongs to, of two: by the client's port, which is above those of mail.
fn worker_of(frame: &[u8]) -> usize {
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    usize::from(port(PORTS).max(port(PORTS + 2))) % 2
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let all = Frames::of_file(&arguments.capture)?;
    let two = all.divided(2, worker_of);
    let most = two.iter().map(Frames::octets).max().context("two")?;
    let one = [all];
    let (mut processor, mut wall, mut nanos) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.rounds.max(1) {
        let alone = read(&one, &arguments.cores)?;
        let both = read(&two, &arguments.cores)?;
        processor.push(alone.processor.as_secs_f64() / both.processor.as_secs_f64());
        wall.push(alone.wall.as_secs_f64() / both.wall.as_secs_f64());
        nanos.push(alone.processor.as_secs_f64() * 1e9 / one[0].len() as f64);
    }
    println!(
        "{} frames, {:.0} ns a frame by one worker; two are {:.2} of one by their threads' clocks, {:.2} by that on the wall; as the frames are divided, {:.2} is the most",
        one[0].len(),
        median(nanos),
        median(processor),
        median(wall),
        one[0].octets() as f64 / most as f64
    );
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
