//! The spool on disk: restarts, faults of the disk, and LEMFs that are away or slow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, bounded};
use lemf::{Conduct, Lemf, eventually, mandate, messages, nowhere, numbers, record, settings};
use tempfile::TempDir;
use writ_handover::settings::{HandoverSettings, LemfSettings, Numbering, SpoolSettings, WhenSpoolFull};
use writ_handover::spool::SpoolError;
use writ_handover::{Delivery, DeliverySettings, Drained, LinkSnapshot, Outlet, StartError};
use writ_intercept::record::Record;

const PATIENTLY: Duration = Duration::from_secs(20);

/// A folder with a key, and settings of an LEMF with a spool in it.
fn spooled(folder: &Path, address: impl ToString) -> LemfSettings {
    let key = folder.join("key");
    if !key.exists() {
        fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let mut lea = settings("lea-1", address);
    let spool =
        SpoolSettings { sync_interval: Duration::from_millis(5), ..SpoolSettings::at(folder.join("spool"), key) };
    lea.spool = Some(spool);
    lea
}

struct Running {
    sender: Sender<Record>,
    delivery: Delivery,
}

impl Running {
    fn start(lea: LemfSettings) -> Self {
        Self::numbered(lea, Numbering::PerCin)
    }

    fn numbered(lea: LemfSettings, sequence_numbers: Numbering) -> Self {
        let (sender, receiver) = bounded(1 << 16);
        let handover = HandoverSettings { sequence_numbers, ..HandoverSettings::default() };
        let settings = DeliverySettings { handover, ..DeliverySettings::default() };
        let delivery = Delivery::start(settings, vec![Outlet::network(lea)], vec![receiver]).unwrap();
        Self { sender, delivery }
    }

    fn send(&self, cin: u32, records: usize, octets: usize) {
        let mandate = mandate(0);
        (0..records).for_each(|_| self.sender.send(record(&mandate, cin, octets)).unwrap());
    }

    fn hi2(&self) -> LinkSnapshot {
        self.delivery.counters().snapshot().lemfs[0].hi2
    }

    fn stop(self, timeout: Duration) -> (Drained, LinkSnapshot) {
        let counters = self.delivery.counters();
        drop(self.sender);
        (self.delivery.drain(timeout), counters.snapshot().lemfs[0].hi2)
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let hi2 = folder.join("spool/lea-1/hi2");
    let mut files: Vec<_> = fs::read_dir(hi2).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "segment"));
    files.sort();
    files
}

#[test]
fn a_spool_of_another_format_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(spooled(folder.path(), nowhere()));
    running.send(1, 5, 200);
    running.stop(Duration::from_millis(300));
    let state = folder.path().join("spool/lea-1/hi2/state");
    for (file, ours) in [(segments(folder.path()).remove(0), '1'), (state, '2')] {
        let of_ours = fs::read(&file).unwrap();
        let mut of_another = of_ours.clone();
        of_another[7] = b'9';
        fs::write(&file, &of_another).unwrap();
        let (_, receiver) = bounded(1);
        let lea = Outlet::network(spooled(folder.path(), nowhere()));
        let Err(error) = Delivery::start(DeliverySettings::default(), vec![lea], vec![receiver]) else {
            panic!("{}", file.display())
        };
        assert!(matches!(&error, StartError::Spool(SpoolError::Format { found: '9', .. })), "{error}");
        let expected = format!("{}: expected a spool of format {ours}, not 9", file.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(fs::read(&file).unwrap(), of_another);
        fs::write(&file, of_ours).unwrap();
    }
    let lemf = Lemf::start(Conduct::Proper);
    let running = Running::start(spooled(folder.path(), lemf.address));
    eventually("all of it", || numbers(&lemf.received(), 1) == [0, 1, 2, 3, 4]);
    running.stop(PATIENTLY);
}

#[test]
fn what_an_lemf_did_not_take_comes_after_the_restart() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(spooled(folder.path(), nowhere()));
    running.send(1, 1000, 1000);
    let start = Instant::now();
    let (drained, _) = running.stop(PATIENTLY);
    assert!(start.elapsed() < Duration::from_secs(10), "an LEMF that is away is not waited for");
    assert!(drained.is_complete() && drained.undelivered.is_empty());
    assert_eq!(drained.kept[0].pdus, 1000);

    let lemf = Lemf::start(Conduct::Proper);
    let running = Running::start(spooled(folder.path(), lemf.address));
    running.send(2, 500, 100);
    let (drained, hi2) = running.stop(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?} {hi2:?}");
    let received = lemf.received();
    assert!(numbers(&received, 1).into_iter().eq(0..1000), "in order, each once");
    assert!(numbers(&received, 2).into_iter().eq(0..500));
    assert_eq!((hi2.spool_pdus, hi2.spool_torn, hi2.spool_unreadable, hi2.spool_failures), (0, 0, 0, 0));

    let running = Running::start(spooled(folder.path(), lemf.address));
    eventually("it is connected", || running.hi2().connected == 1);
    let (drained, hi2) = running.stop(PATIENTLY);
    assert!(drained.is_complete() && hi2.pdus_sent == 0, "nothing comes twice");
}

