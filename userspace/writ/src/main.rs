//! Writ: a passive appliance that answers a warrant for mail.

mod check;
mod cli;
mod clock;
mod config;
mod decode;
mod doctor;
mod harden;
mod ingest;
mod live;
mod mediate;
mod metrics;
mod receive;
mod replay;
mod report;
mod sources;
mod worker;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a configuration, a warrants file or a command line that cannot be used ends with.
const EXIT_USAGE: u8 = 2;
/// What anything else that went wrong ends with.
const EXIT_FAILURE: u8 = 1;

/// All of an error's causes on one line; libraries that put a cause into their own words are not made to say it twice.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
    }
    words
}

fn main() -> ExitCode {
    harden::secrets();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("WRIT_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let done = match cli::Cli::parse().command {
        cli::Command::Replay(arguments) => replay::run(&arguments),
        cli::Command::Run(arguments) => live::run(&arguments),
        cli::Command::Mediate(arguments) => mediate::run(&arguments),
        cli::Command::Check(arguments) => check::run(&arguments),
        cli::Command::Lemf(arguments) => receive::run(&arguments),
        cli::Command::Decode(arguments) => decode::run(&arguments),
        cli::Command::Doctor(arguments) => doctor::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The one place where errors become words and exit codes.
            eprintln!("writ: {}", in_words(&error));
            let usage = error.chain().any(|cause| cause.is::<config::ConfigError>());
            ExitCode::from(if usage { EXIT_USAGE } else { EXIT_FAILURE })
        }
    }
}
