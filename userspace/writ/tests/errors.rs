//! What the program says of files that it cannot use, and where it cannot write: one line, and its exit code.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

const CONFIG: &str = r#"warrants = "w.toml"
state = "state"
[handover]
operator_identifier = "OP"
[[lemf]]
name = "lea-1"
address = "127.0.0.1:9000"
[[interface]]
interface = "nosuch9"
"#;

const WARRANTS: &str = r#"[[warrant]]
liid = "MAIL-0001"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2026-12-31T00:00:00Z
deliver = "iri+cc"
lemf = "lea-1"
targets = [{ email = "alice@example.org" }]
"#;

/// Runs the program in a folder; gives its exit code and what it said on standard error.
fn writ(folder: &Path, arguments: &[&str], output: Stdio) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_writ"));
    let done = command.current_dir(folder).args(arguments).stdout(output).stderr(Stdio::piped()).output().unwrap();
    (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
}

fn check(config: &str, warrants: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    std::fs::write(folder.path().join("w.toml"), warrants).unwrap();
    let said = writ(folder.path(), &["check", "--config", "c.toml"], Stdio::null());
    assert!(!folder.path().join("state").exists(), "a check makes nothing");
    said
}

#[test]
fn an_interface_that_is_not_there_is_a_warning() {
    let warning = "writ: warning: c.toml:9: interface.interface: this machine has no such interface now\n";
    assert_eq!(check(CONFIG, WARRANTS.as_bytes()), (0, warning.to_owned()));
}

#[test]
fn what_a_check_warns_of_a_run_ends_with() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), CONFIG).unwrap();
    std::fs::write(folder.path().join("w.toml"), WARRANTS).unwrap();
    let (code, said) = writ(folder.path(), &["run", "--config", "c.toml"], Stdio::null());
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(last, "writ: c.toml:9: interface.interface: this machine has no such interface now");
    // The file is good, and the interface may come: whoever starts Writ tries again.
    assert_eq!(code, 1);
}

#[test]
fn a_warrants_file_that_cannot_be_read_is_named_with_its_setting() {
    let absent = "c.toml:1: warrants: expected a file that can be read: x.toml: No such file";
    let without_target = WARRANTS.replace("{ email = \"alice@example.org\" }", "");
    for (named, warrants, said) in [
        ("x.toml", WARRANTS.as_bytes(), absent),
        ("", WARRANTS.as_bytes(), "c.toml:1: warrants: expected the path of the warrants file"),
        ("w.toml", b"\n\xff", "w.toml:2: expected UTF-8"),
        ("w.toml", without_target.as_bytes(), "w.toml:8: targets: expected at least one"),
    ] {
        let (code, line) = check(&CONFIG.replace("w.toml", named), warrants);
        assert!(code == 2 && line.starts_with(&format!("writ: {said}")) && line.lines().count() == 1, "{code} {line}");
    }
}

#[test]
fn a_replay_that_cannot_write_says_where_and_why() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (json, lines) in [(None, 1), (Some("--json"), 2)] {
        let arguments = ["replay", "tests/captures/demo.pcap", "--warrants", "demo/warrants.toml"];
        let arguments: Vec<&str> = arguments.into_iter().chain(json).collect();
        let (code, said) = writ(&root, &arguments, File::create("/dev/full").unwrap().into());
        // With --json the counters stand there too.
        assert_eq!((code, said.lines().count()), (1, lines), "{said}");
        assert!(said.ends_with("writ: standard output: No space left on device (os error 28)\n"), "{said}");
    }
}
