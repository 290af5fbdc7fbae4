//! Writes SMTP traffic as a capture file: the same file for the same arguments.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, TsResolution};
use writ_bench::traffic::{Mix, Shape, Transfer};

/// Writes SMTP traffic as a capture file.
#[derive(Parser)]
struct Arguments {
    /// The file (pcap, nanoseconds, Ethernet).
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
    /// How messages are sent.
    #[arg(long, value_enum, default_value = "data")]
    transfer: Transfer,
    /// One in so many sessions is sent by alice@example.org; 0 for none.
    #[arg(long, default_value_t = 10)]
    target_every: u64,
    /// Frames a second, by their time stamps.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let shape = Shape {
        seed: arguments.seed,
        sessions: arguments.sessions,
        concurrency: arguments.concurrency,
        octets: arguments.octets..=arguments.most_octets.unwrap_or(arguments.octets).max(arguments.octets),
        transfer: arguments.transfer,
        target_every: arguments.target_every,
        rate: arguments.rate,
    };
    let file = File::create(&arguments.out).with_context(|| arguments.out.display().to_string())?;
    let header =
        PcapHeader { ts_resolution: TsResolution::NanoSecond, datalink: DataLink::ETHERNET, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(BufWriter::new(file), header)?;
    let mut mix = Mix::new(shape);
    let mut frame = Vec::new();
    let (mut frames, mut octets) = (0_u64, 0_u64);
    while let Some(time) = mix.next_frame(&mut frame) {
        writer.write_packet(&PcapPacket::new(time, frame.len() as u32, &frame))?;
        frames += 1;
        octets += frame.len() as u64;
    }
    println!("{frames} frames, {octets} octets, {} sessions", mix.begun());
    Ok(())
}
