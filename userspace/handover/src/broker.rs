//! PDUs through NATS JetStream, in the place of a spool: appliances publish them, mediators take them and deliver.
//!
//! ```text
//! appliance:  encoder ─► buffer ─► Publisher ─► broker       one stream for each LEMF, interface and appliance
//! mediator:   broker ─► Relay ─► buffer ─► connection ─► LEMF     one relay, which holds the lease, for each stream
//! ```
//!
//! docs/mediation.md says what is promised and what crosses the broker.

mod envelope;
mod lease;
mod publisher;
mod reader;
mod relay;
mod removal;

use std::fmt::Display;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use thiserror::Error;
use tokio::sync::watch;
use zeroize::Zeroizing;

pub(crate) use self::publisher::Publisher;
pub(crate) use self::relay::{Ends, Relay};
use crate::key_file::{self, KeyFileError};
use crate::pdu::Interface;
use crate::settings::BrokerSettings;
use crate::spool::KeyError;
use crate::spool::key::SpoolKey;
use crate::tls::TlsFileError;

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// How long after a failure the broker is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Octets of a credentials file at most.
const LONGEST_CREDENTIALS: u64 = 16 << 10;

/// The broker cannot be used now.
#[derive(Debug, Error)]
pub(crate) enum BrokerError {
    /// The key file.
    #[error("{file}: {source}")]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A file of `tls`.
    #[error("tls.{0}")]
    Tls(#[from] TlsFileError),
    /// The file of `credentials`.
    #[error("credentials: {problem}: {file}")]
    Credentials {
        /// The file.
        file: PathBuf,
        /// What is wrong with it; nothing of what is in it.
        problem: String,
    },
    /// There is no connection.
    #[error("no connection to the broker: {0}")]
    Connection(String),
    /// The connection was lost.
    #[error("the connection to the broker was lost")]
    Lost,
    /// It did not do what it was asked for. The words are the broker's, about streams and limits.
    #[error("the broker refused {asked}: {words}")]
    Refused {
        /// What.
        asked: &'static str,
        /// What it said.
        words: String,
    },
    /// It takes no messages of the length that is needed.
    #[error("expected a broker with a max_payload of at least {expected} octets, not {found}")]
    Payload {
        /// What is needed.
        expected: usize,
        /// What it takes.
        found: usize,
    },
    /// Nothing can be encrypted.
    #[error("cannot encrypt")]
    Sealing,
    /// What is in the broker cannot be opened.
    #[error("what an appliance put into the broker cannot be opened: {0}")]
    Unopened(String),
}

impl BrokerError {
    fn refused<E: Display>(asked: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Refused { asked, words: error.to_string() }
    }
}

/// What one stream is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Course {
    pub(crate) prefix: String,
    pub(crate) lemf: String,
    pub(crate) interface: Interface,
    pub(crate) appliance: String,
}

impl Course {
    /// The subject. No part of it names a target.
    pub(crate) fn subject(&self) -> String {
        let Self { prefix, lemf, interface, appliance } = self;
        format!("{prefix}.{}.{}.{}", token(lemf), interface.name(), token(appliance))
    }

    /// The name of the stream.
    fn stream(&self) -> String {
        self.subject().replace('.', "_")
    }

    /// The key of the lease.
    fn lease(&self) -> String {
        format!("{}.{}.{}", token(&self.lemf), self.interface.name(), token(&self.appliance))
    }

    /// What a stream of this name is for, if it is one of ours.
    pub(crate) fn of_stream(name: &str) -> Option<Self> {
        let mut parts = name.split('_');
        let (prefix, lemf, interface, appliance) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let interface = Interface::ALL.into_iter().find(|known| known.name() == interface)?;
        let course =
            Self { prefix: prefix.to_owned(), lemf: untoken(lemf)?, interface, appliance: untoken(appliance)? };
        (parts.next().is_none() && course.stream() == name).then_some(course)
    }
}

/// A name as a token of a subject, of a stream's name and of a key: what is no letter, digit or `-` as `=` and two
/// hexadecimal digits.
fn token(name: &str) -> String {
    let mut token = String::new();
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || octet == b'-' {
            token.push(octet.into());
        } else {
            token.push_str(&format!("={octet:02X}"));
        }
    }
    token
}

fn untoken(token: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut rest = token.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'=' {
            let (digits, after) = rest.split_at_checked(2)?;
            octets.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            octets.push(*first);
        }
    }
    String::from_utf8(octets).ok()
}

