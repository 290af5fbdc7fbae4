//! A NATS server with JetStream on disk, on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]
#![allow(dead_code, reason = "each test uses its own part")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use writ_handover::settings::BrokerSettings;

/// A broker. It ends with this.
pub struct Broker {
    pub address: String,
    folder: PathBuf,
    child: Option<Child>,
    /// What it is started with besides.
    arguments: Vec<String>,
}

/// Whether there is a `nats-server` on this machine. The test says so if there is none, and is left out.
pub fn is_there(test: &str) -> bool {
    let found = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("{test}: skipped: there is no nats-server here");
    }
    is_there
}

/// A port of loopback that nobody has.
pub fn free() -> String {
    TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap().to_string()
}

impl Broker {
    /// None where there is no `nats-server` on this machine: the test says so, and is left out.
    pub fn start(test: &str, folder: &Path) -> Option<Self> {
        is_there(test).then(|| Self::with(folder, free(), Vec::new()))
    }

    /// One of these arguments besides, which has what is in its folder.
    pub fn with(folder: &Path, address: String, arguments: Vec<String>) -> Self {
        let mut broker = Self { address, folder: folder.to_owned(), child: None, arguments };
        broker.begin();
        broker
    }

    /// Starts it, again.
    pub fn begin(&mut self) {
        let (host, port) = self.address.rsplit_once(':').unwrap();
        let child = Command::new("nats-server")
            .args(["-js", "-a", host, "-p", port, "-sd"])
            .arg(self.folder.join("jetstream"))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let since = Instant::now();
        while TcpStream::connect(&self.address).is_err() {
            assert!(since.elapsed() < Duration::from_secs(20), "nats-server listens");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Settings for an LEMF that is served through it, the key of which lies in this folder.
    pub fn settings(&self) -> BrokerSettings {
        let key = self.folder.join("key");
        if !key.exists() {
            fs::write(&key, "5a".repeat(32)).unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        }
        BrokerSettings { lease: Duration::from_secs(2), ..BrokerSettings::at(&self.address, key) }
    }

    /// Whether these octets are anywhere in what it has on disk.
    pub fn has_on_disk(&self, octets: &[u8]) -> bool {
        fn look(folder: &Path, octets: &[u8]) -> bool {
            fs::read_dir(folder).unwrap().any(|entry| {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    return look(&path, octets);
                }
                fs::read(&path).is_ok_and(|file| file.windows(octets.len()).any(|window| window == octets))
            })
        }
        look(&self.folder.join("jetstream"), octets)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
