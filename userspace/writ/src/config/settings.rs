//! The configuration file.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use writ_handover::settings::{HandoverSettings, LemfSettings, SettingsError, validate_lemfs};

use super::{ConfigError, read_text};

/// Everything that an operator can set but the warrants.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The warrants file, relative to the configuration's folder. `run` needs it.
    pub warrants: Option<PathBuf>,
    /// Where state is kept that must outlive a restart, relative to the configuration's folder. `run` needs it.
    pub state: Option<PathBuf>,
    /// `[handover]`.
    pub handover: Option<HandoverSettings>,
    /// `[[lemf]]`.
    pub lemf: Vec<LemfSettings>,
    /// `[[interface]]`.
    pub interface: Vec<writ_capture::afxdp::Settings>,
    /// `[wire]`.
    pub wire: Wire,
    /// `[intercept]`.
    pub intercept: Intercept,
    /// `[metrics]`.
    pub metrics: Option<Metrics>,
    /// `[cores]`.
    pub cores: Cores,
}

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

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// The first thing in it that cannot be used, with its line.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = read_text(file)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            ConfigError::at(file, line, error.message().lines().next().unwrap_or("expected TOML"))
        })?;
        config.validate().map_err(|(place, problem)| ConfigError::at(file, place.line(&text), problem))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        for path in [&mut config.warrants, &mut config.state].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        Ok(config)
    }

    fn validate(&self) -> Result<(), (Place, String)> {
        let of = |error: SettingsError| (Place::of_setting(&error), error.to_string());
        if let Some(handover) = &self.handover {
            handover.validate().map_err(of)?;
        }
        validate_lemfs(&self.lemf).map_err(of)?;
        for interface in &self.interface {
            interface
                .check()
                .map_err(|error| (Place::key("interface", Some(&interface.interface), None), error.to_string()))?;
        }
        let duration = |key: &str, seconds: Option<u64>| match seconds {
            Some(0) => Err((Place::key("wire", None, Some(key)), format!("wire.{key}: expected seconds, above 0"))),
            _ => Ok(()),
        };
        duration("idle_time", self.wire.idle_time)?;
        duration("hold_time", self.wire.hold_time)?;
        if self.wire.max_flows == Some(0) {
            return Err((Place::key("wire", None, Some("max_flows")), "wire.max_flows: expected at least 1".into()));
        }
        Ok(())
    }

    /// Settings for `writ-wire`.
    pub fn wire_settings(&self) -> writ_wire::Settings {
        let mut settings = writ_wire::Settings::default();
        let of_interfaces = || {
            let ports: Vec<u16> =
                self.interface.iter().flat_map(|interface| interface.mail_ports.iter().copied()).collect();
            (!ports.is_empty()).then_some(ports)
        };
        if let Some(ports) = self.wire.mail_ports.clone().or_else(of_interfaces) {
            settings.server_ports = ports.into_iter().collect();
        }
        let wire = &self.wire;
        set(&mut settings.verify_checksums, wire.verify_checksums);
        set(&mut settings.vlan_in_key, wire.vlan_in_key);
        set(&mut settings.max_flows, wire.max_flows);
        set(&mut settings.idle_time, wire.idle_time.map(Duration::from_secs));
        set(&mut settings.hold_time, wire.hold_time.map(Duration::from_secs));
        set(&mut settings.hold_octets, wire.hold_octets);
        set(&mut settings.held_octets, wire.held_octets);
        settings
    }

    /// Settings for `writ-intercept`.
    pub fn intercept_settings(&self) -> writ_intercept::Settings {
        let mut settings = writ_intercept::Settings::default();
        for domain in &self.intercept.delivered_here {
            settings.deliver_here(domain);
        }
        if let Some(domain) = &self.intercept.default_domain {
            settings.default_domain(None, domain);
        }
        for server in &self.intercept.server {
            settings.default_domain(Some(server.address), &server.default_domain);
        }
        set(&mut settings.hold_octets, self.intercept.hold_octets);
        settings
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().get(..offset).unwrap_or(text.as_bytes()).iter().filter(|&&octet| octet == b'\n').count() + 1
}

