use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;
use writ_wire::Time;

use super::super::key::{SpoolKey, some_key};
use super::*;
use crate::pdu::Kind;

const LIMIT: u64 = 1 << 20;

fn pdu(mark: u64, octets: usize) -> Pdu {
    let mut content = mark.to_le_bytes().to_vec();
    content.resize(octets.max(8), b'x');
    Pdu {
        interface: Interface::Hi3,
        kind: Kind::Cc,
        time: Time::from_nanos(mark),
        octets: content.into(),
        checked: None,
    }
}

fn open_from(folder: &TempDir, released: u64) -> (Log, Recovered) {
    Log::open(folder.path(), Interface::Hi3, some_key(), LIMIT, released).unwrap()
}

/// Everything from where it is read on: the marks of PDUs, and how many are missing.
fn rest(log: &mut Log) -> (Vec<u64>, u64) {
    let (mut marks, mut missing) = (Vec::new(), 0);
    while let Some(next) = log.read().unwrap() {
        match next {
            Next::Pdu(pdu) => {
                let mark = u64::from_le_bytes(pdu.octets[..8].try_into().unwrap());
                assert_eq!((pdu.time, pdu.kind), (Time::from_nanos(mark), Kind::Cc));
                marks.push(mark);
            }
            Next::GivenUp => panic!("nothing was"),
            Next::Unreadable(pdus) => missing += pdus,
        }
    }
    (marks, missing)
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "segment"));
    files.sort();
    files
}

#[test]
fn what_is_appended_is_read_in_order_now_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    for batch in 0..40 {
        log.append(&(0..10).map(|at| pdu(batch * 10 + at, 1000)).collect::<Vec<_>>()).unwrap();
    }
    assert!(files(&folder).len() >= 5, "in several segments");
    assert_eq!(rest(&mut log), ((0..400).collect(), 0));
    drop(log);
    let (mut log, recovered) = open_from(&folder, 123);
    assert_eq!((recovered, log.position(), log.next()), (Recovered::default(), 123, 400));
    log.append(&[pdu(400, 10)]).unwrap();
    assert_eq!(rest(&mut log), ((123..401).collect(), 0));
    log.release(401).unwrap();
    assert_eq!(files(&folder).len(), 1, "the one that is written stays");
}

#[test]
fn what_went_on_at_once_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    for round in 0..300_u64 {
        assert!(log.is_read());
        let batch: Vec<_> = (0..4).map(|at| pdu(round * 4 + at, 500)).collect();
        log.append(&batch).unwrap();
        if round % 7 < 5 {
            log.skip(2, &batch[2..]);
        }
        let from = round * 4 + if round % 7 < 5 { 2 } else { 0 };
        assert_eq!(rest(&mut log), ((from..round * 4 + 4).collect(), 0));
    }
}

#[test]
fn nothing_of_it_can_be_read_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    log.append(&[pdu(1, 100)]).unwrap();
    drop(log);
    let octets = fs::read(&files(&folder)[0]).unwrap();
    assert!(!octets.windows(4).any(|window| window == b"xxxx"));
    let file = folder.path().join("other");
    fs::write(&file, "11".repeat(32)).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let other = SpoolKey::read(&file).unwrap();
    let refused = Log::open(folder.path(), Interface::Hi3, other, LIMIT, 0);
    assert!(matches!(refused, Err(SpoolError::Key { .. })));
}

#[test]
fn two_processes_cannot_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, _) = open_from(&folder, 0);
    let second = Log::open(folder.path(), Interface::Hi3, some_key(), LIMIT, 0);
    assert!(matches!(second, Err(SpoolError::InUse { .. })));
}

#[test]
fn a_crash_at_any_octet_loses_nothing_that_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    log.append(&[pdu(0, 20), pdu(1, 30)]).unwrap();
    log.append(&[pdu(2, 40)]).unwrap();
    drop(log);
    let file = files(&folder).remove(0);
    let octets = fs::read(&file).unwrap();
    let costs = [20, 30, 40].map(|octets| RECORD_OVERHEAD + octets);
    for cut in 0..=octets.len() {
        fs::write(&file, &octets[..cut]).unwrap();
        let whole = (0..=3).rev().find(|count| HEAD + costs[..*count].iter().sum::<u64>() <= cut as u64).unwrap_or(0);
        let (mut log, recovered) = open_from(&folder, 0);
        let end = HEAD + costs[..whole].iter().sum::<u64>();
        assert_eq!(recovered.torn, if (cut as u64) < HEAD { cut as u64 } else { cut as u64 - end }, "cut at {cut}");
        // What is appended then has the next position, and is read after it.
        log.append(&[pdu(77, 10)]).unwrap();
        assert_eq!(rest(&mut log), ((0..whole as u64).chain([77]).collect(), 0), "cut at {cut}");
        drop(log);
        let (mut log, recovered) = open_from(&folder, 0);
        assert_eq!(recovered.torn, 0, "once");
        assert_eq!(rest(&mut log).0.len(), whole + 1);
        drop(log);
        files(&folder).iter().for_each(|file| fs::remove_file(file).unwrap());
    }
}

