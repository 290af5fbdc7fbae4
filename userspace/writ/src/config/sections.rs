//! The tables of the configuration that are the program's own: what stands in each.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

/// `[wire]`: how frames become streams.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wire {
    /// TCP ports of mail servers; those of all interfaces where it is not set.
    pub mail_ports: Option<Vec<u16>>,
    /// Whether packets with wrong checksums are dropped.
    pub verify_checksums: Option<bool>,
    /// Whether the same addresses in different VLANs are different connections.
    pub vlan_in_key: Option<bool>,
    /// Connections followed at a time, by each worker.
    pub max_flows: Option<usize>,
    /// Seconds without a packet after which a connection is over.
    pub idle_time: Option<u64>,
    /// Seconds that octets are held when others before them are missing.
    pub hold_time: Option<u64>,
    /// Octets held in one direction of a connection.
    pub hold_octets: Option<usize>,
    /// Octets held by each worker in all.
    pub held_octets: Option<usize>,
}

/// `[intercept]`: what the operator knows of the mail servers that are watched.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Intercept {
    /// Domains whose mailboxes are on these servers.
    pub delivered_here: Vec<String>,
    /// The domain of logins that have none.
    pub default_domain: Option<String>,
    /// The same, for one server.
    pub server: Vec<Server>,
    /// Octets that one session may hold until it is known whether they are covered.
    pub hold_octets: Option<usize>,
    /// Octets that all sessions of a worker may hold together.
    pub held_octets: Option<usize>,
    /// How content of a compressed session is handed over.
    pub compressed: Option<Compressed>,
}

/// `intercept.compressed`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compressed {
    /// As what it says.
    Inflated,
    /// As it crossed the wire.
    Wire,
}

/// `[[intercept.server]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its address.
    pub address: IpAddr,
    /// The domain of logins that have none.
    pub default_domain: String,
}

/// `[metrics]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Where Prometheus reads them.
    pub listen: SocketAddr,
}

/// `[cores]`: which cores do what. Workers take theirs in turn; where the list is empty nothing is pinned.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cores {
    /// Cores of the workers, one for each queue.
    pub workers: Vec<usize>,
    /// The core of the delivery threads.
    pub delivery: Option<usize>,
}

impl Cores {
    /// The core of the worker with this number, if workers are pinned: they take them in turn.
    pub fn of_worker(&self, worker: usize) -> Option<usize> {
        let turn = worker.checked_rem(self.workers.len())?;
        self.workers.get(turn).copied()
    }
}
