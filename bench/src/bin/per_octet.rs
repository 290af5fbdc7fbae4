//! Reads frames from memory through `writ-wire` and `writ-intercept`, for a tool that counts instructions
//! (`bench/per-octet.sh`).

use anyhow::ensure;
use clap::Parser;
use mimalloc::MiMalloc;
use writ_bench::pipeline::{Pipeline, warrant};
use writ_bench::traffic::{Dialogue, Random, Segments, Transfer, mix};
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat};
use writ_wire::{Frame, Link, Time};

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Frames after which records are taken, as a worker does after a batch.
const BATCH: usize = 64;

/// Reads messages of one size, each in a session of its own.
#[derive(Parser)]
struct Arguments {
    /// Octets of a message.
    #[arg(long)]
    message: usize,
    /// Octets of all messages.
    #[arg(long)]
    total: usize,
    /// How they are sent.
    #[arg(long, value_enum, default_value = "data")]
    transfer: Transfer,
    /// Whether the sender is a target, whose content is handed over.
    #[arg(long)]
    target: bool,
    /// The form of that content.
    #[arg(long, default_value = "application", value_parser = ["application", "ip-packet"])]
    cc_format: String,
}

/// Frames, one after the other.
struct Frames {
    octets: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    fn of_messages(arguments: &Arguments) -> Self {
        let mut frames = Self { octets: Vec::with_capacity(arguments.total / 1448 * 1600), ends: Vec::new() };
        let mut random = Random::new(1);
        for number in 0..(arguments.total / arguments.message) as u64 {
            let dialogue = Dialogue::with_message(
                arguments.transfer,
                arguments.message,
                "alice@example.org",
                "somebody@example.com",
                &mut random,
            );
            let mut segments = Segments::new(dialogue, mix::ends(number), [1, 1]);
            while segments.next_frame(&mut frames.octets) {
                frames.ends.push(frames.octets.len());
            }
        }
        frames
    }
}

/// What is counted: its name is what the tool looks for.
#[inline(never)]
fn measured(frames: &Frames, pipeline: &mut Pipeline) -> u64 {
    let mut content = 0;
    let mut start = 0;
    for (number, end) in frames.ends.iter().enumerate() {
        let octets = &frames.octets[start..*end];
        start = *end;
        let time = Time::from_parts(mix::BEGIN, 0).after(std::time::Duration::from_micros(number as u64 * 10));
        pipeline.frame(&Frame { time, link: Link::Ethernet, octets, wire_len: octets.len() as u32 });
        if number % BATCH == 0 {
            content += take(pipeline);
        }
    }
    content + take(pipeline)
}

fn take(pipeline: &mut Pipeline) -> u64 {
    let mut content = 0;
    for record in pipeline.worker.records.drain(..) {
        if let Body::Cc(cc) = &record.body {
            content += cc.content.octets().len() as u64;
        }
    }
    content
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let frames = Frames::of_messages(&arguments);
    let name = if arguments.target { "alice@example.org" } else { "nobody@example.org" };
    let format = if arguments.cc_format == "ip-packet" { CcFormat::IpPacket } else { CcFormat::Application };
    let mut pipeline = Pipeline::new(vec![warrant("L-1", format, vec![Target::Email(name.to_owned())])]);
    let content = measured(&frames, &mut pipeline);
    let counters = &pipeline.worker.counters;
    let messages = (arguments.total / arguments.message) as u64;
    ensure!(counters.messages_accepted == messages, "{} messages, not {messages}", counters.messages_accepted);
    ensure!((content > arguments.total as u64) == arguments.target, "{content} octets of content");
    println!("{messages} messages, {} frames, {content} octets of content", frames.ends.len());
    Ok(())
}
