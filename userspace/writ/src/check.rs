//! `writ check`: whether the files can be used, before they are.

use crate::cli;
use crate::config::{Config, Lemfs, read_warrants};

/// Runs `writ check`.
pub fn run(arguments: &cli::Check) -> anyhow::Result<()> {
    let config = arguments.config.as_deref().map(Config::read_to_run).transpose()?;
    let mut lemfs = match &config {
        Some(config) => Lemfs::configured(config.lemf.iter().map(|lemf| lemf.name.clone()).collect()),
        None => Lemfs::open(Vec::new()),
    };
    let named = config.as_ref().and_then(|config| config.warrants.clone());
    if let Some(file) = arguments.warrants.clone().or(named) {
        let warrants = match &config {
            Some(config) if arguments.warrants.is_none() => config.read_warrants(&file, &mut lemfs)?,
            _ => read_warrants(&file, &mut lemfs)?,
        };
        println!("{}: {} warrants, good", file.display(), warrants.len());
    }
    if let (Some(file), Some(config)) = (&arguments.config, &config) {
        // The machine that runs may be another, and an interface may come later: no reason to call the file unusable.
        for absent in config.absent_interfaces() {
            eprintln!("writ: warning: {absent}");
        }
        match config.lacking() {
            None => println!("{}: good", file.display()),
            Some(_) if config.lacking_to_mediate().is_none() && config.interface.is_empty() => {
                println!("{}: good to mediate", file.display());
            }
            Some(lacking) => println!("{}: good for a replay; to run, {lacking}", file.display()),
        }
    }
    Ok(())
}
