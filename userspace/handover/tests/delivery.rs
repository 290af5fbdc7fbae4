//! The delivery core as the program uses it: records into queues at one end, an LEMF on loopback at the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use lemf::{Conduct, Lemf, eventually, mandate, messages, nowhere, numbers, record, settings};
use writ_etsi::{Payload, Profile, TriPayload, decode, pdu_length};
use writ_handover::agreement::AgreementSettings;
use writ_handover::cin::CinReserve;
use writ_handover::pdu::Interface;
use writ_handover::settings::{HandoverSettings, Numbering, ProfileSetting, SpoolSettings};
use writ_handover::{Delivery, DeliverySettings, Outlet, StartError, WhenFull};
use writ_intercept::record::{Body, Record};

/// What a callback gets.
type Seen = (String, Interface, Vec<u8>);

const PATIENTLY: Duration = Duration::from_secs(20);

fn queue() -> (Sender<Record>, Receiver<Record>) {
    bounded(1024)
}

fn start(outlets: Vec<Outlet>) -> (Sender<Record>, Delivery) {
    let (sender, receiver) = queue();
    (sender, Delivery::start(DeliverySettings::default(), outlets, vec![receiver]).unwrap())
}

#[test]
fn records_of_every_worker_arrive_in_order_and_drain_waits_for_all() {
    let lemf = Lemf::start(Conduct::Proper);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| queue()).unzip();
    let outlets = vec![Outlet::network(settings("lea-1", lemf.address))];
    let delivery = Delivery::start(DeliverySettings::default(), outlets, receivers).unwrap();
    let workers: Vec<_> = senders
        .into_iter()
        .zip(1..)
        .map(|(sender, cin)| {
            thread::spawn(move || {
                let mandate = mandate(0);
                (0..5000).for_each(|_| sender.send(record(&mandate, cin, 200)).unwrap());
                sender.send(Record { body: Body::Closed, ..record(&mandate, cin, 0) }).unwrap();
            })
        })
        .collect();
    let counters = delivery.counters();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert!(delivery.drain(PATIENTLY).is_complete());
    let received = lemf.received();
    assert_eq!(received.len(), 20_000);
    for cin in 1..=4 {
        assert!(numbers(&received, cin).into_iter().eq(0..5000), "CIN {cin}");
    }
    let counts = counters.snapshot();
    assert_eq!((counts.core.records, counts.core.sequences, counts.core.encode_errors), (20_004, 0, 0));
    let hi2 = counts.lemfs[0].of(Interface::Hi2);
    assert_eq!((hi2.iri, hi2.pdus_sent, hi2.octets_sent), (20_000, 20_000, hi2.octets));
    assert_eq!((hi2.connects, hi2.disconnects, hi2.connected, hi2.buffered_pdus), (1, 1, 0, 0));
    assert_eq!(counts.latency.count(), 20_000);
}

#[test]
fn each_interface_has_its_own_connection_from_the_start() {
    let (hi2, hi3) = (Lemf::start(Conduct::Proper), Lemf::start(Conduct::Proper));
    let mut lea = settings("lea-1", hi2.address);
    lea.hi3 = Some(hi3.address.to_string());
    let (_sender, delivery) = start(vec![Outlet::network(lea)]);
    eventually("both are connected before any record", || hi2.connections().len() == 1 && hi3.connections().len() == 1);
    drop(delivery);
}

