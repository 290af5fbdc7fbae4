//! What can be read and cannot be used.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;

use writ_capture::afxdp::AfxdpError;
use writ_handover::settings::{SettingsError, validate_lemfs};
use writ_intercept::address::is_domain;

use super::place::Step;
use super::{Config, cpus, here};

/// Where, and what was expected there.
pub(super) type Wrong = (Vec<Step>, String);

/// The most octets of an interface's name: the kernel's IFNAMSIZ, less the NUL.
const LONGEST_INTERFACE: usize = 15;

impl Config {
    pub(super) fn validate(&self) -> Result<(), Wrong> {
        if let Some(handover) = &self.handover {
            handover.validate().map_err(|error| self.of_handover(&error))?;
        }
        validate_lemfs(&self.lemf).map_err(|error| self.of_handover(&error))?;
        if let Some(handover) = self.handover.as_ref().filter(|_| self.lemf.iter().any(|lemf| lemf.broker.is_some())) {
            handover.appliance().map_err(|error| self.of_handover(&error))?;
        }
        self.agreements()?;
        let named = self.warrants.as_ref().is_none_or(|file| !file.as_os_str().is_empty());
        let expected = "warrants: expected the path of the warrants file";
        if !named {
            return Err((vec!["warrants".into()], expected.to_owned()));
        }
        self.interfaces()?;
        self.wire()?;
        self.metrics()?;
        self.ingest()?;
        self.intercept()
    }

    fn interfaces(&self) -> Result<(), Wrong> {
        let mut names = HashSet::new();
        for (at, interface) in self.interface.iter().enumerate() {
            interface.check().map_err(|error| match error {
                AfxdpError::Setting { setting, expected } => (
                    vec!["interface".into(), at.into(), setting.into()],
                    format!("interface.{setting}: expected {expected}"),
                ),
                other => (vec!["interface".into(), at.into()], other.to_string()),
            })?;
            let place = |key: &str| vec!["interface".into(), at.into(), key.into()];
            if !is_interface(&interface.interface) {
                let expected = "interface.interface: expected the name of an interface, 1 to 15 octets without / or :";
                return Err((place("interface"), expected.to_owned()));
            }
            if interface.mail_ports.contains(&0) {
                let expected = "interface.mail_ports: expected at least one port, none of them 0";
                return Err((place("mail_ports"), expected.to_owned()));
            }
            if !names.insert(interface.interface.as_str()) {
                let expected = "interface.interface: expected a name that no other [[interface]] has";
                return Err((place("interface"), expected.to_owned()));
            }
        }
        Ok(())
    }

    fn wire(&self) -> Result<(), Wrong> {
        let wire = &self.wire;
        let ports_good = wire.mail_ports.as_ref().is_none_or(|ports| !ports.is_empty() && !ports.contains(&0));
        check(ports_good, "wire", "mail_ports", "at least one port, none of them 0")?;
        check(wire.idle_time != Some(0), "wire", "idle_time", "seconds, above 0")?;
        check(wire.hold_time != Some(0), "wire", "hold_time", "seconds, above 0")?;
        check(wire.max_flows != Some(0), "wire", "max_flows", "at least 1")?;
        check(wire.hold_octets != Some(0), "wire", "hold_octets", "octets, above 0")?;
        check(wire.held_octets != Some(0), "wire", "held_octets", "octets, above 0")?;
        let (settings, of_all) = (self.wire_settings(), wire.held_octets.is_some());
        let (key, expected) =
            if of_all { ("held_octets", "octets, no fewer than") } else { ("hold_octets", "octets, no more than") };
        let expected = format!("{expected} wire.{}", if of_all { "hold_octets" } else { "held_octets" });
        check(settings.held_octets >= settings.hold_octets, "wire", key, &expected)?;
        // Of such an interface, everything would be captured and nothing followed.
        let is_followed = |port: &u16| settings.server_ports.contains(*port);
        let all_followed = self.interface.iter().all(|interface| interface.mail_ports.iter().any(is_followed));
        check(all_followed, "wire", "mail_ports", "at least one of the mail_ports of each [[interface]]")
    }

    fn metrics(&self) -> Result<(), Wrong> {
        let Some(listen) = self.metrics.as_ref().map(|metrics| metrics.listen) else { return Ok(()) };
        // The kernel would choose one, and nobody could tell Prometheus which.
        check(listen.port() != 0, "metrics", "listen", "a port above 0")?;
        let is_it = |address: &str| {
            address.parse::<SocketAddr>().is_ok_and(|lemf| {
                let here = lemf.ip() == listen.ip() || listen.ip().is_unspecified() && lemf.ip().is_loopback();
                here && lemf.port() == listen.port()
            })
        };
        let is_free = !self.lemf.iter().any(|lemf| is_it(lemf.hi2_address()) || is_it(lemf.hi3_address()));
        check(is_free, "metrics", "listen", "an address that is not that of a [[lemf]]")
    }

