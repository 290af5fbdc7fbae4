//! The generator: the same traffic for the same seed, which `writ-wire` reads without finding anything wrong in it.

use std::path::Path;
use std::process::Command;

use writ_bench::pipeline::{warrant, worker};
use writ_bench::traffic::{Mix, Random, Shape, Transfer, dialogue};
use writ_intercept::Target;
use writ_intercept::record::{Body, CcFormat, MailEvent};
use writ_wire::{Frame, Link, Settings, Time, Wire};

fn shape(transfer: Transfer) -> Shape {
    Shape { seed: 7, sessions: 60, concurrency: 8, octets: 300..=9000, transfer, target_every: 10, rate: 1000 }
}

#[test]
fn every_frame_is_sound_and_every_message_arrives() {
    for transfer in [Transfer::Data, Transfer::Bdat] {
        let settings = Settings { verify_checksums: true, ..Settings::default() };
        let mut wire = Wire::new(settings);
        let mut worker =
            worker(vec![warrant("L-1", CcFormat::Application, vec![Target::Email("alice@example.org".into())])]);
        let mut mix = Mix::new(shape(transfer));
        let mut octets = Vec::new();
        let (mut frames, mut last) = (0, Time::MIN);
        while let Some(since) = mix.next_frame(&mut octets) {
            last = Time::from_nanos(since.as_nanos() as u64);
            frames += 1;
            wire.frame(
                &Frame { time: last, link: Link::Ethernet, octets: &octets, wire_len: octets.len() as u32 },
                &mut worker,
            );
        }
        wire.finish(last, &mut worker);
        let counters = wire.counters();
        assert_eq!((counters.segments, counters.checksum_errors, counters.gaps), (frames, 0, 0));
        assert_eq!(counters.delivered_octets, counters.segment_octets);
        assert_eq!((worker.counters.smtp_sessions, worker.counters.messages_accepted), (60, 60));
        assert_eq!(worker.counters.anomalies.iter().sum::<u64>(), 0);
        let is_send = |body: &Body| matches!(body, Body::Iri(iri) if iri.event == MailEvent::Send);
        assert_eq!(worker.records.iter().filter(|record| is_send(&record.body)).count(), 6);
    }
}

#[test]
fn a_message_is_as_long_as_it_should_be() {
    let mut random = Random::new(1);
    for octets in (200..1000).step_by(7).chain([25_000, 1_000_001]) {
        let message = dialogue::message(octets, "a@example.org", "b@example.org", &mut random);
        assert_eq!(message.len(), octets);
        assert!(message.ends_with(b"\r\n"));
        assert!(!message.windows(3).any(|three| three == b"\n.\r"));
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