#[test]
fn a_connection_that_is_lost_comes_back_and_the_rest_arrives() {
    let lemf = Lemf::start(Conduct::CloseAfter(100));
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    let mandate = mandate(0);
    for _ in 0..100 {
        sender.send(record(&mandate, 1, 0)).unwrap();
    }
    eventually("the first hundred", || lemf.received().len() == 100);
    lemf.behave(Conduct::Proper);
    let counters = delivery.counters();
    eventually("the loss is seen", || counters.snapshot().lemfs[0].hi2.connects >= 2);
    for _ in 0..100 {
        sender.send(record(&mandate, 1, 0)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    assert!(numbers(&lemf.received(), 1).into_iter().eq(0..200));
}

#[test]
fn a_connection_that_breaks_under_load_loses_nothing() {
    let lemf = Lemf::start(Conduct::CloseAfter(10));
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    let counters = delivery.counters();
    eventually("both interfaces are connected", || lemf.connections().len() == 2);
    lemf.behave(Conduct::Proper);
    let mandate = mandate(0);
    for number in 0..400 {
        sender.send(record(&mandate, 1, 100_000)).unwrap();
        if number == 50 {
            eventually("a connection is lost", || counters.snapshot().lemfs[0].hi2.connects >= 2);
        }
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    // A connection never begins within a PDU (the LEMF would fail to decode), never beyond what the one before it
    // brought, and goes on without a gap.
    let connections: Vec<_> =
        lemf.connections().iter().map(|pdus| numbers(pdus, 1)).filter(|pdus| !pdus.is_empty()).collect();
    assert!(connections.len() >= 2);
    for pair in connections.windows(2) {
        assert!(pair[1][0] <= pair[0][pair[0].len() - 1] + 1, "lost between {:?} and {:?}", pair[0], pair[1]);
    }
    for pdus in &connections {
        assert!(pdus.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    }
    assert_eq!(connections.last().unwrap().last(), Some(&399));
    let hi2 = counters.snapshot().lemfs[0].hi2;
    assert_eq!((hi2.pdus_sent - hi2.pdus_returned, hi2.pdus_unconfirmed), (400, 0));
}

#[test]
fn what_an_lemf_never_acknowledges_is_not_delivered() {
    let lemf = Lemf::start(Conduct::Deaf);
    let (sender, delivery) = start(vec![Outlet::network(settings("deaf", lemf.address))]);
    let counters = delivery.counters();
    for _ in 0..20 {
        sender.send(record(&mandate(0), 1, 1_000_000)).unwrap();
    }
    drop(sender);
    let drained = delivery.drain(Duration::from_secs(1));
    let hi2 = counters.snapshot().lemfs[0].hi2;
    let left = drained.undelivered[0].pdus;
    assert!(left > 0 && left + hi2.pdus_sent - hi2.pdus_returned == 20, "{left} left, {hi2:?}");
}

#[test]
fn an_lemf_that_resets_at_the_end_gets_all_of_it_again() {
    let lemf = Lemf::start(Conduct::CloseAfter(3));
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    let counters = delivery.counters();
    eventually("both interfaces are connected", || lemf.connections().len() == 2);
    lemf.behave(Conduct::Proper);
    for _ in 0..100 {
        sender.send(record(&mandate(0), 1, 0)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    let mut received = numbers(&lemf.received(), 1);
    received.sort_unstable();
    received.dedup();
    assert!(received.into_iter().eq(0..100));
    assert_eq!(counters.snapshot().lemfs[0].hi2.pdus_unconfirmed, 0);
}

#[test]
fn an_lemf_that_resets_again_and_again_gets_all_of_it() {
    let lemf = Lemf::start(Conduct::CloseAfter(3));
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    for _ in 0..40 {
        sender.send(record(&mandate(0), 1, 0)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    let mut received = numbers(&lemf.received(), 1);
    received.sort_unstable();
    received.dedup();
    assert!(received.into_iter().eq(0..40), "each connection takes three and throws the others away");
}

#[test]
fn what_an_lemf_fails_on_is_given_up_alone() {
    let lemf = Lemf::start(Conduct::FailAt(20));
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    let counters = delivery.counters();
    for _ in 0..40 {
        sender.send(record(&mandate(0), 1, 0)).unwrap();
    }
    drop(sender);
    let drained = delivery.drain(PATIENTLY);
    let mut received = numbers(&lemf.received(), 1);
    received.sort_unstable();
    received.dedup();
    assert!(received.into_iter().eq((0..40).filter(|number| *number != 20)));
    assert_eq!((drained.unconfirmed, counters.snapshot().lemfs[0].hi2.pdus_unconfirmed), (1, 1));
    assert!(!drained.is_complete());
}

#[test]
fn an_idle_connection_is_kept_alive_and_a_mute_lemf_is_called_anew() {
    let (proper, mute) = (Lemf::start(Conduct::Proper), Lemf::start(Conduct::Mute));
    let outlets =
        vec![Outlet::network(settings("proper", proper.address)), Outlet::network(settings("mute", mute.address))];
    let (_sender, delivery) = start(outlets);
    let counters = delivery.counters();
    eventually("two rounds", || {
        let counts = counters.snapshot();
        counts.lemfs[0].hi3.keep_alives_answered >= 2 && counts.lemfs[1].hi3.keep_alives_missed >= 2
    });
    let counts = counters.snapshot();
    assert_eq!((counts.lemfs[0].hi3.connects, counts.lemfs[0].hi3.disconnects), (1, 0));
    assert!(counts.lemfs[1].hi3.connects >= 2 && counts.lemfs[1].hi3.keep_alives_late >= 2);
    assert_eq!(counts.lemfs[1].hi3.keep_alives_answered, 0);
    assert!(proper.received().is_empty(), "a keep-alive is all that went");
}

#[test]
fn a_full_buffer_is_counted_and_told_when_the_lemf_is_back() {
    let address = nowhere();
    let mut lea = settings("lea-1", address);
    lea.buffer = 1 << 20;
    let (sender, delivery) = start(vec![Outlet::network(lea)]);
    let counters = delivery.counters();
    let mandate = mandate(0);
    for _ in 0..100 {
        sender.send(record(&mandate, 1, 20_000)).unwrap();
    }
    eventually("all is taken in", || counters.snapshot().lemfs[0].hi2.iri == 100);
    let counts = counters.snapshot().lemfs[0].hi2;
    assert!(counts.connect_failures > 0 && counts.connected == 0);
    assert_eq!((counts.full_episodes, counts.dropped_pdus + counts.buffered_pdus), (1, 100));
    assert!(counts.dropped_pdus > 40 && counts.buffered_octets < 1 << 20);

    let lemf = Lemf::listen(std::net::TcpListener::bind(address).unwrap(), Conduct::Proper);
    eventually("the buffer empties", || counters.snapshot().lemfs[0].hi2.buffered_pdus == 0);
    sender.send(record(&mandate, 1, 0)).unwrap();
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    let received = lemf.received();
    let numbers = numbers(&received, 1);
    assert_eq!(numbers.len() as u64, 101 - counts.dropped_pdus);
    assert_eq!(numbers.last(), Some(&100), "what was dropped had a number: the LEMF sees the gap");
    let told = messages(&received);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(&format!("{} PDUs", counts.dropped_pdus)), "{}", told[0]);
}

#[test]
fn a_dead_and_a_deaf_lemf_delay_no_other() {
    let (deaf, proper) = (Lemf::start(Conduct::Deaf), Lemf::start(Conduct::Proper));
    let outlets = vec![
        Outlet::network(settings("dead", nowhere())),
        Outlet::network(settings("deaf", deaf.address)),
        Outlet::network(settings("proper", proper.address)),
    ];
    let (sender, delivery) = start(outlets);
    let start = Instant::now();
    for lemf in [0, 1, 2].repeat(200) {
        sender.send(record(&mandate(lemf), 1, 50_000)).unwrap();
    }
    eventually("the proper one has all", || proper.received().len() == 200);
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(sender);
    let drained = delivery.drain(Duration::from_millis(300));
    let left =
        |name: &str| drained.undelivered.iter().filter(|left| left.lemf == name).map(|left| left.pdus).sum::<u64>();
    assert_eq!((left("dead"), left("proper")), (200, 0));
    assert!(left("deaf") > 0 && left("deaf") <= 200);
}

#[test]
fn a_slow_lemf_gets_all_of_it() {
    let lemf = Lemf::start(Conduct::Slow(Duration::from_millis(2)));
    let (sender, delivery) = start(vec![Outlet::network(settings("slow", lemf.address))]);
    let mandate = mandate(0);
    for _ in 0..300 {
        sender.send(record(&mandate, 1, 50_000)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    eventually("it reads on", || lemf.received().len() >= 300);
    assert!(numbers(&lemf.received(), 1).into_iter().eq(0..300));
}

#[test]
fn a_replay_waits_for_the_lemf_rather_than_drop() {
    let lemf = Lemf::start(Conduct::Slow(Duration::from_millis(1)));
    let mut lea = settings("slow", lemf.address);
    lea.buffer = 1 << 20;
    let (sender, receiver) = bounded(16);
    let settings = DeliverySettings { when_full: WhenFull::Wait, ..DeliverySettings::default() };
    let delivery = Delivery::start(settings, vec![Outlet::network(lea)], vec![receiver]).unwrap();
    let counters = delivery.counters();
    let mandate = mandate(0);
    for _ in 0..200 {
        sender.send(record(&mandate, 1, 100_000)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    assert_eq!(counters.snapshot().lemfs[0].hi2.dropped_pdus, 0);
    eventually("it reads on", || lemf.received().len() >= 200);
    assert!(numbers(&lemf.received(), 1).into_iter().eq(0..200));
}

#[test]
fn drain_ends_in_time_though_workers_hold_on_and_the_lemf_is_away() {
    let (sender, delivery) = start(vec![Outlet::network(settings("dead", nowhere()))]);
    for _ in 0..10 {
        sender.send(record(&mandate(0), 1, 0)).unwrap();
    }
    let start = Instant::now();
    let drained = delivery.drain(Duration::from_millis(500));
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!((drained.records, drained.undelivered[0].pdus), (0, 10));
    assert!(sender.send(record(&mandate(0), 1, 0)).is_err(), "the queue has no reader any more");
}

#[test]
fn an_lemf_that_babbles_is_cut_off_and_served_once_it_behaves() {
    let lemf = Lemf::start(Conduct::Babble);
    let (sender, delivery) = start(vec![Outlet::network(settings("lea-1", lemf.address))]);
    let counters = delivery.counters();
    eventually("it is cut off", || counters.snapshot().lemfs[0].hi2.protocol_errors >= 3);
    lemf.behave(Conduct::Proper);
    // At once, then at the interval: it is not called in a busy loop.
    assert!(counters.snapshot().lemfs[0].hi2.connects < 1000);
    eventually("it is back", || counters.snapshot().lemfs[0].hi2.keep_alives_answered > 0);
    sender.send(record(&mandate(0), 1, 0)).unwrap();
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    assert_eq!(numbers(&lemf.received(), 1), [0]);
}

#[test]
fn lemfs_share_a_file_and_the_program_sees_what_a_callback_gets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.etsi");
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let callback = {
        let seen = Arc::clone(&seen);
        Arc::new(move |lemf: &str, interface, octets: &[u8]| {
            seen.lock().unwrap().push((lemf.to_owned(), interface, octets.to_vec()));
        })
    };
    let (sender, delivery) = start(vec![
        Outlet::file("lea-1", ProfileSetting::Current, &path),
        Outlet::file("lea-2", ProfileSetting::V331, &path),
        Outlet::callback("lea-3", ProfileSetting::Current, callback),
    ]);
    let counters = delivery.counters();
    for lemf in [0, 1, 2, 3, usize::MAX].repeat(10) {
        sender.send(record(&mandate(lemf), 1, 0)).unwrap();
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());

    let octets = std::fs::read(&path).unwrap();
    let (mut rest, mut versions) = (&octets[..], Vec::new());
    while !rest.is_empty() {
        let (pdu, after) = rest.split_at(pdu_length(rest).unwrap().unwrap());
        let pdu = decode(pdu).unwrap();
        versions.push((pdu.ps_header.li_ps_domain_id[7], pdu.ps_header.sequence_number));
        rest = after;
    }
    assert_eq!(versions, (0..10).flat_map(|number| [(43, number), (14, number)]).collect::<Vec<_>>());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 10);
    assert!(
        seen.iter()
            .all(|(lemf, interface, octets)| lemf == "lea-3" && *interface == Interface::Hi2 && decode(octets).is_ok())
    );
    assert_eq!(counters.snapshot().core.unrouted, 20);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "what was intercepted is its owner's alone");
}

#[test]
fn a_first_start_resets_cins_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("cin");
    let mut seen = Vec::new();
    for run in 0..3 {
        let lemf = Lemf::start(Conduct::Proper);
        let reserve = CinReserve::open(&state).unwrap();
        let cins = reserve.allocator();
        let settings = DeliverySettings { cin_reserve: Some(reserve), ..DeliverySettings::default() };
        let (sender, receiver) = queue();
        let outlets = vec![Outlet::network(self::settings("lea-1", lemf.address))];
        let delivery = Delivery::start(settings, outlets, vec![receiver]).unwrap();
        for _ in 0..5 {
            let cin = cins.allocate().0;
            assert!(!seen.contains(&cin));
            seen.push(cin);
            sender.send(record(&mandate(0), cin, 0)).unwrap();
        }
        drop(sender);
        assert!(delivery.drain(PATIENTLY).is_complete());
        let reset = |pdu: &writ_etsi::PsPdu| matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset));
        let connections = lemf.connections();
        let resets = connections.iter().filter(|pdus| pdus.first().is_some_and(reset)).count();
        assert_eq!(resets, if run == 0 { 2 } else { 0 }, "first on both interfaces, or not at all");
        assert_eq!(lemf.received().iter().filter(|pdu| reset(pdu)).count(), resets);
    }
}

#[test]
fn numbers_along_an_liid_that_begin_anew_are_told_after_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    for (numbering, is_spooled, resets, begins) in [
        (Numbering::PerLiid, false, [2, 2], 0),
        // The count goes on, and CINs do.
        (Numbering::PerLiid, true, [2, 0], 1),
        (Numbering::PerCin, false, [2, 0], 0),
    ] {
        let folder = folder.path().join(format!("{numbering:?}{is_spooled}"));
        std::fs::create_dir(&folder).unwrap();
        let mut cins_seen = Vec::new();
        for resets in resets {
            let lemf = Lemf::start(Conduct::Proper);
            let reserve = CinReserve::open(folder.join("cin")).unwrap();
            let cins = reserve.allocator();
            let handover = HandoverSettings { sequence_numbers: numbering, ..HandoverSettings::default() };
            let settings = DeliverySettings { handover, cin_reserve: Some(reserve), ..DeliverySettings::default() };
            let mut lea = self::settings("lea-1", lemf.address);
            lea.spool = is_spooled.then(|| SpoolSettings::at(folder.join("spool"), &key));
            let (sender, receiver) = queue();
            let delivery = Delivery::start(settings, vec![Outlet::network(lea)], vec![receiver]).unwrap();
            let cin = cins.allocate().0;
            assert!(!cins_seen.contains(&cin));
            cins_seen.push(cin);
            sender.send(record(&mandate(0), cin, 0)).unwrap();
            drop(sender);
            assert!(delivery.drain(PATIENTLY).is_complete());
            let reset = |pdu: &writ_etsi::PsPdu| matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset));
            let pdus = lemf.received();
            assert_eq!(pdus.iter().filter(|pdu| reset(pdu)).count(), resets, "{numbering:?} {is_spooled}");
            let number = |pdu: &writ_etsi::PsPdu| {
                let of_communication = pdu.ps_header.communication_identifier.communication_identity_number.is_some();
                of_communication.then_some(pdu.ps_header.sequence_number)
            };
            let begins = if cins_seen.len() == 1 { 0 } else { begins };
            assert_eq!(pdus.iter().find_map(number), Some(begins), "{numbering:?} {is_spooled}");
        }
    }
}

#[test]
fn when_all_cins_are_used_numbering_begins_anew_and_lemfs_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("cin");
    std::fs::write(&state, format!("writ-cin 1 {}\n", u32::MAX - 2)).unwrap();
    let lemf = Lemf::start(Conduct::Proper);
    let reserve = CinReserve::open(&state).unwrap();
    let cins = reserve.allocator();
    let settings = DeliverySettings { cin_reserve: Some(reserve), ..DeliverySettings::default() };
    let (sender, receiver) = queue();
    let outlets = vec![Outlet::network(self::settings("lea-1", lemf.address))];
    let delivery = Delivery::start(settings, outlets, vec![receiver]).unwrap();
    let counters = delivery.counters();
    for (sent, expected) in [u32::MAX - 1, u32::MAX, 1, 2].into_iter().enumerate() {
        let cin = cins.allocate().0;
        assert_eq!(cin, expected);
        sender.send(record(&mandate(0), cin, 0)).unwrap();
        eventually("it left", || counters.snapshot().lemfs[0].hi2.pdus_sent > sent as u64);
    }
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    let hi2: Vec<_> = lemf.connections().into_iter().find(|pdus| pdus.len() > 1).unwrap();
    let order: Vec<_> =
        hi2.iter().map(|pdu| pdu.ps_header.communication_identifier.communication_identity_number).collect();
    // The number after the last is not 0, and the message that tells of it (without a CIN) comes before 1 does.
    assert_eq!(order.len(), 5);
    let reset = order.iter().position(Option::is_none).unwrap();
    assert!(matches!(hi2[reset].payload, Payload::TriPayload(TriPayload::CinReset)));
    assert_eq!(order[reset + 1], Some(1));
}

#[test]
fn what_cannot_work_is_told_at_the_start() {
    let (_sender, receiver) = queue();
    let settings = DeliverySettings {
        handover: HandoverSettings { operator_identifier: String::new(), ..HandoverSettings::default() },
        ..DeliverySettings::default()
    };
    let outlets = vec![Outlet::network(lemf::settings("lea-1", nowhere()))];
    let refused = Delivery::start(settings, outlets, vec![receiver.clone()]);
    assert!(matches!(refused, Err(StartError::Settings(_))));
    let outlets = vec![Outlet::file("lea-1", ProfileSetting::Current, "/nonexistent/out.etsi")];
    let refused = Delivery::start(DeliverySettings::default(), outlets, vec![receiver]);
    assert!(matches!(refused, Err(StartError::File { .. })));
}

#[test]
fn what_waits_for_others_and_checks_go_when_their_time_is_up_though_nothing_comes() {
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let callback = {
        let seen = Arc::clone(&seen);
        Arc::new(move |_: &str, _: Interface, octets: &[u8]| seen.lock().unwrap().push(octets.to_vec()))
    };
    let agreed: AgreementSettings =
        toml::from_str("lemf = \"lea-1\"\naggregate.delay = 0.2\nintegrity.hash_quiet = 0.3").unwrap();
    let agreement = agreed.open(Profile::Current).unwrap();
    let (sender, delivery) =
        start(vec![Outlet::callback("lea-1", ProfileSetting::Current, callback).agreed(agreement)]);
    let mandate = mandate(0);
    let begun = Instant::now();
    (0..3).for_each(|_| sender.send(record(&mandate, 1, 0)).unwrap());
    eventually("the records go together", || !seen.lock().unwrap().is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(200));
    eventually("and the hash after them", || seen.lock().unwrap().len() == 2);
    assert!(begun.elapsed() >= Duration::from_millis(500));
    let pdus: Vec<_> = seen.lock().unwrap().iter().map(|octets| decode(octets).unwrap()).collect();
    assert!(matches!(&pdus[0].payload, Payload::IriPayloadSequence(records) if records.len() == 3));
    assert!(matches!(&pdus[1].payload, Payload::TriPayload(TriPayload::IntegrityCheck(_))));
    // What still waits goes when delivery ends.
    sender.send(record(&mandate, 1, 0)).unwrap();
    drop(sender);
    assert!(delivery.drain(PATIENTLY).is_complete());
    assert_eq!(seen.lock().unwrap().len(), 4);
}
