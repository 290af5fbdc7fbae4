//! `[ingest]`: where messaging systems say what has happened.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use writ_handover::tls::ServerTlsSettings;

use super::Config;
use super::here;
use super::validate::Wrong;

/// `[ingest]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificates of those who may have signed that of a messaging system.
    pub client_ca: PathBuf,
    /// The certificate of the endpoint.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whether TLS 1.2 will do.
    #[serde(default)]
    pub allow_tls12: bool,
    /// Seconds without an event after which a logical sequence is over.
    #[serde(default = "idle_time")]
    pub idle_time: u64,
    /// Octets of a request.
    #[serde(default = "max_body")]
    pub max_body: usize,
    /// Connections at a time, of those who have shown a certificate.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Of these, those of one certificate.
    #[serde(default = "connections_per_client")]
    pub connections_per_client: usize,
    /// Connections at a time of those who have not shown a certificate yet.
    #[serde(default = "handshakes")]
    pub handshakes: usize,
    /// Of these, those from one address, of IPv6 one /64.
    #[serde(default = "handshakes_per_address")]
    pub handshakes_per_address: usize,
    /// LEMFs with which it is agreed that original messages go along.
    #[serde(default)]
    pub original_message_to: Vec<String>,
    /// LEMFs with which it is agreed that content of what the target does with its own box does not go along.
    #[serde(default)]
    pub no_own_access_to: Vec<String>,
}

fn connections() -> usize {
    64
}

fn connections_per_client() -> usize {
    16
}

fn handshakes() -> usize {
    256
}

fn handshakes_per_address() -> usize {
    64
}

fn idle_time() -> u64 {
    writ_messaging::Settings::default().idle_time.as_secs()
}

fn max_body() -> usize {
    8 << 20
}

/// The most octets of a request: content in base64 is three quarters of it, and has to fit into one consignment.
const MOST_BODY: usize = 64 << 20;

impl Ingest {
    /// The same, with paths that are relative taken from this folder.
    pub(super) fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.client_ca, &mut self.certificate, &mut self.key] {
            *path = folder.join(&*path);
        }
        self
    }

    /// The files of TLS.
    pub fn tls(&self) -> ServerTlsSettings {
        ServerTlsSettings {
            client_ca: self.client_ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            allow_tls12: self.allow_tls12,
        }
    }

    /// Settings for `writ-messaging`, where the LEMFs have these names.
    pub fn messaging(&self, lemfs: &[String]) -> writ_messaging::Settings {
        let of = |name: &String| lemfs.iter().position(|lemf| lemf == name);
        writ_messaging::Settings {
            idle_time: Duration::from_secs(self.idle_time),
            original_message_to: self.original_message_to.iter().filter_map(of).collect(),
            without_own_access: self.no_own_access_to.iter().filter_map(of).collect(),
            ..writ_messaging::Settings::default()
        }
    }
}

impl Config {
    /// Checks what can be checked without a look at a file.
    pub(super) fn ingest(&self) -> Result<(), Wrong> {
        let Some(ingest) = &self.ingest else { return Ok(()) };
        let wrong = |key: &str, expected: &str| {
            Err((vec!["ingest".into(), key.into()], format!("ingest.{key}: expected {expected}")))
        };
        for (key, path) in
            [("client_ca", &ingest.client_ca), ("certificate", &ingest.certificate), ("key", &ingest.key)]
        {
            if path.as_os_str().is_empty() {
                return wrong(key, "the path of a file");
            }
        }
        // The kernel would choose one, and nobody could tell the messaging systems which.
        if ingest.listen.port() == 0 {
            return wrong("listen", "a port above 0");
        }
        if self.metrics.as_ref().is_some_and(|metrics| metrics.listen == ingest.listen) {
            return wrong("listen", "an address that is not that of [metrics]");
        }
        if !(1..=86_400).contains(&ingest.idle_time) {
            return wrong("idle_time", "seconds, 1 to 86400");
        }
        if !(65_536..=MOST_BODY).contains(&ingest.max_body) {
            return wrong("max_body", "octets, 65536 to 67108864");
        }
        for (key, limit, most) in [
            ("connections", ingest.connections, 4096),
            ("connections_per_client", ingest.connections_per_client, 4096),
            ("handshakes", ingest.handshakes, 4096),
            ("handshakes_per_address", ingest.handshakes_per_address, 4096),
        ] {
            if !(1..=most).contains(&limit) {
                return wrong(key, &format!("a number, 1 to {most}"));
            }
        }
        let is_known = |name: &String| self.lemf.iter().any(|lemf| lemf.name == *name);
        for (key, names) in
            [("original_message_to", &ingest.original_message_to), ("no_own_access_to", &ingest.no_own_access_to)]
        {
            if let Some(at) = names.iter().position(|name| !is_known(name)) {
                let place = vec!["ingest".into(), key.into(), at.into()];
                return Err((place, format!("ingest.{key}: expected names of [[lemf]]")));
            }
        }
        Ok(())
    }

    /// Reads the files, as a run does.
    pub(super) fn ingest_here(&self, folder: &Path) -> Result<(), Wrong> {
        let Some(ingest) = &self.ingest else { return Ok(()) };
        let wrong = |key: &str, problem: String| (vec!["ingest".into(), key.into()], format!("ingest.{problem}"));
        if !here::is_local(ingest.listen.ip()) {
            return Err(wrong("listen", "listen: expected an address of this machine".to_owned()));
        }
        let tls = ingest.tls().relative_to(folder);
        writ_handover::tls::server(&tls).map(drop).map_err(|error| wrong(error.setting, error.to_string()))
    }
}
