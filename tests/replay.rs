//! `writ replay` into a file of PDUs.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Comparison, Oracle, Writ};

/// One replay, and what came of it. The folder goes away with it.
pub struct Replay {
    folder: TempDir,
    /// The warrants it ran under.
    pub warrants: PathBuf,
    /// What was replayed.
    pub captures: Vec<PathBuf>,
    /// What `writ` said on standard output.
    pub said: String,
}

impl Replay {
    /// Replays captures under a warrant for each address, login and client in them, up to 60 of them; `None` where there is nobody.
    pub fn of_everybody(oracle: Oracle, captures: &[PathBuf], options: &[&str]) -> Option<Self> {
        let folder = TempDir::new().expect("a folder for one test");
        let warrants = oracle.warrants(folder.path(), captures, &[&["--most", "60"], options].concat())?;
        Some(Self::run(folder, warrants, captures))
    }

    /// Replays captures under these warrants.
    pub fn under(warrants: &str, captures: &[PathBuf]) -> Self {
        let folder = TempDir::new().expect("a folder for one test");
        let path = folder.path().join("warrants.toml");
        std::fs::write(&path, warrants).expect("a warrants file is written");
        Self::run(folder, path, captures)
    }

    fn run(folder: TempDir, warrants: PathBuf, captures: &[PathBuf]) -> Self {
        let output = Writ::new("replay")
            .args(captures)
            .args([Path::new("--warrants"), &warrants, Path::new("--out"), &folder.path().join("out.etsi")])
            .output();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        // A file that is cut off gives what it holds, and an error line.
        let cut_off = output.status.code() == Some(1) && complaint.contains("cut off");
        assert!(output.status.success() || cut_off, "writ replay ended with {}: {complaint}", output.status);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Self { folder, warrants, captures: captures.to_vec(), said }
    }

    /// The file of PDUs.
    pub fn etsi(&self) -> PathBuf {
        self.folder.path().join("out.etsi")
    }

    /// Its octets.
    pub fn octets(&self) -> Vec<u8> {
        std::fs::read(self.etsi()).expect("writ writes a file of PDUs, even an empty one")
    }

    /// A folder for more files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Holds it against the oracle.
    pub fn compare(&self, oracle: Oracle, how: Comparison) -> Result<String, String> {
        oracle.compare(&self.etsi(), &self.warrants, &self.captures, how)
    }
}