#[test]
fn more_than_the_memory_holds_waits_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let lemf = Lemf::start(Conduct::Deaf);
    let mut lea = spooled(folder.path(), lemf.address);
    lea.buffer = 1 << 20;
    let running = Running::start(lea);
    for sent in 1..=40 {
        running.send(1, 50, 10_000);
        eventually("all is on disk", || running.hi2().spool_written == sent * 50);
    }
    lemf.behave(Conduct::Proper);
    let (drained, hi2) = running.stop(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    assert_eq!(hi2.dropped_pdus, 0);
    let mut received = numbers(&lemf.received(), 1);
    received.dedup();
    assert!(received.into_iter().eq(0..2000), "in order");
}

#[test]
fn numbers_along_an_liid_go_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lemf = Lemf::start(Conduct::Proper);
    for cin in 1..=4 {
        let running = Running::numbered(spooled(folder.path(), lemf.address), Numbering::PerLiid);
        running.send(cin, 100, 100);
        assert!(running.stop(PATIENTLY).0.is_complete());
    }
    let all: Vec<u32> = (1..=4).flat_map(|cin| numbers(&lemf.received(), cin)).collect();
    assert!(all.into_iter().eq(0..400));
}

#[test]
fn a_record_that_was_damaged_is_told_and_the_others_come() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(spooled(folder.path(), nowhere()));
    running.send(1, 100, 1000);
    running.stop(PATIENTLY);
    let file = segments(folder.path()).remove(0);
    let mut octets = fs::read(&file).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    // The end of a write that was under way.
    octets.extend_from_slice(b"WREC torn");
    fs::write(&file, octets).unwrap();

    let lemf = Lemf::start(Conduct::Proper);
    let running = Running::start(spooled(folder.path(), lemf.address));
    eventually("it is connected", || running.hi2().connected == 1);
    let (drained, hi2) = running.stop(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty());
    let received = lemf.received();
    assert_eq!(numbers(&received, 1).len(), 99);
    assert_eq!(messages(&received), ["The spool was damaged: 1 PDUs before this one could not be delivered."]);
    assert_eq!((hi2.spool_torn, hi2.spool_unreadable), (1, 1));
}

/// Records of 3 MB into a spool of one, with the LEMF away, and what it gets when it is back: the numbers that are missing.
fn filled(when_full: WhenSpoolFull) -> (Vec<u32>, Vec<String>, LinkSnapshot) {
    let folder = tempfile::tempdir().unwrap();
    let address = nowhere();
    let mut lea = spooled(folder.path(), address);
    lea.buffer = 1 << 20;
    if let Some(spool) = &mut lea.spool {
        (spool.iri, spool.when_full) = (1 << 20, when_full);
    }
    let running = Running::start(lea.clone());
    for sent in 1..=30 {
        running.send(1, 100, 1000);
        eventually("it is seen to", || {
            let hi2 = running.hi2();
            hi2.spool_written + if when_full == WhenSpoolFull::Newest { hi2.dropped_pdus } else { 0 } >= sent * 100
        });
    }
    assert!(running.hi2().spool_octets <= 1 << 20);
    let (_, first) = running.stop(Duration::from_secs(1));
    assert!(first.dropped_pdus > 0 && first.full_episodes == 1, "{first:?}");
    // It is told after a restart, too.
    let lemf = Lemf::listen(TcpListener::bind(address).unwrap(), Conduct::Proper);
    let running = Running::start(lea);
    // One that is not connected when it is told to stop keeps what it has for the next start.
    eventually("it is connected", || running.hi2().connected == 1);
    let (drained, _) = running.stop(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    let received = lemf.received();
    let came = numbers(&received, 1);
    assert!(came.is_sorted());
    let missing: Vec<u32> = (0..3000).filter(|number| !came.contains(number)).collect();
    assert_eq!(missing.len() as u64, first.dropped_pdus);
    assert!(missing.windows(2).all(|pair| pair[0] + 1 == pair[1]), "one gap");
    (missing, messages(&received), first)
}

#[test]
fn a_full_spool_takes_nothing_new() {
    let (missing, told, hi2) = filled(WhenSpoolFull::Newest);
    assert_eq!(missing.last(), Some(&2999));
    assert_eq!(told.len(), 1);
    let expected = format!("The delivery buffer was full: {} PDUs ({} octets)", hi2.dropped_pdus, hi2.dropped_octets);
    assert!(told[0].starts_with(&expected), "{told:?}");
}

#[test]
fn or_the_oldest_gives_way() {
    let (missing, told, hi2) = filled(WhenSpoolFull::Oldest);
    assert!(missing.first() > Some(&0) && missing.last() < Some(&2999), "what was on its way goes nevertheless");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(&format!("The delivery buffer was full: {} PDUs", hi2.dropped_pdus)), "{told:?}");
}

