//! A broker that is full, away, or one of three that dies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod broker;
mod lemf;

use std::fs;
use std::time::{Duration, Instant};

use broker::{Broker, free, is_there};
use crossbeam::channel::{Sender, bounded};
use lemf::{Conduct, Lemf, eventually, mandate, messages, numbers, record, settings};
use writ_handover::settings::{BrokerSettings, HandoverSettings, LemfSettings};
use writ_handover::{Delivery, DeliverySettings, LinkSnapshot, Mediation, MediationSettings, Outlet};
use writ_intercept::record::Record;

fn handover(name: &str) -> HandoverSettings {
    HandoverSettings { network_element_identifier: Some(name.to_owned()), ..HandoverSettings::default() }
}

fn appliance(name: &str, lemfs: Vec<LemfSettings>) -> (Sender<Record>, Delivery) {
    let (sender, queue) = bounded(1 << 16);
    let settings = DeliverySettings { handover: handover(name), ..DeliverySettings::default() };
    let outlets = lemfs.into_iter().map(Outlet::network).collect();
    (sender, Delivery::start(settings, outlets, vec![queue]).unwrap())
}

fn mediator(lemf: LemfSettings) -> Mediation {
    let handover = handover("MEDIATOR");
    Mediation::start(MediationSettings { handover, lemfs: vec![lemf], on_thread_start: None }).unwrap()
}

fn hi2(delivery: &Delivery, lemf: usize) -> LinkSnapshot {
    delivery.counters().snapshot().lemfs[lemf].hi2
}

/// The numbers that came, each once, and how many came again: as a lease may be over before it is renewed where the machine is slow.
/// The first time that each came was in order.
fn distinct(lemf: &Lemf, cin: u32) -> (Vec<u32>, usize) {
    let all = numbers(&lemf.received(), cin);
    let mut first: Vec<u32> = Vec::new();
    for number in &all {
        if first.last().is_none_or(|last| last < number) {
            first.push(*number);
        } else {
            assert!(first.binary_search(number).is_ok(), "CIN {cin}: {number} came late");
        }
    }
    let again = all.len() - first.len();
    (first, again)
}

/// PDUs of which operator messages say that they were dropped.
fn told(lemf: &Lemf) -> u64 {
    let of = |words: &String| words.split_once(": ")?.1.split_once(" PDUs")?.0.parse::<u64>().ok();
    messages(&lemf.received()).iter().filter_map(of).sum()
}

#[test]
fn a_full_broker_and_one_that_is_away_cost_what_memory_does_not_hold_counted_and_told_and_no_other_lemf() {
    const RECORDS: u32 = 8000;
    for is_away in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let name = "a_full_broker_and_one_that_is_away_cost_what_memory_does_not_hold";
        let Some(mut broker) = Broker::start(name, folder.path()) else { return };
        let (served, other) = (Lemf::start(Conduct::Proper), Lemf::start(Conduct::Proper));
        let through = || LemfSettings {
            // The least that it may hold.
            broker: Some(BrokerSettings { iri: 1 << 20, ..broker.settings() }),
            buffer: 1 << 20,
            ..settings("lea.1", served.address)
        };
        let through = through();
        if is_away {
            broker.kill();
        }
        let (sender, delivery) = appliance("NE.1", vec![through.clone(), settings("lea.2", other.address)]);
        let (first, second) = (mandate(0), mandate(1));
        for at in 0..RECORDS {
            sender.send(record(&first, 1, 1000)).unwrap();
            if at % 10 == 0 {
                sender.send(record(&second, 2, 1000)).unwrap();
            }
        }
        // The other one is served as if nothing were.
        eventually("the other has all of its own", || numbers(&other.received(), 2).len() as u32 == RECORDS / 10);
        // What came faster than it was published was dropped, and may have left room in the broker: more is sent then.
        let mut sent = RECORDS;
        eventually("it fails, and is full", || {
            let link = hi2(&delivery, 0);
            if link.broker_failures == 0 && link.buffered_pdus == 0 {
                sent += 1;
                sender.send(record(&first, 1, 1000)).unwrap();
            }
            link.broker_failures > 0 && link.dropped_pdus > 0
        });
        let link = hi2(&delivery, 0);
        assert_eq!(link.broker_published > 0, !is_away, "what there is room for is published");
        assert_eq!(hi2(&delivery, 1).dropped_pdus, 0);
        if is_away {
            broker.begin();
        }
        // It has room again as the LEMF takes what is in it.
        let mediation = mediator(through);
        eventually("the buffer is empty", || hi2(&delivery, 0).buffered_pdus == 0);
        drop(sender);
        let counters = delivery.counters();
        assert!(delivery.drain(Duration::from_secs(20)).is_complete());
        let dropped = counters.snapshot().lemfs[0].hi2.dropped_pdus;
        eventually("all the others came", || {
            distinct(&served, 1).0.len() as u64 + dropped == u64::from(sent) && told(&served) >= dropped
        });
        mediation.drain(Duration::from_secs(5));
    }
}

