//! The configuration and the warrants file: TOML in, checked settings out, or one line that says what is wrong and where.

mod agreements;
pub mod cpus;
mod document;
mod here;
mod ingest;
mod place;
mod sections;
mod settings;
mod validate;
mod warrants;
mod words;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use ingest::Ingest;
pub use sections::Cores;
pub use settings::Config;
pub use warrants::{Lemfs, read_warrants};
use zeroize::Zeroizing;

/// The longest file that is read: hundreds of thousands of warrants.
const LONGEST_FILE: u64 = 64 << 20;

/// What is wrong with a file. Never quotes a value: a warrants file is secret, and a configuration can name what is.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why. Not a source, which would be said twice.
        error: std::io::Error,
    },
    /// Something in it cannot be used.
    #[error("{file}:{line}: {problem}")]
    At {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected.
        problem: String,
    },
}

impl ConfigError {
    /// Something in `file` cannot be used.
    pub fn at(file: &Path, line: usize, problem: impl Into<String>) -> Self {
        Self::At { file: file.to_owned(), line, problem: problem.into() }
    }
}

/// The text of a file. Overwritten when it is let go, for it may be that of the warrants.
fn read_text(file: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let unread = |error| ConfigError::Read { file: file.to_owned(), error };
    let open = File::open(file).map_err(unread)?;
    let length = open.metadata().map_or(0, |found| found.len()).min(LONGEST_FILE);
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    open.take(LONGEST_FILE + 1).read_to_end(&mut octets).map_err(unread)?;
    if octets.len() as u64 > LONGEST_FILE {
        return Err(ConfigError::at(file, 1, "expected a file of at most 64 MiB"));
    }
    String::from_utf8(std::mem::take(&mut *octets)).map(Zeroizing::new).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let octets = Zeroizing::new(error.into_bytes());
        let lines = octets.iter().take(good).filter(|&&octet| octet == b'\n').count();
        ConfigError::at(file, lines + 1, "expected UTF-8")
    })
}
