//! A message of 25 MB costs no more per octet than one of 25 kB, counted in instructions, which no other load on the machine can
//! change.

use std::process::Command;

/// Octets of all messages together, and of the large one.
const TOTAL: usize = 25_000_000;
const SMALL: usize = 25_000;
/// How much more an octet of the large message may cost. It should cost less: it has fewer commands to itself.
const BOUND: f64 = 1.1;

/// Instructions in the rooms, without those that make the frames.
fn instructions(message: usize, arguments: &[&str]) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*measured*"])
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(env!("CARGO_BIN_EXE_writ-per-octet"))
        .args(["--message", &message.to_string(), "--total", &TOTAL.to_string()])
        .args(arguments)
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected :")).expect("what was counted");
    line.1.trim().parse().expect("a number")
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
            let per_octet = |message| instructions(message, &arguments) as f64 / TOTAL as f64;
            let (large, small) = (per_octet(TOTAL), per_octet(SMALL));
            println!("{arguments:?}: {large:.3} instructions an octet at 25 MB, {small:.3} at 25 kB");
            assert!(small > 0.0 && large <= small * BOUND, "{arguments:?}: {large:.3} against {small:.3}");
        }
    }
}
