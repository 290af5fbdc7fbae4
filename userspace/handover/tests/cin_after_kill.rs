//! A process that is killed at any instant, and starts again, never uses a CIN that left before.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use writ_handover::cin::{Beginning, CinReserve};

const STATE: &str = "WRIT_TEST_CIN_STATE";

/// The process to be killed: says each CIN on its output once it may leave. Does nothing unless the other test started
/// it.
#[test]
#[ignore = "started and killed by the test below"]
fn uses_cins_until_it_is_killed() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let mut reserve = CinReserve::open(state).unwrap();
    let cins = reserve.allocator();
    let mut out = std::io::stdout().lock();
    loop {
        // Many at a time, so that the block is used up, and the file replaced, again and again.
        let batch: Vec<u32> = (0..997).map(|_| cins.allocate().0).collect();
        reserve.cover().unwrap();
        let line = format!("CIN {} {}\n", batch[0], batch[996]);
        out.write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn no_number_leaves_twice() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("cin");
    let (mut seen, mut lines) = (HashSet::new(), 0);
    for run in 0..8_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "uses_cins_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
            .env(STATE, &state)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        while !first.contains("CIN ") {
            first.clear();
            assert!(said.read_line(&mut first).unwrap() > 0, "the process ended by itself");
        }
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(3 + 5 * run));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        // Whatever it could say before it died counts as left; a line that is cut off is whole in the pipe or not at
        // all there.
        for line in std::iter::once(first).chain(said.lines().map_while(Result::ok)) {
            let Some((_, range)) = line.split_once("CIN ") else { continue };
            let Some((from, upto)) = range.trim_end().split_once(' ') else { continue };
            let (Ok(from), Ok(upto)) = (from.parse::<u32>(), upto.parse::<u32>()) else { continue };
            lines += 1;
            assert!(
                (from..=upto).all(|cin| seen.insert(cin)),
                "run {run}: a CIN between {from} and {upto} left before"
            );
        }
        killer.join().unwrap();
    }
    assert!(lines > 8, "{lines} batches left");
    let reserve = CinReserve::open(&state).unwrap();
    assert_eq!(reserve.beginning(), Beginning::Continued);
    assert!(!seen.contains(&reserve.allocator().allocate().0));
}
