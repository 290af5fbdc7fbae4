//! Postfix, Dovecot and their clients with Writ between them. The work is in `peers/run.sh`, which a person can run as well.

use std::process::Command;

use writ_tests::{build_writ, skip};

/// What `run.sh` ends with where it cannot be run, as in Automake.
const SKIPPED: i32 = 77;

#[test]
fn what_is_handed_over_is_what_the_servers_wrote_down() {
    let test = "what_is_handed_over_is_what_the_servers_wrote_down";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/run.sh");
    let output = Command::new("sh").arg(script).arg(build_writ()).output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(SKIPPED) {
        return skip(test, said.trim());
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("PASSED: peers"), "{said}");
}
