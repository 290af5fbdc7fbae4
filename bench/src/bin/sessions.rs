//! Holds many SMTP sessions open at a time, all at the same point, and says how much memory that took.

use std::time::Duration;

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use mimalloc::MiMalloc;
use writ_bench::pipeline::{Pipeline, warrant};
use writ_bench::process::{peak_resident, resident};
use writ_bench::traffic::{Dialogue, Random, Segments, mix};
use writ_intercept::Target;
use writ_intercept::record::CcFormat;
use writ_wire::Direction::{FromClient, FromServer};
use writ_wire::{Frame, Link, Time};

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Where the sessions stand.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// After the reply to EHLO.
    Ehlo,
    /// After RCPT was accepted.
    Envelope,
    /// In a message's text, in the middle of a line.
    Data,
}

/// Holds many SMTP sessions open at a time.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Where they stand.
    #[arg(long, value_enum, default_value = "ehlo")]
    stage: Stage,
    /// A warrant for IP packets is in force as well, so that packets are held until it is known whom they concern.
    #[arg(long)]
    packets: bool,
}

fn dialogue(number: u64, stage: Stage) -> Dialogue {
    let mut dialogue = Dialogue::default();
    dialogue.hello();
    if stage != Stage::Ehlo {
        dialogue.envelope(&format!("sender-{number}@example.net"), &format!("recipient-{number}@example.com"), 25_000);
    }
    if stage == Stage::Data {
        dialogue.say(FromClient, "DATA\r\n");
        dialogue.say(FromServer, "354 End data with <CR><LF>.<CR><LF>\r\n");
        let head = format!(
            "Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\r\nMessage-ID: <{number}@example.net>\r\n\
             From: Sender <sender-{number}@example.net>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n\
             Subject: session {number}\r\n\r\n{}",
            "A line of text that is as long as such lines are in general, and no longer.\r\n".repeat(40)
        );
        dialogue.say(FromClient, head);
        dialogue.say(FromClient, "and this one ends in the mid");
    }
    dialogue
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut warrants = vec![warrant("L-1", CcFormat::Application, vec![Target::Email("alice@example.org".to_owned())])];
    if arguments.packets {
        warrants.push(warrant("L-2", CcFormat::IpPacket, vec![Target::Email("bob@example.org".to_owned())]));
    }
    let mut pipeline = Pipeline::new(warrants);
    let mut random = Random::new(1);
    let mut octets = Vec::new();
    let before = resident()?;
    let mut frames = 0_u64;
    for number in 0..arguments.sessions {
        let first = [random.number() as u32, random.number() as u32];
        let mut segments = Segments::new(dialogue(number, arguments.stage), mix::ends(number), first);
        while !segments.is_said() {
            octets.clear();
            segments.next_frame(&mut octets);
            // All of it within seconds, so that no session is idle for too long.
            let time = Time::from_parts(mix::BEGIN, 0).after(Duration::from_micros(frames));
            pipeline.frame(&Frame { time, link: Link::Ethernet, octets: &octets, wire_len: octets.len() as u32 });
            frames += 1;
        }
    }
    ensure!(pipeline.wire.open_flows() as u64 == arguments.sessions, "{} flows", pipeline.wire.open_flows());
    ensure!(pipeline.worker.counters.smtp_sessions == arguments.sessions, "not every session is one of SMTP");
    ensure!(pipeline.worker.counters.sessions_given_up == 0, "sessions given up");
    ensure!(pipeline.worker.records.is_empty(), "records of nobody");
    let (peak, after) = (peak_resident()?, resident()?);
    println!(
        "sessions {}, frames {frames}, peak {peak} octets, resident {after} octets, per session {} octets",
        arguments.sessions,
        (after - before.min(after)) / arguments.sessions.max(1)
    );
    Ok(())
}
