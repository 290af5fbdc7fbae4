//! Writes mail traffic as a file: the same file for the same arguments.

use std::path::PathBuf;

use clap::Parser;
use writ_bench::traffic::file::FrameFile;
use writ_bench::traffic::{Mix, Protocol, Shape, Transfer};

/// Writes mail traffic as a file: a capture (pcap, nanoseconds, Ethernet), or where its name ends in `.cfg`, a configuration of trafgen.
#[derive(Parser)]
struct Arguments {
    /// The file.
    out: PathBuf,
    /// What everything else follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sessions in all, each with one message.
    #[arg(long, default_value_t = 1000)]
    sessions: u64,
    /// Sessions at a time.
    #[arg(long, default_value_t = 100)]
    concurrency: usize,
    /// Octets of the shortest message.
    #[arg(long, default_value_t = 25_000)]
    octets: usize,
    /// Octets of the longest message, where they differ.
    #[arg(long)]
    most_octets: Option<usize>,
    /// What is spoken: each session has one of these, by lot.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "smtp")]
    protocols: Vec<Protocol>,
    /// How messages are sent.
    #[arg(long, value_enum, default_value = "data")]
    transfer: Transfer,
    /// One in so many sessions is that of alice@example.org, or of the login alice; 0 for none.
    #[arg(long, default_value_t = 10)]
    target_every: u64,
    /// One in so many full segments comes behind the next frame of its session; 0 for none.
    #[arg(long, default_value_t = 0)]
    late_every: u64,
    /// One in so many full segments is missing; 0 for none.
    #[arg(long, default_value_t = 0)]
    lost_every: u64,
    /// Frames a second, by their time stamps.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let most = arguments.most_octets.unwrap_or(arguments.octets).max(arguments.octets);
    let mut mix = Mix::new(Shape {
        seed: arguments.seed,
        sessions: arguments.sessions,
        concurrency: arguments.concurrency,
        octets: arguments.octets..=most,
        protocols: arguments.protocols,
        transfer: arguments.transfer,
        target_every: arguments.target_every,
        late_every: arguments.late_every,
        lost_every: arguments.lost_every,
        rate: arguments.rate,
    });
    let mut file = FrameFile::create(&arguments.out)?;
    let mut frame = Vec::new();
    let (mut frames, mut octets) = (0_u64, 0_u64);
    while let Some(time) = mix.next_frame(&mut frame) {
        file.write(time, &frame)?;
        frames += 1;
        octets += frame.len() as u64;
    }
    file.finish()?;
    println!("{frames} frames, {octets} octets, {} sessions, {} frames missing", mix.begun(), mix.lost());
    Ok(())
}
