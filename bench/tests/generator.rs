//! The generator: the same traffic for the same seed, which `writ-wire` reads without finding anything wrong in it.

use std::path::Path;
use std::process::Command;

use writ_bench::pipeline::{Worker, warrant, worker};
use writ_bench::traffic::{Letter, Lines, Mix, Protocol, Random, Shape, Transfer};
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat, MailEvent};
use writ_wire::{Frame, Link, Settings, Time, Wire};

fn shape(transfer: Transfer) -> Shape {
    Shape { seed: 7, sessions: 60, concurrency: 8, octets: 300..=9000, transfer, rate: 1000, ..Shape::default() }
}

/// Reads it all, under a warrant for the target in it.
fn read(shape: Shape) -> (Mix, Wire<Worker>, Worker) {
    let mut wire = Wire::new(Settings { verify_checksums: true, ..Settings::default() });
    let targets = vec![Target::Email("alice@example.org".into()), Target::Login("alice".into())];
    let mut worker = worker(vec![warrant("L-1", CcFormat::Application, targets)]);
    let mut mix = Mix::new(shape);
    let mut octets = Vec::new();
    let mut last = Time::MIN;
    while let Some(since) = mix.next_frame(&mut octets) {
        last = Time::from_nanos(since.as_nanos() as u64);
        let frame = Frame { time: last, link: Link::Ethernet, octets: &octets, wire_len: octets.len() as u32 };
        wire.frame(&frame, &mut worker);
    }
    wire.finish(last, &mut worker);
    (mix, wire, worker)
}

fn events(worker: &Worker, event: MailEvent) -> usize {
    let is_it = |body: &Body| matches!(body, Body::Iri(iri) if iri.event == event);
    worker.records.iter().filter(|record| is_it(&record.body)).count()
}

#[test]
fn every_frame_is_sound_and_every_message_arrives() {
    for transfer in [Transfer::Data, Transfer::Pipelined, Transfer::Bdat] {
        let (_, wire, worker) = read(shape(transfer));
        let counters = wire.counters();
        assert_eq!((counters.segments, counters.checksum_errors, counters.gaps), (counters.frames, 0, 0));
        assert_eq!(counters.delivered_octets, counters.segment_octets);
        assert_eq!((worker.counters.smtp_sessions, worker.counters.messages_accepted), (60, 60));
        assert_eq!(worker.counters.anomalies.iter().sum::<u64>(), 0);
        assert_eq!(events(&worker, MailEvent::Send), 6);
    }
}

#[test]
fn each_protocol_is_spoken() {
    let protocols = vec![Protocol::Smtp, Protocol::Pop3, Protocol::Imap];
    let (_, wire, worker) = read(Shape { protocols, target_every: 1, ..shape(Transfer::Data) });
    assert_eq!(wire.counters().delivered_octets, wire.counters().segment_octets);
    let counters = &worker.counters;
    let spoken = [counters.smtp_sessions, counters.pop3_sessions, counters.imap_sessions];
    assert!(spoken.iter().all(|sessions| *sessions > 5) && spoken.iter().sum::<u64>() == 60, "{spoken:?}");
    assert_eq!(counters.anomalies.iter().sum::<u64>(), 0);
    assert_eq!(events(&worker, MailEvent::Send) as u64, spoken[0]);
    assert_eq!(events(&worker, MailEvent::Download) as u64, spoken[1] + spoken[2]);
}

#[test]
fn what_is_late_arrives_and_what_is_missing_does_not() {
    let octets = 20_000..=40_000;
    let (mix, wire, _) = read(Shape { late_every: 9, lost_every: 11, octets, ..shape(Transfer::Data) });
    let counters = wire.counters();
    assert!(mix.lost() > 20);
    assert!(counters.out_of_order > 20, "{}", counters.out_of_order);
    assert_eq!(counters.gap_octets, mix.lost() * 1448);
    let (mix, wire, _) = read(Shape { late_every: 9, octets: 20_000..=40_000, ..shape(Transfer::Data) });
    assert_eq!((mix.lost(), wire.counters().gaps), (0, 0));
}

#[test]
fn a_message_is_as_long_as_it_should_be() {
    let mut random = Random::new(1);
    let lines = Lines::new(&mut random);
    for octets in (200..1000).step_by(7).chain([25_000, 1_000_001]) {
        let message = Letter::new(octets, "a@example.org", "b@example.org", &lines, &mut random).to_vec();
        assert_eq!(message.len(), octets);
        assert!(message.ends_with(b"\r\n"));
        assert!(!message.windows(3).any(|three| three == b"\n.\r" || three == b"\r\r\n"));
    }
}

#[test]
fn the_same_arguments_make_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        let arguments = [Path::new("--sessions"), Path::new("20"), Path::new("--seed"), Path::new(seed), &path];
        let status =
            Command::new(env!("CARGO_BIN_EXE_writ-traffic")).args(arguments).output().expect("the program runs");
        assert!(status.status.success());
        std::fs::read(path).expect("a file")
    };
    let one = make("one", "1");
    assert!(one.len() > 20 * 25_000);
    assert_eq!(one, make("again", "1"));
    assert_ne!(one, make("other", "2"));
}
