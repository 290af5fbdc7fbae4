//! 100,000 SMTP sessions at a time fit in 1 GiB, wherever in the dialogue they stand.

use std::process::Command;

/// A process of its own for each case: what the kernel counts is the most that a process ever had.
fn peak(arguments: &[&str]) -> u64 {
    let run = Command::new(env!("CARGO_BIN_EXE_writ-sessions")).args(arguments).output().expect("the program runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    println!("{arguments:?}: {said}");
    let (_, rest) = said.split_once("peak ").expect("what was measured");
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number of octets")
}

#[test]
fn a_hundred_thousand_sessions_fit_in_a_gibibyte() {
    for stage in ["ehlo", "envelope", "data"] {
        for packets in [&[][..], &["--packets"]] {
            let arguments = [&["--sessions", "100000", "--stage", stage][..], packets].concat();
            let peak = peak(&arguments);
            assert!(peak <= 1 << 30, "{arguments:?}: {peak} octets");
        }
    }
}
