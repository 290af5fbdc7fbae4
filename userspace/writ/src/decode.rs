//! `writ decode`.

use crate::cli;

/// Runs `writ decode`.
pub fn run(arguments: &cli::Decode) -> anyhow::Result<()> {
    anyhow::bail!("{}", arguments.file.display())
}