#[test]
fn an_octet_that_changed_costs_the_record_that_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    log.append(&(0..5).map(|at| pdu(at, 20)).collect::<Vec<_>>()).unwrap();
    drop(log);
    let file = files(&folder).remove(0);
    let octets = fs::read(&file).unwrap();
    let cost = RECORD_OVERHEAD + 20;
    for at in HEAD..HEAD + 4 * cost {
        let mut changed = octets.clone();
        changed[at as usize] ^= 0x41;
        fs::write(&file, &changed).unwrap();
        let (mut log, recovered) = open_from(&folder, 0);
        let hit = (at - HEAD) / cost;
        assert_eq!(recovered.torn, 0);
        assert_eq!(rest(&mut log), ((0..5).filter(|mark| *mark != hit).collect(), 1), "octet {at}");
    }
    // In the head: nothing of the segment can be read, and that there was something is told.
    for at in 0..HEAD as usize {
        let mut changed = octets.clone();
        changed[at] ^= 0x41;
        fs::write(&file, &changed).unwrap();
        let (mut log, _) = open_from(&folder, 0);
        assert_eq!(rest(&mut log), (Vec::new(), 1), "octet {at}");
        log.append(&[pdu(9, 10)]).unwrap();
        assert_eq!(rest(&mut log), (vec![9], 0));
        drop(log);
        fs::remove_file(&files(&folder)[1]).unwrap();
    }
}

#[test]
fn the_oldest_segment_gives_way() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open_from(&folder, 0);
    for batch in 0..20 {
        log.append(&(0..10).map(|at| pdu(batch * 10 + at, 1000)).collect::<Vec<_>>()).unwrap();
    }
    for _ in 0..25 {
        log.read().unwrap();
    }
    let before = log.octets();
    let lost = log.evict().unwrap();
    assert_eq!(lost, Some(Lost { pdus: 70, octets: 70 * 1000 }), "the second: of the first some are on their way");
    assert!(log.octets() < before);
    assert_eq!(log.gap(), Some((70, 140)));
    let given_up = |log: &mut Log| {
        let mut marks = Vec::new();
        loop {
            match log.read().unwrap() {
                Some(Next::Pdu(pdu)) => marks.push(u64::from_le_bytes(pdu.octets[..8].try_into().unwrap())),
                Some(Next::GivenUp) => return marks,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(given_up(&mut log), (25..70).collect::<Vec<_>>());
    assert_eq!(rest(&mut log), ((140..200).collect(), 0));
    assert_eq!(log.evict().unwrap(), None, "all was read");
    log.append(&[pdu(200, 10)]).unwrap();
    log.read_from(140);
    while log.evict().unwrap().is_some() {}
    assert_eq!(given_up(&mut log), Vec::<u64>::new());
    assert_eq!(log.position(), 201);
    log.append(&[pdu(201, 10)]).unwrap();
    assert_eq!(rest(&mut log), (vec![201], 0));
}

/// What happens to a log.
#[derive(Clone, Debug)]
enum Act {
    Append(u8, u16),
    Read(u8),
    /// Everything that was read is let go.
    Release,
    /// The process dies; so many octets at the end were of a write that was under way.
    Crash(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..20_u8, 8..4000_u16).prop_map(|(pdus, octets)| Act::Append(pdus, octets)),
        3 => (0..50_u8).prop_map(Act::Read),
        1 => Just(Act::Release),
        1 => any::<u8>().prop_map(Act::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// In any order of them everything that was put on disk is read, once after each crash, in order, until it is let go.
    #[test]
    fn nothing_is_lost_whatever_happens(acts in prop::collection::vec(act(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = open_from(&folder, 0);
        let (mut appended, mut read, mut released) = (0_u64, 0_u64, 0_u64);
        for act in acts {
            match act {
                Act::Append(pdus, octets) => {
                    let batch: Vec<_> = (0..pdus.into()).map(|at| pdu(appended + at, octets.into())).collect();
                    log.append(&batch).unwrap();
                    appended += u64::from(pdus);
                }
                Act::Read(count) => for _ in 0..count {
                    match log.read().unwrap() {
                        None => prop_assert_eq!(read, appended),
                        Some(Next::Unreadable(_) | Next::GivenUp) => prop_assert!(false, "all can be read"),
                        Some(Next::Pdu(pdu)) => {
                            prop_assert_eq!(u64::from_le_bytes(pdu.octets[..8].try_into().unwrap()), read);
                            read += 1;
                        }
                    }
                },
                Act::Release => {
                    log.release(read).unwrap();
                    released = read;
                }
                Act::Crash(torn) => {
                    drop(log);
                    if let Some(last) = files(&folder).last() {
                        let mut octets = fs::read(last).unwrap();
                        octets.extend((0..torn).map(|at| at.wrapping_mul(37)));
                        fs::write(last, octets).unwrap();
                    }
                    log = open_from(&folder, released).0;
                    read = released;
                    prop_assert_eq!(log.next(), appended);
                }
            }
        }
        let (marks, missing) = rest(&mut log);
        prop_assert_eq!(missing, 0);
        prop_assert!(marks.into_iter().eq(read..appended));
    }
}
