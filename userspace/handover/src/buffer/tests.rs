use std::thread;
use std::time::Instant;

use bytes::Bytes;
use writ_etsi::{Payload, Profile, TriPayload, decode};
use writ_wire::Time;

use super::*;
use crate::pdu::Interface;
use crate::settings::HandoverSettings;

fn pdu(octets: usize) -> Pdu {
    Pdu { interface: Interface::Hi3, kind: Kind::Cc, time: Time::MIN, octets: vec![7; octets].into(), checked: None }
}

fn buffer(limit: usize, patience: Duration) -> Buffer {
    let link_pdus = LinkPdus::new(&HandoverSettings::default(), Profile::Current, Interface::Hi3).unwrap();
    Buffer::new("lea-1".into(), limit, patience, Arc::default(), Arc::new(link_pdus))
}

impl Buffer {
    /// What waits.
    fn front(&self, pdus: usize, octets: usize) -> Vec<Pdu> {
        self.from(self.next(), pdus, octets)
    }

    /// The next so many that wait are acknowledged, and read.
    fn sent(&self, count: u64) {
        self.acknowledged(self.next().saturating_add(count));
        self.confirmed(self.next());
    }
}

fn message(octets: &Bytes) -> String {
    match decode(octets).unwrap().payload {
        Payload::TriPayload(TriPayload::OperatorLeaMessage(message)) => {
            String::from_utf8(message.message.to_vec()).unwrap()
        }
        _ => panic!("no message"),
    }
}

#[test]
fn pdus_stay_until_they_are_acknowledged() {
    let buffer = buffer(1 << 20, Duration::ZERO);
    buffer.push([pdu(10), pdu(20), pdu(30)]);
    let lengths = |batch: Vec<Pdu>| batch.iter().map(|pdu| pdu.octets.len()).collect::<Vec<_>>();
    assert_eq!(lengths(buffer.front(2, 1000)), [10, 20]);
    assert_eq!(lengths(buffer.front(9, 30)), [10, 20]);
    assert_eq!(lengths(buffer.front(9, 5)), [10], "one goes however long it is");
    assert_eq!(buffer.held(), (3, 60));
    buffer.sent(1);
    assert_eq!(lengths(buffer.front(9, 1000)), [20, 30]);
    buffer.sent(9);
    assert_eq!(buffer.held(), (0, 0));
    let counts = buffer.counters.snapshot();
    assert_eq!((counts.cc, counts.octets, counts.buffered_pdus, counts.buffered_octets), (3, 60, 0, 0));
}

#[test]
fn when_full_one_gap_is_made_and_told_in_its_place() {
    let buffer = buffer(100 * (1000 + OVERHEAD), Duration::ZERO);
    buffer.push((0..107).map(|_| pdu(1000)));
    assert_eq!(buffer.held(), (100, 100_000));
    // There is room for a few, and yet they go the way of those before: one gap, not several.
    buffer.sent(5);
    buffer.push([pdu(1000)]);
    assert_eq!(buffer.held(), (95, 95_000));
    buffer.sent(9);
    let held = buffer.front(1000, 1 << 20);
    assert_eq!(held.len(), 87);
    assert_eq!(
        message(&held[86].octets),
        "The delivery buffer was full: 8 PDUs (8000 octets) before this one were not delivered."
    );
    buffer.push([pdu(1)]);
    let held = buffer.front(1000, 1 << 20);
    assert_eq!((held[86].kind, held[87].octets.len()), (Kind::Tri, 1), "what comes then is behind the message");
    let counts = buffer.counters.snapshot();
    assert_eq!((counts.dropped_pdus, counts.dropped_octets, counts.full_episodes), (8, 8000, 1));
}

#[test]
fn every_episode_is_told_once() {
    let buffer = buffer(1 << 20, Duration::ZERO);
    for episode in 1..=3 {
        buffer.push((0..3000).map(|_| pdu(1000)));
        assert_eq!(buffer.counters.snapshot().full_episodes, episode);
        buffer.sent(u64::MAX);
        assert_eq!(buffer.held().0, 1, "the message");
        buffer.sent(1);
    }
}

#[test]
fn a_pdu_larger_than_the_buffer_goes_alone() {
    let buffer = buffer(1000, Duration::ZERO);
    buffer.push([pdu(5000)]);
    assert_eq!(buffer.held(), (1, 5000));
    buffer.push([pdu(1)]);
    assert_eq!(buffer.counters.snapshot().dropped_pdus, 1);
}

#[test]
fn with_patience_nothing_is_dropped_while_the_lemf_reads() {
    let buffer = Arc::new(buffer(10_000, Duration::from_secs(5)));
    let reader = {
        let buffer = Arc::clone(&buffer);
        thread::spawn(move || {
            let mut read = 0;
            while read < 500 {
                let batch = buffer.front(3, 1 << 20).len() as u64;
                buffer.sent(batch);
                read += batch;
                thread::sleep(Duration::from_micros(200));
            }
        })
    };
    buffer.push((0..500).map(|_| pdu(1000)));
    reader.join().unwrap();
    assert_eq!(buffer.counters.snapshot().dropped_pdus, 0);
    assert_eq!(buffer.held(), (0, 0));
}

