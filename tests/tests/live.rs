//! The live path: AF_XDP on a veth pair, `writ run`, `writ lemf`. The work is in `live.sh`, `letgo.sh` and `overload.sh`, which a
//! person can run as well.

use std::process::Command;

use writ_tests::{build_writ, skip};

/// What `live.sh` ends with where it cannot be run, as in Automake.
const SKIPPED: i32 = 77;

/// Runs a script with the binary; what it says at its end names it.
fn runs(test: &str, name: &str) {
    let script = format!("{}/{name}.sh", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("sh").arg(script).arg(build_writ()).output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(SKIPPED) {
        return skip(test, said.trim());
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("PASSED: {name}")), "{said}");
}

#[test]
fn what_is_played_on_the_wire_arrives_and_nothing_else() {
    runs("what_is_played_on_the_wire_arrives_and_nothing_else", "live");
}

#[test]
fn encrypted_sessions_are_let_go_and_every_packet_is_counted() {
    runs("encrypted_sessions_are_let_go_and_every_packet_is_counted", "letgo");
}

#[test]
fn whatever_is_lost_the_counters_sum_to_what_was_sent() {
    runs("whatever_is_lost_the_counters_sum_to_what_was_sent", "overload");
}
