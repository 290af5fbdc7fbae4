//! PDUs that the LEMF acknowledges: what leaves the buffer and the spool when, and what goes again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;
mod receiver;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use lemf::{Conduct, Lemf, eventually, mandate, numbers, record, settings};
use receiver::Receiver;
use writ_handover::settings::{AcknowledgementSettings, LemfSettings, SpoolSettings};
use writ_handover::{Delivery, DeliverySettings, LinkSnapshot, Outlet};
use writ_intercept::record::Record;

const PATIENTLY: Duration = Duration::from_secs(20);
/// Long enough for anything that should not happen.
const A_WHILE: Duration = Duration::from_millis(300);

fn acknowledged(address: impl ToString) -> LemfSettings {
    let times =
        AcknowledgementSettings { pdus: 10, interval: Duration::from_millis(20), answer: Duration::from_millis(300) };
    LemfSettings { acknowledgement: Some(times), ..settings("lea-1", address) }
}

fn spooled(folder: &Path, address: impl ToString) -> LemfSettings {
    let key = folder.join("key");
    if !key.exists() {
        fs::write(&key, "5a".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let spool =
        SpoolSettings { sync_interval: Duration::from_millis(5), ..SpoolSettings::at(folder.join("spool"), key) };
    LemfSettings { spool: Some(spool), ..acknowledged(address) }
}

struct Running {
    sender: Sender<Record>,
    delivery: Delivery,
}

impl Running {
    fn start(lea: LemfSettings) -> Self {
        let (sender, receiver) = bounded(1 << 16);
        let delivery = Delivery::start(DeliverySettings::default(), vec![Outlet::network(lea)], vec![receiver]);
        Self { sender, delivery: delivery.unwrap() }
    }

    fn send(&self, cin: u32, records: usize) {
        let mandate = mandate(0);
        (0..records).for_each(|_| self.sender.send(record(&mandate, cin, 200)).unwrap());
    }

    fn hi2(&self) -> LinkSnapshot {
        self.delivery.counters().snapshot().lemfs[0].hi2
    }
}

#[test]
fn a_pdu_leaves_when_it_is_acknowledged() {
    let lemf = Lemf::start(Conduct::Acknowledge);
    let running = Running::start(acknowledged(lemf.address));
    running.send(1, 95);
    eventually("all acknowledged", || running.hi2().pdus_sent == 95 && running.hi2().buffered_pdus == 0);
    let hi2 = running.hi2();
    assert_eq!(hi2.acknowledging, 1);
    assert!(hi2.acknowledgements_asked >= 10, "{hi2:?}");
    assert_eq!(hi2.acknowledgements_asked, hi2.acknowledgements_answered);
    assert_eq!((hi2.unexpected_pdus, hi2.pdus_returned, hi2.disconnects), (0, 0, 0));
    drop(running.sender);
    assert!(running.delivery.drain(PATIENTLY).is_complete());
    assert_eq!(numbers(&lemf.received(), 1), (0..95).collect::<Vec<_>>());
}

#[test]
fn what_tcp_has_acknowledged_and_the_lemf_has_not_stays() {
    let lemf = Lemf::start(Conduct::NeverAcknowledge);
    let mut lea = acknowledged(lemf.address);
    lea.acknowledgement.as_mut().unwrap().answer = Duration::from_secs(60);
    let running = Running::start(lea);
    running.send(1, 30);
    eventually("all read", || lemf.received().len() == 30);
    thread::sleep(A_WHILE);
    assert_eq!((running.hi2().pdus_sent, running.hi2().buffered_pdus), (0, 30));
    drop(running.sender);
    let drained = running.delivery.drain(A_WHILE);
    assert_eq!(drained.undelivered.len(), 1);
    assert_eq!(drained.undelivered[0].pdus, 30);
}

#[test]
fn a_connection_without_answers_is_opened_anew_and_what_has_none_goes_again() {
    let lemf = Lemf::start(Conduct::NeverAcknowledge);
    let running = Running::start(acknowledged(lemf.address));
    running.send(1, 30);
    eventually("missed", || running.hi2().acknowledgements_missed >= 1);
    lemf.behave(Conduct::Acknowledge);
    eventually("all acknowledged", || running.hi2().pdus_sent == 30);
    assert!(running.hi2().pdus_returned >= 30);
    drop(running.sender);
    assert!(running.delivery.drain(PATIENTLY).is_complete());
    let last = lemf.connections().into_iter().rfind(|pdus| !pdus.is_empty()).unwrap();
    assert_eq!(numbers(&last, 1), (0..30).collect::<Vec<_>>());
}

#[test]
fn a_connection_lost_with_some_acknowledged_costs_none_and_repeats_the_others_alone() {
    let lemf = Lemf::start(Conduct::AcknowledgeOnly(3));
    let running = Running::start(acknowledged(lemf.address));
    running.send(1, 35);
    eventually("closed", || running.hi2().disconnects >= 1);
    lemf.behave(Conduct::Acknowledge);
    running.send(1, 5);
    eventually("all acknowledged", || running.hi2().pdus_sent == 40);
    drop(running.sender);
    assert!(running.delivery.drain(PATIENTLY).is_complete());
    let connections: Vec<_> = lemf.connections().into_iter().filter(|pdus| !pdus.is_empty()).collect();
    // HI3 had no PDU. Whatever the first connection saw acknowledged does not come in the next.
    let second = numbers(&connections[1], 1);
    assert!(second[0] >= 20, "{second:?}");
    let mut all: Vec<u32> = numbers(&connections.concat(), 1);
    all.dedup();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

#[test]
fn an_lemf_that_declines_or_does_not_answer_gets_everything_all_the_same() {
    for (conduct, declined) in [(Conduct::Decline, true), (Conduct::Proper, false)] {
        let lemf = Lemf::start(conduct);
        let running = Running::start(acknowledged(lemf.address));
        running.send(1, 30);
        eventually("all of it", || lemf.received().len() == 30);
        eventually("TCP has acknowledged it", || running.hi2().pdus_sent == 30);
        let hi2 = running.hi2();
        assert_eq!((hi2.options_declined, hi2.options_unanswered), (declined.into(), (!declined).into()));
        assert_eq!((hi2.acknowledging, hi2.acknowledgements_asked, hi2.disconnects), (0, 0, 0));
        drop(running.sender);
        assert!(running.delivery.drain(PATIENTLY).is_complete());
    }
}

#[test]
fn a_restart_repeats_what_was_not_acknowledged_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let lemf = Lemf::start(Conduct::AcknowledgeOnly(2));
    let mut lea = spooled(folder.path(), lemf.address);
    // It is not called again before the process ends.
    lea.retry = Duration::from_secs(60);
    let running = Running::start(lea.clone());
    running.send(1, 60);
    eventually("some acknowledged", || running.hi2().disconnects >= 1);
    // Of those the state may not know yet; the position that is noted at every step does.
    let noted = || fs::read(folder.path().join("spool/lea-1/hi2/taken")).is_ok_and(|octets| !octets.starts_with(&[0]));
    eventually("noted", noted);
    thread::sleep(Duration::from_millis(50));
    let kept = folder.path().join("kept");
    copy(&folder.path().join("spool"), &kept);
    let taken = running.hi2().pdus_sent;
    drop(running);
    // As it was when the process was killed; the threads of that one may still be at its folder.
    lea.spool.as_mut().unwrap().folder = kept;

    let again = Lemf::start(Conduct::Acknowledge);
    lea.address = Some(again.address.to_string());
    let running = Running::start(lea);
    eventually("the rest", || running.hi2().spool_pdus == 0);
    drop(running.sender);
    let drained = running.delivery.drain(PATIENTLY);
    assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
    assert_eq!(numbers(&again.received(), 1).len() as u64, 60 - taken);
    assert_eq!(numbers(&again.received(), 1).last(), Some(&59));
}

#[test]
fn the_reference_receiver_acknowledges_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&folder.path().join("store"), "127.0.0.1:0", None);
    let running = Running::start(spooled(folder.path(), receiver.address));
    running.send(1, 500);
    eventually("all acknowledged", || running.hi2().spool_pdus == 0 && running.hi2().pdus_sent == 500);
    assert_eq!(running.hi2().acknowledging, 1);
    assert_eq!(numbers(&receiver.received(), 1), (0..500).collect::<Vec<_>>(), "it is in the store by then");
    drop(running.sender);
    assert!(running.delivery.drain(PATIENTLY).is_complete());
    let summary = receiver.stop();
    assert!(summary.acknowledgements > 0 && summary.is_clean() && summary.duplicates == 0, "{summary}");
}

/// Copies a folder and what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}
