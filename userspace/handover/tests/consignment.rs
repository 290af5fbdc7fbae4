//! Records whose sender waits: the receipt says whether they are safe.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Sender};
use writ_handover::settings::{LemfSettings, SpoolSettings};
use writ_handover::{Consignment, Custody, Delivery, DeliverySettings, Outlet, Room};
use writ_intercept::messaging::{MessagingIri, Property, Status, Trigger};
use writ_intercept::record::{Body, Cin, IriType, Mandate, Record};
use writ_wire::Time;

/// Nobody listens there: discard, on loopback.
const NOWHERE: &str = "127.0.0.1:9";

fn record(mandate: &Arc<Mandate>, cin: u32, octets: usize) -> Record {
    let iri = MessagingIri {
        record_type: IriType::Report,
        system: "vm".into(),
        category: None,
        status: Status::Unknown,
        parties: Vec::new(),
        trigger: Trigger::Unknown,
        properties: vec![Property::MessageIdentifier("x".repeat(octets))],
        event_identifier: 1,
        original_message: None,
        box_identifier: None,
        total_recipients: None,
    };
    let body = Body::MessagingIri(Box::new(iri));
    Record { mandate: Arc::clone(mandate), cin: Cin(cin), time: Time::from_parts(1_795_342_500, 0), body }
}

fn mandate(lemf: usize) -> Arc<Mandate> {
    Arc::new(Mandate { liid: "W".into(), authorization_country: "NL".into(), lemf })
}

fn start(lemfs: impl IntoIterator<Item = LemfSettings>) -> (Delivery, Sender<Consignment>) {
    let (sender, receiver) = channel::bounded(8);
    let settings = DeliverySettings { consignments: Some(receiver), ..DeliverySettings::default() };
    (Delivery::start(settings, lemfs.into_iter().map(Outlet::network).collect(), Vec::new()).unwrap(), sender)
}

fn consign(to: &Sender<Consignment>, records: Vec<Record>, lemfs: Vec<usize>) -> Custody {
    let (receipt, receipts) = channel::bounded(1);
    to.send(Consignment { records, lemfs, receipt: Some(receipt) }).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    receipts.recv_deadline(deadline).expect("a receipt").wait(deadline)
}

fn spooled(folder: &Path) -> LemfSettings {
    let key = folder.join("key");
    fs::write(&key, "7".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!("folder = {:?}\nkey = {:?}\n", folder.join("spool"), key);
    let spool: SpoolSettings = toml::from_str(&text).unwrap();
    LemfSettings { spool: Some(spool), ..LemfSettings::at("a", NOWHERE) }
}

/// Octets of all files below a folder.
fn octets_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |path: std::path::PathBuf| if path.is_dir() { octets_in(&path) } else { path.metadata().unwrap().len() };
    entries.map(|entry| of(entry.unwrap().path())).sum()
}

#[test]
fn without_a_spool_what_is_in_the_buffer_is_safe_and_what_is_dropped_is_told() {
    let (delivery, to) = start([LemfSettings { buffer: 1 << 20, ..LemfSettings::at("a", NOWHERE) }]);
    let rooms = delivery.rooms();
    let mandate = mandate(0);
    assert_eq!((rooms.room(0, 700_000), rooms.room(0, 1 << 20)), (Room::Free, Room::Full));
    assert!(consign(&to, vec![record(&mandate, 1, 10)], vec![0]).is_settled());
    let much = (0..3).map(|cin| record(&mandate, cin, 400_000)).collect();
    let custody = consign(&to, much, vec![0]);
    assert_eq!((custody.dropped, custody.unsettled), (vec![0], vec![]));
    assert_eq!(rooms.room(0, 0), Room::Full, "and there is no room any more");
    drop(to);
    assert!(!delivery.drain(Duration::ZERO).is_complete());
}

#[test]
fn with_a_spool_what_is_safe_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (delivery, to) = start([spooled(folder.path())]);
    let mandate = mandate(0);
    for round in 1..=3 {
        assert!(consign(&to, vec![record(&mandate, 1, 10_000)], vec![0]).is_settled());
        assert!(octets_in(&folder.path().join("spool")) > round * 10_000, "after {round}");
    }
    // Nothing more to be put there: what went before is.
    assert!(consign(&to, vec![], vec![0]).is_settled());
    drop(to);
    assert_eq!(delivery.drain(Duration::from_millis(100)).kept[0].pdus, 3);
}

#[test]
fn one_lemf_that_is_full_is_no_matter_for_another() {
    let small = LemfSettings { buffer: 1 << 20, ..LemfSettings::at("full", NOWHERE) };
    let (delivery, to) = start([small, LemfSettings::at("other", NOWHERE)]);
    let full = mandate(0);
    assert_eq!(consign(&to, (0..3).map(|cin| record(&full, cin, 400_000)).collect(), vec![0]).dropped, [0]);
    let rooms = delivery.rooms();
    assert_eq!((rooms.room(0, 0), rooms.room(1, 0)), (Room::Full, Room::Free));
    assert!(consign(&to, vec![record(&mandate(1), 9, 10)], vec![1]).is_settled());
    drop(to);
    delivery.drain(Duration::ZERO);
}