#[test]
fn one_that_reads_an_octet_a_second_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let reading = thread::spawn(move || {
        let (mut hi2, _) = listener.accept().unwrap();
        let (mut octet, until) = ([0], Instant::now() + Duration::from_secs(4));
        while Instant::now() < until && hi2.read(&mut octet).is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
        drop(hi2);
        listener
    });
    let quick = Lemf::start(Conduct::Proper);
    let mut slow = spooled(folder.path(), address);
    slow.buffer = 8 << 20;
    let other = LemfSettings { name: "lea-2".to_owned(), ..spooled(folder.path(), quick.address) };
    let (sender, receiver) = bounded(1 << 16);
    let outlets = vec![Outlet::network(slow), Outlet::network(other)];
    let delivery = Delivery::start(DeliverySettings::default(), outlets, vec![receiver]).unwrap();
    let counters = delivery.counters();
    let mandates = [mandate(0), mandate(1)];
    let start = Instant::now();
    for _ in 0..1500 {
        mandates.iter().for_each(|mandate| sender.send(record(mandate, 1, 10_000)).unwrap());
        thread::sleep(Duration::from_millis(3));
    }
    eventually("the other has everything", || quick.received().len() == 1500);
    let took = start.elapsed();
    assert!(counters.snapshot().lemfs[0].hi2.spool_pdus > 100, "while the slow one has not, after {took:?}");
    assert_eq!(counters.snapshot().lemfs[0].hi2.dropped_pdus, 0);
    let lemf = Lemf::listen(reading.join().unwrap(), Conduct::Proper);
    drop(sender);
    let drained = delivery.drain(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    let mut received = numbers(&lemf.received(), 1);
    received.sort_unstable();
    received.dedup();
    let last: Vec<u32> = (received[0]..1500).collect();
    assert_eq!(received, last, "from where the slow one was, without a gap");
    assert_eq!(received[0], 0, "it had not read a PDU to its end and shown it");
}

/// A small file system of its own, where it can be had.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).status();
        done.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l".as_ref(), self.0.path()]).status();
    }
}

#[test]
fn a_full_disk_stops_no_delivery_and_loses_nothing_that_memory_holds() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("not run: file systems cannot be mounted here");
        return;
    };
    let filler = disk.0.path().join("filler");
    let lemf = Lemf::start(Conduct::CloseAfter(1000));
    let running = Running::start(spooled(disk.0.path(), lemf.address));
    eventually("both are connected", || lemf.connections().len() == 2);
    lemf.behave(Conduct::Deaf);
    running.send(1, 100, 1000);
    eventually("the first", || lemf.received().len() == 100);
    // Somebody else fills the disk.
    let _ = fs::write(&filler, vec![0; 4 << 20]);
    running.send(1, 900, 1000);
    eventually("delivery goes on", || lemf.received().len() == 1000);
    assert!(running.hi2().spool_failures > 0);
    // The LEMF has gone away as well, after its thousandth: memory holds what comes.
    let address = lemf.address;
    drop(lemf);
    running.send(1, 300, 1000);
    thread::sleep(Duration::from_millis(300));
    fs::remove_file(&filler).unwrap();
    thread::sleep(Duration::from_millis(1500));
    let written = running.hi2().spool_written;
    running.send(1, 300, 1000);
    eventually("the disk is used again", || running.hi2().spool_written > written);
    eventually("the port is free", || TcpListener::bind(address).is_ok());
    let lemf = Lemf::listen(TcpListener::bind(address).unwrap(), Conduct::Proper);
    let (drained, hi2) = running.stop(PATIENTLY);
    assert!(drained.undelivered.is_empty() && drained.kept.is_empty(), "{drained:?}");
    assert_eq!(hi2.dropped_pdus, 0);
    let mut received = numbers(&lemf.received(), 1);
    received.sort_unstable();
    received.dedup();
    assert!(received.last() == Some(&1599) && received.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert!(received[0] <= 1000, "{}", received[0]);
}

#[test]
fn a_spool_of_another_key_or_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lea = spooled(folder.path(), nowhere());
    let running = Running::start(lea.clone());
    running.send(1, 10, 100);
    let start = |lea: LemfSettings| {
        let (_, receiver) = bounded(1);
        Delivery::start(DeliverySettings::default(), vec![Outlet::network(lea)], vec![receiver]).map(drop)
    };
    assert!(matches!(start(lea.clone()), Err(StartError::Spool(SpoolError::InUse { .. }))));
    running.stop(Duration::from_secs(1));
    fs::remove_file(folder.path().join("key")).unwrap();
    fs::write(folder.path().join("key"), "ff".repeat(32)).unwrap();
    fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(0o400)).unwrap();
    assert!(matches!(start(lea), Err(StartError::Spool(SpoolError::Key { .. }))));
}
