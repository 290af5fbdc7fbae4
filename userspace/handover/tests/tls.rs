//! TLS towards the reference receiver: who gets PDUs and who does not, and that none is lost by it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;
mod pki;
mod receiver;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use lemf::{eventually, mandate, numbers, record, settings};
use pki::{Authority, Pair, tls};
use receiver::{Receiver, Way, stored};
use tempfile::TempDir;
use writ_handover::settings::TlsSettings;
use writ_handover::{Delivery, DeliverySettings, LinkSnapshot, Outlet};
use writ_intercept::record::Record;
use writ_lemf::ServerTls;

const PATIENTLY: Duration = Duration::from_secs(20);

/// The files of both ends, and a receiver that serves with them.
struct Ends {
    folder: TempDir,
    authority: Authority,
    tls: TlsSettings,
    receiver: Receiver,
}

impl Ends {
    fn start() -> Self {
        Self::serving(|authority, folder| authority.issue(folder, "lemf", "lemf.example"), false)
    }

    /// With another certificate of the receiver.
    fn serving(certificate: impl Fn(&Authority, &Path) -> Pair, tls12_alone: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("authority");
        let ca = authority.write(&folder.path().join("ca.pem"));
        let pair = certificate(&authority, folder.path());
        let server = ServerTls::read(&pair.certificate, &pair.key, &ca, tls12_alone).unwrap();
        let receiver = Receiver::start(&folder.path().join("store"), "127.0.0.1:0", Some(server));
        let tls = tls(&ca, &authority.issue(folder.path(), "writ", "writ.example"));
        Self { folder, authority, tls, receiver }
    }

    /// Delivery of so many records over TLS with these settings.
    fn deliver(&self, tls: TlsSettings, records: usize) -> Delivering {
        Delivering::start(self.receiver.address, tls, records)
    }

    /// That nothing of the records leaves, for the counted reason.
    fn nothing_goes(self, tls: TlsSettings, kind: &str, count: impl Fn(&LinkSnapshot) -> u64) {
        let delivering = self.deliver(tls, 10);
        eventually(kind, || count(&delivering.hi2()) >= 3);
        let hi2 = delivering.hi2();
        assert_eq!((hi2.connected, hi2.pdus_sent, hi2.pdus_unconfirmed), (0, 0, 0));
        let kinds = [hi2.tls_files, hi2.tls_certificate, hi2.tls_refused, hi2.tls_protocol];
        assert_eq!(kinds.iter().filter(|count| **count > 0).count(), 1, "{kind} alone: {kinds:?}");
        let Delivering { delivery, sender } = delivering;
        drop(sender);
        let left = delivery.drain(Duration::from_secs(1)).undelivered;
        assert_eq!(left[0].pdus, 10, "all is held still");
        assert!(self.receiver.received().is_empty());
        assert_eq!(self.receiver.stop().pdus, 0);
    }
}

struct Delivering {
    sender: Sender<Record>,
    delivery: Delivery,
}

impl Delivering {
    fn start(address: std::net::SocketAddr, tls: TlsSettings, records: usize) -> Self {
        let (sender, receiver) = bounded(100_000);
        let mut lea = settings("lea-1", address);
        lea.tls = Some(tls);
        let outlets = vec![Outlet::network(lea)];
        let delivery = Delivery::start(DeliverySettings::default(), outlets, vec![receiver]).unwrap();
        let delivering = Self { sender, delivery };
        delivering.send(records);
        delivering
    }

    fn send(&self, records: usize) {
        let mandate = mandate(0);
        (0..records).for_each(|_| self.sender.send(record(&mandate, 1, 1000)).unwrap());
    }

    fn hi2(&self) -> LinkSnapshot {
        self.delivery.counters().snapshot().lemfs[0].hi2
    }

    fn finish(self) {
        drop(self.sender);
        let drained = self.delivery.drain(PATIENTLY);
        assert!(drained.is_complete(), "{drained:?}");
    }
}

#[test]
fn everything_arrives_where_both_certificates_are_right() {
    let ends = Ends::start();
    let delivering = ends.deliver(ends.tls.clone(), 5000);
    eventually("it is connected", || delivering.hi2().connected == 1);
    let counters = delivering.delivery.counters();
    delivering.finish();
    let hi2 = counters.snapshot().lemfs[0].hi2;
    assert_eq!((hi2.pdus_sent, hi2.pdus_returned, hi2.connects, hi2.disconnects), (5000, 0, 1, 1));
    assert!(hi2.keep_alives_answered >= 1, "PDUs wait for the answer to a first keep-alive");
    let summary = ends.receiver.stop();
    assert_eq!((summary.pdus, summary.duplicates, summary.connections_broken), (5000, 0, 0));
    assert!(numbers(&stored(&ends.folder.path().join("store")), 1).into_iter().eq(0..5000));
}

#[test]
fn a_certificate_for_another_name_gets_nothing() {
    let ends = Ends::serving(|authority, folder| authority.issue(folder, "lemf", "other.example"), false);
    let tls = ends.tls.clone();
    ends.nothing_goes(tls, "wrong name", |hi2| hi2.tls_certificate);
}

