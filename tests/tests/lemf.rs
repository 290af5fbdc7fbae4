//! `writ replay --lemf` into `writ lemf`: over TCP, and from the store what was sent, octet for octet.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use writ_tests::{Oracle, Writ, build_writ, in_tree, in_tree_named};

/// A reference receiver in a folder of its own.
struct Lemf {
    child: Child,
    folder: TempDir,
    address: String,
}

impl Lemf {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        // The port is free a moment before the receiver takes it.
        let address = {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            free.local_addr().expect("its address").to_string()
        };
        let child = Command::new(build_writ())
            .args(["lemf", "--listen", &address, "--store"])
            .arg(folder.path().join("store"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("writ lemf starts");
        let since = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(since.elapsed() < Duration::from_secs(10), "writ lemf listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, folder, address }
    }

    /// Ends it as an operator would; what it said.
    fn end(self) -> (String, TempDir) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        let output = self.child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", output.status);
        (String::from_utf8_lossy(&output.stdout).into_owned(), self.folder)
    }
}

#[test]
fn every_message_is_stored_as_it_was_sent() {
    let Some(oracle) = Oracle::find("every_message_is_stored_as_it_was_sent") else { return };
    let lemf = Lemf::start();
    let captures = in_tree();
    let warrants = oracle.warrants(lemf.folder.path(), &captures, &["--most", "40"]).expect("people");
    Writ::new("replay")
        .args(&captures)
        .args(["--warrants".as_ref(), warrants.as_os_str(), "--lemf".as_ref(), lemf.address.as_ref()])
        .succeed();
    let (said, folder) = lemf.end();
    let store = folder.path().join("store");
    let mut args = vec![store.as_os_str(), warrants.as_os_str()];
    args.extend(captures.iter().map(|path| path.as_os_str()));
    let output = oracle.run("store.py", args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(said.contains("0 gaps"), "{said}");
}

#[test]
fn content_split_into_segments_is_put_together() {
    let Some(oracle) = Oracle::find("content_split_into_segments_is_put_together") else { return };
    let lemf = Lemf::start();
    let captures = [in_tree_named("large-300k")];
    let warrants = oracle.warrants(lemf.folder.path(), &captures, &[]).expect("people");
    Writ::new("replay")
        .args(&captures)
        .args(["--warrants".as_ref(), warrants.as_os_str(), "--lemf".as_ref(), lemf.address.as_ref()])
        .succeed();
    let (_, folder) = lemf.end();
    let store = folder.path().join("store");
    let output = oracle.run("store.py", [store.as_os_str(), warrants.as_os_str(), captures[0].as_os_str()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_receiver_that_is_not_there_is_an_error() {
    let Some(oracle) = Oracle::find("a_receiver_that_is_not_there_is_an_error") else { return };
    let folder = TempDir::new().expect("a folder");
    let captures = [in_tree_named("plain")];
    let warrants = oracle.warrants(folder.path(), &captures, &[]).expect("people");
    let output = Writ::new("replay")
        .args(&captures)
        .args(["--warrants".as_ref(), warrants.as_os_str(), "--lemf".as_ref(), "127.0.0.1:9".as_ref()])
        .output();
    assert!(!output.status.success(), "nothing was delivered, and that is said");
}
