//! One room at a time: the decoder, reassembly, SMTP, the target index, PDUs. `cargo bench -p writ-bench`.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use writ_bench::pipeline::{bystander, warrant, worker};
use writ_bench::traffic::{Dialogue, Random, Segments, Transfer, mix};
use writ_etsi::Profile;
use writ_handover::encoder::Encoder;
use writ_handover::settings::HandoverSettings;
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat, Record};
use writ_mail::At;
use writ_mail::smtp::{Limits, Smtp};
use writ_wire::{Close, Connection, Direction, Frame, Link, Packet, Settings, Streams, Time, Wire};

/// Takes streams and does nothing with them.
struct Nobody;

impl Streams for Nobody {
    type Session = ();

    fn open(&mut self, _connection: &Connection, _time: Time) {}
    fn packet(&mut self, _session: &mut (), _packet: &Packet<'_>) {}
    fn octets(&mut self, _session: &mut (), _from: Direction, _time: Time, _offset: u64, octets: &[u8]) {
        black_box(octets);
    }
    fn gap(&mut self, _session: &mut (), _from: Direction, _time: Time, _offset: u64, _length: u64) {}
    fn close(&mut self, _session: (), _connection: &Connection, _time: Time, _how: Close) {}
}

/// Frames of one session with a message of so many octets.
fn frames(octets: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let dialogue = Dialogue::with_message(Transfer::Data, octets, "alice@example.org", "bob@example.com", &mut random);
    let mut segments = Segments::new(dialogue, mix::ends(0), [1, 1]);
    let mut frames = Vec::new();
    loop {
        let mut frame = Vec::new();
        if !segments.next_frame(&mut frame) {
            return frames;
        }
        frames.push(frame);
    }
}

fn at(number: usize) -> Time {
    Time::from_parts(mix::BEGIN, 0).after(Duration::from_micros(number as u64))
}

fn read<S: Streams>(wire: &mut Wire<S>, streams: &mut S, frames: &[Vec<u8>]) {
    for (number, octets) in frames.iter().enumerate() {
        let frame = Frame { time: at(number), link: Link::Ethernet, octets, wire_len: octets.len() as u32 };
        wire.frame(black_box(&frame), streams);
    }
}

fn settings() -> Settings {
    Settings { max_flows: 1000, hash_seed: Some(1), ..Settings::default() }
}

fn wire(c: &mut Criterion) {
    let in_order = frames(1_000_000);
    // Of any four segments in a row, the first comes last.
    let mut disordered = in_order.clone();
    disordered.chunks_mut(4).skip(8).for_each(|four| four.rotate_left(1));
    let others: Vec<Vec<u8>> = in_order
        .iter()
        .map(|frame| {
            let mut frame = frame.clone();
            frame[34..38].copy_from_slice(&[0x9c, 0x40, 0x01, 0xbb]);
            frame
        })
        .collect();
    let mut group = c.benchmark_group("wire");
    for (name, frames) in [("decode, not mail", &others), ("in order", &in_order), ("out of order", &disordered)] {
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched_ref(|| Wire::new(settings()), |wire| read(wire, &mut Nobody, frames), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn smtp(c: &mut Criterion) {
    let mut group = c.benchmark_group("smtp");
    for (name, octets) in [("a message of 2 kB", 2_000), ("a message of 1 MB", 1_000_000)] {
        let dialogue =
            Dialogue::with_message(Transfer::Data, octets, "alice@example.org", "bob@example.com", &mut Random::new(1));
        let mut said = Vec::new();
        dialogue.copy(0..dialogue.len(), &mut said);
        group.throughput(Throughput::Bytes(said.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut machine = Smtp::new(true, Limits::default());
                let mut offsets = [0, 0];
                for (from, range) in &dialogue.turns {
                    for octets in said[range.clone()].chunks(1448) {
                        let side = usize::from(*from == Direction::FromServer);
                        let at = At { time: at(0), offset: offsets[side] };
                        offsets[side] += octets.len() as u64;
                        let mut tell = |event: writ_mail::smtp::Event<'_>| {
                            black_box(event);
                        };
                        match from {
                            Direction::FromClient => machine.client(at, octets, &mut tell),
                            Direction::FromServer => machine.server(at, octets, &mut tell),
                        }
                    }
                }
            });
        });
    }
    group.finish();
}

/// A whole short session under warrants for so many targets, none of whom is in it: the same, however many.
fn targets(c: &mut Criterion) {
    let mut random = Random::new(1);
    let dialogue = Dialogue::with_message(Transfer::Data, 400, "somebody@example.org", "bob@example.com", &mut random);
    let mut segments = Segments::new(dialogue, mix::ends(0), [1, 1]);
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while segments.next_frame(&mut frame) {
        frames.push(std::mem::take(&mut frame));
    }
    let mut group = c.benchmark_group("session of a bystander");
    for count in [10, 1000, 100_000] {
        let mut worker = worker(vec![warrant("L-1", CcFormat::Application, (0..count).map(bystander).collect())]);
        let mut wire = Wire::new(settings());
        group.bench_function(format!("{count} targets"), |b| {
            b.iter(|| {
                read(&mut wire, &mut worker, &frames);
                wire.finish(at(frames.len()), &mut worker);
            });
        });
    }
    group.finish();
}

/// Records of one session of a target: the first IRI of a message, and the first piece of content of a full segment.
fn records() -> (Record, Record) {
    let frames = frames(20_000);
    let mut worker =
        worker(vec![warrant("L-1", CcFormat::Application, vec![Target::Email("alice@example.org".into())])]);
    let mut wire = Wire::new(settings());
    read(&mut wire, &mut worker, &frames);
    wire.finish(at(frames.len()), &mut worker);
    let mut take = |is: fn(&Record) -> bool| {
        let at = worker.records.iter().position(is).expect("a session of a target has such a record");
        worker.records.swap_remove(at)
    };
    let iri = take(|record| matches!(&record.body, Body::Iri(iri) if !iri.recipients.is_empty()));
    let cc = take(|record| matches!(&record.body, Body::Cc(cc) if cc.content.octets().len() > 1400));
    (iri, cc)
}

fn pdus(c: &mut Criterion) {
    let (iri, cc) = records();
    let mut group = c.benchmark_group("pdu");
    let mut encoder = Encoder::new(&HandoverSettings::default(), Profile::Current).expect("the defaults hold");
    let mut pdus = Vec::new();
    for (name, record) in [("encode IRI", &iri), ("encode CC, a segment", &cc)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                pdus.clear();
                encoder.encode(black_box(record), &mut pdus)
            });
        });
        let octets: Bytes = pdus.first().expect("a PDU").octets.clone();
        group.bench_function(name.replace("encode", "decode"), |b| b.iter(|| writ_etsi::decode(black_box(&octets))));
    }
    group.finish();
}

criterion_group! {
    name = rooms;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = wire, smtp, targets, pdus
}
criterion_main!(rooms);
