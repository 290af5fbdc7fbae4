//! `[lemf.tls]`: TLS towards an LEMF.

use std::path::{Path, PathBuf};

use rustls::pki_types::ServerName;
use serde::Deserialize;

/// The files and the name by which both ends of a connection know each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Certificates (PEM) of those who may have signed that of the LEMF. No others are trusted, the system's neither.
    pub ca: PathBuf,
    /// Our own certificate (PEM), first in its file, and those between it and what the LEMF trusts.
    pub certificate: PathBuf,
    /// The private key of our certificate (PEM, without a passphrase), in a file that nobody else can read.
    pub key: PathBuf,
    /// The name, or the IP address, that the LEMF's certificate has to be for. The host of the address unless set.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Whether TLS 1.2 will do, where the LEMF has no TLS 1.3.
    #[serde(default)]
    pub allow_tls12: bool,
}

impl TlsSettings {
    /// The same, with paths that are relative taken from this folder.
    #[must_use]
    pub fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.ca, &mut self.certificate, &mut self.key] {
            *path = folder.join(&*path);
        }
        self
    }

    /// The name that the certificate has to be for, of an LEMF at this `HOST:PORT`.
    pub(crate) fn expected_name(&self, address: &str) -> Option<ServerName<'static>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = self.server_name.as_deref().unwrap_or(host);
        ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_host_unless_it_is_set() {
        let mut tls: TlsSettings = toml::from_str("ca = \"ca\"\ncertificate = \"c\"\nkey = \"/k\"").unwrap();
        let name = |tls: &TlsSettings, address: &str| tls.expected_name(address).map(|name| name.to_str().into_owned());
        for (address, expected) in [
            ("lea.example:5000", "lea.example"),
            ("lea.example.:5000", "lea.example"),
            ("192.0.2.1:1", "192.0.2.1"),
            ("[2001:db8::1]:1", "2001:db8::1"),
        ] {
            assert_eq!(name(&tls, address).as_deref(), Some(expected));
        }
        tls.server_name = Some("other.example".to_owned());
        assert_eq!(name(&tls, "192.0.2.1:1").as_deref(), Some("other.example"));
        tls.server_name = Some("no name".to_owned());
        assert_eq!(name(&tls, "192.0.2.1:1"), None);
        let placed = tls.relative_to(Path::new("/etc/writ"));
        assert_eq!((placed.ca.as_path(), placed.key.as_path()), (Path::new("/etc/writ/ca"), Path::new("/k")));
    }
}
