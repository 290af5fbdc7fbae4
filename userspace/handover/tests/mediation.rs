//! From an appliance through a real broker and a mediator to an LEMF.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod broker;
mod lemf;

use std::time::{Duration, Instant};

use broker::Broker;
use crossbeam::channel::{Sender, bounded};
use lemf::{Conduct, Lemf, eventually, mandate, numbers, record, settings};
use writ_handover::settings::{HandoverSettings, LemfSettings, SettingsError};
use writ_handover::{Delivery, DeliverySettings, Mediation, MediationSettings, Outlet, StartError};
use writ_intercept::record::Record;

fn handover(name: &str) -> HandoverSettings {
    HandoverSettings { network_element_identifier: Some(name.to_owned()), ..HandoverSettings::default() }
}

/// An LEMF that is served through the broker.
fn through(broker: &Broker, lemf: &Lemf) -> LemfSettings {
    LemfSettings { broker: Some(broker.settings()), ..settings("lea.1", lemf.address) }
}

fn appliance(name: &str, lemf: LemfSettings) -> (Sender<Record>, Delivery) {
    let (sender, queue) = bounded(1 << 16);
    let settings = DeliverySettings { handover: handover(name), ..DeliverySettings::default() };
    (sender, Delivery::start(settings, vec![Outlet::network(lemf)], vec![queue]).unwrap())
}

fn mediator(lemf: LemfSettings) -> Mediation {
    let handover = handover("MEDIATOR");
    Mediation::start(MediationSettings { handover, lemfs: vec![lemf], on_thread_start: None }).unwrap()
}

#[test]
fn what_appliances_publish_a_mediator_delivers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("what_appliances_publish_a_mediator_delivers", folder.path()) else { return };
    let lemf = Lemf::start(Conduct::Proper);
    let mediation = mediator(through(&broker, &lemf));
    let mandate = mandate(0);
    let mut running = Vec::new();
    for (name, cin) in [("NE.1", 1), ("NE 2", 2)] {
        let (sender, delivery) = appliance(name, through(&broker, &lemf));
        for _ in 0..500 {
            sender.send(record(&mandate, cin, 1000)).unwrap();
        }
        drop(sender);
        let counters = delivery.counters();
        assert!(delivery.drain(Duration::from_secs(20)).is_complete());
        assert_eq!(counters.snapshot().lemfs[0].hi2.broker_published, 500);
        running.push(name);
    }
    eventually("everything arrived", || lemf.received().len() >= 1000);
    let pdus = lemf.received();
    for (name, cin) in [("NE.1", 1), ("NE 2", 2)] {
        assert_eq!(numbers(&pdus, cin), (0..500).collect::<Vec<_>>());
        let of =
            pdus.iter().find(|pdu| pdu.ps_header.communication_identifier.communication_identity_number == Some(cin));
        let identifier = &of.unwrap().ps_header.communication_identifier.network_identifier;
        let element = identifier.network_element_identifier.as_ref();
        assert_eq!(element.unwrap()[..], *name.as_bytes());
    }
    assert!(!broker.has_on_disk(b"LIID-0") && !broker.has_on_disk(&[b'r'; 100]), "what is in the broker is encrypted");
    let counters = mediation.counters();
    assert_eq!(counters.snapshot().lemfs[0].hi2.broker_taken, 1000);
    mediation.drain(Duration::from_secs(5));
    // The next one has nothing to do: the lease says how far the first was.
    let next = mediator(through(&broker, &lemf));
    let (sender, delivery) = appliance("NE.1", through(&broker, &lemf));
    sender.send(record(&mandate, 3, 1000)).unwrap();
    eventually("more arrived", || numbers(&lemf.received(), 3) == [0]);
    assert_eq!(lemf.received().len(), 1001);
    drop(sender);
    assert!(delivery.drain(Duration::from_secs(5)).is_complete());
    next.drain(Duration::from_secs(5));
}

#[test]
fn an_appliance_needs_a_name_of_its_own() {
    let lemf = Lemf::start(Conduct::Proper);
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("an_appliance_needs_a_name_of_its_own", folder.path()) else { return };
    let (_sender, queue) = bounded(1);
    let started =
        Delivery::start(DeliverySettings::default(), vec![Outlet::network(through(&broker, &lemf))], vec![queue]);
    match started {
        Err(StartError::Settings(SettingsError::Invalid { setting, .. })) => {
            assert_eq!(setting, "handover.network_element_identifier");
        }
        _ => panic!("expected an error that names the setting"),
    }
}

/// `cargo test --package writ-handover --test mediation -- --ignored --nocapture` says how many PDUs a second two appliances put into
/// the broker, and how many one mediator delivers to an LEMF that decodes each.
#[test]
#[ignore = "a measurement"]
fn how_many_pdus_a_second() {
    const RECORDS: usize = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("how_many_pdus_a_second", folder.path()) else { return };
    let lemf = Lemf::start(Conduct::Proper);
    let mandate = mandate(0);
    let running = [("EAST", 1), ("WEST", 2)].map(|(name, cin)| {
        let (sender, delivery) = appliance(name, through(&broker, &lemf));
        let counters = delivery.counters();
        eventually("the broker is there", || counters.snapshot().lemfs[0].hi2.broker_connected == 1);
        (sender, delivery, cin)
    });
    let start = Instant::now();
    let sending = running.map(|(sender, delivery, cin)| {
        let mandate = mandate.clone();
        std::thread::spawn(move || {
            for _ in 0..RECORDS {
                sender.send(record(&mandate, cin, 600)).unwrap();
            }
            drop(sender);
            assert!(delivery.drain(Duration::from_secs(60)).is_complete());
        })
    });
    sending.into_iter().for_each(|appliance| appliance.join().unwrap());
    let published = start.elapsed();
    let start = Instant::now();
    let mediation = mediator(through(&broker, &lemf));
    let counters = mediation.counters();
    let waits = || counters.snapshot().lemfs[0].hi2;
    while waits().pdus_sent < 2 * RECORDS as u64 {
        assert!(start.elapsed() < Duration::from_secs(120), "{:?}", waits());
        std::thread::sleep(Duration::from_millis(5));
    }
    let delivered = start.elapsed();
    let rate = |time: Duration| (2.0 * RECORDS as f64 / time.as_secs_f64()) as u64;
    println!("two appliances published {} PDUs a second, one mediator delivered {}", rate(published), rate(delivered));
    mediation.drain(Duration::from_secs(5));
}
