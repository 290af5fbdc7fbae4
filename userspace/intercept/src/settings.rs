//! What the operator says about the network, as far as interception depends on it.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
pub use writ_mail::imap::Compressed;

use crate::address;

/// Settings of this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Domains whose mailboxes are on the servers that are watched: a message taken for one has reached its
    /// destination (clause 7.7). In the form that [`address::domain_key`] gives.
    delivered_here: HashSet<String>,
    /// The domain of a login that has none, by server address.
    default_domains: HashMap<IpAddr, String>,
    /// The domain of a login that has none, on any other server.
    default_domain: Option<String>,
    /// Octets that all transactions of one session may hold until it is known whether they are covered, and as many again in
    /// its packets where some warrant wants packets.
    pub hold_octets: usize,
    /// Octets that all sessions of a worker may hold together until it is known what they are and whether they are covered. A
    /// session that holds more than the others leave it is given up.
    pub held_octets: usize,
    /// How content of a compressed IMAP4 session (RFC 4978) is handed over.
    pub compressed: Compressed,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            delivered_here: HashSet::new(),
            default_domains: HashMap::new(),
            default_domain: None,
            // Room for the envelope of a message with thousands of recipients, and for chunks sent ahead of replies.
            hold_octets: 1024 * 1024,
            // Hostile sessions hold a few MiB each; others a few KiB, where some warrant wants packets, and less elsewhere.
            held_octets: 512 * 1024 * 1024,
            compressed: Compressed::Inflated,
        }
    }
}

impl Settings {
    /// Adds a domain whose mailboxes are here.
    pub fn deliver_here(&mut self, domain: &str) {
        self.delivered_here.insert(address::domain_key(domain));
    }

    /// Sets the domain of logins that have none, for one server or for all others.
    pub fn default_domain(&mut self, server: Option<IpAddr>, domain: &str) {
        match server {
            Some(server) => drop(self.default_domains.insert(server.to_canonical(), domain.to_owned())),
            None => self.default_domain = Some(domain.to_owned()),
        }
    }

    /// Whether this mailbox is here.
    pub(crate) fn is_delivered_here(&self, mailbox: &str) -> bool {
        address::split(mailbox).is_some_and(|(_, domain)| self.delivered_here.contains(&address::domain_key(domain)))
    }

    /// The domain of addresses that have none, on this server: only where the operator named the server.
    pub(crate) fn domain_at(&self, server: IpAddr) -> Option<&str> {
        self.default_domains.get(&server.to_canonical()).map(String::as_str)
    }

    /// The domain of logins that have none, on this server.
    pub(crate) fn domain_of(&self, server: IpAddr) -> Option<&str> {
        self.default_domains.get(&server.to_canonical()).or(self.default_domain.as_ref()).map(String::as_str)
    }
}
