//! Aggregation, integrity checks and encryption together with the spool: what waits in the encoder when the process ends,
//! and what a restart makes of the rest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;
mod receiver;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use lemf::{eventually, mandate, nowhere, record, settings};
use receiver::Receiver;
use writ_etsi::{Payload, Profile};
use writ_handover::agreement::AgreementSettings;
use writ_handover::settings::{AcknowledgementSettings, LemfSettings, SpoolSettings};
use writ_handover::{Delivery, DeliverySettings, Drained, Outlet};
use writ_lemf::decryption::{ContentKey, open};
use writ_lemf::record::Keys;

const PATIENTLY: Duration = Duration::from_secs(20);

/// All of it: an aggregate waits for a minute, far longer than a test.
const AGREEMENT: &str = r#"
    lemf = "lea-1"
    aggregate = { octets = 2000, delay = 60 }
    integrity = { hash_pdus = 3, hash_quiet = 60 }
    encryption = { cipher = "aes-256-cbc", key_file = "key" }
"#;

fn lea(folder: &Path, address: impl ToString) -> LemfSettings {
    let key = folder.join("key");
    if !key.exists() {
        fs::write(&key, "5a".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let spool =
        SpoolSettings { sync_interval: Duration::from_millis(5), ..SpoolSettings::at(folder.join("spool"), key) };
    let acknowledgement = AcknowledgementSettings { interval: Duration::from_millis(20), ..Default::default() };
    LemfSettings { spool: Some(spool), acknowledgement: Some(acknowledgement), ..settings("lea-1", address) }
}

/// A process that delivers so many records of a communication, and ends.
fn process(folder: &Path, address: impl ToString, cin: u32, records: usize, timeout: Duration) -> Drained {
    let (sender, receiver) = bounded(1 << 10);
    let lea = lea(folder, address);
    let mut agreement: AgreementSettings = toml::from_str(AGREEMENT).unwrap();
    agreement.relative_to(folder);
    let outlet = Outlet::network(lea).agreed(agreement.open(Profile::Current).unwrap());
    let delivery = Delivery::start(DeliverySettings::default(), vec![outlet], vec![receiver]).unwrap();
    let mandate = mandate(0);
    (0..records).for_each(|_| sender.send(record(&mandate, cin, 200)).unwrap());
    if records > 0 {
        let counters = delivery.counters();
        eventually("all taken", || counters.snapshot().core.records == records as u64);
    }
    drop(sender);
    delivery.drain(timeout)
}

fn receiver(folder: &Path) -> Receiver {
    let content = Some(ContentKey::read(&folder.join("key")).unwrap());
    Receiver::with_keys(&folder.join("store"), "127.0.0.1:0", None, Keys { content, verifying: None })
}

/// How many payloads of IRI the PDUs of a communication hold, and how many PDUs they are.
fn payloads(receiver: &Receiver, folder: &Path, cin: u32) -> (usize, usize) {
    let key = ContentKey::read(&folder.join("key")).unwrap();
    let of = receiver.received().into_iter().map(|pdu| open(pdu, Some(&key)).pdu);
    let of = of.filter(|pdu| pdu.ps_header.communication_identifier.communication_identity_number == Some(cin));
    let counts: Vec<usize> = of
        .filter_map(|pdu| match pdu.payload {
            Payload::IriPayloadSequence(payloads) => Some(payloads.len()),
            _ => None,
        })
        .collect();
    (counts.iter().sum(), counts.len())
}

#[test]
fn what_waits_in_the_encoder_goes_when_the_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    drop(lea(folder.path(), "127.0.0.1:1"));
    let receiver = receiver(folder.path());
    let began = Instant::now();
    let drained = process(folder.path(), receiver.address, 7, 3, PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    assert!(began.elapsed() < PATIENTLY, "nobody waits for the delay");
    assert_eq!(payloads(&receiver, folder.path(), 7), (3, 1));
    let summary = receiver.stop();
    assert!(summary.is_clean(), "{summary}");
    assert_eq!((summary.verified.uncovered, summary.verified.pdus), (0, 1), "{summary}");
}

#[test]
fn a_restart_delivers_aggregates_that_are_encrypted_and_covered_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    // The LEMF is away: what waits in the encoder is put on disk at the end.
    let drained = process(folder.path(), nowhere(), 7, 25, Duration::from_millis(500));
    assert!(drained.undelivered.is_empty(), "{drained:?}");
    assert!(!drained.kept.is_empty());
    let on_disk = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for file in on_disk(&folder.path().join("spool/lea-1/hi2")) {
        assert!(!fs::read(file).unwrap().windows(6).any(|octets| octets == b"LIID-0"), "nothing is in the clear");
    }
    let receiver = receiver(folder.path());
    let drained = process(folder.path(), receiver.address, 8, 10, PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    let (of_first, pdus) = payloads(&receiver, folder.path(), 7);
    assert_eq!(of_first, 25);
    assert!(pdus < 25, "they are aggregates");
    assert_eq!(payloads(&receiver, folder.path(), 8).0, 10);
    let summary = receiver.stop();
    assert!(summary.is_clean(), "{summary}");
    assert_eq!((summary.duplicates, summary.gaps, summary.verified.uncovered), (0, 0, 0), "{summary}");
}
