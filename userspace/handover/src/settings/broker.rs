//! `[lemf.broker]`: NATS JetStream in the place of a spool, between several appliances and the mediators that deliver.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{SettingsError, TlsSettings, check, is_host_port, seconds};
use crate::pdu::Interface;

/// The broker that an appliance puts PDUs into and a mediator takes them from: the same table for both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// `HOST:PORT` of each server of the broker.
    pub servers: Vec<String>,
    /// The key that PDUs are encrypted with in the broker: a file of 64 hexadecimal digits that nobody else can read, the
    /// same for every appliance and mediator.
    pub key: PathBuf,
    /// What the names of all streams and subjects begin with. `writ` unless set.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// Servers that each have all of it. 1 unless set.
    #[serde(default = "replicas")]
    pub replicas: usize,
    /// Octets that the broker may hold of HI2, for each appliance. 1 GiB unless set.
    #[serde(default = "iri")]
    pub iri: u64,
    /// Octets that it may hold of HI3, for each appliance. 8 GiB unless set.
    #[serde(default = "cc")]
    pub cc: u64,
    /// How long a mediator that is not heard of keeps what it delivers. 10 s unless set.
    #[serde(default = "lease", deserialize_with = "seconds")]
    pub lease: Duration,
    /// A credentials file of NATS, a JWT and the seed of its key, in a file that nobody else can read. None: the broker asks for none.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// TLS around the connections to it. None: plain TCP.
    #[serde(default)]
    pub tls: Option<BrokerTls>,
}

/// The files by which the broker and this end know each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerTls {
    /// Certificates (PEM) of those who may have signed that of the broker. No others are trusted.
    pub ca: PathBuf,
    /// Our own certificate (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM, without a passphrase), in a file that nobody else can read.
    pub key: PathBuf,
}

fn prefix() -> String {
    "writ".to_owned()
}

fn replicas() -> usize {
    1
}

fn iri() -> u64 {
    1 << 30
}

fn cc() -> u64 {
    8 << 30
}

fn lease() -> Duration {
    Duration::from_secs(10)
}

impl BrokerSettings {
    /// A broker of one server, everything else as it is unless set.
    pub fn at(server: impl Into<String>, key: impl Into<PathBuf>) -> Self {
        Self {
            servers: vec![server.into()],
            key: key.into(),
            prefix: prefix(),
            replicas: replicas(),
            iri: iri(),
            cc: cc(),
            lease: lease(),
            credentials: None,
            tls: None,
        }
    }

    /// Octets that the broker may hold for this interface.
    pub fn limit(&self, interface: Interface) -> u64 {
        match interface {
            Interface::Hi2 => self.iri,
            Interface::Hi3 => self.cc,
        }
    }

    /// The same, with paths that are relative taken from this folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        self.key = folder.join(&self.key);
        self.credentials = self.credentials.map(|file| folder.join(file));
        if let Some(tls) = &mut self.tls {
            for path in [&mut tls.ca, &mut tls.certificate, &mut tls.key] {
                *path = folder.join(&*path);
            }
        }
        self
    }

    /// Checks what the types do not. `name` is that of the table.
    pub(super) fn validate(&self, name: &str) -> Result<(), SettingsError> {
        let at = |setting: &str| format!("{name}.{setting}");
        let servers_good = !self.servers.is_empty() && self.servers.iter().all(|server| is_host_port(server));
        check(at("servers"), servers_good, "at least one HOST:PORT, an IPv6 address in brackets")?;
        check(at("key"), !self.key.as_os_str().is_empty(), "the path of a file")?;
        let good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let prefix_good = (1..=32).contains(&self.prefix.len()) && self.prefix.bytes().all(good);
        check(at("prefix"), prefix_good, "1 to 32 letters, digits and -")?;
        check(at("replicas"), (1..=5).contains(&self.replicas), "servers, 1 to 5")?;
        for (setting, octets) in [("iri", self.iri), ("cc", self.cc)] {
            check(at(setting), (1 << 20..=1 << 50).contains(&octets), "octets, 1048576 to 1125899906842624")?;
        }
        let lease_good = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&self.lease);
        check(at("lease"), lease_good, "seconds, 1 to 600")?;
        let credentials_good = self.credentials.as_ref().is_none_or(|file| !file.as_os_str().is_empty());
        check(at("credentials"), credentials_good, "the path of a file")?;
        let files =
            self.tls.iter().flat_map(|tls| [("ca", &tls.ca), ("certificate", &tls.certificate), ("key", &tls.key)]);
        for (setting, path) in files {
            check(at(&format!("tls.{setting}")), !path.as_os_str().is_empty(), "the path of a file")?;
        }
        Ok(())
    }
}

impl BrokerTls {
    /// The same files as those of a connection to an LEMF, to be checked as those are.
    pub fn files(&self) -> TlsSettings {
        TlsSettings {
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            server_name: None,
            allow_tls12: false,
        }
    }
}
