//! `writ doctor` on this machine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

fn doctor(interface: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("writ.toml");
    std::fs::write(&file, format!("[[interface]]\ninterface = \"{interface}\"\n")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_writ")).args(["doctor", "--config"]).arg(file).output().unwrap()
}

#[test]
fn the_machine_is_told_of() {
    let done = doctor("absent0");
    let told = String::from_utf8(done.stdout).unwrap();
    for what in ["kernel", "privileges", "clock", "cores", "interrupts", "swap"] {
        let is_told = |line: &str| {
            let mut words = line.split_whitespace();
            matches!(words.next(), Some("good" | "advice" | "problem"))
                && words.eq(["machine", what].into_iter().chain(line.split_whitespace().skip(3)))
        };
        assert!(told.lines().any(is_told), "{what}: {told}");
    }
}

#[test]
fn an_interface_that_is_not_there_is_a_problem() {
    let done = doctor("absent0");
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8(done.stdout).unwrap().contains("problem  absent0      interface          not there"));
    assert!(String::from_utf8(done.stderr).unwrap().starts_with("writ: "));
}
