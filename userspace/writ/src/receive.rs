//! `writ lemf`.

use crate::cli;

/// Runs `writ lemf`.
pub fn run(arguments: &cli::Lemf) -> anyhow::Result<()> {
    anyhow::bail!("{}", arguments.store.display())
}