/// Where a setting stands that was refused after the file was read.
struct Place {
    table: String,
    /// The table's `name` (or `interface`), where there are several.
    name: Option<String>,
    key: Option<String>,
}

impl Place {
    fn key(table: &str, name: Option<&str>, key: Option<&str>) -> Self {
        Self { table: table.to_owned(), name: name.map(str::to_owned), key: key.map(str::to_owned) }
    }

    fn of_setting(error: &SettingsError) -> Self {
        match error {
            SettingsError::Invalid { setting, .. } => {
                let (table, rest) = setting.split_once('.').unwrap_or((setting, ""));
                match (table, rest.rsplit_once('.')) {
                    // `lemf.NAME.keep_alive.time1`: the name may hold dots, the keys do not.
                    ("lemf", Some((name, key))) => {
                        Self::key(table, Some(name.strip_suffix(".keep_alive").unwrap_or(name)), Some(key))
                    }
                    _ => Self::key(table, None, Some(rest)),
                }
            }
            SettingsError::DuplicateLemf { name } => Self::key("lemf", Some(name), None),
        }
    }

    /// The line of the key, or of its table.
    fn line(&self, text: &str) -> usize {
        let (mut in_table, mut found, mut table_line) = (false, None, 1);
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            let header = line.trim_start_matches('[').split([']', '#']).next().unwrap_or_default().trim();
            if line.starts_with('[') {
                let (was_in, is_in) = (
                    in_table,
                    header == self.table || header.strip_prefix(&self.table).is_some_and(|rest| rest.starts_with('.')),
                );
                in_table = is_in;
                if header == self.table {
                    if was_in && self.name.is_some() && found.is_some() {
                        break;
                    }
                    table_line = number;
                    if self.name.is_some() {
                        found = None;
                    }
                }
                continue;
            }
            if !in_table {
                continue;
            }
            let (key, value) = line.split_once('=').map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            if self
                .name
                .as_deref()
                .is_some_and(|name| matches!(key, "name" | "interface") && value.trim_matches(['"', '\'']) == name)
            {
                found = found.or(Some(table_line));
            }
            let wanted =
                self.key.as_deref().is_some_and(|wanted| wanted == key || wanted.ends_with(&format!(".{key}")));
            if wanted && (self.name.is_none() || found.is_some()) {
                return number;
            }
        }
        found.unwrap_or(table_line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("writ.toml");
        std::fs::write(&file, text).unwrap();
        Config::read(&file).map_err(|error| error.to_string().replace(&file.display().to_string(), "C"))
    }

    #[test]
    fn a_configuration_is_read() {
        let config = read(
            "warrants = \"w.toml\"\n[handover]\noperator_identifier = \"OP\"\n[[lemf]]\nname = \"lea-1\"\naddress = \"127.0.0.1:1\"\n\
             [wire]\nidle_time = 7\n[intercept]\ndelivered_here = [\"Example.ORG\"]\n",
        )
        .unwrap();
        assert!(config.warrants.as_ref().is_some_and(|path| path.is_absolute() && path.ends_with("w.toml")));
        assert_eq!(config.wire_settings().idle_time, Duration::from_secs(7));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            ("warants = \"x\"\n", "C:1: unknown field"),
            ("[handover]\noperator_identifier = \"\"\n", "C:2: handover.operator_identifier: expected 1 to 16 octets"),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[lemf]]\nname = \"b\"\naddress = \"nowhere\"\n",
                "C:6: lemf.b.address: expected HOST:PORT",
            ),
            ("[[lemf]]\nname = \"a\"\n", "C:1: lemf.a.address: expected an address"),
            ("\n[wire]\n\nidle_time = 0\n", "C:4: wire.idle_time: expected seconds"),
            ("[metrics]\nlisten = \"here\"\n", "C:2: "),
            ("[[interface]]\ninterface = \"eth7\"\nframe_count = 3\n", "C:"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
