//! How fast one core reads mail: frames in memory, through `writ-wire` and `writ-intercept`, and on to an LEMF where asked.

use std::io::{IoSlice, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use mimalloc::MiMalloc;
use writ_bench::frames::Frames;
use writ_bench::pipeline::{Pipeline, bystander, warrant};
use writ_bench::process::thread_time;
use writ_etsi::Profile;
use writ_handover::encoder::Encoder;
use writ_handover::pdu::Pdu;
use writ_handover::settings::HandoverSettings;
use writ_intercept::Target;
use writ_intercept::record::CcFormat;

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Reads a capture from memory on one core, again and again, and says how fast.
#[derive(Parser)]
struct Arguments {
    /// The capture (pcap, Ethernet).
    capture: PathBuf,
    /// What becomes of the records.
    #[arg(long, value_enum, default_value = "encode")]
    deliver: Deliver,
    /// Targets besides alice, none of whom is in generated traffic.
    #[arg(long, default_value_t = 0)]
    targets: u32,
    /// Whether alice is a target.
    #[arg(long)]
    alice: bool,
    /// How often it is read; the median is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// As a line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deliver {
    /// They are dropped.
    Nothing,
    /// They become PDUs, which are dropped.
    Encode,
    /// They become PDUs, which go over a TCP connection on the loopback interface to somebody who reads them.
    Socket,
}

/// The other end of a connection: reads until it is closed, and says how much.
struct Reader {
    stream: TcpStream,
    thread: JoinHandle<u64>,
}

impl Reader {
    fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (mut peer, _) = listener.accept()?;
        let thread = std::thread::spawn(move || {
            let mut room = vec![0; 1 << 20];
            let mut octets = 0;
            while let Ok(read @ 1..) = peer.read(&mut room) {
                octets += read as u64;
            }
            octets
        });
        Ok(Self { stream, thread })
    }
}

/// What becomes of records.
struct Way {
    encoder: Encoder,
    pdus: Vec<Pdu>,
    reader: Option<Reader>,
    sent: u64,
    count: u64,
}

impl Way {
    fn take(&mut self, pipeline: &mut Pipeline, deliver: Deliver) -> anyhow::Result<()> {
        if deliver == Deliver::Nothing {
            pipeline.worker.records.clear();
            return Ok(());
        }
        for record in pipeline.worker.records.drain(..) {
            self.encoder.encode(&record, &mut self.pdus)?;
        }
        self.count += self.pdus.len() as u64;
        if let Some(reader) = &mut self.reader {
            for some in self.pdus.chunks(512) {
                let mut slices: Vec<IoSlice<'_>> = some.iter().map(|pdu| IoSlice::new(&pdu.octets)).collect();
                let mut left = &mut slices[..];
                while !left.is_empty() {
                    let written = reader.stream.write_vectored(left)?;
                    IoSlice::advance_slices(&mut left, written);
                }
            }
        }
        self.sent += self.pdus.drain(..).map(|pdu| pdu.octets.len() as u64).sum::<u64>();
        Ok(())
    }
}

/// One reading.
struct Round {
    /// By the clock of the thread.
    took: Duration,
    payload: u64,
    pdus: u64,
    pdu_octets: u64,
}

fn round(frames: &Frames, arguments: &Arguments) -> anyhow::Result<Round> {
    let mut targets: Vec<Target> = (0..arguments.targets).map(bystander).collect();
    if arguments.alice {
        targets.extend([Target::Email("alice@example.org".to_owned()), Target::Login("alice".to_owned())]);
    }
    let warrants = if targets.is_empty() { Vec::new() } else { vec![warrant("L-1", CcFormat::Application, targets)] };
    let mut pipeline = Pipeline::new(warrants);
    let reader = (arguments.deliver == Deliver::Socket).then(Reader::start).transpose()?;
    let encoder = Encoder::new(&HandoverSettings::default(), Profile::Current)?;
    let mut way = Way { encoder, pdus: Vec::new(), reader, sent: 0, count: 0 };
    let mut failed = Ok(());
    let begun = thread_time()?;
    frames.read(&mut pipeline, |pipeline| {
        if failed.is_ok() {
            failed = way.take(pipeline, arguments.deliver);
        }
    });
    failed?;
    let took = thread_time()?.saturating_sub(begun);
    if let Some(Reader { stream, thread }) = way.reader.take() {
        drop(stream);
        let read = thread.join().map_err(|_| anyhow::anyhow!("the reader ended"))?;
        ensure!(read == way.sent, "{} octets were sent, {read} came", way.sent);
    }

    let counters = pipeline.wire.counters();
    ensure!(counters.segments == counters.frames, "not every frame is one of mail");
    ensure!((way.count > 0) == (arguments.alice && arguments.deliver != Deliver::Nothing), "{} PDUs", way.count);
    Ok(Round { took, payload: counters.segment_octets, pdus: way.count, pdu_octets: way.sent })
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let frames = Frames::of_file(&arguments.capture)?;
    let rounds: anyhow::Result<Vec<Round>> = (0..arguments.rounds.max(1)).map(|_| round(&frames, &arguments)).collect();
    let mut rounds = rounds?;
    rounds.sort_by_key(|round| round.took);
    let median = rounds.get(rounds.len() / 2).context("no round")?;
    let seconds = median.took.as_secs_f64();
    let (count, octets) = (frames.len() as f64, frames.octets() as f64);
    let (packets, payload) = (count / seconds / 1e6, median.payload as f64 * 8.0 / seconds / 1e9);
    if arguments.json {
        println!(
            "{{\"frames\":{},\"octets\":{},\"payload\":{},\"pdus\":{},\"pdu_octets\":{},\"seconds\":{seconds:.6}}}",
            frames.len(),
            frames.octets(),
            median.payload,
            median.pdus,
            median.pdu_octets
        );
    } else {
        println!(
            "{} frames, {} octets, {} PDUs: {packets:.2} million packets a second, {payload:.2} Gbit/s of payload, {:.2} Gbit/s of frames, {:.0} ns a packet",
            frames.len(),
            frames.octets(),
            median.pdus,
            octets * 8.0 / seconds / 1e9,
            seconds * 1e9 / count
        );
    }
    Ok(())
}
