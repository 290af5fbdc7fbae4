//! The configuration and the warrants file: TOML in, checked settings out, or one line that says what is wrong and where.

mod cpus;
mod document;
mod place;
mod settings;
mod validate;
mod warrants;
mod words;

use std::path::{Path, PathBuf};

pub use settings::{Config, Cores};
pub use warrants::{Lemfs, read_warrants};

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

fn read_text(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| ConfigError::Read { file: file.to_owned(), error })
}
