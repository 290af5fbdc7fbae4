//! The configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use writ_handover::agreement::{Agreement, AgreementSettings};
use writ_handover::settings::{HandoverSettings, LemfSettings};
use writ_intercept::Warrant;

use super::place::{key_at, line_at, line_of, says_nothing};
use super::sections::{Compressed, Cores, Intercept, Metrics, Wire};
use super::validate::Wrong;
use super::warrants::{Lemfs, read_warrants};
use super::{ConfigError, Ingest, here, read_text, words};

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
    /// `[[agreement]]`.
    pub agreement: Vec<AgreementSettings>,
    /// `[[interface]]`.
    pub interface: Vec<writ_capture::afxdp::Settings>,
    /// `[wire]`.
    pub wire: Wire,
    /// `[intercept]`.
    pub intercept: Intercept,
    /// `[ingest]`.
    pub ingest: Option<Ingest>,
    /// `[metrics]`.
    pub metrics: Option<Metrics>,
    /// `[cores]`.
    pub cores: Cores,
    /// Where some of it stands in its file.
    #[serde(skip)]
    lines: Lines,
}

/// Lines of settings whose faults show only later.
#[derive(Debug, Default)]
struct Lines {
    file: PathBuf,
    warrants: usize,
    interfaces: Vec<usize>,
    agreements: Vec<usize>,
}

