//! What the spool costs (`bench/spool.sh`): the same PDUs to an LEMF on loopback without a spool, with one, and with one and
//! acknowledgement of PDUs, in turn; the medians.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Parser;
use crossbeam::channel::bounded;
use mimalloc::MiMalloc;
use writ_bench::pipeline::{Pipeline, warrant};
use writ_bench::traffic::{Dialogue, Random, Segments, Transfer, mix};
use writ_etsi::{OptionResponse, Payload, PsPdu, TriPayload, asn1::Additions, decode, encode, pdu_length};
use writ_handover::settings::{AcknowledgementSettings, LemfSettings, SpoolSettings};
use writ_handover::{Delivery, DeliverySettings, Outlet};
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat, Record};
use writ_wire::{Frame, Link};

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Longer than any PDU about the connection.
const LONGEST_ASKED: usize = 200;

/// Delivers the content of full segments.
#[derive(Parser)]
struct Arguments {
    /// PDUs in a run.
    #[arg(long, default_value_t = 100_000)]
    pdus: usize,
    /// Runs of each kind.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Where the spool is put, in a folder of its own that is removed.
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Memory,
    Spool,
    Acknowledged,
}

/// An LEMF that answers what it is asked and keeps nothing.
fn lemf() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // It ends with its connection.
            std::thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream) -> anyhow::Result<()> {
    let (mut octets, mut begin, mut piece) = (Vec::new(), 0, vec![0; 1 << 18]);
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        octets.extend_from_slice(&piece[..read]);
        while let Some(length) = pdu_length(&octets[begin..])?.filter(|length| begin + length <= octets.len()) {
            if length < LONGEST_ASKED
                && let Some(answer) = answer(decode(&octets[begin..begin + length])?)
            {
                stream.write_all(&encode(&answer)?)?;
            }
            begin += length;
        }
        octets.drain(..begin);
        begin = 0;
    }
}

fn answer(asked: PsPdu) -> Option<PsPdu> {
    let Payload::TriPayload(payload) = &asked.payload else { return None };
    let answer = match payload {
        TriPayload::KeepAlive => TriPayload::KeepAliveResponse,
        TriPayload::PduAcknowledgementRequest => TriPayload::PduAcknowledgementResponse,
        TriPayload::OptionRequest(request) => TriPayload::OptionResponse(OptionResponse {
            accepted_options: request.requested_options.clone(),
            declined_options: Vec::new(),
            additions: Additions::default(),
        }),
        _ => return None,
    };
    Some(PsPdu { payload: Payload::TriPayload(answer), ..asked })
}

/// The content of a target's message, in so many full segments.
fn records(count: usize) -> Vec<Record> {
    let (alice, bob) = ("alice@example.org", "bob@example.com");
    let dialogue = Dialogue::with_message(Transfer::Data, 1448 * (count + 2), alice, bob, &mut Random::new(1));
    let mut segments = Segments::new(dialogue, mix::ends(0), [1, 1]);
    let targets = vec![Target::Email(alice.to_owned())];
    let mut pipeline = Pipeline::new(vec![warrant("L-1", CcFormat::Application, targets)]);
    let mut octets = Vec::new();
    while segments.next_frame(&mut octets) {
        let time = writ_wire::Time::from_parts(mix::BEGIN, 0);
        pipeline.frame(&Frame { time, link: Link::Ethernet, octets: &octets, wire_len: octets.len() as u32 });
        octets.clear();
    }
    let mut records = std::mem::take(&mut pipeline.worker.records);
    records.retain(|record| matches!(&record.body, Body::Cc(cc) if cc.content.octets().len() > 1400));
    records.truncate(count);
    records
}

/// One run: how long it took, and the octets of the PDUs.
fn run(by: By, pdus: usize, address: SocketAddr, folder: &Path) -> anyhow::Result<(Duration, u64)> {
    let records = records(pdus);
    ensure!(records.len() == pdus, "{} records", records.len());
    let mut lea = LemfSettings { buffer: 1 << 30, ..LemfSettings::at("lea", address.to_string()) };
    if by != By::Memory {
        let key = folder.join("key");
        std::fs::create_dir_all(folder)?;
        std::fs::write(&key, "5a".repeat(32))?;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
        lea.spool = Some(SpoolSettings::at(folder.join("spool"), key));
    }
    // What is measured ends with an acknowledgement: the interval, half a second unless set, is not to be measured.
    let interval = Duration::from_millis(10);
    lea.acknowledgement =
        (by == By::Acknowledged).then(|| AcknowledgementSettings { interval, ..AcknowledgementSettings::default() });
    let (sender, receiver) = bounded(1 << 16);
    let delivery = Delivery::start(DeliverySettings::default(), vec![Outlet::network(lea)], vec![receiver])?;
    let counters = delivery.counters();
    let hi3 = || counters.snapshot().lemfs.first().map(|lemf| lemf.hi3).unwrap_or_default();
    // Options are settled within this time.
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    for record in records {
        sender.send(record)?;
    }
    while hi3().pdus_sent < pdus as u64 {
        ensure!(begin.elapsed() < Duration::from_secs(300), "it does not end: {:?}", hi3());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begin.elapsed();
    ensure!(hi3().dropped_pdus == 0, "PDUs were dropped");
    let octets = hi3().octets;
    drop(sender);
    ensure!(delivery.drain(Duration::from_secs(20)).is_complete(), "not everything was delivered");
    if by != By::Memory {
        std::fs::remove_dir_all(folder)?;
    }
    Ok((took, octets))
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = arguments.folder.join(format!("writ-spool-{}", std::process::id()));
    let address = lemf()?;
    let kinds = [(By::Memory, "without a spool"), (By::Spool, "spool"), (By::Acknowledged, "spool, PDUs acknowledged")];
    let mut rates: [Vec<(f64, f64)>; 3] = Default::default();
    for _ in 0..arguments.runs {
        for ((by, _), rates) in kinds.iter().zip(&mut rates) {
            let (took, octets) = run(*by, arguments.pdus, address, &folder)?;
            rates.push((arguments.pdus as f64 / took.as_secs_f64(), octets as f64 / took.as_secs_f64()));
        }
    }
    println!("| | PDUs/s | octets/s | of without |\n| --- | --- | --- | --- |");
    let without = rates[0].clone();
    for ((_, name), of_kind) in kinds.into_iter().zip(rates) {
        // Within a round, as the machine may have had more to do in one than in another.
        let ratio = median(of_kind.iter().zip(&without).map(|(this, other)| this.0 / other.0));
        let (pdus, octets) = (median(of_kind.iter().map(|rate| rate.0)), median(of_kind.iter().map(|rate| rate.1)));
        println!("| {name} | {pdus:.0} | {:.0} MB | {ratio:.2} |", octets / 1e6);
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
