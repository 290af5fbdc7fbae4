//! Faults made to happen to a real `writ run`: killed, its disk full, its LEMF away, its clock stepping. The work is in
//! `faults/run.py`, which a person runs without `--quick` (`make faults`) for the table of docs/reliability.md.

use std::process::Command;

use writ_tests::{build_writ, skip};

/// What it ends with where it cannot be run.
const SKIPPED: i32 = 77;

#[test]
fn nothing_is_lost_by_any_fault() {
    let test = "nothing_is_lost_by_any_fault";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/faults/run.py");
    let output = Command::new("python3").args(["-B", script]).arg(build_writ()).arg("--quick").output();
    let output = output.expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(SKIPPED) {
        return skip(test, said.trim());
    }
    for skipped in said.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")) {
        skip(test, skipped);
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("| kill -9 |"), "{said}");
}
