//! What can be read and cannot be used.

use std::collections::HashSet;

use writ_capture::afxdp::AfxdpError;
use writ_handover::settings::{SettingsError, validate_lemfs};

use super::place::Step;
use super::{Config, cpus};

/// Where, and what was expected there.
pub(super) type Wrong = (Vec<Step>, String);

/// The most octets of a domain (RFC 1035 §2.3.4).
const DOMAIN: usize = 255;

impl Config {
    pub(super) fn validate(&self) -> Result<(), Wrong> {
        if let Some(handover) = &self.handover {
            handover.validate().map_err(|error| self.of_handover(&error))?;
        }
        validate_lemfs(&self.lemf).map_err(|error| self.of_handover(&error))?;
        self.interfaces()?;
        self.wire()?;
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
            if !names.insert(interface.interface.as_str()) {
                let place = vec!["interface".into(), at.into(), "interface".into()];
                return Err((place, "interface.interface: expected a name that no other [[interface]] has".to_owned()));
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
        check(wire.held_octets != Some(0), "wire", "held_octets", "octets, above 0")
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
        check(intercept.hold_octets != Some(0), "intercept", "hold_octets", "octets, above 0")
    }

    /// The cores that threads are to be pinned to are those of this machine.
    pub(super) fn validate_cores(&self) -> Result<(), Wrong> {
        let Some(cpus) = cpus::present() else { return Ok(()) };
        let there = |core: &usize| cpus.ranges.iter().any(|range| range.contains(core));
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

fn check(good: bool, table: &str, key: &str, expected: &str) -> Result<(), Wrong> {
    if good { Ok(()) } else { Err((vec![table.into(), key.into()], format!("{table}.{key}: expected {expected}"))) }
}

/// Whether it can be the part of an address after the `@`: labels, of whatever script, or an address literal.
fn is_domain(text: &str) -> bool {
    let domain = text.strip_suffix('.').unwrap_or(text);
    let good = |character: char| !character.is_whitespace() && !character.is_control() && !"@<>\"".contains(character);
    domain.len() <= DOMAIN && domain.chars().all(good) && domain.split('.').all(|label| !label.is_empty())
}
