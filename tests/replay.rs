//! `writ replay` into a file of PDUs.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::oracle::Delivered;
use crate::{Comparison, Oracle, Writ};

/// One replay, and what came of it. The folder goes away with it.
pub struct Replay {
    folder: TempDir,
    /// The warrants it ran under.
    pub warrants: PathBuf,
    /// What says which records were due: the captures that were replayed, or what they were made of.
    pub captures: Vec<PathBuf>,
    /// What `writ` said on standard output.
    pub said: String,
}

impl Replay {
    /// Replays groups of captures, each under a warrant for each address, login and client in it, up to 60 of them. `None` where
    /// there is nobody.
    pub fn of_everybody(oracle: Oracle, groups: &[Vec<PathBuf>], options: &[&str]) -> Vec<Option<Self>> {
        let folder = TempDir::new().expect("a folder for the warrants");
        let warrants = oracle.warrants(folder.path(), groups, &[&["--most", "60"], options].concat());
        let replay = |(captures, warrants): (&Vec<PathBuf>, Option<PathBuf>)| {
            let text = std::fs::read_to_string(warrants?).expect("a warrants file");
            Some(Self::under(&text, captures))
        };
        groups.iter().zip(warrants).map(replay).collect()
    }

    /// The same for one group that has somebody in it.
    pub fn of_all_in(oracle: Oracle, captures: &[PathBuf], options: &[&str]) -> Self {
        let mut replays = Self::of_everybody(oracle, &[captures.to_vec()], options);
        replays.pop().flatten().expect("the captures have people in them")
    }

    /// Replays captures under these warrants.
    pub fn under(warrants: &str, captures: &[PathBuf]) -> Self {
        Self::with(warrants, captures, None)
    }

    /// The same, with a configuration.
    pub fn with(warrants: &str, captures: &[PathBuf], config: Option<&str>) -> Self {
        let folder = TempDir::new().expect("a folder for one replay");
        let path = folder.path().join("warrants.toml");
        std::fs::write(&path, warrants).expect("a warrants file is written");
        let mut writ = Writ::new("replay").args(captures).args([
            Path::new("--warrants"),
            &path,
            Path::new("--out"),
            &folder.path().join("out.etsi"),
        ]);
        if let Some(config) = config {
            let file = folder.path().join("writ.toml");
            std::fs::write(&file, config).expect("a configuration is written");
            writ = writ.args([Path::new("--config"), &file]);
        }
        let output = writ.output();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        // A file that is cut off gives what it holds, and an error line.
        let cut_off = output.status.code() == Some(1) && complaint.contains("cut off");
        assert!(output.status.success() || cut_off, "writ replay ended with {}: {complaint}", output.status);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Self { folder, warrants: path, captures: captures.to_vec(), said }
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

    /// What the oracle is asked to compare.
    pub fn delivered(&self) -> Delivered {
        Delivered { etsi: self.etsi(), warrants: self.warrants.clone(), captures: self.captures.clone() }
    }

    /// Holds it against the oracle.
    pub fn compare(&self, oracle: Oracle, how: Comparison) -> Result<String, String> {
        oracle.compare(&[self.delivered()], how).remove(0)
    }
}
