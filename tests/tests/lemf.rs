//! `writ replay --lemf` into `writ lemf`: over TCP, and from the store what was sent, octet for octet.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
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
            // A file: a pipe that nobody reads would hold the receiver up.
            .stdout(File::create(folder.path().join("said")).expect("a file"))
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
    fn end(mut self) -> (String, TempDir) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let said = std::fs::read_to_string(self.folder.path().join("said")).expect("what it said");
        (said, self.folder)
    }
}

/// Replays captures into a receiver, and holds its store against the oracle; what the receiver said.
fn store_of(oracle: Oracle, captures: &[PathBuf], options: &[&str]) -> String {
    let lemf = Lemf::start();
    let warrants = oracle.warrants(lemf.folder.path(), &[captures.to_vec()], options).remove(0).expect("people");
    let said = Writ::new("replay")
        .args(captures)
        .args(["--warrants".as_ref(), warrants.as_os_str(), "--lemf".as_ref(), lemf.address.as_ref()])
        .succeed();
    assert!(said.contains("seen"), "it ends with counters: {said}");
    let (said, folder) = lemf.end();
    let store = folder.path().join("store");
    let paths = [store, warrants];
    let args: Vec<_> = paths.iter().chain(captures).map(|path| path.to_str().expect("a path in UTF-8")).collect();
    oracle.ask("store.py", &args);
    said
}

#[test]
fn every_message_is_stored_as_it_was_sent() {
    let Some(oracle) = Oracle::find("every_message_is_stored_as_it_was_sent") else { return };
    let said = store_of(oracle, &in_tree(), &["--most", "40"]);
    assert!(said.contains("0 gaps"), "{said}");
}

#[test]
fn content_split_into_segments_is_put_together() {
    let Some(oracle) = Oracle::find("content_split_into_segments_is_put_together") else { return };
    store_of(oracle, &[in_tree_named("large-300k")], &[]);
}