/// Three servers, each of which knows the others.
fn cluster(folder: &std::path::Path) -> Vec<Broker> {
    let routes: Vec<String> = (0..3).map(|_| format!("nats://{}", free())).collect();
    let servers = (0..3).map(|at| {
        let folder = folder.join(format!("server{at}"));
        fs::create_dir(&folder).unwrap();
        let name = format!("server{at}");
        let arguments =
            ["--cluster_name", "writ", "-n", &name, "--cluster", &routes[at], "--routes", &routes.join(",")];
        Broker::with(&folder, free(), arguments.map(str::to_owned).to_vec())
    });
    servers.collect()
}

#[test]
fn with_three_replicas_a_server_that_dies_under_load_costs_nothing() {
    const RECORDS: u32 = 6000;
    if !is_there("with_three_replicas_a_server_that_dies_under_load_costs_nothing") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut servers = cluster(folder.path());
    let lemf = Lemf::start(Conduct::Acknowledge);
    let all = servers.iter().map(|server| server.address.clone()).collect();
    let broker = BrokerSettings { replicas: 3, servers: all, ..servers[0].settings() };
    let through = LemfSettings {
        broker: Some(broker),
        acknowledgement: Some(Default::default()),
        ..settings("lea.1", lemf.address)
    };
    let mediation = mediator(through.clone());
    let (sender, delivery) = appliance("NE.1", vec![through]);
    let mandate = mandate(0);
    let sending = std::thread::spawn(move || {
        for at in 0..RECORDS {
            sender.send(record(&mandate, 1, 600)).unwrap();
            if at % 10 == 9 {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let came = || numbers(&lemf.received(), 1).len();
    let since = Instant::now();
    while came() < 300 {
        assert!(since.elapsed() < Duration::from_secs(40), "{:?}", hi2(&delivery, 0));
        std::thread::sleep(Duration::from_millis(20));
    }
    // Each in turn, so that the leaders of all streams are among them; and each comes back before the next goes.
    for server in &mut servers {
        server.kill();
        std::thread::sleep(Duration::from_millis(1500));
        let before = came();
        let since = Instant::now();
        while came() < before + 100 && came() < RECORDS as usize {
            assert!(since.elapsed() < Duration::from_secs(40), "it goes on with two: {:?}", hi2(&delivery, 0));
            std::thread::sleep(Duration::from_millis(20));
        }
        server.begin();
        std::thread::sleep(Duration::from_millis(1500));
    }
    sending.join().unwrap();
    let published = delivery.counters();
    assert!(delivery.drain(Duration::from_secs(40)).is_complete());
    let link = published.snapshot().lemfs[0].hi2;
    assert_eq!((link.broker_published, link.dropped_pdus), (u64::from(RECORDS), 0), "{link:?}");
    let since = Instant::now();
    loop {
        let (numbers, again) = distinct(&lemf, 1);
        if numbers == (0..RECORDS).collect::<Vec<_>>() {
            eprintln!("{RECORDS} PDUs, three servers killed in turn: 0 lost, {again} twice");
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(40), "{} of {RECORDS} came", numbers.len());
        std::thread::sleep(Duration::from_millis(50));
    }
    mediation.drain(Duration::from_secs(5));
}