#[test]
fn a_certificate_that_somebody_else_signed_gets_nothing() {
    let ends = Ends::serving(|_, folder| Authority::new("stranger").issue(folder, "lemf", "lemf.example"), false);
    let tls = ends.tls.clone();
    ends.nothing_goes(tls, "wrong CA", |hi2| hi2.tls_certificate);
}

#[test]
fn an_expired_certificate_gets_nothing() {
    let ends = Ends::serving(|authority, folder| authority.issue_expired(folder, "lemf", "lemf.example"), false);
    let tls = ends.tls.clone();
    ends.nothing_goes(tls, "expired", |hi2| hi2.tls_certificate);
}

#[test]
fn an_lemf_that_refuses_our_certificate_costs_no_pdu() {
    let ends = Ends::start();
    let own = Authority::new("stranger").issue(ends.folder.path(), "strange", "writ.example");
    let tls = tls(&ends.tls.ca, &own);
    // With TLS 1.3 the connection is open at our end before the LEMF has said no.
    ends.nothing_goes(tls, "refused", |hi2| hi2.tls_refused);
}

#[test]
fn an_lemf_without_tls_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = authority.write(&folder.path().join("ca.pem"));
    let tls = tls(&ca, &authority.issue(folder.path(), "writ", "writ.example"));
    let receiver = Receiver::start(&folder.path().join("store"), "127.0.0.1:0", None);
    let delivering = Delivering::start(receiver.address, tls, 10);
    eventually("attempts fail", || delivering.hi2().connect_failures >= 3);
    assert_eq!((delivering.hi2().octets_sent, receiver.stop().pdus), (0, 0));
}

#[test]
fn a_sender_without_tls_is_refused_by_the_receiver() {
    let ends = Ends::start();
    let (sender, queue) = bounded(10);
    let outlets = vec![Outlet::network(settings("lea-1", ends.receiver.address))];
    let delivery = Delivery::start(DeliverySettings::default(), outlets, vec![queue]).unwrap();
    sender.send(record(&mandate(0), 1, 100)).unwrap();
    drop(sender);
    delivery.drain(Duration::from_secs(1));
    let summary = ends.receiver.stop();
    assert!(summary.pdus == 0 && summary.connections_broken > 0);
}

#[test]
fn tls_1_2_is_a_setting() {
    let old = || Ends::serving(|authority, folder| authority.issue(folder, "lemf", "lemf.example"), true);
    let ends = old();
    let tls = ends.tls.clone();
    ends.nothing_goes(tls, "no TLS 1.3", |hi2| hi2.tls_protocol);
    let ends = old();
    let delivering = ends.deliver(TlsSettings { allow_tls12: true, ..ends.tls.clone() }, 100);
    delivering.finish();
    assert_eq!(ends.receiver.stop().pdus, 100);
}

#[test]
fn a_certificate_is_renewed_without_a_restart() {
    let ends = Ends::start();
    // Ours has expired: the LEMF refuses it.
    ends.authority.issue_expired(ends.folder.path(), "writ", "writ.example");
    let delivering = ends.deliver(ends.tls.clone(), 10);
    eventually("it is refused", || delivering.hi2().tls_refused >= 1);
    // In the middle of a renewal the key is of another certificate.
    std::fs::remove_file(&ends.tls.key).unwrap();
    eventually("the files cannot be used", || delivering.hi2().tls_files >= 1);
    assert_eq!(delivering.hi2().pdus_sent, 0);
    ends.authority.issue(ends.folder.path(), "writ", "writ.example");
    eventually("it is accepted", || delivering.hi2().pdus_sent == 10);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hi2 = delivering.hi2();
    assert!(hi2.tls_own_expiry > now && hi2.tls_lemf_expiry > now, "{hi2:?}");
    delivering.finish();
    ends.receiver.stop();
    assert!(numbers(&stored(&ends.folder.path().join("store")), 1).into_iter().eq(0..10));
}

#[test]
fn a_reset_in_the_middle_of_the_stream_loses_nothing() {
    let ends = Ends::start();
    let way = Way::to(ends.receiver.address);
    way.budget.store(1_000_000, Ordering::SeqCst);
    let delivering = Delivering::start(way.address, ends.tls.clone(), 0);
    for _ in 0..50 {
        delivering.send(200);
        thread::sleep(Duration::from_millis(10));
    }
    eventually("connections are reset", || delivering.hi2().disconnects >= 3);
    way.budget.store(0, Ordering::SeqCst);
    let counters = delivering.delivery.counters();
    drop(delivering.sender);
    let drained = delivering.delivery.drain(PATIENTLY);
    assert!(drained.undelivered.is_empty(), "{drained:?}");
    ends.receiver.stop();
    let mut got = numbers(&stored(&ends.folder.path().join("store")), 1);
    got.sort_unstable();
    got.dedup();
    assert!(got.into_iter().eq(0..10_000), "each came at least once");
    let hi2 = counters.snapshot().lemfs[0].hi2;
    assert!(hi2.pdus_returned > 0 && hi2.pdus_sent >= 10_000, "{hi2:?}");
}
