//! A message of 25 MB costs no more per octet than one of 25 kB, counted in instructions, which no other load on the machine can
//! change.

use std::process::Command;

/// Octets of the one large message, and of each small one.
const LARGE: usize = 25_000_000;
const SMALL: usize = 25_000;
/// Octets of all small messages: a hundred of them, each in a session of its own, are as good as a thousand.
const SMALL_TOTAL: usize = 2_500_000;
/// How much more an octet of the large message may cost. It should cost less: it has fewer commands to itself.
const BOUND: f64 = 1.1;

/// Instructions in the rooms for each octet, without those that make the frames.
fn per_octet(message: usize, total: usize, arguments: &[&str]) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*measured*"])
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(env!("CARGO_BIN_EXE_writ-per-octet"))
        .args(["--message", &message.to_string(), "--total", &total.to_string()])
        .args(arguments)
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected :")).expect("what was counted");
    let instructions: f64 = line.1.trim().parse().expect("a number");
    instructions / total as f64
}

#[test]
fn a_large_message_costs_no_more_per_octet_than_a_small_one() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("SKIPPED: a_large_message_costs_no_more_per_octet_than_a_small_one: valgrind is not installed");
        return;
    }
    for transfer in ["data", "bdat"] {
        for target in [&[][..], &["--target"]] {
            let arguments = [&["--transfer", transfer][..], target].concat();
            let large = per_octet(LARGE, LARGE, &arguments);
            let small = per_octet(SMALL, SMALL_TOTAL, &arguments);
            println!("{arguments:?}: {large:.3} instructions an octet at 25 MB, {small:.3} at 25 kB");
            assert!(small > 0.0 && large <= small * BOUND, "{arguments:?}: {large:.3} against {small:.3}");
        }
    }
}
