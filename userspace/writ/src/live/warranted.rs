//! The warrants of a live run: read at the start and on SIGHUP, and counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use writ_intercept::{TargetIndex, Warrant};
use writ_wire::Time;

use crate::config::{Config, ConfigError, Lemfs, read_warrants};
use crate::worker::Targets;

/// The warrants file, and what is in force of it.
pub struct Warranted {
    file: PathBuf,
    lemfs: Vec<String>,
    targets: Targets,
    done: AtomicU64,
    refused: AtomicU64,
}

impl Warranted {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn read(file: &Path, config: &Config) -> Result<Self, ConfigError> {
        let lemfs: Vec<String> = config.lemf.iter().map(|lemf| lemf.name.clone()).collect();
        let warrants = config.read_warrants(file, &mut Lemfs::configured(lemfs.clone()))?;
        let index = TargetIndex::new(Warrant::replace(&[], warrants));
        Ok(Self {
            file: file.to_owned(),
            lemfs,
            targets: Arc::new(ArcSwap::from_pointee(index)),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// For the workers, who see each reload.
    pub fn targets(&self) -> Targets {
        Arc::clone(&self.targets)
    }

    /// How many warrants there are, whether their time has come or not.
    pub fn len(&self) -> usize {
        self.targets.load().warrants().len()
    }

    /// Reads the file again. One that cannot be used leaves everything as it was.
    pub fn reload(&self) {
        match read_warrants(&self.file, &mut Lemfs::configured(self.lemfs.clone())) {
            Ok(new) => {
                let next = Warrant::replace(self.targets.load().warrants(), new);
                tracing::info!(warrants = next.len(), "warrants read again");
                self.targets.store(Arc::new(TargetIndex::new(next)));
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::error!("warrants not changed: {error}");
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many warrants are in force, are not yet, and are not any more; and how reloads ended.
    pub fn counters(&self, now: Time) -> Vec<(&'static str, u64)> {
        let (mut in_force, mut to_come, mut over) = (0, 0, 0);
        for warrant in self.targets.load().warrants() {
            let count = match now {
                _ if now < warrant.start => &mut to_come,
                _ if now < warrant.end => &mut in_force,
                _ => &mut over,
            };
            *count += 1;
        }
        vec![
            ("warrants_in_force", in_force),
            ("warrants_to_come", to_come),
            ("warrants_over", over),
            ("reloads_done", self.done.load(Ordering::Relaxed)),
            ("reloads_refused", self.refused.load(Ordering::Relaxed)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warrant(liid: &str, start: u16, end: u16) -> String {
        format!(
            "[[warrant]]\nliid = \"{liid}\"\nauthorization_country = \"NL\"\nstart = {start}-01-01T00:00:00Z\n\
             end = {end}-01-01T00:00:00Z\ndeliver = \"iri\"\nlemf = \"a\"\ntargets = [{{ login = \"x\" }}]\n"
        )
    }

    #[test]
    fn warrants_are_counted_by_their_time_and_reloads_by_their_outcome() {
        let folder = tempfile::tempdir().unwrap();
        let (config, file) = (folder.path().join("writ.toml"), folder.path().join("warrants.toml"));
        std::fs::write(&config, "[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n").unwrap();
        std::fs::write(&file, [warrant("L-1", 2020, 2030), warrant("L-2", 2027, 2030)].concat()).unwrap();
        let warranted = Warranted::read(&file, &Config::read(&config).unwrap()).unwrap();
        let counts = |year: u64| -> Vec<u64> {
            warranted
                .counters(Time::from_parts((year - 1970) * 31_557_600, 0))
                .iter()
                .map(|(_, count)| *count)
                .collect()
        };
        assert_eq!(counts(2026), [1, 1, 0, 0, 0]);
        assert_eq!(counts(2029), [2, 0, 0, 0, 0]);
        assert_eq!(counts(2031), [0, 0, 2, 0, 0]);
        std::fs::write(&file, "").unwrap();
        warranted.reload();
        assert_eq!(counts(2026), [0, 0, 0, 1, 0]);
        std::fs::write(&file, "warrant = 1").unwrap();
        warranted.reload();
        assert_eq!(counts(2026), [0, 0, 0, 1, 1]);
    }
}
