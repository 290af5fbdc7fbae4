//! The built XDP program in the kernel, run on packets made by hand (BPF_PROG_TEST_RUN): no interface, no traffic.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod packets;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;

use aya::programs::{TestRun, TestRunOptions};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use writ_capture::afxdp::{AfxdpError, LetGoTotals, MailFilter, OtherTraffic, Trials, Verdict};
use writ_filter::{Class, class_of, flow, looked_at, ports};

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

/// The program, or `None` with a visible word where this process may not load it.
fn load(other_traffic: OtherTraffic) -> Option<MailFilter> {
    match MailFilter::load(&ports::MAIL, other_traffic) {
        Ok(filter) => Some(filter),
        Err(AfxdpError::Permission { .. }) => {
            println!("SKIPPED: loading an XDP program needs CAP_NET_ADMIN and CAP_BPF");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn run(filter: &mut MailFilter, frame: &[u8]) -> u32 {
    let options = TestRunOptions { data_in: Some(frame), ..TestRunOptions::default() };
    filter.program().unwrap().test_run(options).unwrap().return_value
}

/// Packets and octets so far with each verdict, over all queues.
fn totals(filter: &MailFilter) -> Vec<(Verdict, u64, u64)> {
    let counts = filter.verdicts(1).unwrap();
    let total = |verdict| {
        let of_it = counts.iter().filter(|count| count.verdict == verdict);
        of_it.fold((verdict, 0, 0), |(_, packets, octets), count| {
            (verdict, packets + count.packets, octets + count.octets)
        })
    };
    Verdict::ALL.into_iter().map(total).collect()
}

/// An AF_XDP socket that is bound to nothing: enough to be in the map.
#[expect(unsafe_code, reason = "a system call")]
fn unbound_socket() -> OwnedFd {
    // SAFETY: the call takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel just made it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

#[test]
fn verdicts_are_those_of_the_decision_table() {
    for (other_traffic, other_action, other_verdict) in
        [(OtherTraffic::Pass, XDP_PASS, Verdict::OtherPassed), (OtherTraffic::Drop, XDP_DROP, Verdict::OtherDropped)]
    {
        for has_socket in [false, true] {
            let Some(mut filter) = load(other_traffic) else { return };
            let socket = unbound_socket();
            if has_socket {
                filter.set_socket(0, &socket).unwrap();
            }
            let mut expected = totals(&filter);
            for case in packets::cases() {
                let (verdict, action) = match case.class {
                    Class::Mail | Class::Fragment if !has_socket => (Verdict::NoSocket, other_action),
                    Class::Mail => (Verdict::MailRedirected, XDP_REDIRECT),
                    Class::Fragment => (Verdict::FragmentRedirected, XDP_REDIRECT),
                    Class::Other => (other_verdict, other_action),
                    Class::Malformed => (Verdict::Malformed, other_action),
                    Class::TooDeep => (Verdict::TooDeep, other_action),
                };
                assert_eq!(run(&mut filter, &case.frame), action, "{}", case.name);
                for (counted, packets, octets) in &mut expected {
                    if *counted == verdict {
                        *packets += 1;
                        *octets += case.frame.len() as u64;
                    }
                }
                assert_eq!(totals(&filter), expected, "{}", case.name);
            }
        }
    }
}

#[test]
fn settings_change_while_the_program_runs() {
    let Some(mut filter) = load(OtherTraffic::Pass) else { return };
    let frame = |port| {
        let packet = packets::ipv4(packets::TCP, &[], 0, &packets::tcp(50_000, port, b""));
        packets::ethernet(&[], packets::ETHER_IPV4, &packet)
    };
    let socket = unbound_socket();
    filter.set_socket(0, &socket).unwrap();
    assert_eq!([run(&mut filter, &frame(25)), run(&mut filter, &frame(8025))], [XDP_REDIRECT, XDP_PASS]);
    filter.set_mail_ports(&[8025]).unwrap();
    assert_eq!([run(&mut filter, &frame(25)), run(&mut filter, &frame(8025))], [XDP_PASS, XDP_REDIRECT]);
    filter.set_other_traffic(OtherTraffic::Drop).unwrap();
    assert_eq!([run(&mut filter, &frame(25)), run(&mut filter, &frame(8025))], [XDP_DROP, XDP_REDIRECT]);
    assert!(matches!(filter.set_socket(128, &socket), Err(AfxdpError::Map { .. })));
}

#[test]
fn the_cost_of_a_packet_is_printed() {
    let Some(mut filter) = load(OtherTraffic::Drop) else { return };
    let socket = unbound_socket();
    filter.set_socket(0, &socket).unwrap();
    for name in ["ARP", "IPv4, another port", "IPv4, mail port as destination", "QinQ", "IPv6, every extension header"]
    {
        let case = packets::cases().into_iter().find(|case| case.name == name).unwrap();
        let options = TestRunOptions { data_in: Some(&case.frame), repeat: 1_000_000, ..TestRunOptions::default() };
        let result = filter.program().unwrap().test_run(options).unwrap();
        // The kernel gives the mean of all runs.
        println!("{name}: {} ns a packet", result.duration.as_nanos());
        assert!(result.duration.as_micros() < 10, "{name}: {:?}", result.duration);
    }
}

/// A segment of one connection, by its client or its server.
fn segment(from_client: bool, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = if from_client { (40_000, 993) } else { (993, 40_000) };
    let mut tcp = packets::tcp(source, destination, payload);
    tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
    tcp[13] = flags;
    let mut packet = packets::ipv4(packets::TCP, &[], 0, &tcp);
    if !from_client {
        packet.swap(15, 19);
    }
    packets::ethernet(&[], packets::ETHER_IPV4, &packet)
}

#[test]
fn a_connection_that_is_let_go_is_counted_until_its_end() {
    const ACK: u8 = 0x10;
    let mut trials = match Trials::new(&ports::MAIL, OtherTraffic::Drop) {
        Ok(trials) => trials,
        Err(AfxdpError::Permission { .. }) => return println!("SKIPPED: loading an XDP program needs CAP_BPF"),
        Err(error) => panic!("{error}"),
    };
    let table = trials.filter().let_go_table().unwrap();
    let set = ports::set_of(&ports::MAIL);
    let (_, mail) = looked_at(&segment(true, ACK, 1000, b"x")[..], &set);
    let key = flow::segment_of(&segment(true, ACK, 1000, b"x")[..], mail.ip, mail.tcp).unwrap().key;
    let mut action = |frame: Vec<u8>| trials.run(&frame, 1).unwrap().action;

    assert_eq!(action(segment(true, ACK, 1000, b"x")), XDP_REDIRECT);
    assert_eq!(table.take_back(&key).unwrap(), None);
    table.let_go(&key, (1001, 5000)).unwrap();
    let aside =
        [segment(true, ACK, 1001, &[7; 100]), segment(false, ACK, 5000, &[7; 900]), segment(true, ACK, 1101, b"")];
    let octets: u64 = aside.iter().map(|frame| frame.len() as u64).sum();
    for frame in aside {
        assert_eq!(action(frame), XDP_DROP);
    }
    // Another connection of the same hosts.
    let other = packets::ipv4(packets::TCP, &[], 0, &packets::tcp(40_001, 993, b""));
    assert_eq!(action(packets::ethernet(&[], packets::ETHER_IPV4, &other)), XDP_REDIRECT);
    // Somebody guesses: it goes on.
    let forged = segment(false, 0x04, 1 << 30, b"");
    let octets = octets + forged.len() as u64;
    assert_eq!(action(forged), XDP_DROP);
    // Its end, and all that follows.
    assert_eq!(action(segment(false, ACK | 1, 5900, b"")), XDP_REDIRECT);
    assert_eq!(action(segment(true, ACK, 1101, b"bye")), XDP_REDIRECT);
    assert_eq!(table.take_back(&key).unwrap(), Some(LetGoTotals { packets: 4, octets }));
    assert_eq!(table.take_back(&key).unwrap(), None);
    assert_eq!(action(segment(true, ACK, 1104, b"x")), XDP_REDIRECT);

    // Another connection between the same ports begins.
    table.let_go(&key, (1104, 5901)).unwrap();
    assert_eq!(action(segment(true, ACK, 1104, b"x")), XDP_DROP);
    assert_eq!(action(segment(true, 2, 77, b"")), XDP_REDIRECT);
    assert_eq!(action(segment(false, ACK, 5901, b"x")), XDP_REDIRECT);
    // Let go again, it begins anew.
    table.let_go(&key, (1105, 5902)).unwrap();
    assert_eq!(action(segment(false, ACK, 5902, b"x")), XDP_DROP);
    let counts = totals(trials.filter());
    let of = |verdict| counts.iter().find(|(counted, ..)| *counted == verdict).map(|(_, packets, _)| *packets);
    assert_eq!((of(Verdict::LetGo), of(Verdict::MailRedirected)), (Some(6), Some(7)));
}

/// As many as were asked for fit, and the kernel gives none of them up by itself, whichever processor they were put in from.
#[test]
fn a_full_table_loses_no_totals() {
    const MOST: u32 = 1_000;
    let filter = match MailFilter::load_sized(&ports::MAIL, OtherTraffic::Drop, MOST, false) {
        Ok(filter) => filter,
        Err(AfxdpError::Permission { .. }) => return println!("SKIPPED: loading an XDP program needs CAP_BPF"),
        Err(error) => panic!("{error}"),
    };
    let table = filter.let_go_table().unwrap();
    let key = |number: u32| [u64::from(number) << 32, 0, u64::from(number) << 33, 0, 25 << 16];
    std::thread::scope(|scope| {
        for half in 0..2 {
            let table = &table;
            scope.spawn(move || {
                (0..MOST)
                    .filter(|number| number % 2 == half)
                    .for_each(|number| table.let_go(&key(number), (1, 1)).unwrap())
            });
        }
    });
    assert!(table.is_full());
    for number in 0..MOST {
        assert_eq!(table.last_seen(&key(number)).unwrap(), Some(0), "{number}");
        assert_eq!(table.take_back(&key(number)).unwrap(), Some(LetGoTotals::default()), "{number}");
        assert!(!table.is_full());
    }
    assert_eq!(table.last_seen(&key(0)).unwrap(), None);
}

/// The kernel's copy of the filter and the host's say the same of good packets with some octets changed, and cut anywhere.
#[test]
fn the_kernel_decides_as_the_host_does() {
    let mut trials = match Trials::new(&ports::MAIL, OtherTraffic::Drop) {
        Ok(trials) => trials,
        Err(AfxdpError::Permission { .. }) => return println!("SKIPPED: loading an XDP program needs CAP_BPF"),
        Err(error) => panic!("{error}"),
    };
    let set = ports::set_of(&ports::MAIL);
    let cases = packets::cases();
    let mutated = (
        any::<prop::sample::Index>(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    );
    let config = ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() };
    let before = totals(trials.filter());
    let state = RefCell::new((trials, before, BTreeMap::new()));
    let outcome = TestRunner::new(config).run(&mutated, |(which, changes, cut)| {
        let mut frame = which.get(&cases).frame.clone();
        for (at, octet) in changes {
            // Most headers stand in the first octets.
            let end = frame.len().min(128);
            *at.get_mut(&mut frame[..end]) = octet;
        }
        // The kernel runs no program on less than an Ethernet header; half of the frames stay whole.
        frame.truncate(14 + cut.index(2 * (frame.len() - 13)));
        let verdict = match class_of(&frame[..], &set) {
            Class::Mail => Verdict::MailRedirected,
            Class::Fragment => Verdict::FragmentRedirected,
            Class::Other => Verdict::OtherDropped,
            Class::Malformed => Verdict::Malformed,
            Class::TooDeep => Verdict::TooDeep,
        };
        let (trials, expected, seen) = &mut *state.borrow_mut();
        *seen.entry(verdict.name()).or_insert(0) += 1;
        trials.run(&frame, 1).unwrap();
        for (counted, packets, octets) in expected.iter_mut() {
            if *counted == verdict {
                *packets += 1;
                *octets += frame.len() as u64;
            }
        }
        prop_assert_eq!(&totals(trials.filter()), &*expected);
        Ok(())
    });
    outcome.unwrap();
    let (.., seen) = state.into_inner();
    assert!(seen.len() == 5 && seen.values().all(|count| *count > 20), "{seen:?}");
}

#[test]
fn the_object_in_the_tree_was_built_from_its_sources() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf/build.sh");
    let check = Command::new(script).arg("--check-sources").output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