/// Whether the files of the settings can be used now: which of the settings cannot, and why.
///
/// # Errors
/// The first that cannot.
pub fn check(settings: &BrokerSettings) -> Result<(), (&'static str, String)> {
    SpoolKey::read(&settings.key).map_err(|error| ("key", format!("{error}: {}", settings.key.display())))?;
    if let Some(file) = &settings.credentials {
        let read = credentials(file).and_then(|text| with_credentials(ConnectOptions::new(), &text));
        read.map_err(|problem| ("credentials", format!("{problem}: {}", file.display())))?;
    }
    match &settings.tls {
        Some(tls) => crate::tls::check(&tls.files()).map_err(|error| ("tls", error.to_string())),
        None => Ok(()),
    }
}

/// Reads a credentials file.
fn credentials(file: &Path) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_CREDENTIALS as usize));
    let read = key_file::open(file).and_then(|file| Ok(file.take(LONGEST_CREDENTIALS).read_to_string(&mut text)?));
    read.map(|_| text).map_err(|error| match error {
        KeyFileError::Read(error) => format!("expected a file that can be read ({})", error.kind()),
        open @ KeyFileError::Open => open.to_string(),
    })
}

fn with_credentials(options: ConnectOptions, text: &str) -> Result<ConnectOptions, String> {
    // What the library says of a file that is none may hold some of it.
    options.credentials(text).map_err(|_| "expected a credentials file of NATS, with a JWT and a seed".to_owned())
}

fn key(settings: &BrokerSettings) -> Result<SpoolKey, BrokerError> {
    SpoolKey::read(&settings.key).map_err(|source| BrokerError::KeyFile { file: settings.key.clone(), source })
}

/// A connection to the broker.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    /// Whether the connection stands now.
    pub(crate) connected: watch::Receiver<bool>,
}

/// Connects. The connection is opened anew by itself when it is lost, for as long as the session is kept.
pub(crate) async fn connect(settings: &BrokerSettings, name: &str) -> Result<Session, BrokerError> {
    let (state, connected) = watch::channel(true);
    let mut options = ConnectOptions::new()
        .name(name)
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        .reconnect_delay_callback(|attempts| RETRY.min(Duration::from_millis(50 * attempts as u64)))
        .event_callback(move |event| {
            match event {
                Event::Connected => _ = state.send_replace(true),
                Event::Disconnected | Event::Closed => _ = state.send_replace(false),
                _ => {}
            }
            std::future::ready(())
        });
    if let Some(file) = settings.credentials.clone() {
        let path = file.clone();
        let read = tokio::task::spawn_blocking(move || credentials(&path)).await;
        let text = read.unwrap_or_else(|error| Err(error.to_string()));
        let with = text.and_then(|text| with_credentials(options, &text));
        options = with.map_err(|problem| BrokerError::Credentials { file, problem })?;
    }
    let mut scheme = "nats";
    if let Some(tls) = &settings.tls {
        let files = tls.files();
        // Checked as strictly as those towards an LEMF; off this thread, for a file system may hang.
        let checked = tokio::task::spawn_blocking(move || crate::tls::check(&files)).await;
        checked.map_err(|error| BrokerError::Connection(error.to_string()))??;
        options = options
            .require_tls(true)
            .add_root_certificates(tls.ca.clone())
            .add_client_certificate(tls.certificate.clone(), tls.key.clone());
        scheme = "tls";
    }
    let servers: Vec<String> = settings.servers.iter().map(|server| format!("{scheme}://{server}")).collect();
    let client = options.connect(servers).await.map_err(|error| BrokerError::Connection(error.to_string()))?;
    let jetstream = jetstream::context::ContextBuilder::new().timeout(ANSWER).build(client.clone());
    Ok(Session { client, jetstream, connected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_stream_says_what_it_is_for() {
        for (lemf, appliance) in [("lea-1", "NE1"), ("a.b_c d", "x=*>y"), ("é", "a/b\\c")] {
            let course = Course {
                prefix: "writ".to_owned(),
                lemf: lemf.to_owned(),
                interface: Interface::Hi3,
                appliance: appliance.to_owned(),
            };
            let stream = course.stream();
            assert!(!stream.contains(|c: char| c.is_whitespace() || ".*>/\\".contains(c)), "{stream}");
            assert_eq!(Course::of_stream(&stream), Some(course));
        }
        for other in
            ["KV_writ-leases", "writ_lea-1_hi4_NE1", "writ_lea-1_hi2", "writ_lea-1_hi2_NE1_x", "writ_a=zz_hi2_b"]
        {
            assert_eq!(Course::of_stream(other), None, "{other}");
        }
    }
}