    fn intercept(&self) -> Result<(), Wrong> {
        let intercept = &self.intercept;
        let domain = "a domain, such as \"example.org\"";
        for (at, name) in intercept.delivered_here.iter().enumerate() {
            if !is_domain(name) {
                let place = vec!["intercept".into(), "delivered_here".into(), at.into()];
                return Err((place, format!("intercept.delivered_here: expected {domain}, in each place")));
            }
        }
        let default_good = intercept.default_domain.as_deref().is_none_or(is_domain);
        check(default_good, "intercept", "default_domain", domain)?;
        for (at, server) in intercept.server.iter().enumerate() {
            if !is_domain(&server.default_domain) {
                let place = vec!["intercept".into(), "server".into(), at.into(), "default_domain".into()];
                return Err((place, format!("intercept.server.default_domain: expected {domain}")));
            }
        }
        check(intercept.hold_octets != Some(0), "intercept", "hold_octets", "octets, above 0")?;
        let settings = self.intercept_settings();
        let room = settings.held_octets >= settings.hold_octets;
        check(room, "intercept", "held_octets", "octets, no fewer than intercept.hold_octets")
    }

    /// What a configuration says of the machine that it is used on, and is not so here.
    pub(super) fn validate_here(&self, folder: &Path) -> Result<(), Wrong> {
        self.cores()?;
        self.agreements_here(folder)?;
        self.ingest_here(folder)?;
        if let Some(state) = &self.state {
            let expected =
                |reason: &str| (vec!["state".into()], format!("state: expected the path of a folder{reason}"));
            if state.as_os_str().is_empty() {
                return Err(expected(""));
            }
            here::can_be_a_folder(&folder.join(state)).map_err(|error| expected(&format!(" ({error})")))?;
        }
        for (at, lemf) in self.lemf.iter().enumerate() {
            let Some(tls) = &lemf.tls else { continue };
            writ_handover::tls::check(&tls.clone().relative_to(folder)).map_err(|error| {
                let place = vec!["lemf".into(), at.into(), "tls".into(), error.setting.into()];
                (place, format!("lemf.{}.tls.{error}", lemf.name))
            })?;
        }
        for (at, lemf) in self.lemf.iter().enumerate() {
            let Some(spool) = lemf.spool.clone().map(|spool| spool.relative_to(folder)) else { continue };
            let wrong = |key: &str, problem: String| {
                let place = vec!["lemf".into(), at.into(), "spool".into(), key.into()];
                (place, format!("lemf.{}.spool.{key}: {problem}", lemf.name))
            };
            here::can_be_a_folder(&spool.folder)
                .map_err(|error| wrong("folder", format!("expected the path of a folder ({error})")))?;
            writ_handover::spool::check(&spool)
                .map_err(|error| wrong("key", format!("{error}: {}", spool.key.display())))?;
        }
        for (at, lemf) in self.lemf.iter().enumerate() {
            let Some(broker) = lemf.broker.clone().map(|broker| broker.relative_to(folder)) else { continue };
            writ_handover::broker::check(&broker).map_err(|(key, problem)| {
                let place = vec!["lemf".into(), at.into(), "broker".into(), key.into()];
                (place, format!("lemf.{}.broker.{key}: {problem}", lemf.name))
            })?;
        }
        if let Some(metrics) = &self.metrics {
            check(here::is_local(metrics.listen.ip()), "metrics", "listen", "an address of this machine")?;
        }
        Ok(())
    }

    /// The cores that threads are to be pinned to are those of this machine.
    fn cores(&self) -> Result<(), Wrong> {
        let Some(cpus) = cpus::present() else { return Ok(()) };
        let there = |core: &usize| cpus.has(*core);
        let expected = |key: &str| format!("cores.{key}: expected CPUs of this machine ({})", cpus.text);
        if let Some(at) = self.cores.workers.iter().position(|core| !there(core)) {
            return Err((vec!["cores".into(), "workers".into(), at.into()], expected("workers")));
        }
        match &self.cores.delivery {
            Some(core) if !there(core) => Err((vec!["cores".into(), "delivery".into()], expected("delivery"))),
            _ => Ok(()),
        }
    }

    /// An error about `[handover]` or a `[[lemf]]`, whose settings it names as `lemf.NAME.keep_alive.time1`.
    fn of_handover(&self, error: &SettingsError) -> Wrong {
        let place = match error {
            SettingsError::Invalid { setting, .. } => match setting.strip_prefix("lemf.") {
                None => setting.split('.').map(Step::from).collect(),
                Some(rest) => {
                    let of = |name: &str| rest.strip_prefix(name).and_then(|keys| keys.strip_prefix('.'));
                    let found = self.lemf.iter().enumerate().find_map(|(at, lemf)| Some((at, of(&lemf.name)?)));
                    // A name that is wrong itself is not named.
                    let unnamed = self.lemf.iter().position(|lemf| lemf.validate().is_err()).unwrap_or_default();
                    let (at, keys) = found.unwrap_or((unnamed, rest));
                    ["lemf".into(), at.into()].into_iter().chain(keys.split('.').map(Step::from)).collect()
                }
            },
            SettingsError::DuplicateLemf { name } => {
                let at = self.lemf.iter().rposition(|lemf| lemf.name == *name).unwrap_or_default();
                vec!["lemf".into(), at.into(), "name".into()]
            }
        };
        (place, error.to_string())
    }
}

/// Whether the kernel would take it for the name of an interface (`dev_valid_name`).
fn is_interface(name: &str) -> bool {
    let good = |octet: u8| !octet.is_ascii_whitespace() && octet != b'/' && octet != b':' && octet != 0;
    (1..=LONGEST_INTERFACE).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(good)
}

fn check(good: bool, table: &str, key: &str, expected: &str) -> Result<(), Wrong> {
    if good { Ok(()) } else { Err((vec![table.into(), key.into()], format!("{table}.{key}: expected {expected}"))) }
}
