//! Reads frames from memory through `writ-wire` and `writ-intercept`, for a tool that counts instructions
//! (`bench/per-octet.sh`).

use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use mimalloc::MiMalloc;
use writ_bench::frames::Frames;
use writ_bench::pipeline::{Pipeline, warrant};
use writ_bench::traffic::{Dialogue, Random, Segments, Transfer, mix};
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat};

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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

fn frames_of_messages(arguments: &Arguments) -> Frames {
    let mut frames = Frames::default();
    let mut random = Random::new(1);
    let mut octets = Vec::new();
    for number in 0..(arguments.total / arguments.message) as u64 {
        let dialogue = Dialogue::with_message(
            arguments.transfer,
            arguments.message,
            "alice@example.org",
            "somebody@example.com",
            &mut random,
        );
        let mut segments = Segments::new(dialogue, mix::ends(number), [1, 1]);
        while segments.next_frame(&mut octets) {
            let since = Duration::from_micros(frames.len() as u64 * 10);
            frames.push(Duration::from_secs(mix::BEGIN) + since, &octets);
            octets.clear();
        }
    }
    frames
}

/// What is counted: its name is what the tool looks for.
#[inline(never)]
fn measured(frames: &Frames, pipeline: &mut Pipeline) -> u64 {
    let mut content = 0;
    frames.read(pipeline, |pipeline| content += take(pipeline));
    content
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
    let frames = frames_of_messages(&arguments);
    let name = if arguments.target { "alice@example.org" } else { "nobody@example.org" };
    let format = if arguments.cc_format == "ip-packet" { CcFormat::IpPacket } else { CcFormat::Application };
    let mut pipeline = Pipeline::new(vec![warrant("L-1", format, vec![Target::Email(name.to_owned())])]);
    let content = measured(&frames, &mut pipeline);
    let counters = &pipeline.worker.counters;
    let messages = (arguments.total / arguments.message) as u64;
    ensure!(counters.messages_accepted == messages, "{} messages, not {messages}", counters.messages_accepted);
    ensure!((content > arguments.total as u64) == arguments.target, "{content} octets of content");
    println!("{messages} messages, {} frames, {content} octets of content", frames.len());
    Ok(())
}