#[test]
fn patience_ends_when_the_lemf_takes_nothing() {
    let buffer = buffer(10_000, Duration::from_millis(50));
    let start = Instant::now();
    buffer.push((0..100).map(|_| pdu(1000)));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(50) && waited < Duration::from_secs(2), "once, not for every PDU");
    assert!(buffer.counters.snapshot().dropped_pdus > 80);
}

#[test]
fn nobody_waits_once_it_is_to_end() {
    let buffer = buffer(10_000, Duration::from_secs(3600));
    buffer.hurry();
    buffer.push((0..100).map(|_| pdu(1000)));
    assert!(buffer.counters.snapshot().dropped_pdus > 80);
}

#[test]
fn what_was_acknowledged_and_perhaps_not_read_goes_again_after_a_reset() {
    let buffer = buffer(1 << 20, Duration::ZERO);
    let lengths = || buffer.front(9, 1000).iter().map(|pdu| pdu.octets.len()).collect::<Vec<_>>();
    buffer.push([pdu(10), pdu(20), pdu(30), pdu(40)]);
    buffer.acknowledged(3);
    assert_eq!((buffer.held(), lengths()), ((1, 40), vec![40]));
    buffer.confirmed(1);
    buffer.reset(true);
    assert_eq!((buffer.held(), lengths()), ((3, 90), vec![20, 30, 40]), "the first was read");
    buffer.acknowledged(4);
    buffer.push([pdu(50)]);
    buffer.acknowledged(5);
    buffer.reset(true);
    assert_eq!((buffer.next(), lengths()), (1, vec![20, 30, 40, 50]));
    buffer.acknowledged(5);
    buffer.confirmed(5);
    buffer.reset(true);
    assert_eq!(buffer.held(), (0, 0));
    let counts = buffer.counters.snapshot();
    assert_eq!((counts.pdus_sent, counts.pdus_returned, counts.pdus_unconfirmed), (3 + 3 + 1 + 4, 2 + 4, 0));
}

#[test]
fn each_reset_without_progress_makes_it_more_careful() {
    let buffer = buffer(1 << 20, Duration::ZERO);
    buffer.push((0..10).map(|_| pdu(10)));
    assert_eq!(buffer.caution(0), None);
    let mut allowed = Vec::new();
    for _ in 1..PATIENT_RESETS {
        buffer.acknowledged(8);
        buffer.reset(true);
        allowed.extend(buffer.caution(0));
    }
    assert_eq!(allowed, [128, 32, 8, 2, 1, 1]);
    assert_eq!((buffer.caution(7), buffer.caution(8)), (Some(1), None), "only what came back");
    assert_eq!(buffer.counters.snapshot().pdus_unconfirmed, 0);
    // A reset before anything went says nothing of a PDU.
    buffer.reset(true);
    assert_eq!((buffer.next(), buffer.counters.snapshot().pdus_unconfirmed), (0, 0));
    buffer.acknowledged(1);
    buffer.reset(true);
    assert_eq!((buffer.next(), buffer.counters.snapshot().pdus_unconfirmed), (1, 1), "one, and no more");
    assert_eq!(buffer.caution(1), Some(128), "what comes then is not to blame");
    buffer.acknowledged(3);
    buffer.confirmed(2);
    buffer.reset(true);
    assert_eq!(buffer.caution(2), Some(128), "there was progress");
}

#[test]
fn a_slow_lemf_is_tried_for_ever() {
    let buffer = buffer(1 << 20, Duration::ZERO);
    buffer.push((0..10).map(|_| pdu(10)));
    for _ in 0..100 {
        buffer.acknowledged(8);
        buffer.reset(false);
    }
    assert_eq!((buffer.next(), buffer.caution(0)), (0, Some(1)));
    assert_eq!(buffer.counters.snapshot().pdus_unconfirmed, 0);
}

#[test]
fn what_was_acknowledged_takes_no_room_from_what_was_not() {
    let buffer = buffer(80 * (1000 + OVERHEAD), Duration::ZERO);
    buffer.push((0..80).map(|_| pdu(1000)));
    buffer.acknowledged(40);
    let kept = |buffer: &Buffer| buffer.lock().acknowledged.pdus;
    assert_eq!((kept(&buffer), buffer.held().0), (10, 40), "an eighth is kept");
    buffer.push((0..40).map(|_| pdu(1000)));
    assert_eq!((kept(&buffer), buffer.held().0), (0, 80));
    assert_eq!(buffer.counters.snapshot().dropped_pdus, 0);
    buffer.push([pdu(1000)]);
    assert_eq!(buffer.counters.snapshot().dropped_pdus, 1, "what waits counts against the bound");
    buffer.reset(true);
    assert_eq!(buffer.held().0, 80);
}
