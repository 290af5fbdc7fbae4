//! A process that is killed: what it had sent is hashed and signed all the same, once it runs again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;
mod receiver;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use lemf::{mandate, record, settings};
use receiver::Receiver;
use writ_etsi::Profile;
use writ_handover::agreement::AgreementSettings;
use writ_handover::cin::CinReserve;
use writ_handover::settings::{AcknowledgementSettings, HandoverSettings, Numbering, SpoolSettings};
use writ_handover::{Delivery, DeliverySettings, Outlet};
use writ_lemf::integrity::VerifyingKey;
use writ_lemf::record::Keys;

const FOLDER: &str = "WRIT_TEST_INTEGRITY_FOLDER";
const LEMF: &str = "WRIT_TEST_INTEGRITY_LEMF";
const PER_LIID: &str = "WRIT_TEST_INTEGRITY_PER_LIID";
/// Set for the last of the processes: it adds nothing.
const LAST: &str = "WRIT_TEST_INTEGRITY_LAST";

/// The process to be killed. A communication has a few PDUs and no check; another has many, so that segments of the spool are done
/// with. Says so when the LEMF has acknowledged all of it. Does nothing unless the other test started it.
#[test]
#[ignore = "started and killed by the test below"]
fn delivers_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let spool = SpoolSettings::at(folder.join("spool"), folder.join("key"));
    // Segments of 64 KiB.
    let spool = SpoolSettings { sync_interval: Duration::from_millis(5), iri: 1 << 20, ..spool };
    let acknowledgement = AcknowledgementSettings { interval: Duration::from_millis(20), ..Default::default() };
    let mut lea = settings("lea-1", std::env::var(LEMF).unwrap());
    (lea.spool, lea.acknowledgement) = (Some(spool), Some(acknowledgement));
    let agreement = "lemf = \"lea-1\"\n[integrity]\nhash_pdus = 11\nhash_quiet = 600\nsign_hashes = 3\nsign_delay = 600\nsigning_key = \"sign.pem\"";
    let mut agreement: AgreementSettings = toml::from_str(agreement).unwrap();
    agreement.relative_to(folder);
    let outlet = Outlet::network(lea).agreed(agreement.open(Profile::Current).unwrap());
    let reserve = CinReserve::open(folder.join("cin")).unwrap();
    let cins = reserve.allocator();
    let (sender, queue) = bounded(1 << 16);
    let sequence_numbers = if std::env::var_os(PER_LIID).is_some() { Numbering::PerLiid } else { Numbering::PerCin };
    let handover = HandoverSettings { sequence_numbers, ..HandoverSettings::default() };
    let settings = DeliverySettings { handover, cin_reserve: Some(reserve), ..DeliverySettings::default() };
    let delivery = Delivery::start(settings, vec![outlet], vec![queue]).unwrap();
    let counters = delivery.counters();
    let records = if std::env::var_os(LAST).is_some() { 0 } else { 200 };
    let mandate = mandate(0);
    let (few, many) = (cins.allocate().0, cins.allocate().0);
    for at in 0..records {
        if at < 5 {
            sender.send(record(&mandate, few, 100)).unwrap();
        }
        sender.send(record(&mandate, many, 1000)).unwrap();
        if at % 20 == 19 {
            // What goes to the disk at once is in one segment.
            std::thread::sleep(Duration::from_millis(15));
        }
    }
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let (core, link) = (counters.snapshot().core, counters.snapshot().lemfs[0].hi2);
        if core.records == records + records.min(5) && link.spool_pdus == 0 && link.buffered_pdus == 0 {
            break;
        }
        assert!(Instant::now() < until, "it is all delivered");
        std::thread::sleep(Duration::from_millis(5));
    }
    if records == 0 {
        drop(sender);
        let drained = delivery.drain(Duration::from_secs(20));
        assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
        return;
    }
    // The state of the spool is written once a second.
    std::thread::sleep(Duration::from_millis(1200));
    std::io::stdout().write_all(b"DELIVERED\n").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

fn child(folder: &Path, lemf: &str, per_liid: bool, last: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "delivers_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(LEMF, lemf)
        .stdout(Stdio::piped());
    if per_liid {
        command.env(PER_LIID, "1");
    }
    if last {
        command.env(LAST, "1");
    }
    command.spawn().unwrap()
}

#[test]
fn what_was_sent_before_a_kill_is_hashed_and_signed_after_it() {
    for per_liid in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let signing = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let public = folder.path().join("sign.pub");
        fs::write(&public, signing.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
        let pem = signing.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
        for (name, octets) in [("key", "5a".repeat(32)), ("sign.pem", pem)] {
            fs::write(folder.path().join(name), octets).unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o400)).unwrap();
        }
        let keys = Keys { content: None, verifying: Some(VerifyingKey::read(&public).unwrap()) };
        let receiver = Receiver::with_keys(&folder.path().join("store"), "127.0.0.1:0", None, keys);
        let address = receiver.address.to_string();
        for _ in 0..3 {
            let mut process = child(folder.path(), &address, per_liid, false);
            let said = BufReader::new(process.stdout.take().unwrap());
            let is_there = said.lines().map_while(Result::ok).any(|line| line.contains("DELIVERED"));
            process.kill().unwrap();
            process.wait().unwrap();
            assert!(is_there);
        }
        assert!(child(folder.path(), &address, per_liid, true).wait().unwrap().success());
        let verified = receiver.stop().verified;
        // Of three runs: 205 records each, hashed by elevens, and what is left.
        assert!(verified.is_clean(), "{verified}");
        assert_eq!((verified.pdus, verified.signatures_unverified), (3 * 205, 0), "{verified}");
        assert_eq!(verified.hashes, 3 * (200 / 11 + 1 + 1), "{verified}");
    }
}
