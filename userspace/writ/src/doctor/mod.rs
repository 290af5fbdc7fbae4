//! `writ doctor`: whether the machine lets Writ see every packet, and what to change where it does not.
//!
//! `machine.rs` asks, `interface.rs` and `host.rs` judge, and this file tells. Nothing is changed.

mod host;
mod interface;
mod machine;
mod memory;

use std::fmt;

use anyhow::bail;

use crate::cli;
use crate::config::Config;
use machine::Machine;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    /// As it should be.
    Good,
    /// It costs speed, or cannot be known.
    Advice,
    /// Packets are missed, or seen as they were not on the wire.
    Problem,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Advice => "advice",
            Self::Problem => "problem",
        })
    }
}

/// What was found about one thing.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    /// The interface, or `machine`.
    of: String,
    /// What was looked at.
    what: &'static str,
    /// How it stands, in words.
    found: String,
    /// What to do about it, and why.
    advice: Option<String>,
}

impl Finding {
    fn good(of: &str, what: &'static str, found: impl Into<String>) -> Self {
        Self { grade: Grade::Good, of: of.to_owned(), what, found: found.into(), advice: None }
    }

    fn advice(of: &str, what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Advice, advice: Some(advice.into()), ..Self::good(of, what, found) }
    }

    fn problem(of: &str, what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { grade: Grade::Problem, ..Self::advice(of, what, found, advice) }
    }
}

/// Says in the log which of its interfaces' problems there are, at the start of a run: nobody may have asked.
pub fn warn(config: &Config) {
    let machine = Machine::here();
    for settings in &config.interface {
        for finding in interface::examine(&machine, settings, &config.cores) {
            if finding.grade == Grade::Problem {
                let (interface, what, advice) = (finding.of, finding.what, finding.advice.unwrap_or_default());
                tracing::warn!(interface, what, found = finding.found, "{advice}");
            }
        }
    }
}

/// Runs `writ doctor`.
pub fn run(arguments: &cli::Doctor) -> anyhow::Result<()> {
    let config = Config::read(&arguments.config)?;
    let machine = Machine::here();
    let mut findings = host::examine(&machine, &config.cores);
    for settings in &config.interface {
        findings.extend(interface::examine(&machine, settings, &config.cores));
    }
    for finding in &findings {
        println!("{:<8} {:<12} {:<18} {}", finding.grade, finding.of, finding.what, finding.found);
        if let Some(advice) = &finding.advice {
            println!("{:40} {advice}", "");
        }
    }
    let problems = findings.iter().filter(|finding| finding.grade == Grade::Problem).count();
    if problems > 0 {
        bail!("{problems} of {} things found are problems", findings.len());
    }
    Ok(())
}
