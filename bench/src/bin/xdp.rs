//! Nanoseconds that the XDP program spends on a packet, by the kernel's own clock (`BPF_PROG_TEST_RUN`): no interface, no traffic.
//!
//! Each round runs every packet, and a program that does nothing, a million times; the medians of the rounds are printed as a
//! table. What the empty program takes is the kernel's, in the same round: the rest is ours.

#[path = "../../../userspace/capture/tests/packets/mod.rs"]
mod packets;

use anyhow::{Context as _, ensure};
use clap::Parser;
use writ_capture::afxdp::{OtherTraffic, Trials};
use writ_filter::ports::{MAIL, set_of};
use writ_filter::{flow, looked_at};

/// `XDP_DROP` and `XDP_REDIRECT`.
const DROP: u32 = 1;
const REDIRECT: u32 = 4;

/// Measures what the XDP program costs a packet.
#[derive(Parser)]
struct Arguments {
    /// Rounds, of which the medians are taken.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Runs of each packet in a round.
    #[arg(long, default_value_t = 1_000_000)]
    runs: u32,
    /// The processor that it is pinned to.
    #[arg(long, default_value_t = 0)]
    processor: usize,
}

/// What is measured: its name, the packet, and what is to come of it.
struct Measured {
    name: &'static str,
    frame: Vec<u8>,
    action: u32,
    /// Nanoseconds in each round.
    nanos: Vec<u64>,
}

impl Measured {
    fn median(&mut self) -> u64 {
        self.nanos.sort_unstable();
        self.nanos[self.nanos.len() / 2]
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.rounds > 0 && arguments.runs > 0, "at least one round of one run");
    let core = core_affinity::CoreId { id: arguments.processor };
    ensure!(core_affinity::set_for_current(core), "cannot pin to processor {}", arguments.processor);
    let mut trials = Trials::new(&MAIL, OtherTraffic::Drop).context("as root, on a kernel with AF_XDP")?;
    let all = packets::measured();
    let mut all: Vec<Measured> = all
        .into_iter()
        .map(|(name, is_mail, frame)| {
            let action = if is_mail { REDIRECT } else { DROP };
            Measured { name, frame, action, nanos: Vec::new() }
        })
        .collect();
    // The same while a connection is let go: packets of others, and its own.
    let mut busy = Trials::new(&MAIL, OtherTraffic::Drop)?;
    let table = busy.filter().let_go_table()?;
    let mut beside = vec![];
    for (name, action) in [("mail, others being let go", REDIRECT), ("mail that is let go", DROP)] {
        let (_, _, frame) = packets::measured().swap_remove(3);
        beside.push(Measured { name, frame, action, nanos: vec![] });
    }
    let [other, let_go] = &mut beside[..] else { unreachable!("two were made") };
    // Another port of the client's.
    other.frame[35] ^= 1;
    let (_, place) = looked_at(&let_go.frame[..], &set_of(&MAIL));
    let segment = flow::segment_of(&let_go.frame[..], place.ip, place.tcp).context("it is mail")?;
    table.let_go(&segment.key, (segment.sequence, segment.sequence))?;
    let mut nothing =
        Measured { name: "(a program that does nothing)", frame: vec![0; 64], action: DROP, nanos: vec![] };
    for _ in 0..arguments.rounds {
        nothing.nanos.push(trials.run_nothing(&nothing.frame, arguments.runs)?.nanos);
        for (some, trials) in [(&mut all, &mut trials), (&mut beside, &mut busy)] {
            for measured in some {
                let trial = trials.run(&measured.frame, arguments.runs)?;
                ensure!(trial.action == measured.action, "{}: the program returned {}", measured.name, trial.action);
                measured.nanos.push(trial.nanos);
            }
        }
    }
    let empty = nothing.median();
    println!("| packet | octets | ns, median | least | without the kernel's share |\n| --- | --- | --- | --- | --- |");
    for measured in std::iter::once(&mut nothing).chain(&mut all).chain(&mut beside) {
        let median = measured.median();
        let (least, own) = (measured.nanos[0], median.saturating_sub(empty));
        println!("| {} | {} | {median} | {least} | {own} |", measured.name, measured.frame.len());
    }
    Ok(())
}
