//! Encodes PDUs of one kind in one way, for a tool that counts instructions (`bench/encode.sh`).

use std::hint::black_box;

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use mimalloc::MiMalloc;
use writ_bench::pipeline::{Pipeline, warrant};
use writ_bench::traffic::{Dialogue, Random, Segments, Transfer, mix};
use writ_etsi::{EncodedHeader, Profile, decode, encode_as};
use writ_handover::encoder::Encoder;
use writ_handover::pdu::Pdu;
use writ_handover::settings::HandoverSettings;
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat, Record};
use writ_wire::{Frame, Link, Time};

// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Encodes the same PDU again and again, under numbers and times that go on.
#[derive(Parser)]
struct Arguments {
    /// What it carries.
    #[arg(long, value_enum)]
    what: What,
    /// How it is encoded.
    #[arg(long, value_enum)]
    by: By,
    /// How often.
    #[arg(long, default_value_t = 10_000)]
    count: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The IRI of a message.
    Iri,
    /// The content of a full segment.
    Cc,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// The general encoder, from the whole value.
    General,
    /// Behind a header that is patched.
    Patched,
    /// All of the way from the record, as in a live run.
    Record,
}

/// What is counted: its name is what the tool looks for.
#[inline(never)]
fn measured(mut encode: impl FnMut(u32) -> usize, count: u32) -> usize {
    (0..count).map(&mut encode).sum()
}

/// Such a record of a session of a target.
fn record(what: What) -> anyhow::Result<Record> {
    let (alice, bob) = ("alice@example.org", "bob@example.com");
    let dialogue = Dialogue::with_message(Transfer::Data, 20_000, alice, bob, &mut Random::new(1));
    let mut segments = Segments::new(dialogue, mix::ends(0), [1, 1]);
    let mut pipeline =
        Pipeline::new(vec![warrant("L-1", CcFormat::Application, vec![Target::Email(alice.to_owned())])]);
    let mut octets = Vec::new();
    while segments.next_frame(&mut octets) {
        let time = Time::from_parts(mix::BEGIN, 0);
        pipeline.frame(&Frame { time, link: Link::Ethernet, octets: &octets, wire_len: octets.len() as u32 });
        octets.clear();
    }
    let is_it = |record: &Record| match (&record.body, what) {
        (Body::Iri(iri), What::Iri) => !iri.recipients.is_empty(),
        (Body::Cc(cc), What::Cc) => cc.content.octets().len() > 1400,
        _ => false,
    };
    let at = pipeline.worker.records.iter().position(is_it);
    at.map(|at| pipeline.worker.records.swap_remove(at)).ok_or_else(|| anyhow::anyhow!("no such record"))
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut record = record(arguments.what)?;
    let mut encoder = Encoder::new(&HandoverSettings::default(), Profile::Current)?;
    let mut pdus: Vec<Pdu> = Vec::new();
    encoder.encode(&record, &mut pdus)?;
    let first = pdus.pop().ok_or_else(|| anyhow::anyhow!("no PDU"))?;
    let mut value = decode(&first.octets)?;
    let (seconds, begin) = (mix::BEGIN, 100_000);
    let octets = match arguments.by {
        By::General => measured(
            |number| {
                value.ps_header.sequence_number = number;
                if let Some(stamp) = &mut value.ps_header.micro_second_time_stamp {
                    stamp.micro_seconds = begin + number;
                }
                black_box(encode_as(Profile::Current, &value)).map_or(0, |octets| octets.len())
            },
            arguments.count,
        ),
        By::Patched => {
            let mut header = EncodedHeader::new(Profile::Current, value.ps_header.clone())?;
            measured(
                |number| {
                    let set = header.set(1, number, seconds, begin + number);
                    set.and_then(|()| black_box(header.pdu(&value.payload))).map_or(0, |octets| octets.len())
                },
                arguments.count,
            )
        }
        By::Record => measured(
            |number| {
                pdus.clear();
                record.time = Time::from_parts(seconds, (begin + number) * 1000);
                let encoded = encoder.encode(&record, &mut pdus);
                encoded.map_or(0, |()| pdus.iter().map(|pdu| black_box(&pdu.octets).len()).sum())
            },
            arguments.count,
        ),
    };
    ensure!(octets > arguments.count as usize * 100, "{octets} octets of PDUs");
    println!("{} PDUs, {octets} octets", arguments.count);
    Ok(())
}