impl Config {
    /// Reads a configuration file, as for a replay: what it says of a machine's cores may be about another one.
    ///
    /// # Errors
    /// The first thing in it that cannot be used, with its line.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        Self::load(file, |_, _| Ok(()))
    }

    /// Reads a configuration file, to run here.
    ///
    /// # Errors
    /// As [`read`](Self::read), or a core, a folder or an address that this machine does not have.
    pub fn read_to_run(file: &Path) -> Result<Self, ConfigError> {
        Self::load(file, Self::validate_here)
    }

    fn load(file: &Path, further: impl Fn(&Self, &Path) -> Result<(), Wrong>) -> Result<Self, ConfigError> {
        let text = read_text(file)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ConfigError::at(file, line_at(&text, at), words::problem(error.message(), &key_at(&text, at)))
        })?;
        if says_nothing(&text) {
            return Err(ConfigError::at(file, 1, "expected settings: there are none"));
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        config
            .validate()
            .and_then(|()| further(&config, folder))
            .map_err(|(place, problem)| ConfigError::at(file, line_of(&text, &place), problem))?;
        let of_interface = |at: usize| line_of(&text, &["interface".into(), at.into(), "interface".into()]);
        let of_agreement = |at: usize| line_of(&text, &["agreement".into(), at.into(), "lemf".into()]);
        config.lines = Lines {
            file: file.to_owned(),
            warrants: line_of(&text, &["warrants".into()]),
            interfaces: (0..config.interface.len()).map(of_interface).collect(),
            agreements: (0..config.agreement.len()).map(of_agreement).collect(),
        };
        for path in [&mut config.warrants, &mut config.state].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        config.agreement.iter_mut().for_each(|agreement| agreement.relative_to(folder));
        config.ingest = config.ingest.take().map(|ingest| ingest.relative_to(folder));
        for lemf in &mut config.lemf {
            lemf.tls = lemf.tls.take().map(|tls| tls.relative_to(folder));
            lemf.spool = lemf.spool.take().map(|spool| spool.relative_to(folder));
            lemf.broker = lemf.broker.take().map(|broker| broker.relative_to(folder));
        }
        Ok(config)
    }

    /// Reads the warrants file that the configuration names.
    ///
    /// # Errors
    /// As [`read_warrants`]; of a file that cannot be opened, where it is named.
    pub fn read_warrants(&self, file: &Path, lemfs: &mut Lemfs) -> Result<Vec<Warrant>, ConfigError> {
        read_warrants(file, lemfs).map_err(|error| match error {
            ConfigError::Read { file, error } => {
                let problem = format!("warrants: expected a file that can be read: {}: {error}", file.display());
                ConfigError::at(&self.lines.file, self.lines.warrants, problem)
            }
            at => at,
        })
    }

    /// What is agreed with an LEMF, its keys read.
    ///
    /// # Errors
    /// Where a key file cannot be used.
    pub fn agreement(&self, lemf: &str) -> Result<Agreement, ConfigError> {
        let agreed = self.agreement.iter().zip(&self.lines.agreements).find(|(agreement, _)| agreement.lemf == lemf);
        let Some((agreement, line)) = agreed else { return Ok(Agreement::default()) };
        let opened = agreement.open(self.profile_of(lemf));
        opened.map_err(|error| ConfigError::at(&self.lines.file, *line, error.to_string()))
    }

    /// The interfaces that this machine does not have, at the moment or at all: where each is named.
    pub fn absent_interfaces(&self) -> Vec<ConfigError> {
        let named = self.interface.iter().zip(&self.lines.interfaces);
        let absent = named.filter(|(interface, _)| !here::has_interface(&interface.interface));
        let problem = "interface.interface: this machine has no such interface now";
        absent.map(|(_, line)| ConfigError::at(&self.lines.file, *line, problem)).collect()
    }

    /// What `run` cannot do without and is not there.
    pub fn lacking(&self) -> Option<&'static str> {
        [
            (self.handover.is_some(), "[handover] is missing: expected operator_identifier in it"),
            (
                !self.interface.is_empty() || self.ingest.is_some(),
                "[[interface]] is missing: expected at least one, or [ingest]",
            ),
            (self.warrants.is_some(), "warrants is missing: expected the path of the warrants file"),
            (self.state.is_some(), "state is missing: expected the path of a folder"),
        ]
        .into_iter()
        .find_map(|(there, problem)| (!there).then_some(problem))
    }

    /// What `mediate` cannot do without and is not there.
    pub fn lacking_to_mediate(&self) -> Option<&'static str> {
        [
            (self.handover.is_some(), "[handover] is missing: expected operator_identifier in it"),
            (self.lemf.iter().any(|lemf| lemf.broker.is_some()), "[lemf.broker] is missing: expected at least one"),
        ]
        .into_iter()
        .find_map(|(there, problem)| (!there).then_some(problem))
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
        set(&mut settings.held_octets, self.intercept.held_octets);
        let compressed = self.intercept.compressed.map(|compressed| match compressed {
            Compressed::Inflated => writ_intercept::settings::Compressed::Inflated,
            Compressed::Wire => writ_intercept::settings::Compressed::AsOnTheWire,
        });
        set(&mut settings.compressed, compressed);
        settings
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("writ.toml");
        std::fs::write(&file, text).unwrap();
        Config::read_to_run(&file).map_err(|error| error.to_string().replace(&file.display().to_string(), "C"))
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
            ("", "C:1: expected settings: there are none"),
            ("# nothing\n[wire]\n", "C:1: expected settings: there are none"),
            ("[wire]\nmail_ports = []\n", "C:2: wire.mail_ports: expected at least one port"),
            ("[wire]\nhold_octets = 0\n", "C:2: wire.hold_octets: expected octets, above 0"),
            ("[wire]\nheld_octets = 0\n", "C:2: wire.held_octets: expected octets, above 0"),
            ("[intercept]\nhold_octets = 0\n", "C:2: intercept.hold_octets: expected octets, above 0"),
            (
                "[intercept]\nheld_octets = 1000\n",
                "C:2: intercept.held_octets: expected octets, no fewer than intercept.hold_octets",
            ),
            (
                "[intercept]\ndelivered_here = [\"a.example\",\n\"\"]\n",
                "C:3: intercept.delivered_here: expected a domain, such as \"example.org\"",
            ),
            ("[intercept]\ndelivered_here = [\"a@b\"]\n", "C:2: intercept.delivered_here: expected a domain"),
            ("[intercept]\ndefault_domain = \"\"\n", "C:2: intercept.default_domain: expected a domain"),
            (
                "[[intercept.server]]\naddress = \"192.0.2.1\"\ndefault_domain = \"a b\"\n",
                "C:3: intercept.server.default_domain: expected a domain",
            ),
            ("[cores]\nworkers = [0,\n99999]\n", "C:3: cores.workers: expected CPUs of this machine (0"),
            ("[cores]\ndelivery = 99999\n", "C:2: cores.delivery: expected CPUs of this machine (0"),
            (
                "[[interface]]\ninterface = \"tap0\"\n[[interface]]\nmail_ports = [25]\ninterface = \"tap0\"\n",
                "C:5: interface.interface: expected a name that no other [[interface]] has",
            ),
            ("warrants = \"\"\n[wire]\nidle_time = 1\n", "C:1: warrants: expected the path of the warrants file"),
            (
                "[wire]\nidle_time = 1\n[metrics]\nlisten = \"192.0.2.1:1\"\n",
                "C:4: metrics.listen: expected an address of",
            ),
            (
                "[wire]\nidle_time = 1\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
                "C:4: metrics.listen: expected a port above 0",
            ),
            (
                "[metrics]\nlisten = \"127.0.0.1:9\"\n[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:9\"\n",
                "C:2: metrics.listen: expected an address that is not that of a [[lemf]]",
            ),
            (
                "[metrics]\nlisten = \"0.0.0.0:9\"\n[[lemf]]\nname = \"a\"\nhi2 = \"h:9\"\nhi3 = \"127.0.0.1:9\"\n",
                "C:2: metrics.listen: expected an address that is not that of a [[lemf]]",
            ),
            ("[ingest]\nlisten = \"127.0.0.1:9\"\n", "C:1: ingest: client_ca is missing"),
            (
                "[ingest]\nlisten = \"127.0.0.1:0\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:2: ingest.listen: expected a port above 0",
            ),
            (
                "[ingest]\nlisten = \"192.0.2.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:2: ingest.listen: expected an address of this machine",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:3: ingest.client_ca: expected the path of a file",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"nosuch\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:3: ingest.client_ca: expected a file of certificates that can be read: ",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\nidle_time = 0\n",
                "C:6: ingest.idle_time: expected seconds, 1 to 86400",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\nmax_body = 1\n",
                "C:6: ingest.max_body: expected octets, 65536 to 67108864",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\n\
                 handshakes_per_address = 0\n",
                "C:6: ingest.handshakes_per_address: expected a number, 1 to 4096",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\n\
                 no_own_access_to = [\"x\"]\n",
                "C:6: ingest.no_own_access_to: expected names of [[lemf]]",
            ),
            (
                "[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\n\
                 original_message_to = [\"nobody\"]\n",
                "C:6: ingest.original_message_to: expected names of [[lemf]]",
            ),
            (
                "[metrics]\nlisten = \"127.0.0.1:9\"\n[ingest]\nlisten = \"127.0.0.1:9\"\nclient_ca = \"c\"\n\
                 certificate = \"c\"\nkey = \"k\"\n",
                "C:4: ingest.listen: expected an address that is not that of [metrics]",
            ),
            ("\nstate = \"\"\n", "C:2: state: expected the path of a folder"),
            ("\nstate = \"writ.toml\"\n", "C:2: state: expected the path of a folder ("),
            ("\nstate = \"writ.toml/x\"\n", "C:2: state: expected the path of a folder ("),
            ("\nstate = \"/proc/x\"\n", "C:2: state: expected the path of a folder ("),
            ("\nstate = \"/proc\"\n", "C:2: state: expected the path of a folder ("),
            ("[[interface]]\ninterface = \"../x\"\n", "C:2: interface.interface: expected the name of an interface"),
            (
                "[[interface]]\ninterface = \"abcdefghijklmnop\"\n",
                "C:2: interface.interface: expected the name of an interface",
            ),
            (
                "[[interface]]\ninterface = \"tap0\"\nmail_ports = [25, 0]\n",
                "C:3: interface.mail_ports: expected at least one port, none of them 0",
            ),
            (
                "[[interface]]\ninterface = \"tap0\"\nmail_ports = [143]\n[wire]\nmail_ports = [25]\n",
                "C:5: wire.mail_ports: expected at least one of the mail_ports of each [[interface]]",
            ),
            (
                "[wire]\nheld_octets = 10\nhold_octets = 20\n",
                "C:2: wire.held_octets: expected octets, no fewer than wire.hold_octets",
            ),
            (
                "[wire]\nhold_octets = 9000000000\n",
                "C:2: wire.hold_octets: expected octets, no more than wire.held_octets",
            ),
            (
                "[[interface]]\ninterface = \"tap0\"\nmail_ports = []\n",
                "C:3: interface.mail_ports: expected at least one port",
            ),
            ("[[interface]]\ninterface = \"lo\"\n", "C:2: interface.interface: expected "),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[[lemf]]\naddress = \"h:1\"\nname = \"a\"\n",
                "C:6: lemf.a: expected a name that no other [[lemf]] has",
            ),
            ("lemf = [{ name = \"a.b\", address = \"h:1\", \nretry = 0 }]\n", "C:2: lemf.a.b.retry: expected seconds"),
            ("[[lemf]]\naddress = \"h:1\"\nname = \"\"\n", "C:3: lemf.name: expected a name"),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.tls]\nca = \"\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:5: lemf.a.tls.ca: expected the path of a file",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.tls]\nca = \"nosuch.pem\"\ncertificate = \"c\"\nkey = \"k\"\n",
                "C:5: lemf.a.tls.ca: expected a file of certificates that can be read: ",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\ntls = { ca = \"c\", certificate = \"c\", key = \"k\",\nserver_name = \"a b\" }\n",
                "C:5: lemf.a.tls.server_name: expected the name or the IP address",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\ntls = { ca = \"c\", key = \"k\" }\n",
                "C:4: lemf.tls: certificate is missing",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.spool]\nfolder = \"s\"\nkey = \"nosuch\"\n",
                "C:6: lemf.a.spool.key: expected a key file that can be read: ",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.spool]\nkey = \"k\"\nfolder = \"/proc/x\"\n",
                "C:6: lemf.a.spool.folder: expected the path of a folder (",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.spool]\nfolder = \"s\"\nkey = \"k\"\niri = 5\n",
                "C:7: lemf.a.spool.iri: expected octets, 1048576 to",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.broker]\nservers = [\"h\"]\nkey = \"k\"\n",
                "C:5: lemf.a.broker.servers: expected at least one HOST:PORT",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.broker]\nservers = [\"h:1\"]\nkey = \"k\"\nlease = 0.1\n",
                "C:7: lemf.a.broker.lease: expected seconds, 1 to 600",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.broker]\nservers = [\"h:1\"]\nprefix = \"a.b\"\nkey = \"k\"\n",
                "C:6: lemf.a.broker.prefix: expected 1 to 32 letters",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.broker]\nservers = [\"h:1\"]\nkey = \"nosuch\"\n",
                "C:6: lemf.a.broker.key: expected a key file that can be read: ",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nspool = { folder = \"s\", key = \"k\" }\n[lemf.broker]\nservers = [\"h:1\"]\nkey = \"k\"\n",
                "C:5: lemf.a.broker: expected no [lemf.spool] beside it",
            ),
            (
                "[handover]\noperator_identifier = \"O\"\n[[lemf]]\nname = \"a\"\naddress = \"h:1\"\n[lemf.broker]\nservers = [\"h:1\"]\nkey = \"k\"\n",
                "C:1: handover.network_element_identifier: expected 1 to 16 octets that no other appliance has",
            ),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"h:1\"\nprofile = \"v3.3.1\"\n[lemf.acknowledgement]\npdus = 5\n",
                "C:5: lemf.a.acknowledgement: expected profile \"current\": \"v3.3.1\" has no acknowledgement of PDUs",
            ),
            ("[wire]\nmax_flows = -1\n", "C:2: wire.max_flows: expected a whole number, 0 or more"),
            (
                "[wire]\nmax_flows = 99999999999999999999999\n",
                "C:2: wire.max_flows: expected a whole number, 0 or more",
            ),
            ("[wire]\nmail_ports = [25, 70000]\n", "C:2: wire.mail_ports: expected a whole number from 0 to 65535"),
            ("[wire]\nmail_ports = \"x\"\n", "C:2: wire.mail_ports: expected a list"),
            ("[wire]\nvlan_in_key = 1\n", "C:2: wire.vlan_in_key: expected true or false"),
            ("wire = 3\n", "C:1: wire: expected a table"),
            ("[handover]\n", "C:1: handover: operator_identifier is missing"),
            (
                "[handover]\noperator_identifier = \"O\"\nsequence_numbers = \"x\"\n",
                "C:3: handover.sequence_numbers: expected `per-cin` or `per-liid`",
            ),
            ("[[lemf]]\nname = \"a\"\nretry = \"x\"\n", "C:3: lemf.retry: expected seconds, as a number"),
            ("[metrics]\nlisten = \"here\"\n", "C:2: metrics.listen: expected ADDRESS:PORT"),
            ("[[interface]]\ninterface = \"t\"\nqueues = [-1]\n", "C:3: interface.queues: expected \"all\" or a list"),
            ("[wire]\nx = [\n", "C:2: expected "),
            ("warants = \"x\"\n", "C:1: unknown field"),
            ("[handover]\noperator_identifier = \"\"\n", "C:2: handover.operator_identifier: expected 1 to 16 octets"),
            (
                "[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[lemf]]\nname = \"b\"\naddress = \"nowhere\"\n",
                "C:6: lemf.b.address: expected HOST:PORT",
            ),
            ("\n[[lemf]]\nname = \"a\"\n", "C:2: lemf.a.address: expected an address"),
            ("\n[wire]\n\nidle_time = 0\n", "C:4: wire.idle_time: expected seconds"),
            ("[[interface]]\ninterface = \"eth7\"\nframe_count = 3\n", "C:"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{error} for {text}");
            assert!(!["99999", "70000", "here\"", "a@b"].iter().any(|value| error.contains(value)), "{error}");
        }
    }
}
