//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use writ_handover::settings::is_host_port;

/// A passive appliance that answers a warrant for mail: watches SMTP, POP3 and IMAP4 on the wire and hands over exactly what a
/// warrant covers, as ETSI TS 102 232-2 sets it.
#[derive(Debug, Parser)]
#[command(name = "writ", version, about, long_about = None)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads capture files through the same pipeline as a live interface.
    Replay(Replay),
    /// Runs live on the interfaces of the configuration until SIGTERM; SIGHUP reads the warrants again.
    Run(Run),
    /// Takes from the broker what appliances put there and delivers it, until SIGTERM.
    Mediate(Mediate),
    /// Says whether a configuration and a warrants file can be used.
    Check(Check),
    /// Receives PDUs as a monitoring facility would: the reference receiver.
    Lemf(Lemf),
    /// Prints PDUs from a file.
    Decode(Decode),
    /// Says whether this machine lets Writ see every packet, and what to change where it does not. Changes nothing.
    Doctor(Doctor),
}

fn host_port(text: &str) -> Result<String, &'static str> {
    is_host_port(text).then(|| text.to_owned()).ok_or("expected HOST:PORT, an IPv6 address in brackets")
}

/// `writ replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Capture files (pcap or pcapng, plain or gzip), read in this order.
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// The warrants (TOML).
    #[arg(long, value_name = "FILE")]
    pub warrants: PathBuf,
    /// The configuration (TOML). A replay needs none.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Writes the PDUs of all LEMFs to this file, back to back.
    #[arg(long, value_name = "FILE.etsi", conflicts_with = "lemf")]
    pub out: Option<PathBuf>,
    /// Delivers the PDUs of all LEMFs to this address, whatever the configuration says.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    pub lemf: Option<String>,
    /// Shows each record as a line of JSON; the counters then go to standard error.
    #[arg(long, conflicts_with_all = ["out", "lemf"])]
    pub json: bool,
    /// Keeps to the pace of the capture instead of full speed.
    #[arg(long)]
    pub realtime: bool,
}

/// `writ run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The configuration (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `writ mediate`.
#[derive(Debug, Args)]
pub struct Mediate {
    /// The configuration (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `writ check`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Check {
    /// The configuration (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The warrants (TOML).
    #[arg(long, value_name = "FILE")]
    pub warrants: Option<PathBuf>,
}

/// `writ lemf`.
#[derive(Debug, Args)]
pub struct Lemf {
    /// Where to listen.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: String,
    /// The folder where everything that is received is kept.
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// Whether PDUs are acknowledged to a sender that asks for it; `never` leaves the question without an answer.
    #[arg(long, value_enum, value_name = "WORD", default_value_t)]
    pub acknowledge: Acknowledge,
    /// Serves TLS with this certificate (PEM), those between it and what senders trust after it.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_client_ca"])]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Those who may have signed the certificate of a sender (PEM). A sender without one is refused.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_client_ca: Option<PathBuf>,
    #[command(flatten)]
    pub keys: Keys,
}

/// `writ lemf --acknowledge`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Acknowledge {
    /// Once they are on disk.
    #[default]
    Accept,
    /// No, and the sender is told.
    Decline,
    /// No, and the sender is told nothing.
    Never,
}

/// Keys that were agreed with the sender.
#[derive(Debug, Args)]
pub struct Keys {
    /// The key of encrypted PDUs, in hexadecimal digits: 48 for AES-192, 64 for AES-256.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The public key (PEM) that signatures are verified with.
    #[arg(long, value_name = "FILE.pem")]
    pub verify_key: Option<PathBuf>,
}

/// `writ decode`.
#[derive(Debug, Args)]
pub struct Decode {
    /// PDUs back to back, as `replay --out` writes them.
    #[arg(value_name = "FILE.etsi")]
    pub file: PathBuf,
    /// Prints each PDU as a line of JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub keys: Keys,
}

/// `writ doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The configuration (TOML): its interfaces and cores are looked at.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lemf_without_a_port_is_a_slip_of_the_command_line() {
        let parse =
            |lemf: &str| Cli::try_parse_from(["writ", "replay", "x.pcap", "--warrants", "w.toml", "--lemf", lemf]);
        for good in ["127.0.0.1:1", "[::1]:9301", "lemf.example:9301"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for wrong in ["127.0.0.1", "127.0.0.1:", "::1:9301", ":9301", "h:0", "h:70000"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.to_string().contains("expected HOST:PORT"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
