//! A process that is killed at any instant, again and again, while the reference receiver comes and goes: what was on
//! disk arrives, in order in each sequence, and no CIN is used twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod lemf;
mod receiver;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use lemf::{mandate, nowhere, record, settings};
use receiver::{Receiver, stored};
use writ_handover::cin::CinReserve;
use writ_handover::settings::SpoolSettings;
use writ_handover::{Delivery, DeliverySettings, Outlet};

const FOLDER: &str = "WRIT_TEST_KILL_FOLDER";
const LEMF: &str = "WRIT_TEST_KILL_LEMF";
/// Set for the last of the processes: it adds nothing, and ends when everything was delivered.
const LAST: &str = "WRIT_TEST_KILL_LAST";
/// Records of one communication.
const RECORDS: u32 = 60;

/// The process to be killed: numbers communications from the reserve, delivers records, and says of each communication
/// how many of them are on disk. Does nothing unless the other test started it.
#[test]
#[ignore = "started and killed by the test below"]
fn delivers_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let mut lea = settings("lea-1", std::env::var(LEMF).unwrap());
    let spool = SpoolSettings::at(folder.join("spool"), folder.join("key"));
    lea.spool = Some(SpoolSettings { sync_interval: Duration::from_millis(5), ..spool });
    let reserve = CinReserve::open(folder.join("cin")).unwrap();
    let cins = reserve.allocator();
    let (sender, queue) = bounded(1 << 16);
    let settings = DeliverySettings { cin_reserve: Some(reserve), ..DeliverySettings::default() };
    let delivery = Delivery::start(settings, vec![Outlet::network(lea)], vec![queue]).unwrap();
    if std::env::var_os(LAST).is_some() {
        let counters = delivery.counters();
        let until = Instant::now() + Duration::from_secs(40);
        while counters.snapshot().lemfs[0].hi2.spool_pdus > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(sender);
        let drained = delivery.drain(Duration::from_secs(20));
        assert!(drained.is_complete() && drained.kept.is_empty(), "{drained:?}");
        println!("\nDELIVERED");
        return;
    }
    let counters = delivery.counters();
    let mut out = std::io::stdout().lock();
    let mandate = mandate(0);
    let mut sent = 0;
    loop {
        let cin = cins.allocate().0;
        for count in 1..=RECORDS {
            sender.send(record(&mandate, cin, 2000)).unwrap();
            sent += 1;
            if count % 15 == 0 {
                // The cINReset of the first start may be among what was written: one more is waited for then.
                let tri = || counters.snapshot().lemfs[0].hi2.tri;
                while counters.snapshot().lemfs[0].hi2.spool_written < sent + tri() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                out.write_all(format!("WRITTEN {cin} {count}\n").as_bytes()).unwrap();
            }
        }
    }
}

fn child(folder: &Path, lemf: &str, last: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "delivers_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(LEMF, lemf)
        .stdout(Stdio::piped());
    if last {
        command.env(LAST, "1");
    }
    command.spawn().unwrap()
}

fn stop(receiver: &mut Option<Receiver>) {
    if let Some(receiver) = receiver.take() {
        receiver.stop();
    }
}

#[test]
fn what_was_on_disk_arrives_whenever_the_process_dies() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "5a".repeat(32)).unwrap();
    fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(0o400)).unwrap();
    let store = folder.path().join("store");
    let address = nowhere().to_string();
    let rounds = std::env::var("WRIT_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12_u64);
    let mut written: HashMap<u32, u32> = HashMap::new();
    let mut of_rounds = Vec::new();
    let mut receiver = None;
    for round in 0..rounds {
        // Away at first, then there, then away while the process runs, and so on.
        if round % 4 == 0 {
            stop(&mut receiver);
        } else if receiver.is_none() {
            receiver = Some(Receiver::start(&store, &address, None));
        }
        let mut process = child(folder.path(), &address, false);
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("WRITTEN ") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the process ended by itself");
        }
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5 + 37 * (round % 11)));
            process.kill().unwrap();
            process.wait().unwrap();
        });
        if round % 4 == 3 {
            std::thread::sleep(Duration::from_millis(20));
            stop(&mut receiver);
        }
        let mut cins = HashSet::new();
        for line in std::iter::once(line).chain(said.lines().map_while(Result::ok)) {
            let Some((_, rest)) = line.split_once("WRITTEN ") else { continue };
            let Some((cin, count)) = rest.trim_end().split_once(' ') else { continue };
            let (cin, count) = (cin.parse().unwrap(), count.parse().unwrap());
            written.insert(cin, count);
            cins.insert(cin);
        }
        killer.join().unwrap();
        of_rounds.push(cins);
    }
    let all: usize = of_rounds.iter().map(HashSet::len).sum();
    assert_eq!(all, written.len(), "no CIN in two runs");

    let receiver = receiver.unwrap_or_else(|| Receiver::start(&store, &address, None));
    let last = child(folder.path(), &address, true).wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&last.stdout).contains("DELIVERED"), "{}", String::from_utf8_lossy(&last.stdout));
    receiver.stop();

    let received = stored(&store);
    let mut of_cin: HashMap<u32, Vec<u32>> = HashMap::new();
    for pdu in &received {
        let header = &pdu.ps_header;
        if let Some(cin) = header.communication_identifier.communication_identity_number {
            of_cin.entry(cin).or_default().push(header.sequence_number);
        }
    }
    let mut lost = 0;
    let mut distinct = 0;
    let all = of_cin.values().map(Vec::len).sum::<usize>();
    for (cin, count) in &written {
        let numbers = of_cin.remove(cin).unwrap_or_default();
        let seen: HashSet<u32> = numbers.iter().copied().collect();
        lost += (0..*count).filter(|number| !seen.contains(number)).count();
        // The first time that each came was in order, and nothing is missing before the last.
        let mut next = 0;
        for number in numbers {
            assert!(number <= next, "CIN {cin}: {number} before {next}");
            next = next.max(number + 1);
        }
        distinct += seen.len();
    }
    // Of those of which nothing was said any more.
    distinct += of_cin.values().map(|numbers| numbers.iter().collect::<HashSet<_>>().len()).sum::<usize>();
    let told: u64 = written.values().map(|count| u64::from(*count)).sum();
    eprintln!(
        "{rounds} kills, {} communications, {told} PDUs known to be on disk, {distinct} came, {lost} lost, {} twice",
        written.len(),
        all - distinct,
    );
    assert_eq!(lost, 0);
    assert!(told > 100, "{told}");
}
